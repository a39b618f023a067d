//! The composition root: builds everything from the configuration, binds, runs, drains.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::serve::ListenerExt;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Database, Stripe};
use crate::domain::hold::HoldPolicy;
use crate::domain::time::Clock;
use crate::domain::token::TokenKey;
use crate::gateway::client::{STRIPE_API, StripeConfig, StripeGateway};
use crate::http::client::ClientRateLimiter;
use crate::http::{self, Server};
use crate::jobs::Jobs;
use crate::store::postgres::PostgresStore;
use crate::store::{PoolOptions, Store, StoreError, sqlite};
use crate::telemetry;
use crate::workflow::LimitSettings;
use crate::workflow::{Context, Settings, one_line};

/// How long what runs may go on after the order to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// Pause between two tries to reach a database that is away at the start.
const RETRY: Duration = Duration::from_secs(1);

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Bind {
        /// Which one.
        address: SocketAddr,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The database answers, but not as it should.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// Anything else.
    #[error("cannot start")]
    Other(#[from] Box<dyn std::error::Error + Send + Sync>),
}

/// Opens the books; connects only when they are first asked for.
///
/// # Errors
/// [`StoreError`] where the address is not usable.
pub async fn open_store(database: &Database) -> Result<Arc<dyn Store>, StoreError> {
    let options = PoolOptions::default();
    Ok(match database {
        Database::Sqlite(path) => Arc::new(sqlite::connect(path, PoolOptions::of_one_process()).await?),
        Database::Postgres(url) => Arc::new(PostgresStore::connect(url.expose_secret(), options)?),
    })
}

/// Puts the tools together that the workflows need.
///
/// # Errors
/// [`StartupError`].
pub async fn build_context(
    config: &Config,
    stripe: &Stripe,
    clock: Arc<dyn Clock>,
) -> Result<Arc<Context>, StartupError> {
    let store = open_store(&config.database).await?;
    let settings = settings(config, stripe).map_err(|error| StartupError::Other(error.into()))?;
    let tokens = TokenKey::derive(stripe.secret_key.expose_secret());
    Ok(Context::new(
        store,
        Arc::new(gateway(stripe)?),
        clock,
        tokens,
        settings,
    ))
}

fn settings(config: &Config, stripe: &Stripe) -> Result<Settings, chrono::OutOfRangeError> {
    Ok(Settings {
        hold_ttl: chrono::Duration::from_std(config.hold_ttl)?,
        ask_processing_after: chrono::Duration::from_std(config.ask_processing_after)?,
        keep_events: chrono::Duration::from_std(config.keep_events)?,
        forget_after: chrono::Duration::from_std(config.forget_after)?,
        limits: LimitSettings {
            per_guest: config.max_live_holds_per_guest,
            per_client: config.max_live_holds_per_client,
            lapse_cooldown: config.lapse_cooldown,
        },
        policy: HoldPolicy {
            full_refund_frees_slot: config.full_refund_frees_slot,
        },
        calendar_allow_private: config.calendar_allow_private,
        livemode: stripe.livemode(),
        ..Settings::default()
    })
}

/// Stripe as the configuration names it; connects to nothing yet.
///
/// # Errors
/// [`StartupError::Other`] where the configuration cannot work at all.
pub fn gateway(stripe: &Stripe) -> Result<StripeGateway, StartupError> {
    // Stripe's own limits hold at Stripe; a simulator or a proxy has its own.
    let at_stripe = stripe.api_base.as_str().starts_with(STRIPE_API);
    let mut config = StripeConfig::new(stripe.secret_key.clone(), stripe.api_base.clone());
    config.limits = config.limits.filter(|_| at_stripe);
    StripeGateway::new(&config).map_err(|error| StartupError::Other(Box::new(error)))
}

/// A service that is bound but not yet serving.
pub struct App {
    context: Arc<Context>,
    server: Arc<Server>,
    listener: TcpListener,
    address: SocketAddr,
    sweep_cron: String,
}

/// What an app does besides serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// The sweep on its schedule, and the outbox worker.
    On,
    /// Nothing: whoever runs it calls the workflows.
    Off,
}

impl App {
    /// Builds and binds.
    ///
    /// # Errors
    /// [`StartupError`].
    pub async fn build(config: &Config, clock: Arc<dyn Clock>, demo: bool) -> Result<Self, StartupError> {
        let stripe = config
            .stripe
            .as_ref()
            .ok_or_else(|| StartupError::Other("no Stripe configuration".into()))?;
        let context = build_context(config, stripe, clock).await?;
        let bind = |error| StartupError::Bind {
            address: config.listen,
            error,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let server = Arc::new(server(config, stripe, context.clone(), address, demo)?);
        Ok(Self {
            context,
            server,
            listener,
            address,
            sweep_cron: config.sweep_cron.clone(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The workflows' tools.
    pub fn context(&self) -> Arc<Context> {
        self.context.clone()
    }

    /// Serves until `stop`, then finishes what runs, for at most 20 s.
    ///
    /// # Errors
    /// [`StartupError`] where the schema cannot be brought up to date, or the schedule not be read.
    pub async fn run(self, stop: CancellationToken, background: Background) -> Result<(), StartupError> {
        let listener = self.listener.tap_io(|stream| {
            // Without it small answers wait for the peer's acknowledgement. It can fail only on a dead connection.
            let _ = stream.set_nodelay(true);
        });
        let router = http::router(self.server).into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, router)
            .with_graceful_shutdown(stop.clone().cancelled_owned())
            .into_future();
        let serving = tokio::spawn(serving);
        if !migrate_when_possible(self.context.store.as_ref(), &stop).await? {
            return Ok(());
        }
        let jobs = match background {
            Background::On => {
                let jobs = Jobs::start(self.context.clone(), &self.sweep_cron, stop.clone()).await;
                Some(jobs.map_err(|error| StartupError::Other(Box::new(error)))?)
            }
            Background::Off => None,
        };
        tracing::info!(address = %self.address, "serving on http://{}", self.address);
        stop.cancelled().await;
        let drained = tokio::time::timeout(DRAIN, async {
            let _ = serving.await;
            self.context.drain().await;
            if let Some(jobs) = jobs {
                jobs.end().await;
            }
        });
        match drained.await {
            Ok(()) => tracing::info!("stopped"),
            Err(_) => tracing::warn!("stopped with work unfinished; the next sweep takes it up"),
        }
        Ok(())
    }
}

/// Brings the schema up to date, waiting for a database that is away; requests are answered 503 meanwhile.
/// `false` where the order to stop came first.
async fn migrate_when_possible(store: &dyn Store, stop: &CancellationToken) -> Result<bool, StartupError> {
    loop {
        match store.migrate().await {
            Ok(()) => return Ok(true),
            Err(error @ StoreError::Unavailable(_)) => {
                tracing::warn!(error = %one_line(&error), "waiting for the database");
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

fn server(
    config: &Config,
    stripe: &Stripe,
    context: Arc<Context>,
    address: SocketAddr,
    demo: bool,
) -> Result<Server, StartupError> {
    let own = own_origins(address);
    let page = |path: &str| {
        format!(
            "{}{path}?hold={{HOLD_ID}}",
            own.first().map(String::as_str).unwrap_or_default()
        )
    };
    let parse = |origin: &String| url::Url::parse(origin).map(|url| url.origin());
    let own_origins: Result<Vec<_>, _> = own.iter().map(parse).collect();
    let own_origins = own_origins.map_err(|error| StartupError::Other(Box::new(error)))?;
    let allowed = config.allowed_origins.iter().map(url::Url::origin);
    let header = |url: &url::Url| HeaderValue::from_str(&url.origin().ascii_serialization()).ok();
    let openapi = http::description()
        .to_pretty_json()
        .map_err(|error| StartupError::Other(Box::new(error)))?;
    Ok(Server {
        context,
        admin_key: config.admin_key.clone(),
        webhook_secrets: stripe.webhook_secrets.clone(),
        cors_origins: config.allowed_origins.iter().filter_map(header).collect(),
        origins: allowed.chain(own_origins).collect(),
        success_url: config
            .success_url
            .clone()
            .unwrap_or_else(|| page("/checkout/done")),
        cancel_url: config
            .cancel_url
            .clone()
            .unwrap_or_else(|| page("/checkout/cancelled")),
        render_metrics: telemetry::metrics()?,
        demo,
        places: Semaphore::new(http::MAX_CHECKOUTS),
        rate_limiter: ClientRateLimiter::new(config.trusted_proxies.clone(), config.rate_limit),
        calendar_allow_private: config.calendar_allow_private,
        openapi,
    })
}

/// The origins under which our own pages are reached: the address we listen on, by number and, on this machine, by name.
fn own_origins(address: SocketAddr) -> Vec<String> {
    let by_number = format!("http://{address}");
    let by_name = format!("http://localhost:{}", address.port());
    match address.ip() {
        ip if ip.is_unspecified() => vec![by_name, format!("http://127.0.0.1:{}", address.port())],
        ip if ip.is_loopback() => vec![by_number, by_name],
        _ => vec![by_number],
    }
}
