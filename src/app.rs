//! Wires everything together: builds it from the configuration, binds the address, serves, and shuts down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, StripeSettings};
use crate::domain::hold::HoldPolicy;
use crate::domain::hold_limit::MostUnpaidHolds;
use crate::domain::time::Clock;
use crate::domain::token::ConfiguredTokenKeys;
use crate::gateway::client::StripeGateway;
use crate::gateway::stripe_config::{StripeConfig, StripeRateLimits, is_real_stripe};
use crate::http::client_address::TrustedProxies;
use crate::http::rate_limit::ClientRateLimiter;
use crate::http::{self, Server};
use crate::jobs::Jobs;
pub use crate::store::postgres::DatabaseTransport;
pub use crate::store::sqlite::{BackupError, back_up};
use crate::store::{Store, StoreError};
use crate::telemetry;
use crate::workflow::{Context, LimitSettings, Settings, WorkflowError, format_error_chain};

mod database;
mod key_mode;
mod listeners;
mod own_origins;

pub use self::database::{find_transport, open_existing_store, open_store};
pub use self::key_mode::WrongModeError;
use self::key_mode::find_other_mode_work;
use self::listeners::Listeners;
pub use self::listeners::{BindError, raise_file_limit};
use self::own_origins::list_own_origins;

/// How long running requests and jobs may take after the signal to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the service prepares before it answers requests, also if the database is unavailable.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause between two tries to reach a database that is unavailable at the start.
const CONNECT_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The database responds, but cannot be used.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The database has work left that only a key of Stripe's other mode can finish.
    #[error(transparent)]
    WrongMode(#[from] WrongModeError),
    /// Any other error that prevents the start.
    #[error("cannot start")]
    Other(#[from] Box<dyn std::error::Error + Send + Sync>),
}

/// Refuses a key of the one mode of Stripe while work of the other mode is left: its sessions, payments and bookings
/// exist only there. Finished work is no obstacle.
///
/// # Errors
/// [`StartupError::WrongMode`] if work of the other mode is left; [`StartupError::Other`] if it cannot be counted.
pub async fn check_mode(context: &Context) -> Result<(), StartupError> {
    let found = find_other_mode_work(context).await;
    match found.map_err(|error| StartupError::Other(Box::new(error)))? {
        None => Ok(()),
        Some(wrong) => Err(wrong.into()),
    }
}

/// Builds what the workflows need: gateway, clock, token keys and settings, beside the store.
///
/// # Errors
/// [`StartupError`] if the gateway cannot be built.
pub fn build_context(
    store: Arc<dyn Store>,
    config: &Config,
    stripe: &StripeSettings,
    clock: Arc<dyn Clock>,
) -> Result<Arc<Context>, StartupError> {
    let settings = workflow_settings(config, stripe).map_err(|error| StartupError::Other(error.into()))?;
    let listed = config.token_secrets.iter().map(ExposeSecret::expose_secret);
    let token_keys = ConfiguredTokenKeys::new(listed, stripe.secret_key.expose_secret());
    Ok(Context::new(
        store,
        Arc::new(build_gateway(stripe)?),
        clock,
        token_keys,
        settings,
    ))
}

fn workflow_settings(config: &Config, stripe: &StripeSettings) -> Result<Settings, chrono::OutOfRangeError> {
    Ok(Settings {
        hold_ttl: chrono::Duration::from_std(config.hold_ttl)?,
        ask_processing_after: chrono::Duration::from_std(config.ask_processing_after)?,
        keep_events: chrono::Duration::from_std(config.keep_events)?,
        forget_after: chrono::Duration::from_std(config.forget_after)?,
        keep_released: chrono::Duration::from_std(config.keep_released)?,
        limits: LimitSettings {
            most: MostUnpaidHolds {
                per_guest: config.max_live_holds.per_guest,
                per_email: config.max_live_holds.per_email,
                per_client: config.max_live_holds.per_client,
                per_network: config.max_live_holds.per_network,
            },
            lapse_cooldown: config.lapse_cooldown,
        },
        policy: HoldPolicy {
            full_refund_frees_slot: config.full_refund_frees_slot,
        },
        calendar_allow_private: config.calendar_allow_private,
        livemode: stripe.is_live(),
        zones: config.zones.clone(),
        timezone: config.timezone.clone(),
        ..Settings::default()
    })
}

/// Builds the Stripe gateway from the configuration. It does not connect yet.
///
/// # Errors
/// [`StartupError::Other`] if the configuration cannot work.
pub fn build_gateway(stripe: &StripeSettings) -> Result<StripeGateway, StartupError> {
    // The built-in request limits are those of the real Stripe. A simulator or a proxy has its own.
    let is_real_stripe = is_real_stripe(&stripe.api_base);
    let mut config = StripeConfig::new(stripe.secret_key.clone(), stripe.api_base.clone());
    config.limits = config.limits.filter(|_| is_real_stripe);
    StripeGateway::new(&config).map_err(|error| StartupError::Other(Box::new(error)))
}

/// A service that has its addresses, but does not serve yet.
pub struct App {
    context: Arc<Context>,
    server: Arc<Server>,
    listeners: Listeners,
    /// Routes that are served beside the service's own.
    more_routes: Router,
    sweep_cron: String,
}

/// What a service does besides serving requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// The service runs the sweep, the outbox worker and the feed reader.
    On,
    /// The service runs nothing; tests call the workflows themselves.
    Off,
}

impl App {
    /// Builds the service and binds its address.
    ///
    /// # Errors
    /// [`StartupError`] if the address or the database cannot be used.
    pub async fn build(config: &Config, clock: Arc<dyn Clock>, demo: bool) -> Result<Self, StartupError> {
        let stripe = config
            .stripe
            .as_ref()
            .ok_or_else(|| StartupError::Other("no Stripe configuration".into()))?;
        let store = open_store(&config.database).await?;
        let context = build_context(store, config, stripe, clock)?;
        let listeners = Listeners::bind(config).await?;
        let server = Arc::new(build_server(
            config,
            stripe,
            context.clone(),
            listeners.address(),
            demo,
        )?);
        telemetry::show_settings(&config.zones, config.max_connections);
        Ok(Self {
            context,
            server,
            listeners,
            more_routes: Router::new(),
            sweep_cron: config.sweep_cron.clone(),
        })
    }

    /// Serves these routes too, on the public address.
    #[must_use]
    pub fn with_routes(self, more_routes: Router) -> Self {
        Self { more_routes, ..self }
    }

    /// Returns the address that the service listens on.
    pub fn address(&self) -> SocketAddr {
        self.listeners.address()
    }

    /// Returns the address of the operators' routes, if they have one of their own.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.listeners.admin_address()
    }

    /// Returns what the workflows need, so that tests can call them.
    pub fn context(&self) -> Arc<Context> {
        self.context.clone()
    }

    /// Serves until `stop` is cancelled, then finishes running work within 20 s.
    ///
    /// # Errors
    /// [`StartupError`] if the schema cannot be migrated, the key does not fit the database, or the sweep's schedule is
    /// not valid.
    pub async fn serve(self, stop: CancellationToken, background: Background) -> Result<(), StartupError> {
        let mut preparing = std::pin::pin!(prepare_when_available(&self.context, &stop));
        // If the database is there, no request is refused because the service is starting.
        let is_prepared = match tokio::time::timeout(PREPARE_TIMEOUT, &mut preparing).await {
            Ok(Ok(true)) => true,
            Ok(result) => return result.map(drop),
            Err(_) => false,
        };
        if is_prepared {
            self.server.open();
        }
        let (address, admin_address) = (self.address(), self.admin_address());
        let server = self.server.clone();
        let serving = self.listeners.serve(self.server.clone(), self.more_routes, &stop);
        tokio::spawn(telemetry::drain_observations(stop.clone()));
        if !is_prepared {
            if !preparing.await? {
                return Ok(());
            }
            self.server.open();
        }
        // Only after the migration, because the jobs need the schema.
        let jobs = match background {
            Background::On => {
                let (context, render) = (self.context.clone(), http::render_event);
                let jobs = Jobs::start(context, &self.sweep_cron, render, stop.clone()).await;
                Some(jobs.map_err(|error| StartupError::Other(Box::new(error)))?)
            }
            Background::Off => None,
        };
        tracing::info!(%address, "serving on http://{address}");
        if let Some(admin) = admin_address {
            tracing::info!(address = %admin, "operators' routes and metrics on http://{admin}");
        }
        stop.cancelled().await;
        server.stopping.cancel();
        let drained = tokio::time::timeout(DRAIN_TIMEOUT, async {
            for server in serving {
                let _ = server.await;
            }
            self.context.drain().await;
            if let Some(jobs) = jobs {
                jobs.shut_down().await;
            }
        });
        match drained.await {
            Ok(()) => tracing::info!("stopped"),
            Err(_) => tracing::warn!("stopped with unfinished work; the next sweep continues it"),
        }
        Ok(())
    }
}

/// Migrates the schema, checks the key's mode and stores the token key, and waits while the database is unavailable;
/// requests get 503 meanwhile. Returns `false` if the signal to stop came first.
async fn prepare_when_available(context: &Context, stop: &CancellationToken) -> Result<bool, StartupError> {
    loop {
        // A migration may wait for minutes for a lock.
        let prepared = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            prepared = prepare(context) => prepared,
        };
        match prepared {
            Ok(()) => return Ok(true),
            Err(error) if is_unavailable(&error) => {
                tracing::warn!(error = %format_error_chain(&error), "waiting for the database");
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(CONNECT_RETRY_PAUSE) => {}
        }
    }
}

async fn prepare(context: &Context) -> Result<(), StartupError> {
    context.store.migrate().await?;
    check_mode(context).await?;
    // Now, while the key from which earlier versions derived it is known to be the one that they use.
    context.load_token_keys().await?;
    Ok(())
}

fn is_unavailable(error: &StartupError) -> bool {
    match error {
        StartupError::Store(StoreError::Unavailable(_)) => true,
        StartupError::Other(error) => {
            matches!(
                error.downcast_ref(),
                Some(WorkflowError::Store(StoreError::Unavailable(_)))
            )
        }
        _ => false,
    }
}

fn build_server(
    config: &Config,
    stripe: &StripeSettings,
    context: Arc<Context>,
    address: SocketAddr,
    demo: bool,
) -> Result<Server, StartupError> {
    let own = list_own_origins(config.public_url.as_ref(), address);
    let own_page = |path: &str| {
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
    let checks_per_second = StripeRateLimits::of_mode(stripe.is_live()).quarter();
    let api = http::describe_api();
    let openapi = api
        .to_pretty_json()
        .map_err(|error| StartupError::Other(Box::new(error)))?;
    Ok(Server {
        context,
        admin_key: config.admin_key.clone(),
        webhook_secrets: stripe.webhook_secrets.clone(),
        cors_origins: config.allowed_origins.iter().filter_map(header).collect(),
        return_origins: allowed.chain(own_origins).collect(),
        stripe_js: stripe.stripe_js.clone(),
        success_url: config
            .success_url
            .clone()
            .unwrap_or_else(|| own_page("/checkout/done")),
        cancel_url: config
            .cancel_url
            .clone()
            .unwrap_or_else(|| own_page("/checkout/cancelled")),
        database_readings: http::DatabaseReadings::default(),
        render_metrics: telemetry::install_metrics()?,
        console_streams: http::ConsoleStreams::default(),
        slot_streams: http::SlotStreams::new(config.max_connections),
        is_real_stripe: is_real_stripe(&stripe.api_base),
        stopping: CancellationToken::new(),
        is_open: AtomicBool::new(false),
        demo,
        checkout_capacity: Semaphore::new(http::MAX_CHECKOUTS),
        response_space: http::ResponseSpace::default(),
        key_lookups: Semaphore::new(http::MAX_KEY_LOOKUPS),
        session_lookups: Semaphore::new(http::MAX_SESSION_LOOKUPS),
        trusted_proxies: TrustedProxies::new(config.trusted_proxies.clone()),
        rate_limiter: ClientRateLimiter::new(config.rate_limit, config.read_limit, checks_per_second),
        calendar_allow_private: config.calendar_allow_private,
        operations: http::OperationNames::new(&api),
        openapi,
    })
}
