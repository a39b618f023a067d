//! Tests the Stripe simulator over HTTP, as a client of Stripe uses it.
//!
//! These tests do not cover the service. They show that the simulator can stand in for Stripe. `official_sdk` tests it
//! with Stripe's own client; the other files test what an SDK hides.
//! `integration_clients` is the exception: it runs the whole `holdfast sandbox` and the clients that
//! `docs/integration.md` shows.

mod checkout;
mod disputes;
mod fault_injection;
mod fixture;
mod idempotency;
mod integration_clients;
pub(crate) mod official_sdk;
mod payments;
mod refunds;
mod webhooks;
