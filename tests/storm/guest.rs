//! A guest: wants slots that others want too, pays or does not, and remembers what the service told it.
//!
//! What it was told is evidence that the books cannot forge: who once read `confirmed` must have the slot at the end, or
//! the money back.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use holdfast::sandbox::{Outcome, Simulator};
use rand::Rng;
use rand::rngs::StdRng;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::diary::Diary;
use crate::fleet::{Door, Fleet};
use crate::shop::{Offer, some_offer, some_start};
use crate::support::client::{ADMIN_KEY, Answer, Client};
use crate::weather::pause;

/// A guest who has waited so long goes elsewhere, with the request still running.
const HANGS_UP_AFTER: Duration = Duration::from_millis(1_500);
/// How often a guest asks again who got no good answer.
const TRIES: usize = 4;

/// One guest.
pub(crate) struct Guest {
    pub(crate) number: u64,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) simulator: Simulator,
    pub(crate) diary: Arc<Diary>,
    pub(crate) chance: StdRng,
    /// The first start for sale.
    pub(crate) first_start: DateTime<Utc>,
    /// How long a hold waits for its money, in milliseconds: guests pay around then.
    pub(crate) ttl_ms: u64,
    /// Where it waits for everybody to want one start; one that does not wait comes when it likes.
    pub(crate) rush: Option<watch::Receiver<Option<DateTime<Utc>>>>,
    /// Nobody begins anything new then.
    pub(crate) shop_closes: CancellationToken,
}

impl Guest {
    /// One wish after the other, until the shop closes.
    pub(crate) async fn visits(mut self) {
        for wish in 0.. {
            let start = self.comes_for().await;
            if self.shop_closes.is_cancelled() {
                return;
            }
            if let Some(hold) = self.asks_for_a_slot(wish, start).await {
                self.goes_on(&hold).await;
            }
        }
    }

    /// The start that it wants, once it wants one.
    async fn comes_for(&mut self) -> DateTime<Utc> {
        let some = some_start(self.first_start, &mut self.chance);
        let Some(rush) = &mut self.rush else {
            pause(&mut self.chance, 150).await;
            return some;
        };
        let closes = self.shop_closes.cancelled();
        tokio::select! {
            () = closes => some,
            // An error: the weather is over, and nobody gives a sign any more.
            sign = rush.changed() => sign.ok().and_then(|()| *rush.borrow_and_update()).unwrap_or(some),
        }
    }

    fn somewhere(&mut self) -> (Door, Client) {
        let berth = self.chance.random_range(0..self.fleet.size());
        (self.fleet.door(berth), self.fleet.client(berth))
    }

    /// Sends it; nothing where nobody answers in time. Notes answers that must not be.
    async fn sends(&self, door: Door, client: &Client, request: RequestBuilder) -> Option<Answer> {
        let answer = client.try_send(request.timeout(HANGS_UP_AFTER)).await.ok()?;
        let code = answer.body["code"].as_str().unwrap_or_default();
        let known = match (answer.status.as_u16(), code) {
            (200 | 201, _) => true,
            (409, "slot_taken" | "already_paid" | "not_movable" | "idempotency_in_progress") => true,
            (503, "stripe_unavailable" | "store_unavailable") => answer.headers.contains_key("retry-after"),
            _ => false,
        };
        if !known {
            let ahead = door.ahead;
            self.diary
                .odd(format!("a guest got, by a clock {ahead} s ahead, {answer:?}"));
        }
        Some(answer)
    }

    async fn asks_for_a_slot(&mut self, wish: u64, start: DateTime<Utc>) -> Option<Answer> {
        let offer = some_offer(&mut self.chance);
        let mut body = json!({"event_type": offer.id, "starts_at": start, "quantity": offer.some_quantity(&mut self.chance),
            "guest": {"email": format!("guest-{}@example.com", self.number)}});
        if let Some(somebody) = offer.somebody(&mut self.chance) {
            body["resource"] = somebody.into();
        }
        let key = format!("guest-{}-wish-{wish}", self.number);
        let key = self.chance.random_bool(0.6).then_some(key.as_str());
        for _ in 0..TRIES {
            if self.shop_closes.is_cancelled() {
                return None;
            }
            let answer = self.checks_out(&body, key).await;
            match answer.as_ref().map(|answer| answer.status.as_u16()) {
                Some(200 | 201) => {
                    let hold = answer?;
                    self.diary.notes_hold(offer, &body, &hold);
                    self.asks_again(offer, &body, key, &hold).await;
                    return Some(hold);
                }
                Some(409) if answer.is_some_and(|answer| answer.text("code") == "slot_taken") => {
                    *self.diary.refused.lock().unwrap() += 1;
                    return None;
                }
                _ => pause(&mut self.chance, 200).await,
            }
        }
        None
    }

    async fn checks_out(&mut self, body: &Value, key: Option<&str>) -> Option<Answer> {
        let (door, client) = self.somewhere();
        let mut request = client.request(Method::POST, "/v1/holds").json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.sends(door, &client, request).await
    }

    /// As a page that is reloaded does: the same key gets the same hold, while it lives.
    async fn asks_again(&mut self, offer: &'static Offer, body: &Value, key: Option<&str>, hold: &Answer) {
        if key.is_none() || self.chance.random_bool(0.7) {
            return;
        }
        let Some(again) = self.checks_out(body, key).await else {
            return;
        };
        let same = ["id", "token", "checkout_session"]
            .iter()
            .all(|member| again.body[member] == hold.body[member]);
        match again.status.as_u16() {
            200 if !same => self.diary.odd(format!("one key, two holds: {hold:?} {again:?}")),
            200 | 201 => self.diary.notes_hold(offer, body, &again),
            _ => {}
        }
    }

    /// At the payment page, or not.
    async fn goes_on(&mut self, hold: &Answer) {
        let session = hold.text("checkout_session").to_owned();
        // Most pay in time, some as the time runs out, some after it.
        pause(&mut self.chance, self.ttl_ms / 2).await;
        if self.chance.random_bool(0.35) {
            self.moves(hold).await;
        }
        pause(&mut self.chance, self.ttl_ms).await;
        // Stripe may have ended the session by now; then it takes nothing.
        let pays = |outcome| drop(self.simulator.pay(&session, outcome));
        match self.chance.random_range(0..100) {
            0..45 => pays(Outcome::Paid),
            45..58 => {
                pays(Outcome::Declined);
                self.hears_of_it_twice().await;
                pause(&mut self.chance, 150).await;
                drop(self.simulator.pay(&session, Outcome::Paid));
            }
            58..70 => pays(Outcome::Processing),
            70..74 => pays(Outcome::ProcessingFailed),
            74..86 => self.cancels(hold).await,
            86..90 => {
                // In the very moment in which the guest gives up, the payment goes through.
                let (simulator, session) = (self.simulator.clone(), session.clone());
                tokio::join!(self.cancels(hold), async move {
                    drop(simulator.pay(&session, Outcome::Paid));
                });
            }
            _ => return,
        }
        for _ in 0..3 {
            pause(&mut self.chance, 250).await;
            if self.chance.random_bool(0.2) {
                self.moves(hold).await;
            }
            self.looks(hold).await;
        }
    }

    /// Stripe repeats its last events at once, while the hold can still be changed by one that was applied before.
    async fn hears_of_it_twice(&self) {
        let events = self.simulator.events();
        for event in events.iter().rev().take(4).chain(events.iter().rev().take(4)) {
            self.simulator.deliver(&event.id).await;
        }
    }

    /// To another start, most often one that overlaps with the old one; as a guest, or by calling the operator.
    async fn moves(&mut self, hold: &Answer) {
        let to = if self.chance.random_bool(0.6) {
            let from: DateTime<Utc> = hold.text("starts_at").parse().unwrap();
            from + TimeDelta::minutes(15 * self.chance.random_range(-2..=2))
        } else {
            some_start(self.first_start, &mut self.chance)
        };
        let key = if self.chance.random_bool(0.5) {
            hold.text("token")
        } else {
            ADMIN_KEY
        };
        let id = hold.text("id");
        let (door, client) = self.somewhere();
        let request = client.request(Method::POST, &format!("/v1/holds/{id}/move"));
        let request = request.bearer_auth(key).json(&json!({"starts_at": to}));
        match self.sends(door, &client, request).await {
            Some(answer) if answer.status == 200 => self.diary.notes_move(id, to, &answer.body),
            Some(answer) if answer.status == 409 && answer.text("code") == "slot_taken" => {}
            // It may have gone, and the database's or the service's answer was lost on the way.
            _ => self.diary.doubts_move(id, to),
        }
    }

    async fn cancels(&mut self, hold: &Answer) {
        for _ in 0..TRIES {
            let (door, client) = self.somewhere();
            let path = format!("/v1/holds/{}", hold.text("id"));
            let request = client
                .request(Method::DELETE, &path)
                .bearer_auth(hold.text("token"));
            match self.sends(door, &client, request).await {
                Some(answer) if answer.status == 200 || answer.status == 409 => return,
                _ => pause(&mut self.chance, 200).await,
            }
        }
    }

    async fn looks(&mut self, hold: &Answer) {
        let (door, client) = self.somewhere();
        let request = client.request(Method::GET, &format!("/v1/holds/{}", hold.text("id")));
        if let Some(answer) = self.sends(door, &client, request).await
            && answer.status == 200
        {
            self.diary.notes(hold.text("id"), &answer.body);
        }
    }
}
