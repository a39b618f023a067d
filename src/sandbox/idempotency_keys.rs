//! Idempotency keys with Stripe's rules: the first response is replayed for 24 hours.
//!
//! The rules are at docs.stripe.com/api/idempotent_requests. A key is either in use, so that a second request with it
//! gets 409, or it has a saved response. The caller of `begin` must end the key with `save_response` or `release`; it
//! decides which responses are saved.

use std::collections::{HashMap, VecDeque};

use axum::body::Bytes;
use serde::{Deserialize, Serialize};

use super::api_error::ApiError;

const RETENTION_SECONDS: i64 = 24 * 60 * 60;
const MAX_KEY_LENGTH: usize = 255;

/// The first response to a request, as it is replayed.
#[derive(Debug, Clone)]
pub(super) struct SavedResponse {
    pub(super) status: u16,
    pub(super) body: Bytes,
    pub(super) request_id: String,
}

#[derive(Debug)]
struct KeyEntry {
    begun_at: i64,
    fingerprint: [u8; 32],
    /// `None` while the first request is in progress.
    response: Option<SavedResponse>,
}

/// What a file keeps of a key with a saved response.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyCopy {
    key: String,
    begun_at: i64,
    fingerprint: [u8; 32],
    status: u16,
    body: String,
    request_id: String,
}

/// The idempotency keys of the last 24 hours.
#[derive(Debug, Default)]
pub(super) struct IdempotencyKeys {
    entries: HashMap<String, KeyEntry>,
    by_age: VecDeque<(i64, String)>,
}

impl IdempotencyKeys {
    /// Marks the key as in use and returns `None`, or returns the saved response of an earlier request.
    pub(super) fn begin(
        &mut self,
        key: &str,
        fingerprint: [u8; 32],
        now: i64,
    ) -> Result<Option<SavedResponse>, ApiError> {
        self.remove_expired(now);
        if key.len() > MAX_KEY_LENGTH {
            return Err(ApiError::invalid_request(
                "Idempotency keys can be at most 255 characters.",
            ));
        }
        match self.entries.get(key) {
            None => {
                self.entries.insert(
                    key.to_owned(),
                    KeyEntry {
                        begun_at: now,
                        fingerprint,
                        response: None,
                    },
                );
                self.by_age.push_back((now, key.to_owned()));
                Ok(None)
            }
            Some(entry) if entry.fingerprint != fingerprint => Err(ApiError::idempotency_key_reused(key)),
            Some(KeyEntry { response: None, .. }) => Err(ApiError::idempotency_key_in_use(key)),
            Some(KeyEntry { response, .. }) => Ok(response.clone()),
        }
    }

    pub(super) fn save_response(&mut self, key: &str, response: SavedResponse) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.response = Some(response);
        }
    }

    /// Forgets the key, as if no request had used it.
    pub(super) fn release(&mut self, key: &str) {
        self.entries.remove(key);
    }

    /// Copies the keys that have a saved response, oldest first.
    pub(super) fn copy(&self) -> Vec<KeyCopy> {
        let copy_key = |(begun_at, key): &(i64, String)| {
            let entry = self
                .entries
                .get(key)
                .filter(|entry| entry.begun_at == *begun_at)?;
            let response = entry.response.as_ref()?;
            Some(KeyCopy {
                key: key.clone(),
                begun_at: entry.begun_at,
                fingerprint: entry.fingerprint,
                status: response.status,
                body: String::from_utf8_lossy(&response.body).into_owned(),
                request_id: response.request_id.clone(),
            })
        };
        self.by_age.iter().filter_map(copy_key).collect()
    }

    /// Goes on with the keys of an earlier simulator.
    pub(super) fn restore(&mut self, copies: Vec<KeyCopy>) {
        for copy in copies {
            let response = SavedResponse {
                status: copy.status,
                body: copy.body.into(),
                request_id: copy.request_id,
            };
            let entry = KeyEntry {
                begun_at: copy.begun_at,
                fingerprint: copy.fingerprint,
                response: Some(response),
            };
            self.by_age.push_back((copy.begun_at, copy.key.clone()));
            self.entries.insert(copy.key, entry);
        }
    }

    /// Forgets all keys that are not in use.
    pub(super) fn prune(&mut self) {
        self.entries.retain(|_, entry| entry.response.is_none());
    }

    fn remove_expired(&mut self, now: i64) {
        while self
            .by_age
            .front()
            .is_some_and(|(begun_at, _)| now - begun_at >= RETENTION_SECONDS)
        {
            let Some((begun_at, key)) = self.by_age.pop_front() else {
                return;
            };
            // If the key was released and used again, the entry is younger than this record of its age.
            if self
                .entries
                .get(&key)
                .is_some_and(|entry| entry.begun_at == begun_at && entry.response.is_some())
            {
                self.entries.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 32] = [1; 32];
    const B: [u8; 32] = [2; 32];

    fn create_response() -> SavedResponse {
        SavedResponse {
            status: 200,
            body: Bytes::from_static(b"{}"),
            request_id: "req_1".into(),
        }
    }

    #[test]
    fn key_is_in_use_then_replayed_then_forgotten() {
        let mut keys = IdempotencyKeys::default();
        assert!(keys.begin("k", A, 0).unwrap().is_none());
        assert_eq!(keys.begin("k", A, 0).unwrap_err().status, 409);
        keys.save_response("k", create_response());
        assert_eq!(
            keys.begin("k", A, RETENTION_SECONDS - 1)
                .unwrap()
                .unwrap()
                .request_id,
            "req_1"
        );
        assert_eq!(keys.begin("k", B, 1).unwrap_err().kind, "idempotency_error");
        assert!(keys.begin("k", B, RETENTION_SECONDS).unwrap().is_none());
    }

    #[test]
    fn released_key_can_be_used_again() {
        let mut keys = IdempotencyKeys::default();
        assert!(keys.begin("k", A, 0).unwrap().is_none());
        keys.release("k");
        assert!(keys.begin("k", B, 0).unwrap().is_none());
    }
}
