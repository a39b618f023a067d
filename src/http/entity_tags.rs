//! Entity tags (RFC 9110): which versions of a response a client has already.

use axum::http::{HeaderMap, header};

/// The entity tags of `If-None-Match`.
pub(super) struct KnownTags(Vec<String>);

impl KnownTags {
    /// Reads them; a client that sends none knows none.
    pub(super) fn of_request(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::IF_NONE_MATCH).iter();
        Self(
            values
                .filter_map(|value| value.to_str().ok())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Tells whether the client has the response with this tag, given without its quotes. Weak tags are compared, as
    /// `If-None-Match` demands: the mark `W/` does not count. `*` is any response.
    pub(super) fn has(&self, tag: &str) -> bool {
        self.0.iter().any(|value| {
            // Between the quotes may be commas, so that the tags are every second part.
            value.trim() == "*" || value.split('"').skip(1).step_by(2).any(|known| known == tag)
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn knows(values: &[&'static str], tag: &str) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        KnownTags::of_request(&headers).has(tag)
    }

    #[test]
    fn tag_is_known_if_one_of_the_list_is_equal() {
        for values in [
            &[r#"W/"abc""#][..],
            &[r#""abc""#],
            &["*"],
            &[r#""x", W/"abc""#],
            &[r#""x,y","abc""#],
            &[r#""x""#, r#"W/"abc""#],
        ] {
            assert!(knows(values, "abc"), "{values:?}");
        }
        for values in [
            &[][..],
            &[""],
            &["abc"],
            &[r#""abcd""#],
            &[r#"W/"ABC""#],
            &[r#""x*", "*""#],
        ] {
            assert!(!knows(values, "abc"), "{values:?}");
        }
    }
}
