//! Endpoints: where events out are sent, how an attempt is signed, and when a failed one is repeated.
//!
//! Signatures follow Standard Webhooks 1.0.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::event_out::{EventOutId, EventOutKind};
use super::ids::{EndpointId, HoldId};

/// How long the secret before signs too after a new one was made.
pub const OLD_SECRET_SIGNS: Duration = Duration::hours(24);

/// The most secrets before the current one that sign at a time, so that the header of a request stays short.
pub const MAX_OLD_SECRETS: usize = 8;

/// The most endpoints of an installation.
pub const MAX_ENDPOINTS: i64 = 50;

/// After how many failures the next attempt waits how long, in seconds. After one more the delivery has failed.
const SCHEDULE: [i64; 9] = [
    5,
    5 * 60,
    30 * 60,
    2 * 3600,
    5 * 3600,
    10 * 3600,
    14 * 3600,
    20 * 3600,
    24 * 3600,
];

/// An endpoint that has taken nothing for so long is not busy but dead: from then on what it refuses for load counts against the
/// schedule, and no longer keeps other events waiting. So each event is sent or fails, however it is refused.
const DEAD_AFTER: Duration = Duration::hours(24);

/// The longest time for which an endpoint may ask to be left alone.
const MAX_PAUSE: Duration = Duration::hours(24);

/// How long an endpoint is left alone that refuses for load and does not say how long.
const DEFAULT_PAUSE: Duration = Duration::seconds(30);

/// Begins the text of every secret.
const SECRET_PREFIX: &str = "whsec_";

/// The secret that signs what an endpoint gets.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointSecret(String);

impl std::fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EndpointSecret(…)")
    }
}

impl EndpointSecret {
    /// Makes a new secret from random bits.
    pub fn from_random(bits: [u8; 32]) -> Self {
        Self(format!("{SECRET_PREFIX}{}", BASE64.encode(bits)))
    }

    /// Reads a secret that was stored; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let secret = Self(text.to_owned());
        secret.key().map(|_| secret)
    }

    /// Returns the text, to show it once and to store it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn key(&self) -> Option<Vec<u8>> {
        BASE64.decode(self.0.strip_prefix(SECRET_PREFIX)?).ok()
    }

    /// Signs an attempt: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key()?).ok()?;
        for part in [id, ".", &timestamp.to_string(), ".", body] {
            mac.update(part.as_bytes());
        }
        Some(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
    }
}

/// Which types an endpoint gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointKinds {
    /// All types, also those of later versions.
    All,
    /// These types, and no others.
    These(Vec<EventOutKind>),
}

impl EndpointKinds {
    /// Reads the types from their words; `None` if there are none, or one names no type.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut kinds = Vec::new();
        let mut is_all = false;
        for word in words {
            match EventOutKind::parse(word) {
                Some(kind) if kinds.contains(&kind) => {}
                Some(kind) => kinds.push(kind),
                None if word == "*" => is_all = true,
                None => return None,
            }
        }
        match (is_all, kinds.is_empty()) {
            (true, _) => Some(Self::All),
            (false, false) => Some(Self::These(kinds)),
            (false, true) => None,
        }
    }

    /// Returns the words of the types.
    pub fn words(&self) -> Vec<&'static str> {
        match self {
            Self::All => vec!["*"],
            Self::These(kinds) => kinds.iter().map(|kind| kind.as_str()).collect(),
        }
    }
}

/// An endpoint of the shop, to which events out are sent.
#[derive(Clone, Debug)]
pub struct EventEndpoint {
    /// Identifies the endpoint; the operator chose it.
    pub id: EndpointId,
    /// Where events are sent.
    pub url: String,
    /// Which types it gets.
    pub kinds: EndpointKinds,
    /// Whether it gets any.
    pub is_enabled: bool,
    /// The secret that signs.
    pub secret: EndpointSecret,
    /// The secrets before, the latest first, and until when each one signs too.
    pub previous_secrets: Vec<(EndpointSecret, DateTime<Utc>)>,
    /// Since when no attempt has succeeded.
    pub failing_since: Option<DateTime<Utc>>,
    /// The HTTP status of its last answer.
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    pub last_fault: Option<String>,
    /// Until when it asked to be left alone.
    pub paused_until: Option<DateTime<Utc>>,
    /// Whether it answered 410, which disabled it.
    pub is_gone: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// The events that wait to be sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointBacklog {
    /// How many there are, at most [`MAX_BACKLOG_COUNTED`].
    pub count: u64,
    /// When the first of them happened.
    pub oldest_at: Option<DateTime<Utc>>,
}

/// Up to how many waiting events are counted.
pub const MAX_BACKLOG_COUNTED: i64 = 10_000;

impl EventEndpoint {
    /// Tells whether no attempt has succeeded for so long that the endpoint counts as dead.
    pub fn is_dead(&self, now: DateTime<Utc>) -> bool {
        self.failing_since.is_some_and(|since| now - since >= DEAD_AFTER)
    }

    /// Signs an attempt with each secret that is in use now, separated by blanks.
    pub fn sign(&self, id: &str, body: &str, now: DateTime<Utc>) -> String {
        let previous = self.previous_secrets.iter().filter(|(_, until)| now < *until);
        let secrets = std::iter::once(&self.secret).chain(previous.map(|(secret, _)| secret));
        let signatures = secrets.filter_map(|secret| secret.sign(id, now.timestamp(), body));
        signatures.collect::<Vec<_>>().join(" ")
    }
}

/// What has become of an event at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be sent, for the first time or again.
    Pending,
    /// The endpoint has taken it.
    Done,
    /// The endpoint has not taken it, and it is sent no more.
    Failed,
}

/// An event on its way to an endpoint, or after that.
#[derive(Clone, Debug)]
pub struct EventDelivery {
    /// The event's place in the stream.
    pub position: i64,
    /// Identifies the event; `None` once it is deleted.
    pub event: Option<EventOutId>,
    /// What has happened; `None` once the event is deleted.
    pub kind: Option<EventOutKind>,
    /// The hold that it happened to.
    pub hold: Option<HoldId>,
    /// What has become of it.
    pub state: DeliveryState,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the next attempt is due; `None` if none is, or it waits for an earlier event of the hold.
    pub due_at: Option<DateTime<Utc>>,
    /// When the last attempt was made.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last answer.
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    pub last_fault: Option<String>,
}

/// What an endpoint answered, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointAnswer {
    /// It has the event.
    Taken,
    /// It will never take an event again.
    Gone,
    /// It did not take the event.
    Refused {
        /// Whether it refused for load, which says nothing about the event.
        is_load: bool,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptVerdict {
    /// The delivery is done.
    Done,
    /// The endpoint is disabled. The delivery goes on if somebody enables it again.
    Disable {
        /// When the next attempt is due: at once.
        due_at: DateTime<Utc>,
    },
    /// Another attempt is made later.
    Again {
        /// When the next attempt is due.
        due_at: DateTime<Utc>,
        /// Until when the whole endpoint is left alone, if it asked for that.
        paused_until: Option<DateTime<Utc>>,
        /// Whether the attempt counts against the schedule.
        counts: bool,
    },
    /// The delivery has failed.
    Failed,
}

/// Decides what follows from an answer, after `failures` failed attempts, for an endpoint that is dead or not. `jitter` in `0..=1` lengthens the wait by up to a
/// tenth, so that attempts that failed together are not repeated together.
pub fn judge_attempt(
    answer: EndpointAnswer,
    failures: u32,
    is_dead: bool,
    now: DateTime<Utc>,
    jitter: f64,
) -> AttemptVerdict {
    let (is_load, retry_after) = match answer {
        EndpointAnswer::Taken => return AttemptVerdict::Done,
        EndpointAnswer::Gone => return AttemptVerdict::Disable { due_at: now },
        EndpointAnswer::Refused { is_load, retry_after } => (is_load, retry_after),
    };
    let asked = retry_after.map(|wait| wait.clamp(Duration::seconds(1), MAX_PAUSE));
    if is_load && !is_dead {
        let due_at = now + asked.unwrap_or(DEFAULT_PAUSE);
        return AttemptVerdict::Again {
            due_at,
            paused_until: Some(due_at),
            counts: false,
        };
    }
    let scheduled = usize::try_from(failures)
        .ok()
        .and_then(|index| SCHEDULE.get(index));
    let Some(seconds) = scheduled else {
        return AttemptVerdict::Failed;
    };
    let wait = with_jitter(Duration::seconds(*seconds), jitter);
    AttemptVerdict::Again {
        due_at: now + asked.map_or(wait, |asked| asked.max(wait)),
        paused_until: asked.filter(|_| !is_dead).map(|asked| now + asked),
        counts: true,
    }
}

fn with_jitter(wait: Duration, jitter: f64) -> Duration {
    // In bounds: the wait is at most a day, and `jitter` is clamped.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let extra = (wait.num_milliseconds() as f64 / 10.0 * jitter.clamp(0.0, 1.0)) as i64;
    wait + Duration::milliseconds(extra)
}

#[cfg(test)]
mod tests;
