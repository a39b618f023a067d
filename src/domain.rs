//! The terms of Holdfast and their rules: what a hold is, how it changes, what it costs, which slots are free.
//!
//! This layer is pure: no I/O, no async, no serialization, no clock, no randomness. A rule gets every input as an
//! argument, so that it can be read, tested and model-checked without a database or a network. Storage, wire formats
//! and scheduling belong to `store`, `gateway`, `workflow` and `http`.

pub mod access_key;
pub mod audit;
pub mod availability;
pub mod booking;
pub mod calendar_feed;
pub mod catalogue;
pub mod catalogue_names;
pub mod change_policy;
pub mod charge_rules;
pub mod checkout_line;
pub mod checkout_options;
pub mod closure;
pub mod command;
pub mod console_session;
pub mod date_words;
pub mod day_plan;
pub mod event_endpoint;
pub mod event_out;
pub mod figures;
pub mod hold;
pub mod hold_limit;
pub mod ids;
pub mod key_scope;
pub mod lapses;
pub mod ledger;
pub mod listing;
pub mod locale;
pub mod log_id;
pub mod money;
pub mod money_summary;
mod money_text;
pub mod payment;
pub mod payment_method;
pub mod refusal_code;
pub mod schedule;
pub mod segment;
pub mod session;
pub mod summary;
pub mod time;
pub mod token;
pub mod zone;
