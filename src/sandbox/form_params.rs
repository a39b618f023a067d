//! Parses Stripe's form encoding, `a[b][0]=c`, from the body of a POST or the query of a GET.
//!
//! Parameters stay flat, under the full names that Stripe's error bodies use in `param`. The values are checked in
//! `session_params`, `refund_params` and `api_operations`.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::api_error::ApiError;
use super::objects::Metadata;

/// The parameters of one request, sorted by name. If a name comes twice, the last value counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FormParams(BTreeMap<String, String>);

impl FormParams {
    pub(super) fn parse(form: &[u8]) -> FormParams {
        let mut params = BTreeMap::new();
        for (position, (name, value)) in url::form_urlencoded::parse(form).enumerate() {
            // `a[]=x&a[]=y` is a list without indices. The position makes the names distinct, so that no item
            // overwrites another.
            let name = name.replace("[]", &format!("[{position}]"));
            params.insert(name, value.into_owned());
        }
        FormParams(params)
    }

    /// Returns the value, or `None` if it is absent or empty: for Stripe an empty string means "unset".
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::missing_param(name))
    }

    pub(super) fn parse_integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name)
            .map(|value| value.parse().map_err(|_| ApiError::invalid_integer(name, value)))
            .transpose()
    }

    /// Returns the items of a list of scalars, in order of their indices.
    pub(super) fn list_values(&self, name: &str) -> Vec<&str> {
        let mut items: Vec<(u32, &str)> = self
            .0
            .iter()
            .filter_map(|(key, value)| Some((parse_inner_key(key, name)?.parse().ok()?, value.as_str())))
            .collect();
        items.sort_unstable_by_key(|(index, _)| *index);
        items.into_iter().map(|(_, value)| value).collect()
    }

    /// Returns the indices that a list of objects, `name[0][…]`, uses, in ascending order.
    pub(super) fn list_indices(&self, name: &str) -> Vec<u32> {
        let mut found: Vec<u32> = self
            .0
            .keys()
            .filter_map(|key| {
                key.strip_prefix(name)?
                    .strip_prefix('[')?
                    .split(']')
                    .next()?
                    .parse()
                    .ok()
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Parses a metadata map within Stripe's limits: 50 pairs, keys of 40 characters, values of 500.
    pub(super) fn parse_metadata(&self, name: &str) -> Result<Metadata, ApiError> {
        let mut map = Metadata::new();
        for (full, value) in &self.0 {
            let Some(key) = parse_inner_key(full, name) else {
                continue;
            };
            if key.chars().count() > 40 || key.is_empty() {
                return Err(ApiError::invalid_param(
                    name,
                    "Metadata keys can have up to 40 characters in length.",
                ));
            }
            if value.chars().count() > 500 {
                return Err(ApiError::invalid_param(
                    full,
                    "Metadata values can have up to 500 characters in length.",
                ));
            }
            if !value.is_empty() {
                map.insert(key.to_owned(), value.clone());
            }
        }
        if map.len() > 50 {
            return Err(ApiError::invalid_param(
                name,
                "You can have up to 50 metadata keys.",
            ));
        }
        Ok(map)
    }

    /// Returns an error for the first parameter that matches no pattern in `known`; `*` matches any bracketed name.
    pub(super) fn refuse_unknown(&self, known: &[&str]) -> Result<(), ApiError> {
        match self
            .0
            .keys()
            .find(|name| !known.iter().any(|pattern| matches_pattern(pattern, name)))
        {
            Some(unknown) => Err(ApiError::unknown_param(unknown)),
            None => Ok(()),
        }
    }

    /// Returns a hash that tells a repeated request from a different one with the same idempotency key.
    pub(super) fn fingerprint(&self, path: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(path.as_bytes());
        for (name, value) in &self.0 {
            for part in [name, value] {
                // The length separates the parts: "ab" + "c" must not hash like "a" + "bc".
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        hash.finalize().into()
    }
}

/// Returns `key` for `name[key]`, and `None` for deeper or other names.
fn parse_inner_key<'a>(full: &'a str, name: &str) -> Option<&'a str> {
    let key = full.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
    (!key.contains(['[', ']'])).then_some(key)
}

fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            let Some(rest) = name.strip_prefix(before) else {
                return false;
            };
            let Some(end) = rest.find(']') else { return false };
            end > 0 && matches_pattern(after, &rest[end..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_maps_are_parsed_from_bracketed_names() {
        let params =
            FormParams::parse(b"a[1]=y&a%5B0%5D=x&m[k]=v&m[e]=&b[]=p&b[]=q&l[0][n][x]=1&l[2][n][x]=2");
        assert_eq!(params.list_values("a"), ["x", "y"]);
        assert_eq!(params.list_values("b"), ["p", "q"]);
        assert_eq!(params.list_indices("l"), [0, 2]);
        assert_eq!(
            params.parse_metadata("m").unwrap(),
            Metadata::from([("k".into(), "v".into())])
        );
    }

    #[test]
    fn unknown_parameter_is_named_in_error() {
        let params = FormParams::parse(b"mode=payment&items[0][price]=1&items[0][prise]=1");
        let error = params.refuse_unknown(&["mode", "items[*][price]"]).unwrap_err();
        assert_eq!(error.code, Some("parameter_unknown"));
        assert_eq!(error.param.as_deref(), Some("items[0][prise]"));
    }

    #[test]
    fn metadata_over_stripes_limits_is_refused() {
        let many: String = (0..51).map(|i| format!("metadata[k{i}]=v&")).collect();
        let long_key = format!("metadata[{}]=v", "k".repeat(41));
        let long_value = format!("metadata[k]={}", "v".repeat(501));
        for form in [many, long_key, long_value] {
            assert!(
                FormParams::parse(form.as_bytes())
                    .parse_metadata("metadata")
                    .is_err(),
                "{form}"
            );
        }
    }

    #[test]
    fn fingerprint_depends_on_values_and_path_not_on_order() {
        let fingerprint = |form: &str, path| FormParams::parse(form.as_bytes()).fingerprint(path);
        assert_eq!(fingerprint("a=1&b=2", "/x"), fingerprint("b=2&a=1", "/x"));
        assert_ne!(fingerprint("a=1&b=2", "/x"), fingerprint("a=1&b=3", "/x"));
        assert_ne!(fingerprint("a=1&b=2", "/x"), fingerprint("a=1&b=2", "/y"));
    }
}
