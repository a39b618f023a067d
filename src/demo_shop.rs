//! The command `holdfast sandbox`: runs the service on SQLite with the Stripe simulator and a demo catalogue.
//!
//! It lets people try the service safely next to production settings: it never calls Stripe, does not read `.env`, and
//! uses its own database file. The simulated Stripe account is kept beside it, so that a run goes on where the one before
//! ended.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Background, BindError, StartupError};
use crate::clock::SystemClock;
use crate::config::{
    self, Config, ConfigError, ConfigErrors, ConfigScope, Database, Environment, SIMULATOR_PUBLISHABLE_KEY,
};
use crate::domain::command::CommandAction;
use crate::domain::ids::SessionId;
use crate::domain::listing::{CommandFilter, HoldFilter, PageRequest, StatusKind};
use crate::stripe_sandbox::{self, AccountOrigin};
use crate::workflow::{self, Context, WorkflowError, queries};

mod catalogue;

/// The arguments of `sandbox`. The variables of `serve` also apply, except those for Stripe's account and PostgreSQL.
#[derive(Clone, Debug, clap::Args)]
pub struct SandboxArgs {
    /// The Stripe simulator listens on this address; port 0 picks a free port. The default is 127.0.0.1:18081, or a
    /// free port if that one is taken.
    #[arg(long)]
    stripe_listen: Option<SocketAddr>,
}

/// The configuration of a demo shop that is ready to run.
pub struct Shop {
    /// The configuration of the service itself.
    pub config: Config,
    stripe_listen: Option<SocketAddr>,
    webhook_secret: String,
}

/// Where the sandbox keeps what it knows: the shop in a database, the simulated Stripe account in a file beside it.
struct ShopFiles {
    database: PathBuf,
    is_database_new: bool,
    account: PathBuf,
}

impl ShopFiles {
    /// Finds where both files are. Call it before the database is opened, which makes it.
    fn find(database: &Database) -> Self {
        let path = match database {
            Database::Sqlite(path) => path.as_str(),
            // `configure` refuses it.
            Database::Postgres(_) => "",
        };
        let database = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let mut account = database.clone().into_os_string();
        account.push(".stripe.json");
        Self {
            is_database_new: !database.exists(),
            database,
            account: account.into(),
        }
    }

    /// Says in the log where both are, and which is new.
    fn report(&self, origin: AccountOrigin) {
        let (database, account) = (self.database.display(), self.account.display());
        let age = if self.is_database_new {
            "new"
        } else {
            "of an earlier run"
        };
        tracing::info!("the database is {age}: {database}");
        match origin {
            AccountOrigin::Kept => tracing::info!("the simulator's account is of an earlier run: {account}"),
            AccountOrigin::New if self.is_database_new => {
                tracing::info!("the simulator's account is new: {account}");
            }
            AccountOrigin::New => tracing::info!(
                "the simulator's account is new, and payment pages of earlier runs count as expired: {account}"
            ),
        }
    }
}

/// The port of the simulator, if it is free and no address is given.
const SIMULATOR_PORT: u16 = 18081;

const SECRET_KEY: &str = "sk_test_sandbox";
const WEBHOOK_SECRET: &str = "whsec_sandbox";
const ADMIN_KEY: &str = "sandbox-key-for-operators";

/// Reads the configuration from the environment, with the sandbox's own defaults.
///
/// # Errors
/// Returns [`ConfigErrors`] if a variable is wrong.
pub fn configure(args: SandboxArgs, environment: &Environment) -> Result<Shop, ConfigErrors> {
    let lookup = |name: &str| environment.find(name);
    let secret = |name: &str, default: &str| {
        let is_in_file = lookup(&format!("{name}_FILE")).is_some_and(|path| !path.is_empty());
        lookup(name).or_else(|| (!is_in_file).then(|| default.into()))
    };
    let with_defaults = |name: &str| match name {
        // The environment cannot override these: the sandbox must never use a real key.
        "STRIPE_SECRET_KEY" => Some(SECRET_KEY.into()),
        "STRIPE_SECRET_KEY_FILE" => None,
        // The environment cannot override this either: `run` sets the address of the simulator when it is known.
        "STRIPE_API_BASE" => None,
        "STRIPE_PUBLISHABLE_KEY" => Some(SIMULATOR_PUBLISHABLE_KEY.into()),
        "STRIPE_WEBHOOK_SECRET" => secret(name, WEBHOOK_SECRET),
        "HOLDFAST_ADMIN_KEY" => secret(name, ADMIN_KEY),
        "DATABASE_URL" => secret(name, "sqlite://holdfast-sandbox.db"),
        // One person tries everything from one address, so the limits per client would stop the trial.
        "HOLDFAST_RATE_LIMIT" | "HOLDFAST_READ_LIMIT" => lookup(name).or_else(|| Some("6000/min".into())),
        "HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT" => lookup(name).or_else(|| Some("1000".into())),
        "HOLDFAST_LAPSE_COOLDOWN" => lookup(name).or_else(|| Some("0s".into())),
        other => lookup(other),
    };
    let mut config = config::load_config(with_defaults, ConfigScope::Stripe)?;
    config.unknown_variables = environment.list_unknown();
    if matches!(config.database, Database::Postgres(_)) {
        let detail = "must be sqlite://PATH: the sandbox writes demo data".to_owned();
        return Err(ConfigErrors(vec![ConfigError {
            variable: "DATABASE_URL",
            detail,
        }]));
    }
    // While a secret is rolled there may be several; the simulator signs with the first.
    let stripe = config.stripe.as_ref();
    let webhook_secret = stripe.and_then(|stripe| stripe.webhook_secrets.first());
    let webhook_secret = webhook_secret.map(|secret| secret.expose_secret().to_owned());
    Ok(Shop {
        config,
        stripe_listen: args.stripe_listen,
        webhook_secret: webhook_secret.unwrap_or_default(),
    })
}

/// Runs the service and the simulator until `stop`.
///
/// # Errors
/// Returns [`StartupError`] if an address is in use, the database fails or the demo data cannot be written.
pub async fn run(mut shop: Shop, stop: CancellationToken) -> Result<(), StartupError> {
    let (listener, stripe_address) = bind_simulator(shop.stripe_listen).await?;
    if let Some(stripe) = &mut shop.config.stripe {
        let base = url::Url::parse(&format!("http://{stripe_address}"));
        let base = base.map_err(|error| StartupError::Other(Box::new(error)))?;
        let pages = shop.config.public_url.as_ref().unwrap_or(&base).clone();
        stripe.use_simulator(base, &pages);
    }
    let files = ShopFiles::find(&shop.config.database);
    let app = App::build(&shop.config, Arc::new(SystemClock), true).await?;
    let address = app.address();
    let simulator = stripe_sandbox::build_simulator(None, shop.webhook_secret);
    // The account of another database would have sessions that belong to no hold.
    let origin = match files.is_database_new {
        true => AccountOrigin::New,
        false => stripe_sandbox::load_account(&simulator, &files.account),
    };
    files.report(origin);
    simulator.set_webhook_url(format!("http://{address}/webhooks/stripe"));
    let public = shop.config.public_url.as_ref();
    let public = public.map(|url| url.origin().ascii_serialization());
    if let Some(origin) = &public {
        simulator.set_public_url(origin.clone());
    }
    // The payment page is here too, so that guests need to reach one address only.
    let app = app.with_routes(simulator.payment_routes());
    // The simulator stops last, because requests that finish during the shutdown still call it.
    let simulator_stop = CancellationToken::new();
    let account_file = Some(files.account);
    let served = stripe_sandbox::serve(simulator.clone(), listener, account_file, simulator_stop.clone());
    let simulating = tokio::spawn(served);
    app.context().store.migrate().await?;
    let prepared = async {
        write_catalogue(&app.context()).await?;
        list_earlier_sessions(&app.context()).await
    };
    let earlier = prepared
        .await
        .map_err(|error| StartupError::Other(Box::new(error)))?;
    for session in earlier {
        simulator.add_expired_session(session.as_str());
    }
    tracing::info!("the Stripe simulator listens on http://{stripe_address}");
    let origin = public.unwrap_or_else(|| format!("http://{address}"));
    tracing::info!("open {origin}/ in a browser");
    let result = app.serve(stop, Background::On).await;
    simulator_stop.cancel();
    let _ = simulating.await;
    result
}

/// Listens on the given address, or else on [`SIMULATOR_PORT`], or on a free port if that is taken. Returns the address
/// too.
async fn bind_simulator(requested: Option<SocketAddr>) -> Result<(TcpListener, SocketAddr), StartupError> {
    let address = requested.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, SIMULATOR_PORT).into());
    let mut bound = TcpListener::bind(address).await;
    let is_taken = matches!(&bound, Err(error) if error.kind() == io::ErrorKind::AddrInUse);
    if requested.is_none() && is_taken {
        tracing::info!("port {SIMULATOR_PORT} is taken, so the Stripe simulator uses a free port");
        bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    }
    let with_address = bound.and_then(|listener| listener.local_addr().map(|at| (listener, at)));
    with_address.map_err(|error| BindError { address, error }.into())
}

/// Lists the sessions of an earlier run that Stripe may still be asked about. The simulator has no others than those in
/// its file.
async fn list_earlier_sessions(context: &Context) -> Result<Vec<SessionId>, WorkflowError> {
    let page = |limit| PageRequest { limit, cursor: None };
    let mut sessions = Vec::new();
    for (statuses, limit) in [
        (vec![], 1),
        (vec![StatusKind::Held], 200),
        (vec![StatusKind::Processing], 200),
    ] {
        let filter = HoldFilter {
            statuses,
            ..HoldFilter::default()
        };
        let holds = queries::list_holds(context, filter, &page(limit)).await?;
        sessions.extend(holds.entries.into_iter().map(|booking| booking.hold.session));
    }
    let commands = queries::list_commands(context, CommandFilter::Pending, &page(200)).await?;
    sessions.extend(
        commands
            .entries
            .into_iter()
            .filter_map(|command| match command.action {
                CommandAction::ExpireSession(session) => Some(session),
                CommandAction::Refund { .. } => None,
            }),
    );
    Ok(sessions)
}

/// Writes what is missing of the demo catalogue, so that what people change stays changed.
async fn write_catalogue(context: &Context) -> Result<(), WorkflowError> {
    let catalogue = catalogue::build_resources().zip(catalogue::build_event_types());
    let (resources, event_types) =
        catalogue.ok_or_else(|| WorkflowError::Internal("the demo catalogue is invalid".into()))?;
    for resource in &resources {
        if workflow::catalogue::find_resource(context, &resource.id)
            .await?
            .is_none()
        {
            workflow::catalogue::put_resource(context, resource).await?;
        }
    }
    for event_type in &event_types {
        if workflow::catalogue::find_event_type(context, &event_type.id)
            .await?
            .is_some()
        {
            continue;
        }
        let written = workflow::catalogue::put_event_type(context, event_type, None).await?;
        written.map_err(|_| WorkflowError::Internal("the demo catalogue lacks a resource".into()))?;
    }
    Ok(())
}
