//! Tests of where the real binary finds its variables: `.env` of the working directory, as it is written; names that
//! nothing reads; values that are not UTF-8.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Output;

use reqwest::Method;

use crate::support::app::{Client, WEBHOOK_SECRET};
use crate::support::process::{Ended, Process, complete};

fn write_env_file(directory: &Path, text: &str) {
    std::fs::write(directory.join(".env"), text).unwrap();
}

/// Runs `migrate` on a file `shop.db` with one variable more.
async fn migrate(directory: &Path, variables: &[(&str, &str)]) -> Ended {
    let database = [("DATABASE_URL", "sqlite://shop.db")];
    complete(directory, &["migrate"], &[&database, variables].concat()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_with_a_dollar_sign_opens_the_operators_routes() {
    const KEY: &str = "ab$kd83jf7Qp29xvTz0Lm4Rw8Ys";
    let directory = tempfile::tempdir().unwrap();
    write_env_file(
        directory.path(),
        &format!(
            "# The shop's variables\r\nHOLDFAST_ADMIN_KEY={KEY}\r\nSTRIPE_SECRET_KEY=sk_test_$HOME # test mode\r\n\
             export STRIPE_WEBHOOK_SECRET='{WEBHOOK_SECRET}'\r\nSTRIPE_API_BASE = \"http://127.0.0.1:1\"\r\n\
             HOLDFAST_LISTEN=127.0.0.1:0\r\nHOLDFAST_SWEEP_CRON=0 */10 * * * *\r\n"
        ),
    );
    let mut server = Process::start(directory.path(), &["serve"], &[]);
    let client = Client::of(server.address("serving on http://").await);
    for (key, status) in [(KEY, 200), ("ab", 401), ("ab$kd83jf7Qp29xvTz0Lm4Rw8Y", 401)] {
        let request = client.request(Method::GET, "/v1/admin/holds").bearer_auth(key);
        client.send(request).await.expect(status);
    }
    server.terminate().await;
    assert_eq!(server.ends().await.code(), Some(0), "{}", server.output());
}

#[tokio::test]
async fn only_the_working_directory_has_the_env_file() {
    let directory = tempfile::tempdir().unwrap();
    write_env_file(directory.path(), "DATABASE_URL=mysql://hunter2\n");
    let inner = directory.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    assert_eq!(complete(&inner, &["migrate"], &[]).await.code, Some(0));
    assert_eq!(complete(directory.path(), &["migrate"], &[]).await.code, Some(2));
}

#[tokio::test]
async fn unreadable_line_is_named_with_file_and_variable() {
    let directory = tempfile::tempdir().unwrap();
    write_env_file(
        directory.path(),
        "HOLDFAST_LOG=info\n\nHOLDFAST_ADMIN_KEY='hunter2-hunter2-hunter2'x\nhunter2\n",
    );
    let refused = migrate(directory.path(), &[]).await;
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (Some(2), ""),
        "{refused:?}"
    );
    for part in [".env", "line 3: HOLDFAST_ADMIN_KEY", "line 4"] {
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
    assert!(!directory.path().join("shop.db").exists());
}

#[tokio::test]
async fn unknown_variable_is_a_warning_with_the_nearest_name() {
    let directory = tempfile::tempdir().unwrap();
    write_env_file(directory.path(), "HOLDFAST_HOLD_TLT=hunter2\n");
    let warned = migrate(directory.path(), &[("HOLDFAST_LISTN", "hunter2")]).await;
    assert_eq!(warned.code, Some(0), "{warned:?}");
    for (unknown, nearest) in [
        ("HOLDFAST_LISTN", "HOLDFAST_LISTEN"),
        ("HOLDFAST_HOLD_TLT", "HOLDFAST_HOLD_TTL"),
    ] {
        let is_named = |line: &str| line.contains("WARN") && line.contains(unknown) && line.contains(nearest);
        assert!(warned.stderr.lines().any(is_named), "{warned:?}");
    }
    assert!(!warned.stderr.contains("hunter2"), "{warned:?}");
    std::fs::remove_file(directory.path().join(".env")).unwrap();
    let known = migrate(directory.path(), &[("HOLDFAST_LISTEN", "127.0.0.1:1")]).await;
    assert!(!known.stderr.contains("WARN"), "{known:?}");
}

#[tokio::test]
async fn database_url_that_is_not_utf8_makes_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let run = |name: &str| -> Output {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_holdfast"));
        let value = OsStr::from_bytes(b"sqlite://hunter2\xff.db");
        command
            .arg("migrate")
            .current_dir(directory.path())
            .env_clear()
            .env(name, value);
        command.output().unwrap()
    };
    for name in ["DATABASE_URL", "DATABASE_URL_FILE", "HOLDFAST_LISTEN"] {
        let refused = run(name);
        let shown = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{shown}");
        assert!(shown.contains(name) && shown.contains("is not UTF-8"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
