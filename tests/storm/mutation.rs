//! Bugs that the checks must find: each is added to the database of the episode, so that the tested program is the
//! real one.
//!
//! A missing constraint, forgotten events, dropped commands and an extra unit are triggers or another constraint: the
//! program behaves as if that line of it were missing. For the release by the clock, a task writes what a sweep would
//! write that reads the clock instead of Stripe; for the early expiry, a task calls Stripe as a sweep without leases
//! would; for the ownership by reference, a task sends foreign events with our metadata in them. The program has no switch
//! for any of it, so none can be left on.

use std::sync::Arc;
use std::time::Duration;

use holdfast::sandbox::{SessionStatus, Simulator};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::foreigner::ReferenceBeliever;
use crate::processes::Processes;
use crate::support::database::{Engine, TestDatabase};

/// The interval of the sweep that takes no leases.
const EARLY_SWEEP_INTERVAL: Duration = Duration::from_millis(5);

/// The bug that an episode has, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    None,
    /// I1: the database accepts overlapping windows. PostgreSQL only: on SQLite the statement checks as well.
    NoConstraint,
    /// I1: the constraint covers the first unit only. PostgreSQL only, as above.
    FirstUnitConstrained,
    /// I1: only the first segment of a composite keeps its occupancy.
    FirstSegmentOnly,
    /// I1: a resource with several units counts one more.
    ExtraUnit,
    /// A move takes the new windows, but the hold still shows the old ones.
    MoveUnwritten,
    /// I5: an event that is delivered again is applied again.
    EventsForgotten,
    /// I2: an overdue hold is released without a call to Stripe.
    ReleaseByClock,
    /// I7: commands count as done before Stripe is called.
    CommandsDropped,
    /// I2: a sweep with the key of another account believes that it knows none of the sessions.
    UnknownBelieved,
    /// I4: a sweep expires a session at Stripe, and only then takes the lease of its hold or attempt.
    ExpireBeforeLease,
    /// I3: a `client_reference_id` makes a session ours.
    OwnershipByReference,
    /// A hold whose payment takes days counts in no limit.
    ProcessingUncounted,
    /// A refund that is reported again counts again, as in a counter.
    RefundsCounted,
    /// A confirmed hold is no event.
    EventsUnwritten,
    /// An endpoint gets the later events of a hold before the earlier ones.
    EventsUnordered,
}

impl Mutation {
    /// Adds the mutation to the database before the episode starts.
    pub(crate) async fn add_to_database(self, database: &TestDatabase) {
        let statements = match database.engine() {
            Engine::Sqlite => self.sqlite_statements(),
            Engine::Postgres => self.postgres_statements(),
        };
        for statement in statements {
            database.execute(statement).await;
        }
    }

    fn sqlite_statements(self) -> &'static [&'static str] {
        match self {
            Self::FirstSegmentOnly => &["CREATE TRIGGER mutation AFTER INSERT ON holds
                 BEGIN DELETE FROM occupancy WHERE hold_id = NEW.id AND resource_id <> NEW.resource_id; END"],
            Self::MoveUnwritten => &["CREATE TRIGGER mutation AFTER UPDATE OF segments ON holds
                 BEGIN UPDATE holds SET segments = OLD.segments, starts_at = OLD.starts_at, ends_at = OLD.ends_at
                 WHERE id = NEW.id; END"],
            Self::ExtraUnit => &[
                "CREATE TRIGGER mutation AFTER INSERT ON resources WHEN NEW.capacity > 1
                 BEGIN UPDATE resources SET capacity = capacity + 1 WHERE id = NEW.id; END",
            ],
            Self::EventsForgotten => &["CREATE TRIGGER mutation BEFORE INSERT ON stripe_events
                 BEGIN DELETE FROM stripe_events WHERE id = NEW.id; END"],
            Self::ProcessingUncounted => &[
                "CREATE TRIGGER mutation AFTER UPDATE OF status ON holds WHEN NEW.status = 'processing'
                 BEGIN DELETE FROM allowances WHERE hold_id = NEW.id; END",
            ],
            Self::RefundsCounted => &["CREATE TRIGGER mutation AFTER INSERT ON refunds WHEN NEW.id NOT LIKE '%_again'
                 BEGIN INSERT INTO refunds SELECT NEW.id || '_again', NEW.intent_id, NEW.charge_id, NULL, NEW.amount,
                     NEW.currency, NEW.status, NULL, NEW.created_at, NEW.seen_at, NEW.is_noted, NEW.is_ours; END"],
            Self::CommandsDropped => &["CREATE TRIGGER mutation AFTER INSERT ON commands
                 BEGIN UPDATE commands SET done_at = created_at WHERE id = NEW.id; END"],
            Self::EventsUnwritten => &["CREATE TRIGGER mutation AFTER INSERT ON events_out WHEN NEW.kind = 'hold.confirmed'
                 BEGIN DELETE FROM events_out WHERE seq = NEW.seq; END"],
            // Without its hold, a delivery waits for no other.
            Self::EventsUnordered => &["CREATE TRIGGER mutation AFTER INSERT ON event_deliveries
                 BEGIN UPDATE event_deliveries SET hold_id = NULL WHERE endpoint_id = NEW.endpoint_id AND position = NEW.position; END"],
            Self::NoConstraint | Self::FirstUnitConstrained => panic!("{self:?} is for PostgreSQL"),
            _ => &[],
        }
    }

    fn postgres_statements(self) -> &'static [&'static str] {
        match self {
            Self::NoConstraint => &["ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer"],
            Self::FirstUnitConstrained => &[
                "ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer",
                "ALTER TABLE occupancy ADD CONSTRAINT occupancy_one_buyer
                 EXCLUDE USING gist (resource_id WITH =, during WITH &&, unit WITH =) WHERE (unit = 1)",
            ],
            Self::FirstSegmentOnly => &[
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN DELETE FROM occupancy WHERE hold_id = NEW.id AND resource_id <> NEW.resource_id; RETURN NULL; END'",
                "CREATE TRIGGER mutation AFTER INSERT ON holds FOR EACH ROW EXECUTE FUNCTION mutation()",
            ],
            Self::MoveUnwritten => &[
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN NEW.segments = OLD.segments; NEW.starts_at = OLD.starts_at; NEW.ends_at = OLD.ends_at;
                  RETURN NEW; END'",
                "CREATE TRIGGER mutation BEFORE UPDATE OF segments ON holds FOR EACH ROW EXECUTE FUNCTION mutation()",
            ],
            Self::ExtraUnit => &[
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN NEW.capacity = NEW.capacity + 1; RETURN NEW; END'",
                "CREATE TRIGGER mutation BEFORE INSERT ON resources FOR EACH ROW WHEN (NEW.capacity > 1)
                 EXECUTE FUNCTION mutation()",
            ],
            Self::EventsForgotten => &[
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN DELETE FROM stripe_events WHERE id = NEW.id; RETURN NEW; END'",
                "CREATE TRIGGER mutation BEFORE INSERT ON stripe_events FOR EACH ROW EXECUTE FUNCTION mutation()",
            ],
            Self::EventsUnwritten => &[
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
                "CREATE TRIGGER mutation BEFORE INSERT ON events_out FOR EACH ROW
                 WHEN (NEW.kind = 'hold.confirmed') EXECUTE FUNCTION mutation()",
            ],
            Self::EventsUnordered => &[
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN NEW.hold_id = NULL; RETURN NEW; END'",
                "CREATE TRIGGER mutation BEFORE INSERT ON event_deliveries FOR EACH ROW EXECUTE FUNCTION mutation()",
            ],
            Self::ProcessingUncounted => &[
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN DELETE FROM allowances WHERE hold_id = NEW.id; RETURN NULL; END'",
                "CREATE TRIGGER mutation AFTER UPDATE OF status ON holds FOR EACH ROW
                 WHEN (NEW.status = 'processing') EXECUTE FUNCTION mutation()",
            ],
            Self::RefundsCounted => &[
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO refunds SELECT NEW.id || ''_again'', NEW.intent_id, NEW.charge_id, NULL, NEW.amount,
                      NEW.currency, NEW.status, NULL, NEW.created_at, NEW.seen_at, NEW.is_noted, NEW.is_ours; RETURN NULL; END'",
                "CREATE TRIGGER mutation AFTER INSERT ON refunds FOR EACH ROW WHEN (NEW.id NOT LIKE '%again')
                 EXECUTE FUNCTION mutation()",
            ],
            Self::CommandsDropped => &[
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN NEW.done_at = NEW.created_at; RETURN NEW; END'",
                "CREATE TRIGGER mutation BEFORE INSERT ON commands FOR EACH ROW EXECUTE FUNCTION mutation()",
            ],
            _ => &[],
        }
    }

    /// Does the periodic work of the mutation, by a clock that is so many seconds ahead.
    pub(crate) async fn run_once(self, database: &TestDatabase, ahead: i64) {
        if self == Self::ReleaseByClock {
            // A busy database may refuse the statement; the next run repeats it.
            let _ = database.try_execute(&release_by_clock(ahead)).await;
        }
    }

    /// Starts the continuous work of the mutation, which ends when the shop closes.
    pub(crate) fn run_in_background(
        self,
        database: &Arc<TestDatabase>,
        simulator: &Simulator,
        processes: &Arc<Processes>,
        stripe_url: &str,
        shop_closes: &CancellationToken,
    ) -> JoinHandle<()> {
        let sweep = EarlyExpirySweep {
            database: database.clone(),
            simulator: simulator.clone(),
            stripe_url: stripe_url.to_owned(),
        };
        let believer = ReferenceBeliever {
            database: database.clone(),
            simulator: simulator.clone(),
            processes: processes.clone(),
        };
        let shop_closes = shop_closes.clone();
        tokio::spawn(async move {
            match self {
                Self::ExpireBeforeLease => {
                    shop_closes.run_until_cancelled(sweep.run()).await;
                }
                Self::OwnershipByReference => {
                    shop_closes.run_until_cancelled(believer.run()).await;
                }
                _ => {}
            }
        })
    }
}

/// A sweep that calls Stripe before it takes the lease. The lease would show that the attempt belongs to a running
/// process, but by then the session is expired, and that process returns it to a guest. The lease after the call
/// changes nothing, so it is left out.
struct EarlyExpirySweep {
    database: Arc<TestDatabase>,
    simulator: Simulator,
    stripe_url: String,
}

impl EarlyExpirySweep {
    async fn run(&self) {
        let stripe = reqwest::Client::builder().no_proxy().build().unwrap();
        loop {
            // A real sweep requests the session again with the idempotency key of the hold; the simulator's list is
            // the same.
            for session in self.simulator.sessions() {
                let hold = session.client_reference_id.unwrap_or_default();
                let open = session.status == SessionStatus::Open;
                if open && self.database.count(&format!("{RUNNING_ATTEMPT} '{hold}'")).await > 0 {
                    let url = format!("{}/v1/checkout/sessions/{}/expire", self.stripe_url, session.id);
                    // The injected faults of Stripe apply to this call as well.
                    let _ = stripe.post(url).bearer_auth("sk_test_early").send().await;
                }
            }
            tokio::time::sleep(EARLY_SWEEP_INTERVAL).await;
        }
    }
}

const RUNNING_ATTEMPT: &str = "SELECT count(*) FROM checkout_attempts WHERE state = 'running' AND hold_id =";

/// The statement that releases overdue holds, as one transaction of a sweep would do it.
fn release_by_clock(ahead: i64) -> String {
    format!(
        "
    WITH over AS (
        UPDATE holds SET status = 'released', reason = 'expired', due_at = NULL, version = version + 1
        WHERE status = 'held' AND expires_at <= clock_timestamp() + interval '{ahead} s' RETURNING id),
    windows AS (DELETE FROM occupancy WHERE hold_id IN (SELECT id FROM over))
    INSERT INTO hold_history (hold_id, at, from_status, to_status, to_reason, transition, message, actor)
    SELECT id, clock_timestamp(), 'held', 'released', 'expired', 'other', 'its time is over', 'sweep' FROM over"
    )
}
