//! Changes of mind about what is paid: cancelling it and moving it.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::domain::booking::Actor;
use holdfast::domain::hold::Refund;
use holdfast::domain::ids::HoldId;
use holdfast::workflow::Context;
use holdfast::workflow::cancel_hold::{self, CancelOutcome as Outcome};
use holdfast::workflow::move_hold::{self, MoveRequest};

use super::events::given_back;
use super::stage::Stage;
use super::{Scene, Story, every_step_goes_wrong};
use crate::support::shop::after;

every_step_goes_wrong!(
    Cancelled::Whole,
    Cancelled::Part,
    Cancelled::ByGuest,
    MoveOutcome::Away,
    MoveOutcome::OntoItself
);

/// A confirmed hold, alone on the scene.
async fn sold(stage: &Stage) -> Scene {
    let mut scene = stage.scene();
    let hold = stage.hold(&scene.slot).await;
    stage.app.confirm(&hold).await;
    scene.holds.push(hold);
    scene
}

fn id(scene: &Scene) -> HoldId {
    HoldId::parse(scene.holds[0].text("id")).unwrap()
}

/// How it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// By the operator, and all money goes back.
    Whole,
    /// By the operator, who keeps a part.
    Part,
    /// By the guest.
    ByGuest,
}

#[async_trait]
impl Story for Cancelled {
    fn name(&self) -> String {
        format!("cancelled: {self:?}")
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        sold(stage).await
    }

    async fn run(&self, scene: &Scene, context: &Arc<Context>) -> bool {
        let id = id(scene);
        let done = match self {
            Self::Whole => cancel_hold::cancel_by_operator(context, id, Refund::Full, None).await,
            Self::Part => cancel_hold::cancel_by_operator(context, id, Refund::Part(2000), None).await,
            Self::ByGuest => cancel_hold::cancel_by_guest(context, id).await,
        };
        matches!(done, Ok(Outcome::Over(_)))
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        let hold = &scene.holds[0];
        let (reason, back) = match self {
            Self::Whole => ("cancelled/operator", 5000),
            Self::Part => ("cancelled/operator", 2000),
            Self::ByGuest => ("cancelled/guest", 5000),
        };
        // Where nothing was written, whoever asked was told so, and it is as it was; else all of it happened.
        let state = stage.app.state_of(hold).await;
        let expected = if state == "confirmed" { 0 } else { back };
        assert!(state == "confirmed" || state == reason, "{state}");
        assert_eq!(given_back(stage, hold), expected);
    }
}

/// To a slot that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MoveOutcome {
    Away,
    /// But for its own old windows.
    OntoItself,
}

#[async_trait]
impl Story for MoveOutcome {
    fn name(&self) -> String {
        format!("moved: {self:?}")
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        let scene = sold(stage).await;
        let slot = match self {
            Self::Away => stage.scene().slot,
            Self::OntoItself => after(&scene.slot, 20),
        };
        Scene { slot, ..scene }
    }

    async fn run(&self, scene: &Scene, context: &Arc<Context>) -> bool {
        let request = MoveRequest {
            hold: id(scene),
            starts_at: scene.slot.parse().unwrap(),
            resource: None,
            cause: Actor::Operator,
        };
        move_hold::move_hold(context, request).await.is_ok()
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        let hold = &scene.holds[0];
        let shown = stage.app.hold(hold.text("id")).await;
        assert_eq!(shown["status"], "confirmed");
        let (home, target) = (hold.text("starts_at"), scene.slot.as_str());
        let (left, kept) = match shown["starts_at"].as_str().unwrap() {
            at if at == target => (home, target),
            at => {
                assert_eq!(at, home);
                (target, home)
            }
        };
        let busy = stage.app.checkout(&stage.order(kept)).await;
        busy.expect_problem(409, "slot_taken");
        let next = stage.app.checkout(&stage.order(left)).await;
        match self {
            Self::Away => drop(stage.app.cancel(&next.expect(201)).await.expect(200)),
            Self::OntoItself => drop(next.expect_problem(409, "slot_taken")),
        }
    }
}
