//! Bugs to be found: each is put into the episode's own database, so that the program under test is the real one.
//!
//! A missing guard, forgotten events and dropped orders are triggers or a dropped constraint: the program goes on as it
//! would if that line of it were missing. Releasing on the clock is done by a hand that writes exactly what a sweep would
//! write that asks the clock instead of Stripe. This needs no switch in the program, so none can be left on in it.

use crate::support::database::{Engine, TestDatabase};

/// What is wrong in an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    Nothing,
    /// I1: the database takes overlapping windows. PostgreSQL only: on SQLite the guard is in the statement too.
    NoGuard,
    /// I5: an event that comes again is applied again.
    EventsForgotten,
    /// I2: a hold whose time is over is released without a word to Stripe.
    ReleaseOnTheClock,
    /// I7: orders to Stripe count as done before anyone was told.
    OrdersDropped,
}

impl Plant {
    /// Puts it into the database, before the episode begins.
    pub(crate) async fn into_the_database(self, database: &TestDatabase) {
        let statements: &[&str] = match (self, database.engine()) {
            (Self::Nothing | Self::ReleaseOnTheClock, _) => &[],
            (Self::NoGuard, _) => &["ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer"],
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

    /// What it does now and then during the storm.
    pub(crate) async fn strikes(self, database: &TestDatabase) {
        if self == Self::ReleaseOnTheClock {
            // A busy database refuses it now and then; the next strike does it.
            let _ = database.try_execute(RELEASE_ON_THE_CLOCK).await;
        }
    }
}

/// One statement, as one transaction of a sweep would do it.
const RELEASE_ON_THE_CLOCK: &str = "
    WITH over AS (
        UPDATE holds SET status = 'released', reason = 'expired', due_at = NULL, version = version + 1
        WHERE status = 'held' AND expires_at <= clock_timestamp() RETURNING id),
    windows AS (DELETE FROM occupancy WHERE hold_id IN (SELECT id FROM over))
    INSERT INTO hold_history (hold_id, at, from_status, to_status, to_reason, why, actor)
    SELECT id, clock_timestamp(), 'held', 'released', 'expired', 'its time is over', 'sweep' FROM over";
