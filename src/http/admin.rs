//! The operators' routes, under `/v1/admin`. They require a key with the scope of the route; see [`super::auth`] and
//! [`super::scopes`].

pub(super) mod attention;
pub(super) mod audit;
pub(super) mod closures;
pub(super) mod commands;
pub(super) mod endpoints;
pub(super) mod event_types;
pub(super) mod events;
pub(super) mod events_out;
pub(super) mod guests;
pub(super) mod hold_list;
pub(super) mod holds;
pub(super) mod keys;
pub(super) mod pagination;
pub(super) mod payments;
mod put_status;
pub(super) mod refunds;
pub(super) mod resources;
pub(super) mod summary;
pub(super) mod sweep;
