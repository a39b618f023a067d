//! The catalogue as one JSON document: what `holdfast export` prints and `holdfast import` reads. Its entries are those that
//! the operators' routes show and take, each with its id.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::admin::closures::parse_closure;
use super::admin::event_types::{EventTypeView, parse_event_type};
use super::admin::resources::blocks::parse_block;
use super::admin::resources::calendar_feed::parse_new_feed;
use super::admin::resources::parse_resource;
use super::duplicate_members::UniqueMembers;
use super::error::FieldError;
use super::field_errors::FieldErrors;
use super::timestamps::serialize_instant;
use crate::domain::calendar_feed::{FeedAddress, FeedSetting};
use crate::domain::catalogue::Block;
use crate::domain::closure::Closure;
use crate::domain::ids::ResourceId;
use crate::domain::zone::ZoneDatabase;
use crate::gateway::calendar_feed::fetch;
use crate::workflow::catalogue_file::CatalogueCopy;

/// The lists of the document.
const LISTS: [&str; 4] = ["resources", "event_types", "blocks", "closures"];

/// The whole catalogue as one document.
#[derive(Serialize)]
pub(super) struct CatalogueFileView {
    resources: Vec<ResourceEntry>,
    event_types: Vec<EventTypeView>,
    blocks: Vec<BlockEntry>,
    closures: Vec<ClosureEntry>,
}

/// A resource with its calendar feed, without the key of its calendar export.
#[derive(Serialize)]
struct ResourceEntry {
    id: String,
    name: String,
    capacity: u32,
    /// Left out if there is no feed: null would end one where the file is imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    calendar: Option<CalendarEntry>,
}

#[derive(Serialize)]
struct CalendarEntry {
    url: String,
    timezone: Option<String>,
}

#[derive(Serialize)]
struct BlockEntry {
    resource: String,
    id: String,
    #[serde(serialize_with = "serialize_instant")]
    starts_at: DateTime<Utc>,
    #[serde(serialize_with = "serialize_instant")]
    ends_at: DateTime<Utc>,
    note: String,
}

#[derive(Serialize)]
struct ClosureEntry {
    id: String,
    from: String,
    to: String,
    note: String,
    resources: Option<Vec<String>>,
}

impl From<&CatalogueCopy> for CatalogueFileView {
    fn from(copy: &CatalogueCopy) -> Self {
        let find_calendar = |resource: &ResourceId| {
            let setting = copy.feeds.iter().find(|setting| setting.resource == *resource)?;
            let FeedAddress { url, timezone } = setting.address.clone()?;
            Some(CalendarEntry { url, timezone })
        };
        let resources = copy.resources.iter();
        Self {
            resources: resources
                .map(|resource| ResourceEntry {
                    id: resource.id.to_string(),
                    name: resource.name.clone(),
                    capacity: resource.capacity,
                    calendar: find_calendar(&resource.id),
                })
                .collect(),
            event_types: copy.event_types.iter().map(EventTypeView::from).collect(),
            blocks: copy.blocks.iter().map(BlockEntry::from).collect(),
            closures: copy.closures.iter().map(ClosureEntry::from).collect(),
        }
    }
}

/// What an import has replaced as the audit trail has it: without notes, which may name a guest, and with the hosts of calendar
/// feeds in place of their addresses, because the rest is often a secret.
#[derive(Serialize)]
pub(super) struct AuditedCatalogue {
    resources: Vec<AuditedResource>,
    calendars: Vec<AuditedCalendar>,
    event_types: Vec<EventTypeView>,
    blocks: Vec<BlockEntry>,
    closures: Vec<ClosureEntry>,
}

#[derive(Serialize)]
struct AuditedResource {
    id: String,
    name: String,
    capacity: u32,
}

#[derive(Serialize)]
struct AuditedCalendar {
    resource: String,
    host: Option<String>,
}

impl From<&CatalogueCopy> for AuditedCatalogue {
    fn from(copy: &CatalogueCopy) -> Self {
        let CatalogueFileView {
            event_types,
            mut blocks,
            mut closures,
            ..
        } = CatalogueFileView::from(copy);
        blocks.iter_mut().for_each(|block| block.note.clear());
        closures.iter_mut().for_each(|closure| closure.note.clear());
        let resources = copy.resources.iter().map(|resource| AuditedResource {
            id: resource.id.to_string(),
            name: resource.name.clone(),
            capacity: resource.capacity,
        });
        let calendars = copy.feeds.iter().map(|setting| AuditedCalendar {
            resource: setting.resource.to_string(),
            host: setting.address.as_ref().and_then(find_host),
        });
        Self {
            resources: resources.collect(),
            calendars: calendars.collect(),
            event_types,
            blocks,
            closures,
        }
    }
}

fn find_host(address: &FeedAddress) -> Option<String> {
    let url = fetch::parse_address(&address.url).ok()?;
    url.host_str().map(str::to_owned)
}

impl From<&(ResourceId, Block)> for BlockEntry {
    fn from((resource, block): &(ResourceId, Block)) -> Self {
        Self {
            resource: resource.to_string(),
            id: block.id.clone(),
            starts_at: block.window.starts_at(),
            ends_at: block.window.ends_at(),
            note: block.note.clone(),
        }
    }
}

impl From<&Closure> for ClosureEntry {
    fn from(closure: &Closure) -> Self {
        let resources = closure.resources.as_ref();
        Self {
            id: closure.id.to_string(),
            from: closure.first_day.to_string(),
            to: closure.last_day.to_string(),
            note: closure.note.clone(),
            resources: resources.map(|ids| ids.iter().map(ToString::to_string).collect()),
        }
    }
}

/// How an import checks what it reads.
#[derive(Clone, Copy, Debug)]
pub struct ImportRules<'a> {
    /// The rules of all time zones.
    pub zones: &'a ZoneDatabase,
    /// Whether calendar feeds may have private addresses.
    pub calendar_allow_private: bool,
    /// The present, by which blocks and closures are judged.
    pub now: DateTime<Utc>,
}

/// Reads the text of a document. Returns what of it can be read, and a line for each error.
pub(super) fn parse_file(text: &str, rules: ImportRules<'_>) -> (CatalogueCopy, Vec<String>) {
    let mut reader = FileReader {
        rules,
        copy: CatalogueCopy::default(),
        errors: FieldErrors::default(),
    };
    match serde_json::from_str::<UniqueMembers>(text) {
        Ok(UniqueMembers(document)) => reader.read(document),
        Err(error) => reader
            .errors
            .add("(file)", format_args!("is not acceptable JSON: {error}")),
    }
    let show = |FieldError { field, detail }: FieldError| format!("{field} {detail}");
    let errors = reader.errors.into_list().into_iter().map(show);
    (reader.copy, errors.collect())
}

struct FileReader<'a> {
    rules: ImportRules<'a>,
    copy: CatalogueCopy,
    errors: FieldErrors,
}

impl FileReader<'_> {
    fn read(&mut self, document: Value) {
        let Value::Object(mut lists) = document else {
            self.errors.add("(file)", "must be an object");
            return;
        };
        for list in LISTS {
            let entries = match lists.remove(list) {
                None => continue,
                Some(Value::Array(entries)) => entries,
                Some(_) => {
                    self.errors.add(list, "must be a list");
                    continue;
                }
            };
            let mut known = std::collections::BTreeSet::new();
            for (n, entry) in entries.into_iter().enumerate() {
                let path = format!("{list}[{n}]");
                let Value::Object(members) = entry else {
                    self.errors.add(&path, "must be an object");
                    continue;
                };
                // A block has its id among those of its resource.
                let of = (list == "blocks").then(|| find_text(&members, "resource"));
                if !known.insert((of, find_text(&members, "id"))) {
                    self.errors.add(&format!("{path}.id"), "is given twice");
                }
                if let Err(errors) = self.read_entry(list, members) {
                    self.errors.extend_within(&path, errors);
                }
            }
        }
        for unknown in lists.keys() {
            self.errors.add(unknown, "is not a known member");
        }
    }

    fn read_entry(&mut self, list: &str, mut members: Map<String, Value>) -> Result<(), FieldErrors> {
        let id = find_text(&members, "id");
        match list {
            "resources" => {
                let calendar = members.remove("calendar");
                let resource = parse_resource(&id, Value::Object(members));
                let feed = self.read_calendar(calendar);
                let (resource, feed) = merge_errors(resource, feed)?;
                if let Some(address) = feed {
                    let resource = resource.id.clone();
                    self.copy.feeds.push(FeedSetting { resource, address });
                }
                self.copy.resources.push(resource);
            }
            "event_types" => {
                let event_type = parse_event_type(&id, Value::Object(members), self.rules.zones)?;
                self.copy.event_types.push(event_type);
            }
            "blocks" => {
                let mut errors = FieldErrors::default();
                let resource = ResourceId::parse(&find_text(&members, "resource"));
                let resource = errors.check("resource", resource).ok_or(errors);
                let block = parse_block(&id, Value::Object(members), self.rules.now);
                self.copy.blocks.push(merge_errors(resource, block)?);
            }
            _ => {
                let closure = parse_closure(&id, Value::Object(members), self.rules.now)?;
                self.copy.closures.push(closure);
            }
        }
        Ok(())
    }

    /// Reads the calendar feed of a resource: `None` if the file says nothing of it, so that it stays.
    fn read_calendar(&self, calendar: Option<Value>) -> Result<Option<Option<FeedAddress>>, FieldErrors> {
        let calendar = match calendar {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(None)),
            Some(calendar) => calendar,
        };
        let feed = parse_new_feed(calendar, self.rules.calendar_allow_private, self.rules.zones);
        let feed = feed.map_err(|errors| errors.within("calendar"))?;
        let timezone = feed.timezone;
        Ok(Some(feed.url.map(|url| FeedAddress { url, timezone })))
    }
}

/// The text of a member; what is no text is nobody's id.
fn find_text(members: &Map<String, Value>, name: &str) -> String {
    let text = members.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// Returns both values, or all errors of both.
fn merge_errors<A, B>(
    one: Result<A, FieldErrors>,
    other: Result<B, FieldErrors>,
) -> Result<(A, B), FieldErrors> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(mut errors), Err(others)) => {
            errors.extend(others);
            Err(errors)
        }
        (Err(errors), _) | (_, Err(errors)) => Err(errors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (CatalogueCopy, Vec<String>) {
        let zones = ZoneDatabase::linked();
        let rules = ImportRules {
            zones: &zones,
            calendar_allow_private: false,
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
        };
        parse_file(text, rules)
    }

    #[test]
    fn every_error_of_a_file_is_named_with_its_place() {
        let (_, errors) = read(
            r#"{"resources": [{"id": "ana", "capacity": 0, "calendar": {"url": "ftp://x"}}, {"id": "ana"}, 5],
                "event_types": [{"id": "call", "resource": "ana", "duration_minutes": 0, "nam": "Call"}],
                "blocks": [{"resource": "Ana", "id": "x", "starts_at": "2026-12-01T10:00:00Z"}],
                "closures": {}, "closure": []}"#,
        );
        let fields: Vec<&str> = errors.iter().filter_map(|line| line.split(' ').next()).collect();
        for field in [
            "resources[0].capacity",
            "resources[0].calendar.url",
            "resources[1].id",
            "resources[2]",
            "event_types[0].nam",
            "event_types[0].name",
            "event_types[0].duration_minutes",
            "event_types[0].amount",
            "event_types[0].currency",
            "blocks[0].resource",
            "blocks[0].ends_at",
            "closures",
            "closure",
        ] {
            assert!(fields.contains(&field), "{field}: {errors:?}");
        }
        assert_eq!(fields.len(), 13, "{errors:?}");
        for no_file in ["", "[]", "{\"closures\": [], \"closures\": []}"] {
            assert_eq!(read(no_file).1.len(), 1, "{no_file}");
        }
    }

    #[test]
    fn calendar_that_is_not_named_stays() {
        let feed = |calendar: &str| {
            let (copy, errors) = read(&format!(r#"{{"resources": [{{"id": "ana"{calendar}}}]}}"#));
            assert_eq!(errors, [""; 0]);
            copy.feeds.into_iter().map(|setting| setting.address).next()
        };
        assert_eq!(feed(""), None);
        assert_eq!(feed(r#", "calendar": null"#), Some(None));
        let url = "https://calendar.example/ana.ics";
        let set = feed(&format!(r#", "calendar": {{"url": "{url}"}}"#));
        let address = FeedAddress {
            url: url.to_owned(),
            timezone: None,
        };
        assert_eq!(set, Some(Some(address)));
    }
}
