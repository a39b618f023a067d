//! Sets up logs and metrics. They contain no secrets and no guest's data (I9), because the types that hold
//! these do not print.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::domain::figures::FigureCounts;
use crate::domain::zone::ZoneDatabase;
use crate::http::RenderMetrics;

mod counters_from_zero;
mod log_writer;

use counters_from_zero::start_counters;
use log_writer::{LineWriter, count_lost_lines};

pub use log_writer::finish_logs;

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Writes lines for people to read.
    Text,
    /// Writes JSON for programs to read.
    Json,
}

impl LogFormat {
    /// Parses the name of a format.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Starts logging to standard error. A second call changes nothing. [`finish_logs`] writes the last lines.
pub fn init_logs(filter: EnvFilter, format: LogFormat) {
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(LineWriter::new);
    // An error means that logging was started before.
    let _ = match format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
}

/// The pause between two times at which the observations of histograms are summed up.
const DRAIN_PAUSE: Duration = Duration::from_secs(5);

/// The recorder of this process, once it is installed.
static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

fn lock_handle() -> MutexGuard<'static, Option<PrometheusHandle>> {
    HANDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Installs the metrics of this process at the first call, and returns a function that renders them.
///
/// # Errors
/// Fails if another recorder was installed before.
pub fn install_metrics() -> Result<RenderMetrics, Box<dyn std::error::Error + Send + Sync>> {
    // Locked while installing, so that two services that start at once in one process share one recorder.
    let mut installed = lock_handle();
    let handle = match installed.as_ref() {
        Some(handle) => handle.clone(),
        None => installed.insert(install_recorder()?).clone(),
    };
    drop(installed);
    Ok(Arc::new(move |figures| {
        figures.map(set_gauges).unwrap_or_default();
        gauge!("holdfast_store_up").set(if figures.is_some() { 1.0 } else { 0.0 });
        counter!("holdfast_log_lines_lost_total").absolute(count_lost_lines());
        handle.run_upkeep();
        handle.render()
    }))
}

/// Sums up what histograms have observed, every few seconds until `stop`. Rendering does it too; but a process that nobody
/// scrapes would keep each observation.
pub async fn drain_observations(stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(DRAIN_PAUSE) => {}
        }
        if let Some(handle) = lock_handle().as_ref() {
            handle.run_upkeep();
        }
    }
}

/// Logs which rules of time zones this process follows, and shows them and its limit on connections in the metrics.
pub fn show_settings(zones: &ZoneDatabase, max_connections: u32) {
    gauge!("holdfast_max_connections").set(f64::from(max_connections));
    let (version, source) = (zones.version().to_owned(), zones.source().to_string());
    tracing::info!(version, source, "time zone rules");
    gauge!("holdfast_time_zones_info", "version" => version, "source" => source).set(1.0);
}

fn install_recorder() -> Result<PrometheusHandle, Box<dyn std::error::Error + Send + Sync>> {
    let seconds = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)?
        .install_recorder()?;
    describe_counters();
    describe_calls();
    describe_gauges();
    describe_event_gauges();
    describe_load_metrics();
    start_counters();
    Ok(handle)
}

/// Describes what the bounds on load do.
fn describe_load_metrics() {
    describe_counter!(
        "holdfast_requests_refused_total",
        "requests refused because of a limit, by code: rate_limited, too_many_holds, too_busy"
    );
    describe_counter!(
        "holdfast_connections_closed_total",
        "connections that were closed, by reason: too_many, idle, slow_header, slow_rest"
    );
    describe_counter!(
        "holdfast_log_lines_lost_total",
        "log lines that were lost because nothing read the log fast enough"
    );
    describe_gauge!("holdfast_connections", "open connections");
    describe_gauge!(
        "holdfast_max_connections",
        "the most connections that this instance serves at once"
    );
}

fn describe_counters() {
    describe_counter!(
        "holdfast_checkouts_total",
        "checkouts by outcome: placed, lost, stripe_failed, stripe_refused"
    );
    describe_counter!(
        "holdfast_checkouts_refused_total",
        "checkouts that Stripe refused, by its code: the shop must change something"
    );
    describe_counter!(
        "holdfast_transitions_total",
        "transitions of holds, by the new status: placings too, notes not"
    );
    describe_counter!("holdfast_webhooks_total", "webhook deliveries by outcome");
    describe_counter!(
        "holdfast_auth_failures_total",
        "requests with a wrong, revoked or expired access key"
    );
    describe_counter!(
        "holdfast_commands_total",
        "commands for Stripe by outcome: done, deferred, failed"
    );
    describe_counter!(
        "holdfast_calendar_feeds_total",
        "calendar feeds read, by outcome: read, partial, failed"
    );
    describe_counter!(
        "holdfast_event_deliveries_total",
        "attempts to send an event to an endpoint, by what follows: done, again, failed, gone"
    );
    describe_counter!("holdfast_sweeps_total", "sweeps that ran to their end");
    describe_counter!(
        "holdfast_worker_restarts_total",
        "background workers that panicked and were started again: a bug"
    );
    describe_counter!(
        "holdfast_payments_without_slot_total",
        "payments without a hold to confirm: an operator must look at each"
    );
    describe_counter!(
        "holdfast_sessions_unknown_total",
        "answers of Stripe that it does not know a session or payment of this store: an operator must check the key"
    );
    describe_counter!(
        "holdfast_unknown_statuses_total",
        "reports of refunds and disputes with a status that this version does not know, by object: refund, dispute"
    );
    describe_counter!(
        "holdfast_stripe_retries_total",
        "calls to Stripe that were retried"
    );
    describe_counter!(
        "holdfast_store_groups_failed_total",
        "groups of calls to the database that failed or took too long, so that each call ran alone"
    );
    describe_counter!(
        "holdfast_store_retries_total",
        "transactions that were repeated, by reason: deadlock, serialization, connection"
    );
}

fn describe_calls() {
    describe_histogram!(
        "holdfast_stripe_call_seconds",
        Unit::Seconds,
        "calls to Stripe with all their retries"
    );
    describe_histogram!(
        "holdfast_store_call_seconds",
        Unit::Seconds,
        "calls of the database, with what they wait for connections and locks"
    );
}

fn describe_gauges() {
    describe_gauge!(
        "holdfast_stripe_circuit_open",
        "1 while calls to Stripe fail at once, because Stripe seems to be down"
    );
    describe_gauge!("holdfast_store_up", "1 while the database answers");
    describe_gauge!(
        "holdfast_time_zones_info",
        "always 1: the version of the time zone rules in use, and their source, linked or a directory"
    );
    describe_gauge!("holdfast_holds", "live holds by status");
    describe_gauge!("holdfast_overdue_holds", "held holds whose time is over");
    describe_gauge!(
        "holdfast_oldest_overdue_seconds",
        Unit::Seconds,
        "how long the oldest overdue hold has been overdue"
    );
    describe_gauge!("holdfast_commands_pending", "orders to Stripe not yet answered");
    describe_gauge!(
        "holdfast_commands_stuck",
        "pending commands tried ten times or more: an operator must look"
    );
    describe_gauge!(
        "holdfast_attempts_open",
        "checkout attempts that are not finished or recovered"
    );
    describe_gauge!(
        "holdfast_money_without_slot",
        "payments kept for holds that have no slot: must be 0"
    );
    describe_gauge!(
        "holdfast_slot_without_money",
        "confirmed holds without a payment: must be 0"
    );
    describe_gauge!(
        "holdfast_processing_long",
        "processing holds whose payment has been in progress for more than seven days"
    );
    describe_gauge!(
        "holdfast_price_mismatches",
        "holds whose session sold at another price, or took an unexplained amount: an operator must look"
    );
    describe_gauge!(
        "holdfast_disputes_open",
        "payments with a dispute that the bank has not decided"
    );
    describe_gauge!(
        "holdfast_calendar_feeds",
        "calendar feeds that were not wholly read the last time, by state: partial, failed"
    );
    describe_gauge!(
        "holdfast_refunds_failed",
        "payments of which money must still go back, because its refund failed or is stuck: an operator must act"
    );
    describe_gauge!(
        "holdfast_money_not_adding_up",
        "payments whose refunds, disputes and decisions do not add up to what was paid: must be 0"
    );
    describe_gauge!(
        "holdfast_units_sold_twice",
        "units that two live holds have at once: must be 0"
    );
    describe_gauge!(
        "holdfast_money_unverified",
        "payments whose refunds and disputes were not read from Stripe since the upgrade from 0.2.0"
    );
}

fn describe_event_gauges() {
    describe_gauge!(
        "holdfast_event_deliveries_pending",
        "events that are still to be sent to an endpoint"
    );
    describe_gauge!(
        "holdfast_oldest_event_delivery_seconds",
        Unit::Seconds,
        "how long ago the oldest of them happened"
    );
    describe_gauge!(
        "holdfast_event_deliveries_failed",
        "events of the last 30 days that an endpoint has not taken, and that are sent no more"
    );
    describe_gauge!(
        "holdfast_endpoints_failing",
        "endpoints whose last attempt failed, or that answered that they are gone"
    );
}

#[allow(clippy::cast_precision_loss)]
fn set_gauges(figures: FigureCounts) {
    gauge!("holdfast_holds", "status" => "held").set(figures.held as f64);
    gauge!("holdfast_holds", "status" => "processing").set(figures.processing as f64);
    gauge!("holdfast_overdue_holds").set(figures.overdue as f64);
    gauge!("holdfast_oldest_overdue_seconds").set(figures.oldest_overdue_ms as f64 / 1000.0);
    gauge!("holdfast_commands_pending").set(figures.commands_pending as f64);
    gauge!("holdfast_commands_stuck").set(figures.commands_stuck as f64);
    gauge!("holdfast_attempts_open").set(figures.attempts_open as f64);
    gauge!("holdfast_money_without_slot").set(figures.money_without_slot as f64);
    gauge!("holdfast_slot_without_money").set(figures.slot_without_money as f64);
    gauge!("holdfast_processing_long").set(figures.processing_long as f64);
    gauge!("holdfast_price_mismatches").set(figures.price_mismatches as f64);
    gauge!("holdfast_disputes_open").set(figures.disputes_open as f64);
    gauge!("holdfast_refunds_failed").set(figures.refunds_failed as f64);
    gauge!("holdfast_money_not_adding_up").set(figures.money_not_adding_up as f64);
    gauge!("holdfast_money_unverified").set(figures.money_unverified as f64);
    gauge!("holdfast_calendar_feeds", "state" => "partial").set(figures.feeds_partial as f64);
    gauge!("holdfast_calendar_feeds", "state" => "failed").set(figures.feeds_failed as f64);
    gauge!("holdfast_event_deliveries_pending").set(figures.deliveries_pending as f64);
    gauge!("holdfast_oldest_event_delivery_seconds").set(figures.oldest_delivery_ms as f64 / 1000.0);
    gauge!("holdfast_event_deliveries_failed").set(figures.deliveries_failed as f64);
    gauge!("holdfast_endpoints_failing").set(figures.endpoints_failing as f64);
}
