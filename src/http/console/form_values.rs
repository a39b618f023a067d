//! The values of a form, and of the query of a page.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

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
    /// Reads a query.
    pub(super) fn parse(query: &str) -> Self {
        Self(FormValues::parse(query.as_bytes()))
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
