//! Tests the Stripe simulator over HTTP, as a client of Stripe uses it.
//!
//! These tests do not cover the service. They show that the simulator can stand in for Stripe. `official_sdk` tests it
//! with Stripe's own client, `simulator_clients` with the programs that `docs/simulator.md` shows; the other files test
//! what an SDK hides.
//! Three run the whole `holdfast sandbox`: `integration_clients`, with the clients that `docs/integration.md` shows,
//! `public_url`, behind an address that guests use, and `restart`, which ends it and starts it again.

mod account_file;
mod checkout;
mod disputes;
mod embedded_page;
mod fault_injection;
mod fixture;
mod idempotency;
mod integration_clients;
pub(crate) mod official_sdk;
mod payments;
mod promotions;
mod public_url;
mod refunds;
mod restart;
mod simulator_clients;
mod webhooks;
