//! What the workflows refuse, as problems.

use super::{Code, Problem};
use crate::workflow::move_hold::MoveError;
use crate::workflow::start_checkout::CheckoutError;

const NOT_OF_THIS: &str = "is not one of this event type's resources";

impl From<MoveError> for Problem {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Missing => Self::not_found("hold"),
            MoveError::NotMovable(_) => Self::new(Code::NotMovable, "only a held or a confirmed hold moves"),
            MoveError::TooLate => Self::new(Code::NotMovable, "its guest may not move it, or not any more"),
            MoveError::NotOnSale => Self::new(Code::NotMovable, "what was booked is not on sale any more"),
            MoveError::Start(why) => Self::invalid_field("starts_at", why.to_string()),
            MoveError::UnknownResource => Self::invalid_field("resource", NOT_OF_THIS),
            MoveError::SlotTaken(alternatives) => Self::slot_taken(&alternatives),
            MoveError::Workflow(trouble) => trouble.into(),
        }
    }
}

impl From<CheckoutError> for Problem {
    fn from(error: CheckoutError) -> Self {
        match error {
            CheckoutError::UnknownEventType => Self::not_found("event type"),
            CheckoutError::Start(why) => Self::invalid_field("starts_at", why.to_string()),
            CheckoutError::Email => {
                Self::invalid_field("guest.email", "is not an address that Stripe accepts")
            }
            CheckoutError::UnknownResource => Self::invalid_field("resource", NOT_OF_THIS),
            CheckoutError::TooDear => {
                Self::invalid_field("quantity", "costs more than Stripe takes in one payment")
            }
            CheckoutError::SlotTaken(alternatives) => Self::slot_taken(&alternatives),
            CheckoutError::TooMany { retry_after } => Self::new(
                Code::TooManyHolds,
                "pay for one of the slots you hold, or give it back",
            )
            .after(retry_after),
            CheckoutError::InProgress => Self::new(
                Code::IdempotencyInProgress,
                "ask again with the same key for its answer",
            ),
            CheckoutError::Mismatch => {
                Self::new(Code::IdempotencyMismatch, "use a new key for a new request")
            }
            CheckoutError::Workflow(trouble) => trouble.into(),
        }
    }
}
