//! Holdfast sells time slots through Stripe Checkout. It does not sell a slot twice, and it does not keep money for a
//! slot that it did not give.
//!
//! # Layout
//!
//! A layer may use only the layers to its right; `tests/tidy.rs` checks that.
//!
//! ```text
//! main → app → jobs → http → workflow → store, gateway → domain
//! ```
//!
//! - [`domain`] has the rules: pure functions and types, without I/O, clock or randomness.
//! - [`store`] is the database: one trait, with an engine for SQLite and one for PostgreSQL.
//! - [`gateway`] talks to Stripe and to calendar feeds.
//! - [`workflow`] fixes the order of commits and calls: checkout, release, settle, sweep, outbox.
//! - [`http`] serves guests, Stripe, operators and machines.
//! - [`jobs`] runs the background work; [`app`] wires everything together.
//! - [`config`], [`clock`], [`telemetry`] and [`doctor`] stand beside [`app`]: environment, time, logs, checks.
//! - [`sandbox`] is a Stripe simulator that uses nothing of the rest. [`stripe_sandbox`] and [`demo_shop`] run it.
//! - [`catalogue_command`] has the commands that print the catalogue and read it from a file, [`reconcile_command`] is the
//!   command that compares the ledger with Stripe; [`key_command`] and [`today_command`] work on the database alone.
//!
//! `ARCHITECTURE.md` explains how they work together.

pub mod app;
pub mod catalogue_command;
pub mod clock;
pub mod config;
pub mod demo_shop;
pub mod doctor;
pub mod domain;
pub mod gateway;
pub mod http;
pub mod jobs;
pub mod key_command;
pub mod reconcile_command;
pub mod sandbox;
pub mod store;
pub mod stripe_sandbox;
pub mod telemetry;
pub mod today_command;
pub mod workflow;
