//! The simulator, driven over HTTP as Stripe's clients drive Stripe.
//!
//! Says nothing about the service: only that the simulator may stand in for Stripe. `official_sdk` lets Stripe's own
//! client judge that; the other files look at what an SDK hides.

mod checkout;
mod fault_injection;
mod idempotency;
pub(crate) mod official_sdk;
mod payments;
mod webhooks;
mod world;
