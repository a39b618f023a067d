//! The nouns of Holdfast and their rules: what a hold is, what may happen to it, what it costs.
//!
//! Pure: no I/O, no async, no serialization, no clock, no randomness. Everything here can be read, tested and
//! model-checked without a database or a network. How things are stored, spelled on a wire or scheduled is left to
//! `store`, `gateway`, `workflow` and `http`.

pub mod availability;
pub mod booking;
pub mod catalogue;
pub mod command;
pub mod hold;
pub mod ids;
pub mod listing;
pub mod money;
pub mod payment;
pub mod schedule;
pub mod session;
pub mod time;
pub mod token;
