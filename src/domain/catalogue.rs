//! What a shop sells: event types, their price, when they are offered and which resources they need (I8).
//!
//! The server sets the terms; a caller names an event type, a start, how many, and at most whom. Which resources are
//! free then is left to `availability`.

use chrono::{DateTime, Duration, Utc};

use super::booking::Segment;
use super::hold::Status;
use super::ids::{EventTypeId, HoldId, ResourceId};
use super::money::{MAX_AMOUNT, Money};
use super::schedule::{NotOffered, Schedule};
use super::time::Window;

/// Longest event, in minutes: a week.
pub const MAX_DURATION_MINUTES: i64 = 7 * 24 * 60;

/// How far ahead a slot may start. Nobody means year 9999, and both engines and Stripe have limits of their own.
pub const MAX_ADVANCE: Duration = Duration::days(10 * 366);

/// Most units that one resource has.
pub const MAX_CAPACITY: u32 = 1000;

/// Most units that one checkout takes.
pub const MAX_QUANTITY: u32 = 50;

/// Most segments of one event type.
pub const MAX_SEGMENTS: usize = 10;

/// Most resources that one segment can choose from.
pub const MAX_CHOICE: usize = 100;

/// How finely starts are listed of what has no schedule and so is for sale at any.
pub const FREE_STEP: Duration = Duration::minutes(15);

/// A way to pay by Stripe's name for it, such as `card`; which names there are is Stripe's affair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentMethod(String);

impl PaymentMethod {
    /// A name that a caller chose; `None` unless it is 1 to 40 characters of `a-z`, `0-9` and `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        (plain && (1..=40).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What can be in so many places at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// What people call it.
    pub name: String,
    /// How many holds may overlap on it, each on a unit of its own, `1..=MAX_CAPACITY`.
    pub capacity: u32,
}

/// Times at which a resource is busy for other reasons, with all its units.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// The shop's name for it, or the calendar's.
    pub id: String,
    /// When.
    pub window: Window,
    /// Why, for the operator; may be personal.
    pub note: String,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({:?})", self.window)
    }
}

/// A live hold that a block overlaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockConflict {
    /// Which.
    pub hold: HoldId,
    /// When it keeps the resource busy, buffers included.
    pub window: Window,
    /// Where it stands.
    pub status: Status,
}

/// A calendar feed that is read into blocks.
#[derive(Clone, PartialEq, Eq)]
pub struct Feed {
    /// Whose.
    pub resource: ResourceId,
    /// Where; often a secret, so never logged.
    pub url: String,
    /// When it was last read well.
    pub read_at: Option<DateTime<Utc>>,
    /// What is wrong with it since then.
    pub fault: Option<String>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Feed({})", self.resource)
    }
}

/// One resource out of several, for a part of the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentTemplate {
    /// Minutes from the start of the booking, not negative.
    pub offset_minutes: i64,
    /// How long, in minutes, `1..=MAX_DURATION_MINUTES`.
    pub duration_minutes: i64,
    /// Any of these will do; never empty, and each once.
    pub any_of: Vec<ResourceId>,
}

impl SegmentTemplate {
    /// From when to when, for a booking from `starts_at` on; as the guest sees it.
    fn window(&self, starts_at: DateTime<Utc>) -> Option<Window> {
        let begins = starts_at + Duration::minutes(self.offset_minutes);
        Window::new(begins, begins + Duration::minutes(self.duration_minutes))
    }

    /// Whether the two need the same resource.
    pub fn shares_resource_with(&self, other: &Self) -> bool {
        self.any_of.iter().any(|resource| other.any_of.contains(resource))
    }
}

/// Something that can be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Its id.
    pub id: EventTypeId,
    /// What the guest reads on the payment page.
    pub name: String,
    /// What it takes: all of it is held, or none. Never empty; the first begins at the start and is what the guest sees
    /// as the resource.
    pub segments: Vec<SegmentTemplate>,
    /// How long each resource stays busy before its segment, in minutes; the guest does not see it.
    pub buffer_before_minutes: i64,
    /// How long each resource stays busy after its segment, in minutes; the guest does not see it.
    pub buffer_after_minutes: i64,
    /// When it is offered; none: at any time to come.
    pub schedule: Option<Schedule>,
    /// What one costs.
    pub price: Money,
    /// The methods that a guest may pay with; empty: all that the account allows. A shop that cannot wait days for a
    /// voucher excludes the delayed ones here.
    pub payment_methods: Vec<PaymentMethod>,
    /// What guests may do with it once they have paid.
    pub change_policy: ChangePolicy,
}

/// Until when guests may change their mind about what they have paid; none: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangePolicy {
    /// Minutes before the start until which a guest may cancel and gets all money back.
    pub cancel_until_minutes: Option<i64>,
    /// Minutes before the start until which a guest may move it.
    pub move_until_minutes: Option<i64>,
}

/// Why a start cannot be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// It is not after the present.
    #[error("must be in the future")]
    Past,
    /// It is further away than [`MAX_ADVANCE`].
    #[error("is too far in the future")]
    TooFar,
    /// It has a fraction of a second.
    #[error("must be a whole second")]
    Fraction,
    /// The schedule does not offer it.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
}

impl EventType {
    /// How long it takes, from the start to the end of its last segment.
    pub fn length(&self) -> Duration {
        let ends = self
            .segments
            .iter()
            .map(|need| need.offset_minutes + need.duration_minutes);
        Duration::minutes(ends.max().unwrap_or_default())
    }

    /// Whether it is for sale from `starts_at` on; whether somebody is free then is another question.
    ///
    /// # Errors
    /// [`StartError`] where it is not.
    pub fn offers(&self, starts_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), StartError> {
        if starts_at.timestamp_subsec_nanos() != 0 {
            return Err(StartError::Fraction);
        }
        if starts_at <= now {
            return Err(StartError::Past);
        }
        if starts_at - now > MAX_ADVANCE {
            return Err(StartError::TooFar);
        }
        match &self.schedule {
            Some(schedule) => Ok(schedule.allows(starts_at, self.length(), now)?),
            None => Ok(()),
        }
    }

    /// All starts within the window that are for sale, by time. What has no schedule is listed every
    /// [`FREE_STEP`], though it may start in between.
    pub fn starts(&self, within: Window, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        match &self.schedule {
            Some(schedule) => {
                let starts = schedule.starts(within, self.length(), now).into_iter();
                starts.filter(|start| *start - now <= MAX_ADVANCE).collect()
            }
            None => every_step(within, now),
        }
    }

    /// When whoever serves a need is busy, buffers and all; `None` where time itself is at its end.
    pub fn busy(&self, need: &SegmentTemplate, starts_at: DateTime<Utc>) -> Option<Window> {
        let window = need.window(starts_at)?;
        Window::new(
            window.starts_at() - Duration::minutes(self.buffer_before_minutes),
            window.ends_at() + Duration::minutes(self.buffer_after_minutes),
        )
    }

    /// The segment of a booking from `starts_at` on that this resource serves; `None` where time itself is at its end.
    pub fn segment(
        &self,
        need: &SegmentTemplate,
        resource: &ResourceId,
        starts_at: DateTime<Utc>,
    ) -> Option<Segment> {
        Some(Segment {
            resource: resource.clone(),
            window: need.window(starts_at)?,
            busy: self.busy(need, starts_at)?,
        })
    }

    /// All that it keeps busy, whoever serves, for a booking from `starts_at` on.
    pub fn span(&self, starts_at: DateTime<Utc>) -> Option<Window> {
        Window::new(
            starts_at - Duration::minutes(self.buffer_before_minutes),
            starts_at + self.length() + Duration::minutes(self.buffer_after_minutes),
        )
    }

    /// Whether the resource could serve.
    pub fn is_served_by(&self, resource: &ResourceId) -> bool {
        self.segments.iter().any(|need| need.any_of.contains(resource))
    }

    /// Everyone who could serve, each once.
    pub fn resources(&self) -> Vec<ResourceId> {
        let mut all: Vec<_> = self
            .segments
            .iter()
            .flat_map(|need| &need.any_of)
            .cloned()
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// What so many cost; `None` where that is more than Stripe takes in one payment.
    pub fn total_price(&self, quantity: u32) -> Option<Money> {
        let amount = self.price.amount.checked_mul(quantity.into())?;
        (amount <= MAX_AMOUNT).then_some(Money { amount, ..self.price })
    }
}

fn every_step(within: Window, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let step = FREE_STEP.num_seconds();
    let first = within.starts_at().max(now + Duration::seconds(1)).timestamp() + step - 1;
    let last = within.ends_at().min(now + MAX_ADVANCE).timestamp();
    let grid = (first.div_euclid(step)..)
        .map(|n| n * step)
        .take_while(|at| *at < last);
    grid.filter_map(|at| DateTime::from_timestamp(at, 0))
        .filter(|at| within.starts_at() <= *at && *at > now)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn id(text: &str) -> ResourceId {
        ResourceId::parse(text).unwrap()
    }

    fn call() -> EventType {
        let need = SegmentTemplate {
            offset_minutes: 0,
            duration_minutes: 30,
            any_of: vec![id("ana")],
        };
        EventType {
            id: EventTypeId::parse("call").unwrap(),
            name: "Call".into(),
            segments: vec![need],
            buffer_before_minutes: 5,
            buffer_after_minutes: 10,
            schedule: None,
            price: Money::price(5000, Currency::parse("eur").unwrap()).unwrap(),
            payment_methods: Vec::new(),
            change_policy: ChangePolicy::default(),
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn a_slot_starts_in_the_future_on_a_whole_second_and_within_reach() {
        let at = |ms: i64| call().offers(now() + Duration::milliseconds(ms), now());
        assert_eq!(at(0), Err(StartError::Past));
        assert_eq!(at(-1000), Err(StartError::Past));
        assert_eq!(at(1500), Err(StartError::Fraction));
        assert_eq!(at(MAX_ADVANCE.num_milliseconds() + 1000), Err(StartError::TooFar));
        assert_eq!(at(1000), Ok(()));
    }

    #[test]
    fn buffers_keep_the_resource_busy_and_are_not_shown() {
        let call = call();
        let segment = call.segment(&call.segments[0], &id("ana"), now()).unwrap();
        assert_eq!(
            segment.window,
            Window::new(now(), now() + Duration::minutes(30)).unwrap()
        );
        let busy = (now() - Duration::minutes(5), now() + Duration::minutes(40));
        assert_eq!(segment.busy, Window::new(busy.0, busy.1).unwrap());
        assert_eq!(call.span(now()), Some(segment.busy));
    }

    #[test]
    fn what_has_no_schedule_is_listed_every_quarter_of_an_hour_to_come() {
        let begins = now() - Duration::minutes(20);
        let day = Window::new(begins, now() + Duration::minutes(31)).unwrap();
        let starts: Vec<_> = call()
            .starts(day, now())
            .iter()
            .map(|at| (*at - now()).num_minutes())
            .collect();
        assert_eq!(starts, [15, 30]);
    }

    #[test]
    fn many_cost_as_much_as_each_up_to_what_stripe_takes() {
        assert_eq!(call().total_price(3).map(|money| money.amount), Some(15_000));
        let dear = EventType {
            price: Money {
                amount: MAX_AMOUNT / 2,
                ..call().price
            },
            ..call()
        };
        assert_eq!(
            dear.total_price(2).map(|money| money.amount),
            Some(MAX_AMOUNT - 1)
        );
        assert_eq!(dear.total_price(3), None);
    }
}
