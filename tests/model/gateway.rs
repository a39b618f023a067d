//! Stripe as a workflow sees it while it is replayed; what it does is in `stripe`.

use async_trait::async_trait;
use holdfast::domain::ids::{CommandId, IntentId, SessionId};
use holdfast::domain::money::Money;
use holdfast::domain::session::{NewSession, SessionReport, SessionTerms};
use holdfast::gateway::{Gateway, GatewayError, Probe};

use crate::call::{Answer, Ask, Guest, by_intent, by_session, hold_id, session_id};
use crate::doubles::{Script, order_of, stray};

#[async_trait]
impl Gateway for Script {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        let guest = self.guest(terms.hold);
        self.stripe(Ask::Create(guest)).await.map(|_| NewSession {
            id: session_id(guest),
            url: "https://stripe.example/pay".into(),
        })
    }
    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let guest = by_session(id);
        report(guest, self.stripe(Ask::Expire(guest)).await?)
    }
    async fn session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let guest = by_session(id);
        report(guest, self.stripe(Ask::Read(guest)).await?)
    }
    async fn refund(&self, intent: &IntentId, money: Money, key: &str) -> Result<(), GatewayError> {
        let key = order_of(&CommandId(key.parse().unwrap()));
        let ask = Ask::Refund(by_intent(intent), money, key);
        self.stripe(ask).await.map(|_| ())
    }
    async fn probe(&self) -> Result<Probe, GatewayError> {
        unimplemented!()
    }
}

fn report(guest: Guest, answer: Answer) -> Result<SessionReport, GatewayError> {
    match answer {
        Answer::Session(status) => Ok(SessionReport {
            id: session_id(guest),
            hold: Some(hold_id(guest)),
            status,
        }),
        other => stray(&other),
    }
}
