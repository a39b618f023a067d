//! Runs what the compositions run, without containers. `tests/tidy` checks the rest of their text.

use std::path::Path;
use std::process::{Command, Output};

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Returns the script with which Grafana's container starts, as Compose gives it to the shell. In place of Grafana, it only
/// says that it started.
fn start_script() -> String {
    let compose = read("deploy/compose.yaml");
    let (_, grafana) = compose.split_once("\n  grafana:\n").unwrap();
    let (_, folded) = grafana.split_once("- >-\n").unwrap();
    let lines = folded.lines().take_while(|line| line.starts_with("        "));
    let script = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    assert!(script.ends_with("exec /run.sh"), "{script}");
    script.replace("$$", "$").replace("exec /run.sh", "echo started")
}

fn start_with(password: &str) -> Output {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(start_script());
    shell
        .env("GF_SECURITY_ADMIN_PASSWORD", password)
        .output()
        .unwrap()
}

#[test]
fn grafana_does_not_start_without_a_password() {
    let refused = start_with("");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(refused.stdout, b"");
    assert_eq!(refused.stderr, b"set GRAFANA_ADMIN_PASSWORD\n");
    let started = start_with("a password with \" and $(exit 7)");
    assert_eq!(
        (started.status.code(), started.stdout),
        (Some(0), b"started\n".to_vec())
    );
}
