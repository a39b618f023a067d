//! Carrying out commands: ending a session, and giving money back, with a hold and without.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::sandbox::Outcome;
use holdfast::workflow::{Context, outbox};

use super::events::{News, given_back};
use super::stage::Stage;
use super::{Scene, Story, every_step_goes_wrong};

every_step_goes_wrong!(
    Ordered(CommandAction::Expire),
    Ordered(CommandAction::ExpirePaid),
    Ordered(CommandAction::Refund(News::LateAndTaken)),
    Ordered(CommandAction::Refund(News::NoHold)),
);

/// What Stripe is to be told.
#[derive(Clone, Copy, Debug)]
pub(super) enum CommandAction {
    /// To end a session that nobody was given.
    Expire,
    /// To end one that was paid.
    ExpirePaid,
    /// To give money back that this news brought.
    Refund(News),
}

/// The command is on the books.
pub(super) struct Ordered(pub(super) CommandAction);

#[async_trait]
impl Story for Ordered {
    fn name(&self) -> String {
        format!("command: {:?}", self.0)
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        let scene = match self.0 {
            CommandAction::Refund(news) => {
                let scene = news.prepare(stage).await;
                assert!(news.run(&scene, &stage.fresh()).await);
                scene
            }
            CommandAction::Expire | CommandAction::ExpirePaid => {
                lost(stage, matches!(self.0, CommandAction::ExpirePaid)).await
            }
        };
        assert_eq!(stage.count("commands WHERE done_at IS NULL").await, 1);
        scene
    }

    async fn run(&self, _scene: &Scene, context: &Arc<Context>) -> bool {
        let report = outbox::run_due_commands(context).await;
        report.is_ok_and(|report| report.done >= 1 && report.failed == 0)
    }

    fn stripe_tells_first(&self) -> bool {
        matches!(self.0, CommandAction::Refund(_))
    }

    fn plays_alone(&self) -> bool {
        true
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        match self.0 {
            CommandAction::Refund(news) => news.check(stage, scene).await,
            CommandAction::Expire => assert_eq!(given_back(stage, &scene.holds[0]), 0),
            CommandAction::ExpirePaid => assert_eq!(given_back(stage, &scene.holds[0]), 5000),
        }
    }
}

/// A session whose hold was never placed, and the order to end it.
pub(super) async fn lost(stage: &Stage, paid: bool) -> Scene {
    let mut scene = stage.scene();
    let hold = stage.hold(&scene.slot).await;
    let (id, session) = (hold.text("id"), hold.text("checkout_session"));
    for (books, column) in [
        ("occupancy", "hold_id"),
        ("hold_history", "hold_id"),
        ("holds", "id"),
    ] {
        let statement = format!("DELETE FROM {books} WHERE {column} = '{id}'");
        assert_ne!(stage.app.database.execute(&statement).await, 0, "{books}");
    }
    stage.app.count_anew().await;
    let revived = format!("UPDATE checkout_attempts SET state = 'lost' WHERE hold_id = '{id}'");
    assert_eq!(stage.app.database.execute(&revived).await, 1);
    if paid {
        stage.app.pay(&hold, Outcome::Paid);
    }
    for event in stage.app.simulator.pending_events() {
        stage.app.simulator.drop_event(&event.id);
    }
    let hold_id = holdfast::domain::ids::HoldId::parse(id).unwrap();
    let session = holdfast::domain::ids::SessionId::new(session);
    let store = &stage.app.context.store;
    store
        .abandon_attempt(hold_id, &session, stage.app.clock_now())
        .await
        .unwrap();
    scene.holds.push(hold);
    scene
}
