//! Sends events to endpoints that fail, are slow, are gone or ask to be left alone, and with processes that die: every change
//! is heard at least once, in order for each hold.

use std::collections::BTreeMap;

use chrono::Duration;
use holdfast::workflow::deliver_events::DeliveryReport;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::database::Engine;
use crate::support::event_receiver::{EventReceiver, ReceiverAnswer, deliveries, set_endpoint};
use crate::support::feed_server::PRIVATE;
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";

async fn hold_at(app: &TestApp, hour: u32) -> ApiResponse {
    let start = format!("2026-12-01T{hour:02}:00:00Z");
    let body = order_by(&format!("guest-{hour}@example.com"), "call", &start);
    app.checkout(&body).await.expect(201)
}

/// Sends all events again; returns the answer.
async fn replay(app: &TestApp, id: &str) -> Value {
    let path = format!("/v1/admin/webhook-endpoints/{id}/replay");
    let range = json!({"from": "2026-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"});
    app.admin(Method::POST, &path, Some(range)).await.expect(200).body
}

fn report(done: u64, failed: u64) -> DeliveryReport {
    DeliveryReport { done, failed }
}

async fn endpoint(app: &TestApp, id: &str) -> Value {
    let path = format!("/v1/admin/webhook-endpoints/{id}");
    app.admin(Method::GET, &path, None).await.expect(200).body
}

/// Checks that each hold's events were heard from the first on without a gap, whatever was repeated.
fn assert_in_order(receiver: &EventReceiver) {
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for request in receiver.received() {
        let event = request.json();
        let hold = event["data"]["hold_id"].as_str().unwrap().to_owned();
        let sequence = event["data"]["sequence"].as_i64().unwrap();
        let known = last.entry(hold).or_default();
        assert!(sequence <= *known + 1, "{event}");
        *known = sequence.max(*known);
    }
}

on_both_engines! {
    async fn later_event_of_a_hold_waits_for_the_failed_one(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let first = hold_at(&app, 10).await;
        app.cancel(&first).await.expect(200);
        receiver.answer_next(&[ReceiverAnswer::Status(500)]);
        assert_eq!(app.send_events().await, report(0, 1));
        // The other hold goes on, the later event of the same hold does not.
        hold_at(&app, 11).await;
        assert_eq!(app.send_events().await, report(1, 0));
        let waiting = deliveries(&app, "shop", "state=pending").await;
        assert_eq!(waiting.len(), 2, "{waiting:?}");
        assert_eq!((&waiting[0]["next_at"], &waiting[0]["attempts"]), (&Value::Null, &json!(0)));
        assert_eq!((&waiting[1]["last_status"], &waiting[1]["attempts"]), (&json!(500), &json!(1)));
        assert_eq!(app.send_events().await, report(0, 0));
        app.clock.advance(Duration::seconds(6));
        assert_eq!(app.send_events().await, report(2, 0));
        assert_in_order(&receiver);
    }

    async fn replay_sends_at_once_what_waits_for_another_attempt(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        hold_at(&app, 10).await;
        receiver.answer_next(&[ReceiverAnswer::Status(500)]);
        assert_eq!(app.send_events().await, report(0, 1));
        assert_eq!(app.send_events().await, report(0, 0));
        let replayed = replay(&app, "shop").await;
        assert_eq!(replayed["events"], 1);
        assert_eq!(app.send_events().await, report(1, 0));
        assert_in_order(&receiver);
    }

    async fn event_that_is_never_taken_fails_and_frees_the_next(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let hold = hold_at(&app, 10).await;
        app.cancel(&hold).await.expect(200);
        receiver.answer_next(&[ReceiverAnswer::Status(500); 10]);
        let begun = app.clock_now();
        let mut attempts = 0;
        while receiver.labels().iter().all(|label| label == "hold.placed 1") {
            assert!(app.clock_now() - begun < Duration::days(5), "{attempts} attempts");
            attempts += app.send_events().await.failed;
            app.clock.advance(Duration::minutes(10));
        }
        assert_eq!(attempts, 10);
        let took = app.clock_now() - begun;
        // 75 h 35 min, and up to a tenth of it as jitter.
        assert!(took > Duration::hours(75) && took < Duration::hours(85), "{took}");
        let failed = deliveries(&app, "shop", "state=failed").await;
        assert_eq!(failed.len(), 1);
        assert_eq!((&failed[0]["type"], &failed[0]["attempts"]), (&json!("hold.placed"), &json!(10)));
        assert_eq!(deliveries(&app, "shop", "state=done").await.len(), 1);
    }

    async fn slow_or_dead_endpoint_delays_no_other(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (slow, _) = EventReceiver::set_at(&app, "a-slow").await;
        let (fast, _) = EventReceiver::set_at(&app, "b-fast").await;
        slow.answer(ReceiverAnswer::Held(204));
        set_endpoint(&app, "c-dead", json!({"url": "http://127.0.0.1:9/"})).await;
        for hour in 9..14 {
            hold_at(&app, hour).await;
        }
        let context = app.context.clone();
        let sending = tokio::spawn(async move {
            holdfast::workflow::deliver_events::deliver_due_events(&context, holdfast::http::render_event).await.unwrap()
        });
        // The fast endpoint has all while the slow one has not answered once.
        eventually("the fast endpoint has all", async || (fast.received().len() == 5).then_some(())).await;
        eventually("the slow one is asked", async || (slow.received().len() == 5).then_some(())).await;
        assert_eq!(deliveries(&app, "a-slow", "state=done").await.len(), 0);
        slow.let_go(5);
        assert_eq!(sending.await.unwrap(), report(10, 5));
        assert_eq!(endpoint(&app, "c-dead").await["state"], "failing");
        assert_eq!(endpoint(&app, "c-dead").await["last_fault"], "it cannot be reached");
        assert_eq!(endpoint(&app, "b-fast").await["state"], "ok");
    }

    async fn dead_endpoint_has_the_rows_of_any_other(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        set_endpoint(&app, "dead", json!({"url": "http://127.0.0.1:9/"})).await;
        write_events(&app, 15).await;
        let id = holdfast::domain::ids::EndpointId::parse("dead").unwrap();
        let store = &app.context.store;
        while store.number_events_out(1000).await.unwrap() > 0 {}
        assert_eq!(endpoint(&app, "dead").await["waiting"], 1500, "before they are queued");
        while store.queue_events(&id, app.clock_now()).await.unwrap().is_some() {}
        assert_eq!(app.database.count("SELECT count(*) FROM event_deliveries").await, 1500);
        let lagging = endpoint(&app, "dead").await;
        assert_eq!(lagging["waiting"], 1500);
        let first = app.pull_events().await.remove(0);
        let second = |time: &Value| time.as_str().unwrap()[..19].to_owned();
        assert_eq!(second(&lagging["oldest_waiting_at"]), second(&first["timestamp"]));
        let later = "2100-01-01T00:00:00Z".parse().unwrap();
        while store.delete_old_events_out(later, 1000).await.unwrap() > 0 {}
        assert_eq!(app.database.count("SELECT count(*) FROM event_deliveries").await, 0);
        let idle = endpoint(&app, "dead").await;
        assert_eq!((&idle["waiting"], &idle["oldest_waiting_at"]), (&json!(0), &Value::Null));
    }

    async fn thousand_refused_events_stop_no_new_one(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        write_events(&app, 11).await;
        receiver.answer(ReceiverAnswer::Status(500));
        assert_eq!(app.send_events().await, report(0, 1100));
        receiver.answer(ReceiverAnswer::Status(204));
        hold_at(&app, 10).await;
        assert_eq!(app.send_events().await, report(1, 0));
        assert_eq!(receiver.received().last().unwrap().label(), "hold.placed 1");
    }

    /// It is obeyed all the time, and each event ends all the same.
    async fn endpoint_that_is_busy_for_days_is_dead(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        receiver.answer(ReceiverAnswer::Busy(429, 3600));
        let holds = "SELECT count(*) FROM event_deliveries WHERE state = 'failed'";
        for hour in 8..18 {
            hold_at(&app, hour).await;
        }
        let begun = app.clock_now();
        while app.database.count(holds).await < 10 {
            app.send_events().await;
            app.clock.advance(Duration::hours(1));
            assert!(app.clock_now() - begun < Duration::days(6), "{:?}", deliveries(&app, "shop", "").await);
        }
        assert!(app.clock_now() - begun > Duration::days(3));
        assert_eq!(endpoint(&app, "shop").await["waiting"], 0);
    }

    async fn gone_endpoint_is_disabled_until_it_is_set_again(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        receiver.answer_next(&[ReceiverAnswer::Status(410)]);
        hold_at(&app, 10).await;
        assert_eq!(app.send_events().await, report(0, 1));
        let gone = endpoint(&app, "shop").await;
        assert_eq!((&gone["enabled"], &gone["state"], &gone["last_status"]), (&json!(false), &json!("gone"), &json!(410)));
        hold_at(&app, 11).await;
        app.clock.advance(Duration::days(2));
        assert_eq!(app.send_events().await, report(0, 0));
        // What has happened meanwhile is not lost.
        set_endpoint(&app, "shop", json!({"url": receiver.url})).await;
        assert_eq!(app.send_events().await, report(2, 0));
        assert_eq!(receiver.received().len(), 3);
    }

    async fn busy_endpoint_is_left_alone_as_long_as_it_asks(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        hold_at(&app, 10).await;
        for _ in 0..12 {
            receiver.answer(ReceiverAnswer::Busy(429, 90));
            let refused = app.send_events().await;
            assert!(refused.done == 0 && (1..=8).contains(&refused.failed), "{refused:?}");
            hold_at_next(&app).await;
            app.clock.advance(Duration::seconds(89));
            assert_eq!(app.send_events().await, report(0, 0));
            app.clock.advance(Duration::seconds(1));
        }
        // Refusals for load use up no attempt of the schedule.
        receiver.answer(ReceiverAnswer::Status(204));
        app.send_events().await;
        assert_eq!(deliveries(&app, "shop", "state=failed").await.len(), 0);
        assert_eq!(deliveries(&app, "shop", "state=pending").await.len(), 0);
        receiver.answer_next(&[ReceiverAnswer::Busy(503, 3600)]);
        hold_at(&app, 15).await;
        app.send_events().await;
        app.clock.advance(Duration::minutes(59));
        assert_eq!(app.send_events().await, report(0, 0));
        app.clock.advance(Duration::minutes(1));
        assert_eq!(app.send_events().await, report(1, 0));
    }

    async fn redirect_is_not_followed(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        receiver.answer_next(&[ReceiverAnswer::Redirect]);
        hold_at(&app, 10).await;
        assert_eq!(app.send_events().await, report(0, 1));
        assert_eq!(receiver.received().len(), 1);
    }

    async fn process_that_dies_in_an_attempt_loses_no_event(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let hold = hold_at(&app, 10).await;
        app.cancel(&hold).await.expect(200);
        receiver.answer_next(&[ReceiverAnswer::Held(204)]);
        let context = app.context.clone();
        let dying = tokio::spawn(async move {
            let sent = holdfast::workflow::deliver_events::deliver_due_events(&context, holdfast::http::render_event);
            drop(sent.await);
        });
        eventually("the attempt is under way", async || (receiver.received().len() == 1).then_some(())).await;
        dying.abort();
        let other = app.another_instance().await;
        assert_eq!(other.send_events().await, report(0, 0), "the lease lasts");
        app.database.expire_all_leases().await;
        assert_eq!(other.send_events().await, report(2, 0));
        assert_eq!(receiver.labels(), ["hold.placed 1", "hold.placed 1", "hold.released 2"]);
        let requests = receiver.received();
        assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    }

    async fn two_instances_send_each_event_once(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let other = app.another_instance().await;
        for hour in 8..18 {
            let hold = hold_at(&app, hour).await;
            app.cancel(&hold).await.expect(200);
        }
        let at_once = |n: usize| if n.is_multiple_of(2) { app.send_events() } else { other.send_events() };
        let reports = futures::future::join_all((0..6).map(at_once)).await;
        let rest = app.send_events().await;
        assert_eq!(reports.iter().map(|report| report.done).sum::<u64>() + rest.done, 20);
        assert_eq!(receiver.received().len(), 20);
        assert_in_order(&receiver);
    }

    async fn late_answer_of_an_old_attempt_changes_nothing(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        hold_at(&app, 10).await;
        receiver.answer_next(&[ReceiverAnswer::Held(500)]);
        let context = app.context.clone();
        let slow = tokio::spawn(async move {
            holdfast::workflow::deliver_events::deliver_due_events(&context, holdfast::http::render_event).await.unwrap()
        });
        eventually("the attempt is under way", async || (receiver.received().len() == 1).then_some(())).await;
        app.database.expire_all_leases().await;
        assert_eq!(app.send_events().await, report(1, 0));
        receiver.let_go(1);
        slow.await.unwrap();
        assert_eq!(deliveries(&app, "shop", "state=done").await.len(), 1);
        assert_eq!(endpoint(&app, "shop").await["state"], "ok");
    }
}

/// Writes hundreds of events without a hold.
async fn write_events(app: &TestApp, hundreds: usize) {
    let ten = "(SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
        UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9 UNION ALL SELECT 10)";
    let hundred = format!("INSERT INTO events_out (kind) SELECT 'payment.orphaned' FROM {ten} a, {ten} b");
    for _ in 0..hundreds {
        app.database.execute(&hundred).await;
    }
}

/// Places another hold, in an hour of its own.
async fn hold_at_next(app: &TestApp) {
    let placed = app.database.count("SELECT count(*) FROM holds").await;
    let day = 2 + placed / 10;
    let start = format!("2026-12-{day:02}T{:02}:00:00Z", 8 + placed % 10);
    let body = order_by(&format!("guest-{placed}@example.com"), "call", &start);
    app.checkout(&body).await.expect(201);
}

/// A transaction that began first may be committed last. The stream waits for it, or gives it a later place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_of_the_stream_skips_no_late_commit() {
    use sqlx::{Connection as _, PgConnection};
    let app = TestApp::start(Engine::Postgres).await;
    let mut connection = PgConnection::connect(app.database.url()).await.unwrap();
    let mut late = connection.begin().await.unwrap();
    sqlx::query("INSERT INTO events_out (kind) VALUES ('payment.orphaned')")
        .execute(&mut *late)
        .await
        .unwrap();
    app.hold_slot("call", SLOT).await;
    let first = app.pull_events().await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0]["type"], "hold.placed");
    late.commit().await.unwrap();
    let path = format!("/v1/admin/events-out?after={}", first[0]["id"].as_str().unwrap());
    let next = app.admin(Method::GET, &path, None).await.expect(200);
    assert_eq!(next.body["data"][0]["type"], "payment.orphaned", "{next:?}");
}

/// Many readers number the stream at once, while holds are placed: no position is given twice or left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_readers_see_one_order() {
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    let placing = async {
        for hour in 8..18 {
            hold_at(&app, hour).await;
        }
    };
    let reading = async {
        for n in 0..40 {
            let store = if n % 2 == 0 {
                &app.context.store
            } else {
                &other.context.store
            };
            store.number_events_out(3).await.unwrap();
        }
    };
    let reading_too = async {
        for _ in 0..40 {
            other.context.store.number_events_out(2).await.unwrap();
        }
    };
    tokio::join!(placing, reading, reading_too);
    assert_eq!(app.pull_events().await.len(), 10);
    let positions = "SELECT count(*) FROM events_out WHERE position BETWEEN 1 AND 10 AND sequence = 1";
    assert_eq!(app.database.count(positions).await, 10);
}
