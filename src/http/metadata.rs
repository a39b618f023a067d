//! The caller's own key-value pairs on a hold. They stay in our database; Stripe does not get them.

use std::collections::BTreeMap;

use deserr::{Deserr, IntoValue, ValuePointerRef};
use serde_json::Value;

use super::field_errors::{FieldErrors, format_path};

const MAX_PAIRS: usize = 20;
const MAX_KEY: usize = 40;
const MAX_VALUE: usize = 500;

/// The pairs of a hold, within their limits.
#[derive(Debug, Default)]
pub(super) struct Metadata(pub(super) BTreeMap<String, String>);

impl Deserr<FieldErrors> for Metadata {
    // Written by hand, because deserr's maps silently drop an entry of the wrong type.
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, FieldErrors> {
        let given: BTreeMap<String, Value> = BTreeMap::deserialize_from_value(value, location)?;
        let member = format_path(location);
        let mut errors = FieldErrors::default();
        if given.len() > MAX_PAIRS {
            errors.add(&member, "must have at most 20 pairs");
        }
        let mut pairs = BTreeMap::new();
        for (key, value) in given {
            if !has_length(&key, 1, MAX_KEY) {
                errors.add(&member, "must have keys of 1 to 40 characters, none of them NUL");
            }
            match value {
                Value::String(value) if has_length(&value, 0, MAX_VALUE) => drop(pairs.insert(key, value)),
                _ => {
                    let shown: String = key.chars().take(MAX_KEY).collect();
                    let detail = "must be a string of at most 500 characters, none of them NUL";
                    errors.add(&format!("{member}.{shown}"), detail);
                }
            }
        }
        if errors.is_empty() {
            Ok(Self(pairs))
        } else {
            Err(errors)
        }
    }
}

fn has_length(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.chars().count()) && !text.contains('\0')
}
