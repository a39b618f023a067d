//! The command `holdfast stripe-sandbox`: runs the Stripe simulator alone.
//!
//! Other programs, or several instances of Holdfast, can then share one simulator. `docs/simulator.md` is its manual.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::domain::time::Clock;
use crate::sandbox::{Mode, Simulator, SimulatorConfig};

/// The command-line arguments of `stripe-sandbox`.
#[derive(Clone, Debug, clap::Args)]
pub struct StripeSandboxArgs {
    /// The address the simulator listens on; port 0 picks a free port and logs it.
    #[arg(long, default_value = "127.0.0.1:12111")]
    listen: SocketAddr,
    /// The URL the simulator sends webhooks to.
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/stripe")]
    webhook_url: String,
    /// The secret that signs the webhooks.
    #[arg(long, default_value = "whsec_sandbox")]
    webhook_secret: String,
    /// The file that keeps the account from one run to the next; without it, each run begins with an empty account.
    #[arg(long, value_name = "FILE")]
    account_file: Option<PathBuf>,
}

/// Whether a simulator goes on with an account of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountOrigin {
    /// It has the account of an earlier run.
    Kept,
    /// It has an empty account.
    New,
}

/// Creates a simulator on the machine's clock, in automatic mode.
pub(crate) fn build_simulator(webhook_url: Option<String>, webhook_secret: String) -> Simulator {
    let now = Arc::new(|| SystemClock.now());
    Simulator::new(SimulatorConfig {
        webhook_url,
        webhook_secret,
        mode: Mode::Automatic,
        now,
    })
}

/// Loads the account of an earlier run. Without one that can be read, the account is new.
pub(crate) fn load_account(simulator: &Simulator, file: &Path) -> AccountOrigin {
    match simulator.load_account(file) {
        Ok(()) => AccountOrigin::Kept,
        Err(error) if error.kind() == io::ErrorKind::NotFound => AccountOrigin::New,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "the simulator's account of an earlier run cannot be read");
            AccountOrigin::New
        }
    }
}

/// Serves the simulator until `stop`, and keeps its account in the file if there is one.
///
/// # Errors
/// Returns an error if the listener fails.
pub(crate) async fn serve(
    simulator: Simulator,
    listener: TcpListener,
    account_file: Option<PathBuf>,
    stop: CancellationToken,
) -> io::Result<()> {
    // The last write comes after the last request.
    let served = CancellationToken::new();
    let keeping = account_file.map(|file| tokio::spawn(simulator.clone().keep_account(file, served.clone())));
    let result = simulator.serve(listener, stop).await;
    served.cancel();
    if let Some(keeping) = keeping {
        let _ = keeping.await;
    }
    result
}

/// Runs the simulator until `stop`.
///
/// # Errors
/// Returns an error if the address cannot be listened on.
pub async fn run(args: StripeSandboxArgs, stop: CancellationToken) -> io::Result<()> {
    let listener = TcpListener::bind(args.listen).await?;
    let address = listener.local_addr()?;
    let simulator = build_simulator(Some(args.webhook_url), args.webhook_secret);
    if let Some(file) = &args.account_file {
        let origin = match load_account(&simulator, file) {
            AccountOrigin::Kept => "of an earlier run",
            AccountOrigin::New => "new",
        };
        tracing::info!(
            "the simulator's account is {origin}; its file is {}",
            file.display()
        );
    }
    tracing::info!(%address, "the Stripe simulator listens on http://{address}");
    serve(simulator, listener, args.account_file, stop).await
}
