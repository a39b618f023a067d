//! The ledger of a payment: what Stripe says about its money. Events bring facts ([`fact`]), and of each of Stripe's
//! objects the newest snapshot is kept ([`snapshots`]), so that the order, the repetition and the source of facts cannot
//! matter. What only an earlier version's counter says is replaced by them ([`unverified`]). Beside the facts stand the shop's
//! decisions ([`decisions`]). Where the money is, is derived from both ([`sums`]).

pub mod decisions;
pub mod fact;
pub mod snapshots;
pub mod sums;
pub mod unverified;
