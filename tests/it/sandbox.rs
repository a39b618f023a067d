//! Tests the Stripe simulator over HTTP, as a client of Stripe uses it.
//!
//! These tests do not cover the service. They show that the simulator can stand in for Stripe. `official_sdk` tests it
//! with Stripe's own client; the other files test what an SDK hides.
//! Two run the whole `holdfast sandbox`: `integration_clients`, with the clients that `docs/integration.md` shows, and
//! `public_url`, behind an address that guests use.

mod checkout;
mod disputes;
mod fault_injection;
mod fixture;
mod idempotency;
mod integration_clients;
pub(crate) mod official_sdk;
mod payments;
mod public_url;
mod refunds;
mod webhooks;
