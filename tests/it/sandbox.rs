//! The simulator, driven over HTTP as Stripe's clients drive Stripe.
//!
//! Says nothing about the service: only that the simulator may stand in for Stripe. `official_sdk` lets Stripe's own
//! client judge that; the other files look at what an SDK hides. `integration_clients` is the exception: it runs the whole
//! `holdfast sandbox` and the clients that `docs/integration.md` shows.

mod checkout;
mod idempotency;
mod integration_clients;
pub(crate) mod official_sdk;
mod payments;
mod trouble;
mod webhooks;
mod world;
