//! Settling: each kind of news that Stripe can bring, told once more where it was not taken.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::domain::hold::Fact;
use holdfast::domain::ids::{EventId, SessionId};
use holdfast::domain::session::HoldRefs;
use holdfast::gateway::webhook::{self, Event, EventContent};
use holdfast::sandbox::Outcome;
use holdfast::workflow::{Context, apply_fact};

use super::stage::Stage;
use super::{Scene, Story, every_step_goes_wrong};
use crate::support::app::Answer;
use crate::support::offers::block;
use News::*;

every_step_goes_wrong!(
    Paid,
    Slow,
    SlowArrived,
    SlowFailed,
    Expired,
    Declined,
    Refunded,
    Disputed,
    LateAndFree,
    LateAndTaken,
    LateAndOthers,
    NoHold,
);

/// What has happened at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The guest paid.
    Paid,
    /// The guest paid by a delayed method.
    Slow,
    /// The delayed payment arrived.
    SlowArrived,
    /// The delayed payment failed.
    SlowFailed,
    /// The session ended by itself.
    Expired,
    /// A card was declined.
    Declined,
    /// The shop gave the money back by hand.
    Refunded,
    /// The guest's bank took the money back.
    Disputed,
    /// The guest paid when the hold was released, and the slot is still free.
    LateAndFree,
    /// The guest paid when the hold was released, and someone else has the slot.
    LateAndTaken,
    /// The guest paid when the hold was released, and one whom they had is busy, another is not.
    LateAndOthers,
    /// The guest paid for a hold that is not on the books.
    NoHold,
}

impl News {
    /// What is settled before.
    async fn before(self, stage: &Stage, hold: &Answer) -> Vec<Answer> {
        match self {
            Paid | Slow | Expired | Declined => {}
            SlowArrived | SlowFailed => stage.app.pay(hold, Outcome::Processing),
            Refunded | Disputed => stage.app.pay(hold, Outcome::Paid),
            LateAndFree => give_up(stage, hold).await,
            LateAndTaken => {
                give_up(stage, hold).await;
                let other = stage.hold(hold.text("starts_at")).await;
                stage.app.pay(&other, Outcome::Paid);
                stage.app.deliver_all().await;
                return vec![other];
            }
            LateAndOthers => {
                give_up(stage, hold).await;
                let first = &hold.body["segments"][0];
                let [room, from, to] =
                    ["resource", "starts_at", "ends_at"].map(|name| first[name].as_str().unwrap());
                block(&stage.app, room, hold.text("id"), from, to)
                    .await
                    .expect(201);
            }
            NoHold => stage.app.forget(hold).await,
        }
        stage.app.deliver_all().await;
        Vec::new()
    }

    /// What Stripe is about to tell.
    fn happen(self, stage: &Stage, hold: &Answer) {
        let app = &stage.app;
        let session = hold.text("checkout_session");
        let intent = || app.simulator.session(session).unwrap().payment_intent.unwrap();
        match self {
            Paid | LateAndFree | LateAndTaken | LateAndOthers | NoHold => app.pay(hold, Outcome::Paid),
            Slow => app.pay(hold, Outcome::Processing),
            SlowArrived => app.pay(hold, Outcome::ProcessingSucceeded),
            SlowFailed => app.pay(hold, Outcome::ProcessingFailed),
            Expired => app.simulator.expire(session).unwrap(),
            Declined => app.pay(hold, Outcome::Declined),
            Refunded => app.simulator.refund_from_dashboard(&intent(), None).unwrap(),
            Disputed => app.simulator.dispute(&intent()).unwrap(),
        }
    }

    fn end(self) -> &'static str {
        match self {
            Paid | SlowArrived | Disputed | LateAndFree | LateAndOthers => "confirmed",
            Slow => "processing",
            SlowFailed => "released/payment_failed",
            Expired | Declined => "released/expired",
            Refunded => "cancelled/refunded",
            LateAndTaken => "released/late_payment_refunded",
            NoHold => "",
        }
    }
}

#[async_trait]
impl Story for News {
    fn name(&self) -> String {
        format!("{self:?} is told")
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        let mut scene = stage.scene();
        let hold = stage.hold(&scene.slot).await;
        let others = self.before(stage, &hold).await;
        let before = stage.app.simulator.events().len();
        self.happen(stage, &hold);
        let events = stage.app.simulator.events().split_off(before);
        scene.holds.push(hold);
        scene.holds.extend(others);
        scene.events = events.into_iter().map(|event| event.payload).collect();
        scene
    }

    async fn run(&self, scene: &Scene, context: &Arc<Context>) -> bool {
        let mut well = true;
        for body in &scene.events {
            let event = webhook::read(body.as_bytes()).unwrap();
            well &= apply_fact::apply_event(context, event, body).await.is_ok();
        }
        well
    }

    fn stripe_tells_first(&self) -> bool {
        true
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        let hold = &scene.holds[0];
        if *self != NoHold {
            assert_eq!(stage.app.state_of(hold).await, self.end());
        }
        for other in &scene.holds[1..] {
            assert_eq!(stage.app.state_of(other).await, "confirmed");
        }
        assert_eq!(
            given_back(stage, hold),
            i64::from(matches!(self, Refunded | LateAndTaken | NoHold)) * 5000
        );
    }
}

/// How much of what was paid for a hold has gone back.
pub(super) fn given_back(stage: &Stage, hold: &Answer) -> i64 {
    let session = stage
        .app
        .simulator
        .session(hold.text("checkout_session"))
        .unwrap();
    let refunds = stage.app.simulator.refunds();
    let of_it = refunds
        .iter()
        .filter(|refund| Some(&refund.payment_intent) == session.payment_intent.as_ref());
    of_it.map(|refund| refund.amount).sum()
}

/// The hold is released although its session can still be paid: the operator's hand, or Stripe taking a word back.
async fn give_up(stage: &Stage, hold: &Answer) {
    let session = hold.text("checkout_session");
    let over = Event {
        id: EventId::new(format!("evt_over_{session}")),
        kind: "checkout.session.expired".to_owned(),
        livemode: false,
        content: EventContent::Relevant {
            refs: HoldRefs {
                session: Some(SessionId::new(session)),
                ..HoldRefs::default()
            },
            fact: Fact::SessionDead,
            money: None,
            ours: true,
        },
    };
    apply_fact::apply_event(&stage.fresh(), over, "{}").await.unwrap();
    assert_eq!(stage.app.state_of(hold).await, "released/expired");
}
