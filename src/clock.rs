//! The machine's clock: the one place that reads it.

use chrono::{DateTime, SubsecRound, Utc};

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
