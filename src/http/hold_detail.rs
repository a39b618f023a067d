//! One hold as operators see it: with its money and its history.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::money_views::{DisputeView, LedgerView, RefundView};
use super::timestamps::serialize_instant;
use super::views::{AdminHoldView, HoldReasonView, HoldStatusView, to_reason_view};
use crate::domain::booking::{Actor, Booking, HistoryLine};

/// A hold with its money and its history.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AdminHoldDetail)]
pub(super) struct AdminHoldDetailView {
    /// The hold as operators see it.
    #[serde(flatten)]
    hold: AdminHoldView,
    /// Rises with each change of the hold. A release that names it meets no other state of the hold.
    #[schema(minimum = 1)]
    version: i64,
    /// Where the hold's money is.
    ledger: LedgerView,
    /// The refunds of its payments at Stripe, oldest first for each payment.
    refunds: Vec<RefundView>,
    /// The disputes of its payments at Stripe, oldest first for each payment.
    disputes: Vec<DisputeView>,
    /// Every transition, oldest first.
    history: Vec<HistoryView>,
}

impl AdminHoldDetailView {
    pub(super) fn new(booking: &Booking, history: &[HistoryLine]) -> Self {
        let payments = &booking.hold.payments;
        Self {
            hold: AdminHoldView::new(booking),
            version: booking.version,
            ledger: LedgerView::of_hold(&booking.hold),
            refunds: payments.iter().flat_map(RefundView::list).collect(),
            disputes: payments.iter().flat_map(DisputeView::list).collect(),
            history: history.iter().map(HistoryView::from).collect(),
        }
    }
}

/// One transition in the history of a hold.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = HistoryLine)]
struct HistoryView {
    /// When the transition happened.
    #[serde(serialize_with = "serialize_instant")]
    at: DateTime<Utc>,
    /// The status before; null on the first line.
    #[schema(required = true)]
    from: Option<HoldStatusView>,
    /// The status after; equal to `from` if something was only noted.
    to: HoldStatusView,
    /// Why the hold ended, if `to` is `released` or `cancelled`.
    #[schema(required = true)]
    reason: Option<HoldReasonView>,
    /// What happened, as a stable code for machines. `other` stands for lines that were written before there were codes.
    transition: String,
    /// What happened, in words for people.
    message: String,
    /// The party that caused it.
    by: ActorView,
    /// The name of the operator's key, if an operator caused it.
    #[schema(required = true)]
    actor: Option<String>,
    /// The id of the Stripe event that caused it, if one did.
    #[schema(required = true)]
    event: Option<String>,
}

/// Who causes a transition.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Actor)]
enum ActorView {
    /// A checkout that placed the hold, or found it overdue.
    Checkout,
    /// An event from Stripe.
    Event,
    /// The sweep of overdue holds.
    Sweep,
    /// The guest, by the token.
    Guest,
    /// An operator, by a key.
    Operator,
    /// The outbox worker, after Stripe carried out a command.
    Command,
}

impl From<&HistoryLine> for HistoryView {
    fn from(line: &HistoryLine) -> Self {
        let (by, actor, event) = match &line.actor {
            Actor::Checkout => (ActorView::Checkout, None, None),
            Actor::Event(id) => (ActorView::Event, None, Some(id.to_string())),
            Actor::Sweep => (ActorView::Sweep, None, None),
            Actor::Guest => (ActorView::Guest, None, None),
            Actor::Operator(name) => (ActorView::Operator, name.clone(), None),
            Actor::Command => (ActorView::Command, None, None),
        };
        Self {
            at: line.at,
            from: line.from.map(HoldStatusView::from),
            to: line.to.into(),
            reason: to_reason_view(line.to),
            transition: line.transition.clone(),
            message: line.message.clone(),
            by,
            actor,
            event,
        }
    }
}
