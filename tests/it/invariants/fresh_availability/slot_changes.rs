//! Makes each change of the table: as a shop, its guest, its operator, Stripe, or a calendar does.

use chrono::Duration;
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::read_feeds;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Before, SlotChange};
use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::catalogue_fixtures::{block, put_event_type, put_resource, set_feed, unblock};
use crate::support::feed_server::{Feed, busy};

const SLOT: &str = "2026-12-01T10:00:00Z";
const NEXT: &str = "2026-12-01T10:30:00Z";
const LAST: &str = "2026-12-01T11:00:00Z";

/// One row of the table, with its own event type and resource.
pub(super) struct Case<'a> {
    app: &'a TestApp,
    resource: String,
    pub(super) event_type: String,
    pub(super) hold: Option<ApiResponse>,
    feed: Option<Feed>,
}

impl<'a> Case<'a> {
    /// Offers a visit with one resource, of whose units all but one are sold in each of three slots.
    pub(super) async fn start(app: &'a TestApp, number: usize, capacity: u32) -> Self {
        let case = Self {
            app,
            resource: format!("ana-{number}"),
            event_type: format!("visit-{number}"),
            hold: None,
            feed: None,
        };
        put_resource(app, &case.resource, capacity).await;
        let answer = put_event_type(app, &case.event_type, visit(&case.resource, 30, "11:30")).await;
        answer.expect(201);
        if capacity > 1 {
            for start in [SLOT, NEXT, LAST] {
                let mut order = order_by("class@example.com", &case.event_type, start);
                order["quantity"] = (capacity - 1).into();
                let hold = app.checkout(&order).await.expect(201);
                app.pay(&hold, PaymentOutcome::Paid);
            }
            app.deliver_all().await;
        }
        case
    }

    pub(super) async fn prepare(&mut self, before: Before) {
        match before {
            Before::Nothing => {}
            Before::Held => self.check_out().await,
            Before::Processing => self.check_out_and(PaymentOutcome::Processing).await,
            Before::Confirmed => self.check_out_and(PaymentOutcome::Paid).await,
            Before::Lapsed => {
                self.check_out().await;
                self.app.expire_by_false_event(self.hold()).await;
            }
            Before::Blocked => self.block().await,
            Before::Fed => self.feed().await,
        }
    }

    pub(super) async fn check_out(&mut self) {
        let guest = format!("{}@example.com", self.event_type);
        let order = order_by(&guest, &self.event_type, SLOT);
        self.hold = Some(self.app.checkout(&order).await.expect(201));
    }

    /// Holds the slot and lets the guest do this on the payment page.
    async fn check_out_and(&mut self, outcome: PaymentOutcome) {
        self.check_out().await;
        self.deliver_outcome(outcome).await;
    }

    async fn deliver_outcome(&self, outcome: PaymentOutcome) {
        self.app.pay(self.hold(), outcome);
        self.app.deliver_all().await;
    }

    fn hold(&self) -> &ApiResponse {
        self.hold.as_ref().unwrap()
    }

    async fn block(&self) {
        block(self.app, &self.resource, "dentist", SLOT, NEXT)
            .await
            .expect(201);
    }

    async fn feed(&mut self) {
        let feed = Feed::of(busy("20261201T100000Z", "20261201T103000Z")).await;
        set_feed(self.app, &self.resource, Some(&feed.url))
            .await
            .expect(200);
        assert!(read_feeds::read_due_feeds(&self.app.context).await.unwrap() > 0);
        self.feed = Some(feed);
    }

    async fn operator(&self, what: &str, body: Option<Value>) {
        let path = format!("/v1/admin/holds/{}/{what}", self.hold().text("id"));
        self.app.admin(Method::POST, &path, body).await.expect(200);
    }

    /// Makes the change at the app's own instance.
    pub(super) async fn apply_change(&mut self, change: SlotChange) {
        let app = self.app;
        let stripe = &app.simulator;
        match change {
            SlotChange::Checkout => self.check_out().await,
            SlotChange::GuestCancel => drop(app.cancel(self.hold()).await.expect(200)),
            SlotChange::Paid | SlotChange::PaidLate => self.deliver_outcome(PaymentOutcome::Paid).await,
            SlotChange::PaymentFailed => self.deliver_outcome(PaymentOutcome::ProcessingFailed).await,
            SlotChange::SessionExpired => {
                stripe.expire(self.hold().text("checkout_session")).unwrap();
                app.deliver_all().await;
            }
            SlotChange::Sweep => {
                app.clock.advance(Duration::minutes(31));
                assert_eq!(app.sweep().await["released"], 1);
            }
            SlotChange::OperatorRelease => self.operator("release", None).await,
            SlotChange::OperatorCancel => self.operator("cancel", Some(json!({"refund": "full"}))).await,
            SlotChange::RefundFromOutside => {
                let session = stripe.session(self.hold().text("checkout_session")).unwrap();
                stripe
                    .refund_from_dashboard(&session.payment_intent.unwrap(), None)
                    .unwrap();
                app.deliver_all().await;
            }
            SlotChange::GuestMoves => drop(app.move_to(self.hold(), LAST).await.expect(200)),
            SlotChange::OperatorMoves => {
                let path = format!("/v1/holds/{}/move", self.hold().text("id"));
                app.admin(Method::POST, &path, Some(json!({"starts_at": LAST})))
                    .await
                    .expect(200);
            }
            SlotChange::BlockPut => self.block().await,
            SlotChange::BlockDelete => drop(unblock(app, &self.resource, "dentist").await.expect(204)),
            SlotChange::FeedRead => self.feed().await,
            SlotChange::FeedEnded => drop(set_feed(app, &self.resource, None).await.expect(200)),
        }
    }
}

/// Returns a visit from 10:00 to `until` every half hour, which guests may cancel and move until an hour before.
pub(super) fn visit(resource: &str, minutes: u32, until: &str) -> Value {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    json!({"resource": resource, "duration_minutes": minutes,
        "schedule": {"timezone": "UTC", "step_minutes": 30, "weekly": [{"days": days, "from": "10:00", "to": until}]},
        "guest_cancel_until_minutes": 60, "guest_move_until_minutes": 60})
}
