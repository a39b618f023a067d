//! The settings of the shop that workflows depend on.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use crate::domain::closure::ClosureZones;
use crate::domain::hold::HoldPolicy;
use crate::domain::hold_limit::MostUnpaidHolds;
use crate::domain::zone::{ZoneDatabase, ZoneName};

/// What the shop can configure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a guest has to pay.
    pub hold_ttl: chrono::Duration,
    /// How long a lease lasts. Longer than any call to Stripe, so that it runs out only if its owner died.
    pub lease: Duration,
    /// How long one request may wait for a permit for a slot, or for a lease of another owner.
    pub wait_timeout: Duration,
    /// How long a sweep goes on leasing holds, then attempts, and then commands. If Stripe is so slow that this is not enough,
    /// the rest stays due for the next sweep, and no kind of work keeps another from its turn.
    pub sweep_time: Duration,
    /// How long an attempt belongs to its checkout. A checkout that takes longer counts as dead.
    pub attempt_lease: Duration,
    /// How long to wait for a delayed payment before Stripe is asked. The wait doubles with each question.
    pub ask_processing_after: chrono::Duration,
    /// How long idempotency keys are kept.
    pub remember_keys: chrono::Duration,
    /// How long the bodies of webhook events are kept for a replay.
    pub keep_events: chrono::Duration,
    /// How long after a hold's end its guest's personal data is kept.
    pub forget_after: chrono::Duration,
    /// How long a released hold that never had money is kept after its end.
    pub keep_released: chrono::Duration,
    /// How long the audit trail is kept.
    pub keep_audit: chrono::Duration,
    /// How many slots one visitor may hold without paying.
    pub limits: LimitSettings,
    /// The rules of holds that the shop may choose.
    pub policy: HoldPolicy,
    /// Whether calendar feeds may have private addresses.
    pub calendar_allow_private: bool,
    /// Whether the secret key is a live key. Events of the other mode are ignored.
    pub livemode: bool,
    /// The rules of all time zones.
    pub zones: Arc<ZoneDatabase>,
    /// The zone of the shop's days.
    pub timezone: ZoneName,
}

impl Settings {
    /// Returns the zones that closures can be in.
    pub fn closure_zones(&self) -> ClosureZones<'_> {
        ClosureZones {
            zones: &self.zones,
            configured: &self.timezone,
        }
    }

    /// Finds the start of a day in the shop's zone, and that of the next one; `None` beyond the range of dates.
    pub fn find_day(&self, day: NaiveDate) -> Option<Range<DateTime<Utc>>> {
        self.zones.find(&self.timezone)?.find_day(day)
    }

    /// Returns the day that an instant is on in the shop's zone.
    pub fn day_of(&self, instant: DateTime<Utc>) -> NaiveDate {
        let rules = self.zones.find(&self.timezone);
        let local = rules.map_or(instant.naive_utc(), |rules| rules.to_local(instant));
        local.date()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hold_ttl: chrono::Duration::minutes(30),
            lease: Duration::from_secs(45),
            wait_timeout: Duration::from_secs(10),
            sweep_time: Duration::from_secs(15),
            attempt_lease: Duration::from_secs(120),
            ask_processing_after: chrono::Duration::hours(24),
            remember_keys: chrono::Duration::hours(48),
            keep_events: chrono::Duration::days(30),
            forget_after: chrono::Duration::days(90),
            keep_released: chrono::Duration::days(400),
            keep_audit: chrono::Duration::days(400),
            limits: LimitSettings::default(),
            policy: HoldPolicy::default(),
            calendar_allow_private: false,
            livemode: false,
            zones: Arc::new(ZoneDatabase::linked()),
            timezone: ZoneName::new("UTC"),
        }
    }
}

/// Limits on the unpaid holds of one visitor.
#[derive(Clone, Copy, Debug)]
pub struct LimitSettings {
    /// The most unpaid holds.
    pub most: MostUnpaidHolds,
    /// How long a client must wait if its last holds all lapsed; zero if it need not.
    pub lapse_cooldown: Duration,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            most: MostUnpaidHolds {
                per_guest: 3,
                per_email: 10,
                per_client: 10,
                per_network: 60,
            },
            lapse_cooldown: Duration::from_mins(15),
        }
    }
}
