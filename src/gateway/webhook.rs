//! Stripe's webhooks: [`SignatureHeader`] says whether a delivery is from Stripe, [`parse_event`] which fact it carries.
//!
//! Both functions are pure, and no input makes them panic. Deliveries come more than once, late and in any order, as
//! Stripe's documentation says. What follows from a fact, and whether it is known already, is left to `workflow`.

mod event;
mod signature;
mod subscription;

pub use event::{Event, EventContent, IgnoreReason, MalformedEvent, parse_event};
pub use signature::{
    SIGNATURE_TOLERANCE, SignatureError, SignatureHeader, parse_signature_header, sign_payload,
};
pub use subscription::find_missing_events;
