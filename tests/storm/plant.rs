//! Bugs to be found: each is put into the episode's own database, so that the program under test is the real one.
//!
//! Missing guards, forgotten events, dropped orders and a place too many are triggers or another constraint: the program
//! goes on as it would if that line of it were missing. Releasing on the clock is done by a hand that writes exactly what
//! a sweep would write that asks the clock instead of Stripe, and expiring before the lease by one that tells Stripe what
//! such a sweep would tell it. This needs no switch in the program, so none can be left on in it.

use std::sync::Arc;
use std::time::Duration;

use holdfast::sandbox::{SessionStatus, Simulator};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::database::{Engine, TestDatabase};

/// How long the sweep that forgets its leases sleeps between two looks.
const HASTE: Duration = Duration::from_millis(5);

/// What is wrong in an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    Nothing,
    /// I1: the database takes overlapping windows. PostgreSQL only: on SQLite the guard is in the statement too.
    NoGuard,
    /// I1: the database minds the first unit only. PostgreSQL only, as above.
    FirstUnitGuarded,
    /// I1: of a composite, only what serves the first segment is kept.
    FirstSegmentOnly,
    /// I1: what has several units is taken to have one more.
    OnePlaceTooMany,
    /// A move takes the new windows, and the hold goes on showing the old ones.
    MoveUnwritten,
    /// I5: an event that comes again is applied again.
    EventsForgotten,
    /// I2: a hold whose time is over is released without a word to Stripe.
    ReleaseOnTheClock,
    /// I7: orders to Stripe count as done before anyone was told.
    OrdersDropped,
    /// I4: a sweep tells Stripe to end a session, and only then takes the lease of what it belongs to.
    ExpireBeforeLease,
}

impl Plant {
    /// Puts it into the database, before the episode begins.
    pub(crate) async fn into_the_database(self, database: &TestDatabase) {
        let statements: &[&str] = match (self, database.engine()) {
            (Self::Nothing | Self::ReleaseOnTheClock | Self::ExpireBeforeLease, _) => &[],
            (Self::NoGuard, _) => &["ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer"],
            (Self::FirstUnitGuarded, _) => &[
                "ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer",
                "ALTER TABLE occupancy ADD CONSTRAINT occupancy_one_buyer
                 EXCLUDE USING gist (resource_id WITH =, during WITH &&, unit WITH =) WHERE (unit = 1)",
            ],
            (Self::FirstSegmentOnly, Engine::Sqlite) => &["CREATE TRIGGER planted AFTER INSERT ON holds
                 BEGIN DELETE FROM occupancy WHERE hold_id = NEW.id AND resource_id <> NEW.resource_id; END"],
            (Self::FirstSegmentOnly, Engine::Postgres) => &[
                "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN DELETE FROM occupancy WHERE hold_id = NEW.id AND resource_id <> NEW.resource_id; RETURN NULL; END'",
                "CREATE TRIGGER planted AFTER INSERT ON holds FOR EACH ROW EXECUTE FUNCTION planted()",
            ],
            (Self::MoveUnwritten, Engine::Sqlite) => {
                &["CREATE TRIGGER planted AFTER UPDATE OF segments ON holds
                 BEGIN UPDATE holds SET segments = OLD.segments, starts_at = OLD.starts_at, ends_at = OLD.ends_at
                 WHERE id = NEW.id; END"]
            }
            (Self::MoveUnwritten, Engine::Postgres) => &[
                "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN NEW.segments = OLD.segments; NEW.starts_at = OLD.starts_at; NEW.ends_at = OLD.ends_at;
                  RETURN NEW; END'",
                "CREATE TRIGGER planted BEFORE UPDATE OF segments ON holds FOR EACH ROW EXECUTE FUNCTION planted()",
            ],
            (Self::OnePlaceTooMany, Engine::Sqlite) => &[
                "CREATE TRIGGER planted AFTER INSERT ON resources WHEN NEW.capacity > 1
                 BEGIN UPDATE resources SET capacity = capacity + 1 WHERE id = NEW.id; END",
            ],
            (Self::OnePlaceTooMany, Engine::Postgres) => &[
                "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN NEW.capacity = NEW.capacity + 1; RETURN NEW; END'",
                "CREATE TRIGGER planted BEFORE INSERT ON resources FOR EACH ROW WHEN (NEW.capacity > 1)
                 EXECUTE FUNCTION planted()",
            ],
            (Self::EventsForgotten, Engine::Sqlite) => {
                &["CREATE TRIGGER planted BEFORE INSERT ON stripe_events
                 BEGIN DELETE FROM stripe_events WHERE id = NEW.id; END"]
            }
            (Self::EventsForgotten, Engine::Postgres) => &[
                "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN DELETE FROM stripe_events WHERE id = NEW.id; RETURN NEW; END'",
                "CREATE TRIGGER planted BEFORE INSERT ON stripe_events FOR EACH ROW EXECUTE FUNCTION planted()",
            ],
            (Self::OrdersDropped, Engine::Sqlite) => &["CREATE TRIGGER planted AFTER INSERT ON commands
                 BEGIN UPDATE commands SET done_at = created_at WHERE id = NEW.id; END"],
            (Self::OrdersDropped, Engine::Postgres) => &[
                "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN NEW.done_at = NEW.created_at; RETURN NEW; END'",
                "CREATE TRIGGER planted BEFORE INSERT ON commands FOR EACH ROW EXECUTE FUNCTION planted()",
            ],
        };
        for statement in statements {
            database.execute(statement).await;
        }
    }

    /// What it does now and then during the storm, by a clock that is so many seconds ahead.
    pub(crate) async fn strikes(self, database: &TestDatabase, ahead: i64) {
        if self == Self::ReleaseOnTheClock {
            // A busy database refuses it now and then; the next strike does it.
            let _ = database.try_execute(&release_on_the_clock(ahead)).await;
        }
    }

    /// What it does all the time until the shop closes.
    pub(crate) fn lurks(
        self,
        database: &Arc<TestDatabase>,
        simulator: &Simulator,
        stripe_url: &str,
        shop_closes: &CancellationToken,
    ) -> JoinHandle<()> {
        let hasty = HastySweep {
            database: database.clone(),
            simulator: simulator.clone(),
            stripe_url: stripe_url.to_owned(),
        };
        let shop_closes = shop_closes.clone();
        tokio::spawn(async move {
            if self == Self::ExpireBeforeLease {
                shop_closes.run_until_cancelled(hasty.sweeps()).await;
            }
        })
    }
}

/// A sweep in which the call to Stripe stands before the lease. Its first statement would find that the attempt is a
/// living process's, and end there; but the session is over by then, and that process gives it to a guest. The lease
/// that it would take after the call changes nothing, so it is left out.
struct HastySweep {
    database: Arc<TestDatabase>,
    simulator: Simulator,
    stripe_url: String,
}

impl HastySweep {
    async fn sweeps(&self) {
        let stripe = reqwest::Client::builder().no_proxy().build().unwrap();
        loop {
            // A sweep asks for the session once more under the hold's key; the simulator's list says the same.
            for session in self.simulator.sessions() {
                let hold = session.client_reference_id.unwrap_or_default();
                let open = session.status == SessionStatus::Open;
                if open && self.database.count(&format!("{RUNS} '{hold}'")).await > 0 {
                    let url = format!("{}/v1/checkout/sessions/{}/expire", self.stripe_url, session.id);
                    // Stripe may be in trouble, as for everybody.
                    let _ = stripe.post(url).bearer_auth("sk_test_hasty").send().await;
                }
            }
            tokio::time::sleep(HASTE).await;
        }
    }
}

const RUNS: &str = "SELECT count(*) FROM checkout_attempts WHERE state = 'running' AND hold_id =";

/// One statement, as one transaction of a sweep would do it.
fn release_on_the_clock(ahead: i64) -> String {
    format!(
        "
    WITH over AS (
        UPDATE holds SET status = 'released', reason = 'expired', due_at = NULL, version = version + 1
        WHERE status = 'held' AND expires_at <= clock_timestamp() + interval '{ahead} s' RETURNING id),
    windows AS (DELETE FROM occupancy WHERE hold_id IN (SELECT id FROM over))
    INSERT INTO hold_history (hold_id, at, from_status, to_status, to_reason, why, actor)
    SELECT id, clock_timestamp(), 'held', 'released', 'expired', 'its time is over', 'sweep' FROM over"
    )
}
