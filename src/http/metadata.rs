//! The caller's own pairs on a hold. They stay with us: Stripe never sees them.

use std::collections::BTreeMap;

use deserr::{Deserr, IntoValue, ValuePointerRef};
use serde_json::Value;

use super::body::{FieldErrors, path};

const MAX_PAIRS: usize = 20;
const MAX_KEY: usize = 40;
const MAX_VALUE: usize = 500;

/// Pairs within their limits.
#[derive(Debug, Default)]
pub(super) struct Metadata(pub(super) BTreeMap<String, String>);

impl Deserr<FieldErrors> for Metadata {
    // By hand, because deserr's own maps leave out an entry of the wrong type without a word.
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, FieldErrors> {
        let given: BTreeMap<String, Value> = BTreeMap::deserialize_from_value(value, location)?;
        let member = path(location);
        let mut faults = FieldErrors::default();
        if given.len() > MAX_PAIRS {
            faults.add(&member, "must have at most 20 pairs");
        }
        let mut pairs = BTreeMap::new();
        for (key, value) in given {
            if !fits(&key, 1, MAX_KEY) {
                faults.add(&member, "must have keys of 1 to 40 characters, none of them NUL");
            }
            match value {
                Value::String(value) if fits(&value, 0, MAX_VALUE) => drop(pairs.insert(key, value)),
                _ => {
                    let shown: String = key.chars().take(MAX_KEY).collect();
                    let detail = "must be a string of at most 500 characters, none of them NUL";
                    faults.add(&format!("{member}.{shown}"), detail);
                }
            }
        }
        if faults.is_empty() {
            Ok(Self(pairs))
        } else {
            Err(faults)
        }
    }
}

fn fits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count()) && !text.contains('\0')
}
