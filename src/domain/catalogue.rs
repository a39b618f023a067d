//! What a shop sells: event types with their price, schedule and resources (I8).
//!
//! All terms of a sale come from here. A caller names only an event type, a start, a quantity and at most a resource,
//! so that no guest can set a price. `availability` tells which resources are free.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Duration, Utc};

use super::catalogue_names::CatalogueNames;
use super::change_policy::ChangePolicy;
use super::checkout_options::CheckoutOptions;
use super::hold::Status;
use super::ids::{ClosureId, EventTypeId, HoldId, ResourceId};
use super::money::{MAX_AMOUNT, Money};
use super::payment_method::PaymentMethod;
use super::schedule::{NotOffered, Schedule};
use super::segment::Segment;
use super::time::Window;
use super::zone::{ZoneDatabase, ZoneName};

/// The longest duration of a segment, in minutes: a week.
pub const MAX_DURATION_MINUTES: i64 = 7 * 24 * 60;

/// The longest buffer, in minutes: a day.
pub const MAX_BUFFER_MINUTES: i64 = 24 * 60;

/// The longest time for which a segment keeps a resource busy, buffers included.
pub const MAX_BUSY: Duration = Duration::minutes(MAX_DURATION_MINUTES + 2 * MAX_BUFFER_MINUTES);

/// How far ahead a slot may start: ten years. A later date is a mistake, and keeps clear of the date limits of SQLite,
/// PostgreSQL and Stripe.
pub const MAX_ADVANCE: Duration = Duration::days(10 * 366);

/// How near a slot may start and still be for sale. The time to pay ends with the start, and a guest needs some.
pub const MIN_ADVANCE: Duration = Duration::minutes(1);

/// The largest number of units of one resource.
pub const MAX_CAPACITY: u32 = 1000;

/// The largest quantity of one checkout.
pub const MAX_QUANTITY: u32 = 50;

/// The largest number of segments of one event type.
pub const MAX_SEGMENTS: usize = 10;

/// The largest number of resources that one segment can choose from.
pub const MAX_CHOICE: usize = 100;

/// The step at which starts are listed if an event type has no schedule. It can start at any second.
pub const UNSCHEDULED_STEP: Duration = Duration::minutes(15);

/// Something that serves bookings: a host, a studio, a court.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Identifies the resource to callers.
    pub id: ResourceId,
    /// The name that people read.
    pub name: String,
    /// Number of units, `1..=MAX_CAPACITY`. So many holds may overlap, each on units of its own.
    pub capacity: u32,
}

/// A time at which a resource is busy for another reason, with all its units.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// Identifies the block: chosen by the shop, or made from the calendar feed's event.
    pub id: String,
    /// The time that is blocked.
    pub window: Window,
    /// The reason, for the operator. May be personal, so it is never logged.
    pub note: String,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({:?})", self.window)
    }
}

/// Who wrote a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockSource {
    /// An operator set it.
    Operator,
    /// The calendar feed of the resource brought it.
    Feed,
    /// A closure keeps the resource busy by it.
    Closure,
}

/// A block as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBlock {
    /// The block without its source.
    pub block: Block,
    /// Says who wrote the block.
    pub source: BlockSource,
}

/// Resources that something names although they do not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownResources(pub Vec<ResourceId>);

/// What needs a resource, so that it cannot be deleted. Of each kind, the first ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceNeeds {
    /// The event types that can use it.
    pub event_types: Vec<EventTypeId>,
    /// The number of live holds that occupy it.
    pub live_holds: i64,
    /// The ids of operators' blocks that have not ended.
    pub blocks: Vec<String>,
    /// The closures that name it.
    pub closures: Vec<ClosureId>,
    /// Whether it has a calendar feed.
    pub has_feed: bool,
}

impl ResourceNeeds {
    /// Tells whether nothing needs the resource.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A live hold that a block overlaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockConflict {
    /// Identifies the hold that the block overlaps.
    pub hold: HoldId,
    /// The time for which the hold occupies the resource, buffers included.
    pub window: Window,
    /// The current status of the hold.
    pub status: Status,
}

/// A part of an event type: a time, and the resources that can serve it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SegmentTemplate {
    /// Minutes from the start of the booking, not negative.
    pub offset_minutes: i64,
    /// The duration in minutes, `1..=MAX_DURATION_MINUTES`.
    pub duration_minutes: i64,
    /// The resources of which one serves; never empty, each once.
    pub any_of: Vec<ResourceId>,
}

impl SegmentTemplate {
    /// Returns the time as the guest sees it, for a booking that starts at `starts_at`.
    fn visible_window(&self, starts_at: DateTime<Utc>) -> Option<Window> {
        let from = starts_at + Duration::minutes(self.offset_minutes);
        Window::new(from, from + Duration::minutes(self.duration_minutes))
    }

    /// Tells whether one resource could serve both segments.
    pub fn shares_resource_with(&self, other: &Self) -> bool {
        self.any_of.iter().any(|resource| other.any_of.contains(resource))
    }
}

/// Something that a shop sells: a call, a class, a court for an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Identifies the event type to callers.
    pub id: EventTypeId,
    /// What the guest reads on the payment page.
    pub name: String,
    /// What it is, in words for the guest, if the shop says so.
    pub description: Option<String>,
    /// The resources that a booking needs; a hold takes all segments or none. Never empty. The first segment starts
    /// with the booking, and the guest sees its resource.
    pub segments: Vec<SegmentTemplate>,
    /// Minutes for which each resource is busy before its segment; the guest does not see them.
    pub buffer_before_minutes: i64,
    /// Minutes for which each resource is busy after its segment; the guest does not see them.
    pub buffer_after_minutes: i64,
    /// When it is offered; if `None`, at any time in the future.
    pub schedule: Option<Schedule>,
    /// The price of one unit.
    pub price: Money,
    /// The methods that a guest may pay with; if empty, all that the Stripe account allows. A shop that cannot wait
    /// days for a voucher excludes the delayed methods here.
    pub payment_methods: Vec<PaymentMethod>,
    /// What guests may change after they have paid.
    pub change_policy: ChangePolicy,
    /// What it asks of Stripe's payment page.
    pub checkout: CheckoutOptions,
}

/// Why an event type cannot start at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The start is not in the future.
    #[error("must be in the future")]
    Past,
    /// The start is nearer than [`MIN_ADVANCE`].
    #[error("must be at least a minute away")]
    TooNear,
    /// The start is further away than [`MAX_ADVANCE`].
    #[error("is too far in the future")]
    TooFar,
    /// The start has a fraction of a second.
    #[error("must be a whole second")]
    Fraction,
    /// The schedule does not offer it.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
}

impl EventType {
    /// Returns the time from the start to the latest end of a segment.
    pub fn length(&self) -> Duration {
        let ends = self
            .segments
            .iter()
            .map(|template| template.offset_minutes + template.duration_minutes);
        Duration::minutes(ends.max().unwrap_or_default())
    }

    /// Checks that the event type is for sale at this start. Does not check that resources are free.
    ///
    /// # Errors
    /// [`StartError`] if it is not for sale then.
    pub fn check_start(
        &self,
        starts_at: DateTime<Utc>,
        now: DateTime<Utc>,
        zones: &ZoneDatabase,
    ) -> Result<(), StartError> {
        if starts_at.timestamp_subsec_nanos() != 0 {
            return Err(StartError::Fraction);
        }
        if starts_at <= now {
            return Err(StartError::Past);
        }
        if starts_at - now < MIN_ADVANCE {
            return Err(StartError::TooNear);
        }
        if starts_at - now > MAX_ADVANCE {
            return Err(StartError::TooFar);
        }
        match &self.schedule {
            Some(schedule) => Ok(schedule.check_start(starts_at, self.length(), now, zones)?),
            None => Ok(()),
        }
    }

    /// Lists the starts within the window that are for sale, in order. Without a schedule, lists one every
    /// [`UNSCHEDULED_STEP`], though a booking may start in between.
    pub fn list_starts(
        &self,
        within: Window,
        now: DateTime<Utc>,
        zones: &ZoneDatabase,
    ) -> Vec<DateTime<Utc>> {
        match &self.schedule {
            Some(schedule) => {
                let starts = schedule
                    .list_starts(within, self.length(), now, zones)
                    .into_iter();
                starts
                    .filter(|start| (MIN_ADVANCE..=MAX_ADVANCE).contains(&(*start - now)))
                    .collect()
            }
            None => list_unscheduled_starts(within, now),
        }
    }

    /// Estimates the work of listing the slots within a window: how many starts it has, and how many resources each start
    /// has to look at. It reads no calendar, so it costs nothing by itself.
    pub fn estimate_list_work(&self, within: Window) -> u64 {
        let minutes = match &self.schedule {
            Some(schedule) => schedule.step_minutes,
            None => UNSCHEDULED_STEP.num_minutes(),
        };
        let starts = within.length().num_minutes() / minutes.max(1) + 1;
        let resources = self.segments.iter().map(|template| template.any_of.len());
        // The slot itself is work too: it is made, and written as text.
        let per_start = 1 + u64::try_from(resources.sum::<usize>()).unwrap_or(u64::MAX);
        starts.unsigned_abs().saturating_mul(per_start)
    }

    /// Returns the time for which a segment occupies its resource, buffers included; `None` beyond the range of dates.
    pub fn occupied_window(&self, template: &SegmentTemplate, starts_at: DateTime<Utc>) -> Option<Window> {
        let window = template.visible_window(starts_at)?;
        Window::new(
            window.starts_at() - Duration::minutes(self.buffer_before_minutes),
            window.ends_at() + Duration::minutes(self.buffer_after_minutes),
        )
    }

    /// Tells whether two segments occupy their resources at the same time. Segments keep their distance from each other, so
    /// they do so at every start or at none.
    pub fn has_overlap(&self, one: &SegmentTemplate, other: &SegmentTemplate) -> bool {
        let (one, other) = (self.occupied_minutes(one), self.occupied_minutes(other));
        one.start < other.end && other.start < one.end
    }

    /// Returns for which minutes, from the start of a booking on, a segment occupies its resource, buffers included.
    pub fn occupied_minutes(&self, template: &SegmentTemplate) -> Range<i64> {
        let end = template.offset_minutes + template.duration_minutes;
        template.offset_minutes - self.buffer_before_minutes..end + self.buffer_after_minutes
    }

    /// Makes the segment that this resource serves in a booking; `None` beyond the range of dates.
    pub fn segment_for(
        &self,
        template: &SegmentTemplate,
        resource: &ResourceId,
        starts_at: DateTime<Utc>,
    ) -> Option<Segment> {
        Some(Segment {
            resource: resource.clone(),
            window: template.visible_window(starts_at)?,
            busy: self.occupied_window(template, starts_at)?,
        })
    }

    /// Returns a window that contains all that a booking occupies, buffers included.
    pub fn occupied_span(&self, starts_at: DateTime<Utc>) -> Option<Window> {
        Window::new(
            starts_at - Duration::minutes(self.buffer_before_minutes),
            starts_at + self.length() + Duration::minutes(self.buffer_after_minutes),
        )
    }

    /// Tells whether some segment can use the resource.
    pub fn is_served_by(&self, resource: &ResourceId) -> bool {
        self.segments
            .iter()
            .any(|template| template.any_of.contains(resource))
    }

    /// Lists the resources that some segment can use, each once.
    pub fn list_resources(&self) -> Vec<ResourceId> {
        let mut all: Vec<_> = self
            .segments
            .iter()
            .flat_map(|template| &template.any_of)
            .cloned()
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// Returns the resource that every booking gets: the requested one, else the only one of the first segment.
    pub fn certain_resource<'a>(&'a self, requested: Option<&'a ResourceId>) -> Option<&'a ResourceId> {
        let only = self
            .segments
            .first()
            .and_then(|first| match first.any_of.as_slice() {
                [only] => Some(only),
                _ => None,
            });
        requested.or(only)
    }

    /// Returns the names of what is booked, with those of resources.
    pub fn to_names(&self, resources: BTreeMap<ResourceId, String>) -> CatalogueNames {
        CatalogueNames {
            event_type: Some(self.name.clone()),
            timezone: Some(self.zone()),
            resources,
        }
    }

    /// Returns the time zone of the schedule; UTC if there is none.
    pub fn zone(&self) -> ZoneName {
        let schedule = self.schedule.as_ref();
        schedule.map_or_else(|| ZoneName::new("UTC"), |schedule| schedule.timezone.clone())
    }

    /// Returns the price of a quantity; `None` if it is more than Stripe accepts in one payment.
    pub fn total_price(&self, quantity: u32) -> Option<Money> {
        let amount = self.price.amount.checked_mul(quantity.into())?;
        (amount <= MAX_AMOUNT).then_some(Money { amount, ..self.price })
    }
}

/// Lists the future starts within the window on the grid of [`UNSCHEDULED_STEP`], counted from 1970.
fn list_unscheduled_starts(within: Window, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let step = UNSCHEDULED_STEP.num_seconds();
    let first = within.starts_at().max(now + MIN_ADVANCE).timestamp() + step - 1;
    let last = within.ends_at().min(now + MAX_ADVANCE).timestamp();
    let grid = (first.div_euclid(step)..)
        .map(|n| n * step)
        .take_while(|at| *at < last);
    grid.filter_map(|at| DateTime::from_timestamp(at, 0))
        .filter(|at| within.starts_at() <= *at && *at - now >= MIN_ADVANCE)
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
