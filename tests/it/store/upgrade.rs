//! Tests that a database of schema version 1 is migrated without loss: catalogue, holds, payments, guests, open
//! checkouts and commands.
//!
//! The rows are written as that version wrote them: one resource for an event type, one window for a hold, no units and
//! no table of guests.

use chrono::{DateTime, Utc};
use holdfast::domain::ids::{HoldId, ResourceId};
use holdfast::domain::token::{CalendarSalt, TokenKey, TokenKeys};
use holdfast::sandbox::signature_header;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{TestApp, WEBHOOK_SECRET, order_by};
use crate::support::catalogue_fixtures::day;
use crate::support::database::{Engine, TestDatabase};
use crate::support::on_both_engines;
use crate::support::process::complete;

const MADE: &str = "2026-11-19T12:00:00Z";

/// A hold of the old version.
struct Old {
    number: u8,
    start: &'static str,
    status: &'static str,
    reason: Option<&'static str>,
    email: Option<&'static str>,
    payment: Option<(&'static str, i64)>,
}

impl Old {
    fn id(&self) -> String {
        format!("01990000-0000-7000-8000-0000000000{:02}", self.number)
    }

    fn state(&self) -> String {
        let reason = self.reason.map(|reason| format!("/{reason}"));
        format!("{}{}", self.status, reason.unwrap_or_default())
    }

    fn is_live(&self) -> bool {
        matches!(self.status, "held" | "processing" | "confirmed")
    }
}

const fn old(number: u8, start: &'static str, status: &'static str, email: Option<&'static str>) -> Old {
    Old {
        number,
        start,
        status,
        reason: None,
        email,
        payment: None,
    }
}

const HOLDS: [Old; 6] = [
    old(1, "2026-12-01T10:00:00Z", "held", Some("Ada@Example.com")),
    Old {
        payment: Some(("paid", 0)),
        ..old(2, "2026-12-01T11:00:00Z", "confirmed", Some("ada@example.com"))
    },
    old(3, "2026-12-01T12:00:00Z", "processing", Some("bob@example.com")),
    Old {
        reason: Some("expired"),
        ..old(4, "2026-12-01T13:00:00Z", "released", None)
    },
    Old {
        reason: Some("refunded"),
        payment: Some(("refunded", 5000)),
        ..old(5, "2026-12-01T14:00:00Z", "cancelled", Some("ADA@example.com"))
    },
    Old {
        reason: Some("guest"),
        ..old(6, "2026-12-01T10:00:00Z", "released", Some("bob@example.com"))
    },
];

/// Writes rows as the old version did.
struct OldWriter<'a>(&'a TestDatabase);

impl OldWriter<'_> {
    /// Returns an instant as the SQL of a column value.
    fn at(&self, at: &str) -> String {
        match self.0.engine() {
            Engine::Sqlite => ms(at).to_string(),
            Engine::Postgres => format!("timestamptz '{at}'"),
        }
    }

    async fn write(&self, statement: String) {
        assert_eq!(self.0.execute(&statement).await, 1, "{statement}");
    }

    async fn catalogue(&self) {
        let made = self.at(MADE);
        for resource in ["ana", "ben"] {
            self.write(format!(
                "INSERT INTO resources (id, created_at) VALUES ('{resource}', {made})"
            ))
            .await;
        }
        for (id, resource, minutes) in [("call", "ana", 30), ("bens-call", "ben", 45)] {
            self.write(format!(
                "INSERT INTO event_types (id, name, resource_id, duration_minutes, amount, currency, payment_methods,
                     created_at, updated_at)
                 VALUES ('{id}', 'A {id}', '{resource}', {minutes}, 5000, 'eur', 'card,paypal', {made}, {made})"
            ))
            .await;
        }
    }

    async fn hold(&self, old: &Old) {
        let (id, made) = (old.id(), self.at(MADE));
        let (start, end) = (self.at(old.start), self.at(&end_of(old.start)));
        let segments =
            json!([{"resource": "ana", "starts_at_ms": ms(old.start), "ends_at_ms": ms(&end_of(old.start))}]);
        let text = |text: Option<&str>| text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
        let (reason, email) = (text(old.reason), text(old.email));
        let name = text(old.email.map(|_| "Ada"));
        let expires = self.at("2026-11-20T12:00:00Z");
        let due = if matches!(old.status, "held" | "processing") {
            expires.clone()
        } else {
            "NULL".to_owned()
        };
        let (number, status) = (old.number, old.status);
        self.write(format!(
            "INSERT INTO holds (id, event_type_id, resource_id, starts_at, ends_at, segments, status, reason, amount,
                 currency, session_id, checkout_url, guest_email, guest_name, metadata, expires_at, session_expires_at,
                 due_at, created_at, updated_at)
             VALUES ('{id}', 'call', 'ana', {start}, {end}, '{segments}', '{status}', {reason}, 5000, 'eur',
                 'cs_old_{number}', 'https://pay.example/{number}', {email}, {name}, '{{\"seat\": \"{number}\"}}',
                 {expires}, {expires}, {due}, {made}, {made})"
        ))
        .await;
        self.write(format!(
            "INSERT INTO hold_history (hold_id, at, to_status, to_reason, why, actor)
             VALUES ('{id}', {made}, '{status}', {reason}, 'as it was', 'checkout')"
        ))
        .await;
        self.write(format!(
            "INSERT INTO checkout_attempts (hold_id, idempotency_key, fingerprint, state, claimed_at, ended_at)
             VALUES ('{id}', 'key-{number}', 'print', 'placed', {made}, {made})"
        ))
        .await;
        if old.is_live() {
            self.write(match self.0.engine() {
                Engine::Sqlite => format!("INSERT INTO occupancy VALUES ('{id}', 'ana', {start}, {end})"),
                Engine::Postgres => {
                    format!("INSERT INTO occupancy VALUES ('{id}', 'ana', tstzrange({start}, {end}))")
                }
            })
            .await;
        }
        if let Some((state, refunded)) = old.payment {
            self.write(format!(
                "INSERT INTO payments (intent_id, hold_id, amount, currency, refunded, state, created_at, updated_at)
                 VALUES ('pi_old_{number}', '{id}', 5000, 'eur', {refunded}, '{state}', {made}, {made})"
            ))
            .await;
        }
    }

    /// Writes an interrupted checkout, a command for Stripe and an applied event.
    async fn open_work(&self) {
        let made = self.at(MADE);
        let terms = json!({"name": "A call", "amount": 5000, "currency": "eur", "email": "eve@example.com",
            "success_url": "https://shop.example/", "cancel_url": "https://shop.example/", "expires_at": 1_795_000_000,
            "payment_methods": "card", "installation": "here"});
        self.write(format!(
            "INSERT INTO checkout_attempts (hold_id, fingerprint, state, terms, claimed_at)
             VALUES ('01990000-0000-7000-8000-000000000099', 'print', 'running', '{terms}', {made})"
        ))
        .await;
        self.write(format!(
            "INSERT INTO commands (id, order_key, kind, session_id, due_at, created_at)
             VALUES ('01990000-0000-7000-8000-000000000098', 'expire:cs_old_98', 'expire_session', 'cs_old_98', {made}, {made})"
        ))
        .await;
        self.write(format!(
            "INSERT INTO stripe_events (id, kind, hold_id, payload, applied_at)
             VALUES ('evt_old', 'checkout.session.completed', '{}', '{{}}', {made})",
            HOLDS[1].id()
        ))
        .await;
    }
}

fn ms(at: &str) -> i64 {
    at.parse::<DateTime<Utc>>().unwrap().timestamp_millis()
}

fn end_of(start: &str) -> String {
    start.replace(":00:00Z", ":30:00Z")
}

/// Writes a database of the old version and runs `migrate` on it twice.
async fn upgraded(engine: Engine) -> TestDatabase {
    let database = TestDatabase::of_version(engine, 1).await;
    let writer = OldWriter(&database);
    writer.catalogue().await;
    for old in &HOLDS {
        writer.hold(old).await;
    }
    writer.open_work().await;
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let done = complete(
            directory.path(),
            &["migrate"],
            &[("DATABASE_URL", database.url())],
        )
        .await;
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    database
}

async fn ids_of(app: &TestApp, query: &str) -> Vec<String> {
    let answer = app
        .admin(Method::GET, &format!("/v1/admin/holds?{query}"), None)
        .await
        .expect(200);
    let mut ids: Vec<String> = answer.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hold| hold["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

fn ids(numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(|number| HOLDS[number - 1].id()).collect()
}

on_both_engines! {
    async fn rows_of_the_old_version_are_read_completely(engine) {
        let app = TestApp::start_on(upgraded(engine).await, &[]).await;
        let shown = app.admin(Method::GET, "/v1/admin/event-types/call", None).await.expect(200).body;
        assert_eq!(shown, json!({"id": "call", "name": "A call", "resource": "ana", "duration_minutes": 30,
            "segments": [{"offset_minutes": 0, "duration_minutes": 30, "any_of": ["ana"]}], "buffer_before_minutes": 0,
            "buffer_after_minutes": 0, "amount": 5000, "currency": "eur", "payment_methods": ["card", "paypal"],
            "checkout": {"promotion_codes": false, "automatic_tax": false, "phone": false, "billing_address": "auto",
                "terms_consent": false, "submit_type": "auto", "invoice": false}, "images": []}));
        let all = app.admin(Method::GET, "/v1/admin/event-types", None).await.expect(200).body;
        assert_eq!(all["data"].as_array().unwrap().len(), 2);
        let ana = app.admin(Method::GET, "/v1/admin/resources/ana", None).await.expect(200).body;
        assert_eq!((&ana["name"], &ana["capacity"], &ana["calendar"]), (&json!("ana"), &json!(1), &Value::Null));
        for old in &HOLDS {
            assert_eq!(app.instance.state(&old.id()).await, old.state());
            let hold = app.admin_hold(&old.id()).await;
            let segment = json!({"resource": "ana", "starts_at": old.start, "ends_at": end_of(old.start)});
            assert_eq!((&hold["quantity"], &hold["segments"]), (&json!(1), &json!([segment])), "{hold}");
            assert_eq!(hold["metadata"], json!({"seat": old.number.to_string()}));
            assert_eq!(hold["guest"]["email"].as_str(), old.email, "{hold}");
            assert_eq!(hold["history"][0]["message"], "as it was");
            let payment = &hold["payments"][0];
            assert_eq!(payment["state"].as_str(), old.payment.map(|(state, _)| state), "{hold}");
            assert_eq!(payment["refunded"].as_i64(), old.payment.map(|(_, refunded)| refunded), "{hold}");
        }
        assert_eq!(ids_of(&app, "").await, ids(&[1, 2, 3, 4, 5, 6]));
        assert_eq!(ids_of(&app, "guest=aDa@example.com").await, ids(&[1, 2, 5]));
        assert_eq!(ids_of(&app, "guest=bob@example.com").await, ids(&[3, 6]));
        assert_eq!(ids_of(&app, "resource=ana&status=released").await, ids(&[4, 6]));
        let events = app.admin(Method::GET, "/v1/admin/events", None).await.expect(200).body;
        assert_eq!(events["data"][0]["id"], "evt_old");
        app.without_audit("Stripe's simulator has none of the old sessions");
    }

    async fn sold_slots_of_the_old_version_stay_taken_until_they_end(engine) {
        let three = [("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "3"), ("HOLDFAST_MAX_LIVE_HOLDS_PER_EMAIL", "3")];
        let app = TestApp::start_on(upgraded(engine).await, &three).await;
        let shown = day(&app, "call", "2026-12-01").await;
        for (time, expected) in [("10:00", "held 0"), ("11:00", "taken 0"), ("12:00", "held 0"), ("13:00", "free 1")] {
            assert!(shown.contains(&format!("{time} {expected}")), "{time}: {shown:?}");
        }
        for old in HOLDS.iter().filter(|old| old.is_live()) {
            let request = order_by("eve@example.com", "call", old.start);
            app.checkout(&request).await.expect_problem(409, "slot_taken");
            let again = "INSERT INTO occupancy SELECT * FROM occupancy WHERE hold_id =";
            let refusal = app.database.try_execute(&format!("{again} '{}'", old.id())).await.unwrap_err();
            assert!(refusal.contains("occupancy_one_buyer"), "{refusal}");
        }
        // Ada has one held hold under another spelling of her address, so she can have two more.
        for (start, status) in [("13", 201), ("14", 201), ("15", 429)] {
            let request = order_by("ADA@example.com", "call", &format!("2026-12-01T{start}:00:00Z"));
            app.checkout(&request).await.expect(status);
        }
        // An old hold ends like any other hold.
        let body = json!({"id": "evt_new", "object": "event", "livemode": false, "type": "checkout.session.expired",
            "data": {"object": {"id": "cs_old_1", "object": "checkout.session"}}})
        .to_string();
        let signature = signature_header(WEBHOOK_SECRET, app.clock_now().timestamp(), &body);
        assert_eq!(app.webhook(Some(&signature), body).await.expect(200).text("outcome"), "applied");
        assert_eq!(app.instance.state(&HOLDS[0].id()).await, "released/expired");
        let counted = "SELECT count(*) FROM allowances WHERE scope = 'email' AND subject = 'ada@example.com'";
        assert_eq!(app.database.count(counted).await, 2);
        let request = order_by("ada@example.com", "call", HOLDS[0].start);
        app.checkout(&request).await.expect(201);
        app.without_audit("Stripe's simulator has none of the old sessions");
    }

    async fn holds_of_an_instance_of_the_version_before_are_counted(engine) {
        let two = [("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "2")];
        let app = TestApp::start_with(engine, &two).await;
        let mine = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        // What that version writes when it places a hold beside this one.
        let columns = "event_type_id, resource_id, ends_at, segments, status, amount, currency, checkout_url, guest_email,
            guest_id, client_id, metadata, expires_at, session_expires_at, due_at, created_at, updated_at";
        let id = "01990000-0000-7000-8000-000000000077";
        app.database.execute(&format!("INSERT INTO holds (id, session_id, starts_at, {columns})
            SELECT '{id}', 'cs_before', starts_at, {columns} FROM holds")).await;
        app.database.execute("INSERT INTO clients (id, held, updated_at) SELECT client_id, 1, updated_at FROM holds LIMIT 1").await;
        let again = order_by("ada@example.com", "call", "2026-12-01T12:00:00Z");
        app.checkout(&again).await.expect_problem(429, "too_many_holds");
        app.cancel(&mine).await.expect(200);
        assert_eq!(app.database.count("SELECT sum(held) FROM clients").await, 1, "the counter counts the other hold");
        let other = app.checkout(&again).await.expect(201);
        app.checkout(&order_by("ada@example.com", "call", "2026-12-01T13:00:00Z")).await.expect_problem(429, "too_many_holds");
        let ended = format!("UPDATE holds SET status = 'released', reason = 'expired', due_at = NULL WHERE id = '{id}'");
        assert_eq!(app.database.execute(&ended).await, 1);
        assert_eq!(app.database.count("SELECT sum(held) + 10 * sum(lapses) FROM clients").await, 10);
        app.checkout(&order_by("ada@example.com", "call", "2026-12-01T13:00:00Z")).await.expect(201);
        app.cancel(&other).await.expect(200);
        assert_eq!(app.database.count("SELECT count(*) FROM allowances WHERE scope = 'guest'").await, 1);
        app.without_audit("one hold has no session and no history");
    }

    async fn open_checkouts_and_commands_of_the_old_version_finish(engine) {
        let app = TestApp::start_on(upgraded(engine).await, &[]).await;
        // One old session that Stripe knows proves that the key is of the right account.
        app.simulator.add_expired_session("cs_old_6");
        // The command counts as done after the end of its session, which Stripe has forgotten.
        app.clock.advance(chrono::Duration::hours(25));
        app.sweep().await;
        let open = "SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled')";
        assert_eq!(app.database.count(open).await, 0);
        assert_eq!(app.simulator.calls().create, 1, "the session that may be open is asked for by its own key");
        let done = "SELECT count(*) FROM commands WHERE session_id = 'cs_old_98' AND done_at IS NOT NULL";
        assert_eq!(app.database.count(done).await, 1);
        app.without_audit("Stripe's simulator has none of the old sessions");
    }

    async fn tokens_of_the_old_version_stay_good(engine) {
        let app = TestApp::start_on(upgraded(engine).await, &[]).await;
        let rolled = app.another_instance_with(&[("STRIPE_SECRET_KEY", "sk_test_rolled")]).await;
        // The version before derived its key from Stripe's, and knew no salt.
        let key = TokenKey::from_stripe_key("sk_test_holdfast");
        let keys = TokenKeys::new(Vec::new(), key);
        let released = HoldId::parse(&HOLDS[5].id()).unwrap();
        let token = keys.hold_token(released, None);
        let ana = ResourceId::parse("ana").unwrap();
        let calendar = keys.calendar_key(&ana, &CalendarSalt::default());
        for at in [&app.instance, &rolled] {
            let request = at.request(Method::DELETE, &format!("/v1/holds/{released}"));
            let answer = at.send(request.bearer_auth(&token)).await.expect(200);
            assert_eq!(answer.text("reason"), "guest");
            let url = format!("/v1/resources/ana/calendar.ics?key={calendar}");
            assert!(at.get(&url).await.expect(200).body.as_str().unwrap().contains("BEGIN:VEVENT"));
            let shown = at.admin(Method::GET, "/v1/admin/resources/ana", None).await.expect(200);
            assert_eq!(shown.text("calendar_url"), url);
        }
        let new = app.checkout(&order_by("eve@example.com", "call", "2026-12-01T16:00:00Z")).await.expect(201);
        let same = format!("SELECT count(*) FROM holds WHERE client_id = '{}'", keys.client_pseudonym("127.0.0.1"));
        assert_eq!(app.database.count(&same).await, 1, "a client keeps its pseudonym");
        let id = HoldId::parse(new.text("id")).unwrap();
        assert_eq!(new.text("token"), keys.hold_token(id, None), "the version before accepts new tokens");
        app.without_audit("Stripe's simulator has none of the old sessions");
    }
}
