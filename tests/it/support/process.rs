//! Runs the real binary as an operator does: arguments, environment, signals, output, exit code.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

use super::wait_for::eventually;

/// Sets limits that no test reaches: a test is many guests behind one address. Holds are counted all the same. A test of
/// the limits sets them itself.
pub(crate) const LIMITS_OFF: [(&str, &str); 7] = [
    ("HOLDFAST_RATE_LIMIT", "100000/s"),
    ("HOLDFAST_READ_LIMIT", "100000/s"),
    ("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "1000000"),
    ("HOLDFAST_MAX_LIVE_HOLDS_PER_EMAIL", "1000000"),
    ("HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT", "1000000"),
    ("HOLDFAST_MAX_LIVE_HOLDS_PER_NETWORK", "1000000"),
    ("HOLDFAST_LAPSE_COOLDOWN", "0s"),
];

/// A running process, which is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

/// The exit code and the output of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program of this version.
const PROGRAM: &str = env!("CARGO_BIN_EXE_holdfast");

/// Builds the command in `directory`, with these variables and no others.
fn command(
    program: impl AsRef<OsStr>,
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("NO_COLOR", "1")
        .envs(LIMITS_OFF)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs the binary until it exits.
pub(crate) async fn complete(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    complete_program(PROGRAM, directory, arguments, variables).await
}

/// Runs this program, which may be another version, until it exits.
pub(crate) async fn complete_program(
    program: impl AsRef<OsStr>,
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Ended {
    let command = &mut command(program, directory, arguments, variables);
    to_ended(command.output().await.unwrap())
}

/// Runs the binary with this standard input until it exits.
pub(crate) async fn complete_with_input(
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    input: &str,
) -> Ended {
    let mut command = command(PROGRAM, directory, arguments, variables);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    to_ended(child.wait_with_output().await.unwrap())
}

fn to_ended(output: Output) -> Ended {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

impl Process {
    pub(crate) fn start(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_program(PROGRAM, directory, arguments, variables)
    }

    /// Starts this program, which may be another version.
    pub(crate) fn start_program(
        program: impl AsRef<OsStr>,
        directory: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = command(program, directory, arguments, variables).spawn().unwrap();
        let lines = Arc::default();
        let readers = vec![
            collect_lines(child.stdout.take().unwrap(), &lines),
            collect_lines(child.stderr.take().unwrap(), &lines),
        ];
        Self {
            child,
            lines,
            readers,
        }
    }

    /// Returns all output so far.
    pub(crate) fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Waits for a line that contains these words, and returns it.
    pub(crate) async fn says(&mut self, words: &str) -> String {
        eventually(words, async || {
            let lines = self.lines.lock().unwrap();
            lines.iter().find(|line| line.contains(words)).cloned()
        })
        .await
    }

    /// Returns the address after these words, which end in `http://`.
    pub(crate) async fn address(&mut self, words: &str) -> SocketAddr {
        find_address(&self.says(words).await, words)
    }

    /// Sends SIGTERM to the process.
    pub(crate) async fn terminate(&self) {
        send_term(&self.child).await;
    }

    /// Kills the process, as a power failure does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits until the process has exited.
    pub(crate) async fn ends(&mut self) -> ExitStatus {
        let status = self.child.wait().await.unwrap();
        for listener in self.readers.drain(..) {
            listener.await.unwrap();
        }
        status
    }
}

/// A running process whose standard error is read up to a line, and no further. It is killed when it is dropped.
pub(crate) struct UnreadProcess {
    child: Child,
    _stderr: Lines<BufReader<ChildStderr>>,
}

impl UnreadProcess {
    /// Starts the binary, and returns the address after these words, which end in `http://`.
    pub(crate) async fn start(
        directory: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        words: &str,
    ) -> (Self, SocketAddr) {
        let mut child = command(PROGRAM, directory, arguments, variables).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("the process has ended");
            if line.contains(words) {
                break find_address(&line, words);
            }
        };
        let process = Self {
            child,
            _stderr: lines,
        };
        (process, address)
    }

    /// Sends SIGTERM and waits until the process has exited, while nothing reads its standard error. Returns the exit code and the
    /// standard output.
    pub(crate) async fn terminate(mut self) -> (Option<i32>, String) {
        send_term(&self.child).await;
        let status = self.child.wait().await.unwrap();
        let mut output = String::new();
        let mut stdout = self.child.stdout.take().unwrap();
        stdout.read_to_string(&mut output).await.unwrap();
        (status.code(), output)
    }
}

async fn send_term(child: &Child) {
    let order = format!("kill -TERM {}", child.id().unwrap());
    let done = Command::new("sh").args(["-c", &order]).status().await.unwrap();
    assert!(done.success());
}

/// Finds the address that follows these words in a line.
fn find_address(line: &str, words: &str) -> SocketAddr {
    let rest = line.split_once(words).unwrap().1;
    let address: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
        .collect();
    address.parse().unwrap_or_else(|_| panic!("no address in {line}"))
}

fn collect_lines(
    stream: impl AsyncRead + Unpin + Send + 'static,
    lines: &Arc<Mutex<Vec<String>>>,
) -> JoinHandle<()> {
    let lines = lines.clone();
    tokio::spawn(async move {
        let mut reader = BufReader::new(stream).lines();
        while let Ok(Some(line)) = reader.next_line().await {
            lines.lock().unwrap().push(line);
        }
    })
}
