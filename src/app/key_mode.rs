//! Compares the mode of Stripe's key with that of the work in the database.

use crate::domain::figures::OtherModeWork;
use crate::workflow::{Context, WorkflowError, queries};

/// The key is of the one mode of Stripe, and the database has work left of the other.
#[derive(Debug, thiserror::Error)]
#[error(
    "STRIPE_SECRET_KEY is a {key} key, but the database has work of {other} mode left: {work}. Set a {other} key until \
     that work is finished, or use another database"
)]
pub struct WrongModeError {
    key: &'static str,
    other: &'static str,
    work: OtherModeWork,
}

/// Finds the work that only a key of the other mode can finish; `None` if there is none.
pub(super) async fn find_other_mode_work(context: &Context) -> Result<Option<WrongModeError>, WorkflowError> {
    let work = queries::count_other_mode_work(context).await?;
    if work.is_empty() {
        return Ok(None);
    }
    let (key, other) = if context.settings.livemode {
        ("live", "test")
    } else {
        ("test", "live")
    };
    Ok(Some(WrongModeError { key, other, work }))
}
