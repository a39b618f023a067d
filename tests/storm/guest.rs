//! A guest: competes for slots, pays or does not, and records the responses of the service.
//!
//! The responses are evidence that the database cannot change: a guest who once read `confirmed` must have the slot at
//! the end, or a refund.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use holdfast::sandbox::{PaymentOutcome, Simulator};
use rand::Rng;
use rand::rngs::StdRng;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fault_injection::pause;
use crate::observations::Observations;
use crate::processes::{ProcessAddress, Processes};
use crate::shop::{CLASS_PLACES, Offer, SlotRequest, random_offer, random_start};
use crate::support::client::{ADMIN_KEY, ApiResponse, Client};
use crate::support::database::{Engine, TestDatabase};
use crate::support::database_lock::Lock;
use crate::support::wait_for::eventually;

/// The timeout of a guest, who then closes the connection while the request still runs.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How often a guest sends a request that fails.
const MOST_ATTEMPTS: usize = 4;

/// The numbers of the guests who leave their holds at the end: no other guest has them.
pub(crate) const LEAVING_GUESTS: Range<u64> = 100..104;
/// The numbers of the guest who buys all places of a class but one at the end, and of those who race for that one.
pub(crate) const LAST_RACING_GUESTS: Range<u64> = 109..118;
/// The e-mail addresses of those who race, as a pattern.
const LAST_RACING_EMAILS: &str = "guest-11_@example.com";

/// The e-mail address of the guest with this number.
pub(crate) fn guest_email(number: u64) -> String {
    format!("guest-{number}@example.com")
}

/// One guest of an episode, with its own random numbers.
pub(crate) struct Guest {
    pub(crate) number: u64,
    pub(crate) processes: Arc<Processes>,
    pub(crate) simulator: Simulator,
    pub(crate) observations: Arc<Observations>,
    pub(crate) rng: StdRng,
    /// The first start that is for sale.
    pub(crate) first_start: DateTime<Utc>,
    /// How long a hold waits for its payment, in milliseconds: guests pay around that time.
    pub(crate) ttl_ms: u64,
    /// Receives what all waiting guests request at once; a guest without it requests at random times.
    pub(crate) rush: Option<watch::Receiver<Option<SlotRequest>>>,
    /// Cancelled when guests must start nothing new.
    pub(crate) shop_closes: CancellationToken,
}

impl Guest {
    /// Makes one slot request after the other until the shop closes.
    pub(crate) async fn run(mut self) {
        for number in 0.. {
            let request = self.next_request().await;
            if self.shop_closes.is_cancelled() {
                return;
            }
            if let Some(hold) = self.request_slot(number, request).await {
                self.use_hold(&hold).await;
            }
        }
    }

    /// Gets a hold, tries a card that is declined, whose events Stripe repeats, and leaves.
    pub(crate) async fn leave_hold(mut self) {
        let request = self.random_request();
        if let Some(hold) = self.request_slot(0, request).await {
            drop(
                self.simulator
                    .pay(hold.text("checkout_session"), PaymentOutcome::Declined),
            );
            self.repeat_last_events().await;
        }
    }

    /// Gets a hold and pays at once: a slot that is sold twice then stays sold twice until the checks read it.
    pub(crate) async fn buy(mut self, request: SlotRequest) {
        if let Some(hold) = self.request_slot(0, request).await {
            // On a busy machine the session may be over already.
            drop(
                self.simulator
                    .pay(hold.text("checkout_session"), PaymentOutcome::Paid),
            );
        }
    }

    fn random_request(&mut self) -> SlotRequest {
        SlotRequest {
            start: random_start(self.first_start, &mut self.rng),
            offer: None,
            quantity: None,
        }
    }

    /// Waits for the next request.
    async fn next_request(&mut self) -> SlotRequest {
        let random = self.random_request();
        let Some(rush) = &mut self.rush else {
            pause(&mut self.rng, 150).await;
            return random;
        };
        let closes = self.shop_closes.cancelled();
        tokio::select! {
            () = closes => random,
            // An error: the fault injection has ended, and no race is started any more.
            signal = rush.changed() => signal.ok().and_then(|()| *rush.borrow_and_update()).unwrap_or(random),
        }
    }

    fn random_process(&mut self) -> (ProcessAddress, Client) {
        let index = self.rng.random_range(0..self.processes.size());
        (self.processes.address(index), self.processes.client(index))
    }

    /// Sends a request; `None` if no response arrives in time. Records responses that are not allowed.
    async fn send(
        &self,
        process: ProcessAddress,
        client: &Client,
        request: RequestBuilder,
    ) -> Option<ApiResponse> {
        let answer = client.try_send(request.timeout(REQUEST_TIMEOUT)).await.ok()?;
        let code = answer.body["code"].as_str().unwrap_or_default();
        let known = match (answer.status.as_u16(), code) {
            (200 | 201, _) => true,
            (409, "slot_taken" | "already_paid" | "not_movable" | "idempotency_in_progress") => true,
            (503, "stripe_unavailable" | "store_unavailable") => answer.headers.contains_key("retry-after"),
            _ => false,
        };
        if !known {
            let ahead = process.ahead;
            self.observations.add_unexpected(format!(
                "a guest received, from a clock {ahead} s ahead, {answer:?}"
            ));
        }
        Some(answer)
    }

    async fn request_slot(&mut self, number: u64, request: SlotRequest) -> Option<ApiResponse> {
        let offer = request.offer.unwrap_or_else(|| random_offer(&mut self.rng));
        let quantity = request
            .quantity
            .unwrap_or_else(|| offer.random_quantity(&mut self.rng));
        let mut body = json!({"event_type": offer.id, "starts_at": request.start, "quantity": quantity,
            "guest": {"email": guest_email(self.number)}});
        if let Some(resource) = offer.random_resource(&mut self.rng) {
            body["resource"] = resource.into();
        }
        let key = format!("guest-{}-request-{number}", self.number);
        let key = self.rng.random_bool(0.6).then_some(key.as_str());
        for _ in 0..MOST_ATTEMPTS {
            if self.shop_closes.is_cancelled() {
                return None;
            }
            let answer = self.check_out(&body, key).await;
            match answer.as_ref().map(|answer| answer.status.as_u16()) {
                Some(200 | 201) => {
                    let hold = answer?;
                    self.observations.record_hold(offer, &body, &hold);
                    self.repeat_request(offer, &body, key, &hold).await;
                    return Some(hold);
                }
                Some(409) if answer.is_some_and(|answer| answer.text("code") == "slot_taken") => {
                    *self.observations.refused.lock().unwrap() += 1;
                    return None;
                }
                _ => pause(&mut self.rng, 200).await,
            }
        }
        None
    }

    async fn check_out(&mut self, body: &Value, key: Option<&str>) -> Option<ApiResponse> {
        let (process, client) = self.random_process();
        // Each guest has an address of its own, which a trusted proxy names.
        let address = format!("198.51.100.{}", self.number);
        let request = client.request(Method::POST, "/v1/holds").json(body);
        let mut request = request.header("X-Forwarded-For", address);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(process, &client, request).await
    }

    /// Repeats the request as a reloaded page does: the same key gets the same hold while it is live.
    async fn repeat_request(
        &mut self,
        offer: &'static Offer,
        body: &Value,
        key: Option<&str>,
        hold: &ApiResponse,
    ) {
        if key.is_none() || self.rng.random_bool(0.7) {
            return;
        }
        let Some(again) = self.check_out(body, key).await else {
            return;
        };
        let same = ["id", "token", "checkout_session"]
            .iter()
            .all(|member| again.body[member] == hold.body[member]);
        match again.status.as_u16() {
            200 if !same => self
                .observations
                .add_unexpected(format!("one key, two holds: {hold:?} {again:?}")),
            200 | 201 => self.observations.record_hold(offer, body, &again),
            _ => {}
        }
    }

    /// Pays, cancels, moves or abandons the hold at random.
    async fn use_hold(&mut self, hold: &ApiResponse) {
        let session = hold.text("checkout_session").to_owned();
        // Most guests pay in time, some at the deadline, some after it.
        pause(&mut self.rng, self.ttl_ms / 2).await;
        if self.rng.random_bool(0.35) {
            self.move_hold(hold).await;
        }
        pause(&mut self.rng, self.ttl_ms).await;
        // The session may be expired by now; then Stripe refuses the payment.
        let pays = |outcome| drop(self.simulator.pay(&session, outcome));
        match self.rng.random_range(0..100) {
            0..45 => pays(PaymentOutcome::Paid),
            45..58 => {
                pays(PaymentOutcome::Declined);
                self.repeat_last_events().await;
                pause(&mut self.rng, 150).await;
                drop(self.simulator.pay(&session, PaymentOutcome::Paid));
            }
            58..70 => pays(PaymentOutcome::Processing),
            70..74 => pays(PaymentOutcome::ProcessingFailed),
            74..86 => self.cancel_hold(hold).await,
            86..90 => {
                // The payment succeeds at the moment at which the guest cancels.
                let (simulator, session) = (self.simulator.clone(), session.clone());
                tokio::join!(self.cancel_hold(hold), async move {
                    drop(simulator.pay(&session, PaymentOutcome::Paid));
                });
            }
            _ => return,
        }
        for _ in 0..3 {
            pause(&mut self.rng, 250).await;
            if self.rng.random_bool(0.2) {
                self.move_hold(hold).await;
            }
            self.view_hold(hold).await;
        }
    }

    /// Lets Stripe repeat its last events at once, while an event that is applied twice can still change the hold.
    async fn repeat_last_events(&self) {
        let events = self.simulator.events();
        for event in events.iter().rev().take(4).chain(events.iter().rev().take(4)) {
            self.simulator.deliver(&event.id).await;
        }
    }

    /// Moves the hold, mostly to a start that overlaps with the old one, as the guest or as the operator.
    async fn move_hold(&mut self, hold: &ApiResponse) {
        let to = if self.rng.random_bool(0.6) {
            let from: DateTime<Utc> = hold.text("starts_at").parse().unwrap();
            from + TimeDelta::minutes(15 * self.rng.random_range(-2..=2))
        } else {
            random_start(self.first_start, &mut self.rng)
        };
        let key = if self.rng.random_bool(0.5) {
            hold.text("token")
        } else {
            ADMIN_KEY
        };
        let id = hold.text("id");
        let (process, client) = self.random_process();
        let request = client.request(Method::POST, &format!("/v1/holds/{id}/move"));
        let request = request.bearer_auth(key).json(&json!({"starts_at": to}));
        match self.send(process, &client, request).await {
            Some(answer) if answer.status == 200 => self.observations.record_move(id, to, &answer.body),
            Some(answer) if answer.status == 409 && answer.text("code") == "slot_taken" => {}
            // The move may be done: the response of the database or of the service may be lost.
            _ => self.observations.record_unknown_move(id, to),
        }
    }

    async fn cancel_hold(&mut self, hold: &ApiResponse) {
        for _ in 0..MOST_ATTEMPTS {
            let (process, client) = self.random_process();
            let path = format!("/v1/holds/{}", hold.text("id"));
            let request = client
                .request(Method::DELETE, &path)
                .bearer_auth(hold.text("token"));
            match self.send(process, &client, request).await {
                Some(answer) if answer.status == 200 || answer.status == 409 => return,
                _ => pause(&mut self.rng, 200).await,
            }
        }
    }

    async fn view_hold(&mut self, hold: &ApiResponse) {
        let (process, client) = self.random_process();
        let request = client.request(Method::GET, &format!("/v1/holds/{}", hold.text("id")));
        if let Some(answer) = self.send(process, &client, request).await
            && answer.status == 200
        {
            self.observations.record_view(hold.text("id"), &answer.body);
        }
    }
}

/// Sells all places of a class but one, and then lets the other guests request that one at once. On PostgreSQL a lock
/// that each of them needs last is released when two have found the place free: each process lets one through.
pub(crate) async fn race_for_last_place(database: &TestDatabase, guests: Vec<Guest>, class: SlotRequest) {
    let (mut guests, sold) = (guests.into_iter(), CLASS_PLACES - 1);
    let first = guests.next().map(|guest| {
        guest.buy(SlotRequest {
            quantity: Some(sold),
            ..class
        })
    });
    join_all(first).await;
    let busy = match database.engine() {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Lock::on_placing(database, LAST_RACING_EMAILS).await),
    };
    let last = SlotRequest {
        quantity: Some(1),
        ..class
    };
    let racing: Vec<_> = guests.map(|guest| tokio::spawn(guest.buy(last))).collect();
    if let Some(busy) = busy {
        let found_free = format!(
            "SELECT count(*) FROM checkout_attempts
             WHERE state = 'running' AND terms ->> 'email' LIKE '{LAST_RACING_EMAILS}'"
        );
        eventually("two guests who found the last place free", async || {
            // Guests who all chose one process end without a second one.
            let over = racing.iter().all(JoinHandle::is_finished);
            (over || database.count(&found_free).await > 1).then_some(())
        })
        .await;
        busy.release_lock().await;
    }
    for ended in join_all(racing).await {
        ended.unwrap();
    }
}
