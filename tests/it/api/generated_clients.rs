//! The packages in `clients/`: what is generated in them is what the description gives today, what is built is what the
//! sources give, and both book in the sandbox.

use std::path::{Path, PathBuf};

use holdfast::http::describe_api;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::browser::{SANDBOX_ADMIN_KEY, Shop};
use crate::support::{node, python};

const PYTHON: &str = "openapi-python-client==0.29.1 hatchling==1.27.0";
const JS_PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/js");
const PYTHON_PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/python");
/// The most bytes that the packed widget may have.
const MAX_WIDGET: usize = 25_000;

/// Copies the files of a directory, without what is installed or built there.
fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        let is_skipped = ["node_modules", "dist", "__pycache__"]
            .iter()
            .any(|skipped| name == *skipped);
        match path.is_dir() {
            _ if is_skipped => {}
            true => copy_files(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

fn list_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(list_files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Fails unless the committed file is the new one. With `UPDATE_SNAPSHOTS` it writes the new one in its place.
fn assert_committed(committed: &Path, new: &Path) {
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(committed.parent().unwrap()).unwrap();
        std::fs::copy(new, committed).unwrap();
    }
    let [old, new] = [committed, new].map(|path| std::fs::read(path).unwrap_or_default());
    assert!(
        old == new,
        "{} is not what its sources give. To write it again:\n    \
         UPDATE_SNAPSHOTS=1 cargo test --test it -- generated_clients",
        committed.display()
    );
}

/// A copy of the package of the widget, with its tools installed.
struct JsPackage(TempDir);

impl JsPackage {
    async fn copy() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let installed = node::with_lock(Path::new(JS_PACKAGE)).await;
        copy_files(Path::new(JS_PACKAGE), scratch.path());
        std::os::unix::fs::symlink(
            installed.join("node_modules"),
            scratch.path().join("node_modules"),
        )
        .unwrap();
        Self(scratch)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Runs a program of Node.js in the package.
    async fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("node");
        command.arg(program).args(arguments).current_dir(&self.0);
        python::run(&mut command, "").await
    }
}

#[tokio::test]
async fn types_of_the_typescript_client_are_generated() {
    let package = JsPackage::copy().await;
    let description = describe_api().to_json().unwrap();
    std::fs::write(package.path("openapi.json"), description).unwrap();
    let generator = "node_modules/openapi-typescript/bin/cli.js";
    package
        .run(generator, &["openapi.json", "--output", "new.d.ts"])
        .await;
    assert_committed(
        &Path::new(JS_PACKAGE).join("src/api.d.ts"),
        &package.path("new.d.ts"),
    );
}

#[tokio::test]
async fn widget_is_built_from_its_sources_and_small() {
    let package = JsPackage::copy().await;
    let compiler = "node_modules/typescript/bin/tsc";
    package.run(compiler, &["--noEmit"]).await;
    package.run(compiler, &["--noEmit", "--project", "test"]).await;
    package.run("build.mjs", &["new"]).await;
    for script in list_files(&package.path("new")) {
        let committed = Path::new(JS_PACKAGE).join("dist");
        assert_committed(&committed.join(script.file_name().unwrap()), &script);
    }
    let pack = "const { readFileSync } = require('fs'); console.log(require('zlib').gzipSync(readFileSync('new/widget.js')).length)";
    let packed: usize = package.run("-e", &[pack]).await.trim_end().parse().unwrap();
    assert!(packed < MAX_WIDGET, "{packed} bytes");
}

#[tokio::test]
async fn parts_of_the_widget_do_what_they_say() {
    JsPackage::copy().await.run("test/run.mjs", &["parts.ts"]).await;
}

#[tokio::test]
async fn typescript_client_makes_a_booking() {
    let package = JsPackage::copy().await;
    let shop = Shop::open();
    let arguments = ["booking.ts", &shop.url, SANDBOX_ADMIN_KEY, &shop.simulator_url];
    let said = package.run("test/run.mjs", &arguments).await;
    assert_eq!(said.trim_end(), "done");
}

#[tokio::test]
async fn python_client_is_generated_and_makes_a_booking() {
    let python = python::with(PYTHON).await;
    let scratch = tempfile::tempdir().unwrap();
    let description = describe_api().to_json().unwrap();
    std::fs::write(scratch.path().join("openapi.json"), description).unwrap();
    let run = async |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command
            .args(arguments)
            .current_dir(&scratch)
            .env("NO_PROXY", "127.0.0.1")
            .env("PYTHONPATH", scratch.path().join("installed"));
        python::run(&mut command, "").await
    };
    let settings = format!("{PYTHON_PACKAGE}/generator.yaml");
    let generate = [
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        "openapi.json",
        "--output-path",
        "new",
    ];
    let layout = ["--meta", "none", "--config", &settings, "--fail-on-warning"];
    run(&[&generate[..], &layout].concat()).await;
    let committed = Path::new(PYTHON_PACKAGE).join("src/holdfast_client");
    let new = scratch.path().join("new");
    // The generator does not write the mark that says that the package has types.
    std::fs::write(new.join("py.typed"), "").unwrap();
    for file in list_files(&new) {
        assert_committed(&committed.join(file.strip_prefix(&new).unwrap()), &file);
    }
    copy_files(Path::new(PYTHON_PACKAGE), &scratch.path().join("package"));
    let sources = scratch.path().join("package/src/holdfast_client");
    assert_eq!(
        list_files(&sources).len(),
        list_files(&new).len(),
        "no file is left from before"
    );
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
    ];
    run(&[&install[..], &["--target", "installed", "./package"]].concat()).await;
    let shop = Shop::open();
    let program = format!("{PYTHON_PACKAGE}/tests/booking.py");
    let said = run(&[&program, &shop.url, SANDBOX_ADMIN_KEY, &shop.simulator_url]).await;
    assert_eq!(said.trim_end(), "done");
}
