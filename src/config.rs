//! Reads the environment into checked types. It reports every error at once, and never prints a secret.
//!
//! `main` finds the variables of the process and of `.env`. This file only calls a lookup function, so that tests need no
//! real environment.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use governor::Quota;
use ipnet::IpNet;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use url::Url;

use self::durations::{check_cron, parse_cooldown, parse_hold_ttl, parse_long_period, parse_period};
use self::operators::parse_switch;
use self::stripe::{check_publishable_key, find_stripe_js};
use self::urls::{check_page_url, parse_api_base, parse_origins};
use crate::domain::zone::{ZoneDatabase, ZoneName};
use crate::gateway::stripe_config::{STRIPE_API, is_live_key};
use crate::telemetry::LogFormat;

mod database;
mod durations;
mod env_file;
mod environment;
mod hold_limits;
mod operators;
mod rate_limit;
mod secrets;
mod stripe;
mod time_zones;
mod urls;

pub use database::Database;
pub use env_file::EnvFileFault;
pub use environment::{EnvFileError, Environment, UnknownVariable};
pub use hold_limits::MaxLiveHolds;
use hold_limits::parse_count;
pub use stripe::{SIMULATOR_PUBLISHABLE_KEY, StripeSettings};

/// Holds the whole configuration of a command.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`: where the database is.
    pub database: Database,
    /// `STRIPE_…`: how to call Stripe. `None` if the command does not need Stripe.
    pub stripe: Option<StripeSettings>,
    /// `HOLDFAST_LISTEN`: the address to serve on.
    pub listen: SocketAddr,
    /// `HOLDFAST_PUBLIC_URL`: the address at which guests reach the service, if not the same.
    pub public_url: Option<Url>,
    /// `HOLDFAST_ADMIN_LISTEN`: the address that serves the operators' routes and the metrics, if not the same.
    pub admin_listen: Option<SocketAddr>,
    /// `HOLDFAST_ADMIN_KEY`: the key named `bootstrap`.
    pub admin_key: Option<SecretString>,
    /// `HOLDFAST_TOKEN_SECRET`: secrets beside the stored one; the first signs tokens, all verify them.
    pub token_secrets: Vec<SecretString>,
    /// `HOLDFAST_HOLD_TTL`: how long a guest has to pay.
    pub hold_ttl: Duration,
    /// `HOLDFAST_FULL_REFUND_FREES_SLOT`: whether a full refund at Stripe cancels the hold.
    pub full_refund_frees_slot: bool,
    /// `HOLDFAST_ASK_PROCESSING_AFTER`: how long to wait for a delayed payment before asking Stripe.
    pub ask_processing_after: Duration,
    /// `HOLDFAST_KEEP_EVENTS`: how long to keep the bodies of webhooks.
    pub keep_events: Duration,
    /// `HOLDFAST_FORGET_AFTER`: how long after the end of a released or cancelled hold to delete its guest's name and
    /// e-mail, and the hold's metadata.
    pub forget_after: Duration,
    /// `HOLDFAST_KEEP_RELEASED`: how long after its end to delete a released hold that never had money.
    pub keep_released: Duration,
    /// `HOLDFAST_MAX_LIVE_HOLDS_PER_…`: the most unpaid holds.
    pub max_live_holds: MaxLiveHolds,
    /// `HOLDFAST_LAPSE_COOLDOWN`: how long a client waits whose last five holds all lapsed unpaid.
    pub lapse_cooldown: Duration,
    /// `HOLDFAST_RATE_LIMIT`: the most requests of one client address.
    pub rate_limit: Quota,
    /// `HOLDFAST_READ_LIMIT`: the most public reads of one client address.
    pub read_limit: Quota,
    /// `HOLDFAST_MAX_CONNECTIONS`: the most connections at once.
    pub max_connections: u32,
    /// `HOLDFAST_TRUSTED_PROXIES`: the proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `HOLDFAST_CALENDAR_ALLOW_PRIVATE`: whether calendar feeds may have private addresses.
    pub calendar_allow_private: bool,
    /// `HOLDFAST_SWEEP_CRON`: the schedule of the sweep.
    pub sweep_cron: String,
    /// `HOLDFAST_SUCCESS_URL`: the page for guests who paid.
    pub success_url: Option<String>,
    /// `HOLDFAST_CANCEL_URL`: the page for guests who turned back.
    pub cancel_url: Option<String>,
    /// `HOLDFAST_ALLOWED_ORIGINS`: the origins of the shop's pages.
    pub allowed_origins: Vec<Url>,
    /// `HOLDFAST_TZDIR`: the rules of all time zones, from this directory or the system's if those are newer than the
    /// linked ones.
    pub zones: Arc<ZoneDatabase>,
    /// `HOLDFAST_TIMEZONE`: the zone of the shop's days; one that `zones` has.
    pub timezone: ZoneName,
    /// `HOLDFAST_LOG_FORMAT`: text or JSON.
    pub log_format: LogFormat,
    /// `HOLDFAST_LOG`: the filter of the log.
    pub log: String,
    /// The variables with our prefix that have no effect.
    pub unknown_variables: Vec<UnknownVariable>,
}

/// One error in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The name of the variable.
    pub variable: &'static str,
    /// What is wrong with the variable. It never repeats the value, which may be a secret in the wrong variable.
    pub detail: String,
}

/// All errors in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is not valid:")?;
        for error in &self.0 {
            write!(f, "\n  {} {}", error.variable, error.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// How much of the configuration a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigScope {
    /// The command needs only the database.
    Database,
    /// The command needs Stripe as well.
    Stripe,
}

/// Reads the configuration of a command from its variables, and finds the variables that have no effect.
///
/// # Errors
/// [`ConfigErrors`], with every error.
pub fn load_environment(environment: &Environment, scope: ConfigScope) -> Result<Config, ConfigErrors> {
    let config = load_config(|name| environment.find(name), scope)?;
    Ok(Config {
        unknown_variables: environment.list_unknown(),
        ..config
    })
}

/// Reads the configuration through `lookup`, such as [`Environment::find`]. An empty variable counts as absent, except for
/// `DATABASE_URL` and `DATABASE_URL_FILE`.
///
/// # Errors
/// [`ConfigErrors`], with every error.
pub fn load_config<V: Into<OsString>>(
    lookup: impl Fn(&str) -> Option<V>,
    scope: ConfigScope,
) -> Result<Config, ConfigErrors> {
    let lookup = |name: &str| lookup(name).map(Into::into);
    let mut reader = ConfigReader {
        lookup,
        errors: Vec::new(),
    };
    let forget_after = reader.parse_or_default("HOLDFAST_FORGET_AFTER", "90d", parse_period);
    let zones = reader.parse_or_default("HOLDFAST_TZDIR", "", time_zones::load_zones);
    let config = Config {
        database: reader.parse_or_default("DATABASE_URL", "sqlite://holdfast.db", database::parse_database),
        stripe: reader.parse_stripe(scope),
        listen: reader.parse_or_default("HOLDFAST_LISTEN", "127.0.0.1:8080", operators::parse_address),
        public_url: reader.parse_or_default("HOLDFAST_PUBLIC_URL", "", urls::parse_public_url),
        admin_listen: reader.parse_or_default("HOLDFAST_ADMIN_LISTEN", "", operators::parse_optional_address),
        admin_key: reader
            .find_checked("HOLDFAST_ADMIN_KEY", operators::check_admin_key)
            .map(SecretString::from),
        token_secrets: reader.parse_or_default("HOLDFAST_TOKEN_SECRET", "", secrets::parse_token_secrets),
        hold_ttl: reader.parse_or_default("HOLDFAST_HOLD_TTL", "30m", parse_hold_ttl),
        full_refund_frees_slot: reader.parse_or_default("HOLDFAST_FULL_REFUND_FREES_SLOT", "true", |text| {
            text.parse().map_err(|_| "must be true or false")
        }),
        ask_processing_after: reader.parse_or_default("HOLDFAST_ASK_PROCESSING_AFTER", "24h", parse_period),
        keep_events: reader.parse_or_default("HOLDFAST_KEEP_EVENTS", "30d", parse_period),
        forget_after,
        keep_released: reader.parse_keep_released(forget_after),
        max_live_holds: reader.parse_max_live_holds(),
        lapse_cooldown: reader.parse_or_default("HOLDFAST_LAPSE_COOLDOWN", "15m", parse_cooldown),
        rate_limit: reader.parse_or_default("HOLDFAST_RATE_LIMIT", "30/min", rate_limit::parse_rate),
        read_limit: reader.parse_or_default("HOLDFAST_READ_LIMIT", "300/min", rate_limit::parse_rate),
        max_connections: reader.parse_or_default(
            "HOLDFAST_MAX_CONNECTIONS",
            "2000",
            rate_limit::parse_max_connections,
        ),
        trusted_proxies: reader.parse_or_default("HOLDFAST_TRUSTED_PROXIES", "", rate_limit::parse_proxies),
        calendar_allow_private: reader.parse_or_default("HOLDFAST_CALENDAR_ALLOW_PRIVATE", "0", parse_switch),
        sweep_cron: reader.parse_or_default("HOLDFAST_SWEEP_CRON", "*/10 * * * * *", check_cron),
        success_url: reader.find_checked("HOLDFAST_SUCCESS_URL", check_page_url),
        cancel_url: reader.find_checked("HOLDFAST_CANCEL_URL", check_page_url),
        allowed_origins: reader.parse_or_default("HOLDFAST_ALLOWED_ORIGINS", "", parse_origins),
        timezone: reader.parse_or_default("HOLDFAST_TIMEZONE", "UTC", |name| {
            time_zones::parse_zone(name, &zones)
        }),
        zones,
        log: reader.parse_or_default("HOLDFAST_LOG", "info,tokio_cron_scheduler=warn", |text| {
            EnvFilter::try_new(text)
                .map(|_| text.to_owned())
                .map_err(|_| "must be a log filter, such as info,sqlx=warn")
        }),
        log_format: reader.parse_or_default("HOLDFAST_LOG_FORMAT", "text", |text| {
            LogFormat::parse(text).ok_or("must be text or json")
        }),
        unknown_variables: Vec::new(),
    };
    if reader.errors.is_empty() {
        Ok(config)
    } else {
        Err(ConfigErrors(reader.errors))
    }
}

/// Refuses a value of several lines, and one with characters that nobody sees.
fn refuse_control_characters(value: Option<String>) -> Result<Option<String>, String> {
    if value.as_ref().is_some_and(|text| text.contains(char::is_control)) {
        return Err("has a line break or another control character inside".to_owned());
    }
    Ok(value)
}

struct ConfigReader<L> {
    lookup: L,
    errors: Vec<ConfigError>,
}

impl<L: Fn(&str) -> Option<OsString>> ConfigReader<L> {
    /// Reads how many unpaid holds are allowed. A limit that counts more together is by default not below one that counts
    /// less: who raises the limit for a guest or a client need not raise a second one.
    fn parse_max_live_holds(&mut self) -> MaxLiveHolds {
        const PER_EMAIL: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_EMAIL";
        let per_guest = self.parse_or_default("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "3", parse_count);
        let per_client = self.parse_or_default("HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT", "10", parse_count);
        let (email, network) = (per_guest.max(10).to_string(), per_client.max(60).to_string());
        let most = MaxLiveHolds {
            per_guest,
            per_email: self.parse_or_default(PER_EMAIL, &email, parse_count),
            per_client,
            per_network: self.parse_or_default("HOLDFAST_MAX_LIVE_HOLDS_PER_NETWORK", &network, parse_count),
        };
        if let Some(fault) = most.find_email_fault() {
            self.add_error(PER_EMAIL, fault);
        }
        most
    }

    fn add_error(&mut self, variable: &'static str, detail: impl Into<String>) {
        self.errors.push(ConfigError {
            variable,
            detail: detail.into(),
        });
    }

    /// Finds the value of a variable; what is empty counts as absent. Only an empty address of the database is a fault:
    /// somebody meant to set it, and the default would be a new file without bookings.
    fn find(&mut self, variable: &'static str) -> Option<String> {
        let look_up = |name: &str| {
            let text = (self.lookup)(name).map(OsString::into_string).transpose();
            let text = text
                .map_err(|_| secrets::NotUtf8)?
                .map(|text| text.trim().to_owned());
            Ok(text.filter(|text| !text.is_empty() || name.starts_with("DATABASE_URL")))
        };
        let value = secrets::find_value(variable, look_up).and_then(refuse_control_characters);
        value.unwrap_or_else(|detail| {
            self.add_error(variable, detail);
            None
        })
    }

    /// Parses the variable, or its default if it is absent. If it is not valid, adds an error and returns the default,
    /// so that the other variables are checked as well.
    fn parse_or_default<T>(
        &mut self,
        variable: &'static str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> T {
        let given = self.find(variable);
        match parse(given.as_deref().unwrap_or(default)) {
            Ok(value) => value,
            Err(detail) => {
                self.add_error(variable, detail);
                parse(default).unwrap_or_else(|detail| unreachable!("the default of {variable} {detail}"))
            }
        }
    }

    /// Parses how long released holds are kept: at least `forget_after`, because the sweep erases a hold's guest before it
    /// deletes the hold.
    fn parse_keep_released(&mut self, forget_after: Duration) -> Duration {
        let variable = "HOLDFAST_KEEP_RELEASED";
        let kept = self.parse_or_default(variable, "400d", parse_long_period);
        if kept < forget_after && self.find(variable).is_some() {
            self.add_error(variable, "must be at least HOLDFAST_FORGET_AFTER");
        }
        kept.max(forget_after)
    }

    fn find_checked(
        &mut self,
        variable: &'static str,
        check: fn(&str) -> Result<(), &'static str>,
    ) -> Option<String> {
        let text = self.find(variable)?;
        if let Err(detail) = check(&text) {
            self.add_error(variable, detail);
        }
        Some(text)
    }

    fn parse_stripe(&mut self, scope: ConfigScope) -> Option<StripeSettings> {
        if scope == ConfigScope::Database {
            return None;
        }
        let key = self.require(
            "STRIPE_SECRET_KEY",
            "your secret key, from the Stripe dashboard under API keys",
        );
        if !(key.is_empty() || key.starts_with("sk_") || key.starts_with("rk_")) {
            self.add_error(
                "STRIPE_SECRET_KEY",
                "must start with sk_ or rk_; a publishable key (pk_) is not enough",
            );
        }
        let secrets = self.require(
            "STRIPE_WEBHOOK_SECRET",
            "the signing secret of your webhook endpoint",
        );
        let secrets: Vec<&str> = secrets
            .split(',')
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .collect();
        if secrets.iter().any(|secret| !secret.starts_with("whsec_")) {
            self.add_error(
                "STRIPE_WEBHOOK_SECRET",
                "must start with whsec_ (several, comma-separated, while rolling)",
            );
        }
        let api_base = self.parse_or_default("STRIPE_API_BASE", STRIPE_API, parse_api_base);
        let secret_key = SecretString::from(key);
        if is_live_key(&secret_key) && api_base.scheme() != "https" {
            self.add_error("STRIPE_API_BASE", "must be https with a live key");
        }
        let publishable_key = self.find("STRIPE_PUBLISHABLE_KEY");
        if let Some(key) = &publishable_key
            && let Err(detail) = check_publishable_key(key, is_live_key(&secret_key))
        {
            self.add_error("STRIPE_PUBLISHABLE_KEY", detail);
        }
        Some(StripeSettings {
            webhook_secrets: secrets.into_iter().map(SecretString::from).collect(),
            stripe_js: publishable_key.and_then(|key| find_stripe_js(key, &api_base)),
            secret_key,
            api_base,
        })
    }

    fn require(&mut self, variable: &'static str, what: &str) -> String {
        let errors = self.errors.len();
        let found = self.find(variable);
        // A file that cannot be read is an error already.
        if found.is_none() && self.errors.len() == errors {
            self.add_error(variable, format!("is missing: {what}"));
        }
        found.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
