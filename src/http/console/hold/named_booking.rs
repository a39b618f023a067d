//! A booking with the names of what was booked, as all pages about a hold show it.

use std::collections::BTreeMap;

use crate::domain::booking::Booking;
use crate::domain::catalogue::EventType;
use crate::domain::ids::{HoldId, ResourceId};
use crate::http::console::signed_in::SignedIn;
use crate::http::error::Problem;
use crate::http::path_id::parse_hold_id;
use crate::http::server::Server;
use crate::workflow::{catalogue, queries};

/// Returns the path of a hold's page.
pub(in crate::http::console) fn path_of(id: HoldId) -> String {
    format!("/console/holds/{id}")
}

/// A booking with the names of what was booked.
pub(super) struct NamedBooking {
    pub(super) booking: Booking,
    /// What was booked; `None` if it is not on sale any more.
    pub(super) event_type: Option<EventType>,
    /// The names of the resources that still exist.
    resources: BTreeMap<ResourceId, String>,
}

impl NamedBooking {
    /// Loads a booking by the id in a path.
    ///
    /// # Errors
    /// `not_found` if there is no such hold.
    pub(super) async fn load(server: &Server, id: &str) -> Result<Self, Problem> {
        let found = queries::find_hold(&server.context, parse_hold_id(id)?).await?;
        Self::name(server, found.ok_or_else(|| Problem::not_found("hold"))?).await
    }

    /// Finds the names for a booking.
    pub(super) async fn name(server: &Server, booking: Booking) -> Result<Self, Problem> {
        let event_type = catalogue::find_event_type(&server.context, &booking.event_type).await?;
        let served = event_type.iter().flat_map(EventType::list_resources);
        let kept = booking.segments.iter().map(|segment| segment.resource.clone());
        let mut ids: Vec<ResourceId> = served.chain(kept).collect();
        ids.sort();
        ids.dedup();
        let resources = catalogue::find_resources(&server.context, &ids).await?;
        let resources = resources.into_iter().map(|resource| (resource.id, resource.name));
        Ok(Self {
            booking,
            event_type,
            resources: resources.collect(),
        })
    }

    pub(super) fn id(&self) -> HoldId {
        self.booking.hold.id
    }

    /// Returns the name of what was booked, or else its id.
    pub(super) fn event_type_name(&self) -> &str {
        let name = self
            .event_type
            .as_ref()
            .map(|event_type| event_type.name.as_str());
        name.unwrap_or(self.booking.event_type.as_str())
    }

    /// Returns the name of a resource, or else its id.
    pub(super) fn resource_name<'a>(&'a self, id: &'a ResourceId) -> &'a str {
        self.resources.get(id).map_or(id.as_str(), String::as_str)
    }

    /// Returns the guest's name, or else the address; `None` once both are erased.
    pub(super) fn guest(&self) -> Option<&str> {
        let guest = &self.booking.guest;
        let address = Some(guest.email.as_str()).filter(|address| !address.is_empty());
        guest.name.as_deref().or(address)
    }

    /// Returns one line that says which booking it is.
    pub(super) fn summary(&self, signed_in: &SignedIn) -> String {
        let window = self.booking.window();
        let when = signed_in.moment(window.starts_at());
        match self.guest() {
            Some(guest) => format!("{guest}: {}, {when}", self.event_type_name()),
            None => format!("{}, {when}", self.event_type_name()),
        }
    }
}
