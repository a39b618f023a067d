//! The calls to Stripe about refunds and disputes, for [`LedgerGateway`].

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use stripe_client_core::StripeRequest;
use stripe_core::dispute::ListDispute;
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_types::{RangeBoundsTs, RangeQueryTs};

use super::client::{StripeGateway, with_sorted_body};
use super::stripe_json::Kept;
use super::stripe_rate_limit::StripeEndpoint;
use super::transport::StripeCall;
use super::{COMMAND_KEY, GatewayError, LedgerGateway, ListFilter, ListPage, ledger_objects, stripe_objects};
use crate::domain::ids::{CommandId, DisputeId, IntentId, RefundId};
use crate::domain::ledger::snapshots::{DisputeSnapshot, RefundSnapshot};
use crate::domain::money::Money;

/// The most objects that Stripe puts on a page.
const PAGE_SIZE: i64 = 100;

fn to_range(from: DateTime<Utc>, to: DateTime<Utc>) -> RangeQueryTs {
    RangeQueryTs::Bounds(RangeBoundsTs {
        gte: Some(from.timestamp()),
        lte: Some(to.timestamp()),
        ..RangeBoundsTs::default()
    })
}

#[async_trait]
impl LedgerGateway for StripeGateway {
    async fn create_refund(
        &self,
        intent: &IntentId,
        money: Money,
        command: CommandId,
        key: &str,
    ) -> Result<RefundSnapshot, GatewayError> {
        let request = CreateRefund::new()
            .payment_intent(intent.as_str())
            .amount(money.amount)
            .metadata(HashMap::from([(COMMAND_KEY.to_owned(), command.to_string())]));
        let call = StripeCall {
            endpoint: StripeEndpoint::Refund,
            request: with_sorted_body(request.build()),
            idempotency_key: Some(key),
            kept: Kept::All,
            parse_response: |response| ledger_objects::parse_refund(&response.json),
        };
        self.send_call(&call).await
    }

    async fn list_refund_page(
        &self,
        filter: &ListFilter,
        after: Option<&RefundId>,
    ) -> Result<ListPage<RefundSnapshot>, GatewayError> {
        let mut request = ListRefund::new().limit(PAGE_SIZE);
        request = match filter {
            ListFilter::OfIntent(intent) => request.payment_intent(intent.as_str()),
            ListFilter::Created { from, to } => request.created(to_range(*from, *to)),
        };
        if let Some(after) = after {
            request = request.starting_after(after.as_str());
        }
        let call = StripeCall {
            endpoint: StripeEndpoint::ListRefunds,
            request: request.build(),
            idempotency_key: None,
            kept: Kept::All,
            parse_response: |response| {
                stripe_objects::parse_list(&response.json, ledger_objects::parse_refund)
            },
        };
        self.send_call(&call).await
    }

    async fn list_dispute_page(
        &self,
        filter: &ListFilter,
        after: Option<&DisputeId>,
    ) -> Result<ListPage<DisputeSnapshot>, GatewayError> {
        let mut request = ListDispute::new().limit(PAGE_SIZE);
        request = match filter {
            ListFilter::OfIntent(intent) => request.payment_intent(intent.as_str()),
            ListFilter::Created { from, to } => request.created(to_range(*from, *to)),
        };
        if let Some(after) = after {
            request = request.starting_after(after.as_str());
        }
        let call = StripeCall {
            endpoint: StripeEndpoint::ListDisputes,
            request: request.build(),
            idempotency_key: None,
            kept: Kept::All,
            parse_response: |response| {
                stripe_objects::parse_list(&response.json, ledger_objects::parse_dispute)
            },
        };
        self.send_call(&call).await
    }
}
