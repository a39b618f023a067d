//! The command `holdfast today`: shows who is booked on a day, as a table for a person or as JSON, from the database itself
//! and without a running server.

use chrono::{DateTime, NaiveDate, Utc};

use crate::domain::access_key::COMMAND_LINE_NAME;
use crate::domain::audit::{AuditOutcome, AuditedAct, AuditedChange};
use crate::domain::booking::Booking;
use crate::domain::hold::Status;
use crate::domain::listing::{HoldFilter, HoldSort, PageRequest, StatusKind};
use crate::domain::money_summary::MoneyNote;
use crate::domain::time::Clock;
use crate::domain::zone::ZoneRules;
use crate::http;
use crate::store::{Store, StoreError};
use crate::workflow::audit::AuditTrail;
use crate::workflow::{Settings, WorkflowError};

/// The command-line arguments of `today`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct TodayArgs {
    /// The day, such as 2026-11-27, in the zone of `HOLDFAST_TIMEZONE` [default: today].
    #[arg(long, value_parser = parse_day)]
    day: Option<NaiveDate>,
    /// Print the holds as JSON, as `GET /v1/admin/holds` has them.
    #[arg(long)]
    json: bool,
}

fn parse_day(text: &str) -> Result<NaiveDate, &'static str> {
    text.parse().map_err(|_| "must be a day such as 2026-11-27")
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum TodayError {
    /// The day cannot be found in the zone.
    #[error("{0} is beyond the range of dates")]
    Day(NaiveDate),
    /// The database is unreachable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The audit trail cannot be written, so no guest is shown.
    #[error(transparent)]
    Audit(#[from] WorkflowError),
    /// The list cannot be shown.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Lists the live holds that start on a day, earliest first, and returns the text to print. The audit trail gets an entry
/// first.
///
/// # Errors
/// [`TodayError`] if they cannot be listed.
pub async fn run(
    args: TodayArgs,
    store: &dyn Store,
    settings: &Settings,
    clock: &dyn Clock,
) -> Result<String, TodayError> {
    let now = clock.database_now(store.read_clock().await?);
    let day = args.day.unwrap_or_else(|| settings.day_of(now));
    let of_day = settings.find_day(day).ok_or(TodayError::Day(day))?;
    let rules = settings
        .zones
        .find(&settings.timezone)
        .ok_or(TodayError::Day(day))?;
    let audit = AuditTrail::new(store, now);
    let act = AuditedAct {
        actor: COMMAND_LINE_NAME.to_owned(),
        action: "read".to_owned(),
        target: None,
        request_id: None,
    };
    let number = audit.begin(&act).await?;
    let filter = HoldFilter {
        statuses: vec![StatusKind::Held, StatusKind::Processing, StatusKind::Confirmed],
        from: Some(of_day.start),
        to: Some(of_day.end),
        sort: HoldSort::Start,
        ..HoldFilter::default()
    };
    let listed = list_all(store, &filter).await;
    let outcome = match &listed {
        Ok(_) => AuditOutcome::Done,
        Err(_) => AuditOutcome::Failed,
    };
    audit.finish(number, outcome, &AuditedChange::default()).await;
    let bookings = listed?;
    if args.json {
        let list = http::admin_hold_list(&bookings);
        return Ok(serde_json::to_string(&list)?);
    }
    let title = format!("{day}, {}: {}", settings.timezone, count_holds(bookings.len()));
    let rows: Vec<[String; 8]> = bookings.iter().map(|booking| to_row(booking, rules)).collect();
    Ok(format_table(&title, &rows))
}

async fn list_all(store: &dyn Store, filter: &HoldFilter) -> Result<Vec<Booking>, StoreError> {
    let mut page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let mut bookings = Vec::new();
    loop {
        let found = store.list_bookings(filter, &page).await?;
        bookings.extend(found.entries);
        if found.next.is_none() {
            return Ok(bookings);
        }
        page.cursor = found.next;
    }
}

const HEADINGS: [&str; 8] = [
    "TIME",
    "RESOURCE",
    "EVENT TYPE",
    "GUEST",
    "E-MAIL",
    "QTY",
    "STATUS",
    "MONEY",
];

fn count_holds(count: usize) -> String {
    match count {
        0 => "nobody is booked".to_owned(),
        1 => "1 hold".to_owned(),
        count => format!("{count} holds"),
    }
}

fn to_row(booking: &Booking, rules: &ZoneRules) -> [String; 8] {
    let window = booking.window();
    let mut resources: Vec<&str> = booking
        .segments
        .iter()
        .map(|segment| segment.resource.as_str())
        .collect();
    resources.dedup();
    let guest = &booking.guest;
    [
        format_time(window.starts_at(), window.ends_at(), rules),
        resources.join(", "),
        booking.event_type.to_string(),
        guest.name.clone().unwrap_or_else(|| "-".to_owned()),
        Some(&guest.email)
            .filter(|email| !email.is_empty())
            .cloned()
            .unwrap_or_else(|| "-".to_owned()),
        booking.quantity.to_string(),
        describe_status(booking.hold.status).to_owned(),
        describe_money(booking),
    ]
}

/// Writes a window on the wall clock. An end on a later day has its date.
fn format_time(starts_at: DateTime<Utc>, ends_at: DateTime<Utc>, rules: &ZoneRules) -> String {
    let (start, end) = (rules.to_local(starts_at), rules.to_local(ends_at));
    let end_format = if start.date() == end.date() {
        "%H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    format!("{}-{}", start.format("%H:%M"), end.format(end_format))
}

fn describe_status(status: Status) -> &'static str {
    match status {
        Status::Held => "not paid yet",
        Status::Processing => "payment in progress",
        Status::Confirmed => "booked",
        Status::Released(_) => "released",
        Status::Cancelled(_) => "cancelled",
    }
}

/// Says what the shop has of the guest's money, or what is to be paid.
fn describe_money(booking: &Booking) -> String {
    let summary = booking.hold.summarize_money();
    let amount = match summary.amount {
        Some(amount) if summary.is_due => format!("{} due", amount.to_decimal()),
        Some(amount) => amount.to_decimal(),
        None => "none".to_owned(),
    };
    summary
        .notes
        .into_iter()
        .fold(amount, |text, note| format!("{text}, {}", describe_note(note)))
}

fn describe_note(note: MoneyNote) -> &'static str {
    match note {
        MoneyNote::PartlyRefunded => "partly refunded",
        MoneyNote::Refunded => "refunded",
        MoneyNote::RefundPending => "refund on its way",
        MoneyNote::Disputed => "disputed",
        MoneyNote::RefundFailed => "refund failed",
        MoneyNote::NotThePrice => "not the price",
    }
}

fn format_table(title: &str, rows: &[[String; 8]]) -> String {
    if rows.is_empty() {
        return title.to_owned();
    }
    let headings = HEADINGS.map(str::to_owned);
    let width = |column: usize| {
        let cells = rows
            .iter()
            .chain([&headings])
            .map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let mut text = title.to_owned();
    for row in [&headings].into_iter().chain(rows) {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text = format!("{text}\n{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_aligned_columns_without_blanks_at_the_end() {
        let row = |name: &str| {
            [
                "09:00-10:00",
                "ana",
                "call",
                name,
                "a@b.example",
                "1",
                "booked",
                "50.00 EUR",
            ]
            .map(str::to_owned)
        };
        let table = format_table("title", &[row("Zoë"), row("Bartholomew")]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4);
        let at =
            |line: &str, word: &str| line.chars().count() - line[line.find(word).unwrap()..].chars().count();
        assert_eq!(at(lines[2], "a@b"), at(lines[3], "a@b"));
        assert_eq!(at(lines[1], "E-MAIL"), at(lines[2], "a@b"));
        assert!(lines.iter().all(|line| !line.ends_with(' ')));
        assert_eq!(format_table("title", &[]), "title");
    }
}
