//! Tests of the list of holds as an operator uses it: several statuses, a day of the shop, orders and their cursors, changes
//! that are pulled, a search by what a guest says, and what needs attention.

use chrono::Duration;
use holdfast::sandbox::PaymentOutcome;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::audit_trail::list_audit;
use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::database::Engine;
use crate::support::on_both_engines;

async fn get_holds(app: &TestApp, query: &str) -> Value {
    let path = format!("/v1/admin/holds?{query}");
    app.admin(Method::GET, &path, None).await.expect(200).body
}

fn ids(list: &Value) -> Vec<String> {
    let entries = list["data"].as_array().unwrap().iter();
    entries
        .map(|hold| hold["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn refuse(app: &TestApp, query: &str, field: &str) {
    let refused = app
        .admin(Method::GET, &format!("/v1/admin/holds?{query}"), None)
        .await;
    let refused = refused.expect_problem(422, "invalid");
    assert_eq!(
        refused.body["errors"][0]["field"], field,
        "{query}: {}",
        refused.body
    );
}

/// Places holds on the call at these starts, a second after each other.
async fn place_at(app: &TestApp, starts: &[&str]) -> Vec<ApiResponse> {
    let mut placed = Vec::new();
    for start in starts {
        app.clock.advance(Duration::seconds(1));
        placed.push(app.hold_slot("call", start).await);
    }
    placed
}

/// Pulls all changes since an instant, a page at a time, and returns the ids and the last `updated_at`.
async fn pull(app: &TestApp, since: Option<&str>, limit: u32) -> (Vec<String>, Option<String>) {
    let since_part = since.map_or_else(String::new, |since| format!("&changed_since={since}"));
    let first = format!("sort=updated_at&limit={limit}{since_part}");
    let (mut pulled, mut last, mut query) = (Vec::new(), since.map(str::to_owned), first.clone());
    loop {
        let page = get_holds(app, &query).await;
        pulled.extend(ids(&page));
        if let Some(hold) = page["data"].as_array().unwrap().last() {
            last = Some(hold["updated_at"].as_str().unwrap().to_owned());
        }
        assert!(pulled.len() < 100, "it never ends: {pulled:?}");
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("{first}&cursor={cursor}"),
            None => return (pulled, last),
        }
    }
}

on_both_engines! {
    async fn several_statuses_are_listed_together(engine) {
        let app = TestApp::start(engine).await;
        let made = place_at(&app, &["2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z", "2026-12-01T12:00:00Z"]).await;
        app.confirm(&made[0]).await;
        app.cancel(&made[1]).await.expect(200);
        let id = |n: usize| made[n].text("id").to_owned();
        for (query, expected) in [
            ("status=held,confirmed", vec![2, 0]),
            ("status=confirmed,released", vec![1, 0]),
            ("status=processing,cancelled", vec![]),
            ("status=released,held,confirmed,processing,cancelled", vec![2, 1, 0]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(id).collect();
            assert_eq!(ids(&get_holds(&app, query).await), expected, "{query}");
        }
        for query in ["status=", "status=held,", "status=held,paid", "status=held,%20confirmed"] {
            refuse(&app, query, "status").await;
        }
    }

    async fn day_of_the_shop_may_have_23_or_25_hours(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_TIMEZONE", "Europe/Berlin")]).await;
        let made = place_at(&app, &[
            "2027-03-27T22:30:00Z", "2027-03-27T23:00:00Z", "2027-03-28T21:30:00Z", "2027-03-28T22:00:00Z",
            "2027-10-30T21:30:00Z", "2027-10-30T22:00:00Z", "2027-10-31T22:30:00Z", "2027-10-31T23:00:00Z",
        ]).await;
        for (day, expected) in [
            ("2027-03-27", 0..1), ("2027-03-28", 1..3), ("2027-03-29", 3..4),
            ("2027-10-30", 4..5), ("2027-10-31", 5..7), ("2027-11-01", 7..8), ("2027-11-02", 0..0),
        ] {
            let expected: Vec<&str> = made[expected].iter().map(|hold| hold.text("id")).collect();
            assert_eq!(ids(&get_holds(&app, &format!("day={day}&sort=starts_at")).await), expected, "{day}");
        }
        for (query, field) in [
            ("day=today", "day"), ("day=2027-3-28", "day"), ("day=2027-02-29", "day"),
            ("day=2027-03-28&from=2027-03-28T00:00:00Z", "day"),
            ("sort=created_at", "sort"), ("changed_since=2027-03-28T00:00:00Z", "changed_since"),
            ("changed_since=2027-03-28T00:00:00Z&sort=starts_at", "changed_since"), ("q=", "q"),
        ] {
            refuse(&app, query, field).await;
        }
    }

    async fn list_by_start_is_paged_and_its_cursor_is_its_own(engine) {
        let app = TestApp::start(engine).await;
        app.offer("other", "ben", 30, 5000).await;
        let mut made = place_at(&app, &["2026-12-01T12:00:00Z", "2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z"]).await;
        // Two holds of one start: the id decides.
        made.push(app.hold_slot("other", "2026-12-01T11:00:00Z").await);
        let mut expected: Vec<(String, String)> =
            made.iter().map(|hold| (hold.text("starts_at").to_owned(), hold.text("id").to_owned())).collect();
        expected.sort();
        let expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
        let (mut seen, mut query) = (Vec::new(), "sort=starts_at&limit=1".to_owned());
        let mut cursors = Vec::new();
        loop {
            let page = get_holds(&app, &query).await;
            seen.extend(ids(&page));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            cursors.push(cursor.to_owned());
            query = format!("sort=starts_at&limit=1&cursor={cursor}");
        }
        assert_eq!(seen, expected);
        let cursor = &cursors[0];
        let same = get_holds(&app, &format!("sort=starts_at&limit=7&cursor={cursor}")).await;
        assert_eq!(ids(&same), expected[1..], "another limit is the same list");
        for other in [
            "limit=1", "sort=updated_at", "sort=starts_at&status=held", "sort=starts_at&q=ada",
            "sort=starts_at&day=2026-12-01", "sort=starts_at&resource=ana", "sort=starts_at&guest=ada@example.com",
            "sort=starts_at&attention=overdue",
        ] {
            refuse(&app, &format!("{other}&cursor={cursor}"), "cursor").await;
        }
        let payments = app.admin(Method::GET, "/v1/admin/commands?limit=1", None).await.expect(200);
        assert_eq!(payments.body["next_cursor"], Value::Null);
    }

    async fn changes_are_pulled_without_a_gap_or_a_loop(engine) {
        let app = TestApp::start(engine).await;
        let made = place_at(&app, &["2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z", "2026-12-01T12:00:00Z"]).await;
        let id = |n: usize| made[n].text("id").to_owned();
        let (pulled, last) = pull(&app, None, 1).await;
        assert_eq!(pulled, [id(0), id(1), id(2)]);
        // The last one comes again, because a hold that changes at that very moment must not be missed.
        assert_eq!(pull(&app, last.as_deref(), 1).await, (vec![id(2)], last.clone()));
        app.cancel(&made[1]).await.expect(200);
        app.confirm(&made[0]).await;
        let (pulled, later) = pull(&app, last.as_deref(), 1).await;
        assert_eq!(pulled, [id(2), id(1), id(0)]);
        let shown = app.admin_hold(&id(0)).await;
        assert_eq!(shown["updated_at"].as_str(), later.as_deref(), "the hold itself shows the same time");
        // What only the sweep sees is no change.
        app.clock.advance(Duration::minutes(31));
        app.sweep().await;
        app.move_as_operator(&made[0], json!({"starts_at": "2026-12-02T10:00:00Z"})).await.expect(200);
        let (pulled, _) = pull(&app, later.as_deref(), 10).await;
        assert_eq!(pulled.last(), Some(&id(0)));
        // A guest who was erased is a change: who has a copy must erase it too.
        let before = pull(&app, None, 10).await.1;
        app.clock.advance(Duration::days(91));
        app.sweep().await;
        let (pulled, _) = pull(&app, before.as_deref(), 10).await;
        assert!(pulled.contains(&id(1)), "{pulled:?}");
        app.without_audit("the clock went on without Stripe");
    }

    async fn search_finds_what_a_guest_can_say(engine) {
        let app = TestApp::start(engine).await;
        let mut made = Vec::new();
        for (email, name, hour) in [
            ("ada@example.com", "Ada Lovelace", 10),
            ("zoe@example.com", "ZOË O'Neill_%", 11),
            ("Ada.Two@Example.com", "Grace", 12),
        ] {
            app.clock.advance(Duration::seconds(1));
            let mut body = order_by(email, "call", &format!("2026-12-01T{hour}:00:00Z"));
            body["guest"]["name"] = json!(name);
            made.push(app.checkout(&body).await.expect(201));
        }
        let (first, session) = (made[0].text("id").to_uppercase(), made[1].text("checkout_session"));
        for (text, expected) in [
            (first.as_str(), vec![0]),
            (session, vec![1]),
            ("ADA@example.com", vec![0]),
            ("ada", vec![2, 0]),
            ("LOVE", vec![0]),
            ("zoë", vec![1]),
            ("o'neill_%", vec![1]),
            ("%", vec![1]),
            ("a%e", vec![]),
            ("ada.two@", vec![2]),
            ("example", vec![2, 1, 0]),
            ("cs_test_unknown", vec![]),
            ("01990000-0000-7000-8000-000000000000", vec![]),
        ] {
            let expected: Vec<&str> = expected.into_iter().map(|n: usize| made[n].text("id")).collect();
            let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let list = get_holds(&app, &format!("q={text}")).await;
            assert_eq!(ids(&list), expected, "{text}");
        }
        // The search is paged as the list is.
        let page = get_holds(&app, "q=example&limit=2").await;
        let next = get_holds(&app, &format!("q=example&limit=2&cursor={}", page["next_cursor"].as_str().unwrap())).await;
        assert_eq!((ids(&page).len(), ids(&next)), (2, vec![made[0].text("id").to_owned()]));
        let narrowed = get_holds(&app, "q=ada&status=held&sort=starts_at").await;
        assert_eq!(ids(&narrowed), [made[0].text("id"), made[2].text("id")]);
        let trail = list_audit(&app, "action=searchByGuest&limit=200").await;
        assert_eq!(trail.len(), 16, "each search is in the trail");
        let trail = format!("{trail:?}").to_lowercase();
        // Words that cannot stand in the ids of the entries, as "ada" can: they are hexadecimal.
        for word in ["love", "zoë", "o'neill", "example"] {
            assert!(!trail.contains(word), "the trail says what {word} was for: {trail}");
        }
    }

    async fn attention_lists_have_as_many_holds_as_figures_say(engine) {
        let app = TestApp::start(engine).await;
        let made = place_at(&app, &["2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z", "2027-12-01T12:00:00Z"]).await;
        app.pay(&made[2], PaymentOutcome::Processing);
        app.deliver_all().await;
        let count = async |attention: &str| ids(&get_holds(&app, &format!("attention={attention}")).await).len();
        let figures = async || app.database.store().count_figures(app.clock_now()).await.unwrap();
        assert_eq!((count("overdue").await, count("processing_long").await), (0, 0));
        app.clock.advance(Duration::minutes(31));
        let now = figures().await;
        assert_eq!((count("overdue").await, now.overdue), (2, 2));
        assert_eq!(count("overdue&status=processing").await, 0);
        app.clock.advance(Duration::days(7));
        let now = figures().await;
        assert_eq!((count("processing_long").await, now.processing_long), (1, 1));
        for sql in [
            "UPDATE holds SET price_mismatch = true WHERE id = '{}'",
            "UPDATE holds SET status = 'confirmed', due_at = NULL WHERE id = '{}'",
        ] {
            app.database.execute(&sql.replace("{}", made[0].text("id"))).await;
        }
        let now = figures().await;
        assert_eq!((count("price_mismatch").await, now.price_mismatches), (1, 1));
        assert_eq!((count("slot_without_money").await, now.slot_without_money), (1, 1));
        for (attention, figure) in [("disputed", now.disputes_open), ("refund_failed", now.refunds_failed)] {
            assert_eq!((count(attention).await, figure), (0, 0), "{attention}");
        }
        for attention in ["overdue", "processing_long"] {
            let path = format!("/v1/admin/payments?attention={attention}");
            app.admin(Method::GET, &path, None).await.expect_problem(422, "invalid");
        }
        app.clock.advance(Duration::days(60));
        let now = figures().await;
        assert_eq!((count("price_mismatch").await, now.price_mismatches), (0, 0), "its slot is over");
        app.without_audit("the holds were changed by hand");
    }
}

/// A transaction that commits late has dated its change before others that are visible already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_that_commits_late_is_pulled_all_the_same() {
    let app = TestApp::start(Engine::Postgres).await;
    let made = place_at(&app, &["2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z"]).await;
    let id = |n: usize| made[n].text("id").to_owned();
    let (_, last) = pull(&app, None, 10).await;
    let mut late = PgConnection::connect(app.database.url()).await.unwrap();
    for statement in [
        "BEGIN".to_owned(),
        format!("UPDATE holds SET version = version + 1 WHERE id = '{}'", id(0)),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut late)
            .await
            .unwrap();
    }
    app.cancel(&made[1]).await.expect(200);
    let (pulled, shown_last) = pull(&app, last.as_deref(), 10).await;
    assert!(
        pulled.is_empty(),
        "what has changed waits for the change before it: {pulled:?}"
    );
    assert_eq!(shown_last, last);
    sqlx::query("COMMIT").execute(&mut late).await.unwrap();
    let (pulled, _) = pull(&app, shown_last.as_deref(), 10).await;
    assert_eq!(pulled, [id(0), id(1)]);
}
