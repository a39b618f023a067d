//! The catalogue as one file: reads all of it for an export, and writes what an import changes. It needs no Stripe.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::error::WorkflowError;
use crate::domain::calendar_feed::{FEED_REACH, FeedAddress, FeedSetting};
use crate::domain::catalogue::{Block, BlockConflict, EventType, Resource, UnknownResources};
use crate::domain::closure::{Closure, ClosureZones};
use crate::domain::ids::{ClosureId, ResourceId};
use crate::domain::listing::{BlockFilter, Page, PageRequest};
use crate::domain::zone::{ZoneName, ZoneRules};
use crate::store::{CatalogueChange, ClosedConflicts, ClosureRefusal, Store, StoreError};

/// All that a shop has set up, without keys: blocks are those of operators only.
#[derive(Clone, Debug, Default)]
pub struct CatalogueCopy {
    /// The resources, in order of their ids.
    pub resources: Vec<Resource>,
    /// The calendar feeds of resources, also that one has none. A resource that is not here keeps what it has.
    pub feeds: Vec<FeedSetting>,
    /// The event types, in order of their ids.
    pub event_types: Vec<EventType>,
    /// The blocks, each with its resource.
    pub blocks: Vec<(ResourceId, Block)>,
    /// The closures, in order of their ids.
    pub closures: Vec<Closure>,
}

/// What an import did, by names such as `resources/ana`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct ImportReport {
    /// What was not there before.
    pub made: Vec<String>,
    /// What was another before.
    pub changed: Vec<String>,
    /// What was the same already.
    pub left: Vec<String>,
    /// The live holds that blocks and closures of the file overlap, or closures that follow the zone of closures. They stay.
    pub conflicts: Vec<ImportConflict>,
    /// What was changed, as it was before; for the audit trail.
    #[serde(skip)]
    pub replaced: CatalogueCopy,
}

/// A live hold in a time that an import closed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ImportConflict {
    /// The entry, such as `closures/holiday`.
    pub entry: String,
    /// Identifies the hold, which stays.
    pub hold: String,
}

/// What is wrong with an entry of a file, beside what the file itself shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFault {
    /// The entry, such as `event-types/call`.
    pub entry: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Why an import wrote nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Somebody deleted these resources meanwhile.
    #[error("a resource was deleted meanwhile: {0:?}")]
    UnknownResources(UnknownResources),
    /// Somebody changed the zone of closures meanwhile, to one that has no day of this closure.
    #[error("the zone of closures was changed meanwhile, and has no day of closures/{0}")]
    NoSuchDay(ClosureId),
    /// The file was good, but the database failed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

impl From<ClosureRefusal> for ImportError {
    fn from(refusal: ClosureRefusal) -> Self {
        match refusal {
            ClosureRefusal::UnknownResources(unknown) => Self::UnknownResources(unknown),
            ClosureRefusal::NoSuchDay(closure) => Self::NoSuchDay(closure),
        }
    }
}

impl ImportConflict {
    fn list(closed: ClosedConflicts) -> impl Iterator<Item = Self> {
        let entry = match &closed.resource {
            Some(resource) => name_block(resource, &closed.id),
            None => name_closure(&closed.id),
        };
        let name = move |conflict: BlockConflict| Self {
            entry: entry.clone(),
            hold: conflict.hold.to_string(),
        };
        closed.conflicts.into_iter().map(name)
    }
}

/// The catalogue of an installation at one moment.
pub struct CatalogueRegister<'a> {
    store: &'a dyn Store,
    zones: ClosureZones<'a>,
    now: DateTime<Utc>,
}

impl<'a> CatalogueRegister<'a> {
    /// Looks at the catalogue in this store.
    pub fn new(store: &'a dyn Store, zones: ClosureZones<'a>, now: DateTime<Utc>) -> Self {
        Self { store, zones, now }
    }

    /// Reads the whole catalogue, each list in the order of its ids.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if the database is unreachable.
    pub async fn read(&self) -> Result<CatalogueCopy, WorkflowError> {
        let store = self.store;
        let mut copy = CatalogueCopy {
            resources: read_all(async |page| store.list_resources(&page).await).await?,
            event_types: read_all(async |page| store.list_event_types(&page).await).await?,
            ..CatalogueCopy::default()
        };
        let closures = read_all(async |page| store.list_closures(&page).await).await?;
        copy.closures = closures.into_iter().map(|dated| dated.closure).collect();
        copy.resources.sort_by(|one, other| one.id.cmp(&other.id));
        copy.event_types.sort_by(|one, other| one.id.cmp(&other.id));
        copy.closures.sort_by(|one, other| one.id.cmp(&other.id));
        let filter = BlockFilter {
            only_operators: true,
            ..BlockFilter::default()
        };
        for resource in &copy.resources {
            let feed = store.find_feed(&resource.id).await?;
            copy.feeds.push(FeedSetting {
                resource: resource.id.clone(),
                address: feed.map(|feed| FeedAddress {
                    url: feed.url,
                    timezone: feed.timezone,
                }),
            });
            let blocks = read_all(async |page| store.list_blocks(&resource.id, &filter, &page).await).await?;
            let mut blocks: Vec<Block> = blocks.into_iter().map(|listed| listed.block).collect();
            blocks.sort_by(|one, other| one.id.cmp(&other.id));
            let of_resource = |block| (resource.id.clone(), block);
            copy.blocks.extend(blocks.into_iter().map(of_resource));
        }
        Ok(copy)
    }

    /// Finds what is wrong with a file that its own text does not show: resources that are neither in it nor known, prices
    /// that Stripe does not charge and that the event type has not already, days that the zone of closures does not have.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if the database is unreachable.
    pub async fn check(&self, file: &CatalogueCopy) -> Result<Vec<ImportFault>, WorkflowError> {
        let known = self.read().await?;
        let resources = known.resources.iter().chain(&file.resources);
        let resources: BTreeSet<&ResourceId> = resources.map(|resource| &resource.id).collect();
        let mut faults = Vec::new();
        let mut check_resource = |entry: String, resource: &ResourceId| {
            if !resources.contains(resource) {
                let detail = format!("names the resource {resource}, which does not exist");
                faults.push(ImportFault { entry, detail });
            }
        };
        for event_type in &file.event_types {
            for resource in event_type.list_resources() {
                check_resource(name_event_type(event_type), &resource);
            }
        }
        for (resource, block) in &file.blocks {
            check_resource(name_block(resource, &block.id), resource);
        }
        for closure in &file.closures {
            for resource in closure.resources.iter().flatten() {
                check_resource(name_closure(closure.id.as_str()), resource);
            }
        }
        for event_type in &file.event_types {
            let before = known.event_types.iter().find(|before| before.id == event_type.id);
            if before.is_none_or(|before| before.price != event_type.price)
                && let Err(error) = event_type.price.check_charge()
            {
                faults.push(ImportFault {
                    entry: name_event_type(event_type),
                    detail: format!("amount {error}"),
                });
            }
        }
        let (zone, rules) = self.choose_zone_after(&known, file)?;
        for closure in &file.closures {
            if closure.date_in(zone.clone(), rules).is_none() {
                let entry = name_closure(closure.id.as_str());
                let detail = format!("has no day in the zone of closures {zone}");
                faults.push(ImportFault { entry, detail });
            }
        }
        Ok(faults)
    }

    /// Writes what a file has and the catalogue has not, or has otherwise, in one transaction. Nothing is deleted.
    ///
    /// # Errors
    /// [`ImportError`] if nothing was written.
    pub async fn write(&self, file: &CatalogueCopy) -> Result<ImportReport, ImportError> {
        let known = self.read().await?;
        let mut report = ImportReport::default();
        let mut change = CatalogueChange {
            feeds_reach_to: self.now + FEED_REACH,
            ..CatalogueChange::default()
        };
        for resource in &file.resources {
            let before = known.resources.iter().find(|before| before.id == resource.id);
            if report.note(format!("resources/{}", resource.id), before, resource) {
                report.replaced.resources.extend(before.cloned());
                change.resources.push(resource.clone());
            }
        }
        for setting in &file.feeds {
            let before = known
                .feeds
                .iter()
                .find(|before| before.resource == setting.resource);
            let before = before.filter(|before| before.address.is_some());
            // That there is no feed, as before, is nothing to report.
            if (before.is_some() || setting.address.is_some())
                && report.note(
                    format!("resources/{}/calendar", setting.resource),
                    before,
                    setting,
                )
            {
                report.replaced.feeds.extend(before.cloned());
                change.feeds.push(setting.clone());
            }
        }
        for event_type in &file.event_types {
            let before = known.event_types.iter().find(|before| before.id == event_type.id);
            if report.note(name_event_type(event_type), before, event_type) {
                report.replaced.event_types.extend(before.cloned());
                change.event_types.push(event_type.clone());
            }
        }
        for entry in &file.blocks {
            let (resource, block) = entry;
            let same = |(of, before): &&(ResourceId, Block)| of == resource && before.id == block.id;
            let before = known.blocks.iter().find(same);
            if report.note(name_block(resource, &block.id), before, entry) {
                report.replaced.blocks.extend(before.cloned());
                change.blocks.push(entry.clone());
            }
        }
        for closure in &file.closures {
            let before = known.closures.iter().find(|before| before.id == closure.id);
            if report.note(name_closure(closure.id.as_str()), before, closure) {
                report.replaced.closures.extend(before.cloned());
                change.closures.push(closure.clone());
            }
        }
        let written = self
            .store
            .write_catalogue(&change, self.zones, self.now)
            .await??;
        report.conflicts = written.into_iter().flat_map(ImportConflict::list).collect();
        Ok(report)
    }

    /// Chooses the zone of closures as it is once the file is imported.
    fn choose_zone_after(
        &self,
        known: &CatalogueCopy,
        file: &CatalogueCopy,
    ) -> Result<(ZoneName, &'a ZoneRules), WorkflowError> {
        let is_replaced = |known: &&EventType| file.event_types.iter().any(|new| new.id == known.id);
        let stays = known.event_types.iter().filter(|known| !is_replaced(known));
        let schedules = stays
            .chain(&file.event_types)
            .filter_map(|event_type| event_type.schedule.as_ref());
        let zones: BTreeSet<String> = schedules.map(|schedule| schedule.timezone.to_string()).collect();
        let chosen = self.zones.choose(&Vec::from_iter(zones));
        chosen.ok_or_else(|| {
            WorkflowError::Internal("the rules of the time zone of closures are not known".into())
        })
    }
}

impl ImportReport {
    /// Notes what becomes of an entry; returns whether it is to be written.
    fn note<T: PartialEq>(&mut self, name: String, before: Option<&T>, after: &T) -> bool {
        let list = match before {
            None => &mut self.made,
            Some(before) if before != after => &mut self.changed,
            Some(_) => {
                self.left.push(name);
                return false;
            }
        };
        list.push(name);
        true
    }
}

fn name_event_type(event_type: &EventType) -> String {
    format!("event-types/{}", event_type.id)
}

fn name_block(resource: &ResourceId, block: &str) -> String {
    format!("resources/{resource}/blocks/{block}")
}

fn name_closure(closure: &str) -> String {
    format!("closures/{closure}")
}

/// Reads all pages of a list.
async fn read_all<T>(
    read: impl AsyncFn(PageRequest) -> Result<Page<T>, StoreError>,
) -> Result<Vec<T>, WorkflowError> {
    let mut page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let mut all = Vec::new();
    loop {
        let found = read(page.clone()).await?;
        all.extend(found.entries);
        if found.next.is_none() {
            return Ok(all);
        }
        page.cursor = found.next;
    }
}
