//! One binary for all integration tests: one module per room or promise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers fail by panicking"
)]

mod bad_input;
mod browser;
mod checkout;
mod expiry;
mod forgery;
mod gateway;
mod openapi;
mod race;
mod release;
mod sandbox;
mod store_contract;
mod stripe_faults;
mod support;
mod webhooks;
