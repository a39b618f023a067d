//! The workflows: starting a checkout, applying what Stripe says, releasing a slot, carrying out commands, sweeping.
//!
//! Each workflow loads, decides by a pure rule of `domain`, and commits by compare-and-swap. None keeps a database
//! transaction open while it waits for Stripe (I6). Callers and response formats belong to `http` and `jobs`.

pub mod access_keys;
mod account_proof;
mod acquire_slot;
pub mod apply_event;
mod apply_fact;
mod ask_session;
pub mod attention;
pub mod audit;
pub mod availability;
pub mod cancel_hold;
pub mod catalogue;
pub mod catalogue_file;
pub mod check_hold;
pub mod closures;
pub mod console_sessions;
mod context;
pub mod day_plan;
pub mod deliver_events;
mod earlier_order;
mod error;
pub mod event_endpoints;
mod event_owner;
pub mod extend_hold;
pub mod guest_data;
pub mod guest_rights;
mod heavy_work;
pub mod hold_events;
mod hold_limits;
pub mod move_hold;
pub mod move_slots;
pub mod outbox;
mod own_payment;
pub mod queries;
pub mod read_feeds;
pub mod reconcile;
mod record_money;
mod recorded_reads;
mod recover_attempts;
pub mod refresh_hold;
mod refund_order;
pub mod release_as_seen;
pub mod release_hold;
mod release_processing;
pub mod replay_event;
mod retention;
pub mod return_money;
mod settings;
pub mod shop_calendar;
pub mod slot_changes;
mod slot_gate;
pub mod sold_twice;
pub mod start_checkout;
pub mod stream_events;
pub mod summary;
pub mod sweep;
mod unknown_session;
mod waiting_payments;
pub mod worker_panics;
mod write_change;
mod write_fact;

pub use context::Context;
pub use error::{WorkflowError, format_error_chain};
pub use settings::{LimitSettings, Settings};
