//! Stripe's form encoding: `a[b][0]=c`, in the body of a POST and in the query of a GET.
//!
//! Parameters stay flat, under the very names that Stripe's error bodies use, so that a fault can name what it means.
//! What each one may hold is decided where it is used; here is only reading, and telling which names nobody knows.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::error::ApiError;

/// String pairs that the caller attached to an object.
pub type Metadata = BTreeMap<String, String>;

/// The parameters of one request, sorted by name. Of a name that comes twice the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    pub(super) fn parse(form: &[u8]) -> Params {
        let mut params = BTreeMap::new();
        for (position, (name, value)) in url::form_urlencoded::parse(form).enumerate() {
            // `a[]=x&a[]=y` is a list without indices: its items must not overwrite one another.
            let name = name.replace("[]", &format!("[{position}]"));
            params.insert(name, value.into_owned());
        }
        Params(params)
    }

    /// The value, unless it is absent or empty: Stripe takes an empty string as "unset".
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::missing(name))
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name)
            .map(|v| v.parse().map_err(|_| ApiError::not_an_integer(name, v)))
            .transpose()
    }

    /// The items of a list of scalars, in order of their indices.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let mut items: Vec<(u32, &str)> = self
            .0
            .iter()
            .filter_map(|(key, value)| Some((inner(key, name)?.parse().ok()?, value.as_str())))
            .collect();
        items.sort_unstable_by_key(|(index, _)| *index);
        items.into_iter().map(|(_, value)| value).collect()
    }

    /// The indices used in a list of objects, `name[0][…]`, ascending.
    pub(super) fn indices(&self, name: &str) -> Vec<u32> {
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

    /// A map of strings within Stripe's limits: 50 pairs, keys of 40 characters, values of 500.
    pub(super) fn metadata(&self, name: &str) -> Result<Metadata, ApiError> {
        let mut map = Metadata::new();
        for (full, value) in &self.0 {
            let Some(key) = inner(full, name) else { continue };
            if key.chars().count() > 40 || key.is_empty() {
                return Err(ApiError::about(
                    name,
                    "Metadata keys can have up to 40 characters in length.",
                ));
            }
            if value.chars().count() > 500 {
                return Err(ApiError::about(
                    full,
                    "Metadata values can have up to 500 characters in length.",
                ));
            }
            if !value.is_empty() {
                map.insert(key.to_owned(), value.clone());
            }
        }
        if map.len() > 50 {
            return Err(ApiError::about(name, "You can have up to 50 metadata keys."));
        }
        Ok(map)
    }

    /// Refuses the first parameter that matches none of `known`; `*` there stands for any one bracketed name.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self
            .0
            .keys()
            .find(|name| !known.iter().any(|pattern| matches(pattern, name)))
        {
            Some(stranger) => Err(ApiError::unknown_param(stranger)),
            None => Ok(()),
        }
    }

    /// A fingerprint by which a repeated request is told from a different one under the same idempotency key.
    pub(super) fn fingerprint(&self, path: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(path.as_bytes());
        for (name, value) in &self.0 {
            for part in [name, value] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        hash.finalize().into()
    }
}

/// `key` for `name[key]`, and nothing for deeper or other names.
fn inner<'a>(full: &'a str, name: &str) -> Option<&'a str> {
    let key = full.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
    (!key.contains(['[', ']'])).then_some(key)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            let Some(rest) = name.strip_prefix(before) else {
                return false;
            };
            let Some(end) = rest.find(']') else { return false };
            end > 0 && matches(after, &rest[end..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_maps_come_out_of_brackets_with_and_without_indices() {
        let params = Params::parse(b"a[1]=y&a%5B0%5D=x&m[k]=v&m[e]=&b[]=p&b[]=q&l[0][n][x]=1&l[2][n][x]=2");
        assert_eq!(params.list("a"), ["x", "y"]);
        assert_eq!(params.list("b"), ["p", "q"]);
        assert_eq!(params.indices("l"), [0, 2]);
        assert_eq!(
            params.metadata("m").unwrap(),
            Metadata::from([("k".into(), "v".into())])
        );
    }

    #[test]
    fn a_stranger_is_named() {
        let params = Params::parse(b"mode=payment&items[0][price]=1&items[0][prise]=1");
        let error = params.only(&["mode", "items[*][price]"]).unwrap_err();
        assert_eq!(error.code, Some("parameter_unknown"));
        assert_eq!(error.param.as_deref(), Some("items[0][prise]"));
    }

    #[test]
    fn metadata_keeps_within_stripes_limits() {
        let many: String = (0..51).map(|i| format!("metadata[k{i}]=v&")).collect();
        let long_key = format!("metadata[{}]=v", "k".repeat(41));
        let long_value = format!("metadata[k]={}", "v".repeat(501));
        for form in [many, long_key, long_value] {
            assert!(
                Params::parse(form.as_bytes()).metadata("metadata").is_err(),
                "{form}"
            );
        }
    }

    #[test]
    fn the_fingerprint_ignores_order_but_not_values_or_path() {
        let print = |form: &str, path| Params::parse(form.as_bytes()).fingerprint(path);
        assert_eq!(print("a=1&b=2", "/x"), print("b=2&a=1", "/x"));
        assert_ne!(print("a=1&b=2", "/x"), print("a=1&b=3", "/x"));
        assert_ne!(print("a=1&b=2", "/x"), print("a=1&b=2", "/y"));
    }
}
