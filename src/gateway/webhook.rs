//! What Stripe tells us: whether a delivery is Stripe's ([`verify`]), and which fact it carries ([`read`]).
//!
//! Both are pure and never panic, whatever is sent. Deliveries come doubled, late and in any order; what follows from
//! a fact, and whether it was told before, is left to `workflow`.

mod event;
mod signature;

pub use event::{Event, EventContent, IgnoreReason, MalformedEvent, read};
pub use signature::{SignatureError, TOLERANCE, sign, verify};
