//! What the shop of an episode sells: one person, a pool, a class with places, and composites of the same resources
//! in opposite orders, so that all offers overlap.
//!
//! The catalogue is written here a second time, beside the database, so that the checks can count what the shop has.

use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::support::catalogue_fixtures;
use crate::support::client::Client;

/// The number of starts that are for sale, 15 minutes apart.
const STARTS: i64 = 10;
/// Minutes before the start until which guests may move and cancel: earlier than any of them does.
const UNTIL_MINUTES: i64 = 1_440;

/// The number of places in a class: one more than a guest may request.
pub(crate) const CLASS_PLACES: u64 = 4;

/// The resources, and the number of units of each.
pub(crate) const RESOURCES: [(&str, u64); 4] =
    [("ana", 1), ("ben", 1), ("cleo", 1), ("studio", CLASS_PLACES)];

/// A segment of an offer: from `offset` minutes on, for so many `minutes`, on one of the resources `any_of`.
#[derive(Debug)]
struct SegmentOffer {
    offset: i64,
    minutes: i64,
    any_of: &'static [&'static str],
}

/// An event type that the shop sells.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) id: &'static str,
    segments: &'static [SegmentOffer],
    /// The largest quantity that a guest requests.
    most: u64,
    buffer_after: i64,
    /// Whether a guest may cancel a paid booking.
    cancellable: bool,
}

const fn segment(offset: i64, minutes: i64, any_of: &'static [&'static str]) -> SegmentOffer {
    SegmentOffer {
        offset,
        minutes,
        any_of,
    }
}

const fn offer(id: &'static str, segments: &'static [SegmentOffer]) -> Offer {
    Offer {
        id,
        segments,
        most: 1,
        buffer_after: 0,
        cancellable: false,
    }
}

/// All offers of the shop.
pub(crate) static OFFERS: [Offer; 7] = [
    offer("call", &[segment(0, 30, &["ana"])]),
    offer("long-call", &[segment(0, 60, &["ana"])]),
    Offer {
        cancellable: true,
        ..offer("visit", &[segment(0, 30, &["ana", "ben"])])
    },
    Offer {
        buffer_after: 10,
        ..offer(
            "there",
            &[
                segment(0, 30, &["ana", "ben"]),
                segment(30, 30, &["cleo"]),
                segment(15, 45, &["studio"]),
            ],
        )
    },
    Offer {
        cancellable: true,
        ..offer(
            "back",
            &[
                segment(0, 30, &["studio"]),
                segment(0, 30, &["cleo"]),
                segment(30, 30, &["ben", "ana"]),
            ],
        )
    },
    Offer {
        most: CLASS_PLACES - 1,
        cancellable: true,
        ..offer("class", &[segment(0, 60, &["studio"])])
    },
    Offer {
        most: CLASS_PLACES - 1,
        buffer_after: 5,
        ..offer("short-class", &[segment(0, 30, &["studio"])])
    },
];

/// The resource and the window of one segment, as a guest or the database reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServedSegment {
    pub(crate) resource: String,
    pub(crate) starts_at: DateTime<Utc>,
    pub(crate) ends_at: DateTime<Utc>,
}

/// Creates the resources and the event types of the shop.
pub(crate) async fn create_catalogue(operator: &Client) {
    for (resource, units) in RESOURCES {
        catalogue_fixtures::put_resource(operator, resource, u32::try_from(units).unwrap()).await;
    }
    for offer in &OFFERS {
        catalogue_fixtures::put_event_type(operator, offer.id, offer.members())
            .await
            .expect(201);
    }
}

/// A random offer that a guest requests.
pub(crate) fn random_offer(rng: &mut StdRng) -> &'static Offer {
    OFFERS.choose(rng).unwrap()
}

/// A random offer of places in a class.
pub(crate) fn random_class(rng: &mut StdRng) -> &'static Offer {
    let classes: Vec<_> = OFFERS.iter().filter(|offer| offer.most > 1).collect();
    classes.choose(rng).unwrap()
}

/// What a guest, or several guests at once, are to request.
#[derive(Clone, Copy)]
pub(crate) struct SlotRequest {
    pub(crate) start: DateTime<Utc>,
    /// `None` if each guest draws an offer.
    pub(crate) offer: Option<&'static Offer>,
    /// `None` if each guest draws a quantity.
    pub(crate) quantity: Option<u64>,
}

/// A random start; others request the same few starts.
pub(crate) fn random_start(first: DateTime<Utc>, rng: &mut StdRng) -> DateTime<Utc> {
    first + TimeDelta::minutes(15 * rng.random_range(0..STARTS))
}

impl Offer {
    fn members(&self) -> Value {
        let member = |segment: &SegmentOffer| json!({"offset_minutes": segment.offset, "duration_minutes": segment.minutes, "any_of": segment.any_of});
        let segments: Vec<Value> = self.segments.iter().map(member).collect();
        let mut members = json!({"segments": segments, "buffer_after_minutes": self.buffer_after,
            "guest_move_until_minutes": UNTIL_MINUTES});
        if self.cancellable {
            members["guest_cancel_until_minutes"] = UNTIL_MINUTES.into();
        }
        members
    }

    pub(crate) fn random_quantity(&self, rng: &mut StdRng) -> u64 {
        rng.random_range(1..=self.most)
    }

    /// A resource that the guest requests by name, if the pool has several and the guest has a preference.
    pub(crate) fn random_resource(&self, rng: &mut StdRng) -> Option<&'static str> {
        let pool = self.segments.iter().map(|segment| segment.any_of);
        let pool = pool.max_by_key(|any_of| any_of.len()).unwrap();
        let has_preference = rng.random_bool(0.2) && pool.len() > 1;
        has_preference.then(|| *pool.choose(rng).unwrap())
    }

    /// Whether these segments are what the offer sells from this start on.
    pub(crate) fn matches(&self, starts_at: DateTime<Utc>, segments: &[ServedSegment]) -> bool {
        let matches = |(offered, served): (&SegmentOffer, &ServedSegment)| {
            let from = starts_at + TimeDelta::minutes(offered.offset);
            offered.any_of.contains(&served.resource.as_str())
                && (served.starts_at, served.ends_at) == (from, from + TimeDelta::minutes(offered.minutes))
        };
        segments.len() == self.segments.len() && self.segments.iter().zip(segments).all(matches)
    }
}
