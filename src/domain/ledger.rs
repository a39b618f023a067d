//! The ledger of a payment: what Stripe says about its money. Events bring facts ([`fact`]), and of each of Stripe's
//! objects the newest snapshot is kept ([`snapshots`]), so that the order, the repetition and the source of facts cannot
//! matter.

pub mod fact;
pub mod snapshots;
