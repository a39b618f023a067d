//! Tests of the list of all money, and of the filters for what operators must look at.

use holdfast::sandbox::{NewDispute, PaymentOutcome, RefundOutcome, RefundStatus};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp};
use crate::support::on_both_engines;

fn intent_of(app: &TestApp, hold: &ApiResponse) -> String {
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    session.payment_intent.unwrap()
}

/// Sells the call at this hour.
async fn sold_at(app: &TestApp, hour: u32) -> ApiResponse {
    app.clock.advance(chrono::Duration::seconds(1));
    app.sold("call", &format!("2026-12-01T{hour}:00:00Z")).await
}

async fn get_page(app: &TestApp, path: &str) -> Value {
    app.admin(Method::GET, path, None).await.expect(200).body
}

/// Returns a member of each entry of a list.
fn members(list: &Value, name: &str) -> Vec<String> {
    let entries = list["data"].as_array().unwrap().iter();
    let text = |entry: &Value| {
        entry[name]
            .as_str()
            .unwrap_or_else(|| panic!("{entry}"))
            .to_owned()
    };
    entries.map(text).collect()
}

async fn refund(app: &TestApp, hold: &ApiResponse, amount: i64) {
    let path = format!("/v1/admin/holds/{}/refund", hold.text("id"));
    let body = json!({"amount": amount, "note": "late"});
    app.admin(Method::POST, &path, Some(body)).await.expect(200);
}

on_both_engines! {
    async fn payment_list_is_newest_first_filtered_and_paged(engine) {
        let app = TestApp::start(engine).await;
        let mut sold = Vec::new();
        for hour in 10..13 {
            sold.push(sold_at(&app, hour).await);
        }
        let at: Vec<String> = members(&get_page(&app, "/v1/admin/payments").await, "created_at");
        let intents: Vec<String> = sold.iter().map(|hold| intent_of(&app, hold)).collect();
        for (query, expected) in [
            (String::new(), vec![2, 1, 0]),
            (format!("hold={}", sold[1].text("id")), vec![1]),
            (format!("from={}", at[1]), vec![2, 1]),
            (format!("to={}", at[1]), vec![0]),
            (format!("from={}&to={}", at[1], at[0]), vec![1]),
            ("attention=disputed".to_owned(), vec![]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(|n: usize| intents[n].clone()).collect();
            let list = get_page(&app, &format!("/v1/admin/payments?{query}")).await;
            assert_eq!(members(&list, "intent"), expected, "{query}");
        }
        let first = get_page(&app, "/v1/admin/payments?limit=2").await;
        let next = format!("/v1/admin/payments?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
        let second = get_page(&app, &next).await;
        assert_eq!((members(&second, "intent"), &second["next_cursor"]), (vec![intents[0].clone()], &Value::Null));
        for (query, field) in [("attention=all", "attention"), ("hold=7", "hold"), ("from=now", "from"), ("state=paid", "state")] {
            let refused = app.admin(Method::GET, &format!("/v1/admin/payments?{query}"), None).await;
            assert_eq!(refused.expect_problem(422, "invalid").body["errors"][0]["field"], field, "{query}");
        }
    }

    async fn payments_of_one_moment_are_paged_by_their_intent(engine) {
        let app = TestApp::start(engine).await;
        let mut intents = Vec::new();
        for hour in 10..14 {
            let hold = app.sold("call", &format!("2026-12-01T{hour}:00:00Z")).await;
            intents.push(intent_of(&app, &hold));
        }
        intents.sort();
        let (mut seen, mut path) = (Vec::new(), "/v1/admin/payments?limit=1".to_owned());
        loop {
            let page = get_page(&app, &path).await;
            seen.extend(members(&page, "intent"));
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/admin/payments?limit=1&cursor={cursor}"),
                None => break,
            }
        }
        seen.sort();
        assert_eq!(seen, intents);
    }

    async fn money_without_a_hold_is_listed(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        app.delete_hold_rows(&hold).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.sweep().await;
        app.deliver_all().await;
        let list = get_page(&app, "/v1/admin/payments").await;
        let entry = &list["data"][0];
        assert_eq!((&entry["hold"], &entry["claimed_hold"]), (&Value::Null, &json!(hold.text("id"))));
        let expected = json!({"paid": 5000, "refunded": 5000, "refund_pending": 0, "disputed": 0, "lost": 0, "kept": 0,
            "due_back": 0, "currency": "eur"});
        assert_eq!(entry["ledger"], expected);
        assert_eq!((&entry["status"], &entry["state"]), (&json!("succeeded"), &json!("refunded")));
        assert_eq!(entry["refunds"][0]["ordered_by"], "holdfast");
        let refund = app.simulator.refunds().remove(0).id;
        app.simulator.change_refund(&refund, &RefundOutcome::new(RefundStatus::Failed)).unwrap();
        app.deliver_all().await;
        let failed = get_page(&app, "/v1/admin/payments?attention=refund_failed").await;
        assert_eq!(failed["data"][0]["ledger"]["due_back"], 5000);
    }

    async fn attention_filters_name_what_an_operator_must_look_at(engine) {
        let app = TestApp::start(engine).await;
        let mut holds = Vec::new();
        for hour in 10..16 {
            holds.push(sold_at(&app, hour).await);
        }
        app.simulator.open_dispute(&intent_of(&app, &holds[1]), NewDispute::default()).unwrap();
        app.simulator.set_refund_outcome(RefundOutcome::new(RefundStatus::Failed));
        // A part of a booking that stays.
        refund(&app, &holds[2], 2000).await;
        app.sweep().await;
        app.deliver_all().await;
        app.simulator.set_refund_outcome(RefundOutcome::default());
        let set = async |hold: &ApiResponse, columns: &str| {
            let id = hold.text("id");
            app.database.execute(&format!("UPDATE holds SET {columns} WHERE id = '{id}'")).await;
        };
        set(&holds[3], "price_mismatch = true").await;
        app.without_audit("a hold without money and money without a slot are written by hand");
        set(&holds[4], "funds = 'none'").await;
        set(&holds[5], "status = 'released', reason = 'expired'").await;
        for (attention, number) in [
            ("disputed", 1),
            ("refund_failed", 2),
            ("price_mismatch", 3),
            ("slot_without_money", 4),
            ("money_without_slot", 5),
        ] {
            let id = vec![holds[number].text("id").to_owned()];
            let list = get_page(&app, &format!("/v1/admin/holds?attention={attention}")).await;
            assert_eq!(members(&list, "id"), id, "{attention}");
            let list = get_page(&app, &format!("/v1/admin/payments?attention={attention}")).await;
            assert_eq!(members(&list, "hold"), id, "{attention}");
        }
        let figures = async || app.database.store().count_figures(app.clock_now()).await.unwrap();
        let now = figures().await;
        let counts = [now.disputes_open, now.refunds_failed, now.price_mismatches, now.slot_without_money, now.money_without_slot];
        assert_eq!(counts, [1; 5], "the metrics count what the lists have");
        let refused = app.admin(Method::GET, "/v1/admin/holds?attention=all", None).await.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["field"], "attention");
        // Ordered anew, and carried out. What is too much goes back, too.
        refund(&app, &holds[2], 2000).await;
        refund(&app, &holds[3], 100).await;
        app.sweep().await;
        app.deliver_all().await;
        let list = get_page(&app, "/v1/admin/holds?attention=refund_failed").await;
        assert_eq!((&list["data"], figures().await.refunds_failed), (&json!([]), 0));
        for list in ["holds", "payments"] {
            let settled = get_page(&app, &format!("/v1/admin/{list}?attention=price_mismatch")).await;
            assert_eq!((&settled["data"], figures().await.price_mismatches), (&json!([]), 0), "{list}");
        }
        assert_eq!(app.admin_hold(holds[3].text("id")).await["price_mismatch"], true, "it says what happened");
        // An order that is stuck.
        let stuck = format!("UPDATE commands SET done_at = NULL, tries = 10 WHERE hold_id = '{}'", holds[2].text("id"));
        app.database.execute(&stuck).await;
        let stuck = get_page(&app, "/v1/admin/payments?attention=refund_failed").await;
        assert_eq!(i64::try_from(members(&stuck, "intent").len()).unwrap(), figures().await.refunds_failed);
        assert_eq!(members(&get_page(&app, "/v1/admin/holds?attention=refund_failed").await, "id"), [holds[2].text("id")]);
    }
}
