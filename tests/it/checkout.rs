//! Starting a checkout: the slot is held once, its URL leaves only then, and the key gives the same answer again.

use holdfast::sandbox::Outcome;

use crate::support::app::{TestApp, order};
use crate::support::on_both_engines;

on_both_engines! {
    async fn a_paid_checkout_is_confirmed(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        assert_eq!(hold.body["amount"], 5000);
        assert_eq!(hold.body["ends_at"], "2026-12-01T10:30:00Z");
        app.pay(&hold, Outcome::Paid);
        assert_eq!(app.state_of(&hold).await, "held");
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn a_taken_slot_is_refused_without_asking_stripe(engine) {
        let app = TestApp::start(engine).await;
        app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        let before = app.simulator.calls();
        app.checkout(&order("call", "2026-12-01T10:00:00Z")).await.expect_problem(409, "slot_taken");
        assert_eq!(app.simulator.calls(), before);
    }
}
