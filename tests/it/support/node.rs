//! Installs packages of Node.js that tests need, each under the build directory, pinned.
//!
//! If the installation fails, the test fails and says what is missing; it never skips.

use std::path::{Path, PathBuf};

use tokio::process::Command;

/// Returns a directory in which `package`, pinned as `name@version`, can be imported; several are separated by blanks.
pub(crate) async fn with(package: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("node-{}", package.replace(['@', '/', ' '], "-")));
    if !home.exists() {
        // Has a temporary name until it is complete.
        let aside = home.with_extension(format!("building-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&aside).unwrap();
        std::fs::write(aside.join("package.json"), r#"{"private": true}"#).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
        npm.args(package.split(' '));
        let output = npm.current_dir(&aside).output().await;
        let output = output.unwrap_or_else(|error| panic!("this test needs npm on the path: {error}"));
        assert!(
            output.status.success(),
            "this test needs npm and a package registry that has {package}:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        if std::fs::rename(&aside, &home).is_err() {
            std::fs::remove_dir_all(&aside).unwrap();
        }
    }
    home
}
