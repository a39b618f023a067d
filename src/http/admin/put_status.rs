//! The status of a successful `PUT`.

use axum::http::StatusCode;

use crate::domain::listing::PutOutcome;

/// Returns 201 if the `PUT` created the object, and 200 if it replaced it.
pub(super) fn to_put_status(outcome: PutOutcome) -> StatusCode {
    match outcome {
        PutOutcome::Created => StatusCode::CREATED,
        PutOutcome::Replaced => StatusCode::OK,
    }
}
