//! Shows what happened in a range of time: checkouts, bookings and money.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, NaiveDate, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::summary::SummaryDivision;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::SummaryBoundText;
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::timestamps::serialize_instant;
use crate::workflow::summary::{self, SummaryError, SummaryPart, SummaryRequest};

/// How the figures of a summary are divided.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors)]
#[schema(as = SummaryBy)]
pub(in crate::http) enum SummaryByView {
    /// By the days of the shop's zone.
    #[default]
    #[deserr(rename = "day")]
    Day,
    /// By the event types.
    #[deserr(rename = "event_type")]
    EventType,
}

/// What happened in a range of time.
#[derive(Serialize, ToSchema)]
#[schema(as = Summary)]
pub(in crate::http) struct SummaryView {
    /// Where the range starts.
    #[serde(serialize_with = "serialize_instant")]
    from: DateTime<Utc>,
    /// Where the range ends.
    #[serde(serialize_with = "serialize_instant")]
    to: DateTime<Utc>,
    /// The zone of the days.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// How the figures are divided.
    by: SummaryByView,
    /// The figures of each day in order, also of those on which nothing happened; or those of each event type with any.
    data: Vec<SummaryPartView>,
}

/// The figures of one day or of one event type. Each thing counts when it happened.
#[derive(Serialize, ToSchema)]
#[schema(as = SummaryPart)]
struct SummaryPartView {
    /// The day in the shop's zone; null if the figures are divided by event types.
    #[schema(required = true)]
    day: Option<NaiveDate>,
    /// The event type; null if the figures are divided by days, or if it is not known.
    #[schema(required = true)]
    event_type: Option<String>,
    /// Checkouts that began: a payment page was asked for.
    started: i64,
    /// Holds that were placed.
    placed: i64,
    /// Checkouts whose payment page was made, and whose slot another guest had taken meanwhile.
    lost_races: i64,
    /// Holds that were confirmed.
    paid: i64,
    /// Holds that ended without a payment, by themselves.
    lapsed: i64,
    /// Holds that their guests or operators released before they were paid.
    given_back: i64,
    /// Bookings that were cancelled.
    cancelled: i64,
    /// Refunds that Stripe carried out.
    refunded: i64,
    /// The money of each currency.
    money: Vec<MoneyFlowView>,
    /// The seconds within which half of the guests who paid had paid, exactly; null if nobody paid.
    #[schema(required = true)]
    median_seconds_to_pay: Option<i64>,
}

/// Money of one currency, in its minor unit.
#[derive(Serialize, ToSchema)]
#[schema(as = MoneyFlow)]
struct MoneyFlowView {
    /// The lower-case code of the currency.
    #[schema(example = "eur")]
    currency: String,
    /// What was received of guests.
    r#in: i64,
    /// What went back by refunds and by lost disputes.
    out: i64,
}

impl From<SummaryPart> for SummaryPartView {
    fn from(part: SummaryPart) -> Self {
        let figures = part.figures;
        let money = figures.money.into_iter().map(|(currency, flow)| MoneyFlowView {
            currency,
            r#in: flow.received,
            out: flow.returned,
        });
        Self {
            day: part.day,
            event_type: part.event_type,
            started: figures.started,
            placed: figures.placed,
            lost_races: figures.lost_races,
            paid: figures.paid,
            lapsed: figures.lapsed,
            given_back: figures.given_back,
            cancelled: figures.cancelled,
            refunded: figures.refunded,
            money: money.collect(),
            median_seconds_to_pay: figures.median_seconds_to_pay,
        }
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct SummaryParameters {
    #[deserr(default)]
    from: Option<SummaryBoundText>,
    #[deserr(default)]
    to: Option<SummaryBoundText>,
    #[deserr(default)]
    by: Option<SummaryByView>,
}

/// Counts what happened in a range of at most 400 days: checkouts, bookings and money.
#[utoipa::path(
    get, path = "/v1/admin/summary", operation_id = "showSummary", tag = "operators",
    params(
        (
            "from" = Option<String>, Query,
            description = "the first day, such as 2026-11-01, or a time at a quarter of an hour, RFC 3339; without it, \
                the range has 30 days"
        ),
        (
            "to" = Option<String>, Query,
            description = "the last day, which is included, or a time at a quarter of an hour; without it, today"
        ),
        ("by" = Option<SummaryByView>, Query, description = "how the figures are divided; by days, if it is not given"),
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The figures", body = SummaryView),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn show_summary(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<SummaryView>, Problem> {
    let query: SummaryParameters = parse_query(query.as_deref())?;
    let by = query.by.unwrap_or_default();
    let request = SummaryRequest {
        from: query.from.map(|SummaryBoundText(bound)| bound),
        to: query.to.map(|SummaryBoundText(bound)| bound),
        division: match by {
            SummaryByView::Day => SummaryDivision::Period,
            SummaryByView::EventType => SummaryDivision::EventType,
        },
    };
    let found = summary::summarize(&server.context, request).await;
    let found = found.map_err(|error| match error {
        SummaryError::Range(field, detail) => Problem::invalid_field(field, detail),
        SummaryError::Workflow(error) => error.into(),
    })?;
    Ok(Json(SummaryView {
        from: found.from,
        to: found.to,
        timezone: server.context.settings.timezone.to_string(),
        by,
        data: found.parts.into_iter().map(Into::into).collect(),
    }))
}
