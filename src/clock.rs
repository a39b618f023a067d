//! Provides the machine's clock. No other file reads it.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::domain::time::Clock;

/// Returns the machine's time to the millisecond, which is what the database and the responses can hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }
}

/// The machine's clock, shifted by a fixed amount, to test what a wrong clock does.
#[derive(Clone, Copy, Debug)]
pub struct WrongClock {
    /// How far the clock is ahead.
    pub ahead: TimeDelta,
}

impl Clock for WrongClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.ahead
    }
}
