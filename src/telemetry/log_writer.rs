//! Writes log lines to standard error on a separate thread: if what reads them stops reading, no request waits for it.
//!
//! The non-blocking writer of `tracing-appender` does the same, but at the end of a process whose log nobody reads it prints to
//! standard output, which may be the same pipe.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// The most lines that wait to be written. What is logged beyond them is lost, and counted.
const MOST_LINES: usize = 8192;

/// How long the end of a process waits for the last lines.
const LAST_WAIT: Duration = Duration::from_secs(1);

enum Message {
    Line(Vec<u8>),
    /// All lines before this are written; the sender waits to know.
    End(SyncSender<()>),
}

/// The queue of this process, once its logs are started.
static QUEUE: OnceLock<SyncSender<Message>> = OnceLock::new();

/// How many lines were lost.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Puts each line into the queue of this process.
pub(super) struct LineWriter(&'static SyncSender<Message>);

impl LineWriter {
    /// A writer for the lines of one event. The first one starts the thread.
    pub(super) fn new() -> Self {
        Self(QUEUE.get_or_init(|| {
            let (queue, lines) = sync_channel(MOST_LINES);
            // Without a thread the queue has no receiver, so all lines are lost, and counted.
            let _ = thread::Builder::new()
                .name("log".to_owned())
                .spawn(move || write_lines(lines));
            queue
        }))
    }
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.try_send(Message::Line(line.to_vec())).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_lines(messages: Receiver<Message>) {
    for message in messages {
        match message {
            Message::Line(line) => {
                if io::stderr().write_all(&line).is_err() {
                    LOST.fetch_add(1, Ordering::Relaxed);
                }
            }
            // The sender may have stopped waiting.
            Message::End(written) => drop(written.send(())),
        }
    }
}

/// Counts the lines that were lost so far.
pub(super) fn count_lost_lines() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Waits until the lines that were logged so far are written, for a second at most.
pub fn finish_logs() {
    let Some(queue) = QUEUE.get() else {
        return;
    };
    let (written, end) = sync_channel(1);
    // Another thread, because the queue may stay full.
    thread::spawn(move || queue.send(Message::End(written)));
    // After that time the process ends without them.
    let _ = end.recv_timeout(LAST_WAIT);
}
