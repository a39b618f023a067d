//! Checks the database: whether it responds, does what the program needs, and has consistent contents.

use std::sync::Arc;

use super::check::{Check, Verdict, flag, pass};
use super::{endpoints, money, new_database, refusals};
use crate::app;
use crate::config::{Config, Database, StripeSettings};
use crate::domain::calendar_feed::Feed;
use crate::domain::figures::FigureCounts;
use crate::domain::time::Clock;
use crate::workflow::queries::{self, ServerFault};
use crate::workflow::{Context, catalogue, format_error_chain};

const MINUTE_MS: i64 = 60 * 1000;
/// An overdue hold older than this means that no sweep runs.
const MAX_OVERDUE_MS: i64 = 5 * MINUTE_MS;
/// A pending command older than this means that nobody carries commands out, or that Stripe does not respond.
const MAX_COMMAND_MS: i64 = 5 * MINUTE_MS;
/// An attempt is stale after 2 min, and the next sweep or two should recover it.
const MAX_ATTEMPT_MS: i64 = 10 * MINUTE_MS;
/// How many calendar feeds with faults are named.
const FEEDS_SHOWN: u32 = 10;

pub(super) async fn check_database(
    config: &Config,
    stripe: &StripeSettings,
    clock: Arc<dyn Clock>,
) -> Vec<Check> {
    let unavailable = "check that it is running and that DATABASE_URL is right";
    let fault = |found: String, remedy: &str| vec![flag("database", Verdict::Fault, found, remedy)];
    let store = match app::open_existing_store(&config.database).await {
        Ok(store) => store,
        Err(error) => return fault(format_error_chain(&error), unavailable),
    };
    let context = match app::build_context(store, config, stripe, clock) {
        Ok(context) => context,
        Err(error) => return fault(format_error_chain(&error), unavailable),
    };
    match queries::find_server_faults(&context).await {
        Ok(faults) if faults.is_empty() => {}
        Ok(faults) => {
            let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let remedies: Vec<&str> = faults.iter().map(ServerFault::remedy).collect();
            return fault(found.join("; "), &remedies.join("; "));
        }
        Err(error) => return fault(format_error_chain(&error), unavailable),
    }
    match queries::is_ready(&context).await {
        Ok(true) => check_contents(&config.database, &context).await,
        Ok(false) => vec![new_database::check_unready(&config.database, &context).await],
        Err(error) => fault(format_error_chain(&error), unavailable),
    }
}

async fn check_contents(database: &Database, context: &Context) -> Vec<Check> {
    let found = format!("{database:?} responds, and its schema matches this program");
    let mut checks = vec![
        pass("database", found),
        check_statements(context).await,
        check_schedules(context).await,
        refusals::check_refusals(context).await,
    ];
    checks.extend(check_calendar_feeds(context).await);
    checks.extend(endpoints::check_endpoints(context).await);
    match queries::count_figures(context).await {
        Ok(figures) => {
            checks.extend(check_figures(&figures));
            checks.extend(money::check_money(context, &figures).await);
        }
        Err(error) => checks.push(flag(
            "figures",
            Verdict::Fault,
            format_error_chain(&error),
            "see the log of the database",
        )),
    }
    checks
}

async fn check_statements(context: &Context) -> Check {
    match queries::dry_run_checkout(context).await {
        Ok(()) => pass("statements", "a test checkout works, and a taken slot is refused"),
        Err(error) => flag(
            "statements",
            Verdict::Fault,
            format_error_chain(&error),
            "check that this role may write, that the disk has space, and that nobody changed the schema by hand",
        ),
    }
}

/// The most event types that a check names.
const MOST_NAMED: usize = 10;

async fn check_schedules(context: &Context) -> Check {
    const NAME: &str = "schedules";
    let unknown = match catalogue::list_unknown_zones(context).await {
        Ok(unknown) => unknown,
        Err(error) => {
            let remedy = "see the log of the database";
            return flag(NAME, Verdict::Fault, format_error_chain(&error), remedy);
        }
    };
    if unknown.is_empty() {
        return pass(NAME, "the rules have all their time zones");
    }
    let named = unknown.iter().take(MOST_NAMED);
    let named: Vec<_> = named.map(|(id, zone)| format!("{id} ({zone})")).collect();
    let found = format!(
        "{} event types have an unknown time zone, so nothing of them is for sale: {}",
        unknown.len(),
        named.join(", ")
    );
    flag(
        NAME,
        Verdict::Fault,
        found,
        "update the system's time zone database and restart, or put the event types with another time zone",
    )
}

/// Names the resources whose calendar feed was not wholly read, with the first fault. If the database does not respond, the
/// check of the figures says so.
async fn check_calendar_feeds(context: &Context) -> Option<Check> {
    let feeds = catalogue::list_faulty_feeds(context, FEEDS_SHOWN).await.ok()?;
    if feeds.is_empty() {
        return Some(pass("calendar feeds", "each was wholly read, or none is set"));
    }
    let describe = |feed: &Feed| {
        let fault = feed.fault.as_deref().unwrap_or_default();
        let first = feed
            .faults
            .first()
            .map(|first| format!(" ({first})"))
            .unwrap_or_default();
        format!("{}: {fault}{first}", feed.resource)
    };
    let found: Vec<String> = feeds.iter().map(describe).collect();
    let remedy = "GET /v1/admin/resources/{id} shows the faults; correct the calendar, or set its `timezone`";
    Some(flag("calendar feeds", Verdict::Warning, found.join("; "), remedy))
}

/// Passes if the count is 0; otherwise it is a fault.
fn require_none(check: &'static str, count: i64, what: &str, remedy: &str) -> Check {
    match count {
        0 => pass(check, "none"),
        n => flag(check, Verdict::Fault, format!("{n} {what}"), remedy),
    }
}

/// Like [`require_none`], but also passes while the oldest is not older than `max_age_ms`.
fn require_none_older(
    check: &'static str,
    (count, age_ms): (i64, i64),
    max_age_ms: i64,
    what: &str,
    remedy: &str,
) -> Check {
    if age_ms <= max_age_ms {
        return require_none(check, 0, what, remedy);
    }
    let what = format!("{what}, the oldest for {} min", age_ms / MINUTE_MS);
    require_none(check, count, &what, remedy)
}

fn check_figures(figures: &FigureCounts) -> Vec<Check> {
    let remedy = "check that `holdfast serve` or a cron with `holdfast sweep` runs, and that Stripe responds";
    let overdue = (figures.overdue, figures.oldest_overdue_ms);
    let commands = (figures.commands_pending, figures.oldest_command_ms);
    let attempts = (figures.attempts_open, figures.oldest_attempt_ms);
    vec![
        require_none_older(
            "overdue holds",
            overdue,
            MAX_OVERDUE_MS,
            "holds are waiting for a sweep",
            remedy,
        ),
        require_none_older(
            "waiting commands",
            commands,
            MAX_COMMAND_MS,
            "commands for Stripe are waiting",
            remedy,
        ),
        require_none_older(
            "open attempts",
            attempts,
            MAX_ATTEMPT_MS,
            "checkouts are waiting to be recovered",
            remedy,
        ),
        require_none(
            "stuck commands",
            figures.commands_stuck,
            "commands for Stripe are stuck",
            "GET /v1/admin/commands?state=stuck shows the errors, and what a person must decide; then POST …/{id}/retry",
        ),
    ]
}
