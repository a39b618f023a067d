//! One binary for all integration tests: one module per room or promise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers fail by panicking"
)]
#![allow(clippy::print_stderr, reason = "tests say their seeds and what they counted")]

mod bad_input;
mod browser;
mod checkout;
mod cli;
mod expiry;
mod forgery;
mod gateway;
mod instances;
mod openapi;
mod operators;
mod outage;
mod race;
mod release;
mod saga;
mod sandbox;
mod secrets;
mod skew;
mod store_contract;
mod stripe_down;
mod stripe_faults;
mod support;
mod sweep;
mod terms;
mod webhooks;
