//! Installs packages of Node.js that tests need, each under the build directory, pinned.
//!
//! If the installation fails, the test fails and says what is missing; it never skips.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::process::Command;

/// Returns a directory in which `package`, pinned as `name@version`, can be imported; several are separated by blanks.
pub(crate) async fn with(package: &str) -> PathBuf {
    let name = package.replace(['@', '/', ' '], "-");
    let arguments = [&["install"][..], &package.split(' ').collect::<Vec<_>>()].concat();
    let write_files =
        |aside: &Path| std::fs::write(aside.join("package.json"), r#"{"private": true}"#).unwrap();
    install(&name, &arguments, write_files).await
}

/// Returns a directory with the packages that the lock file of a package of ours names.
pub(crate) async fn with_lock(ours: &Path) -> PathBuf {
    let lock = std::fs::read(ours.join("package-lock.json")).unwrap();
    let digest: [u8; 32] = Sha256::digest(&lock).into();
    let name = format!(
        "locked-{:016x}",
        u64::from_be_bytes(*digest.first_chunk().unwrap())
    );
    let write_files = |aside: &Path| {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(ours.join(file), aside.join(file)).unwrap();
        }
    };
    install(&name, &["ci"], write_files).await
}

async fn install(name: &str, arguments: &[&str], write_files: impl FnOnce(&Path)) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("node-{name}"));
    if !home.exists() {
        // Has a temporary name until it is complete.
        let aside = home.with_extension(format!("building-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&aside).unwrap();
        write_files(&aside);
        let mut npm = Command::new("npm");
        npm.args(arguments);
        npm.args(["--no-audit", "--no-fund", "--ignore-scripts"]);
        let output = npm.current_dir(&aside).output().await;
        let output = output.unwrap_or_else(|error| panic!("this test needs npm on the path: {error}"));
        assert!(
            output.status.success(),
            "this test needs npm and a package registry that has {name}:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        if std::fs::rename(&aside, &home).is_err() {
            std::fs::remove_dir_all(&aside).unwrap();
        }
    }
    home
}
