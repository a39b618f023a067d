//! Tests of `replaces` and `own_hold`: a guest's own unpaid hold is no obstacle (S37).

use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::{Value, json};

use super::access_keys::{make_key, send_with};
use crate::support::app::{ApiResponse, TestApp, order, order_by};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
/// A quarter of an hour later: it overlaps with the slot.
const OVERLAPPING: &str = "2026-12-01T10:15:00Z";
const OTHER_SLOT: &str = "2026-12-01T12:00:00Z";
const GUEST: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST";

/// Builds a checkout in place of this hold.
fn in_place_of(earlier: &ApiResponse, body: Value) -> Value {
    let mut body = body;
    body["replaces"] = json!({"id": earlier.text("id"), "token": earlier.text("token")});
    body
}

/// Replaces a hold by one of this start, for the same guest.
async fn replace(app: &TestApp, earlier: &ApiResponse, starts_at: &str) -> ApiResponse {
    app.checkout(&in_place_of(earlier, order("call", starts_at)))
        .await
}

fn session_status(app: &TestApp, hold: &ApiResponse) -> String {
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    format!("{:?}", session.status).to_lowercase()
}

async fn count_allowances(app: &TestApp) -> i64 {
    app.database.count("SELECT count(*) FROM allowances").await
}

async fn assert_is_free(app: &TestApp, starts_at: &str) {
    let body = order_by("bob@example.com", "call", starts_at);
    app.checkout(&body).await.expect(201);
}

on_both_engines! {
    async fn same_slot_with_token_goes_on_with_the_same_hold(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let mut body = in_place_of(&hold, order_by(" ADA@example.com", "call", SLOT));
        body["guest"]["name"] = "Ada Lovelace".into();
        body["metadata"] = json!({"order": "18"});
        for _ in 0..2 {
            let again = app.checkout(&body).await.expect(200);
            assert_eq!(again.body, hold.body);
        }
        assert_eq!(app.simulator.calls().create, 1);
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["guest"]["name"], &shown["guest"]["email"]), (&"Ada Lovelace".into(), &"ada@example.com".into()));
        assert_eq!(shown["metadata"], json!({"order": "18"}));
        let history = shown["history"].as_array().unwrap();
        let transitions: Vec<_> = history.iter().map(|line| line["transition"].as_str().unwrap()).collect();
        assert_eq!(transitions, ["placed", "details_changed"], "the repeat changes nothing");
    }

    async fn other_slot_replaces_the_hold(engine) {
        let app = TestApp::start(engine).await;
        let earlier = app.hold_slot("call", SLOT).await;
        let hold = replace(&app, &earlier, OTHER_SLOT).await.expect(201);
        assert_eq!(app.state_of(&earlier).await, "released/guest");
        assert_eq!(session_status(&app, &earlier), "expired");
        assert_eq!(app.admin_hold(earlier.text("id")).await["replaced_by"], hold.body["id"]);
        assert_eq!((app.state_of(&hold).await.as_str(), session_status(&app, &hold).as_str()), ("held", "open"));
        assert_is_free(&app, SLOT).await;
        app.deliver_all().await;
        assert_eq!(app.state_of(&earlier).await, "released/guest");
    }

    async fn taken_slot_leaves_the_earlier_hold(engine) {
        let app = TestApp::start(engine).await;
        let earlier = app.hold_slot("call", SLOT).await;
        app.checkout(&order_by("bob@example.com", "call", OTHER_SLOT)).await.expect(201);
        let refused = replace(&app, &earlier, OTHER_SLOT).await.expect_problem(409, "slot_taken");
        assert!(refused.body.get("own_hold").is_none(), "{}", refused.body);
        assert_eq!((app.state_of(&earlier).await.as_str(), session_status(&app, &earlier).as_str()), ("held", "open"));
    }

    async fn overlapping_slot_is_handed_over(engine) {
        let app = TestApp::start(engine).await;
        let earlier = app.hold_slot("call", SLOT).await;
        let hold = replace(&app, &earlier, OVERLAPPING).await.expect(201);
        assert_eq!(app.state_of(&earlier).await, "released/guest");
        assert_eq!(session_status(&app, &earlier), "expired");
        assert_eq!((app.units_of(&earlier).await, app.units_of(&hold).await), (0, 1));
        let shown = app.admin_hold(earlier.text("id")).await;
        assert_eq!(shown["replaced_by"], hold.body["id"]);
        assert_eq!(shown["history"].as_array().unwrap().len(), 2, "{}", shown["history"]);
        app.deliver_all().await;
        app.confirm(&hold).await;
    }

    async fn corrected_address_gets_a_hold_of_its_own(engine) {
        let app = TestApp::start(engine).await;
        let earlier = app.hold_slot("call", SLOT).await;
        let corrected = in_place_of(&earlier, order_by("ada@example.org", "call", SLOT));
        let hold = app.checkout(&corrected).await.expect(201);
        assert_ne!(hold.body["id"], earlier.body["id"]);
        assert_eq!((app.state_of(&earlier).await.as_str(), app.state_of(&hold).await.as_str()), ("released/guest", "held"));
    }

    async fn paid_hold_is_not_replaced(engine) {
        let app = TestApp::start(engine).await;
        for outcome in [PaymentOutcome::Paid, PaymentOutcome::Processing] {
            for starts_at in [OTHER_SLOT, OVERLAPPING] {
                let earlier = app.hold_slot("call", SLOT).await;
                app.pay(&earlier, outcome);
                replace(&app, &earlier, starts_at).await.expect_problem(409, "already_paid");
                let expected = if outcome == PaymentOutcome::Paid { "confirmed" } else { "processing" };
                assert_eq!(app.state_of(&earlier).await, expected);
                replace(&app, &earlier, starts_at).await.expect_problem(409, "already_paid");
                let live = "SELECT count(*) FROM holds WHERE status IN ('held', 'processing', 'confirmed')";
                assert_eq!(app.database.count(live).await, 1, "the other hold is given up");
                // Among other things: a payment that is on its way counts in the limits again.
                assert_eq!(app.audit(), Vec::<String>::new());
                app.sweep().await;
                if outcome == PaymentOutcome::Processing {
                    app.simulator.pay(earlier.text("checkout_session"), PaymentOutcome::ProcessingFailed).unwrap();
                }
                app.deliver_all().await;
                app.admin(Method::POST, &format!("/v1/admin/holds/{}/cancel", earlier.text("id")), Some(json!({"refund": "full"}))).await;
            }
        }
    }

    async fn wrong_token_replaces_nothing(engine) {
        let app = TestApp::start(engine).await;
        let (earlier, other) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", OTHER_SLOT).await);
        let mut body = order("call", OVERLAPPING);
        for token in ["", "hft_AAAA", other.text("token"), "operators-key-for-the-tests"] {
            body["replaces"] = json!({"id": earlier.text("id"), "token": token});
            app.checkout(&body).await.expect_problem(401, "unauthorized");
        }
        for incomplete in [json!({"id": earlier.text("id")}), json!({"id": "1", "token": "hft_"}), json!("x")] {
            body["replaces"] = incomplete;
            app.checkout(&body).await.expect_problem(422, "invalid");
        }
        assert_eq!((app.state_of(&earlier).await, app.state_of(&other).await), ("held".into(), "held".into()));
        assert_eq!((app.simulator.calls().create, app.simulator.calls().expire), (2, 0));
    }

    async fn replaced_hold_counts_in_no_limit(engine) {
        let app = TestApp::start_with(engine, &[(GUEST, "1")]).await;
        let mut hold = app.hold_slot("call", SLOT).await;
        let allowances = count_allowances(&app).await;
        for starts_at in [OTHER_SLOT, "2026-12-01T12:15:00Z", SLOT, OVERLAPPING] {
            hold = replace(&app, &hold, starts_at).await.expect(201);
            assert_eq!(count_allowances(&app).await, allowances);
            app.checkout(&order("call", "2026-12-02T10:00:00Z")).await.expect_problem(429, "too_many_holds");
        }
        app.cancel(&hold).await.expect(200);
        assert_eq!(count_allowances(&app).await, 0);
    }

    async fn being_replaced_is_no_lapse(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_LAPSE_COOLDOWN", "15m")]).await;
        let mut hold = app.hold_slot("call", SLOT).await;
        for _ in 0..5 {
            hold = replace(&app, &hold, OTHER_SLOT).await.expect(201);
            hold = replace(&app, &hold, SLOT).await.expect(201);
        }
        app.hold_slot("call", "2026-12-02T10:00:00Z").await;
    }

    async fn guest_keeps_a_slot_no_longer_by_replacing_the_hold(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_LAPSE_COOLDOWN", "0s")]).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(chrono::Duration::minutes(20));
        let elsewhere = app.checkout(&in_place_of(&hold, order_by("bob@example.com", "call", OTHER_SLOT))).await.expect(201);
        assert_ne!(elsewhere.body["expires_at"], hold.body["expires_at"], "another slot is another hold");
        let hold = app.checkout(&in_place_of(&elsewhere, order("call", SLOT))).await.expect(201);
        let end = hold.text("expires_at");
        app.clock.advance(chrono::Duration::minutes(20));
        let other_guest = app.checkout(&in_place_of(&hold, order_by("bob@example.com", "call", SLOT))).await.expect(201);
        assert_eq!(other_guest.text("expires_at"), end);
        let extend = async |hold: &ApiResponse| {
            let path = format!("/v1/holds/{}/extend", hold.text("id"));
            app.send(app.request(Method::POST, &path).bearer_auth(hold.text("token"))).await
        };
        let extended = extend(&other_guest).await.expect(200);
        assert!(extended.text("expires_at") > end);
        let later = app.checkout(&in_place_of(&other_guest, order("call", OVERLAPPING))).await.expect(201);
        assert!(later.text("expires_at") <= extended.text("expires_at"));
        extend(&later).await.expect_problem(409, "conflict");
    }

    async fn guest_keeps_no_slot_by_the_buffers_of_its_neighbours(engine) {
        let app = TestApp::start(engine).await;
        app.sell("massage", &json!({"resource": "ben", "duration_minutes": 60, "buffer_after_minutes": 10})).await;
        let mut kept = app.hold_slot("massage", SLOT).await;
        let end = kept.text("expires_at").to_owned();
        // The guest's times only touch. The buffer after the first needs the unit of the second.
        for starts_at in ["2026-12-01T11:00:00Z", SLOT] {
            app.clock.advance(chrono::Duration::minutes(10));
            kept = app.checkout(&in_place_of(&kept, order("massage", starts_at))).await.expect(201);
            assert_eq!(kept.text("expires_at"), end, "{starts_at}");
        }
    }

    async fn overdue_hold_lapses_although_it_is_to_be_replaced(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(chrono::Duration::minutes(31));
        replace(&app, &hold, SLOT).await.expect(201);
        assert_eq!(app.state_of(&hold).await, "released/expired");
        let replaced = "SELECT count(*) FROM holds WHERE replaced_by IS NOT NULL";
        assert_eq!(app.database.count(replaced).await, 0);
    }

    async fn replaced_hold_is_released_once_stripe_answers(engine) {
        let app = TestApp::start_with(engine, &[(GUEST, "1")]).await;
        let earlier = app.hold_slot("call", SLOT).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100));
        let hold = replace(&app, &earlier, OTHER_SLOT).await.expect(201);
        assert_eq!((app.state_of(&earlier).await, app.state_of(&hold).await), ("held".into(), "held".into()));
        app.simulator.set_faults(Faults::default());
        app.clock.advance(chrono::Duration::minutes(1));
        assert_eq!(app.sweep().await["released"], 1);
        assert_eq!(app.state_of(&earlier).await, "released/guest");
        assert_eq!(app.state_of(&hold).await, "held");
    }

    async fn replaced_hold_goes_although_stripe_is_busy(engine) {
        let app = TestApp::start_with(engine, &[(GUEST, "1")]).await;
        let earlier = app.hold_slot("call", SLOT).await;
        // Stripe certainly did nothing. Another release would forget who requested it.
        app.simulator.set_faults(Faults::default().next(Endpoint::ExpireSession, FaultKind::RateLimited, 100));
        let hold = replace(&app, &earlier, OTHER_SLOT).await.expect(201);
        let extend = app.request(Method::POST, &format!("/v1/holds/{}/extend", earlier.text("id")));
        app.send(extend.bearer_auth(earlier.text("token"))).await.expect_problem(409, "conflict");
        replace(&app, &earlier, SLOT).await.expect_problem(429, "too_many_holds");
        app.simulator.set_faults(Faults::default());
        app.clock.advance(chrono::Duration::minutes(1));
        app.sweep().await;
        assert_eq!((app.state_of(&earlier).await, app.state_of(&hold).await), ("released/guest".into(), "held".into()));
    }

    async fn moved_hold_is_replaced_because_its_page_is_old(engine) {
        let app = TestApp::start(engine).await;
        let earlier = app.hold_slot("call", SLOT).await;
        app.move_as_operator(&earlier, json!({"starts_at": OTHER_SLOT})).await.expect(200);
        let hold = replace(&app, &earlier, OTHER_SLOT).await.expect(201);
        let line_of = |hold: &ApiResponse| app.simulator.session(hold.text("checkout_session")).unwrap().line.unwrap();
        assert!(line_of(&earlier).contains("10:00") && line_of(&hold).contains("12:00"), "{}", line_of(&hold));
        assert_eq!((app.state_of(&earlier).await.as_str(), session_status(&app, &earlier).as_str()), ("released/guest", "expired"));
        app.confirm(&hold).await;
    }

    async fn handover_without_stripe_changes_nothing(engine) {
        let app = TestApp::start(engine).await;
        let earlier = app.hold_slot("call", SLOT).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100));
        replace(&app, &earlier, OVERLAPPING).await.expect_problem(503, "stripe_unavailable");
        let now = app.hold(earlier.text("id")).await;
        assert_eq!((&now["status"], &now["checkout_url"]), (&"held".into(), &earlier.body["checkout_url"]));
        app.simulator.set_faults(Faults::default());
        let hold = replace(&app, &earlier, OVERLAPPING).await.expect(201);
        assert_eq!((app.state_of(&earlier).await, app.state_of(&hold).await), ("released/guest".into(), "held".into()));
        app.clock.advance(chrono::Duration::minutes(1));
        app.sweep().await;
    }

    async fn repeated_replacement_returns_the_same_hold(engine) {
        let app = TestApp::start(engine).await;
        for (starts_at, to) in [(SLOT, OTHER_SLOT), ("2026-12-03T10:00:00Z", "2026-12-03T10:15:00Z")] {
            let earlier = app.hold_slot("call", starts_at).await;
            let body = in_place_of(&earlier, order("call", to));
            let key = format!("a-key-that-nobody-guesses-{to}");
            let hold = app.checkout_with_key(&key, &body).await.expect(201);
            let again = app.checkout_with_key(&key, &body).await.expect(200);
            assert_eq!(again.body, hold.body);
            // Without the key, the earlier hold is over, and the new one is the guest's own.
            let own = app.checkout(&body).await.expect_problem(409, "slot_taken");
            assert_eq!(own.body["own_hold"], true);
        }
    }

    async fn concurrent_replacements_have_one_winner(engine) {
        let app = TestApp::start(engine).await;
        for (starts_at, to) in [(SLOT, OTHER_SLOT), ("2026-12-03T10:00:00Z", "2026-12-03T10:15:00Z")] {
            let earlier = app.hold_slot("call", starts_at).await;
            let tries = (0..8).map(|_| replace(&app, &earlier, to));
            let responses = futures::future::join_all(tries).await;
            let won: Vec<_> = responses.iter().filter(|response| response.status == 201).collect();
            let others = responses.iter().filter(|response| response.status != 201);
            assert_eq!(won.len(), 1, "{responses:?}");
            for refused in others {
                assert_eq!(refused.status, 409, "{refused:?}");
            }
            assert_eq!(app.state_of(&earlier).await, "released/guest");
            assert_eq!(app.state_of(won[0]).await, "held");
        }
    }

    async fn refusal_says_that_the_hold_is_the_guests_own(engine) {
        let app = TestApp::start(engine).await;
        let key = make_key(&app, "shop", "checkout").await;
        let hold = app.hold_slot("call", SLOT).await;
        let own = app.checkout(&order_by("ADA@example.com", "call", OVERLAPPING)).await.expect_problem(409, "slot_taken");
        assert_eq!(own.body["own_hold"], true);
        assert!(own.body["alternatives"].is_array() && !own.body.to_string().contains(hold.text("id")));
        let other_guest = app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect_problem(409, "slot_taken");
        assert!(other_guest.body.get("own_hold").is_none());
        let mut elsewhere = order("call", SLOT);
        elsewhere["client_address"] = "198.51.100.7".into();
        let other_client = send_with(&app, key.text("key"), (Method::POST, "/v1/holds"), Some(&elsewhere)).await;
        assert!(other_client.expect_problem(409, "slot_taken").body.get("own_hold").is_none());
        app.confirm(&hold).await;
        let paid = app.checkout(&order("call", SLOT)).await.expect_problem(409, "slot_taken");
        assert!(paid.body.get("own_hold").is_none(), "a booking is no obstacle of one's own");
    }

    async fn guests_of_a_shop_do_not_learn_what_others_hold(engine) {
        let app = TestApp::start(engine).await;
        let key = make_key(&app, "shop", "checkout").await;
        let send = async |body: Value| send_with(&app, key.text("key"), (Method::POST, "/v1/holds"), Some(&body)).await;
        send(order("call", SLOT)).await.expect(201);
        // Anybody can enter the address of another guest on the shop's page.
        let asked = send(order("call", SLOT)).await.expect_problem(409, "slot_taken");
        assert!(asked.body.get("own_hold").is_none(), "{}", asked.body);
        let mut named = order("call", OTHER_SLOT);
        named["client_address"] = "198.51.100.7".into();
        send(named.clone()).await.expect(201);
        assert_eq!(send(named).await.expect_problem(409, "slot_taken").body["own_hold"], true);
    }

    async fn ended_hold_is_replaced_by_an_ordinary_checkout(engine) {
        let app = TestApp::start(engine).await;
        let earlier = app.hold_slot("call", SLOT).await;
        app.cancel(&earlier).await.expect(200);
        let hold = replace(&app, &earlier, SLOT).await.expect(201);
        app.clock.advance(chrono::Duration::minutes(31));
        let next = replace(&app, &hold, SLOT).await.expect(201);
        assert_ne!(next.body["id"], hold.body["id"], "an overdue hold does not go on");
        assert!(app.state_of(&hold).await.starts_with("released/"));
    }
}
