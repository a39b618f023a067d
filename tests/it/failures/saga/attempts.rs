//! Recovers attempts of a process that stopped during its call for a session, before or after Stripe created it.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::{Context, sweep};

use holdfast::domain::ids::{CommandId, DisputeId, IntentId, RefundId, SessionId};
use holdfast::domain::ledger::snapshots::{DisputeSnapshot, RefundSnapshot};
use holdfast::domain::money::Money;
use holdfast::domain::session::{NewSession, SessionReport, SessionTerms};
use holdfast::gateway::{
    Gateway, GatewayError, LedgerGateway, ListFilter, ListPage, Probe, Refusal, WebhookEndpoint,
};

use super::checkouts::{Won, checkout_request};
use super::fixture::SagaFixture;
use super::{Scenario, WorkflowCase, fault_at_every_step};
use crate::support::fault_injection::{Fault, Plan};
use crate::support::on_both_engines;

fault_at_every_step!(
    StoppedAttempt {
        session: SessionState::NotCreated
    },
    StoppedAttempt {
        session: SessionState::Created
    },
    StoppedAttempt {
        session: SessionState::Paid
    },
);

/// The state of the session that no guest received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionState {
    NotCreated,
    Created,
    /// The guest paid although the service never returned the session.
    Paid,
}

/// The recovery of an attempt whose process stopped. Its lease is over.
pub(super) struct StoppedAttempt {
    pub(super) session: SessionState,
}

/// Stops a checkout before or after its `create_session` call.
async fn stop_at_create_session(fixture: &SagaFixture, scenario: &Scenario, fault: Fault) {
    for step in 1.. {
        let plan = Plan::new(fault, step);
        let context = fixture.faulty_context(&plan);
        let process = tokio::spawn({
            let request = checkout_request(&format!("{step}"), scenario.offer, &scenario.slot);
            async move { holdfast::workflow::start_checkout::start_checkout(&context, request).await }
        });
        plan.end(process).await;
        if plan.calls().last() == Some(&"create_session") {
            return;
        }
    }
}

#[async_trait]
impl WorkflowCase for StoppedAttempt {
    fn name(&self) -> String {
        format!("recovery of an attempt, session {:?}", self.session)
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = fixture.new_scenario();
        let fault = match self.session {
            SessionState::NotCreated => Fault::StoppedBefore,
            SessionState::Created | SessionState::Paid => Fault::StoppedAfter,
        };
        let before = fixture.app.simulator.sessions().len();
        stop_at_create_session(fixture, &scenario, fault).await;
        let created = fixture.app.simulator.sessions().split_off(before);
        assert_eq!(
            created.len(),
            usize::from(self.session != SessionState::NotCreated)
        );
        if self.session == SessionState::Paid {
            fixture
                .app
                .simulator
                .pay(&created[0].id, PaymentOutcome::Paid)
                .unwrap();
        }
        // The recovery must find out the session's state without an event.
        for event in fixture.app.simulator.pending_events() {
            fixture.app.simulator.drop_event(&event.id);
        }
        fixture.app.database.expire_all_leases().await;
        scenario.orphan_sessions = created.into_iter().map(|session| session.id).collect();
        scenario
    }

    async fn run_workflow(&self, _scenario: &Scenario, context: &Arc<Context>) -> bool {
        sweep::sweep_once(context)
            .await
            .is_ok_and(|report| report.failed == 0)
    }

    async fn retry_as_guest(&self, fixture: &SagaFixture, scenario: &Scenario) {
        Won.retry_as_guest(fixture, scenario).await;
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        Won.check_result(fixture, scenario).await;
        for intent in fixture.app.simulator.intents() {
            let refunds = fixture.app.simulator.refunds();
            let refund_count = refunds
                .iter()
                .filter(|refund| refund.payment_intent == intent.id)
                .count();
            let is_orphan = scenario.orphan_sessions.contains(&intent.session);
            assert!(
                !is_orphan || refund_count == 1,
                "a payment without a hold is refunded once"
            );
        }
    }
}

/// A gateway whose every call fails with 401: Stripe refuses the API key.
struct RefusedKeyGateway;

fn refuse_key<T>() -> Result<T, GatewayError> {
    let kind = "invalid_request_error".to_owned();
    Err(GatewayError::Refused(Refusal {
        status: 401,
        kind,
        ..Refusal::default()
    }))
}

#[async_trait]
impl Gateway for RefusedKeyGateway {
    async fn create_session(&self, _: &SessionTerms) -> Result<NewSession, GatewayError> {
        refuse_key()
    }

    async fn expire_session(&self, _: &SessionId) -> Result<SessionReport, GatewayError> {
        refuse_key()
    }

    async fn retrieve_session(&self, _: &SessionId) -> Result<SessionReport, GatewayError> {
        refuse_key()
    }

    async fn probe_account(&self) -> Result<Probe, GatewayError> {
        refuse_key()
    }

    async fn list_webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, GatewayError> {
        refuse_key()
    }
}

#[async_trait]
impl LedgerGateway for RefusedKeyGateway {
    async fn create_refund(
        &self,
        _: &IntentId,
        _: Money,
        _: CommandId,
        _: &str,
    ) -> Result<RefundSnapshot, GatewayError> {
        refuse_key()
    }

    async fn list_refund_page(
        &self,
        _: &ListFilter,
        _: Option<&RefundId>,
    ) -> Result<ListPage<RefundSnapshot>, GatewayError> {
        refuse_key()
    }

    async fn list_dispute_page(
        &self,
        _: &ListFilter,
        _: Option<&DisputeId>,
    ) -> Result<ListPage<DisputeSnapshot>, GatewayError> {
        refuse_key()
    }
}

on_both_engines! {
    async fn refused_api_key_is_no_verdict_on_a_session(engine) {
        let fixture = SagaFixture::start(engine).await;
        let scenario = StoppedAttempt { session: SessionState::Created }.prepare(&fixture).await;
        fixture.app.database.expire_all_leases().await;
        let before = fixture.count_unfinished().await;
        let report = sweep::sweep_once(&fixture.context_with_gateway(Arc::new(RefusedKeyGateway))).await.unwrap();
        assert!(before > 0 && report.failed > 0);
        assert_eq!(fixture.count_unfinished().await, before, "every attempt still needs recovery");
        fixture.advance_and_sweep(1).await;
        assert_eq!(fixture.count_unfinished().await, 0);
        assert_eq!(fixture.app.simulator.session(&scenario.orphan_sessions[0]).unwrap().status, "expired");
    }
}
