//! The ledger of a payment: what Stripe says about its money. Of each of Stripe's objects the newest snapshot is kept
//! ([`snapshots`]), so that the order, the repetition and the source of facts cannot matter.

pub mod snapshots;
