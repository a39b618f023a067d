//! The command `holdfast sandbox`: runs the service on SQLite with the Stripe simulator and a demo catalogue.
//!
//! It lets people try the service safely next to production settings: it never calls Stripe, does not read `.env`, and
//! uses its own database file.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Background, StartupError};
use crate::clock::SystemClock;
use crate::config::{self, Config, ConfigError, ConfigErrors, ConfigScope, Database};
use crate::stripe_sandbox;
use crate::workflow::{self, Context, WorkflowError};

mod catalogue;

/// The arguments of `sandbox`. The variables of `serve` also apply, except those for Stripe's account and PostgreSQL.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The address the Stripe simulator listens on; port 0 picks a free port.
    #[arg(long, default_value = "127.0.0.1:0")]
    stripe_listen: SocketAddr,
}

/// The configuration of a demo shop that is ready to run.
pub struct Shop {
    /// The configuration of the service itself.
    pub config: Config,
    stripe_listen: SocketAddr,
    webhook_secret: String,
}

const SECRET_KEY: &str = "sk_test_sandbox";
const WEBHOOK_SECRET: &str = "whsec_sandbox";
const ADMIN_KEY: &str = "sandbox-operators-key";

/// Reads the configuration from the environment, with the sandbox's own defaults.
///
/// # Errors
/// Returns [`ConfigErrors`] if a variable is wrong.
pub fn configure(args: Args, lookup: impl Fn(&str) -> Option<String>) -> Result<Shop, ConfigErrors> {
    let with_defaults = |name: &str| match name {
        // The environment cannot override this: the sandbox must never use a real key.
        "STRIPE_SECRET_KEY" => Some(SECRET_KEY.to_owned()),
        // Nor this: `run` sets the simulator's address when it is known.
        "STRIPE_API_BASE" => None,
        "STRIPE_WEBHOOK_SECRET" => lookup(name).or_else(|| Some(WEBHOOK_SECRET.to_owned())),
        "HOLDFAST_ADMIN_KEY" => lookup(name).or_else(|| Some(ADMIN_KEY.to_owned())),
        "DATABASE_URL" => lookup(name).or_else(|| Some("sqlite://holdfast-sandbox.db".to_owned())),
        // One person tries everything from one address, so the limits per client would stop the trial.
        "HOLDFAST_RATE_LIMIT" => lookup(name).or_else(|| Some("6000/min".to_owned())),
        "HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT" => lookup(name).or_else(|| Some("1000".to_owned())),
        "HOLDFAST_LAPSE_COOLDOWN" => lookup(name).or_else(|| Some("0s".to_owned())),
        other => lookup(other),
    };
    let config = config::load_config(with_defaults, ConfigScope::Stripe)?;
    if matches!(config.database, Database::Postgres(_)) {
        let detail = "must be sqlite://PATH: the sandbox writes demo data".to_owned();
        return Err(ConfigErrors(vec![ConfigError {
            variable: "DATABASE_URL",
            detail,
        }]));
    }
    // While a secret is rolled there may be several; the simulator signs with the first.
    let secrets = with_defaults("STRIPE_WEBHOOK_SECRET").unwrap_or_default();
    let webhook_secret = secrets.split(',').next().unwrap_or_default().trim().to_owned();
    Ok(Shop {
        config,
        stripe_listen: args.stripe_listen,
        webhook_secret,
    })
}

/// Runs the service and the simulator until `stop`.
///
/// # Errors
/// Returns [`StartupError`] if an address is in use, the database fails or the demo data cannot be written.
pub async fn run(mut shop: Shop, stop: CancellationToken) -> Result<(), StartupError> {
    let to_bind_error = |error| StartupError::Bind {
        address: shop.stripe_listen,
        error,
    };
    let listener = TcpListener::bind(shop.stripe_listen)
        .await
        .map_err(to_bind_error)?;
    let stripe_address = listener.local_addr().map_err(to_bind_error)?;
    if let Some(stripe) = &mut shop.config.stripe {
        let base = url::Url::parse(&format!("http://{stripe_address}"));
        stripe.api_base = base.map_err(|error| StartupError::Other(Box::new(error)))?;
    }
    let app = App::build(&shop.config, Arc::new(SystemClock), true).await?;
    let address = app.address();
    let simulator = stripe_sandbox::build_simulator(None, shop.webhook_secret);
    simulator.set_webhook_url(format!("http://{address}/webhooks/stripe"));
    // The simulator stops last, because requests that finish during the shutdown still call it.
    let simulator_stop = CancellationToken::new();
    let simulating = tokio::spawn(simulator.serve(listener, simulator_stop.clone()));
    app.context().store.migrate().await?;
    write_catalogue(&app.context())
        .await
        .map_err(|error| StartupError::Other(Box::new(error)))?;
    tracing::info!("the Stripe simulator listens on http://{stripe_address}");
    tracing::info!("open http://{address}/ in a browser");
    let result = app.serve(stop, Background::On).await;
    simulator_stop.cancel();
    let _ = simulating.await;
    result
}

/// Writes the demo catalogue, on every start, so that changes to it take effect.
async fn write_catalogue(context: &Context) -> Result<(), WorkflowError> {
    let catalogue = catalogue::build_resources().zip(catalogue::build_event_types());
    let (resources, event_types) =
        catalogue.ok_or_else(|| WorkflowError::Internal("the demo catalogue is invalid".into()))?;
    for resource in &resources {
        workflow::catalogue::put_resource(context, resource).await?;
    }
    for event_type in &event_types {
        workflow::catalogue::put_event_type(context, event_type).await?;
    }
    Ok(())
}
