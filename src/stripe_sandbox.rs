//! The command `holdfast stripe-sandbox`: runs the Stripe simulator alone.
//!
//! Other programs, or several instances of Holdfast, can then share one simulator.

use std::net::SocketAddr;
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

/// Runs the simulator until `stop`.
///
/// # Errors
/// Returns an error if the address cannot be listened on.
pub async fn run(args: StripeSandboxArgs, stop: CancellationToken) -> std::io::Result<()> {
    let listener = TcpListener::bind(args.listen).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "the Stripe simulator listens on http://{address}");
    build_simulator(Some(args.webhook_url), args.webhook_secret)
        .serve(listener, stop)
        .await
}
