//! Reads query strings into our types.

use deserr::Deserr;
use serde_json::Value;

use super::error::Problem;
use super::field_errors::FieldErrors;
use super::json_body::parse_json;

/// Parses a query string. Its members reach the type as strings.
///
/// # Errors
/// `invalid`, with every member that is given twice, unknown, missing or not acceptable.
pub(super) fn parse_query<T: Deserr<FieldErrors>>(query: Option<&str>) -> Result<T, Problem> {
    let mut errors = FieldErrors::default();
    let mut members = serde_json::Map::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if members
            .insert(name.to_string(), Value::String(value.into_owned()))
            .is_some()
        {
            errors.add(&name, "is given twice");
        }
    }
    match parse_json(Value::Object(members), &mut errors) {
        Some(query) if errors.is_empty() => Ok(query),
        _ => Err(errors.into_problem()),
    }
}
