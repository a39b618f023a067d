//! An instance runs with the key of another account, so Stripe knows none of our sessions (S34). It frees no slot, counts
//! no command as done and repeats no attempt. With the right key, a 404 is a verdict once the session's own end is past.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::Duration;
use holdfast::domain::ids::{HoldId, SessionId};
use holdfast::domain::session::{NewSession, SessionReport, SessionStatus, SessionTerms};
use holdfast::gateway::{Gateway, GatewayError, Probe, WebhookEndpoint};
use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome, Simulator};
use holdfast::workflow::{Context, sweep};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, Client, Instance, TestApp, order, order_by};
use crate::support::gateway_calls::pass_ledger_calls;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const OTHER_SLOT: &str = "2026-12-01T12:00:00Z";
const THIRD_SLOT: &str = "2026-12-01T14:00:00Z";

/// Longer than a hold's life and shorter than its session's.
fn time_past_the_hold() -> Duration {
    Duration::minutes(31)
}

/// Longer than a session's life, and than the longest backoff.
fn time_past_the_session() -> Duration {
    Duration::hours(2)
}

async fn post_action(client: &Client, hold: &ApiResponse, what: &str, body: Option<Value>) -> ApiResponse {
    let path = format!("/v1/admin/holds/{}/{what}", hold.text("id"));
    client.admin(Method::POST, &path, body).await
}

async fn release_without_stripe(client: &Client, hold: &ApiResponse) -> ApiResponse {
    post_action(client, hold, "release", Some(json!({"without_stripe": true}))).await
}

/// Makes Stripe not know the hold's session any more.
async fn forget_session(app: &TestApp, hold: &ApiResponse) {
    let id = hold.text("id");
    let change = format!("UPDATE holds SET session_id = 'cs_test_gone_{id}' WHERE id = '{id}'");
    assert_eq!(app.database.execute(&change).await, 1);
}

/// Returns the last line of the hold's history: status, transition and actor.
async fn last_line(app: &TestApp, hold: &ApiResponse) -> [String; 3] {
    let shown = app.admin_hold(hold.text("id")).await;
    let line = shown["history"].as_array().unwrap().last().unwrap().clone();
    ["to", "transition", "by"].map(|member| line[member].as_str().unwrap().to_owned())
}

/// Counts the commands that are not done.
async fn count_pending_commands(app: &TestApp) -> i64 {
    let pending = "SELECT count(*) FROM commands WHERE done_at IS NULL";
    app.database.count(pending).await
}

async fn count_open_attempts(app: &TestApp) -> i64 {
    let open = "SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled')";
    app.database.count(open).await
}

/// Sells the other slot by an instance with the key of another account, and starts that instance again. Its account is the
/// returned simulator.
async fn restart_wrong_key_that_sold(app: &TestApp) -> (Instance, Simulator) {
    let (other, url) = app.another_account().await;
    let base = [("STRIPE_API_BASE", url.as_str())];
    let wrong = app.another_instance_with(&base).await;
    wrong.checkout(&order("call", OTHER_SLOT)).await.expect(201);
    (app.another_instance_with(&base).await, other)
}

on_both_engines! {
    async fn wrong_key_frees_no_slot(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let (wrong, _) = app.instance_of_another_account().await;
        for pause in [time_past_the_hold(), time_past_the_session(), Duration::days(2)] {
            app.clock.advance(pause);
            let report = wrong.sweep().await;
            assert_eq!((&report["examined"], &report["released"], &report["failed"]), (&json!(1), &json!(0), &json!(1)));
            wrong.cancel(&hold).await.expect_problem(503, "stripe_unavailable");
            for what in ["release", "refresh"] {
                let refused = post_action(&wrong, &hold, what, None).await.expect_problem(503, "stripe_unavailable");
                assert!(refused.text("detail").contains("does not know"), "{refused:?}");
            }
            wrong.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect_problem(409, "slot_taken");
            assert_eq!(app.state_of(&hold).await, "held");
        }
        assert_eq!(app.admin_hold(hold.text("id")).await["history"].as_array().unwrap().len(), 1);
        let metrics = wrong.get("/metrics").await.expect(200);
        assert!(metrics.body.as_str().unwrap().contains("\nholdfast_sessions_unknown_total "), "{metrics:?}");
        app.clock.advance(time_past_the_session());
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "released/expired", "the right key gets Stripe's answer");
    }

    async fn wrong_key_that_sold_frees_no_slot(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(Duration::minutes(1));
        let (wrong, _) = app.instance_of_another_account().await;
        let sold = wrong.checkout(&order("call", OTHER_SLOT)).await.expect(201);
        app.clock.advance(time_past_the_session());
        let report = wrong.sweep().await;
        assert_eq!((&report["released"], &report["failed"]), (&json!(1), &json!(1)), "{report}");
        assert_eq!((&*app.state_of(&hold).await, &*app.state_of(&sold).await), ("held", "released/expired"));
        app.clock.advance(time_past_the_session());
        wrong.sweep().await;
        assert_eq!(app.state_of(&hold).await, "held", "its own session proves nothing, read or made");
        app.sweep().await;
    }

    async fn wrong_key_that_sold_and_restarted_frees_no_slot(engine) {
        let app = TestApp::start(engine).await;
        app.sold("call", THIRD_SLOT).await;
        // Ids of holds grow with the clock.
        app.clock.advance(Duration::minutes(1));
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(Duration::minutes(1));
        let (restarted, _other) = restart_wrong_key_that_sold(&app).await;
        for _ in 0..2 {
            app.clock.advance(time_past_the_session());
            restarted.sweep().await;
            assert_eq!(app.state_of(&hold).await, "held", "sessions that are newer prove nothing");
        }
        app.clock.advance(time_past_the_session());
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "released/expired");
    }

    /// The oldest session has no older one that could prove the key, so it alone is lost. What is believed about it
    /// proves nothing for the others.
    async fn believed_404_proves_nothing_for_the_next(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("the wrong key frees the oldest slot, whose session is open");
        let oldest = app.hold_slot("call", SLOT).await;
        app.clock.advance(Duration::minutes(1));
        let next = app.hold_slot("call", THIRD_SLOT).await;
        app.clock.advance(Duration::minutes(1));
        let (restarted, _other) = restart_wrong_key_that_sold(&app).await;
        for _ in 0..2 {
            app.clock.advance(time_past_the_session());
            restarted.sweep().await;
        }
        assert_eq!(app.state_of(&oldest).await, "released/expired");
        assert_eq!(app.state_of(&next).await, "held");
    }

    async fn session_of_the_other_mode_is_no_verdict(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("the test takes a session from its hold");
        app.sold("call", OTHER_SLOT).await;
        let hold = app.hold_slot("call", SLOT).await;
        let id = hold.text("id");
        let live = format!("UPDATE holds SET session_id = 'cs_live_{id}' WHERE id = '{id}'");
        assert_eq!(app.database.execute(&live).await, 1);
        app.clock.advance(time_past_the_session());
        assert_eq!(app.sweep().await["released"], 0);
        assert_eq!(app.state_of(&hold).await, "held");
    }

    async fn unknown_session_keeps_slot_until_its_own_end(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("the test takes a session from its hold");
        let (lost, _known) = (app.hold_slot("call", SLOT).await, app.sold("call", OTHER_SLOT).await);
        forget_session(&app, &lost).await;
        app.clock.advance(time_past_the_hold());
        assert_eq!(app.sweep().await["released"], 0);
        post_action(&app, &lost, "release", None).await.expect_problem(503, "stripe_unavailable");
        assert_eq!(app.state_of(&lost).await, "held", "a guest may still be paying");
        app.clock.advance(time_past_the_session());
        assert_eq!(app.sweep().await["released"], 1);
        assert_eq!(app.state_of(&lost).await, "released/expired");
    }

    async fn fresh_process_reads_the_newest_session_first(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("the test takes a session from its hold");
        let (lost, newest) = (app.hold_slot("call", SLOT).await, app.sold("call", OTHER_SLOT).await);
        forget_session(&app, &lost).await;
        app.clock.advance(time_past_the_session());
        let session = app.admin_hold(newest.text("id")).await["checkout_session"].as_str().unwrap().to_owned();
        let hide = format!("UPDATE holds SET session_id = 'cs_test_hidden' WHERE id = '{}'", newest.text("id"));
        app.database.execute(&hide).await;
        let fresh = app.another_instance().await;
        assert_eq!(fresh.sweep().await["released"], 0, "Stripe knows no session of this database");
        let show = format!("UPDATE holds SET session_id = '{session}' WHERE id = '{}'", newest.text("id"));
        app.database.execute(&show).await;
        app.clock.advance(time_past_the_session());
        let before = app.simulator.calls().retrieve;
        assert_eq!(fresh.sweep().await["released"], 1);
        assert_eq!(app.simulator.calls().retrieve, before + 1, "it reads one other session");
    }

    async fn only_session_of_a_database_is_no_verdict(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("the test takes a session from its hold");
        let lost = app.hold_slot("call", SLOT).await;
        forget_session(&app, &lost).await;
        app.clock.advance(time_past_the_session());
        let fresh = app.another_instance().await;
        assert_eq!(fresh.sweep().await["released"], 0, "nothing proves its key");
        fresh.checkout(&order("call", OTHER_SLOT)).await.expect(201);
        app.clock.advance(time_past_the_session());
        fresh.sweep().await;
        assert_eq!(app.state_of(&lost).await, "held", "a session of its own proves nothing beside an older one");
        let later = app.another_instance().await;
        app.clock.advance(time_past_the_session());
        later.sweep().await;
        assert_eq!(app.state_of(&lost).await, "released/expired");
    }

    async fn operator_frees_slot_of_unknown_session(engine) {
        let app = TestApp::start(engine).await;
        let (hold, slow) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", THIRD_SLOT).await);
        app.pay(&slow, PaymentOutcome::Processing);
        app.deliver_all().await;
        let (wrong, other) = app.instance_of_another_account().await;
        other.set_faults(Faults::default().next(Endpoint::RetrieveSession, FaultKind::ServerError, 100));
        release_without_stripe(&wrong, &hold).await.expect_problem(503, "stripe_unavailable");
        assert_eq!(app.state_of(&hold).await, "held");
        other.set_faults(Faults::default());
        for _ in 0..2 {
            let released = release_without_stripe(&wrong, &hold).await.expect(200);
            assert_eq!((released.text("status"), released.text("reason")), ("released", "operator"));
        }
        assert_eq!(last_line(&app, &hold).await, ["released", "released_without_stripe", "operator"]);
        let query = format!("/v1/admin/audit?action=releaseHold&target=holds/{}", hold.text("id"));
        let audit = app.admin(Method::GET, &query, None).await.expect(200).body;
        let entry = &audit["data"][0];
        assert_eq!((&entry["actor"], &entry["outcome"]), (&json!("bootstrap"), &json!("done")), "{audit}");
        assert_eq!((&entry["before"]["status"], &entry["after"]["without_stripe"]), (&json!("released"), &json!(true)));
        release_without_stripe(&wrong, &slow).await.expect(200);
        assert_eq!(app.state_of(&slow).await, "released/operator");
        wrong.sweep().await;
        assert_eq!(count_pending_commands(&app).await, 2, "the sessions are to be expired when the key is right again");

        app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/late_payment_refunded");
        app.clock.advance(time_past_the_session());
        app.sweep().await;
        assert_eq!((count_pending_commands(&app).await, app.simulator.refunds().len()), (1, 1), "one is not decided");
        app.pay(&slow, PaymentOutcome::ProcessingFailed);
        app.deliver_all().await;
        app.clock.advance(Duration::hours(25));
        app.sweep().await;
        assert_eq!(count_pending_commands(&app).await, 0);
    }

    async fn stripe_decides_about_a_session_that_it_knows(engine) {
        let app = TestApp::start(engine).await;
        let (open, paid) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", OTHER_SLOT).await);
        app.pay(&paid, PaymentOutcome::Paid);
        release_without_stripe(&app, &open).await.expect(200);
        assert_eq!(last_line(&app, &open).await, ["released", "session_ended", "operator"]);
        assert_eq!(app.simulator.session(open.text("checkout_session")).unwrap().status, "expired");
        release_without_stripe(&app, &paid).await.expect_problem(409, "already_paid");
        assert_eq!(app.state_of(&paid).await, "confirmed");
        for (body, status, code) in [
            (json!({"without_stripe": "yes"}), 422, "invalid"),
            (json!({"without": true}), 422, "invalid"),
            (json!([]), 422, "invalid"),
        ] {
            post_action(&app, &paid, "release", Some(body)).await.expect_problem(status, code);
        }
        let third = app.hold_slot("call", THIRD_SLOT).await;
        post_action(&app, &third, "release", Some(json!({"without_stripe": false}))).await.expect(200);
        assert_eq!(app.state_of(&third).await, "released/operator");
    }

    async fn wrong_key_leaves_commands_undone(engine) {
        let app = TestApp::start(engine).await;
        let sold = app.sold("call", SLOT).await;
        let (wrong, _) = app.instance_of_another_account().await;
        post_action(&wrong, &sold, "cancel", Some(json!({"refund": "full"}))).await.expect(200);
        let (attempt, session) = (HoldId::parse(sold.text("id")).unwrap(), SessionId::new("cs_test_lost"));
        app.database.execute("UPDATE checkout_attempts SET state = 'lost'").await;
        app.database.store().abandon_attempt(attempt, &session, app.clock_now()).await.unwrap();
        for _ in 0..3 {
            app.clock.advance(Duration::hours(25));
            wrong.sweep().await;
            assert_eq!(count_pending_commands(&app).await, 2);
        }
        let pending = app.admin(Method::GET, "/v1/admin/commands", None).await.expect(200).body;
        let errors: Vec<_> = pending["data"].as_array().unwrap().iter().map(|command| command["last_error"].to_string()).collect();
        assert!(errors.iter().any(|error| error.contains("does not know the session")), "{errors:?}");
        assert!(errors.iter().any(|error| error.contains("resource_missing")), "{errors:?}");
        app.clock.advance(Duration::hours(2));
        app.sweep().await;
        assert_eq!(count_pending_commands(&app).await, 0, "that session's end is past, and the key is right");
        assert_eq!(app.simulator.refunds().len(), 1);
    }

    async fn wrong_key_repeats_no_attempt(engine) {
        let app = TestApp::start(engine).await;
        app.sold("call", SLOT).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::LostAnswer, 100));
        app.checkout(&order("call", OTHER_SLOT)).await.expect_problem(503, "stripe_unavailable");
        app.simulator.set_faults(Faults::default());
        let (wrong, other) = app.instance_of_another_account().await;
        for pause in [Duration::minutes(5), Duration::hours(2), Duration::days(2)] {
            app.clock.advance(pause);
            wrong.sweep().await;
            assert_eq!((other.calls().create, count_open_attempts(&app).await), (0, 1));
        }
        app.clock.advance(Duration::hours(2));
        app.simulator.expire_due();
        app.sweep().await;
        assert_eq!(count_open_attempts(&app).await, 0);
    }

    /// The control: a Stripe client that believes every 404 frees the slot, and the auditor finds the open session.
    async fn mutation_that_believes_404_early_is_found(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(time_past_the_hold());
        let (wrong, _) = app.instance_of_another_account().await;
        sweep::sweep_once(&wrong.context).await.unwrap();
        assert_eq!((&*app.state_of(&hold).await, app.audit()), ("held", Vec::new()));
        app.clock.advance(time_past_the_hold());
        let believing = BelievingGateway(Arc::clone(&wrong.context.gateway));
        let tools = &wrong.context;
        let mutated = Context::new(
            Arc::clone(&tools.store),
            Arc::new(believing),
            Arc::clone(&tools.clock),
            tools.configured_token_keys.clone(),
            tools.settings.clone(),
        );
        sweep::sweep_once(&mutated).await.unwrap();
        assert_eq!(app.state_of(&hold).await, "released/expired");
        let findings = app.audit();
        assert!(findings[0].starts_with("a stray payable session"), "{findings:?}");
        app.without_audit("the mutation frees the slot of an open session");
    }
}

/// A gateway that reads every 404 as the end of the session.
struct BelievingGateway(Arc<dyn Gateway>);

fn believe_404(
    id: &SessionId,
    answer: Result<SessionReport, GatewayError>,
) -> Result<SessionReport, GatewayError> {
    match answer {
        Err(GatewayError::Refused(refusal)) if refusal.status == 404 => Ok(SessionReport {
            id: id.clone(),
            status: SessionStatus::Expired,
        }),
        answer => answer,
    }
}

#[async_trait]
impl Gateway for BelievingGateway {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        self.0.create_session(terms).await
    }

    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        believe_404(id, self.0.expire_session(id).await)
    }

    async fn retrieve_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        believe_404(id, self.0.retrieve_session(id).await)
    }

    async fn probe_account(&self) -> Result<Probe, GatewayError> {
        self.0.probe_account().await
    }

    async fn list_webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, GatewayError> {
        self.0.list_webhook_endpoints().await
    }
}

pass_ledger_calls!(BelievingGateway, |own| own.0);
