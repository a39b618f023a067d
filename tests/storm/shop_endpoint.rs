//! The shop's own system: an endpoint that gets events. During the storm it fails, takes an event and loses its answer, so
//! that the event comes again, answers late, asks for pauses, and is dead for a while.
//!
//! Afterwards it must have every event of every hold, in order: the first time that an event comes, all events before it of
//! the same hold have come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::audit::AuditConnection;
use crate::support::client::Client;
use crate::support::database::{Engine, TestDatabase};
use crate::support::wait_for::eventually;

/// How long the endpoint is dead or alive during the storm.
const SPELL: Duration = Duration::from_millis(300);

/// An endpoint of the shop.
pub(crate) struct ShopEndpoint {
    url: String,
    state: Arc<EndpointState>,
    _stops: DropGuard,
}

struct EndpointState {
    /// Each event that was taken, in the order of arrival: its id and its body.
    taken: Mutex<Vec<(String, Value)>>,
    is_dead: AtomicBool,
    is_healthy: AtomicBool,
    rng: Mutex<StdRng>,
}

/// What happens to a request.
enum Fate {
    Taken,
    /// Taken, and the connection ends without an answer.
    TakenUnanswered,
    Refused(&'static str),
    Late,
}

impl ShopEndpoint {
    /// Starts the endpoint of an episode. It is unreliable until [`Self::finish`].
    pub(crate) async fn start(rng: &mut StdRng) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let state = Arc::new(EndpointState {
            taken: Mutex::default(),
            is_dead: AtomicBool::new(false),
            is_healthy: AtomicBool::new(false),
            rng: Mutex::new(StdRng::seed_from_u64(rng.random())),
        });
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, state.clone(), stop.clone()));
        Self {
            url,
            state,
            _stops: stop.drop_guard(),
        }
    }

    /// Sets the endpoint at the service, for all events.
    pub(crate) async fn set_at(&self, client: &Client) {
        let path = "/v1/admin/webhook-endpoints/shop";
        let body = json!({ "url": self.url });
        let set = client.admin(reqwest::Method::PUT, path, Some(body)).await;
        assert!(set.status.is_success(), "{set:?}");
    }

    /// Takes every event from now on, makes what it has not taken due, and waits until all is sent; returns what is wrong.
    pub(crate) async fn finish(&self, database: &TestDatabase, reader: &mut AuditConnection) -> Vec<String> {
        const PENDING: &str = "SELECT (SELECT count(*) FROM event_deliveries WHERE state = 'pending')
            + (SELECT count(*) FROM events_out e WHERE e.position IS NULL
               OR e.position > (SELECT max(p.position) FROM event_endpoints p))";
        self.state.is_healthy.store(true, Ordering::SeqCst);
        // Workers lock the same rows in an order of their own, so on PostgreSQL a locked row is left to the next time.
        let due = match database.engine() {
            Engine::Sqlite => "UPDATE event_deliveries SET due_at = 0 WHERE state = 'pending' AND due_at > 0",
            Engine::Postgres => {
                "UPDATE event_deliveries SET due_at = to_timestamp(0)
                 WHERE (endpoint_id, position) IN (
                     SELECT endpoint_id, position FROM event_deliveries
                     WHERE state = 'pending' AND due_at > to_timestamp(0) FOR UPDATE SKIP LOCKED)"
            }
        };
        // Again and again: a request that was refused before ends later, and waits for minutes.
        eventually("all events are sent", async || {
            database
                .execute("UPDATE event_endpoints SET paused_until = NULL WHERE paused_until IS NOT NULL")
                .await;
            database.execute(due).await;
            (database.count(PENDING).await == 0).then_some(())
        })
        .await;
        self.check(reader).await
    }

    /// Returns how many requests it has taken.
    pub(crate) fn count_taken(&self) -> usize {
        self.state.taken.lock().unwrap().len()
    }

    /// Checks that every change of every hold has become an event, and that the endpoint has all of them in order.
    async fn check(&self, database: &mut AuditConnection) -> Vec<String> {
        let mut findings = database
            .find("a change without an event", UNWRITTEN_CHANGES)
            .await;
        findings.extend(database.find("an event was not sent", UNSENT_EVENTS).await);
        let taken = self.state.taken.lock().unwrap().clone();
        findings.extend(find_disorder(&taken));
        let ids: BTreeSet<&str> = taken.iter().map(|(id, _)| id.as_str()).collect();
        for row in database
            .ask("SELECT CAST(seq AS text), kind FROM events_out")
            .await
        {
            let number = row[0].as_deref().unwrap();
            // The id ends with the number and the time.
            let number = format!("{number:0>12}");
            if !ids.iter().any(|id| id.split('_').nth(2) == Some(&number)) {
                findings.push(format!("the endpoint does not have an event: {row:?}"));
            }
        }
        findings
    }
}

/// Holds whose events are not their transitions.
const UNWRITTEN_CHANGES: &str = "SELECT CAST(h.id AS text), h.status FROM holds h
    WHERE (SELECT count(*) FROM hold_history l
           WHERE l.hold_id = h.id AND (l.from_status IS NULL OR l.from_status <> l.to_status OR l.transition = 'moved'))
       <> (SELECT count(*) FROM events_out e WHERE e.hold_id = h.id AND e.kind LIKE 'hold.%')";

/// Deliveries that are not done.
const UNSENT_EVENTS: &str = "SELECT CAST(position AS text), state, coalesce(last_fault, '') FROM event_deliveries WHERE state <> 'done'";

/// Finds events that came before an earlier one of the same hold.
fn find_disorder(taken: &[(String, Value)]) -> Vec<String> {
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    let mut findings = Vec::new();
    for (id, event) in taken {
        let data = &event["data"];
        let (Some(hold), Some(sequence)) = (data["hold_id"].as_str(), data["sequence"].as_i64()) else {
            continue;
        };
        let known = last.entry(hold).or_default();
        if sequence > *known + 1 {
            findings.push(format!(
                "an event came before the ones before it: {id} {sequence} of {hold}"
            ));
        }
        *known = sequence.max(*known);
    }
    findings
}

async fn serve(listener: TcpListener, state: Arc<EndpointState>, stop: CancellationToken) {
    let mut spells = tokio::time::interval(SPELL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = spells.tick() => {
                let is_dead = state.rng.lock().unwrap().random_bool(0.3);
                state.is_dead.store(is_dead, Ordering::SeqCst);
            }
            Ok((stream, _)) = listener.accept() => {
                let is_healthy = state.is_healthy.load(Ordering::SeqCst);
                if is_healthy || !state.is_dead.load(Ordering::SeqCst) {
                    tokio::spawn(answer(stream, state.clone()));
                }
            }
        }
    }
}

/// Answers one request; a broken connection ends it.
async fn answer(stream: TcpStream, state: Arc<EndpointState>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut length, mut id) = (0, String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "webhook-id" => id = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let fate = state.draw_fate();
    if let Fate::Late = fate {
        tokio::time::sleep(SPELL).await;
    }
    if !matches!(fate, Fate::Refused(_)) {
        let event = serde_json::from_slice(&body).unwrap();
        state.taken.lock().unwrap().push((id, event));
    }
    let head = match fate {
        Fate::TakenUnanswered => return Ok(()),
        Fate::Refused(head) => head,
        Fate::Taken | Fate::Late => "204 No Content",
    };
    let response = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(response.as_bytes()).await
}

impl EndpointState {
    fn draw_fate(&self) -> Fate {
        if self.is_healthy.load(Ordering::SeqCst) {
            return Fate::Taken;
        }
        match self.rng.lock().unwrap().random_range(0..10) {
            0..5 => Fate::Taken,
            5 | 6 => Fate::TakenUnanswered,
            7 => Fate::Refused("500 Internal Server Error"),
            8 => Fate::Refused("429 Too Many Requests\r\nretry-after: 1"),
            _ => Fate::Late,
        }
    }
}
