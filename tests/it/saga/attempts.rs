//! Recovering attempts: the process died while Stripe was asked for a session, before it was made or after.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::sandbox::Outcome;
use holdfast::workflow::{Context, sweep};

use super::checkouts::{Won, wish};
use super::stage::Stage;
use super::{Scene, Story, every_step_goes_wrong};
use crate::support::faulty::{Fault, Plan};

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
async fn die(stage: &Stage, slot: &str, fault: Fault) {
    for step in 1.. {
        let plan = Plan::new(fault, step);
        let context = stage.disturbed(&plan);
        let process = tokio::spawn({
            let wish = wish(&format!("{step}"), slot);
            async move { holdfast::workflow::checkout::checkout(&context, wish).await }
        });
        plan.stopped().await;
        process.abort();
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
        let slot = stage.slot();
        let fault = match self.session {
            Session::NotMade => Fault::StoppedBefore,
            Session::Made | Session::Paid => Fault::StoppedAfter,
        };
        let before = stage.app.simulator.sessions().len();
        die(stage, &slot, fault).await;
        let made = stage.app.simulator.sessions().split_off(before);
        assert_eq!(made.len(), usize::from(self.session != Session::NotMade));
        if self.session == Session::Paid {
            stage.app.simulator.pay(&made[0].id, Outcome::Paid).unwrap();
        }
        // Only the recovery itself finds it out.
        for event in stage.app.simulator.pending_events() {
            stage.app.simulator.drop_event(&event.id);
        }
        stage.app.clock.advance(chrono::Duration::minutes(3));
        Scene {
            slot,
            ..Scene::default()
        }
    }

    async fn run(&self, _scene: &Scene, context: &Arc<Context>) -> bool {
        sweep::run_once(context)
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
        let paid = stage.app.simulator.intents().len();
        assert_eq!(
            stage.app.simulator.refunds().len(),
            paid,
            "nobody has a slot for that money"
        );
    }
}
