//! Tests of the HTTP interface and the command line, route by route: the requests of a caller and their responses.

mod access_keys;
mod admin_listen;
mod admin_routes;
mod audit_trail;
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
mod hold_limits;
mod move_hold;
mod openapi;
mod operator_actions;
mod release_hold;
mod resource_pools;
mod server_key;
mod server_terms;
mod start_checkout;
mod webhooks;
mod wrong_keys;
