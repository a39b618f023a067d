//! Stripe's webhooks: whether a delivery is from Stripe ([`verify`]), and which fact it carries ([`read`]).
//!
//! Both functions are pure, and no input makes them panic. Deliveries come more than once, late and in any order, as
//! Stripe's documentation says. What follows from a fact, and whether it is known already, is left to `workflow`.

mod event;
mod signature;

pub use event::{Event, EventContent, IgnoreReason, MalformedEvent, parse_event as read};
pub use signature::{
    SIGNATURE_TOLERANCE as TOLERANCE, SignatureError, sign_payload as sign, verify_signature as verify,
};
