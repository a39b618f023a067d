//! Builds all integration tests as one binary. Each folder is one subject; `docs/testing.md` says which test proves
//! what.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "the fixtures of a test fail by panicking, and a random test prints its seed"
)]

mod api;
mod console;
mod deploy;
mod failures;
mod invariants;
mod sandbox;
mod store;
mod support;
