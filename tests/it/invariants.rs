//! Tests of the invariants that hold in every race, order and delay: one buyer per slot, money with its slot, each
//! event applied once.

mod earlier_versions;
mod event_order;
mod event_ownership;
mod fresh_availability;
mod hold_expiry;
mod late_payment;
mod privacy;
mod refunds_and_disputes;
mod reported_money;
mod slot_race;
mod slot_without_money;
mod sweep;
