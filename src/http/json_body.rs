//! Reads JSON bodies into our types.
//!
//! A body that is not JSON is `malformed`; JSON that is not acceptable is `invalid`. Unknown members are refused, so
//! that a typo does not pass silently. What a single member must look like is in `field_values`.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, header};
use deserr::Deserr;
use serde_json::Value;

use super::duplicate_members::UniqueMembers;
use super::error::{Problem, ProblemCode};
use super::field_errors::FieldErrors;

/// Reads the bytes of a body, whatever its media type.
pub(super) fn read_bytes(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    Ok(body?)
}

/// Reads a body as JSON.
///
/// # Errors
/// `malformed` if it is not JSON, or if an object in it has two members of one name.
pub(super) fn read_json(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Value, Problem> {
    if !is_json(headers) {
        return Err(Problem::unsupported_media_type(
            "the body must be application/json",
        ));
    }
    let UniqueMembers(json) = serde_json::from_slice(&read_bytes(body)?).map_err(|error| {
        // A data error in valid JSON can only be a duplicate member: that is all that `UniqueMembers` refuses.
        let detail = if error.is_data() {
            "the body has two members of the same name"
        } else {
            "the body is not JSON"
        };
        Problem::new(ProblemCode::Malformed, detail)
    })?;
    Ok(json)
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// Converts JSON into one of our types. If that fails, adds the errors to `errors` and returns `None`.
pub(super) fn parse_json<T: Deserr<FieldErrors>>(json: Value, errors: &mut FieldErrors) -> Option<T> {
    deserr::deserialize::<T, _, FieldErrors>(json)
        .map_err(|found| errors.extend(found))
        .ok()
}

/// Drops the members of an object that only the service writes, so that what a `GET` shows can be put back.
pub(super) fn drop_members(body: &mut Value, names: &[&str]) {
    if let Value::Object(members) = body {
        members.retain(|name, _| !names.contains(&name.as_str()));
    }
}

/// Reads a body that may be left out.
pub(super) fn parse_optional<T: Deserr<FieldErrors> + Default>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Problem> {
    if matches!(&body, Ok(bytes) if bytes.is_empty()) {
        return Ok(T::default());
    }
    let mut errors = FieldErrors::default();
    let parsed: Option<Option<T>> = parse_json(read_json(headers, body)?, &mut errors);
    parsed
        .map(Option::unwrap_or_default)
        .ok_or_else(|| errors.into_problem())
}
