//! What is wrong with the members of a request, collected so that a response names every error at once.

use std::fmt::Display;
use std::ops::ControlFlow;

use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef};

use super::error::{FieldError, Problem};

/// The name of the whole body, for an error that is not about one member.
const WHOLE_BODY: &str = "(body)";

/// The errors of a request's members.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Makes the error of the member at this location.
    pub(super) fn at_location(location: ValuePointerRef<'_>, detail: impl Display) -> Self {
        let mut errors = Self::default();
        errors.add(name_or_body(&format_path(location)), detail);
        errors
    }

    /// Adds an error of a field.
    pub(super) fn add(&mut self, field: &str, detail: impl Display) {
        self.0.push(FieldError {
            field: field.to_owned(),
            detail: detail.to_string(),
        });
    }

    /// Adds all errors of another list.
    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Adds all errors of an entry at this path.
    pub(super) fn extend_within(&mut self, path: &str, others: Self) {
        self.extend(others.within(path));
    }

    /// Returns the errors with the paths that they have within a larger object.
    pub(super) fn within(self, path: &str) -> Self {
        let place = |error: FieldError| FieldError {
            field: match error.field.as_str() {
                WHOLE_BODY => path.to_owned(),
                field => format!("{path}.{field}"),
            },
            ..error
        };
        Self(self.0.into_iter().map(place).collect())
    }

    /// Returns the errors one by one.
    pub(super) fn into_list(self) -> Vec<FieldError> {
        self.0
    }

    /// Returns the value of a result, or adds its error and returns `None`.
    pub(super) fn check<T, E: Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|detail| self.add(field, detail)).ok()
    }

    /// Returns whether there are no errors.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Converts the errors into an `invalid` problem.
    pub(super) fn into_problem(self) -> Problem {
        Problem::invalid(self.0)
    }
}

impl MergeWithError<FieldErrors> for FieldErrors {
    fn merge(own: Option<Self>, other: FieldErrors, _: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        let mut errors = own.unwrap_or_default();
        errors.extend(other);
        ControlFlow::Continue(errors)
    }
}

/// Lets a `try_from` function of a member fail with a plain text.
impl MergeWithError<String> for FieldErrors {
    fn merge(own: Option<Self>, detail: String, location: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        <Self as MergeWithError<Self>>::merge(own, Self::at_location(location, detail), location)
    }
}

impl DeserializeError for FieldErrors {
    fn error<V: IntoValue>(
        own: Option<Self>,
        error: ErrorKind<'_, V>,
        location: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let mut errors = own.unwrap_or_default();
        let (field, detail) = describe_error(&error, &format_path(location));
        errors.add(&field, detail);
        // Continue, so that the other members are checked as well.
        ControlFlow::Continue(errors)
    }
}

fn describe_error<V: IntoValue>(error: &ErrorKind<'_, V>, path: &str) -> (String, String) {
    let member_of_path = |member: &str| {
        if path.is_empty() {
            member.to_owned()
        } else {
            format!("{path}.{member}")
        }
    };
    let own_name = || name_or_body(path).to_owned();
    match error {
        ErrorKind::MissingField { field } => (member_of_path(field), "is missing".to_owned()),
        ErrorKind::UnknownKey { key, .. } => (member_of_path(key), "is not a known member".to_owned()),
        ErrorKind::IncorrectValueKind { accepted, .. } => {
            (own_name(), format!("must be {}", describe_kinds(accepted)))
        }
        ErrorKind::UnknownValue { accepted, .. } => {
            (own_name(), format!("must be one of {}", accepted.join(", ")))
        }
        ErrorKind::BadSequenceLen { .. } => (own_name(), "has the wrong number of elements".to_owned()),
        ErrorKind::Unexpected { msg } => (own_name(), msg.clone()),
    }
}

fn name_or_body(path: &str) -> &str {
    if path.is_empty() { WHOLE_BODY } else { path }
}

fn describe_kinds(accepted: &[ValueKind]) -> String {
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

/// Formats the path of a member, such as `guest.email`. The path of the body itself is empty.
pub(super) fn format_path(location: ValuePointerRef<'_>) -> String {
    match location {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Key { key, prev } => match format_path(*prev) {
            parent if parent.is_empty() => key.to_owned(),
            parent => format!("{parent}.{key}"),
        },
        ValuePointerRef::Index { index, prev } => format!("{}[{index}]", format_path(*prev)),
    }
}

/// Reads the members' names out of the debug output of errors or of a problem, in order.
#[cfg(test)]
pub(super) fn list_fields(errors: &impl std::fmt::Debug) -> Vec<String> {
    let shown = format!("{errors:?}");
    let names = shown
        .split("field: \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    names.map(str::to_owned).collect()
}
