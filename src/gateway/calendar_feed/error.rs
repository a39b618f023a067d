//! The errors of calendar feeds: of a whole feed, and of single events in it.

use std::fmt;
use std::sync::Arc;

/// Something in a feed that could not be read as it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFault {
    /// The position of the event in the feed, from 1.
    pub position: usize,
    /// The event's id in the feed. Empty if the event has none. It may be personal, so it is never shown.
    pub uid: Arc<str>,
    /// What could not be read.
    pub error: FeedEventError,
}

impl fmt::Display for FeedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.position, self.error)
    }
}

/// A part of an event cannot be read. Each message says what blocks instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FeedEventError {
    /// The start cannot be read, and nothing else says when the event is.
    #[error("nothing says when it is; its last blocks stay")]
    Unreadable,
    /// The event lacks its `END`.
    #[error("its end is missing; what was read blocks, and its last blocks stay")]
    Unended,
    /// The time of day of the start cannot be read.
    #[error("its start is broken; the whole day and its last blocks block")]
    Start,
    /// The end or the duration cannot be read.
    #[error(
        "its end is broken; a day from its start, or to the end of the day that it names, and its last blocks block"
    )]
    End,
    /// The event ends before it begins.
    #[error("it ends before it begins; a day from its start and its last blocks block")]
    Backwards,
    /// The event is longer than a hundred years.
    #[error("it is too long; its first hundred years and its last blocks block")]
    TooLong,
    /// The zone's name is known to neither IANA nor Windows, and the feed does not describe the zone.
    #[error("its time zone is unknown; it and its last blocks block, in the calendar's own zone")]
    Zone,
    /// The same, and the calendar has no zone of its own.
    #[error(
        "its time zone is unknown; all hours that it can mean block, from the day before to the day after"
    )]
    AnyZone,
    /// The recurrence rule is invalid.
    #[error("its recurrence rule is broken; its first date blocks, and its last blocks stay")]
    Rule,
    /// The end of the recurrence rule is invalid.
    #[error("the end of its recurrence rule is broken; it repeats without end")]
    Until,
    /// The recurrence rule has too many repetitions.
    #[error("it repeats too often; all the time from its start to its end blocks")]
    TooOften,
    /// A further date of the event is invalid.
    #[error("a further date is broken; its day, if it has one, and the last blocks of the entry block")]
    FurtherDate,
    /// An exception of the event is invalid or in an unknown zone.
    #[error("an exception is broken; its repetition blocks")]
    Exception,
    /// The repetition that an entry replaces is invalid or in an unknown zone.
    #[error("the repetition that it replaces is broken; that repetition blocks too")]
    Replaced,
    /// The entry lists when somebody is available, and in no other time (RFC 7953).
    #[error("lists of available times are not read; all of its time blocks")]
    Availability,
    /// The start or the end of such a list is invalid or in an unknown zone.
    #[error("the start or the end of a list of available times is broken; it has no limit on that side")]
    Limit,
    /// A busy time of a list is invalid.
    #[error("a busy time is broken; its day, if it has one, and the last blocks of the entry block")]
    BusyTime,
}

impl FeedEventError {
    /// Tells whether all that the part can mean blocks all the same, so that no earlier block is needed.
    pub(super) fn frees_nothing(self) -> bool {
        use FeedEventError::{AnyZone, Availability, Exception, Limit, Replaced, TooOften, Until};
        matches!(
            self,
            AnyZone | Availability | Exception | Limit | Replaced | TooOften | Until
        )
    }
}

/// A feed as a whole cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The text is not a calendar, or only a part of one.
    #[error("is not a whole iCalendar file")]
    NotACalendar,
    /// The calendar is nested too deeply, or its events repeat too often in total.
    #[error("is nested too deeply or repeats too often")]
    TooMuch,
    /// The parser stopped with a panic.
    #[error("cannot be read because of a bug in the program")]
    Bug,
    /// The address has a scheme that we do not fetch, or contains a user name.
    #[error("must be an https address without credentials")]
    Address,
    /// The address, or one that it redirects to, is not public: private, loopback or reserved.
    #[error("leads to an address that is not public")]
    NotPublic,
    /// The server does not answer, or not in HTTP over TLS.
    #[error("cannot be reached")]
    Unreachable,
    /// The server redirects too often, or to an invalid address.
    #[error("redirects too often")]
    Redirects,
    /// The server responded with another status than 200.
    #[error("answered with status {0}")]
    Status(u16),
    /// The feed has more bytes than the limit, as it arrives or unpacked.
    #[error("is too large")]
    TooLarge,
    /// The feed did not arrive completely within the time limit.
    #[error("took too long")]
    TooSlow,
    /// The feed is packed with gzip, and not whole.
    #[error("cannot be unpacked")]
    BrokenGzip,
}
