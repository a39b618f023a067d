//! What a page for people shows of a problem.

use axum::http::StatusCode;

use super::{FieldError, Problem, ProblemCode};

impl Problem {
    /// Returns the stable word for what went wrong.
    pub(in crate::http) fn code(&self) -> ProblemCode {
        self.code
    }

    /// Returns the status of the response.
    pub(in crate::http) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns what happened in this case, in English.
    pub(in crate::http) fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the errors of the request's members.
    pub(in crate::http) fn errors(&self) -> &[FieldError] {
        &self.errors
    }
}
