//! Tests of the HTTP interface and the command line, route by route: the requests of a caller and their responses.

mod admin_routes;
mod availability;
mod bad_input;
mod blocks;
mod browser;
mod calendar_feeds;
mod cancel_hold;
mod capacity;
mod command_line;
mod composite_event_types;
mod doctor;
mod forged_webhooks;
mod guest_data;
mod hold_limits;
mod idempotency_keys;
mod key_mode;
mod move_hold;
mod openapi;
mod operator_actions;
mod release_hold;
mod resource_pools;
mod response_headers;
mod server_terms;
mod start_checkout;
mod token_secrets;
mod webhooks;
