//! The version of a list of slots: a keyed hash of all that the list is computed from.

use std::fmt;
use std::hash::{Hash as _, Hasher};

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::calendars::Availability;
use super::check_slot::has_competing_segments;
use super::slot::{SlotRequest, SlotSelection};
use crate::domain::token::TokenKeys;

/// How many bytes of the hash tell versions apart.
const LENGTH: usize = 16;

/// Names the version of a list of slots. A list with the same version is the same list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListVersion([u8; LENGTH]);

/// Computes the versions of lists. All instances of an installation compute the same ones, and nobody else can.
#[derive(Clone, Debug)]
pub struct ListVersioner(Hmac<Sha256>);

impl ListVersioner {
    /// Makes what computes versions under the keys of the installation.
    pub fn new(keys: &TokenKeys) -> Self {
        Self(keys.start_list_version())
    }
}

impl ListVersion {
    /// Computes the version of the list of the selected slots with these starts, without computing the list.
    pub fn new(
        versioner: ListVersioner,
        availability: &Availability,
        request: &SlotRequest<'_>,
        selection: SlotSelection,
        starts: &[DateTime<Utc>],
    ) -> Self {
        let mut hash = KeyedHasher(versioner.0);
        // Another version of this program may show the same slots in another way.
        env!("CARGO_PKG_VERSION").hash(&mut hash);
        let event_type = request.event_type;
        event_type.id.hash(&mut hash);
        event_type.segments.hash(&mut hash);
        event_type.buffer_before_minutes.hash(&mut hash);
        event_type.buffer_after_minutes.hash(&mut hash);
        let timezone = event_type.schedule.as_ref().map(|schedule| &schedule.timezone);
        timezone.map(|timezone| timezone.as_str()).hash(&mut hash);
        (request.quantity, request.requested_resource, selection).hash(&mut hash);
        // The starts are what schedule, time zone rules and clock allow.
        starts.len().hash(&mut hash);
        for start in starts {
            start.timestamp_micros().hash(&mut hash);
        }
        for (resource, calendar) in availability.calendars() {
            (resource, calendar.capacity()).hash(&mut hash);
            for occupancy in calendar.occupancies() {
                (occupancy.window, &occupancy.by).hash(&mut hash);
            }
        }
        // Then how many bookings fit depends on which resource serves first, and so on holds at any time.
        if has_competing_segments(request) {
            let choices = availability.list_all_choices(request);
            let segments = 0..event_type.segments.len();
            segments
                .flat_map(|segment| choices.candidates_of(segment))
                .for_each(|resource| resource.hash(&mut hash));
        }
        let digest = hash.0.finalize().into_bytes();
        let mut version = [0; LENGTH];
        version
            .iter_mut()
            .zip(digest)
            .for_each(|(byte, hashed)| *byte = hashed);
        Self(version)
    }
}

impl fmt::Display for ListVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Hashes values with HMAC-SHA256: of two lists with the same hash, guests would see the wrong one.
struct KeyedHasher(Hmac<Sha256>);

impl Hasher for KeyedHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns a part of the hash; the version has more of it.
    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize().into_bytes();
        digest
            .into_iter()
            .take(8)
            .fold(0, |part, byte| (part << 8) | u64::from(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::availability::tests::{
        at, event_type, find_slot, hold, id, segment_template, slot_request, usage,
    };
    use crate::domain::availability::{Occupancy, OccupancyStatus, OccupiedBy};
    use crate::domain::catalogue::EventType;
    use crate::domain::token::TokenKey;

    fn versioner(secret: &str) -> ListVersioner {
        ListVersioner::new(&TokenKeys::new(Vec::new(), TokenKey::from_secret(secret)))
    }

    fn version(capacity: u32, occupancies: Vec<Occupancy>, starts: &[i64], quantity: u32) -> String {
        let offered = event_type(vec![segment_template(0, 30, &["ana"])]);
        let availability = Availability::new(vec![usage("ana", capacity, None)], occupancies);
        let starts: Vec<_> = starts.iter().copied().map(at).collect();
        ListVersion::new(
            versioner("ours"),
            &availability,
            &slot_request(&offered, quantity),
            SlotSelection::default(),
            &starts,
        )
        .to_string()
    }

    #[test]
    fn each_part_of_a_list_is_part_of_its_version() {
        let confirmed = |unit, times| hold("ana", unit, times, OccupancyStatus::Confirmed);
        let unpaid = |unit, times| hold("ana", unit, times, OccupancyStatus::Unpaid);
        let mut block = confirmed(1, (0, 30));
        block.by = OccupiedBy::Block;
        let all = [
            version(2, vec![], &[0, 30], 1),
            version(3, vec![], &[0, 30], 1),
            version(2, vec![], &[0, 30], 2),
            version(2, vec![], &[30], 1),
            version(2, vec![confirmed(1, (0, 30))], &[0, 30], 1),
            version(2, vec![confirmed(2, (0, 30))], &[0, 30], 1),
            version(2, vec![confirmed(1, (0, 31))], &[0, 30], 1),
            version(2, vec![unpaid(1, (0, 30))], &[0, 30], 1),
            version(2, vec![block], &[0, 30], 1),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{all:?}");
        assert!(all.iter().all(|version| version.len() == 2 * LENGTH));
    }

    #[test]
    fn version_does_not_depend_on_the_order_of_rows() {
        let holds = [(2, 0), (1, 0), (1, 60)].map(|(unit, from)| {
            let mut hold = hold("ana", unit, (from, from + 30), OccupancyStatus::Confirmed);
            if let OccupiedBy::Holds { units, .. } = &mut hold.by {
                units.push(3);
            }
            hold
        });
        let mut backwards = holds.clone();
        backwards.reverse();
        for hold in &mut backwards {
            if let OccupiedBy::Holds { units, .. } = &mut hold.by {
                units.reverse();
            }
        }
        assert_eq!(
            version(3, holds.to_vec(), &[0], 1),
            version(3, backwards.to_vec(), &[0], 1)
        );
    }

    #[test]
    fn what_moves_slots_of_an_event_type_is_in_the_version() {
        let availability = Availability::default();
        let offered = event_type(vec![segment_template(0, 30, &["ana"])]);
        let version_of = |offered| {
            ListVersion::new(
                versioner("ours"),
                &availability,
                &slot_request(offered, 1),
                SlotSelection::default(),
                &[at(0)],
            )
            .to_string()
        };
        let mut others = vec![offered.clone(); 4];
        others[0].buffer_before_minutes = 5;
        others[1].buffer_after_minutes = 5;
        others[2].segments = vec![segment_template(0, 45, &["ana"])];
        others[3].segments = vec![segment_template(0, 30, &["ana", "ben"])];
        let ana = id("ana");
        let requested = SlotRequest {
            requested_resource: Some(&ana),
            ..slot_request(&offered, 1)
        };
        let mut versions: std::collections::BTreeSet<_> = others.iter().map(version_of).collect();
        versions.insert(version_of(&offered));
        let all = SlotSelection::default();
        let free = SlotSelection {
            only_free: true,
            ..all
        };
        let three = SlotSelection {
            limit: Some(3),
            ..all
        };
        for (request, selection) in [
            (&requested, all),
            (&slot_request(&offered, 1), free),
            (&slot_request(&offered, 1), three),
        ] {
            let version = ListVersion::new(versioner("ours"), &availability, request, selection, &[at(0)]);
            versions.insert(version.to_string());
        }
        assert_eq!(versions.len(), 8);
    }
    /// Which resource serves first depends on holds at any time, and with it how many bookings of competing segments fit.
    #[test]
    fn order_in_which_competing_resources_serve_is_in_the_version() {
        let availability = |latest: Option<u128>| {
            let usages = ["ana", "ben"].map(|resource| usage(resource, 1, latest));
            Availability::new(usages.to_vec(), Vec::new())
        };
        let both = [availability(None), availability(Some(1))];
        let show = |offered: &EventType| {
            both.each_ref().map(|availability| {
                let request = slot_request(offered, 1);
                let slot = find_slot(availability, &request, at(0)).unwrap();
                (
                    slot.available,
                    ListVersion::new(
                        versioner("ours"),
                        availability,
                        &request,
                        SlotSelection::default(),
                        &[at(0)],
                    )
                    .to_string(),
                )
            })
        };
        let pool = ["ana", "ben", "cleo", "dora"];
        let competing = event_type(vec![
            segment_template(0, 30, &pool[..2]),
            segment_template(0, 30, &pool),
        ]);
        let [one, other] = show(&competing);
        assert_eq!((one.0, other.0), (1, 2));
        assert_ne!(one.1, other.1);
        let [one, other] = show(&event_type(vec![segment_template(0, 30, &pool)]));
        assert_eq!(one, other);
    }

    #[test]
    fn another_installation_names_the_same_list_otherwise() {
        let offered = event_type(vec![segment_template(0, 30, &["ana"])]);
        let availability = Availability::new(vec![usage("ana", 1, None)], Vec::new());
        let [ours, theirs] = ["ours", "theirs"].map(|secret| {
            ListVersion::new(
                versioner(secret),
                &availability,
                &slot_request(&offered, 1),
                SlotSelection::default(),
                &[at(0)],
            )
        });
        assert_ne!(ours, theirs);
    }
}
