//! Adds the actions of a shop and its guests to the test app: put on sale, move, pay, expire.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use holdfast::domain::time::Clock;
use holdfast::sandbox::{PaymentOutcome, signature_header};
use reqwest::Method;
use serde_json::{Value, json};

use super::app::{ApiResponse, Client, TestApp, WEBHOOK_SECRET, order_by};
use super::catalogue_fixtures;
use super::database_lock::Lock;
use super::wait_for::eventually;

/// Counts the service's connections that wait for a row lock.
pub(crate) const COUNT_LOCK_WAITERS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'holdfast' AND wait_event_type = 'Lock'";

/// Returns the instant this many minutes after another.
pub(crate) fn after(start: &str, minutes: i64) -> String {
    let at = start.parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minutes);
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Builds the body of a checkout by the n-th guest, with more members.
pub(crate) fn guest_checkout_body(n: usize, event_type: &str, starts_at: &str, more: &Value) -> Value {
    let mut body = order_by(&format!("guest-{n}@example.com"), event_type, starts_at);
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

impl TestApp {
    /// Puts an event type on sale with these members; its price is 50 EUR unless they set another.
    pub(crate) async fn sell(&self, id: &str, members: &Value) {
        let answer = catalogue_fixtures::put_event_type(self, id, members.clone()).await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// Sets the capacity of a resource.
    pub(crate) async fn set_resource_capacity(&self, resource: &str, capacity: u32) {
        catalogue_fixtures::put_resource(self, resource, capacity).await;
    }

    /// Makes the guest pay, and delivers Stripe's events.
    pub(crate) async fn confirm(&self, hold: &ApiResponse) {
        self.pay(hold, PaymentOutcome::Paid);
        self.deliver_all().await;
        assert_eq!(self.state_of(hold).await, "confirmed");
    }

    /// Places a hold on this event type and start, and pays it.
    pub(crate) async fn sold(&self, event_type: &str, starts_at: &str) -> ApiResponse {
        let hold = self.hold_slot(event_type, starts_at).await;
        self.confirm(&hold).await;
        hold
    }

    /// Delivers a false event that the session expired unpaid: the slot is free, and the guest can still pay.
    pub(crate) async fn expire_by_false_event(&self, hold: &ApiResponse) {
        let session = hold.text("checkout_session");
        let body = json!({"id": format!("evt_false_{session}"), "object": "event", "livemode": false,
            "type": "checkout.session.expired", "data": {"object": {"id": session, "object": "checkout.session"}}})
        .to_string();
        let signature = signature_header(WEBHOOK_SECRET, self.clock.now().timestamp(), &body);
        let taken = self.webhook(Some(&signature), body).await.expect(200);
        assert_eq!(taken.text("outcome"), "applied");
    }

    /// Places so many holds at the same moment: each takes its windows, and none can commit before all have. For a race
    /// with losers, or with two winners if the guard is missing. PostgreSQL only.
    pub(crate) async fn place_concurrently<T>(&self, holds: i64, race: impl Future<Output = T>) -> T {
        let placing = Lock::on_placing(&self.database, "%").await;
        let all_there = async {
            eventually("all guests have taken their windows", async || {
                (self.database.count(COUNT_LOCK_WAITERS).await == holds).then_some(())
            })
            .await;
            placing.release_lock().await;
        };
        tokio::join!(race, all_there).0
    }

    /// Counts the units of resources that a hold keeps.
    pub(crate) async fn units_of(&self, hold: &ApiResponse) -> i64 {
        let id = hold.text("id");
        self.database
            .count(&format!("SELECT count(*) FROM occupancy WHERE hold_id = '{id}'"))
            .await
    }
}

impl Client {
    /// Moves a hold as its guest.
    pub(crate) async fn move_to(&self, hold: &ApiResponse, starts_at: &str) -> ApiResponse {
        let path = format!("/v1/holds/{}/move", hold.text("id"));
        let request = self.request(Method::POST, &path).bearer_auth(hold.text("token"));
        self.send(request.json(&json!({"starts_at": starts_at}))).await
    }

    /// Moves a hold as the operator.
    pub(crate) async fn move_as_operator(&self, hold: &ApiResponse, to: Value) -> ApiResponse {
        let path = format!("/v1/holds/{}/move", hold.text("id"));
        self.admin(Method::POST, &path, Some(to)).await
    }
}
