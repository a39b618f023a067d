//! Tests that `serve` and `sweep` refuse a key of Stripe's one mode while work of the other mode is left, with real
//! processes. Finished work is no obstacle, so that a shop that tried first can go live.

use chrono::Duration;
use holdfast::doctor::{self, Verdict};
use holdfast::domain::ids::{HoldId, SessionId};
use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};

use crate::support::app::{ApiResponse, TestApp, order, variables};
use crate::support::on_both_engines;
use crate::support::process::{Ended, Process, complete};

/// Live sessions, as the columns of tables show them: a live session's id begins with `cs_live_`.
const TO_LIVE: [&str; 4] = [
    "UPDATE holds SET session_id = replace(session_id, 'cs_test_', 'cs_live_')",
    "UPDATE commands SET session_id = replace(session_id, 'cs_test_', 'cs_live_')",
    "UPDATE checkout_attempts SET livemode = NOT livemode",
    "UPDATE payments SET livemode = NOT livemode",
];

/// Runs a command with a key of this mode.
async fn run_command(app: &TestApp, command: &str, key: &str) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    complete(directory.path(), &[command], &with_key(app, key)).await
}

/// The environment with a key of this mode. A live key is for Stripe itself.
fn with_key<'a>(app: &'a TestApp, key: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut variables = variables(app.database.url(), app.stripe_url());
    variables.retain(|(name, _)| *name != "STRIPE_SECRET_KEY");
    if key.starts_with("sk_live_") {
        variables.retain(|(name, _)| *name != "STRIPE_API_BASE");
    }
    variables.push(("STRIPE_SECRET_KEY", key));
    variables
}

/// Makes one of each kind of work: held, processing, confirmed, an open attempt, and three commands.
async fn make_work(app: &TestApp) -> [ApiResponse; 3] {
    app.clock.catch_up();
    let start = |days: i64| {
        (app.clock_now() + Duration::days(days))
            .format("%Y-%m-%dT10:00:00Z")
            .to_string()
    };
    let (held, slow, sold) = (
        app.hold_slot("call", &start(3)).await,
        app.hold_slot("call", &start(4)).await,
        app.sold("call", &start(5)).await,
    );
    app.pay(&slow, PaymentOutcome::Processing);
    app.deliver_all().await;
    app.simulator
        .set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::LostAnswer, 100));
    app.checkout(&order("call", &start(6)))
        .await
        .expect_problem(503, "stripe_unavailable");
    app.simulator.set_faults(Faults::default());
    let store = app.database.store();
    let attempt = HoldId::parse("01990000-0000-7000-8000-000000000001").unwrap();
    store
        .abandon_attempt(attempt, &SessionId::new("cs_test_lost"), app.clock_now())
        .await
        .unwrap();
    [held, slow, sold]
}

on_both_engines! {
    async fn test_key_is_refused_while_live_work_is_left(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("the test changes the mode of all sessions");
        let [held, slow, sold] = make_work(&app).await;
        for statement in TO_LIVE {
            app.database.execute(statement).await;
        }
        let refused = |ended: &Ended, counts: &str| {
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
            assert!(ended.stderr.contains(counts) && ended.stderr.contains("test key"), "{counts}: {ended:?}");
        };
        let all = "1 held, 1 processing, 1 future bookings, 1 open attempts, 1 commands that are not done";
        for command in ["serve", "sweep"] {
            refused(&run_command(&app, command, "sk_test_holdfast").await, all);
        }
        assert_eq!(app.simulator.calls().expire, 0);
        let examined = run_command(&app, "doctor", "sk_test_holdfast").await;
        assert!(examined.stdout.contains("FAIL  key mode") && examined.stdout.contains(all), "{examined:?}");

        let end = |hold: &ApiResponse, status: &str| {
            format!("UPDATE holds SET due_at = NULL, {status} WHERE id = '{}'", hold.text("id"))
        };
        let past = app.clock_now() - Duration::days(1);
        let past = match engine {
            crate::support::database::Engine::Sqlite => past.timestamp_millis().to_string(),
            crate::support::database::Engine::Postgres => format!("'{}'", past.to_rfc3339()),
        };
        for (statement, left) in [
            (end(&held, "status = 'released', reason = 'expired'"), "0 held, 1 processing, 1 future"),
            (end(&slow, "status = 'released', reason = 'payment_failed'"), "0 processing, 1 future"),
            (end(&sold, &format!("starts_at = {past}")), "0 future bookings, 1 open"),
            ("UPDATE checkout_attempts SET state = 'lost', terms = NULL".to_owned(), "0 open attempts, 1 commands"),
        ] {
            assert!(app.database.execute(&statement).await > 0, "{statement}");
            refused(&run_command(&app, "sweep", "sk_test_holdfast").await, left);
        }
        app.database.execute("UPDATE commands SET done_at = created_at").await;
        assert_eq!(run_command(&app, "sweep", "sk_test_holdfast").await.code, Some(0), "finished work is no obstacle");
    }

    async fn live_key_is_refused_while_test_work_is_left(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("the test ends the work by hand");
        make_work(&app).await;
        let refused = run_command(&app, "serve", "sk_live_holdfast").await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
        let all = "1 held, 1 processing, 1 future bookings, 1 open attempts, 1 commands that are not done";
        assert!(refused.stderr.contains(all) && refused.stderr.contains("live key"), "{refused:?}");
        assert!(!refused.stderr.contains("sk_live_holdfast"), "{refused:?}");
        for statement in [
            "DELETE FROM occupancy",
            "UPDATE holds SET status = 'released', reason = 'expired', due_at = NULL",
            "UPDATE checkout_attempts SET state = 'lost', terms = NULL",
            "UPDATE commands SET done_at = created_at",
        ] {
            app.database.execute(statement).await;
        }
        let directory = tempfile::tempdir().unwrap();
        let mut process = Process::start(directory.path(), &["serve"], &with_key(&app, "sk_live_holdfast"));
        process.says("serving on http://").await;
        process.terminate().await;
        assert_eq!(process.ends().await.code(), Some(0), "{}", process.output());
    }

    async fn refund_without_hold_belongs_to_its_mode(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("the test removes a hold");
        let hold = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.delete_hold_rows(&hold).await;
        app.deliver_all().await;
        let config = app.config_with(&[("STRIPE_SECRET_KEY", "sk_live_holdfast"), ("STRIPE_API_BASE", "https://127.0.0.1:1")]);
        let checks = doctor::examine(&config, config.stripe.as_ref().unwrap(), app.clock.clone()).await;
        let mode = checks.iter().find(|check| check.check == "key mode").unwrap();
        assert_eq!(mode.verdict, Verdict::Fault, "{mode}");
        assert!(mode.found.contains("0 future bookings, 0 open attempts, 1 commands"), "{mode}");
    }
}
