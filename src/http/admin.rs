//! The operators' routes, under `/v1/admin`. They require the operators' key; see [`super::auth`].

pub(super) mod commands;
pub(super) mod event_types;
pub(super) mod events;
pub(super) mod guests;
pub(super) mod holds;
mod pagination;
mod put_status;
pub(super) mod resources;
pub(super) mod sweep;
