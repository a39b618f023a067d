//! Bounds the streams of a process, and those of each caller, so that one caller does not take those of the others.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts the open streams of a process and of each caller.
#[derive(Debug)]
pub(super) struct StreamPermits<K> {
    of_process: Arc<Semaphore>,
    most_of_caller: usize,
    of_callers: Arc<Mutex<HashMap<K, usize>>>,
}

/// The place of an open stream, among those of the process and those of its caller.
#[derive(Debug)]
pub(super) struct StreamPermit<K: Eq + Hash> {
    _of_process: OwnedSemaphorePermit,
    of_callers: Arc<Mutex<HashMap<K, usize>>>,
    caller: K,
}

impl<K: Eq + Hash> Drop for StreamPermit<K> {
    fn drop(&mut self) {
        let mut of_callers = self.of_callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = of_callers.get_mut(&self.caller) {
            *open -= 1;
            if *open == 0 {
                of_callers.remove(&self.caller);
            }
        }
    }
}

impl<K: Clone + Eq + Hash> StreamPermits<K> {
    /// Allows so many streams in all, and so many for each caller.
    pub(super) fn new(most: usize, most_of_caller: usize) -> Self {
        Self {
            of_process: Arc::new(Semaphore::new(most)),
            most_of_caller,
            of_callers: Arc::default(),
        }
    }

    /// Admits a stream; `None` if there are too many. The stream keeps the permit.
    pub(super) fn admit(&self, caller: K) -> Option<StreamPermit<K>> {
        let of_process = self.of_process.clone().try_acquire_owned().ok()?;
        let mut of_callers = self.of_callers.lock().unwrap_or_else(PoisonError::into_inner);
        let open = of_callers.entry(caller.clone()).or_default();
        if *open >= self.most_of_caller {
            return None;
        }
        *open += 1;
        drop(of_callers);
        Some(StreamPermit {
            _of_process: of_process,
            of_callers: self.of_callers.clone(),
            caller,
        })
    }
}
