//! Holdfast reserves time slots against Stripe payments: no slot sold twice, no payment without its slot or its money
//! back. `ARCHITECTURE.md` is the map.

pub mod domain;
pub mod gateway;
pub mod sandbox;
pub mod store;
