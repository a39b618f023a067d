//! What the shop of an episode sells: one person, a pool, a class with places, and composites that want the same
//! resources in opposite orders, so that everything overlaps with everything.
//!
//! Written down once more than in the program's books, so that a verdict can count by what the operator ordered.

use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::support::catalogue_fixtures;
use crate::support::client::Client;

/// A start that guests fight for is one of so many quarters of an hour.
const STARTS: i64 = 10;
/// Until so long before, guests may move, and cancel what they have paid, where they may: long before any of them does.
const UNTIL_MINUTES: i64 = 1_440;

/// Who and what serves, and how many units each has.
pub(crate) const RESOURCES: [(&str, u64); 4] = [("ana", 1), ("ben", 1), ("cleo", 1), ("studio", 4)];

/// A part of what is sold: from `offset` minutes on, for so many `minutes`, by one of these.
#[derive(Debug)]
struct Need {
    offset: i64,
    minutes: i64,
    any_of: &'static [&'static str],
}

/// An event type.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) id: &'static str,
    needs: &'static [Need],
    /// How many a guest asks for at most.
    most: u64,
    buffer_after: i64,
    /// Whether a guest may cancel what is paid.
    cancellable: bool,
}

const fn need(offset: i64, minutes: i64, any_of: &'static [&'static str]) -> Need {
    Need {
        offset,
        minutes,
        any_of,
    }
}

const fn offer(id: &'static str, needs: &'static [Need]) -> Offer {
    Offer {
        id,
        needs,
        most: 1,
        buffer_after: 0,
        cancellable: false,
    }
}

/// All that is on sale.
pub(crate) static OFFERS: [Offer; 7] = [
    offer("call", &[need(0, 30, &["ana"])]),
    offer("long-call", &[need(0, 60, &["ana"])]),
    Offer {
        cancellable: true,
        ..offer("visit", &[need(0, 30, &["ana", "ben"])])
    },
    Offer {
        buffer_after: 10,
        ..offer(
            "there",
            &[
                need(0, 30, &["ana", "ben"]),
                need(30, 30, &["cleo"]),
                need(15, 45, &["studio"]),
            ],
        )
    },
    Offer {
        cancellable: true,
        ..offer(
            "back",
            &[
                need(0, 30, &["studio"]),
                need(0, 30, &["cleo"]),
                need(30, 30, &["ben", "ana"]),
            ],
        )
    },
    Offer {
        most: 3,
        cancellable: true,
        ..offer("class", &[need(0, 60, &["studio"])])
    },
    Offer {
        most: 3,
        buffer_after: 5,
        ..offer("short-class", &[need(0, 30, &["studio"])])
    },
];

/// Where one segment is served, and when: what a guest is told, or what the books say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) resource: String,
    pub(crate) starts_at: DateTime<Utc>,
    pub(crate) ends_at: DateTime<Utc>,
}

/// Puts everything on sale.
pub(crate) async fn opens(operator: &Client) {
    for (resource, units) in RESOURCES {
        catalogue_fixtures::put_resource(operator, resource, u32::try_from(units).unwrap()).await;
    }
    for offer in &OFFERS {
        catalogue_fixtures::put_event_type(operator, offer.id, offer.members())
            .await
            .expect(201);
    }
}

/// What a guest wants, by chance.
pub(crate) fn some_offer(chance: &mut StdRng) -> &'static Offer {
    OFFERS.choose(chance).unwrap()
}

/// A start that others want too.
pub(crate) fn some_start(first: DateTime<Utc>, chance: &mut StdRng) -> DateTime<Utc> {
    first + TimeDelta::minutes(15 * chance.random_range(0..STARTS))
}

impl Offer {
    fn members(&self) -> Value {
        let segment = |need: &Need| json!({"offset_minutes": need.offset, "duration_minutes": need.minutes, "any_of": need.any_of});
        let segments: Vec<Value> = self.needs.iter().map(segment).collect();
        let mut members = json!({"segments": segments, "buffer_after_minutes": self.buffer_after,
            "guest_move_until_minutes": UNTIL_MINUTES});
        if self.cancellable {
            members["guest_cancel_until_minutes"] = UNTIL_MINUTES.into();
        }
        members
    }

    pub(crate) fn some_quantity(&self, chance: &mut StdRng) -> u64 {
        chance.random_range(1..=self.most)
    }

    /// Whom a guest wants, where several can serve and this one cares.
    pub(crate) fn somebody(&self, chance: &mut StdRng) -> Option<&'static str> {
        let pool = self.needs.iter().map(|need| need.any_of);
        let pool = pool.max_by_key(|any_of| any_of.len()).unwrap();
        let cares = chance.random_bool(0.2) && pool.len() > 1;
        cares.then(|| *pool.choose(chance).unwrap())
    }

    /// Whether these places are what it sells from then on.
    pub(crate) fn is_served(&self, starts_at: DateTime<Utc>, places: &[Place]) -> bool {
        let served = |(need, place): (&Need, &Place)| {
            let from = starts_at + TimeDelta::minutes(need.offset);
            need.any_of.contains(&place.resource.as_str())
                && (place.starts_at, place.ends_at) == (from, from + TimeDelta::minutes(need.minutes))
        };
        places.len() == self.needs.len() && self.needs.iter().zip(places).all(served)
    }
}
