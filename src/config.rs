//! The environment as checked types. Every fault is reported at once; a secret is never printed.
//!
//! `.env` is read by `main` before this; here only a lookup is asked, so that tests need no real environment.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use governor::Quota;
use ipnet::IpNet;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::gateway::stripe_config::{STRIPE_API, is_live_key};
use crate::telemetry::LogFormat;

mod limits;

/// Which database.
#[derive(Clone)]
pub enum Database {
    /// A file.
    Sqlite(String),
    /// A server; the URL may hold a password.
    Postgres(SecretString),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{path}"),
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

/// How to reach Stripe and know its voice.
#[derive(Clone, Debug)]
pub struct Stripe {
    /// `sk_…` or `rk_…`.
    pub secret_key: SecretString,
    /// `whsec_…`, several while one is rolled; never empty.
    pub webhook_secrets: Vec<SecretString>,
    /// Stripe's address, a proxy's, or a simulator's.
    pub api_base: Url,
}

impl Stripe {
    /// Whether the key moves real money.
    pub fn livemode(&self) -> bool {
        is_live_key(&self.secret_key)
    }
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`.
    pub database: Database,
    /// `STRIPE_…`; only where it was asked for.
    pub stripe: Option<Stripe>,
    /// `HOLDFAST_LISTEN`.
    pub listen: SocketAddr,
    /// `HOLDFAST_ADMIN_KEY`.
    pub admin_key: Option<SecretString>,
    /// `HOLDFAST_HOLD_TTL`.
    pub hold_ttl: Duration,
    /// `HOLDFAST_FULL_REFUND_FREES_SLOT`.
    pub full_refund_frees_slot: bool,
    /// `HOLDFAST_ASK_PROCESSING_AFTER`.
    pub ask_processing_after: Duration,
    /// `HOLDFAST_KEEP_EVENTS`.
    pub keep_events: Duration,
    /// `HOLDFAST_FORGET_AFTER`.
    pub forget_after: Duration,
    /// `HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST`.
    pub max_live_holds_per_guest: u32,
    /// `HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT`.
    pub max_live_holds_per_client: u32,
    /// `HOLDFAST_LAPSE_COOLDOWN`.
    pub lapse_cooldown: Duration,
    /// `HOLDFAST_RATE_LIMIT`.
    pub rate_limit: Quota,
    /// `HOLDFAST_TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<IpNet>,
    /// `HOLDFAST_CALENDAR_ALLOW_PRIVATE`.
    pub calendar_allow_private: bool,
    /// `HOLDFAST_SWEEP_CRON`.
    pub sweep_cron: String,
    /// `HOLDFAST_SUCCESS_URL`.
    pub success_url: Option<String>,
    /// `HOLDFAST_CANCEL_URL`.
    pub cancel_url: Option<String>,
    /// `HOLDFAST_ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<Url>,
    /// `HOLDFAST_LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `HOLDFAST_LOG`.
    pub log: String,
}

/// One thing wrong with the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Which variable.
    pub variable: &'static str,
    /// What is wrong with it; never its value, which may be a secret in the wrong place.
    pub detail: String,
}

/// All that is wrong with the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is not good:")?;
        for fault in &self.0 {
            write!(f, "\n  {} {}", fault.variable, fault.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Whether a command needs to talk to Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigScope {
    /// Only the database.
    Database,
    /// Stripe as well.
    Stripe,
}

/// Reads the configuration through `lookup`, such as `std::env::var`. An empty variable counts as absent.
///
/// # Errors
/// [`ConfigErrors`], all of them.
pub fn read(lookup: impl Fn(&str) -> Option<String>, needs: ConfigScope) -> Result<Config, ConfigErrors> {
    let mut reader = Reader {
        lookup,
        faults: Vec::new(),
    };
    let config = Config {
        database: reader.parsed("DATABASE_URL", "sqlite://holdfast.db", database),
        stripe: reader.stripe(needs),
        listen: reader.parsed("HOLDFAST_LISTEN", "127.0.0.1:8080", |text| {
            SocketAddr::from_str(text).map_err(|_| "must be an address and port, such as 127.0.0.1:8080")
        }),
        admin_key: reader.optional("HOLDFAST_ADMIN_KEY").map(SecretString::from),
        hold_ttl: reader.parsed("HOLDFAST_HOLD_TTL", "30m", hold_ttl),
        full_refund_frees_slot: reader.parsed("HOLDFAST_FULL_REFUND_FREES_SLOT", "true", |text| {
            text.parse().map_err(|_| "must be true or false")
        }),
        ask_processing_after: reader.parsed("HOLDFAST_ASK_PROCESSING_AFTER", "24h", period),
        keep_events: reader.parsed("HOLDFAST_KEEP_EVENTS", "30d", period),
        forget_after: reader.parsed("HOLDFAST_FORGET_AFTER", "90d", period),
        max_live_holds_per_guest: reader.parsed("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "3", count),
        max_live_holds_per_client: reader.parsed("HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT", "10", count),
        lapse_cooldown: reader.parsed("HOLDFAST_LAPSE_COOLDOWN", "15m", |text| {
            duration(text, Duration::ZERO..=Duration::from_hours(24))
                .ok_or("must be a duration from 0s to 24h, such as 15m")
        }),
        rate_limit: reader.parsed("HOLDFAST_RATE_LIMIT", "30/min", limits::rate),
        trusted_proxies: reader.parsed("HOLDFAST_TRUSTED_PROXIES", "", limits::proxies),
        calendar_allow_private: reader.parsed("HOLDFAST_CALENDAR_ALLOW_PRIVATE", "0", |text| match text {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err("must be 1 or 0"),
        }),
        sweep_cron: reader.parsed("HOLDFAST_SWEEP_CRON", "*/10 * * * * *", cron),
        success_url: reader.checked("HOLDFAST_SUCCESS_URL", page),
        cancel_url: reader.checked("HOLDFAST_CANCEL_URL", page),
        allowed_origins: reader.parsed("HOLDFAST_ALLOWED_ORIGINS", "", origins),
        log: reader.parsed("HOLDFAST_LOG", "info,tokio_cron_scheduler=warn", |text| {
            EnvFilter::try_new(text)
                .map(|_| text.to_owned())
                .map_err(|_| "must be a filter, such as info,sqlx=warn")
        }),
        log_format: reader.parsed("HOLDFAST_LOG_FORMAT", "text", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json"),
        }),
    };
    if reader.faults.is_empty() {
        Ok(config)
    } else {
        Err(ConfigErrors(reader.faults))
    }
}

struct Reader<L> {
    lookup: L,
    faults: Vec<ConfigError>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn fault(&mut self, variable: &'static str, detail: impl Into<String>) {
        self.faults.push(ConfigError {
            variable,
            detail: detail.into(),
        });
    }

    fn optional(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }

    /// The variable or its default. Where it is faulty the default stands in, and the fault is noted.
    fn parsed<T>(
        &mut self,
        variable: &'static str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> T {
        let given = self.optional(variable);
        match parse(given.as_deref().unwrap_or(default)) {
            Ok(value) => value,
            Err(detail) => {
                self.fault(variable, detail);
                parse(default).unwrap_or_else(|detail| unreachable!("the default of {variable} {detail}"))
            }
        }
    }

    fn checked(
        &mut self,
        variable: &'static str,
        check: fn(&str) -> Result<(), &'static str>,
    ) -> Option<String> {
        let text = self.optional(variable)?;
        if let Err(detail) = check(&text) {
            self.fault(variable, detail);
        }
        Some(text)
    }

    fn stripe(&mut self, needs: ConfigScope) -> Option<Stripe> {
        if needs == ConfigScope::Database {
            return None;
        }
        let key = self.required(
            "STRIPE_SECRET_KEY",
            "your secret key, from the Stripe dashboard under API keys",
        );
        if !(key.is_empty() || key.starts_with("sk_") || key.starts_with("rk_")) {
            self.fault(
                "STRIPE_SECRET_KEY",
                "must start with sk_ or rk_; a publishable key (pk_) is not enough",
            );
        }
        let secrets = self.required(
            "STRIPE_WEBHOOK_SECRET",
            "the signing secret of your webhook endpoint",
        );
        let secrets: Vec<&str> = secrets
            .split(',')
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .collect();
        if secrets.iter().any(|secret| !secret.starts_with("whsec_")) {
            self.fault(
                "STRIPE_WEBHOOK_SECRET",
                "must start with whsec_ (several, comma-separated, while rolling)",
            );
        }
        let api_base = self.parsed("STRIPE_API_BASE", STRIPE_API, api_base);
        let secret_key = SecretString::from(key);
        if is_live_key(&secret_key) && api_base.scheme() != "https" {
            self.fault("STRIPE_API_BASE", "must be https with a live key");
        }
        Some(Stripe {
            webhook_secrets: secrets.into_iter().map(SecretString::from).collect(),
            secret_key,
            api_base,
        })
    }

    fn required(&mut self, variable: &'static str, what: &str) -> String {
        self.optional(variable).unwrap_or_else(|| {
            self.fault(variable, format!("is missing: {what}"));
            String::new()
        })
    }
}

fn database(text: &str) -> Result<Database, &'static str> {
    if let Some(path) = text.strip_prefix("sqlite://") {
        let good = !path.is_empty() && path != ":memory:" && !path.contains('?');
        return good
            .then(|| Database::Sqlite(path.to_owned()))
            .ok_or("must name a file: sqlite://PATH");
    }
    let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let good = known && Url::parse(text).is_ok();
    good.then(|| Database::Postgres(text.into()))
        .ok_or("must be sqlite://PATH or postgres://USER@HOST/NAME")
}

fn hold_ttl(text: &str) -> Result<Duration, &'static str> {
    let range = Duration::from_secs(1)..=Duration::from_hours(23);
    duration(text, range).ok_or("must be a duration from 1s to 23h, such as 30m")
}

/// How long the sweep lets something be. At least a minute, because it comes by more often than it can be meant to act.
fn period(text: &str) -> Result<Duration, &'static str> {
    let range = Duration::from_mins(1)..=Duration::from_hours(3650 * 24);
    duration(text, range).ok_or("must be a duration from 1m to 3650d, such as 30d")
}

fn duration(text: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
    humantime::parse_duration(text)
        .ok()
        .filter(|given| range.contains(given))
}

fn count(text: &str) -> Result<u32, &'static str> {
    let count = text.parse().ok().filter(|count| (1..=1_000_000).contains(count));
    count.ok_or("must be a number from 1 to 1000000")
}

fn cron(text: &str) -> Result<String, &'static str> {
    let detail = "must be a schedule of six fields, seconds first, such as */10 * * * * *";
    if text.split_whitespace().count() != 6 {
        return Err(detail);
    }
    tokio_cron_scheduler::Job::new(text, |_, _| {})
        .map(|_| text.to_owned())
        .map_err(|_| detail)
}

fn page(text: &str) -> Result<(), &'static str> {
    let good = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if good {
        Ok(())
    } else {
        Err("must be an absolute http or https URL")
    }
}

fn origins(text: &str) -> Result<Vec<Url>, &'static str> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(origin)
        .collect::<Option<Vec<_>>>()
        .ok_or("must be origins, comma-separated: https://shop.example")
}

fn origin(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (matches!(url.scheme(), "http" | "https") && bare).then_some(url)
}

fn api_base(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or("must be an absolute http or https URL")
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
