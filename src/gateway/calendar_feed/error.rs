//! The errors of calendar feeds: of a whole feed, and of single events in it.

/// An event of a feed that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFault {
    /// The event's id in the feed. Empty if the event has none.
    pub uid: String,
    /// The reason why the event could not be read.
    pub error: FeedEventError,
}

/// An event of a feed cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedEventError {
    /// A needed line is not of the form `NAME;PARAMETER=value:value`, or the event lacks its `END`.
    #[error("a needed line is broken")]
    Line,
    /// The start is missing, or a date or a duration is invalid.
    #[error("a date or a duration is missing or broken")]
    Time,
    /// The zone's name is known to neither IANA nor Windows, and the feed does not describe the zone.
    #[error("the time zone is unknown")]
    Zone,
    /// The event ends before it begins.
    #[error("it ends before it begins")]
    Backwards,
    /// The recurrence rule is invalid.
    #[error("the recurrence rule is broken")]
    Rule,
    /// The recurrence rule has thousands of repetitions.
    #[error("it repeats too often")]
    TooOften,
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
    /// The feed has more bytes than the limit.
    #[error("is too large")]
    TooLarge,
    /// The feed did not arrive completely within the time limit.
    #[error("took too long")]
    TooSlow,
    /// The feed is not UTF-8.
    #[error("is not UTF-8")]
    NotText,
}
