//! Idempotency keys as Stripe keeps them: the first answer stands for 24 hours.
//!
//! A key is either at work, so that a second request with it is told to wait, or it holds an answer. What is worth
//! keeping is decided by the caller, who ends every key that it began with `keep` or `release`.

use std::collections::{HashMap, VecDeque};

use axum::body::Bytes;

use super::error::ApiError;

const KEPT_FOR: i64 = 24 * 60 * 60;
const LONGEST_KEY: usize = 255;

/// An answer as it was first given.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) status: u16,
    pub(super) body: Bytes,
    pub(super) request_id: String,
}

#[derive(Debug)]
struct Entry {
    begun: i64,
    fingerprint: [u8; 32],
    answer: Option<Kept>,
}

/// All keys of the last 24 hours.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: HashMap<String, Entry>,
    by_age: VecDeque<(i64, String)>,
}

impl Ledger {
    /// `Ok(None)`: new, and now at work. `Ok(Some)`: the answer to give again.
    pub(super) fn begin(
        &mut self,
        key: &str,
        fingerprint: [u8; 32],
        now: i64,
    ) -> Result<Option<Kept>, ApiError> {
        self.forget_old(now);
        if key.len() > LONGEST_KEY {
            return Err(ApiError::invalid(
                "Idempotency keys can be at most 255 characters.",
            ));
        }
        match self.entries.get(key) {
            None => {
                self.entries.insert(
                    key.to_owned(),
                    Entry {
                        begun: now,
                        fingerprint,
                        answer: None,
                    },
                );
                self.by_age.push_back((now, key.to_owned()));
                Ok(None)
            }
            Some(entry) if entry.fingerprint != fingerprint => Err(ApiError::other_parameters(key)),
            Some(Entry { answer: None, .. }) => Err(ApiError::key_in_use(key)),
            Some(Entry { answer, .. }) => Ok(answer.clone()),
        }
    }

    pub(super) fn keep(&mut self, key: &str, answer: Kept) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.answer = Some(answer);
        }
    }

    /// As if the key had never been used.
    pub(super) fn release(&mut self, key: &str) {
        self.entries.remove(key);
    }

    fn forget_old(&mut self, now: i64) {
        while self
            .by_age
            .front()
            .is_some_and(|(begun, _)| now - begun >= KEPT_FOR)
        {
            let Some((begun, key)) = self.by_age.pop_front() else {
                return;
            };
            // A released key may have been begun anew since: then this is not its age.
            if self
                .entries
                .get(&key)
                .is_some_and(|entry| entry.begun == begun && entry.answer.is_some())
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

    fn answer() -> Kept {
        Kept {
            status: 200,
            body: Bytes::from_static(b"{}"),
            request_id: "req_1".into(),
        }
    }

    #[test]
    fn a_key_is_in_use_then_replayed_then_forgotten() {
        let mut ledger = Ledger::default();
        assert!(ledger.begin("k", A, 0).unwrap().is_none());
        assert_eq!(ledger.begin("k", A, 0).unwrap_err().status, 409);
        ledger.keep("k", answer());
        assert_eq!(
            ledger.begin("k", A, KEPT_FOR - 1).unwrap().unwrap().request_id,
            "req_1"
        );
        assert_eq!(ledger.begin("k", B, 1).unwrap_err().kind, "idempotency_error");
        assert!(ledger.begin("k", B, KEPT_FOR).unwrap().is_none());
    }

    #[test]
    fn a_released_key_runs_anew() {
        let mut ledger = Ledger::default();
        assert!(ledger.begin("k", A, 0).unwrap().is_none());
        ledger.release("k");
        assert!(ledger.begin("k", B, 0).unwrap().is_none());
    }
}
