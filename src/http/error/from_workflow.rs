//! Turns the errors of workflows into problems.

use super::{Problem, ProblemCode};
use crate::domain::ids::ResourceId;
use crate::workflow::access_keys::CreateKeyError;
use crate::workflow::availability::SlotListError;
use crate::workflow::closures::PutClosureError;
use crate::workflow::extend_hold::ExtendError;
use crate::workflow::move_hold::MoveError;
use crate::workflow::return_money::ReturnError;
use crate::workflow::start_checkout::CheckoutError;
use crate::workflow::{WorkflowError, format_error_chain};

const UNKNOWN_RESOURCE: &str = "is not one of this event type's resources";

impl From<MoveError> for Problem {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Missing => Self::not_found("hold"),
            MoveError::NotMovable(_) => Self::new(
                ProblemCode::NotMovable,
                "only a held or a confirmed hold can be moved",
            ),
            MoveError::TooLate => Self::new(
                ProblemCode::NotMovable,
                "the event type does not let its guest move it now",
            ),
            MoveError::NotOnSale => Self::new(ProblemCode::NotMovable, "its event type is no longer on sale"),
            MoveError::Start(error) => Self::invalid_field("starts_at", error.to_string()),
            MoveError::UnknownResource => Self::invalid_field("resource", UNKNOWN_RESOURCE),
            MoveError::SlotTaken(alternatives) => Self::slot_taken(&alternatives),
            MoveError::Changed => Self::hold_changed(),
            MoveError::Workflow(error) => error.into(),
        }
    }
}

impl From<SlotListError> for Problem {
    fn from(error: SlotListError) -> Self {
        match error {
            SlotListError::UnknownEventType => Self::not_found("event type"),
            SlotListError::UnknownResource => Self::invalid_field("resource", UNKNOWN_RESOURCE),
            SlotListError::Workflow(error) => error.into(),
        }
    }
}

impl From<ExtendError> for Problem {
    fn from(error: ExtendError) -> Self {
        match error {
            ExtendError::Missing => Self::not_found("hold"),
            ExtendError::NotHeld | ExtendError::Extended | ExtendError::NothingLeft => {
                Self::new(ProblemCode::Conflict, error.to_string())
            }
            ExtendError::Workflow(error) => error.into(),
        }
    }
}

impl From<CheckoutError> for Problem {
    fn from(error: CheckoutError) -> Self {
        match error {
            CheckoutError::UnknownEventType => Self::not_found("event type"),
            CheckoutError::Start(error) => Self::invalid_field("starts_at", error.to_string()),
            CheckoutError::Email => {
                Self::invalid_field("guest.email", "is not an address that Stripe accepts")
            }
            CheckoutError::UnknownResource => Self::invalid_field("resource", UNKNOWN_RESOURCE),
            CheckoutError::TooDear => {
                Self::invalid_field("quantity", "costs more than Stripe takes in one payment")
            }
            CheckoutError::SlotTaken(alternatives) => Self::slot_taken(&alternatives),
            CheckoutError::OwnHold(alternatives) => Self::slot_taken_by_own_hold(&alternatives),
            CheckoutError::AlreadyPaid => Self::new(
                ProblemCode::AlreadyPaid,
                "the hold in `replaces` is paid, or a payment for it is in progress",
            ),
            CheckoutError::TooMany { retry_after } => Self::new(
                ProblemCode::TooManyHolds,
                "pay for one of the held slots, or release it",
            )
            .with_retry_after(retry_after),
            CheckoutError::InProgress => Self::new(
                ProblemCode::IdempotencyInProgress,
                "retry with the same key to get its response",
            ),
            CheckoutError::Mismatch => Self::key_of_other_request(),
            CheckoutError::Workflow(error) => error.into(),
        }
    }
}

impl From<ReturnError> for Problem {
    fn from(error: ReturnError) -> Self {
        match error {
            ReturnError::Missing => Self::not_found("hold"),
            ReturnError::Refused(fault) => Self::invalid_field("amount", fault.to_string()),
            ReturnError::OtherRequest => Self::key_of_other_request(),
            ReturnError::Changed => Self::hold_changed(),
            ReturnError::Workflow(error) => error.into(),
        }
    }
}

impl Problem {
    /// Makes a `conflict` problem: the hold is not as the operator saw it before the act.
    pub(in crate::http) fn hold_changed() -> Self {
        Self::new(
            ProblemCode::Conflict,
            "the hold has changed meanwhile: read it again",
        )
    }

    fn key_of_other_request() -> Self {
        Self::new(
            ProblemCode::IdempotencyMismatch,
            "use a new key for a new request",
        )
    }
}

impl From<PutClosureError> for Problem {
    fn from(error: PutClosureError) -> Self {
        match error {
            PutClosureError::UnknownResources(unknown) => {
                let ids: Vec<&str> = unknown.0.iter().map(ResourceId::as_str).collect();
                let detail = format!("must be resources that exist, and not {}", ids.join(", "));
                Self::invalid_field("resources", detail)
            }
            PutClosureError::NoSuchDay => Self::invalid_field("from", error.to_string()),
            PutClosureError::Workflow(error) => error.into(),
        }
    }
}

impl From<CreateKeyError> for Problem {
    fn from(error: CreateKeyError) -> Self {
        match error {
            CreateKeyError::NameTaken => Self::new(ProblemCode::Conflict, "another key has this name"),
            CreateKeyError::NameReserved => Self::invalid_field(
                "name",
                "is reserved: bootstrap and command-line name no other key",
            ),
            CreateKeyError::Expired => Self::invalid_field("expires_at", "must be in the future"),
            CreateKeyError::Workflow(error) => error.into(),
        }
    }
}

impl From<WorkflowError> for Problem {
    fn from(error: WorkflowError) -> Self {
        let source = std::error::Error::source(&error)
            .map(format_error_chain)
            .unwrap_or_default();
        match &error {
            WorkflowError::Stripe { retry_after } => {
                tracing::warn!("responding 503: Stripe is unavailable");
                let seconds = retry_after.map(|wait| wait.as_secs().clamp(1, 60));
                let problem = Self::new(
                    ProblemCode::StripeUnavailable,
                    "try again shortly; nothing was charged or held",
                );
                Self {
                    retry_after: seconds.or(problem.retry_after),
                    ..problem
                }
            }
            WorkflowError::UnknownSession => Self::new(
                ProblemCode::StripeUnavailable,
                "Stripe does not know the payment session of this hold, so the hold keeps its slot",
            ),
            // The checkout has logged it.
            WorkflowError::Refused(_) => Self::new(
                ProblemCode::StripeRefused,
                "Stripe refuses this checkout, and nothing was charged or held: tell the shop",
            ),
            WorkflowError::Store(_) => {
                tracing::error!(error = source, "responding 503: the database is unavailable");
                Self::new(ProblemCode::StoreUnavailable, "try again shortly")
            }
            WorkflowError::TooBusy => Self::too_busy("ask for fewer slots at once, or try again shortly"),
            // The workflow has logged it.
            WorkflowError::UnreadableEvent => Self::new(
                ProblemCode::Internal,
                "this version cannot read an event of this installation: send it again",
            ),
            WorkflowError::UndecidedOrder(_) | WorkflowError::Internal(_) => {
                tracing::error!(error = source, "responding 500");
                Self::new(
                    ProblemCode::Internal,
                    "the log has the details under this request's id",
                )
            }
        }
    }
}
