//! `holdfast sandbox`: the whole service on SQLite with the built-in simulator and a demo catalogue.
//!
//! For trying it out: it never touches a real Stripe account, does not read `.env`, and keeps its books in a file of its
//! own, so that a shop's production settings beside it are safe.

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

/// How the sandbox is run. The variables of `serve` that concern neither Stripe's account nor PostgreSQL hold here too.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the simulator listens; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:0")]
    stripe_listen: SocketAddr,
}

/// A sandbox ready to run.
pub struct Shop {
    /// The service's configuration.
    pub config: Config,
    stripe_listen: SocketAddr,
    webhook_secret: String,
}

const SECRET_KEY: &str = "sk_test_sandbox";
const WEBHOOK_SECRET: &str = "whsec_sandbox";
const ADMIN_KEY: &str = "sandbox-operators-key";

/// Settles the configuration: sandbox defaults below, the environment above.
///
/// # Errors
/// [`ConfigErrors`] in the environment.
pub fn configure(args: Args, lookup: impl Fn(&str) -> Option<String>) -> Result<Shop, ConfigErrors> {
    let with_defaults = |name: &str| match name {
        "STRIPE_SECRET_KEY" => Some(SECRET_KEY.to_owned()),
        // The simulator's address is put in when it is known.
        "STRIPE_API_BASE" => None,
        "STRIPE_WEBHOOK_SECRET" => lookup(name).or_else(|| Some(WEBHOOK_SECRET.to_owned())),
        "HOLDFAST_ADMIN_KEY" => lookup(name).or_else(|| Some(ADMIN_KEY.to_owned())),
        "DATABASE_URL" => lookup(name).or_else(|| Some("sqlite://holdfast-sandbox.db".to_owned())),
        // One person tries everything from one address, over and over.
        "HOLDFAST_RATE_LIMIT" => lookup(name).or_else(|| Some("6000/min".to_owned())),
        "HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT" => lookup(name).or_else(|| Some("1000".to_owned())),
        "HOLDFAST_LAPSE_COOLDOWN" => lookup(name).or_else(|| Some("0s".to_owned())),
        other => lookup(other),
    };
    let config = config::read(with_defaults, ConfigScope::Stripe)?;
    if matches!(config.database, Database::Postgres(_)) {
        let detail = "must be sqlite://PATH: the sandbox writes demo data".to_owned();
        return Err(ConfigErrors(vec![ConfigError {
            variable: "DATABASE_URL",
            detail,
        }]));
    }
    let secrets = with_defaults("STRIPE_WEBHOOK_SECRET").unwrap_or_default();
    let webhook_secret = secrets.split(',').next().unwrap_or_default().trim().to_owned();
    Ok(Shop {
        config,
        stripe_listen: args.stripe_listen,
        webhook_secret,
    })
}

/// Runs it until told to stop.
///
/// # Errors
/// [`StartupError`].
pub async fn run(mut shop: Shop, stop: CancellationToken) -> Result<(), StartupError> {
    let bind = |error| StartupError::Bind {
        address: shop.stripe_listen,
        error,
    };
    let listener = TcpListener::bind(shop.stripe_listen).await.map_err(bind)?;
    let stripe_address = listener.local_addr().map_err(bind)?;
    if let Some(stripe) = &mut shop.config.stripe {
        let base = url::Url::parse(&format!("http://{stripe_address}"));
        stripe.api_base = base.map_err(|error| StartupError::Other(Box::new(error)))?;
    }
    let app = App::build(&shop.config, Arc::new(SystemClock), true).await?;
    let address = app.address();
    let simulator = stripe_sandbox::simulator(None, shop.webhook_secret);
    simulator.set_webhook_url(format!("http://{address}/webhooks/stripe"));
    // Stops last: what drains still talks to it.
    let simulator_stop = CancellationToken::new();
    let simulating = tokio::spawn(simulator.serve(listener, simulator_stop.clone()));
    app.context().store.migrate().await?;
    stock(&app.context())
        .await
        .map_err(|error| StartupError::Other(Box::new(error)))?;
    tracing::info!("the Stripe simulator listens on http://{stripe_address}");
    tracing::info!("open http://{address}/ in a browser");
    let result = app.run(stop, Background::On).await;
    simulator_stop.cancel();
    let _ = simulating.await;
    result
}

async fn stock(context: &Context) -> Result<(), WorkflowError> {
    let wares = catalogue::resources().zip(catalogue::event_types());
    let (resources, event_types) =
        wares.ok_or_else(|| WorkflowError::Internal("the demo catalogue breaks a rule".into()))?;
    for resource in &resources {
        workflow::catalogue::put_resource(context, resource).await?;
    }
    for event_type in &event_types {
        workflow::catalogue::put_event_type(context, event_type).await?;
    }
    Ok(())
}
