//! Starts the built binary or another program as a process, and reads a process's memory and CPU time from Linux.
//!
//! A process chooses a free port and reports it in a log line. It is killed when its handle is dropped. On systems
//! other than Linux, memory and CPU time are zero.

use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Linux reports CPU time in hundredths of a second on every machine.
const TICK: Duration = Duration::from_millis(10);

/// A running process of the built binary or of another program.
pub(crate) struct Process {
    child: Child,
    /// The address, as `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    pub(crate) started: Instant,
}

impl Process {
    /// Starts the built binary in `directory` with only these environment variables, and waits for its address.
    pub(crate) fn start(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_holdfast"));
        Self::start_program(program, directory, arguments, variables)
    }

    /// Starts a program that logs its address as the built binary does.
    pub(crate) fn start_program(
        program: &Path,
        directory: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let started = Instant::now();
        let mut child = Command::new(program)
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
    sum_ticks(process, 11..=12)
}

/// Returns the CPU time so far of all processes of the PostgreSQL server in `directory`, also of those that have ended.
pub(crate) fn postgres_cpu_time(directory: &Path) -> Duration {
    let file = std::fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
    let Some(postmaster) = file.lines().next().and_then(|line| line.parse().ok()) else {
        return Duration::ZERO;
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten();
    let children = all
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok())
        .filter(|&process: &u32| {
            let stat = read_stat(process);
            stat.and_then(|stat| stat.get(1)?.parse().ok()) == Some(postmaster)
        });
    // The last two fields are the time of the children that have ended.
    sum_ticks(postmaster, 11..=14) + children.map(cpu_time).sum::<Duration>()
}

fn sum_ticks(process: u32, fields: RangeInclusive<usize>) -> Duration {
    let stat = read_stat(process).unwrap_or_default();
    let ticks = fields.filter_map(|field| stat.get(field)?.parse::<u32>().ok());
    TICK * ticks.sum::<u32>()
}

/// Returns the fields of `/proc/PID/stat` after the name: state, parent and so on. The name may contain spaces.
fn read_stat(process: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
