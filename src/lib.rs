//! Holdfast reserves time slots against Stripe payments: no slot sold twice, no payment without its slot or its money
//! back. `ARCHITECTURE.md` is the map.

pub mod app;
pub mod clock;
pub mod config;
pub mod demo_shop;
pub mod doctor;
pub mod domain;
pub mod gateway;
pub mod http;
pub mod jobs;
pub mod sandbox;
pub mod store;
pub mod stripe_sandbox;
pub mod telemetry;
pub mod workflow;
