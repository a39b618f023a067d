//! The command `holdfast reconcile`: compares refunds and disputes with Stripe, also while `serve` runs.

use std::sync::Arc;

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, Utc};

use crate::workflow::reconcile::{self, ReconcileRange, ReconcileReport};
use crate::workflow::{Context, WorkflowError};

/// The command-line arguments of `reconcile`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ReconcileArgs {
    /// Read what was made from then on: a day in UTC, or an instant such as 2026-11-01T10:00:00Z [default: 35 days ago].
    #[arg(long, value_parser = parse_from)]
    from: Option<DateTime<Utc>>,
    /// Read what was made until then: a day, which is included, or an instant [default: now].
    #[arg(long, value_parser = parse_to)]
    to: Option<DateTime<Utc>>,
}

const EXPECTED: &str = "must be a day such as 2026-11-01, or an instant such as 2026-11-01T10:00:00Z";

fn parse_from(text: &str) -> Result<DateTime<Utc>, &'static str> {
    match text.parse::<NaiveDate>() {
        Ok(day) => Ok(day.and_time(NaiveTime::MIN).and_utc()),
        Err(_) => text.parse().map_err(|_| EXPECTED),
    }
}

fn parse_to(text: &str) -> Result<DateTime<Utc>, &'static str> {
    match text.parse::<NaiveDate>() {
        Ok(day) => {
            let next = day.checked_add_days(Days::new(1)).ok_or(EXPECTED)?;
            Ok(next.and_time(NaiveTime::MIN).and_utc() - Duration::seconds(1))
        }
        Err(_) => text.parse().map_err(|_| EXPECTED),
    }
}

/// Compares what was made in the given time, by default in the last days.
///
/// # Errors
/// [`WorkflowError`] if the database or Stripe does not answer.
pub async fn run(args: ReconcileArgs, context: &Arc<Context>) -> Result<ReconcileReport, WorkflowError> {
    let last_days = ReconcileRange::last_days(context.now());
    let range = ReconcileRange {
        from: args.from.unwrap_or(last_days.from),
        to: args.to.unwrap_or(last_days.to),
    };
    reconcile::reconcile(context, range).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_is_read_from_its_start_to_its_end() {
        let instant = |text: &str| Ok(text.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(parse_from("2026-11-01"), instant("2026-11-01T00:00:00Z"));
        assert_eq!(parse_to("2026-11-01"), instant("2026-11-01T23:59:59Z"));
        for parse in [parse_from, parse_to] {
            assert_eq!(
                parse("2026-11-01T10:00:00+01:00"),
                instant("2026-11-01T09:00:00Z")
            );
            for wrong in ["", "yesterday", "2026-11-31", "2026-11-01T10:00:00"] {
                assert_eq!(parse(wrong), Err(EXPECTED), "{wrong}");
            }
        }
    }
}
