//! The database: does it answer, does it do what the program needs, and is what is in it as it should be?

use std::sync::Arc;

use super::{Check, Verdict, bad, ok};
use crate::app;
use crate::config::{Config, Database, Stripe};
use crate::domain::figures::Figures;
use crate::domain::time::Clock;
use crate::workflow::{Context, one_line, queries};

const MINUTE_MS: i64 = 60 * 1000;
/// An overdue hold older than this means that no sweep comes by.
const MAX_OVERDUE_MS: i64 = 5 * MINUTE_MS;
/// An order to Stripe older than this means that nobody carries them out, or that Stripe does not answer.
const MAX_COMMAND_MS: i64 = 5 * MINUTE_MS;
/// An attempt is stale after 2 min, and a sweep or two should have recovered it.
const MAX_ATTEMPT_MS: i64 = 10 * MINUTE_MS;

pub(super) async fn checks(config: &Config, stripe: &Stripe, clock: Arc<dyn Clock>) -> Vec<Check> {
    let away = "is it running, and is DATABASE_URL right?";
    let fault = |found: String, remedy| vec![bad("database", Verdict::Fault, found, remedy)];
    let context = match app::build_context(config, stripe, clock).await {
        Ok(context) => context,
        Err(error) => return fault(one_line(&error), away),
    };
    match queries::is_ready(&context).await {
        Ok(true) => within(&config.database, &context).await,
        Ok(false) => fault(
            "answers, but its schema is not this program's".to_owned(),
            "run `holdfast migrate`, or start `holdfast serve`, which does it",
        ),
        Err(error) => fault(one_line(&error), away),
    }
}

async fn within(database: &Database, context: &Context) -> Vec<Check> {
    let answers = format!("{database:?} answers, its schema is this program's");
    let mut checks = vec![ok("database", answers), statements(context).await];
    match queries::count_figures(context).await {
        Ok(figures) => checks.extend(figures_checks(&figures)),
        Err(error) => checks.push(bad(
            "figures",
            Verdict::Fault,
            one_line(&error),
            "see the log of the database",
        )),
    }
    checks
}

async fn statements(context: &Context) -> Check {
    match queries::dry_run_checkout(context).await {
        Ok(()) => ok(
            "statements",
            "a rehearsed checkout works, and a taken slot is refused",
        ),
        Err(error) => bad(
            "statements",
            Verdict::Fault,
            one_line(&error),
            "may this role write, is there room, and did somebody change the schema by hand?",
        ),
    }
}

/// Well where there is none, else a fault.
fn none_or(check: &'static str, count: i64, what: &str, remedy: &str) -> Check {
    match count {
        0 => ok(check, "none"),
        n => bad(check, Verdict::Fault, format!("{n} {what}"), remedy),
    }
}

/// As [`none_or`], where the oldest may be of this age.
fn none_old(
    check: &'static str,
    (count, age_ms): (i64, i64),
    most_ms: i64,
    what: &str,
    remedy: &str,
) -> Check {
    if age_ms <= most_ms {
        return none_or(check, 0, what, remedy);
    }
    let what = format!("{what}, the oldest for {} min", age_ms / MINUTE_MS);
    none_or(check, count, &what, remedy)
}

fn figures_checks(figures: &Figures) -> Vec<Check> {
    let working = "is `holdfast serve` or a cron with `holdfast sweep` running, and does Stripe answer?";
    let overdue = (figures.overdue, figures.oldest_overdue_ms);
    let orders = (figures.commands_pending, figures.oldest_command_ms);
    let attempts = (figures.attempts_open, figures.oldest_attempt_ms);
    vec![
        none_old(
            "overdue holds",
            overdue,
            MAX_OVERDUE_MS,
            "holds wait for a sweep",
            working,
        ),
        none_old(
            "waiting commands",
            orders,
            MAX_COMMAND_MS,
            "orders to Stripe wait",
            working,
        ),
        none_old(
            "open attempts",
            attempts,
            MAX_ATTEMPT_MS,
            "checkouts wait to be recovered",
            working,
        ),
        none_or(
            "stuck commands",
            figures.commands_stuck,
            "orders to Stripe are stuck",
            "GET /v1/admin/commands?state=stuck says why; then POST …/{id}/retry",
        ),
        none_or(
            "money without slot",
            figures.money_without_slot,
            "payments have no slot",
            "GET /v1/admin/holds?status=released, and =cancelled, shows their payments",
        ),
        none_or(
            "slot without money",
            figures.slot_without_money,
            "confirmed holds have no payment",
            "GET /v1/admin/holds?status=confirmed shows their payments; POST …/{id}/refresh asks Stripe anew",
        ),
        none_or(
            "failed refunds",
            figures.refunds_failed,
            "refunds were refused by Stripe",
            "give the money back in the Stripe dashboard",
        ),
    ]
}
