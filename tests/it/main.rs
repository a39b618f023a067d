//! One binary for all integration tests: one module per room or promise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test's helpers fail by panicking, and a random one tells its seed"
)]

mod bad_input;
mod blocks;
mod browser;
mod calendars;
mod cancels;
mod checkout;
mod classes;
mod cli;
mod composites;
mod doctor;
mod doors;
mod expiry;
mod forgery;
mod funds;
mod gateway;
mod hands;
mod instances;
mod killed;
mod late;
mod limits;
mod moves;
mod openapi;
mod operators;
mod orders;
mod outage;
mod plans;
mod pools;
mod race;
mod release;
mod retention;
mod saga;
mod sandbox;
mod secrets;
mod skew;
mod slots;
mod store_contract;
mod stripe_down;
mod stripe_faults;
mod support;
mod sweep;
mod terms;
mod upgrade;
mod webhooks;
