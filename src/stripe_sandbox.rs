//! `holdfast stripe-sandbox`: the simulator alone, for other programs and for several instances of this one.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::domain::time::Clock;
use crate::sandbox::{Mode, Simulator, SimulatorConfig};

/// How the simulator is run.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where it listens; port 0 picks one and the log line says which.
    #[arg(long, default_value = "127.0.0.1:12111")]
    listen: SocketAddr,
    /// Where it sends webhooks.
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/stripe")]
    webhook_url: String,
    /// What it signs them with.
    #[arg(long, default_value = "whsec_sandbox")]
    webhook_secret: String,
}

/// A simulator on the machine's clock, in which things happen by themselves.
pub(crate) fn simulator(webhook_url: Option<String>, webhook_secret: String) -> Simulator {
    let now = Arc::new(|| SystemClock.now());
    Simulator::new(SimulatorConfig {
        webhook_url,
        webhook_secret,
        mode: Mode::Automatic,
        now,
    })
}

/// Runs it until told to stop.
///
/// # Errors
/// Where it cannot listen.
pub async fn run(args: Args, stop: CancellationToken) -> std::io::Result<()> {
    let listener = TcpListener::bind(args.listen).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "the Stripe simulator listens on http://{address}");
    simulator(Some(args.webhook_url), args.webhook_secret)
        .serve(listener, stop)
        .await
}
