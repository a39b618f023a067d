//! The ids in a path. Text that cannot be an id is `not_found`, because nothing has such an id.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::error::Problem;
use crate::domain::ids::{ClosureId, EventTypeId, HoldId, ResourceId};

/// The id in a path, as text. If the path does not decode to text, it is empty, which is nobody's id.
pub(super) struct PathId(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(id.map(|Path(id)| id).unwrap_or_default()))
    }
}

/// Parses the id of a hold.
pub(super) fn parse_hold_id(text: &str) -> Result<HoldId, Problem> {
    HoldId::parse(text).ok_or_else(|| Problem::not_found("hold"))
}

/// Parses the id of an event type.
pub(super) fn parse_event_type_id(text: &str) -> Result<EventTypeId, Problem> {
    EventTypeId::parse(text).map_err(|_| Problem::not_found("event type"))
}

/// Parses the id of a closure.
pub(super) fn parse_closure_id(text: &str) -> Result<ClosureId, Problem> {
    ClosureId::parse(text).map_err(|_| Problem::not_found("closure"))
}

/// Parses the id of a resource.
pub(super) fn parse_resource_id(text: &str) -> Result<ResourceId, Problem> {
    ResourceId::parse(text).map_err(|_| Problem::not_found("resource"))
}
