//! The built binary as processes of their own, and what Linux tells about them.
//!
//! A process is asked for its address by its own log line, so that it can choose a free port, and is killed when its
//! handle is dropped. Elsewhere than on Linux, memory and processor time come out as zero.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const START: Duration = Duration::from_secs(30);
/// Linux counts processor time in hundredths of a second on every machine.
const TICK: Duration = Duration::from_millis(10);

/// A running `holdfast`.
pub(crate) struct Process {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub(crate) base: String,
    /// When it was started.
    pub(crate) started: Instant,
}

impl Process {
    /// Starts it in `directory` with nothing but these variables, and waits until it says where it listens.
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
        let (say, hear) = mpsc::channel();
        // Read to the end: a full pipe would stop the process.
        std::thread::spawn(move || {
            let mut log = BufReader::new(log);
            let mut line = String::new();
            while log.read_line(&mut line).is_ok_and(|read| read > 0) {
                if let Some(base) = base_in(&line) {
                    let _ = say.send(base);
                    break;
                }
                line.clear();
            }
            std::io::copy(&mut log, &mut std::io::sink())
        });
        let base = hear
            .recv_timeout(START)
            .expect("the process says where it listens");
        Self { child, base, started }
    }

    /// Its process id.
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

fn base_in(line: &str) -> Option<String> {
    let address = line.split_once("http://")?.1;
    let address = address
        .split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
        .next()?;
    Some(format!("http://{address}"))
}

/// Resident memory, in MiB.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) as f64 / 1024.0
}

/// Processor time of a process so far, in the kernel and out of it.
pub(crate) fn processor_time(process: u32) -> Duration {
    let stat = stat(process).unwrap_or_default();
    let ticks = |field: usize| {
        stat.get(field)
            .and_then(|text| text.parse::<u32>().ok())
            .unwrap_or(0)
    };
    TICK * (ticks(11) + ticks(12))
}

/// The processes of the PostgreSQL server whose socket is in `cluster`.
pub(crate) fn servers(cluster: &Path) -> Vec<u32> {
    let file = std::fs::read_to_string(cluster.join("data/postmaster.pid")).unwrap_or_default();
    let Some(postmaster) = file.lines().next().map(str::to_owned) else {
        return Vec::new();
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten();
    all.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok())
        .filter(|&process: &u32| {
            stat(process).and_then(|stat| stat.get(1).cloned()).as_ref() == Some(&postmaster)
        })
        .collect()
}

/// `/proc/PID/stat` after the name, which may hold anything: state, parent, …
fn stat(process: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
