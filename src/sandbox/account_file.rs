//! The account as a file, so that a simulator goes on where an earlier one ended.
//!
//! The file is JSON and is written as a whole: shortly after a change, and when the simulator stops. It has all objects,
//! the webhooks that the receiver has not accepted, the newest other events, and the responses that idempotency keys
//! replay. It has no injected faults: they end with the process.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::event_log::EventLogCopy;
use super::idempotency_keys::KeyCopy;
use super::objects::{Charge, Dispute, Intent, Refund, RefundOutcome, Session, SessionStatus};
use super::simulator::Simulator;

/// How many events are kept at least.
const KEPT_EVENTS: usize = 1_000;
/// The least time between two writes. What changes within it may be lost if the process is killed.
const MIN_PAUSE: Duration = Duration::from_millis(200);
/// The pause after a write is this many times longer than the write, so that a large account takes little of a processor.
const PAUSE_FOR_WRITE: u32 = 20;

/// What the file has.
#[derive(Serialize, Deserialize)]
struct AccountCopy {
    sessions: Vec<Session>,
    intents: Vec<Intent>,
    charges: Vec<Charge>,
    refunds: Vec<Refund>,
    disputes: Vec<Dispute>,
    refund_outcome: RefundOutcome,
    events: EventLogCopy,
    idempotency_keys: Vec<KeyCopy>,
}

fn copy_all<T: Clone>(objects: &IndexMap<String, T>) -> Vec<T> {
    objects.values().cloned().collect()
}

fn index_all<T>(objects: Vec<T>, id: impl Fn(&T) -> &String) -> IndexMap<String, T> {
    let with_id = |object: T| (id(&object).clone(), object);
    objects.into_iter().map(with_id).collect()
}

impl Simulator {
    /// Goes on with the account that an earlier simulator kept in this file. Call it before [`Simulator::serve`].
    ///
    /// # Errors
    /// Returns an error if the file does not exist or has no account; the simulator is as before then.
    pub fn load_account(&self, file: &Path) -> io::Result<()> {
        let copy: AccountCopy = serde_json::from_slice(&std::fs::read(file)?)?;
        self.idempotency_keys().restore(copy.idempotency_keys);
        self.change_state(|state| {
            let open = copy.sessions.iter();
            let open = open.filter(|session| session.status == SessionStatus::Open);
            state.open_sessions_by_expiry = open
                .map(|session| (session.params.expires_at, session.id.clone()))
                .collect();
            state.sessions = index_all(copy.sessions, |session| &session.id);
            state.intents = index_all(copy.intents, |intent| &intent.id);
            state.charges = index_all(copy.charges, |charge| &charge.id);
            state.refunds = index_all(copy.refunds, |refund| &refund.id);
            state.disputes = index_all(copy.disputes, |dispute| &dispute.id);
            state.refund_outcome = copy.refund_outcome;
            state.events.restore(copy.events);
        });
        Ok(())
    }

    /// Writes the account to this file after each change until `stop`, and a last time then.
    pub async fn keep_account(self, file: PathBuf, stop: CancellationToken) {
        let mut is_last = false;
        while !is_last {
            let changed = self.shared.account_changed.notified();
            is_last = stop.run_until_cancelled(changed).await.is_none();
            let began = Instant::now();
            let (simulator, path) = (self.clone(), file.clone());
            let written = tokio::task::spawn_blocking(move || simulator.save_account(&path)).await;
            if let Err(error) = written.map_err(io::Error::other).flatten() {
                tracing::warn!(file = %file.display(), %error, "the simulator's account could not be written");
            }
            let pause = MIN_PAUSE.max(began.elapsed() * PAUSE_FOR_WRITE);
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Writes the account under another name first, so that a process that is killed leaves the file as it was.
    fn save_account(&self, file: &Path) -> io::Result<()> {
        let account = serde_json::to_vec(&self.copy_account())?;
        let mut unfinished = file.as_os_str().to_owned();
        unfinished.push(".new");
        // One that a killed process left, or a link of somebody else's in a directory that many may write to.
        if let Err(error) = std::fs::remove_file(&unfinished)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut options = OpenOptions::new();
        // It has addresses of guests, so only its owner may read it, as with the database. It is new, so nobody has it open.
        options.write(true).create_new(true).mode(0o600);
        options.open(&unfinished)?.write_all(&account)?;
        std::fs::rename(&unfinished, file)
    }

    fn copy_account(&self) -> AccountCopy {
        // The keys first: the response of a key without its object would name what nobody knows.
        let idempotency_keys = self.idempotency_keys().copy();
        self.read_state(|state| AccountCopy {
            sessions: copy_all(&state.sessions),
            intents: copy_all(&state.intents),
            charges: copy_all(&state.charges),
            refunds: copy_all(&state.refunds),
            disputes: copy_all(&state.disputes),
            refund_outcome: state.refund_outcome.clone(),
            events: state.events.copy(KEPT_EVENTS),
            idempotency_keys,
        })
    }
}
