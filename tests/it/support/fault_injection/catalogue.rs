//! The part of the store with an injected fault that concerns the catalogue.

use super::*;

implement_store! {
    Blocks:
    put_block(resource: &ResourceId, block: &Block, now: DateTime<Utc>) -> Option<(PutOutcome, Vec<BlockConflict>)>;
    find_block(resource: &ResourceId, id: &str) -> Option<Block>;
    list_blocks(resource: &ResourceId, filter: &BlockFilter, page: &PageRequest) -> Page<ListedBlock>;
    delete_block(resource: &ResourceId, id: &str) -> bool;
}

implement_store! {
    Catalogue:
    put_event_type(event_type: &EventType, zones: ClosureZones<'_>, now: DateTime<Utc>) -> Result<PutOutcome, UnknownResources>;
    find_event_type(id: &EventTypeId) -> Option<EventType>;
    list_all_schedule_zones() -> Vec<String>;
    list_schedule_zones(resource: &ResourceId) -> Vec<String>;
    list_event_types(page: &PageRequest) -> Page<EventType>;
    delete_event_type(id: &EventTypeId, zones: ClosureZones<'_>) -> bool;
}

implement_store! {
    CatalogueFiles:
    write_catalogue(change: &CatalogueChange, zones: ClosureZones<'_>, now: DateTime<Utc>) -> Result<Vec<ClosedConflicts>, ClosureRefusal>;
}

implement_store! {
    Closures:
    put_closure(closure: &Closure, zones: ClosureZones<'_>, now: DateTime<Utc>) -> Result<(PutOutcome, DatedClosure, Vec<BlockConflict>), ClosureRefusal>;
    date_closures(zones: ClosureZones<'_>) -> ();
    find_closure(id: &ClosureId) -> Option<DatedClosure>;
    list_closure_conflicts(id: &ClosureId) -> Vec<BlockConflict>;
    list_closures(page: &PageRequest) -> Page<DatedClosure>;
    delete_closure(id: &ClosureId) -> bool;
}

implement_store! {
    Feeds:
    set_feed(resource: &ResourceId, feed: Option<&NewFeed<'_>>, now: DateTime<Utc>) -> bool;
    list_faulty_feeds(limit: u32) -> Vec<Feed>;
    list_feeds(page: &PageRequest) -> Page<Feed>;
    find_feed(resource: &ResourceId) -> Option<Feed>;
    lease_due_feeds(request: &LeaseRequest) -> Vec<Feed>;
    save_feed_blocks(feed: &Feed, read: &FeedRead) -> ();
    save_feed_failure(feed: &Feed, fault: &str, next: DateTime<Utc>) -> ();
    make_feed_due(resource: &ResourceId, now: DateTime<Utc>) -> ();
}

implement_store! {
    Resources:
    put_resource(resource: &Resource, now: DateTime<Utc>) -> PutOutcome;
    find_resource(id: &ResourceId) -> Option<Resource>;
    find_resources(ids: &[ResourceId]) -> Vec<Resource>;
    delete_resource(id: &ResourceId, now: DateTime<Utc>) -> Result<bool, ResourceNeeds>;
    list_resources(page: &PageRequest) -> Page<Resource>;
    find_calendar_salt(id: &ResourceId) -> Option<CalendarSalt>;
    renew_calendar_salt(id: &ResourceId) -> bool;
}
