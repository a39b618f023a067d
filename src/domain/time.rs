//! Windows of time, and the clock as a value.
//!
//! A rule gets the time as an argument and never reads a clock. Only `src/clock.rs` reads the machine's clock.

use chrono::{DateTime, Utc};

/// Tells the present time; tests pass a clock that they move by hand.
pub trait Clock: Send + Sync + 'static {
    /// Returns the present instant by the clock of this instance.
    fn now(&self) -> DateTime<Utc>;

    /// Returns the present instant by the database's clock, which has just shown `reading`.
    ///
    /// A clock that a test moves by hand moves the database's time too, and returns that time instead.
    fn database_now(&self, reading: DateTime<Utc>) -> DateTime<Utc> {
        reading
    }
}

/// A half-open interval `[starts_at, ends_at)`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl Window {
    /// Makes the window from `starts_at` up to, not including, `ends_at`; `None` if that is empty.
    pub fn new(starts_at: DateTime<Utc>, ends_at: DateTime<Utc>) -> Option<Self> {
        (starts_at < ends_at).then_some(Self { starts_at, ends_at })
    }

    /// Returns the first instant inside the window.
    pub fn starts_at(&self) -> DateTime<Utc> {
        self.starts_at
    }

    /// Returns the first instant after the window.
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.ends_at
    }

    /// Returns the length of the window.
    pub fn length(&self) -> chrono::Duration {
        self.ends_at - self.starts_at
    }

    /// Returns the shortest window that contains both windows and what lies between them.
    pub fn hull(&self, other: &Self) -> Self {
        Self {
            starts_at: self.starts_at.min(other.starts_at),
            ends_at: self.ends_at.max(other.ends_at),
        }
    }

    /// Tells whether the two windows share an instant; windows that only touch do not.
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
    fn windows_overlap_if_they_share_an_instant_not_if_they_touch() {
        assert!(!window(0, 30).overlaps(&window(30, 60)));
        assert!(!window(30, 60).overlaps(&window(0, 30)));
        assert!(window(0, 31).overlaps(&window(30, 60)));
        assert!(window(0, 90).overlaps(&window(30, 60)));
        assert!(window(30, 60).overlaps(&window(30, 60)));
    }

    #[test]
    fn empty_window_cannot_be_made() {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        assert_eq!(Window::new(at, at), None);
    }
}
