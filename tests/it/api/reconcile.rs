//! Tests the comparison with Stripe: what no event reported is merged, by the command and by `serve`, which does it once a day.

use chrono::Duration;
use holdfast::sandbox::{Endpoint, FaultKind, Faults, NewDispute};
use holdfast::workflow::reconcile::{self, CountedRound, ReconcileRange, ReconcileReport};

use crate::support::app::{ApiResponse, TestApp, variables};
use crate::support::on_both_engines;
use crate::support::process::{Ended, complete};
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";
const NEXT_SLOT: &str = "2026-12-01T11:00:00Z";

fn intent_of(app: &TestApp, hold: &ApiResponse) -> String {
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    session.payment_intent.unwrap()
}

fn refund_unseen(app: &TestApp, hold: &ApiResponse, amount: i64) {
    app.simulator
        .refund_from_dashboard(&intent_of(app, hold), Some(amount))
        .unwrap();
    app.drop_events();
}

async fn refunded(app: &TestApp, hold: &ApiResponse) -> i64 {
    app.admin_hold(hold.text("id")).await["payments"][0]["refunded"]
        .as_i64()
        .unwrap()
}

async fn reconcile_last_days(app: &TestApp) -> ReconcileReport {
    let range = ReconcileRange::last_days(app.clock_now());
    reconcile::reconcile(&app.context, range).await.unwrap()
}

/// Runs the command beside the service.
async fn run_command(app: &TestApp, arguments: &[&str]) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let variables = variables(app.database.url(), app.stripe_url());
    complete(
        directory.path(),
        &[&["reconcile"], arguments].concat(),
        &variables,
    )
    .await
}

/// Puts a counter of an earlier version in the place of what is known of the hold's refunds.
async fn count_instead(app: &TestApp, hold: &ApiResponse, refunded: i64) {
    let intent = intent_of(app, hold);
    app.database
        .execute(&format!("DELETE FROM refunds WHERE intent_id = '{intent}'"))
        .await;
    let count = format!(
        "UPDATE payments SET keep = NULL, keep_reason = NULL, refunded = {refunded} WHERE intent_id = '{intent}'"
    );
    app.database.execute(&count).await;
}

/// Makes the daily comparison due.
async fn make_due(app: &TestApp) {
    app.database
        .execute("UPDATE reconciliation SET due_at = created_at FROM payments")
        .await;
}

on_both_engines! {
    async fn command_merges_what_no_event_reported(engine) {
        let app = TestApp::start(engine).await;
        let (hold, other) = (app.sold("call", SLOT).await, app.sold("call", NEXT_SLOT).await);
        refund_unseen(&app, &hold, 2000);
        app.simulator.open_dispute(&intent_of(&app, &other), NewDispute::default()).unwrap();
        app.drop_events();
        let before = run_command(&app, &["--from", "2026-11-18", "--to", "2026-11-19"]).await;
        assert_eq!((before.code, before.stdout.lines().next()), (Some(0), Some("read: 0 refunds, 0 disputes")), "{before:?}");
        let days = ["--from", "2026-11-20", "--to", "2026-11-20"];
        let found = run_command(&app, &days).await;
        let (first, second) = (intent_of(&app, &hold), intent_of(&app, &other));
        let (first, second) = (first.clone().min(second.clone()), first.max(second));
        let expected = format!(
            "read: 1 refunds, 1 disputes\ncounters replaced: 0, left: 0\nchanged: 2\n  {first}\n  {second}\n\
             unknown status: 0\nnot adding up: 0\n"
        );
        assert_eq!((found.code, found.stdout.as_str()), (Some(0), expected.as_str()), "{found:?}");
        assert_eq!(refunded(&app, &hold).await, 2000);
        assert_eq!(app.admin_hold(other.text("id")).await["ledger"]["disputed"], 5000);
        let again = run_command(&app, &days).await;
        assert!(again.stdout.contains("changed: 0\n"), "{again:?}");
    }

    async fn command_reads_every_page(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        for _ in 0..110 {
            app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(1)).unwrap();
        }
        app.drop_events();
        let report = reconcile_last_days(&app).await;
        assert_eq!((report.refunds, report.changed.len(), refunded(&app, &hold).await), (110, 1, 110));
        assert!(report.is_clean());
    }

    /// The counter may be of refunds that were made before the time that is read.
    async fn command_replaces_each_counter(engine) {
        let app = TestApp::start(engine).await;
        let holds = [
            app.sold("call", SLOT).await,
            app.sold("call", NEXT_SLOT).await,
        ];
        for hold in &holds {
            refund_unseen(&app, hold, 1000);
            count_instead(&app, hold, 2000).await;
        }
        app.clock.advance(Duration::days(60));
        let report = reconcile_last_days(&app).await;
        assert_eq!((report.verified, report.unverified, report.refunds), (2, 0, 0));
        for hold in &holds {
            assert_eq!(refunded(&app, hold).await, 1000);
        }
    }

    async fn missing_permission_is_reported_and_stops_nothing(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.open_dispute(&intent_of(&app, &hold), NewDispute::default()).unwrap();
        app.drop_events();
        app.simulator.set_faults(Faults::default().next(Endpoint::ListRefunds, FaultKind::Forbidden, 1));
        let found = run_command(&app, &["--from", "2026-11-20", "--to", "2026-11-20"]).await;
        assert_eq!(found.code, Some(1), "{found:?}");
        assert!(found.stdout.ends_with("not read: the key may not read refunds\n"), "{found:?}");
        assert!(found.stdout.starts_with("read: 0 refunds, 1 disputes\n"), "{found:?}");
        let wrong = run_command(&app, &["--from", "soon"]).await;
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    }

    /// There may be thousands of them, and the answer is the same for each.
    async fn key_that_may_not_read_is_not_tried_for_each_counter(engine) {
        let app = TestApp::start(engine).await;
        for slot in [SLOT, NEXT_SLOT] {
            let hold = app.sold("call", slot).await;
            count_instead(&app, &hold, 2000).await;
        }
        app.simulator.set_faults(Faults::default().next(Endpoint::ListRefunds, FaultKind::Forbidden, 9));
        let calls_left = || app.simulator.faults().api[0].next;
        assert_eq!(reconcile::read_counted(&app.context).await.unwrap(), CountedRound::Forbidden);
        assert_eq!(calls_left(), 8);
        app.clock.advance(Duration::minutes(1));
        let report = reconcile_last_days(&app).await;
        assert_eq!((report.verified, report.unverified, report.forbidden), (0, 2, vec!["refunds"]));
        assert_eq!(calls_left(), 6, "one for a counter, one for the last days");
        app.simulator.set_faults(Faults::default());
        app.clock.advance(Duration::hours(7));
        assert_eq!(reconcile::read_counted(&app.context).await.unwrap(), CountedRound::Finished);
        assert_eq!(reconcile_last_days(&app).await.unverified, 0);
    }

    async fn last_days_are_compared_once_a_day_by_one_instance(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let hold = app.sold("call", SLOT).await;
        make_due(&app).await;
        refund_unseen(&app, &hold, 2000);
        app.simulator.set_faults(Faults { latency_ms: 100, ..Faults::default() });
        let (one, two) = tokio::join!(
            reconcile::reconcile_if_due(&app.context),
            reconcile::reconcile_if_due(&other.context)
        );
        let done: Vec<ReconcileReport> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
        assert_eq!((done.len(), done[0].changed.len()), (1, 1));
        assert_eq!(refunded(&app, &hold).await, 2000);
        let is_due = async || reconcile::reconcile_if_due(&app.context).await.unwrap().is_some();
        assert!(!is_due().await);
        app.clock.advance(Duration::days(1));
        assert!(is_due().await);
    }

    async fn comparison_that_failed_is_due_in_an_hour(engine) {
        let app = TestApp::start(engine).await;
        app.sold("call", SLOT).await;
        make_due(&app).await;
        app.simulator.set_faults(Faults::default().fail_randomly(FaultKind::ServerError, 1.0));
        assert!(reconcile::reconcile_if_due(&app.context).await.is_err());
        app.simulator.set_faults(Faults::default());
        assert!(reconcile::reconcile_if_due(&app.context).await.unwrap().is_none());
        app.clock.advance(Duration::hours(1));
        assert!(reconcile::reconcile_if_due(&app.context).await.unwrap().is_some());
    }

    async fn service_replaces_counters_by_itself(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        refund_unseen(&app, &hold, 1000);
        count_instead(&app, &hold, 2000).await;
        let directory = tempfile::tempdir().unwrap();
        let (mut process, _) = app.process(directory.path(), &[]).await;
        eventually("the counter is replaced", async || {
            (refunded(&app, &hold).await == 1000).then_some(())
        })
        .await;
        process.terminate().await;
        assert!(process.ends().await.success(), "{}", process.output());
    }
}
