//! What a connection is doing, and how long each phase may take.

use std::time::Duration;

/// How long a client may take to send the header of a request, from its first byte on.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send the whole body of a request.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may stay open without a request.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long to read on, after a request was refused before all of it was read.
pub(super) const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits for a request, or for its client to read the response before.
    Idle,
    /// It has read a part of a request's header.
    Header,
    /// A handler waits for the body, which has a deadline of its own, so that the client gets a response.
    Body,
    /// A handler works on a request.
    Working,
    /// It has responded to a request that it refused, and discards the rest of it.
    Discarding,
}

/// Why a connection was closed that its client would have kept open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// There were too many connections.
    TooMany,
    /// No request came for a long time.
    Idle,
    /// The header of a request took too long.
    SlowHeader,
    /// The rest of a refused request took too long.
    SlowRest,
}

impl Phase {
    /// Returns how long the phase may take, and why a connection is closed that takes longer.
    pub(super) fn limit(self) -> Option<(Duration, CloseReason)> {
        match self {
            Self::Idle => Some((IDLE_TIMEOUT, CloseReason::Idle)),
            Self::Header => Some((HEADER_TIMEOUT, CloseReason::SlowHeader)),
            Self::Discarding => Some((DISCARD_TIMEOUT, CloseReason::SlowRest)),
            Self::Body | Self::Working => None,
        }
    }

    /// Returns whether the connection waits for its client. Such a connection may be closed for another one.
    pub(super) fn is_waiting(self) -> bool {
        self != Self::Working
    }
}

impl CloseReason {
    /// Returns the reason as one word, for the metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Idle => "idle",
            Self::SlowHeader => "slow_header",
            Self::SlowRest => "slow_rest",
        }
    }
}
