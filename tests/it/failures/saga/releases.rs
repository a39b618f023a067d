//! Giving slots back: the guest does, in time and too late; the sweep does, for those whose time is over.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::domain::booking::Actor;
use holdfast::domain::hold::{ReleaseReason, ReleaseRequester, Status};
use holdfast::domain::ids::HoldId;
use holdfast::sandbox::Outcome;
use holdfast::workflow::release_hold::{ReleaseOutcome as Released, release_hold};
use holdfast::workflow::{Context, sweep};

use super::stage::Stage;
use super::{Scene, Story, every_step_goes_wrong};

every_step_goes_wrong!(ByGuest { paid: false }, ByGuest { paid: true }, BySweep);

/// The guest turns back, before or after paying.
pub(super) struct ByGuest {
    pub(super) paid: bool,
}

#[async_trait]
impl Story for ByGuest {
    fn name(&self) -> String {
        format!("released by the guest, paid: {}", self.paid)
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        let mut scene = stage.scene();
        let hold = stage.hold(&scene.slot).await;
        if self.paid {
            stage.app.pay(&hold, Outcome::Paid);
        }
        scene.holds.push(hold);
        scene
    }

    async fn run(&self, scene: &Scene, context: &Arc<Context>) -> bool {
        let id = HoldId::parse(scene.holds[0].text("id")).unwrap();
        let expected = if self.paid {
            Status::Confirmed
        } else {
            Status::Released(ReleaseReason::Guest)
        };
        match release_hold(context, id, Some(ReleaseRequester::Guest), Actor::Guest).await {
            Ok(Released::Over(booking)) => booking.hold.status == expected,
            _ => false,
        }
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        let state = stage.app.state_of(&scene.holds[0]).await;
        let good: &[&str] = if self.paid {
            &["confirmed"]
        } else {
            // Where the guest's wish was not written down, the hold lapses like any other.
            &["released/guest", "released/expired"]
        };
        assert!(good.contains(&state.as_str()), "{state}");
    }
}

/// One that was left, one that was paid, one whose payment is slow, and no event told.
pub(super) struct BySweep;

#[async_trait]
impl Story for BySweep {
    fn name(&self) -> String {
        "sweep".to_owned()
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        let mut scene = stage.scene();
        for deed in [None, Some(Outcome::Paid), Some(Outcome::Processing)] {
            let hold = stage.hold(&stage.scene().slot).await;
            deed.into_iter().for_each(|deed| stage.app.pay(&hold, deed));
            scene.holds.push(hold);
        }
        stage.app.clock.advance(chrono::Duration::minutes(31));
        scene
    }

    async fn run(&self, _scene: &Scene, context: &Arc<Context>) -> bool {
        let report = sweep::sweep_once(context).await;
        report.is_ok_and(|report| (report.released, report.confirmed, report.failed) == (1, 1, 0))
    }

    fn plays_alone(&self) -> bool {
        true
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        for (hold, end) in scene
            .holds
            .iter()
            .zip(["released/expired", "confirmed", "processing"])
        {
            assert_eq!(stage.app.state_of(hold).await, end);
        }
    }
}
