//! What the guests of an episode were told: evidence that the books cannot forget.
//!
//! Who once read `confirmed` must have the slot at the end, or the money back; and a hold is where its guest was last
//! told that it is, unless a move was ordered whose answer did not say how it came out, or late money got the slot with
//! others.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::count::Claim;
use crate::shop::{Offer, Place};
use crate::support::client::Answer;

/// A hold that a guest was given.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) hold: String,
    pub(crate) session: String,
    offer: &'static Offer,
    quantity: u64,
    /// Who serves it when, as the guest was last told.
    told: Vec<Place>,
    /// Starts that it was ordered to, where the answer did not say whether it went.
    perhaps_at: Vec<DateTime<Utc>>,
    /// Whether the guest once read that it has the slot for good.
    pub(crate) confirmed: bool,
}

impl Given {
    /// What it takes, by what the guest was told.
    pub(crate) fn claims(&self) -> impl Iterator<Item = Claim> {
        self.told.iter().map(|place| Claim {
            hold: self.hold.clone(),
            units: self.quantity,
            place: place.clone(),
        })
    }
}

/// What all guests of an episode saw.
#[derive(Default)]
pub(crate) struct Diary {
    pub(crate) given: Mutex<Vec<Given>>,
    /// Answers that nobody may ever get.
    pub(crate) oddities: Mutex<Vec<String>>,
    /// Answers with `409 slot_taken`.
    pub(crate) refused: Mutex<u64>,
    /// Holds that were found with others at the same times, and with whom: late money alone may bring that about, and
    /// then the history says so.
    pub(crate) with_others: Mutex<Vec<(String, String)>>,
    /// Moves that were made, as far as their guests know.
    pub(crate) moved: Mutex<u64>,
}

fn start(body: &Value) -> DateTime<Utc> {
    body["starts_at"].as_str().unwrap().parse().unwrap()
}

fn places(body: &Value) -> Vec<Place> {
    let segments = body["segments"].as_array().unwrap().iter();
    let text = |segment: &Value, member: &str| segment[member].as_str().unwrap().to_owned();
    segments
        .map(|segment| Place {
            resource: text(segment, "resource"),
            starts_at: text(segment, "starts_at").parse().unwrap(),
            ends_at: text(segment, "ends_at").parse().unwrap(),
        })
        .collect()
}

fn times(places: &[Place]) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
    places.iter().map(|place| (place.starts_at, place.ends_at))
}

impl Diary {
    pub(crate) fn odd(&self, what: String) {
        self.oddities.lock().unwrap().push(what);
    }

    /// All that were given, by their ids.
    pub(crate) fn holds(&self) -> Vec<String> {
        let given = self.given.lock().unwrap();
        given.iter().map(|given| given.hold.clone()).collect()
    }

    /// A guest got what it had asked for with this body; perhaps not for the first time.
    pub(crate) fn notes_hold(&self, offer: &'static Offer, asked: &Value, answer: &Answer) {
        let (body, hold) = (&answer.body, answer.text("id"));
        let mut given = self.given.lock().unwrap();
        if !given.iter().any(|given| given.hold == hold) {
            let at: DateTime<Utc> = asked["starts_at"].as_str().unwrap().parse().unwrap();
            if start(body) != at || !(asked["resource"].is_null() || serves(&asked["resource"], body)) {
                self.odd(format!("not what was asked for: {asked} {body}"));
            }
            given.push(Given {
                hold: hold.to_owned(),
                session: answer.text("checkout_session").to_owned(),
                offer,
                quantity: asked["quantity"].as_u64().unwrap(),
                told: places(body),
                perhaps_at: Vec::new(),
                confirmed: false,
            });
        }
        drop(given);
        self.notes(hold, body);
    }

    /// A guest sees its hold. From `confirmed` there is only one way: the money went back, and with it the slot.
    pub(crate) fn notes(&self, hold: &str, body: &Value) {
        let mut given = self.given.lock().unwrap();
        let status = body["status"].as_str().unwrap_or_default();
        for given in given.iter_mut().filter(|given| given.hold == hold) {
            if given.confirmed && !["confirmed", "cancelled"].contains(&status) {
                self.odd(format!("{hold} was confirmed, and then {status}"));
            }
            given.confirmed |= status == "confirmed";
            let places = places(body);
            if places != given.told && !given.perhaps_at.contains(&start(body)) {
                if times(&places).eq(times(&given.told)) {
                    let with: Vec<_> = places.iter().map(|place| place.resource.as_str()).collect();
                    let found = (hold.to_owned(), with.join(", "));
                    self.with_others.lock().unwrap().push(found);
                } else {
                    self.odd(format!("moved by nobody: {given:?} {body}"));
                }
            }
            if !given.offer.is_served(start(body), &places) || body["quantity"] != given.quantity {
                self.odd(format!("not what is sold: {given:?} {body}"));
            }
            given.told = places;
        }
    }

    /// A guest was told that its hold has moved there.
    pub(crate) fn notes_move(&self, hold: &str, to: DateTime<Utc>, body: &Value) {
        *self.moved.lock().unwrap() += 1;
        let mut given = self.given.lock().unwrap();
        for given in given.iter_mut().filter(|given| given.hold == hold) {
            // One ordered before, of which nothing was heard, may have come after it.
            if start(body) == to {
                given.told = places(body);
            } else if !given.perhaps_at.contains(&start(body)) {
                self.odd(format!("not where it was moved to, {to}: {given:?} {body}"));
            }
        }
        drop(given);
        self.notes(hold, body);
    }

    /// A guest does not know whether its hold has moved there.
    pub(crate) fn doubts_move(&self, hold: &str, to: DateTime<Utc>) {
        let mut given = self.given.lock().unwrap();
        for given in given.iter_mut().filter(|given| given.hold == hold) {
            given.perhaps_at.push(to);
        }
    }
}

fn serves(wanted: &Value, body: &Value) -> bool {
    let segments = body["segments"].as_array().unwrap();
    segments.iter().any(|segment| segment["resource"] == *wanted)
}
