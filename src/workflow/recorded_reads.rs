//! Remembers which reads of operators are in the audit trail, so that most reads write nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};

/// Within this time, the reads of one actor are one entry.
pub(super) const READS_OF_ONE_ENTRY: Duration = Duration::hours(1);

/// Remembers which reads have their entry, so that a read writes nothing in most cases.
#[derive(Default)]
pub(super) struct RecordedReads(Mutex<HashMap<String, DateTime<Utc>>>);

impl RecordedReads {
    /// Tells whether a read by this actor needs an entry now, and remembers that it has one.
    pub(super) fn is_due(&self, actor: &str, now: DateTime<Utc>) -> bool {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recorded
            .get(actor)
            .is_some_and(|at| now - *at < READS_OF_ONE_ENTRY)
        {
            return false;
        }
        recorded.retain(|_, at| now - *at < READS_OF_ONE_ENTRY);
        recorded.insert(actor.to_owned(), now);
        true
    }

    /// Forgets that a read by this actor has its entry, because it was not written.
    pub(super) fn forget(&self, actor: &str) {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.remove(actor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_of_an_actor_are_due_once_an_hour() {
        let reads = RecordedReads::default();
        let at = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap();
        assert!(reads.is_due("ana", at(0)) && !reads.is_due("ana", at(59)));
        assert!(reads.is_due("ben", at(59)), "another actor");
        assert!(reads.is_due("ana", at(60)));
        reads.forget("ana");
        assert!(reads.is_due("ana", at(61)), "it was not written");
    }
}
