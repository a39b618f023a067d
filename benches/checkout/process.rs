//! Starts the built binary as a process, and reads a process's memory and CPU time from Linux.
//!
//! A process chooses a free port and reports it in a log line. It is killed when its handle is dropped. On systems
//! other than Linux, memory and CPU time are zero.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Linux reports CPU time in hundredths of a second on every machine.
const TICK: Duration = Duration::from_millis(10);

/// A running `holdfast` process.
pub(crate) struct Process {
    child: Child,
    /// The address, as `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    pub(crate) started: Instant,
}

impl Process {
    /// Starts the binary in `directory` with only these environment variables, and waits for its address.
    pub(crate) fn start(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let started = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments)
            .env_clear()
            .env("NO_COLOR", "1")
            .envs(variables.iter().copied())
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = child.stderr.take().unwrap();
        let (sender, receiver) = mpsc::channel();
        // The log is read to its end, because a full pipe would block the process.
        std::thread::spawn(move || {
            let mut log = BufReader::new(log);
            let mut line = String::new();
            while log.read_line(&mut line).is_ok_and(|read| read > 0) {
                if let Some(base) = parse_base(&line) {
                    let _ = sender.send(base);
                    break;
                }
                line.clear();
            }
            std::io::copy(&mut log, &mut std::io::sink())
        });
        let base = receiver
            .recv_timeout(START_TIMEOUT)
            .expect("the process logs its address");
        Self { child, base, started }
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse_base(line: &str) -> Option<String> {
    let address = line.split_once("http://")?.1;
    let address = address
        .split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
        .next()?;
    Some(format!("http://{address}"))
}

/// Returns a process's resident memory, in MiB.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn resident_memory(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) as f64 / 1024.0
}

/// Returns a process's CPU time so far, in user and kernel mode.
pub(crate) fn cpu_time(process: u32) -> Duration {
    let stat = read_stat(process).unwrap_or_default();
    let ticks = |field: usize| {
        stat.get(field)
            .and_then(|text| text.parse::<u32>().ok())
            .unwrap_or(0)
    };
    TICK * (ticks(11) + ticks(12))
}

/// Returns the processes of the PostgreSQL server in `directory`.
pub(crate) fn find_postgres_processes(directory: &Path) -> Vec<u32> {
    let file = std::fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
    let Some(postmaster) = file.lines().next().map(str::to_owned) else {
        return Vec::new();
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten();
    all.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok())
        .filter(|&process: &u32| {
            read_stat(process).and_then(|stat| stat.get(1).cloned()).as_ref() == Some(&postmaster)
        })
        .collect()
}

/// Returns the fields of `/proc/PID/stat` after the name: state, parent and so on. The name may contain spaces.
fn read_stat(process: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
