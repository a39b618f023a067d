//! Recovering attempts: the process died while Stripe was asked for a session, before it was made or after.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::sandbox::Outcome;
use holdfast::workflow::{Context, sweep};

use holdfast::domain::ids::{IntentId, SessionId};
use holdfast::domain::money::Money;
use holdfast::domain::session::{NewSession, SessionReport, SessionTerms};
use holdfast::gateway::{Gateway, GatewayError, Probe, Refusal};

use super::checkouts::{Won, wish};
use super::stage::Stage;
use super::{Scene, Story, every_step_goes_wrong};
use crate::support::faulty::{Fault, Plan};
use crate::support::on_both_engines;

every_step_goes_wrong!(
    Died {
        session: Session::NotMade
    },
    Died {
        session: Session::Made
    },
    Died {
        session: Session::Paid
    },
);

/// What became of the session that nobody was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    NotMade,
    Made,
    /// Somebody paid it all the same.
    Paid,
}

/// The attempt of a process that died is two minutes old.
pub(super) struct Died {
    pub(super) session: Session,
}

/// Runs a checkout up to its call for a session.
async fn die(stage: &Stage, scene: &Scene, fault: Fault) {
    for step in 1.. {
        let plan = Plan::new(fault, step);
        let context = stage.disturbed(&plan);
        let process = tokio::spawn({
            let wish = wish(&format!("{step}"), scene.sale, &scene.slot);
            async move { holdfast::workflow::start_checkout::start_checkout(&context, wish).await }
        });
        plan.end(process).await;
        if plan.calls().last() == Some(&"create_session") {
            return;
        }
    }
}

#[async_trait]
impl Story for Died {
    fn name(&self) -> String {
        format!("recovery of an attempt, session {:?}", self.session)
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        let mut scene = stage.scene();
        let fault = match self.session {
            Session::NotMade => Fault::StoppedBefore,
            Session::Made | Session::Paid => Fault::StoppedAfter,
        };
        let before = stage.app.simulator.sessions().len();
        die(stage, &scene, fault).await;
        let made = stage.app.simulator.sessions().split_off(before);
        assert_eq!(made.len(), usize::from(self.session != Session::NotMade));
        if self.session == Session::Paid {
            stage.app.simulator.pay(&made[0].id, Outcome::Paid).unwrap();
        }
        // Only the recovery itself finds it out.
        for event in stage.app.simulator.pending_events() {
            stage.app.simulator.drop_event(&event.id);
        }
        stage.app.database.end_leases().await;
        scene.nobodys = made.into_iter().map(|session| session.id).collect();
        scene
    }

    async fn run(&self, _scene: &Scene, context: &Arc<Context>) -> bool {
        sweep::sweep_once(context)
            .await
            .is_ok_and(|report| report.failed == 0)
    }

    async fn go_on(&self, stage: &Stage, scene: &Scene) {
        Won.go_on(stage, scene).await;
    }

    fn plays_alone(&self) -> bool {
        true
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        Won.check(stage, scene).await;
        for intent in stage.app.simulator.intents() {
            let refunds = stage.app.simulator.refunds();
            let back = refunds
                .iter()
                .filter(|refund| refund.payment_intent == intent.id)
                .count();
            let nobodys = scene.nobodys.contains(&intent.session);
            assert!(!nobodys || back == 1, "nobody has a slot for that money");
        }
    }
}

/// A Stripe that takes our key for a wrong one.
struct Locked;

fn locked<T>() -> Result<T, GatewayError> {
    let kind = "invalid_request_error".to_owned();
    Err(GatewayError::Refused(Refusal {
        status: 401,
        kind,
        ..Refusal::default()
    }))
}

#[async_trait]
impl Gateway for Locked {
    async fn create_session(&self, _: &SessionTerms) -> Result<NewSession, GatewayError> {
        locked()
    }

    async fn expire_session(&self, _: &SessionId) -> Result<SessionReport, GatewayError> {
        locked()
    }

    async fn session(&self, _: &SessionId) -> Result<SessionReport, GatewayError> {
        locked()
    }

    async fn refund(&self, _: &IntentId, _: Money, _: &str) -> Result<(), GatewayError> {
        locked()
    }

    async fn probe(&self) -> Result<Probe, GatewayError> {
        locked()
    }
}

on_both_engines! {
    async fn a_key_that_stripe_refuses_says_nothing_about_a_session(engine) {
        let stage = Stage::set(engine).await;
        let scene = Died { session: Session::Made }.prepare(&stage).await;
        stage.app.database.end_leases().await;
        let begun = stage.unfinished().await;
        let report = sweep::sweep_once(&stage.with_stripe(Arc::new(Locked))).await.unwrap();
        assert!(begun > 0 && report.failed > 0);
        assert_eq!(stage.unfinished().await, begun, "all attempts are still to be recovered");
        stage.sweep_after(1).await;
        assert_eq!(stage.unfinished().await, 0);
        assert_eq!(stage.app.simulator.session(&scene.nobodys[0]).unwrap().status, "expired");
    }
}
