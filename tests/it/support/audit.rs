//! Audits the database and the simulator at the end of a test, and reports every broken invariant.
//!
//! The auditor knows the schema and what Stripe shows, and uses no code under test: it sends raw SQL over its own
//! connection, and reads the simulator's state. Work that still runs (a saga, a command) may be between two states,
//! so a finding counts only if it persists.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use holdfast::sandbox::{SessionStatus, Simulator};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use super::database::Engine;

#[path = "audit_money.rs"]
mod money;

/// How long a finding must persist to count, because work may still run.
pub(crate) const FINDING_TIMEOUT: Duration = Duration::from_secs(5);

/// The database and the simulator to audit.
pub(crate) struct Audit {
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) simulator: Simulator,
    /// How long a finding must persist to count.
    pub(crate) wait_timeout: Duration,
}

impl Audit {
    /// Returns the broken invariants. It uses its own runtime, because the test's may be about to end.
    pub(crate) fn findings(self) -> Vec<String> {
        let auditing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(self.find_persistent_faults())
        });
        auditing.join().unwrap()
    }

    async fn find_persistent_faults(self) -> Vec<String> {
        let mut database = AuditConnection::open(self.engine, &self.url).await;
        let wait_timeout = Instant::now() + self.wait_timeout;
        loop {
            let mut findings = slots(&mut database).await;
            findings.extend(check_histories(&mut database).await);
            findings.extend(check_events(&mut database).await);
            findings.extend(check_allowances(&mut database).await);
            findings.extend(check_sessions(&mut database, &self.simulator).await);
            findings.extend(money::check(&mut database, &self.simulator).await);
            if findings.is_empty() || Instant::now() > wait_timeout {
                return findings;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The metadata key with the installation that made an object.
const INSTALLATION_KEY: &str = "holdfast_installation";

/// A raw connection to the database of the test.
pub(crate) enum AuditConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

pub(crate) type Cells = Vec<Option<String>>;

impl AuditConnection {
    pub(crate) async fn open(engine: Engine, url: &str) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite(SqliteConnection::connect(url).await.unwrap()),
            Engine::Postgres => Self::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// Returns the rows of a query whose columns are all text.
    pub(crate) async fn ask(&mut self, sql: &str) -> Vec<Cells> {
        macro_rules! cells {
            ($connection:expr) => {{
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all($connection).await;
                let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
                rows.iter()
                    .map(|row| (0..row.len()).map(|n| row.get(n)).collect())
                    .collect()
            }};
        }
        match self {
            Self::Sqlite(connection) => cells!(connection),
            Self::Postgres(connection) => cells!(connection),
        }
    }

    /// Returns one finding per row: the words, then the row.
    pub(crate) async fn find(&mut self, what: &str, sql: &str) -> Vec<String> {
        let shown = |row: Cells| row.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        let rows = self.ask(sql).await;
        rows.into_iter()
            .map(|row| format!("{what}: {}", shown(row)))
            .collect()
    }

    /// Returns the rows by their first column.
    pub(crate) async fn map(&mut self, sql: &str) -> HashMap<String, Cells> {
        let rows = self.ask(sql).await;
        rows.into_iter()
            .map(|row| (row[0].clone().unwrap(), row))
            .collect()
    }
}

/// Checks I1: no two holds share a unit of a resource at one time, and a hold has its windows exactly while it is
/// live.
pub(crate) async fn slots(database: &mut AuditConnection) -> Vec<String> {
    let overlap = match database {
        AuditConnection::Sqlite(_) => {
            "SELECT a.hold_id, b.hold_id FROM occupancy a JOIN occupancy b ON a.resource_id = b.resource_id
             AND a.rowid < b.rowid AND a.unit = b.unit AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at"
        }
        AuditConnection::Postgres(_) => {
            "SELECT a.hold_id::text, b.hold_id::text FROM occupancy a JOIN occupancy b ON a.resource_id = b.resource_id
             AND a.ctid < b.ctid AND a.unit = b.unit AND a.during && b.during"
        }
    };
    let mut findings = database.find("one slot, two buyers", overlap).await;
    let liveness = "SELECT CAST(id AS text), status FROM holds
        WHERE (status IN ('held', 'processing', 'confirmed'))
           <> EXISTS (SELECT 1 FROM occupancy WHERE hold_id = holds.id)";
    findings.extend(
        database
            .find("occupancy does not follow the hold's life", liveness)
            .await,
    );
    findings.extend(check_windows(database).await);
    let beyond = "SELECT CAST(o.hold_id AS text), o.resource_id, CAST(o.unit AS text) FROM occupancy o
        LEFT JOIN resources r ON r.id = o.resource_id WHERE o.unit > coalesce(r.capacity, 1)";
    findings.extend(
        database
            .find("a unit that the resource does not have", beyond)
            .await,
    );
    let orphaned = "SELECT CAST(hold_id AS text) FROM occupancy
        WHERE NOT EXISTS (SELECT 1 FROM holds WHERE id = occupancy.hold_id)";
    findings.extend(database.find("occupancy of no hold", orphaned).await);
    let wrong_resource = "SELECT CAST(id AS text), requested_resource_id FROM holds
        WHERE status IN ('held', 'processing', 'confirmed') AND requested_resource_id IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM occupancy WHERE hold_id = holds.id AND resource_id = holds.requested_resource_id)";
    findings.extend(database.find("not the requested resource", wrong_resource).await);
    findings
}

/// Checks that a live hold has its quantity of units in each of its segments, buffers included, and nothing else; and
/// that the times it shows follow from its segments.
async fn check_windows(database: &mut AuditConnection) -> Vec<String> {
    let (segment, begins, ends, shown) = match database {
        AuditConnection::Sqlite(_) => (
            "SELECT h.*, s.value AS segment FROM holds h, json_each(h.segments) s",
            "o.starts_at",
            "o.ends_at",
            ("h.starts_at", "h.ends_at", "json_array_length(h.segments)"),
        ),
        AuditConnection::Postgres(_) => (
            "SELECT h.*, s AS segment FROM holds h, jsonb_array_elements(h.segments) s",
            "CAST(extract(epoch FROM lower(o.during)) * 1000 AS bigint)",
            "CAST(extract(epoch FROM upper(o.during)) * 1000 AS bigint)",
            (
                "CAST(extract(epoch FROM h.starts_at) * 1000 AS bigint)",
                "CAST(extract(epoch FROM h.ends_at) * 1000 AS bigint)",
                "jsonb_array_length(h.segments)",
            ),
        ),
    };
    let ms = |member: &str| format!("CAST(h.segment ->> '{member}' AS bigint)");
    let (from, to) = (ms("starts_at_ms"), ms("ends_at_ms"));
    let (busy_from, busy_to) = (ms("busy_from_ms"), ms("busy_to_ms"));
    let missing = format!(
        "SELECT CAST(h.id AS text) FROM ({segment}) h
         WHERE h.status IN ('held', 'processing', 'confirmed') AND h.quantity <> (
             SELECT count(DISTINCT o.unit) FROM occupancy o
             WHERE o.hold_id = h.id AND o.resource_id = h.segment ->> 'resource'
               AND {begins} = coalesce({busy_from}, {from}) AND {ends} = coalesce({busy_to}, {to}))"
    );
    let (starts_at, ends_at, segments) = shown;
    let more = format!(
        "SELECT CAST(h.id AS text) FROM holds h
         WHERE EXISTS (SELECT 1 FROM occupancy WHERE hold_id = h.id)
           AND h.quantity * {segments} <> (SELECT count(*) FROM occupancy WHERE hold_id = h.id)"
    );
    let shown = format!(
        "SELECT id FROM (
             SELECT CAST(h.id AS text) AS id, {starts_at} AS shown_start, {ends_at} AS shown_end,
                 min({from}) AS first_start, max({to}) AS last_end
             FROM ({segment}) h GROUP BY h.id, h.starts_at, h.ends_at) AS times
         WHERE shown_start <> first_start OR shown_end <> last_end"
    );
    let mut findings = database.find("a segment without its units", &missing).await;
    findings.extend(database.find("more units than were sold", &more).await);
    findings.extend(
        database
            .find("a hold shows other times than its segments", &shown)
            .await,
    );
    findings
}

/// Checks S27 and S28: a hold has allowances of its guest and its client exactly while it is unpaid.
async fn check_allowances(database: &mut AuditConnection) -> Vec<String> {
    let kept =
        "SELECT CAST(h.id AS text), h.status, a.scope FROM allowances a JOIN holds h ON h.id = a.hold_id
        WHERE h.status NOT IN ('held', 'processing')";
    let mut findings = database.find("an allowance of a hold that is over", kept).await;
    for scope in ["guest", "email"] {
        let missing = format!(
            "SELECT CAST(h.id AS text), h.status FROM holds h WHERE h.status IN ('held', 'processing')
             AND NOT EXISTS (SELECT 1 FROM allowances a WHERE a.hold_id = h.id AND a.scope = '{scope}')"
        );
        let what = format!("an unpaid hold without its {scope} allowance");
        findings.extend(database.find(&what, &missing).await);
    }
    let foreign = "SELECT CAST(h.id AS text), a.scope FROM allowances a JOIN holds h ON h.id = a.hold_id
        WHERE a.subject <> CASE a.scope
            WHEN 'guest' THEN coalesce(h.client_id, '') || ' ' || h.guest_id
            WHEN 'email' THEN h.guest_id
            WHEN 'client' THEN h.client_id
            ELSE a.subject END";
    findings.extend(database.find("an allowance of someone else", foreign).await);
    findings
}

/// Checks I5: each history is a chain from the first status to the present one, and contains no event twice.
async fn check_histories(database: &mut AuditConnection) -> Vec<String> {
    let mut findings = database
        .find(
            "an event was applied twice",
            "SELECT hold, event_id FROM (
                 SELECT CAST(hold_id AS text) AS hold, event_id, count(*) AS times FROM hold_history
                 WHERE event_id IS NOT NULL GROUP BY hold_id, event_id) AS applied
             WHERE times > 1",
        )
        .await;
    let unknown = "SELECT event_id FROM hold_history WHERE event_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM stripe_events WHERE id = event_id)";
    findings.extend(database.find("an effect without its event", unknown).await);
    let mut last: HashMap<String, String> = HashMap::new();
    let lines = "SELECT CAST(hold_id AS text), from_status, to_status FROM hold_history ORDER BY seq";
    for line in database.ask(lines).await {
        let (hold, to) = (line[0].clone().unwrap(), line[2].clone().unwrap());
        let before = last.insert(hold.clone(), to.clone());
        if before != line[1] {
            findings.push(format!(
                "history is not a chain: {hold} {before:?} but {:?} to {to}",
                line[1]
            ));
        }
    }
    for (hold, row) in database.map("SELECT CAST(id AS text), status FROM holds").await {
        if last.get(&hold) != row[1].as_ref() {
            findings.push(format!(
                "history ends elsewhere: {hold} {:?} but {:?}",
                last.get(&hold),
                row[1]
            ));
        }
    }
    findings
}

/// Checks I4: an open session belongs to a held hold, or an attempt or a command will expire it.
async fn check_sessions(database: &mut AuditConnection, simulator: &Simulator) -> Vec<String> {
    let sessions = simulator.sessions();
    let installation = find_installation(database).await;
    let held = "SELECT session_id, status FROM holds WHERE status = 'held'";
    let ordered = "SELECT session_id FROM commands WHERE kind = 'expire_session' AND done_at IS NULL";
    let running =
        "SELECT CAST(hold_id AS text) FROM checkout_attempts WHERE state IN ('running', 'unsettled')";
    let (held, ordered, running) = (
        database.map(held).await,
        database.map(ordered).await,
        database.map(running).await,
    );
    let stray = sessions.iter().filter(|session| {
        let attempt = session.client_reference_id.as_ref();
        session.status == SessionStatus::Open
            // Other products, other installations and their buyers may name our holds.
            && session.metadata.get(INSTALLATION_KEY) == Some(&installation)
            && !held.contains_key(&session.id)
            && !ordered.contains_key(&session.id)
            && !attempt.is_some_and(|hold| running.contains_key(hold))
    });
    stray
        .map(|session| format!("a stray payable session: {session:?}"))
        .collect()
}

/// Returns the id that the service writes into the metadata of its sessions and intents.
/// Each transition is an event: of holds that have events from their beginning, and lost none to old age.
async fn check_events(database: &mut AuditConnection) -> Vec<String> {
    let sql = "SELECT CAST(h.id AS text), h.status FROM holds h
        WHERE h.last_sequence = 0
          AND EXISTS (SELECT 1 FROM events_out e WHERE e.hold_id = h.id AND e.kind = 'hold.placed')
          AND (SELECT count(*) FROM hold_history l WHERE l.hold_id = h.id
                   AND (l.from_status IS NULL OR l.from_status <> l.to_status OR l.transition = 'moved'))
              <> (SELECT count(*) FROM events_out e WHERE e.hold_id = h.id AND e.kind LIKE 'hold.%')";
    database.find("a change without an event", sql).await
}

async fn find_installation(database: &mut AuditConnection) -> String {
    let rows = database.ask("SELECT id FROM installation").await;
    rows[0][0].clone().unwrap()
}
