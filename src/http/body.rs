//! Reading requests: JSON bodies and query strings into our types, with every fault of every member named at once.
//!
//! What is not JSON is `malformed`; what is JSON but not acceptable is `invalid`. Unknown members are refused, so that a
//! typo never passes silently. What single values must look like stands in `fields`.

use std::fmt::Display;
use std::ops::ControlFlow;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, header};
use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef};
use serde_json::Value;

use super::error::{Code, FieldError, Problem};
use super::unique::Unique;

/// The faults of a request's members, collected.
#[derive(Debug, Default)]
pub(super) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Notes a fault.
    pub(super) fn add(&mut self, field: &str, detail: impl Display) {
        self.0.push(FieldError {
            field: field.to_owned(),
            detail: detail.to_string(),
        });
    }

    /// One fault, of the member at this place.
    pub(super) fn at(location: ValuePointerRef<'_>, detail: impl Display) -> Self {
        let mut faults = Self::default();
        faults.add(&here(&path(location)), detail);
        faults
    }

    /// The value, or a note of what is wrong with it.
    pub(super) fn take<T, E: Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|detail| self.add(field, detail)).ok()
    }

    /// The faults as an answer.
    pub(super) fn into_problem(self) -> Problem {
        Problem::invalid(self.0)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl MergeWithError<FieldErrors> for FieldErrors {
    fn merge(own: Option<Self>, other: FieldErrors, _: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        let mut faults = own.unwrap_or_default();
        faults.0.extend(other.0);
        ControlFlow::Continue(faults)
    }
}

/// What is wrong with a member, where a function reads it.
impl MergeWithError<String> for FieldErrors {
    fn merge(own: Option<Self>, detail: String, location: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        <Self as MergeWithError<Self>>::merge(own, Self::at(location, detail), location)
    }
}

impl DeserializeError for FieldErrors {
    fn error<V: IntoValue>(
        own: Option<Self>,
        error: ErrorKind<'_, V>,
        location: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let mut faults = own.unwrap_or_default();
        let (field, detail) = describe(&error, &path(location));
        faults.add(&field, detail);
        ControlFlow::Continue(faults)
    }
}

fn describe<V: IntoValue>(error: &ErrorKind<'_, V>, at: &str) -> (String, String) {
    let below = |field: &str| {
        if at.is_empty() {
            field.to_owned()
        } else {
            format!("{at}.{field}")
        }
    };
    match error {
        ErrorKind::MissingField { field } => (below(field), "is missing".to_owned()),
        ErrorKind::UnknownKey { key, .. } => (below(key), "is not a member we know".to_owned()),
        ErrorKind::IncorrectValueKind { accepted, .. } => (here(at), format!("must be {}", kinds(accepted))),
        ErrorKind::UnknownValue { accepted, .. } => {
            (here(at), format!("must be one of {}", accepted.join(", ")))
        }
        ErrorKind::BadSequenceLen { .. } => (here(at), "has the wrong number of elements".to_owned()),
        ErrorKind::Unexpected { msg } => (here(at), msg.clone()),
    }
}

/// The name of the whole body, for a fault of no member of it.
fn here(at: &str) -> String {
    if at.is_empty() {
        "(body)".to_owned()
    } else {
        at.to_owned()
    }
}

fn kinds(accepted: &[ValueKind]) -> String {
    let name = |kind: &ValueKind| match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "true or false",
        ValueKind::Integer => "a positive integer",
        ValueKind::NegativeInteger => "a negative integer",
        ValueKind::Float => "a number",
        ValueKind::String => "a string",
        ValueKind::Sequence => "a list",
        ValueKind::Map => "an object",
    };
    let integers = [ValueKind::Integer, ValueKind::NegativeInteger];
    if accepted.len() == 2 && accepted.iter().all(|kind| integers.contains(kind)) {
        return "an integer".to_owned();
    }
    accepted.iter().map(name).collect::<Vec<_>>().join(" or ")
}

/// The place of a member as faults name it: `guest.email`; empty for the body itself.
pub(super) fn path(location: ValuePointerRef<'_>) -> String {
    match location {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Key { key, prev } => match path(*prev) {
            above if above.is_empty() => key.to_owned(),
            above => format!("{above}.{key}"),
        },
        ValuePointerRef::Index { index, prev } => format!("{}[{index}]", path(*prev)),
    }
}

/// A body's bytes, whatever they are.
pub(super) fn bytes(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    Ok(body?)
}

/// A body as JSON.
pub(super) fn json(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Value, Problem> {
    if !is_json(headers) {
        return Err(Problem::unsupported_media_type(
            "the body must be application/json",
        ));
    }
    let Unique(json) = serde_json::from_slice(&bytes(body)?).map_err(|error| {
        // Of what is JSON, only a member that comes twice is refused here.
        let what = if error.is_data() {
            "a member of the body comes twice"
        } else {
            "the body is not JSON"
        };
        Problem::new(Code::Malformed, what)
    })?;
    Ok(json)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// JSON as one of our types; what is wrong with it joins the other faults.
pub(super) fn parse<T: Deserr<FieldErrors>>(json: Value, faults: &mut FieldErrors) -> Option<T> {
    deserr::deserialize::<T, _, FieldErrors>(json)
        .map_err(|found| faults.0.extend(found.0))
        .ok()
}

/// A query string as one of our types, whose members are all optional and read from text.
pub(super) fn query<T: Deserr<FieldErrors>>(query: Option<&str>) -> Result<T, Problem> {
    let mut faults = FieldErrors::default();
    let mut members = serde_json::Map::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if members
            .insert(name.to_string(), Value::String(value.into_owned()))
            .is_some()
        {
            faults.add(&name, "is given twice");
        }
    }
    match parse(Value::Object(members), &mut faults) {
        Some(query) if faults.is_empty() => Ok(query),
        _ => Err(faults.into_problem()),
    }
}
