//! Installs independent test tools that are written in Python: each in its own virtual environment under the build
//! directory, with pinned packages.
//!
//! If the installation fails, the test fails and says what is missing; it never skips.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Returns the interpreter of the environment that has `package`, pinned as `name==version`; several are separated by blanks. Run the package's
/// programs as modules, because its scripts contain the path where the environment was built.
pub(crate) async fn with(package: &str) -> PathBuf {
    environment(package).await.join("bin/python")
}

/// Builds the environment under a temporary name and then renames it, so that an interrupted or concurrent run leaves
/// no incomplete environment.
async fn environment(package: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("python-{}", package.replace("==", "-").replace(' ', "-")));
    if !home.exists() {
        let aside = home.with_extension(format!("building-{}", uuid::Uuid::new_v4().simple()));
        install(
            package,
            Path::new("python3"),
            &["-m", "venv", &aside.to_string_lossy()],
        )
        .await;
        let mut pip = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        pip.extend(package.split(' '));
        install(package, &aside.join("bin/python"), &pip).await;
        if std::fs::rename(&aside, &home).is_err() {
            std::fs::remove_dir_all(&aside).unwrap();
        }
    }
    home
}

async fn install(package: &str, program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().await;
    let output = output.unwrap_or_else(|error| panic!("this test needs python3 on the path: {error}"));
    assert!(
        output.status.success(),
        "this test needs python3 with venv and pip, and a package index that has {package}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs a command with this input and returns its output. If the command fails, panics with all of its output.
pub(crate) async fn run(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{:?}:\n{stdout}\n{stderr}",
        command.as_std()
    );
    stdout
}
