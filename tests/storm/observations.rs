//! What the guests of an episode received: evidence that the database cannot lose.
//!
//! A guest who once read `confirmed` must have the slot at the end, or a refund. A hold is where its guest last read
//! that it is, except after a move whose response was lost, or after a late payment that got the slot with other
//! resources.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::shop::{Offer, ServedSegment};
use crate::sold_units::Claim;
use crate::support::client::ApiResponse;

/// A hold that a guest received.
#[derive(Debug)]
pub(crate) struct ObservedHold {
    pub(crate) hold: String,
    pub(crate) session: String,
    offer: &'static Offer,
    quantity: u64,
    /// The resources and times that the guest last read.
    segments: Vec<ServedSegment>,
    /// The starts of requested moves whose response was lost.
    possible_starts: Vec<DateTime<Utc>>,
    /// Whether the guest has read the status `confirmed` once.
    pub(crate) confirmed: bool,
}

impl ObservedHold {
    /// The units that the hold claims, as the guest read them.
    pub(crate) fn claims(&self) -> impl Iterator<Item = Claim> {
        self.segments.iter().map(|segment| Claim {
            hold: self.hold.clone(),
            units: self.quantity,
            segment: segment.clone(),
        })
    }
}

/// The observations of all guests of an episode.
#[derive(Default)]
pub(crate) struct Observations {
    pub(crate) holds: Mutex<Vec<ObservedHold>>,
    /// The responses that no guest may ever receive.
    pub(crate) unexpected: Mutex<Vec<String>>,
    /// The number of responses with `409 slot_taken`.
    pub(crate) refused: Mutex<u64>,
    /// How often a limit refused the stranger.
    pub(crate) limited: Mutex<u64>,
    /// The holds that have other resources at the same times, and which: only a late payment may cause that, and then
    /// the history says so.
    pub(crate) reassigned: Mutex<Vec<(String, String)>>,
    /// The number of moves that their guests know of.
    pub(crate) moved: Mutex<u64>,
}

fn start(body: &Value) -> DateTime<Utc> {
    body["starts_at"].as_str().unwrap().parse().unwrap()
}

fn segments(body: &Value) -> Vec<ServedSegment> {
    let segments = body["segments"].as_array().unwrap().iter();
    let text = |segment: &Value, member: &str| segment[member].as_str().unwrap().to_owned();
    segments
        .map(|segment| ServedSegment {
            resource: text(segment, "resource"),
            starts_at: text(segment, "starts_at").parse().unwrap(),
            ends_at: text(segment, "ends_at").parse().unwrap(),
        })
        .collect()
}

fn times(segments: &[ServedSegment]) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
    segments
        .iter()
        .map(|segment| (segment.starts_at, segment.ends_at))
}

impl Observations {
    pub(crate) fn add_unexpected(&self, what: String) {
        self.unexpected.lock().unwrap().push(what);
    }

    /// The ids of all observed holds.
    pub(crate) fn hold_ids(&self) -> Vec<String> {
        let holds = self.holds.lock().unwrap();
        holds.iter().map(|observed| observed.hold.clone()).collect()
    }

    /// Records the hold that a guest received for this request; the same hold may come again.
    pub(crate) fn record_hold(&self, offer: &'static Offer, request: &Value, response: &ApiResponse) {
        let (body, hold) = (&response.body, response.text("id"));
        let mut holds = self.holds.lock().unwrap();
        if !holds.iter().any(|observed| observed.hold == hold) {
            let at: DateTime<Utc> = request["starts_at"].as_str().unwrap().parse().unwrap();
            if start(body) != at || !(request["resource"].is_null() || serves(&request["resource"], body)) {
                self.add_unexpected(format!("not what the guest requested: {request} {body}"));
            }
            holds.push(ObservedHold {
                hold: hold.to_owned(),
                session: response.text("checkout_session").to_owned(),
                offer,
                quantity: request["quantity"].as_u64().unwrap(),
                segments: segments(body),
                possible_starts: Vec::new(),
                confirmed: false,
            });
        }
        drop(holds);
        self.record_view(hold, body);
    }

    /// Records what a guest reads of its hold. After `confirmed` only `cancelled` may follow.
    pub(crate) fn record_view(&self, hold: &str, body: &Value) {
        let mut holds = self.holds.lock().unwrap();
        let status = body["status"].as_str().unwrap_or_default();
        for observed in holds.iter_mut().filter(|observed| observed.hold == hold) {
            if observed.confirmed && !["confirmed", "cancelled"].contains(&status) {
                self.add_unexpected(format!("{hold} was confirmed, and then {status}"));
            }
            observed.confirmed |= status == "confirmed";
            let segments = segments(body);
            if segments != observed.segments && !observed.possible_starts.contains(&start(body)) {
                if times(&segments).eq(times(&observed.segments)) {
                    let with: Vec<_> = segments.iter().map(|segment| segment.resource.as_str()).collect();
                    let found = (hold.to_owned(), with.join(", "));
                    self.reassigned.lock().unwrap().push(found);
                } else {
                    self.add_unexpected(format!("moved without a request: {observed:?} {body}"));
                }
            }
            if !observed.offer.matches(start(body), &segments) || body["quantity"] != observed.quantity {
                self.add_unexpected(format!("not what is sold: {observed:?} {body}"));
            }
            observed.segments = segments;
        }
    }

    /// Records that a guest received the new start of its hold.
    pub(crate) fn record_move(&self, hold: &str, to: DateTime<Utc>, body: &Value) {
        *self.moved.lock().unwrap() += 1;
        let mut holds = self.holds.lock().unwrap();
        for observed in holds.iter_mut().filter(|observed| observed.hold == hold) {
            // An earlier move whose response was lost may have been applied after this one.
            if start(body) == to {
                observed.segments = segments(body);
            } else if !observed.possible_starts.contains(&start(body)) {
                self.add_unexpected(format!(
                    "not at the start that it was moved to, {to}: {observed:?} {body}"
                ));
            }
        }
        drop(holds);
        self.record_view(hold, body);
    }

    /// Records a move whose response did not arrive.
    pub(crate) fn record_unknown_move(&self, hold: &str, to: DateTime<Utc>) {
        let mut holds = self.holds.lock().unwrap();
        for observed in holds.iter_mut().filter(|observed| observed.hold == hold) {
            observed.possible_starts.push(to);
        }
    }
}

fn serves(resource: &Value, body: &Value) -> bool {
    let segments = body["segments"].as_array().unwrap();
    segments.iter().any(|segment| segment["resource"] == *resource)
}
