//! The Stripe of a replayed workflow, which passes each call to the script; `stripe` simulates what Stripe does.

use async_trait::async_trait;
use holdfast::domain::ids::{CommandId, DisputeId, IntentId, RefundId, SessionId};
use holdfast::domain::ledger::snapshots::{DisputeSnapshot, RefundSnapshot};
use holdfast::domain::money::Money;
use holdfast::domain::session::{NewSession, PaymentPage, SessionReport, SessionTerms};
use holdfast::gateway::{Gateway, GatewayError, LedgerGateway, ListFilter, ListPage, Probe, WebhookEndpoint};

use crate::call::{Call, Guest, Reply, by_intent, by_session, session_id};
use crate::commands::key_text;
use crate::doubles::{Script, command_index, unexpected};

#[async_trait]
impl Gateway for Script {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        let guest = self.guest(terms.hold);
        self.stripe(Call::CreateSession(guest)).await.map(|_| NewSession {
            id: session_id(guest),
            page: PaymentPage::Hosted("https://stripe.example/pay".into()),
        })
    }
    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let guest = by_session(id);
        report(guest, self.stripe(Call::ExpireSession(guest)).await?)
    }
    async fn retrieve_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let guest = by_session(id);
        report(guest, self.stripe(Call::ReadSession(guest)).await?)
    }
    async fn probe_account(&self) -> Result<Probe, GatewayError> {
        unimplemented!()
    }
    async fn list_webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, GatewayError> {
        unimplemented!()
    }
}

#[async_trait]
impl LedgerGateway for Script {
    async fn create_refund(
        &self,
        intent: &IntentId,
        money: Money,
        command: CommandId,
        key: &str,
    ) -> Result<RefundSnapshot, GatewayError> {
        let first = command.to_string();
        let number = (0..=u8::MAX).find(|n| {
            if *n == 0 {
                key == first
            } else {
                key == key_text(*n)
            }
        });
        let call = Call::CreateRefund(by_intent(intent), money, command_index(&command), number.unwrap());
        match self.stripe(call).await? {
            Reply::Refund(refund) => Ok(refund),
            other => unexpected(&other),
        }
    }
    async fn list_refund_page(
        &self,
        filter: &ListFilter,
        _: Option<&RefundId>,
    ) -> Result<ListPage<RefundSnapshot>, GatewayError> {
        match self.stripe(Call::ListRefunds(listed(filter))).await? {
            Reply::Refunds(items) => Ok(ListPage {
                items,
                has_more: false,
            }),
            other => unexpected(&other),
        }
    }
    async fn list_dispute_page(
        &self,
        filter: &ListFilter,
        _: Option<&DisputeId>,
    ) -> Result<ListPage<DisputeSnapshot>, GatewayError> {
        match self.stripe(Call::ListDisputes(listed(filter))).await? {
            Reply::Disputes(items) => Ok(ListPage {
                items,
                has_more: false,
            }),
            other => unexpected(&other),
        }
    }
}

/// The guest whose payment is listed.
fn listed(filter: &ListFilter) -> Guest {
    match filter {
        ListFilter::OfIntent(intent) => by_intent(intent),
        ListFilter::Created { .. } => unimplemented!(),
    }
}

fn report(guest: Guest, reply: Reply) -> Result<SessionReport, GatewayError> {
    match reply {
        Reply::Session(status) => Ok(SessionReport {
            id: session_id(guest),
            status,
        }),
        other => unexpected(&other),
    }
}
