//! Reads all that an operator must look at, in one go.

use chrono::{DateTime, Utc};

use super::context::Context;
use super::error::WorkflowError;
use super::{event_endpoints, queries};
use crate::domain::booking::Booking;
use crate::domain::calendar_feed::Feed;
use crate::domain::command::Command;
use crate::domain::event_endpoint::EventEndpoint;
use crate::domain::figures::FigureCounts;
use crate::domain::listing::{
    Attention, CommandFilter, HoldFilter, ListedPayment, PageRequest, PaymentFilter,
};

/// The most entries of each list. The figures count all of them.
pub const ATTENTION_ENTRIES: u32 = 20;

/// All that an operator must look at. Each list has the first entries.
#[derive(Clone, Debug)]
pub struct AttentionReport {
    /// Counts what is live, due and wrong.
    pub figures: FigureCounts,
    /// Money that pays for a booking that has no slot.
    pub money_without_slot: Vec<ListedPayment>,
    /// Money that must go back, and whose refund failed.
    pub refunds_failed: Vec<ListedPayment>,
    /// Money that a bank has not decided about.
    pub disputed: Vec<ListedPayment>,
    /// Payments of which a cent is in no place, or in two.
    pub not_adding_up: Vec<ListedPayment>,
    /// Confirmed holds without a payment.
    pub slot_without_money: Vec<Booking>,
    /// Holds whose guest paid another amount than the price.
    pub price_mismatches: Vec<Booking>,
    /// Holds whose time to pay is over, and that Stripe has not released yet.
    pub overdue: Vec<Booking>,
    /// Holds whose delayed payment has been in progress for long.
    pub processing_long: Vec<Booking>,
    /// Commands that Stripe has not carried out after many tries.
    pub stuck: Vec<Command>,
    /// Calendar feeds that were not read as a whole.
    pub feeds: Vec<Feed>,
    /// Endpoints whose last attempt failed, or that answered that they are gone.
    pub endpoints: Vec<EventEndpoint>,
    /// Why Stripe refused the checkouts that ended last, latest first; `None` for each that it did not refuse.
    pub refusals: Vec<Option<String>>,
    /// When the last event from Stripe was applied; `None` if none ever was.
    pub last_event_at: Option<DateTime<Utc>>,
}

/// Reads the report of this moment.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn load_report(context: &Context) -> Result<AttentionReport, WorkflowError> {
    let page = PageRequest {
        limit: ATTENTION_ENTRIES,
        cursor: None,
    };
    let newest = PageRequest {
        limit: 1,
        cursor: None,
    };
    let endpoints = event_endpoints::list_endpoints(context).await?;
    let last_event = queries::list_events(context, None, &newest).await?;
    Ok(AttentionReport {
        figures: queries::count_figures(context).await?,
        money_without_slot: list_payments(context, Attention::MoneyWithoutSlot, &page).await?,
        refunds_failed: list_payments(context, Attention::RefundFailed, &page).await?,
        disputed: list_payments(context, Attention::Disputed, &page).await?,
        not_adding_up: list_payments(context, Attention::DoesNotAddUp, &page).await?,
        slot_without_money: list_holds(context, Attention::SlotWithoutMoney, &page).await?,
        price_mismatches: list_holds(context, Attention::PriceMismatch, &page).await?,
        overdue: list_holds(context, Attention::Overdue, &page).await?,
        processing_long: list_holds(context, Attention::ProcessingLong, &page).await?,
        stuck: queries::list_commands(context, CommandFilter::Stuck, &page)
            .await?
            .entries,
        feeds: super::catalogue::list_faulty_feeds(context, ATTENTION_ENTRIES).await?,
        endpoints: endpoints
            .into_iter()
            .filter(|endpoint| endpoint.failing_since.is_some() || endpoint.is_gone)
            .collect(),
        refusals: queries::list_latest_refusals(context, ATTENTION_ENTRIES).await?,
        last_event_at: last_event.entries.first().map(|event| event.applied_at),
    })
}

async fn list_holds(
    context: &Context,
    attention: Attention,
    page: &PageRequest,
) -> Result<Vec<Booking>, WorkflowError> {
    let filter = HoldFilter {
        attention: Some(attention),
        ..HoldFilter::default()
    };
    Ok(queries::list_holds(context, filter, page).await?.entries)
}

async fn list_payments(
    context: &Context,
    attention: Attention,
    page: &PageRequest,
) -> Result<Vec<ListedPayment>, WorkflowError> {
    let filter = PaymentFilter {
        attention: Some(attention),
        ..PaymentFilter::default()
    };
    Ok(queries::list_payments(context, filter, page).await?.entries)
}
