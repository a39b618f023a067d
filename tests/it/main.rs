//! The integration tests: one binary, one file for each room or promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod gateway;
mod sandbox;
mod store_contract;
mod support;
