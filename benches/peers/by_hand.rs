//! Starts the checkout by hand, `benches/peers/by_hand`, on Node.js.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::Process;
use crate::service_client::WEBHOOK_SECRET;

/// The oldest version of Node.js that the checkout by hand runs on.
const OLDEST_NODE: u32 = 20;
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/by_hand");

/// The Node.js that is installed.
pub(crate) struct Node {
    program: PathBuf,
    pub(crate) version: String,
}

impl Node {
    /// Finds Node.js and npm. An error says what is missing.
    pub(crate) fn find() -> Result<Self, String> {
        let version = read_output("node", &["--version"])?;
        let major = version
            .trim_start_matches('v')
            .split('.')
            .next()
            .map(str::parse::<u32>);
        if !matches!(major, Some(Ok(major)) if major >= OLDEST_NODE) {
            return Err(format!("node is {version}, and must be {OLDEST_NODE} or newer"));
        }
        read_output("npm", &["--version"])?;
        let program = read_output("node", &["-p", "process.execPath"])?.into();
        Ok(Self { program, version })
    }

    /// Installs the packages that the lock file names, unless they are installed already.
    pub(crate) fn install_packages() {
        let directory = Path::new(DIRECTORY);
        let changed_at = |path: &str| directory.join(path).metadata()?.modified();
        let installed = changed_at("node_modules/.package-lock.json");
        if installed.is_ok_and(|installed| installed >= changed_at("package-lock.json").unwrap()) {
            return;
        }
        let mut install = Command::new("npm");
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        let status = install
            .current_dir(directory)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "npm ci failed");
    }

    /// Starts the checkout by hand with so many database connections.
    pub(crate) fn start_checkout(&self, url: &str, stripe: &str, connections: u32) -> Process {
        let connections = connections.to_string();
        let variables = [
            ("DATABASE_URL", url),
            ("DATABASE_CONNECTIONS", &connections),
            ("NODE_ENV", "production"),
            ("PORT", "0"),
            ("STRIPE_API_BASE", stripe),
            ("STRIPE_SECRET_KEY", "sk_test_benchmark"),
            ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ];
        Process::start_program(&self.program, Path::new(DIRECTORY), &["server.js"], &variables)
    }
}

fn read_output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => Err(format!("{program} is not installed")),
    }
}
