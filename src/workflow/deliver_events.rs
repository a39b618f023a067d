//! Sends events out to the shop's endpoints.
//!
//! Deliveries are leased, the endpoint is called with no transaction open (I6), and the answers finish them, together. Each
//! endpoint has a task of its own, with a bounded number of requests at once, so that a slow one delays no other. Of each hold, one event
//! at a time is under way, so that they arrive in order. A process that dies leaves its leases to end; the event is then
//! sent again with the same id.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::context::Context;
use super::delivery_pace::pause_after_round;
use super::error::{WorkflowError, format_error_chain};
use super::stream_events::{EventToSend, load_events, number_events};
use super::worker_panics::record_panic;
use crate::domain::event_endpoint::{AttemptVerdict, EndpointAnswer, EventEndpoint, judge_attempt};
use crate::domain::ids::EndpointId;
use crate::gateway::event_post::{EventSender, PostError, SignedPost};
use crate::store::{AttemptResult, LeaseRequest, LeasedDelivery};

/// How many deliveries are leased together, and how many requests run at once, for one endpoint in one process.
const BATCH: u32 = 8;
/// How long events are sent to an address before its name is looked up again.
const SENDER_AGE: Duration = Duration::from_secs(60);
/// How often the worker looks for events.
const POLL: Duration = Duration::from_secs(1);

/// Writes an event as endpoints get it. The format belongs to `http`.
pub type RenderEvent = fn(&EventToSend) -> String;

/// The results of one round of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Events that an endpoint has taken.
    pub done: u64,
    /// Attempts that failed, for now or for good.
    pub failed: u64,
}

impl DeliveryReport {
    fn add(&mut self, results: &[AttemptResult]) {
        let done = results
            .iter()
            .filter(|result| result.verdict == AttemptVerdict::Done);
        let done = done.count() as u64;
        self.done += done;
        self.failed += results.len() as u64 - done;
    }
}

/// What an endpoint answered to a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointTest {
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why the test failed, if it did.
    pub fault: Option<String>,
}

/// Sends events until `stop` is cancelled.
pub async fn run_worker(context: Arc<Context>, render: RenderEvent, stop: CancellationToken) {
    let mut tasks = JoinSet::new();
    let mut served = HashMap::new();
    loop {
        match list_work(&context).await {
            Ok(endpoints) => {
                for endpoint in endpoints {
                    if served.values().any(|id| *id == endpoint.id) {
                        continue;
                    }
                    let (context, stop) = (context.clone(), stop.clone());
                    let id = endpoint.id.clone();
                    let task = tasks.spawn(async move {
                        if let Err(error) = serve_endpoint(&context, &endpoint.id, render, &stop).await {
                            tracing::warn!(endpoint = %endpoint.id, %error, "events not sent: the database failed");
                        }
                        // What is left waits, or another instance has leased it: asking at once would find it again and again.
                        tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(POLL) => {} }
                    });
                    served.insert(task.id(), id);
                }
            }
            Err(error) => tracing::warn!(%error, "events not sent: the database failed"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = tasks.join_next_with_id() => {
                let task = ended.map(|(task, ())| task).unwrap_or_else(|error| {
                    record_panic("events_out", &error);
                    error.id()
                });
                served.remove(&task);
            }
            () = tokio::time::sleep(POLL) => {}
        }
    }
    // Each task ends after the requests of what it has leased.
    while tasks.join_next().await.is_some() {}
}

/// Sends all events that are due, to all endpoints side by side.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable; leased deliveries are due again when their lease ends.
pub async fn deliver_due_events(
    context: &Context,
    render: RenderEvent,
) -> Result<DeliveryReport, WorkflowError> {
    let (mut report, stop) = (DeliveryReport::default(), CancellationToken::new());
    let endpoints = list_work(context).await?;
    let served = endpoints
        .iter()
        .map(|endpoint| serve_endpoint(context, &endpoint.id, render, &stop));
    for served in futures::future::join_all(served).await {
        let served = served?;
        report.done += served.done;
        report.failed += served.failed;
    }
    Ok(report)
}

async fn list_work(context: &Context) -> Result<Vec<EventEndpoint>, WorkflowError> {
    number_events(context).await?;
    Ok(context.store.list_endpoints_with_work(context.now()).await?)
}

/// Queues and sends what is due at one endpoint, until nothing is.
async fn serve_endpoint(
    context: &Context,
    id: &EndpointId,
    render: RenderEvent,
    stop: &CancellationToken,
) -> Result<DeliveryReport, WorkflowError> {
    let (store, mut report) = (&context.store, DeliveryReport::default());
    if stop.is_cancelled() {
        return Ok(report);
    }
    let lease_at = |now| LeaseRequest::new(now, context.settings.lease, BATCH);
    let mut leased = store.lease_deliveries(id, &lease_at(context.now())).await?;
    let mut kept = None;
    loop {
        // While the endpoint is behind, what is queued is enough: no rows are written that wait longer than the events themselves.
        let has_moved =
            leased.len() < BATCH as usize && store.queue_events(id, context.now()).await?.is_some();
        if leased.is_empty() {
            if !has_moved || stop.is_cancelled() {
                break;
            }
            leased = store.lease_deliveries(id, &lease_at(context.now())).await?;
            continue;
        }
        let round_start = Instant::now();
        // Read anew, because the operator may have changed the address or the secret.
        let Some(endpoint) = store.find_endpoint(id).await? else {
            break;
        };
        let sending = Sending {
            context,
            render,
            connected: kept_or_connected(context, &endpoint, kept.take()).await,
            endpoint,
        };
        let round = send_round(&sending, leased).await;
        // After a request without an answer the name is looked up again: the endpoint may have moved to another machine.
        let all_answered = round.results.iter().all(|result| result.status.is_some());
        kept = all_answered.then_some(sending.connected);
        let goes_on = round.error.is_none() && !stop.is_cancelled();
        // One time for both, so that the next event of a hold, due from then on, is among those that are leased.
        let now = context.now();
        let next = goes_on.then(|| lease_at(now));
        leased = store
            .finish_attempts(id, &round.results, now, next.as_ref())
            .await?;
        report.add(&round.results);
        if let Some(error) = round.error {
            return Err(error);
        }
        if next.is_none() {
            break;
        }
        let work = round_start.elapsed().saturating_sub(round.waited);
        pause_after_round(context.gate.count_slots(), work, stop).await;
    }
    Ok(report)
}

/// What the attempts of one round have led to.
struct Round {
    results: Vec<AttemptResult>,
    /// Why an attempt has no result, if one has none. It is repeated when its lease ends; that keeps none of the others from being
    /// written.
    error: Option<WorkflowError>,
    /// How long the requests took.
    waited: Duration,
}

/// Makes an attempt for each leased delivery, all at once.
async fn send_round(sending: &Sending<'_>, leased: Vec<LeasedDelivery>) -> Round {
    let events = load_leased(sending.context, &leased).await;
    let deliveries = leased.into_iter().zip(events);
    let attempts = deliveries.map(|(delivery, event)| attempt_delivery(sending, delivery, event));
    let requests_start = Instant::now();
    let mut error = None;
    let mut results = Vec::new();
    for attempt in futures::future::join_all(attempts).await {
        match attempt {
            Ok(result) => results.push(result),
            Err(found) => error = Some(found),
        }
    }
    Round {
        results,
        error,
        waited: requests_start.elapsed(),
    }
}

/// What the deliveries of one endpoint share.
struct Sending<'a> {
    context: &'a Context,
    endpoint: EventEndpoint,
    connected: Connected,
    render: RenderEvent,
}

/// An endpoint's address, resolved and checked, or why no request may be sent to it.
struct Connected {
    since: Instant,
    sender: Result<EventSender, PostError>,
}

async fn connect(context: &Context, endpoint: &EventEndpoint) -> Connected {
    let since = Instant::now();
    let sender = EventSender::connect(&endpoint.url, context.settings.calendar_allow_private).await;
    Connected { since, sender }
}

/// Keeps what is connected, unless it is old or the endpoint has another address by now.
async fn kept_or_connected(
    context: &Context,
    endpoint: &EventEndpoint,
    kept: Option<Connected>,
) -> Connected {
    let is_fresh = |kept: &Connected| {
        kept.since.elapsed() < SENDER_AGE
            && kept
                .sender
                .as_ref()
                .is_ok_and(|sender| sender.sends_to(&endpoint.url))
    };
    match kept.filter(is_fresh) {
        Some(kept) => kept,
        None => connect(context, endpoint).await,
    }
}

/// An event that was leased; `None` if it is deleted.
type LeasedEvent = Result<Option<EventToSend>, WorkflowError>;

/// Loads the events of leased deliveries, in their order. Events that cannot be loaded together are loaded one by one, so that
/// one that cannot be read keeps none of the others from being sent.
async fn load_leased(context: &Context, leased: &[LeasedDelivery]) -> Vec<LeasedEvent> {
    let positions: Vec<i64> = leased.iter().map(|delivery| delivery.position).collect();
    if let Ok(mut events) = load_positions(context, &positions).await {
        return positions
            .iter()
            .map(|position| Ok(events.remove(position)))
            .collect();
    }
    let alone = positions.into_iter().map(async |position| {
        let event = load_positions(context, &[position]).await;
        event.map(|mut events| events.remove(&position))
    });
    futures::future::join_all(alone).await
}

/// Loads the events at these positions.
async fn load_positions(
    context: &Context,
    positions: &[i64],
) -> Result<HashMap<i64, EventToSend>, WorkflowError> {
    let events = context.store.find_events_out(positions).await?;
    let loaded = load_events(context, events).await?.into_iter();
    Ok(loaded.map(|event| (event.event.position, event)).collect())
}

/// Makes one attempt and decides what follows from it.
async fn attempt_delivery(
    sending: &Sending<'_>,
    delivery: LeasedDelivery,
    event: LeasedEvent,
) -> Result<AttemptResult, WorkflowError> {
    let Sending {
        context, endpoint, ..
    } = sending;
    let failures = delivery.failures.unsigned_abs();
    let (status, fault, verdict) = match event? {
        None => (
            None,
            Some("the event is deleted".to_owned()),
            AttemptVerdict::Failed,
        ),
        Some(event) => {
            let body = (sending.render)(&event);
            let (status, answer, fault) = post(context, endpoint, &sending.connected, event.id, body).await;
            let now = context.now();
            let verdict = judge_attempt(answer, failures, endpoint.is_dead(now), now, rand::random());
            (status, fault, verdict)
        }
    };
    log_attempt(endpoint, &delivery, &verdict, fault.as_deref());
    Ok(AttemptResult {
        delivery,
        url: endpoint.url.clone(),
        verdict,
        status,
        fault,
    })
}

fn log_attempt(
    endpoint: &EventEndpoint,
    delivery: &LeasedDelivery,
    verdict: &AttemptVerdict,
    fault: Option<&str>,
) {
    let outcome = match verdict {
        AttemptVerdict::Done => "done",
        AttemptVerdict::Again { .. } => "again",
        AttemptVerdict::Disable { .. } => "gone",
        AttemptVerdict::Failed => "failed",
    };
    metrics::counter!("holdfast_event_deliveries_total", "outcome" => outcome).increment(1);
    if let Some(fault) = fault {
        let (endpoint, attempts) = (&endpoint.id, delivery.attempts);
        tracing::warn!(%endpoint, position = delivery.position, attempts, outcome, fault, "event not taken");
    }
}

/// Signs a body and sends it once. Returns status, answer and fault.
async fn post(
    context: &Context,
    endpoint: &EventEndpoint,
    connected: &Connected,
    id: String,
    body: String,
) -> (Option<u16>, EndpointAnswer, Option<String>) {
    let now = context.now();
    let post = SignedPost {
        timestamp: now.timestamp(),
        signature: endpoint.sign(&id, &body, now),
        id,
        body,
    };
    let sent = match &connected.sender {
        Ok(sender) => sender.send(post, now).await,
        Err(error) => Err(*error),
    };
    match sent {
        Ok((status, EndpointAnswer::Taken)) => (Some(status), EndpointAnswer::Taken, None),
        Ok((status, answer)) => {
            let fault = format!("it answered with status {status}");
            (Some(status), answer, Some(fault))
        }
        Err(error) => {
            let answer = EndpointAnswer::Refused {
                is_load: false,
                retry_after: None,
            };
            (None, answer, Some(format_error_chain(&error)))
        }
    }
}

/// Sends a test event with this body to an endpoint, enabled or not, once. `None` if there is no such endpoint.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn send_test(
    context: &Context,
    id: &EndpointId,
    body: String,
) -> Result<Option<EndpointTest>, WorkflowError> {
    let Some(endpoint) = context.store.find_endpoint(id).await? else {
        return Ok(None);
    };
    let event = format!("evt_test_{}", Uuid::new_v4().simple());
    let connected = connect(context, &endpoint).await;
    let (status, _, fault) = post(context, &endpoint, &connected, event, body).await;
    Ok(Some(EndpointTest { status, fault }))
}
