//! The Stripe of a replayed workflow, which passes each call to the script; `stripe` simulates what Stripe does.

use async_trait::async_trait;
use holdfast::domain::ids::{CommandId, DisputeId, IntentId, RefundId, SessionId};
use holdfast::domain::ledger::snapshots::{DisputeSnapshot, RefundSnapshot};
use holdfast::domain::money::Money;
use holdfast::domain::session::{NewSession, SessionReport, SessionTerms};
use holdfast::gateway::{Gateway, GatewayError, LedgerGateway, ListFilter, ListPage, Probe, WebhookEndpoint};

use crate::call::{Call, Guest, Reply, by_intent, by_session, session_id};
use crate::doubles::{Script, command_index, unexpected};

#[async_trait]
impl Gateway for Script {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        let guest = self.guest(terms.hold);
        self.stripe(Call::CreateSession(guest)).await.map(|_| NewSession {
            id: session_id(guest),
            url: "https://stripe.example/pay".into(),
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
    async fn refund_payment(&self, intent: &IntentId, money: Money, key: &str) -> Result<(), GatewayError> {
        let key = command_index(&CommandId(key.parse().unwrap()));
        let call = Call::RefundPayment(by_intent(intent), money, key);
        self.stripe(call).await.map(|_| ())
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
        _: &IntentId,
        _: Money,
        _: CommandId,
        _: &str,
    ) -> Result<RefundSnapshot, GatewayError> {
        unimplemented!()
    }
    async fn retrieve_refund(&self, _: &RefundId) -> Result<RefundSnapshot, GatewayError> {
        unimplemented!()
    }
    async fn list_refund_page(
        &self,
        _: &ListFilter,
        _: Option<&RefundId>,
    ) -> Result<ListPage<RefundSnapshot>, GatewayError> {
        unimplemented!()
    }
    async fn list_dispute_page(
        &self,
        _: &ListFilter,
        _: Option<&DisputeId>,
    ) -> Result<ListPage<DisputeSnapshot>, GatewayError> {
        unimplemented!()
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
