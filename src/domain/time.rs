//! Windows of time, and the clock as a value.
//!
//! A rule never asks what time it is: it is told. The machine's clock is read in `src/clock.rs` alone.

use chrono::{DateTime, Utc};

/// Tells the time; tests pass one that they move by hand.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;
}

/// A half-open interval `[starts_at, ends_at)`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl Window {
    /// The window from `starts_at` up to, not including, `ends_at`; `None` where that is empty.
    pub fn new(starts_at: DateTime<Utc>, ends_at: DateTime<Utc>) -> Option<Self> {
        (starts_at < ends_at).then_some(Self { starts_at, ends_at })
    }

    /// First instant inside.
    pub fn starts_at(&self) -> DateTime<Utc> {
        self.starts_at
    }

    /// First instant after it.
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.ends_at
    }

    /// How long it is.
    pub fn length(&self) -> chrono::Duration {
        self.ends_at - self.starts_at
    }

    /// The shortest window that has both in it.
    pub fn hull(&self, other: &Self) -> Self {
        Self {
            starts_at: self.starts_at.min(other.starts_at),
            ends_at: self.ends_at.max(other.ends_at),
        }
    }

    /// Whether the two share an instant; windows that only touch do not.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.starts_at < other.ends_at && other.starts_at < self.ends_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, to: i64) -> Window {
        let at = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap();
        Window::new(at(from), at(to)).unwrap()
    }

    #[test]
    fn windows_that_touch_do_not_overlap_and_windows_that_share_an_instant_do() {
        assert!(!window(0, 30).overlaps(&window(30, 60)));
        assert!(!window(30, 60).overlaps(&window(0, 30)));
        assert!(window(0, 31).overlaps(&window(30, 60)));
        assert!(window(0, 90).overlaps(&window(30, 60)));
        assert!(window(30, 60).overlaps(&window(30, 60)));
    }

    #[test]
    fn an_empty_window_cannot_be_made() {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        assert_eq!(Window::new(at, at), None);
    }
}
