//! Lists all money that came in, also without a hold.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::attention::AttentionView;
use super::pagination::{List, PageQuery, to_page_request};
use crate::domain::ids::HoldId;
use crate::domain::listing::{ListedPayment, PaymentFilter};
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Cursor, Limit};
use crate::http::money_views::{DisputeView, LedgerView, PaymentView, RefundView};
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::timestamps::serialize_instant;
use crate::workflow::queries;

/// A payment with its refunds and disputes.
#[derive(Serialize, ToSchema)]
#[schema(as = ListedPayment)]
pub(in crate::http) struct ListedPaymentView {
    /// The payment as its hold shows it.
    #[serde(flatten)]
    payment: PaymentView,
    /// The hold that it belongs to; null if it never had one.
    #[schema(required = true)]
    hold: Option<Uuid>,
    /// The hold that the metadata of a payment without a hold names; null otherwise.
    #[schema(required = true)]
    claimed_hold: Option<Uuid>,
    /// Where its money is.
    ledger: LedgerView,
    /// Its refunds at Stripe, oldest first.
    refunds: Vec<RefundView>,
    /// Its disputes at Stripe, oldest first.
    disputes: Vec<DisputeView>,
    /// When it was recorded.
    #[serde(serialize_with = "serialize_instant")]
    created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(serialize_with = "serialize_instant")]
    updated_at: DateTime<Utc>,
}

impl From<&ListedPayment> for ListedPaymentView {
    fn from(listed: &ListedPayment) -> Self {
        Self {
            payment: PaymentView::from(&listed.payment),
            hold: listed.hold.map(|hold| hold.0),
            claimed_hold: listed.claimed_hold.map(|hold| hold.0),
            ledger: LedgerView::of_payment(&listed.payment),
            refunds: RefundView::list(&listed.payment),
            disputes: DisputeView::list(&listed.payment),
            created_at: listed.created_at,
            updated_at: listed.updated_at,
        }
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct PaymentListQuery {
    #[deserr(default)]
    attention: Option<AttentionView>,
    #[deserr(default)]
    hold: Option<HoldId>,
    #[deserr(default)]
    from: Option<DateTime<Utc>>,
    #[deserr(default)]
    to: Option<DateTime<Utc>>,
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Lists payments, newest first: those of holds, and those that never had a hold.
#[utoipa::path(
    get, path = "/v1/admin/payments", operation_id = "listPayments", tag = "operators",
    params(
        ("attention" = Option<AttentionView>, Query, description = "only payments that an operator must look at"),
        ("hold" = Option<Uuid>, Query, description = "only payments of this hold"),
        (
            "from" = Option<DateTime<Utc>>, Query,
            description = "only payments that were recorded at this time or later, RFC 3339"
        ),
        (
            "to" = Option<DateTime<Utc>>, Query,
            description = "only payments that were recorded before this time, RFC 3339"
        ),
        PageQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The payments", body = List<ListedPaymentView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_payments(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<ListedPaymentView>>, Problem> {
    let query: PaymentListQuery = parse_query(query.as_deref())?;
    if matches!(
        query.attention,
        Some(AttentionView::Overdue | AttentionView::ProcessingLong)
    ) {
        return Err(Problem::invalid_field(
            "attention",
            "is a reason to look at holds, not at payments",
        ));
    }
    let filter = PaymentFilter {
        attention: query.attention.map(Into::into),
        hold: query.hold,
        from: query.from,
        to: query.to,
        ..PaymentFilter::default()
    };
    let page = to_page_request(query.limit, query.cursor);
    let found = queries::list_payments(&server.context, filter, &page).await?;
    Ok(List::from_page(&found, ListedPaymentView::from))
}
