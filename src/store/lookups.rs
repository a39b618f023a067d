//! What a request begins with, in one read: the clock, the event type, and what its idempotency key has led to.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::StoreError;
use super::attempts::{Claim, KnownAttemptRow, stored_texts};
use super::catalogue::EventTypeRow;
use super::columns::DbTime;
use super::group_commit::GroupItem;
use crate::domain::catalogue::EventType;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::key_scope::ScopedKey;

/// What a request wants to know first.
#[derive(Clone, Debug)]
pub struct LookupQuery {
    /// The event type that it is about.
    pub event_type: EventTypeId,
    /// Its idempotency key with the fingerprint of its body, if it has a key.
    pub key: Option<(ScopedKey, String)>,
}

/// The answer to a [`LookupQuery`], as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The time by the database's clock, to the millisecond.
    pub now: DateTime<Utc>,
    /// The event type, if there is one with that id.
    pub event_type: Option<EventType>,
    /// The names of the resources of its first segment.
    pub resource_names: BTreeMap<ResourceId, String>,
    /// Who has the key; free if the request has none.
    pub claim: Claim,
}

/// The first read of a request; one method is one transaction.
#[async_trait]
pub trait Lookups {
    /// Reads the clock and the event type, and finds out who has the key, without claiming it. A placed attempt whose hold is
    /// no longer live counts as free. An attempt from before keys had scopes has its key in every scope.
    async fn look_up(&self, query: &LookupQuery) -> Result<Lookup, StoreError>;
}

impl GroupItem for LookupQuery {
    type Touched = ();

    fn touch(&mut self, (): &mut ()) -> bool {
        true
    }
}

/// The ids of the event types that the queries of a group name, each once.
pub(super) fn list_event_types(queries: &[LookupQuery]) -> Vec<&str> {
    let mut ids: Vec<&str> = queries.iter().map(|query| query.event_type.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The texts under which the keys of a group may be stored.
pub(super) fn list_keys(queries: &[LookupQuery]) -> Vec<String> {
    stored_texts(
        queries
            .iter()
            .filter_map(|query| query.key.as_ref().map(|(key, _)| key)),
    )
}

/// What a statement reads for the queries of a group.
#[derive(sqlx::FromRow)]
pub(super) struct LookupRow {
    now: DbTime,
    event_types: Json<Vec<EventTypeRow>>,
    attempts: Json<Vec<KnownAttemptRow>>,
    /// The names of the resources of all first segments.
    resource_names: Json<BTreeMap<String, String>>,
}

impl LookupRow {
    /// The answer to each query, in their order.
    pub(super) fn decode(self, queries: &[LookupQuery]) -> Result<Vec<Lookup>, StoreError> {
        let event_types = self.event_types.0.into_iter().map(EventTypeRow::decode);
        let event_types: Vec<EventType> = event_types.collect::<Result<_, _>>()?;
        let attempts = &self.attempts.0;
        let names = &self.resource_names.0;
        let answer = |query: &LookupQuery| {
            let claim = query.key.as_ref().map(|(key, fingerprint)| {
                let of_key = KnownAttemptRow::of_key(attempts, key);
                KnownAttemptRow::claim_of(of_key.into_iter(), fingerprint)
            });
            let event_type = event_types.iter().find(|known| known.id == query.event_type);
            let first = event_type.and_then(|known| known.segments.first());
            let served_by = first.map_or(&[][..], |first| &first.any_of);
            let name_of = |id: &ResourceId| Some((id.clone(), names.get(id.as_str())?.clone()));
            Lookup {
                now: self.now.0,
                event_type: event_type.cloned(),
                resource_names: served_by.iter().filter_map(name_of).collect(),
                claim: claim.unwrap_or(Claim::Free),
            }
        };
        Ok(queries.iter().map(answer).collect())
    }
}
