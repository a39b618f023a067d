//! The figures of a range of time, by the day of the shop's zone or by event type.

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::summary::{
    QUARTER, Summary, SummaryDivision, SummaryFigures, SummaryQuery, build_summary,
};

/// The longest range of a summary, and some hours more, because days may have 25 of them.
const LONGEST: Duration = Duration::hours(400 * 24 + 12);

/// How many days a summary has that names none.
const DAYS: i64 = 30;

/// A bound of a range: an instant, or the start of a day in the shop's zone.
#[derive(Clone, Copy, Debug)]
pub enum SummaryBound {
    /// An instant in any zone.
    Instant(DateTime<Utc>),
    /// A day in the shop's zone.
    Day(NaiveDate),
}

/// Asks for a summary.
#[derive(Clone, Copy, Debug)]
pub struct SummaryRequest {
    /// Where the range starts; a day starts it. Without it, the range has the last days.
    pub from: Option<SummaryBound>,
    /// Where the range ends; a day is a part of it. Without it, today ends it.
    pub to: Option<SummaryBound>,
    /// Whether it is divided by days or by event types.
    pub division: SummaryDivision,
}

/// A summary with its range.
#[derive(Clone, Debug)]
pub struct RangeSummary {
    /// Where the range starts.
    pub from: DateTime<Utc>,
    /// Where the range ends.
    pub to: DateTime<Utc>,
    /// The figures of each part.
    pub parts: Vec<SummaryPart>,
}

/// The figures of one day or of one event type.
#[derive(Clone, Debug)]
pub struct SummaryPart {
    /// The day, if the summary is divided by days.
    pub day: Option<NaiveDate>,
    /// The id of the event type, if the summary is divided by event types and it is known.
    pub event_type: Option<String>,
    /// What happened in it.
    pub figures: SummaryFigures,
}

/// Why there is no summary.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// The range cannot be counted; the field of the request, and what is wrong with it.
    #[error("{0} {1}")]
    Range(&'static str, &'static str),
    /// The database is unreachable.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

/// Counts what happened in a range.
///
/// # Errors
/// [`SummaryError`] if the range is not valid or the database is unreachable.
pub async fn summarize(context: &Context, request: SummaryRequest) -> Result<RangeSummary, SummaryError> {
    let now = context.database_now().await.map_err(WorkflowError::from)?;
    let (from, to) = find_range(context, request, now)?;
    let (bounds, days) = match request.division {
        SummaryDivision::EventType => (vec![from, to], Vec::new()),
        SummaryDivision::Period => list_days(context, from, to)?,
    };
    let query = SummaryQuery {
        bounds,
        division: request.division,
    };
    let counts = context
        .store
        .count_summary(&query)
        .await
        .map_err(WorkflowError::from)?;
    let medians = context
        .store
        .find_median_waits(&query)
        .await
        .map_err(WorkflowError::from)?;
    let parts = match build_summary(&query, &counts, &medians) {
        Summary::ByPeriod(periods) => days
            .into_iter()
            .zip(periods)
            .map(|(day, figures)| SummaryPart {
                day: Some(day),
                event_type: None,
                figures,
            })
            .collect(),
        Summary::ByEventType(types) => types
            .into_iter()
            .map(|(event_type, figures)| SummaryPart {
                day: None,
                event_type: Some(event_type).filter(|id| !id.is_empty()),
                figures,
            })
            .collect(),
    };
    Ok(RangeSummary { from, to, parts })
}

fn find_range(
    context: &Context,
    request: SummaryRequest,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), SummaryError> {
    const NO_DATE: &str = "is beyond the range of dates";
    let day = |day: NaiveDate, field| {
        context
            .settings
            .find_day(day)
            .ok_or(SummaryError::Range(field, NO_DATE))
    };
    let to = match request.to {
        None => day(context.settings.day_of(now), "to")?.end,
        Some(SummaryBound::Day(last)) => day(last, "to")?.end,
        Some(SummaryBound::Instant(to)) => to,
    };
    let from = match request.from {
        None => {
            let last = context.settings.day_of(to - Duration::seconds(1));
            day(last - Duration::days(DAYS - 1), "from")?.start
        }
        Some(SummaryBound::Day(first)) => day(first, "from")?.start,
        Some(SummaryBound::Instant(from)) => from,
    };
    for (field, at) in [("from", from), ("to", to)] {
        if at.timestamp_millis() % (QUARTER * 1000) != 0 {
            return Err(SummaryError::Range(
                field,
                "must be a day, or a time at a quarter of an hour",
            ));
        }
    }
    if from >= to {
        return Err(SummaryError::Range("to", "must be after from"));
    }
    if to - from > LONGEST {
        return Err(SummaryError::Range("to", "must be at most 400 days after from"));
    }
    Ok((from, to))
}

/// Splits a range where the days of the shop's zone start. The first and the last day may be parts of days.
fn list_days(
    context: &Context,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<(Vec<DateTime<Utc>>, Vec<NaiveDate>), SummaryError> {
    let (mut bounds, mut days) = (vec![from], Vec::new());
    let mut day = context.settings.day_of(from);
    loop {
        let of_day = context.settings.find_day(day);
        let end = of_day
            .ok_or(SummaryError::Range("to", "is beyond the range of dates"))?
            .end;
        // A day that the clocks skip has no time.
        if end > from {
            days.push(day);
            bounds.push(end.min(to));
        }
        if end >= to {
            return Ok((bounds, days));
        }
        day = day
            .succ_opt()
            .ok_or(SummaryError::Range("to", "is beyond the range of dates"))?;
    }
}
