//! The header `Idempotency-Key`, which makes a repeated request return the first result.

use axum::http::HeaderMap;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::ids::{IdError, IdempotencyKey};

/// Parses the header, if there is one.
pub(super) fn parse_idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, String> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err("is given twice".to_owned());
    }
    let text = value.to_str().map_err(|_| IdError::NotAKey.to_string())?;
    IdempotencyKey::parse(text)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// Makes the digest of a body. Its members are sorted by name, so equal requests have equal digests, however they are
/// written.
pub(super) fn digest_body(json: &Value) -> String {
    hex::encode(Sha256::digest(json.to_string()))
}
