//! The machine's clock: the one place that reads it.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::domain::time::Clock;

/// Tells the machine's time, to the millisecond: what the books and the answers can keep.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }
}

/// The machine's clock, put wrong by a fixed amount: for tests of what a wrong clock does to the books.
#[derive(Clone, Copy, Debug)]
pub struct WrongClock {
    /// How far it is ahead.
    pub ahead: TimeDelta,
}

impl Clock for WrongClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.ahead
    }
}
