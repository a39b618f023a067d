//! Counts the connections, and decides which one is closed if there are too many.
//!
//! The first is the one that has been idle for the longest time. If none is idle, it is the one whose client has taken the
//! longest time for its request: an honest client sends it at once. A request that a handler works on is never cut off.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use metrics::gauge;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

use super::phase::{CloseReason, Phase};

/// All connections of a listener.
pub(super) struct ConnectionRegistry {
    max_connections: u32,
    open: Mutex<OpenConnections>,
    /// Wakes who waits to be admitted: a connection has ended, or waits for its client now.
    changed: Notify,
}

#[derive(Default)]
struct OpenConnections {
    count: u32,
    /// How many connections were chosen to close and have not ended yet.
    closing: usize,
    /// The connections that wait for their client, in the order in which they may be closed.
    waiting: BTreeMap<CloseOrder, Arc<Connection>>,
    /// The number of the next entry.
    next: u64,
}

/// The place in the order in which connections may be closed: idle ones first, then by age.
type CloseOrder = (bool, u64);

/// Holds what one connection does, and since when. It is counted until it is dropped by its task.
pub(super) struct Connection {
    registry: Arc<ConnectionRegistry>,
    state: Mutex<ConnectionState>,
    waker: AtomicWaker,
    has_unread_body: AtomicBool,
}

struct ConnectionState {
    phase: Phase,
    since: Instant,
    /// The key of its entry among the waiting connections, if it has one.
    place: Option<CloseOrder>,
    /// Whether it was chosen to be closed for another one.
    is_chosen: bool,
}

/// Counts a connection as long as it exists.
pub(super) struct AdmittedConnection(Arc<Connection>);

impl std::ops::Deref for AdmittedConnection {
    type Target = Arc<Connection>;

    fn deref(&self) -> &Arc<Connection> {
        &self.0
    }
}

impl Drop for AdmittedConnection {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ConnectionRegistry {
    pub(super) fn new(max_connections: u32) -> Arc<Self> {
        Arc::new(Self {
            max_connections,
            open: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Counts one more connection. If there are too many, closes one first, and waits until one has ended.
    pub(super) async fn admit(self: &Arc<Self>) -> AdmittedConnection {
        loop {
            let changed = self.changed.notified();
            if self.try_count() {
                break;
            }
            self.close_oldest();
            changed.await;
        }
        gauge!("holdfast_connections").increment(1.0);
        let connection = Arc::new(Connection {
            registry: self.clone(),
            state: Mutex::new(ConnectionState {
                phase: Phase::Working,
                since: Instant::now(),
                place: None,
                is_chosen: false,
            }),
            waker: AtomicWaker::new(),
            has_unread_body: AtomicBool::new(false),
        });
        connection.enter(Phase::Idle);
        AdmittedConnection(connection)
    }

    fn try_count(&self) -> bool {
        let mut open = lock(&self.open);
        let is_free = open.count < self.max_connections;
        open.count += u32::from(is_free);
        is_free
    }

    /// Chooses the next connection to close, unless one is closing already. It closes as soon as it is polled.
    pub(super) fn close_oldest(&self) {
        while let Some((place, connection)) = self.pop_oldest() {
            let mut state = lock(&connection.state);
            if state.place == Some(place) {
                (state.place, state.is_chosen) = (None, true);
                connection.waker.wake();
                return;
            }
            // It has entered another phase since.
            lock(&self.open).closing -= 1;
        }
    }

    fn pop_oldest(&self) -> Option<(CloseOrder, Arc<Connection>)> {
        let mut open = lock(&self.open);
        let oldest = if open.closing > 0 {
            None
        } else {
            open.waiting.pop_first()
        };
        open.closing += usize::from(oldest.is_some());
        oldest
    }

    fn add_waiting(&self, phase: Phase, connection: &Arc<Connection>) -> CloseOrder {
        let mut open = lock(&self.open);
        open.next += 1;
        let place = (phase != Phase::Idle, open.next);
        open.waiting.insert(place, connection.clone());
        drop(open);
        self.changed.notify_one();
        place
    }
}

impl Connection {
    /// Enters a phase, whose time begins now.
    pub(super) fn enter(self: &Arc<Self>, phase: Phase) {
        let mut state = lock(&self.state);
        if let Some(place) = state.place.take() {
            lock(&self.registry.open).waiting.remove(&place);
        }
        (state.phase, state.since) = (phase, Instant::now());
        if state.is_chosen {
            if phase.is_waiting() {
                return;
            }
            // A request came at the same moment. It is answered, and another connection is closed instead.
            state.is_chosen = false;
            lock(&self.registry.open).closing -= 1;
            self.registry.changed.notify_one();
        }
        if phase.is_waiting() {
            state.place = Some(self.registry.add_waiting(phase, self));
        }
    }

    /// Returns the phase that the connection is in.
    pub(super) fn phase(&self) -> Phase {
        lock(&self.state).phase
    }

    /// Notes whether the body of the request is left unread. If a request comes after it, it was read after all.
    pub(super) fn set_unread_body(&self, is_unread: bool) {
        self.has_unread_body.store(is_unread, Ordering::Relaxed);
    }

    /// Returns whether the body of the last request was left unread.
    pub(super) fn has_unread_body(&self) -> bool {
        self.has_unread_body.load(Ordering::Relaxed)
    }

    /// Returns whether the client may still be sending a request that has its response.
    pub(super) fn has_unread_request(&self) -> bool {
        // A header that cannot be parsed gets a response before it was read to its end.
        self.phase() == Phase::Header || self.has_unread_body()
    }

    /// Is ready when the connection must be closed. `deadline` is the connection's own timer, for any phase.
    pub(super) fn poll_closed(
        &self,
        mut deadline: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<CloseReason> {
        self.waker.register(cx.waker());
        let (phase, since) = {
            let state = lock(&self.state);
            if state.is_chosen && state.phase.is_waiting() {
                return Poll::Ready(CloseReason::TooMany);
            }
            (state.phase, state.since)
        };
        let Some((limit, reason)) = phase.limit() else {
            return Poll::Pending;
        };
        let at = since + limit;
        if deadline.deadline() != at {
            deadline.as_mut().reset(at);
        }
        deadline.poll(cx).map(|()| reason)
    }

    fn end(&self) {
        let mut state = lock(&self.state);
        let mut open = lock(&self.registry.open);
        if let Some(place) = state.place.take() {
            open.waiting.remove(&place);
        }
        open.closing -= usize::from(state.is_chosen);
        open.count -= 1;
        drop(open);
        gauge!("holdfast_connections").decrement(1.0);
        self.registry.changed.notify_one();
    }
}
