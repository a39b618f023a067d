//! The values of a form, and of the query of a page.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use chrono::NaiveDate;

use crate::domain::console_session::ConsoleToken;
use crate::domain::listing::PageRequest;
use crate::http::auth::is_same_secret;
use crate::http::error::{Problem, ProblemCode};

/// The largest form, in bytes.
pub(super) const MAX_FORM: usize = 64 * 1024;
/// The field with the token of the session that each form carries.
pub(super) const FORM_TOKEN: &str = "form_token";

/// The values of a form that was sent, in its order; empty if the request has no form.
#[derive(Clone, Debug, Default)]
pub(super) struct FormValues(Arc<Vec<(String, String)>>);

/// The values of the query of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct QueryValues(FormValues);

impl FormValues {
    /// Reads the encoding that forms and queries share. It cannot fail: what is no pair is a name without a value.
    pub(super) fn parse(encoded: &[u8]) -> Self {
        Self(Arc::new(
            url::form_urlencoded::parse(encoded).into_owned().collect(),
        ))
    }

    /// Returns the first value with this name as it was typed.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let found = pairs.find(|(its_name, _)| its_name == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the first value with this name without blanks around it; `None` if it is missing or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|text| !text.is_empty())
    }

    /// Returns all values with this name, such as those of checkboxes.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.iter().filter(move |(its_name, _)| its_name == name);
        pairs.map(|(_, value)| value.as_str())
    }

    /// Tells whether the form has a value with this name, as a ticked checkbox has.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Returns all pairs, to carry them on in hidden fields.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl QueryValues {
    /// Reads the query of a page.
    pub(super) fn parse(query: &str) -> Self {
        Self(FormValues::parse(query.as_bytes()))
    }

    /// Returns which page of a list is asked for.
    pub(super) fn page(&self, limit: u32) -> PageRequest {
        PageRequest {
            limit,
            cursor: self.text("cursor").map(str::to_owned),
        }
    }

    /// Returns the day with which a form begins: the one that is asked for, not before today.
    pub(super) fn day_from(&self, today: NaiveDate) -> NaiveDate {
        let asked = self.text("day").and_then(|text| text.parse().ok());
        asked.map_or(today, |day: NaiveDate| day.max(today))
    }
}

impl std::ops::Deref for QueryValues {
    type Target = FormValues;

    fn deref(&self) -> &FormValues {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for FormValues {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueryValues {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

/// Reads the body of a form.
///
/// # Errors
/// `malformed` if it is no form, or too large.
pub(super) async fn read_form(parts: &Parts, body: Body) -> Result<FormValues, Problem> {
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::unsupported_media_type("send a form"));
    }
    let body = axum::body::to_bytes(body, MAX_FORM).await;
    let body = body.map_err(|_| Problem::too_large())?;
    Ok(FormValues::parse(&body))
}

/// Checks that a form carries the token of its session.
///
/// # Errors
/// `forbidden` if it does not.
pub(super) fn require_form_token(token: &ConsoleToken, sent: Option<&str>) -> Result<(), Problem> {
    let is_own = is_same_secret(&token.form_token(), sent.unwrap_or_default());
    is_own.then_some(()).ok_or_else(|| {
        Problem::new(
            ProblemCode::Forbidden,
            "the form is of another session: open its page again",
        )
    })
}
