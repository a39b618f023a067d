//! What the catalogue calls the things of a booking, for people to read.

use std::collections::BTreeMap;

use super::ids::ResourceId;
use super::zone::ZoneName;

/// The names of what was booked, as the catalogue has them at the moment of reading. A hold keeps only ids, so an event type that is
/// renamed has its new name in all holds.
///
/// They are no part of what was booked, so bookings that differ in nothing else are equal.
#[derive(Clone, Debug, Default)]
pub struct CatalogueNames {
    /// The name of the event type; `None` if it is not in the catalogue any more.
    pub event_type: Option<String>,
    /// The time zone of the event type's schedule, which is UTC without a schedule; `None` if the event type is not in the
    /// catalogue any more.
    pub timezone: Option<ZoneName>,
    /// The names of resources; that of the booking's first one is among them if it is in the catalogue.
    pub resources: BTreeMap<ResourceId, String>,
}

impl PartialEq for CatalogueNames {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for CatalogueNames {}
