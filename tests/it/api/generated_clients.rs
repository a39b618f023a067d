//! Generates clients from the API description with the generators that people use, and books with them.
//!
//! The programs that use the generated code are in the directory of this name. They run against the sandbox.

use std::path::Path;

use holdfast::http::describe_api;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::browser::{SANDBOX_ADMIN_KEY, Shop};
use crate::support::{node, python};

const TYPESCRIPT: &str =
    "openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3 @types/node@20.19.43";
const PYTHON: &str = "openapi-python-client==0.29.1";
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/generated_clients");

/// A directory with the description and one of the programs in it.
fn prepare(program: &str) -> TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let description = describe_api().to_json().unwrap();
    std::fs::write(scratch.path().join("openapi.json"), description).unwrap();
    std::fs::copy(Path::new(SOURCES).join(program), scratch.path().join(program)).unwrap();
    scratch
}

#[tokio::test]
async fn generated_typescript_client_makes_a_booking() {
    let packages = node::with(TYPESCRIPT).await.join("node_modules");
    let scratch = prepare("client.ts");
    std::os::unix::fs::symlink(&packages, scratch.path().join("node_modules")).unwrap();
    std::fs::write(scratch.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    let run = async |program: &str, arguments: &[&str]| {
        let mut command = Command::new("node");
        command.arg(program).args(arguments).current_dir(&scratch);
        python::run(&mut command, "").await
    };
    let generator = "node_modules/openapi-typescript/bin/cli.js";
    run(generator, &["openapi.json", "--output", "holdfast.d.ts"]).await;
    let compiler = "node_modules/typescript/bin/tsc";
    let options = ["--strict", "--target", "es2022", "--module", "nodenext"];
    run(compiler, &[&options[..], &["client.ts"]].concat()).await;
    let shop = Shop::open();
    let said = run("client.js", &[&shop.url, SANDBOX_ADMIN_KEY]).await;
    assert_eq!(said.trim_end(), "done");
}

#[tokio::test]
async fn generated_python_client_makes_a_booking() {
    let python = python::with(PYTHON).await;
    let scratch = prepare("client.py");
    // The hooks format the code, with a program that is another package.
    std::fs::write(scratch.path().join("generator.yaml"), "post_hooks: []\n").unwrap();
    let run = async |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command
            .args(arguments)
            .current_dir(&scratch)
            .env("NO_PROXY", "127.0.0.1");
        python::run(&mut command, "").await
    };
    let options = ["--path", "openapi.json", "--output-path", "holdfast_client"];
    let layout = [
        "--meta",
        "none",
        "--config",
        "generator.yaml",
        "--fail-on-warning",
    ];
    let generate = ["-m", "openapi_python_client", "generate"];
    run(&[&generate[..], &options, &layout].concat()).await;
    let shop = Shop::open();
    let said = run(&["client.py", &shop.url, SANDBOX_ADMIN_KEY]).await;
    assert_eq!(said.trim_end(), "done");
}
