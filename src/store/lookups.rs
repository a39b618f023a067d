//! What a request begins with, in one read: the clock, the event type, what its idempotency key has led to, and for a checkout what
//! occupies its slot and what is taken of the limits on its guest.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::StoreError;
use super::allowances::{LimitUsage, LimitUsageQuery};
use super::attempts::{Claim, KnownAttemptRow, stored_texts};
use super::availability::GroupedQuery;
use super::catalogue::EventTypeRow;
use super::columns::DbTime;
use super::group_commit::{GroupItem, MOST_WORK, MOST_WORK_OF_ITEM};
use crate::domain::availability::Availability;
use crate::domain::booking::ClientId;
use crate::domain::catalogue::EventType;
use crate::domain::hold_limit::AllowanceRange;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::key_scope::ScopedKey;

/// What a request wants to know first.
#[derive(Clone, Debug)]
pub struct LookupQuery {
    /// The event type that it is about.
    pub event_type: EventTypeId,
    /// Its idempotency key with the fingerprint of its body, if it has a key.
    pub key: Option<(ScopedKey, String)>,
    /// The slot that it wants, if it is a checkout that wants to know of it at once.
    pub slot: Option<SlotQuery>,
}

/// What a checkout asks about its slot and its guest.
#[derive(Clone, Debug)]
pub struct SlotQuery {
    /// The start of the slot.
    pub starts_at: DateTime<Utc>,
    /// The parts of limits of which to read the numbers that are taken.
    pub ranges: Vec<AllowanceRange>,
    /// The client whose lapses to read, and the time up to which ends of its holds are left out.
    pub lapses: Option<(ClientId, DateTime<Utc>)>,
}

impl LookupQuery {
    /// What it asks about limits: nothing, if it asks for no slot.
    pub(super) fn usage(&self) -> LimitUsageQuery<'_> {
        let slot = self.slot.as_ref();
        slot.map(|slot| LimitUsageQuery::new(&slot.ranges, slot.lapses.as_ref()))
            .unwrap_or_default()
    }
}

/// The answer to a [`LookupQuery`], as of one moment.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The time by the database's clock, to the millisecond.
    pub now: DateTime<Utc>,
    /// The event type, if there is one with that id.
    pub event_type: Option<EventType>,
    /// The names of the resources of its first segment.
    pub resource_names: BTreeMap<ResourceId, String>,
    /// Who has the key; free if the request has none.
    pub claim: Claim,
    /// What was found of the slot. What occupies it is read after the rest; what is taken of limits with the rest, or after it.
    /// `None` if the query asks for none, if the key is not free, if there is no such event type or start, or if so many
    /// resources serve it that they are better read on their own.
    pub slot: Option<SlotReading>,
}

/// The answer to a [`SlotQuery`].
#[derive(Clone, Debug)]
pub struct SlotReading {
    /// What occupies the resources around the slot; all holds count as confirmed.
    pub availability: Availability,
    /// What is taken of the limits, and how the client's last holds ended.
    pub usage: LimitUsage,
}

/// The first read of a request; one method is one transaction.
#[async_trait]
pub trait Lookups {
    /// Reads the clock and the event type, and finds out who has the key, without claiming it. A placed attempt whose hold is
    /// no longer live counts as free. An attempt from before keys had scopes has its key in every scope. Reads the slot that the
    /// query asks for as [`load_availability`](super::Occupancies::load_availability) and
    /// [`load_limit_usage`](super::Allowances::load_limit_usage) do.
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
                slot: None,
            }
        };
        Ok(queries.iter().map(answer).collect())
    }
}

/// What is read of the slots of a group, once their event types are known.
#[derive(Default)]
pub(super) struct SlotReads {
    /// The numbers of the queries whose slots are read.
    of_queries: Vec<usize>,
    pub(super) occupancies: Vec<GroupedQuery>,
}

impl SlotReads {
    /// Plans the reads for the queries that were answered so. A slot that is much work, alone or with the others, is left to its caller.
    pub(super) fn plan(queries: &[LookupQuery], answers: &[Lookup]) -> Self {
        let mut reads = Self::default();
        let mut work = 0;
        for (number, (query, answer)) in queries.iter().zip(answers).enumerate() {
            let slot = query.slot.as_ref().filter(|_| answer.claim == Claim::Free);
            let Some((slot, event_type)) = slot.zip(answer.event_type.as_ref()) else {
                continue;
            };
            let Some(occupancy) = GroupedQuery::of_slot(event_type, slot.starts_at) else {
                continue;
            };
            // In a rush many ask for one slot, which is read once.
            let more = if reads.occupancies.contains(&occupancy) {
                0
            } else {
                occupancy.estimate_work()
            };
            if more > MOST_WORK_OF_ITEM || work + more > MOST_WORK {
                continue;
            }
            work += more;
            reads.of_queries.push(number);
            reads.occupancies.push(occupancy);
        }
        reads
    }

    /// What the queries whose slots are read ask about limits, each in the place of its query in the group.
    pub(super) fn list_usages<'q>(&self, queries: &'q [LookupQuery]) -> Vec<LimitUsageQuery<'q>> {
        let mut usages = vec![LimitUsageQuery::default(); queries.len()];
        for number in &self.of_queries {
            usages[*number] = queries[*number].usage();
        }
        usages
    }

    /// Whether there is nothing to read.
    pub(super) fn is_empty(&self) -> bool {
        self.of_queries.is_empty()
    }

    /// Adds what was read to the answers: what was found for each planned read, and the usage for each query of the group.
    pub(super) fn add_to(
        self,
        answers: &mut [Lookup],
        found: Vec<Availability>,
        mut usages: Vec<LimitUsage>,
    ) {
        for (number, availability) in self.of_queries.into_iter().zip(found) {
            let usage = std::mem::take(&mut usages[number]);
            answers[number].slot = Some(SlotReading { availability, usage });
        }
    }
}
