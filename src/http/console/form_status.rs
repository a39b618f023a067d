//! The status of a page that shows a form.

use axum::http::StatusCode;

use crate::http::error::Problem;

/// Returns the status of a page that shows a form: that of a refusal if a value was not acceptable, so that the audit trail says
/// so too.
pub(super) fn of_form(fault: Option<&str>) -> StatusCode {
    match fault {
        None => StatusCode::OK,
        Some(_) => Problem::invalid(Vec::new()).status(),
    }
}
