//! What occupies resources, as of one moment.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::StoreError;
use super::encoding::{self, unreadable_column};
use super::group_commit::GroupItem;
use crate::domain::availability::{Availability, Occupancy, OccupancyStatus, OccupiedBy, ResourceUsage};
use crate::domain::catalogue::EventType;
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::time::Window;

/// A question about some resources within a window.
#[derive(Clone, Copy, Debug)]
pub struct AvailabilityQuery<'a> {
    /// The resources in question.
    pub resources: &'a [ResourceId],
    /// The window in question.
    pub within: Window,
    /// A hold whose occupancy is left out, because it is to move.
    pub moving: Option<HoldId>,
    /// The present by the database's clock, if it matters which holds may still end. Otherwise all holds count as confirmed: in a class that is
    /// nearly full, looking up who has paid costs more than the rest of the query.
    pub statuses_at: Option<DateTime<Utc>>,
}

/// An [`AvailabilityQuery`] that may be one of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct GroupedQuery {
    pub(super) resources: Vec<ResourceId>,
    pub(super) within: Window,
    pub(super) moving: Option<HoldId>,
    pub(super) statuses_at: Option<DateTime<Utc>>,
}

impl From<&AvailabilityQuery<'_>> for GroupedQuery {
    fn from(query: &AvailabilityQuery<'_>) -> Self {
        Self {
            resources: query.resources.to_vec(),
            within: query.within,
            moving: query.moving,
            statuses_at: query.statuses_at,
        }
    }
}

impl GroupedQuery {
    /// Asks what occupies the resources of an event type around one start; `None` beyond the range of dates.
    pub(super) fn of_slot(event_type: &EventType, starts_at: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            resources: event_type.list_resources(),
            within: event_type.occupied_span(starts_at)?,
            moving: None,
            statuses_at: None,
        })
    }
}

impl GroupItem for GroupedQuery {
    type Touched = ();

    fn touch(&mut self, (): &mut ()) -> bool {
        true
    }

    fn estimate_work(&self) -> usize {
        estimate_reading(self.resources.len(), self.within)
    }
}

/// Estimates the work of reading what occupies so many resources: the hours of all of them, of which each has a few rows.
pub(super) fn estimate_reading(resources: usize, within: Window) -> usize {
    let length = within.ends_at() - within.starts_at();
    let hours = usize::try_from(length.num_hours()).unwrap_or(usize::MAX);
    resources.saturating_mul(hours.saturating_add(1))
}

/// The queries of a group without repetitions, and which of them each caller asks. In a rush many ask the same.
pub(super) fn list_distinct(queries: &[GroupedQuery]) -> (Vec<&GroupedQuery>, Vec<usize>) {
    let mut numbers: HashMap<&GroupedQuery, usize> = HashMap::new();
    let mut distinct = Vec::new();
    let of_callers = queries.iter().map(|query| {
        *numbers.entry(query).or_insert_with(|| {
            distinct.push(query);
            distinct.len() - 1
        })
    });
    let of_callers = of_callers.collect();
    (distinct, of_callers)
}

/// Reading what occupies resources.
#[async_trait]
pub trait Occupancies {
    /// Reads what occupies the resources, blocks included, and how they are used.
    async fn load_availability(&self, query: &AvailabilityQuery<'_>) -> Result<Availability, StoreError>;
}

/// One row of the answer: what uses and occupies one resource, for one query.
pub(super) struct ResourceColumns {
    /// The number of the query that it answers.
    pub(super) query: usize,
    pub(super) resource: String,
    pub(super) capacity: u32,
    /// The latest of its live holds.
    pub(super) latest: Option<Uuid>,
    pub(super) occupied: Vec<OccupiedColumns>,
    /// The windows of its blocks.
    pub(super) blocks: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// Up to when its calendar feed is known, if that is before the end of the query's window. The rest counts as a block.
    pub(super) feed_reaches_to: Option<DateTime<Utc>>,
}

/// Units of a resource that live holds with the same status have in the same window.
pub(super) struct OccupiedColumns {
    /// The start and the end; `None` if one is missing.
    pub(super) window: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The hold that has the units, if it is overdue.
    pub(super) overdue: Option<Uuid>,
    pub(super) units: Vec<u32>,
    pub(super) is_unpaid: bool,
}

impl ResourceColumns {
    /// What the row says, as the answer to a query about the time `within`.
    fn decode(self, within: Window) -> Result<(ResourceUsage, Vec<Occupancy>), StoreError> {
        let resource = encoding::decode_resource_id(&self.resource)?;
        let mut occupancies = Vec::with_capacity(self.blocks.len() + self.occupied.len() + 1);
        let beyond_feed = self.feed_reaches_to.map(|reach| (reach, within.ends_at()));
        for ends in self.blocks.into_iter().chain(beyond_feed) {
            occupancies.push(Occupancy {
                resource: resource.clone(),
                window: decode_window(ends)?,
                by: OccupiedBy::Block,
            });
        }
        for occupied in self.occupied {
            let ends = occupied
                .window
                .ok_or_else(|| unreadable_column("window", "none"))?;
            let status = match occupied.overdue {
                Some(overdue) => OccupancyStatus::Overdue(HoldId(overdue)),
                None if occupied.is_unpaid => OccupancyStatus::Unpaid,
                None => OccupancyStatus::Confirmed,
            };
            let units = occupied.units;
            occupancies.push(Occupancy {
                resource: resource.clone(),
                window: decode_window(ends)?,
                by: OccupiedBy::Holds { units, status },
            });
        }
        let usage = ResourceUsage {
            resource,
            capacity: self.capacity,
            latest: self.latest.map(HoldId),
        };
        Ok((usage, occupancies))
    }
}

/// A window from its two ends; an error if it is empty.
pub(super) fn decode_window((from, to): (DateTime<Utc>, DateTime<Utc>)) -> Result<Window, StoreError> {
    Window::new(from, to).ok_or_else(|| unreadable_column("window", &from.to_rfc3339()))
}

/// The availability that the rows describe, for each of the queries.
pub(super) fn decode_availability(
    queries: &[&GroupedQuery],
    rows: impl Iterator<Item = ResourceColumns>,
) -> Result<Vec<Availability>, StoreError> {
    let mut answers: Vec<(Vec<ResourceUsage>, Vec<Occupancy>)> = vec![Default::default(); queries.len()];
    for row in rows {
        let of_query = answers.get_mut(row.query).zip(queries.get(row.query));
        let ((usages, occupancies), query) = of_query.ok_or_else(|| unreadable_column("query", "unknown"))?;
        let (usage, of_resource) = row.decode(query.within)?;
        usages.push(usage);
        occupancies.extend(of_resource);
    }
    let answers = answers.into_iter();
    Ok(answers
        .map(|(usages, occupancies)| Availability::new(usages, occupancies))
        .collect())
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::store::group_commit::MOST_WORK_OF_ITEM;

    fn estimate_work(resources: usize, length: Duration) -> usize {
        let id = |number| ResourceId::parse(&format!("room-{number}")).unwrap();
        let from = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let query = GroupedQuery {
            resources: (0..resources).map(id).collect(),
            within: Window::new(from, from + length).unwrap(),
            moving: None,
            statuses_at: None,
        };
        query.estimate_work()
    }

    #[test]
    fn checkouts_form_groups_and_long_lists_do_not() {
        for (resources, length) in [
            (1, Duration::hours(2)),
            (50, Duration::hours(4)),
            (1, Duration::days(7)),
        ] {
            assert!(
                estimate_work(resources, length) <= MOST_WORK_OF_ITEM,
                "{resources}, {length}"
            );
        }
        for (resources, length) in [
            (1, Duration::days(31)),
            (1, Duration::days(62)),
            (50, Duration::days(1)),
        ] {
            assert!(
                estimate_work(resources, length) > MOST_WORK_OF_ITEM,
                "{resources}, {length}"
            );
        }
    }
}
