//! Writes log lines to standard error, on a thread of its own: if what reads them stops reading, no request waits for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// The most lines that wait to be written, some 3 MB. What is logged beyond them is lost, and counted.
const MOST_LINES: usize = 8192;

/// A writer of log lines that is under way. Dropped, it writes the lines that wait, for a second at most.
pub(super) struct LogWriter {
    lost: ErrorCounter,
    _guard: WorkerGuard,
}

/// The writer of this process, from the start of its logs to their end.
static WRITER: Mutex<Option<LogWriter>> = Mutex::new(None);

fn lock_writer() -> MutexGuard<'static, Option<LogWriter>> {
    WRITER.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LogWriter {
    /// Starts the thread that writes; also returns what takes the lines.
    pub(super) fn start() -> (NonBlocking, Self) {
        let (lines, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(MOST_LINES)
            .lossy(true)
            .thread_name("log")
            .finish(std::io::stderr());
        let lost = lines.error_counter();
        (lines, Self { lost, _guard: guard })
    }

    /// Makes it the writer of this process.
    pub(super) fn keep(self) {
        *lock_writer() = Some(self);
    }
}

/// Counts the lines that were lost so far; 0 if this process writes no logs.
pub(super) fn count_lost_lines() -> u64 {
    let writer = lock_writer();
    let lost = writer.as_ref().map_or(0, |writer| writer.lost.dropped_lines());
    u64::try_from(lost).unwrap_or(u64::MAX)
}

/// Ends the logs of this process: writes the lines that wait, for a second at most.
pub fn finish_logs() {
    drop(lock_writer().take());
}
