//! Tests of what an operator does to a hold in the console: each act asks once, says what it did, and is in the audit trail.

use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::json;

use super::act_steps::{ask, audit, confirm, follow, history_of};
use super::hold::{path_of, signed_in_as};
use crate::support::app::{TestApp, order_by};
use crate::support::console::{ConsoleClient, ConsolePage};
use crate::support::event_receiver::EventReceiver;
use crate::support::feed_server::PRIVATE;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const LATER: &str = "2026-12-01T11:00:00Z";

on_both_engines! {
    async fn release_frees_the_slot_after_asking_once(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/release", path_of(&hold));
        browser.get(&path).await.expect(200).shows("Release this hold?").shows("Ada: call, Tue 1 Dec 2026, 10:00");
        assert_eq!(app.state_of(&hold).await, "held");
        let asked = ask(&browser, &path, &["seen"]).await;
        let released = confirm(&browser, &path, &asked, &[]).await;
        follow(&browser, released, "The hold is released").await;
        assert_eq!(app.state_of(&hold).await, "released/operator");
        // The same form again changes nothing and says the same.
        let again = confirm(&browser, &path, &asked, &[]).await;
        follow(&browser, again, "The hold is released").await;
        assert_eq!(app.simulator.calls().expire, 1);
        let entry = format!("releaseHold holds/{} done", hold.text("id"));
        assert_eq!(audit(&app, "operate Ann").await, [entry.clone(), entry]);
        assert_eq!(history_of(&app, &hold).await.last().unwrap(), "session_ended operate Ann");
    }

    async fn refused_release_says_what_to_do_next(engine) {
        let app = TestApp::start(engine).await;
        let sold = app.sold("call", SLOT).await;
        let held = app.hold_slot("call", LATER).await;
        let silent = Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100);
        app.simulator.set_faults(silent.next(Endpoint::RetrieveSession, FaultKind::ServerError, 100));
        let mut browser = signed_in_as(&app, "operate", "Ann").await;
        let refused = browser.post(&format!("{}/release", path_of(&sold)), &[("seen", "1")]).await.expect(409);
        refused.shows("Once it is booked, you can cancel it").shows(&format!("href=\"{}\"", path_of(&sold)));
        let path = format!("{}/release", path_of(&held));
        let asked = ask(&browser, &path, &["seen"]).await;
        let unanswered = confirm(&browser, &path, &asked, &[]).await.expect(503);
        unanswered.shows("the hold keeps its slot").shows(&format!("{}/refresh", path_of(&held)));
        browser.language = "de";
        confirm(&browser, &path, &asked, &[]).await.expect(503).shows("behält die Reservierung ihren Termin");
        assert_eq!(app.state_of(&held).await, "held");
        let outcomes = audit(&app, "operate Ann").await;
        assert!(outcomes[2].ends_with("refused") && outcomes[0].ends_with("failed"), "{outcomes:?}");
    }

    async fn hold_that_stripe_does_not_know_can_be_freed(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let (stranger, _other) = app.instance_of_another_account().await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let mut there = ConsoleClient::of(&stranger);
        there.cookie.clone_from(&browser.cookie);
        let path = format!("{}/release", path_of(&hold));
        let asked = ask(&there, &path, &["seen"]).await;
        confirm(&there, &path, &asked, &[]).await.expect(503);
        assert_eq!(app.state_of(&hold).await, "held");
        let asked = ask(&there, &path, &["seen"]).await;
        let released = confirm(&there, &path, &asked, &[("without_stripe", "yes")]).await;
        follow(&there, released, "The hold is released").await;
        assert_eq!(app.state_of(&hold).await, "released/operator");
        app.sweep().await;
    }

    async fn question_to_stripe_applies_a_lost_payment(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.drop_events();
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/refresh", path_of(&hold));
        browser.get(&path).await.expect(200).shows("Ask Stripe about this hold?");
        let asked = browser.post(&path, &[]).await;
        follow(&browser, asked, "Stripe was asked").await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(audit(&app, "operate Ann").await, [format!("refreshHold holds/{} done", hold.text("id"))]);
    }
}

on_both_engines! {
    async fn booking_moves_to_a_free_slot_of_the_list(engine) {
        let app = TestApp::start(engine).await;
        let schedule = json!({"timezone": "UTC", "step_minutes": 60, "weekly": [{"days": ["tue"], "from": "09:00", "to": "14:00"}]});
        app.sell("lesson", &json!({
            "segments": [{"offset_minutes": 0, "duration_minutes": 60, "any_of": ["ana", "ben"]}], "schedule": schedule,
        })).await;
        let hold = app.sold("lesson", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/move", path_of(&hold));
        let page = browser.get(&path).await.expect(200).shows("Tuesday, 1 December 2026").shows("10:00 (as now)");
        let link = |start: &str, resource: &str| format!("{path}/confirm?starts_at=2026-12-01T{start}%3A00%3A00Z{resource}");
        let has = |page: &ConsolePage, link: &str| page.html.contains(&format!("href=\"{link}\"").replace('&', "&amp;"));
        assert!(has(&page, &link("11", "")), "{}", page.html);
        let next = browser.get(&format!("{path}?from=2026-12-02&resource=ben")).await.expect(200);
        let next = next.shows("Tuesday, 8 December 2026");
        assert!(!next.html.contains("1 December") && next.html.contains("resource=ben"));
        browser.get(&format!("{path}?from=2040-06-01")).await.expect(200).shows("There is no free slot in these seven days.");
        for unknown in ["carl", "B%20en", "ben%2C"] {
            let page = browser.get(&link("11", &format!("&resource={unknown}"))).await.expect(422);
            page.shows("is not one of this event type's resources");
            browser.get(&format!("{path}?resource={unknown}")).await.expect(422);
        }
        let asked = ask(&browser, &link("11", "&resource=ben"), &["starts_at", "resource", "seen"]).await;
        for unknown in ["carl", "B en"] {
            let seen = &asked[2].1;
            let form = [("starts_at", asked[0].1.as_str()), ("resource", unknown), ("seen", seen)];
            browser.post(&path, &form).await.expect(422).shows("is not one of this event type");
        }
        assert_eq!(app.admin_hold(hold.text("id")).await["starts_at"], SLOT);
        for _ in 0..2 {
            let done = confirm(&browser, &path, &asked, &[]).await;
            follow(&browser, done, "The booking is moved.").await;
        }
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["starts_at"], &shown["resource"]), (&json!("2026-12-01T11:00:00Z"), &json!("ben")));
        let moves = history_of(&app, &hold).await.iter().filter(|line| *line == "moved operate Ann").count();
        assert_eq!(moves, 1, "the second click moves nothing");
        browser.get(&path_of(&hold)).await.expect(200).shows("moved from Tue 1 Dec 2026, 10:00 to Tue 1 Dec 2026, 11:00");
        let entry = format!("moveHold holds/{} done", hold.text("id"));
        assert!(audit(&app, "operate Ann").await.contains(&entry));
    }

    async fn unpaid_hold_moves_and_is_still_to_be_paid(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/move", path_of(&hold));
        let asking = format!("{path}/confirm?starts_at=2026-12-01T11:00:00Z");
        let page = browser.get(&asking).await.expect(200).shows("the guest still has to pay it");
        assert!(!page.html.contains("pays nothing again"));
        let asked = ask(&browser, &asking, &["starts_at", "resource", "seen"]).await;
        let done = confirm(&browser, &path, &asked, &[]).await;
        follow(&browser, done, "the guest still has to pay it").await;
    }

    async fn slot_taken_meanwhile_leaves_the_booking(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/move", path_of(&hold));
        let asking = format!("{path}/confirm?starts_at=2026-12-01T11:00:00Z");
        let asked = ask(&browser, &asking, &["starts_at", "resource", "seen"]).await;
        app.checkout(&order_by("bob@example.com", "call", LATER)).await.expect(201);
        let refused = confirm(&browser, &path, &asked, &[]).await.expect(409);
        refused.shows("the booking is where it was").shows(&format!("href=\"{path}\""));
        assert_eq!(app.admin_hold(hold.text("id")).await["starts_at"], SLOT);
        let cancel = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
        app.admin(Method::POST, &cancel, Some(json!({"refund": "none"}))).await.expect(200);
        browser.get(&path).await.expect(409).shows("The booking cannot be moved");
        confirm(&browser, &path, &asked, &[]).await.expect(409);
        browser.get(&format!("{path}/confirm?starts_at=soon")).await.expect(404);
    }
}

on_both_engines! {
    async fn events_of_the_hold_are_sent_again(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let browser = signed_in_as(&app, "admin", "Ann").await;
        let hold = app.sold("call", SLOT).await;
        let path = format!("{}/resend", path_of(&hold));
        browser.get(&path).await.expect(200).shows("There is no endpoint yet.");
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        browser.get(&path).await.expect(200).shows("<option value=\"shop\">shop</option>");
        let sent = browser.post(&path, &[("endpoint", "shop")]).await;
        follow(&browser, sent, "The events are on their way").await;
        let again = browser.post(&path, &[("endpoint", "shop")]).await;
        follow(&browser, again, "There was nothing to send").await;
        app.send_events().await;
        assert_eq!(receiver.labels(), ["hold.placed 1", "hold.confirmed 2"]);
        browser.get(&path_of(&hold)).await.expect(200).shows("delivered").shows("<td>shop</td>");
        // A smaller scope may not list the endpoints.
        let operator = signed_in_as(&app, "operate", "Olga").await;
        let page = operator.get(&path_of(&hold)).await.expect(200).shows("delivered").shows("<td>an endpoint</td>");
        assert!(!page.html.contains("<td>shop</td>"), "{}", page.html);
        operator.get(&path).await.expect(403);
        operator.post(&path, &[("endpoint", "shop")]).await.expect(403);
        browser.post(&path, &[("endpoint", "other")]).await.expect(404);
        let listed = app.admin(Method::GET, "/v1/admin/audit?action=resendHoldEvents", None).await.expect(200);
        let entries = listed.body["data"].as_array().unwrap();
        assert!(entries.iter().any(|entry| entry["after"] == json!({"endpoint": "shop", "events": 2})));
    }

    async fn guest_is_erased_once_nothing_is_unpaid(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let sold = app.sold("call", SLOT).await;
        let held = app.hold_slot("call", LATER).await;
        let path = format!("{}/erase", path_of(&sold));
        browser.get(&path).await.expect(200).shows("ada@example.com</strong>: 2 holds");
        let asked = ask(&browser, &path, &["address"]).await;
        confirm(&browser, &path, &asked, &[]).await.expect(409).shows("there is an unpaid hold");
        app.cancel(&held).await.expect(200);
        browser.post(&path, &[]).await.expect(409).shows("decide anew");
        browser.post(&path, &[("address", "bob@example.com")]).await.expect(409).shows("decide anew");
        for notice in ["The guest is erased from all holds", "There is nothing left to erase"] {
            let erased = confirm(&browser, &path, &asked, &[]).await;
            follow(&browser, erased, notice).await;
        }
        let page = browser.get(&path_of(&sold)).await.expect(200).shows("erased");
        assert!(!page.html.contains("ada@example.com") && !page.html.contains("Ada"));
        browser.get(&path).await.expect(303);
        let listed = app.admin(Method::GET, "/v1/admin/audit?action=eraseGuest", None).await.expect(200);
        assert!(!listed.body.to_string().contains("ada@example.com"));
        assert_eq!(listed.body["data"][1]["after"]["holds"], 2);
    }

    async fn erasure_that_stopped_goes_on(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let (first, second) = (app.sold("call", SLOT).await, app.sold("call", LATER).await);
        let path_to = |hold| format!("{}/erase", path_of(hold));
        let asked = ask(&browser, &path_to(&first), &["address"]).await;
        // As a process that dies, or a database that fails, after the first holds of many.
        app.context.store.erase_guest("ada@example.com", 1).await.unwrap();
        let mut erased = Vec::new();
        for hold in [&first, &second] {
            if app.admin_hold(hold.text("id")).await["guest"]["email"] != "ada@example.com" {
                erased.push(hold);
            }
        }
        assert_eq!(erased.len(), 1);
        let done = confirm(&browser, &path_to(erased[0]), &asked, &[]).await;
        follow(&browser, done, "The guest is erased from all holds").await;
        for hold in [&first, &second] {
            let page = browser.get(&path_of(hold)).await.expect(200);
            assert!(!page.html.contains("ada@example.com"));
        }
    }

    async fn event_of_stripe_is_applied_again(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let page = browser.get(&path_of(&hold)).await.expect(200);
        let (_, rest) = page.html.split_once("href=\"/console/events/").unwrap();
        let path = format!("/console/events/{}", rest.split('"').next().unwrap());
        let asked = ask(&browser, &path, &["hold"]).await;
        let applied = confirm(&browser, &path, &asked, &[]).await;
        follow(&browser, applied, "The event changes nothing").await;
        let event = path.split('/').nth(3).unwrap();
        assert_eq!(audit(&app, "operate Ann").await, [format!("replayEvent events/{event} done")]);
        let other = app.hold_slot("call", LATER).await;
        let (event_path, _) = path.split_once('?').unwrap();
        browser.get(&format!("{event_path}?hold={}", other.text("id"))).await.expect(404);
        browser.post(&path, &[("hold", other.text("id"))]).await.expect(404);
        let unknown = format!("/console/events/evt_unknown/replay?hold={}", hold.text("id"));
        browser.get(&unknown).await.expect(404);
        confirm(&browser, &unknown, &asked, &[]).await.expect(404);
        browser.get("/console/events/evt_unknown/replay").await.expect(404);
    }

    async fn form_of_another_page_or_site_does_nothing(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let browser = ConsoleClient::signed_in(&app).await;
        for act in ["release", "refresh", "resend", "cancel", "refund", "move", "erase"] {
            let path = format!("{}/{act}", path_of(&hold));
            browser.post_without_token(&path, &[]).await.expect(403);
            let token = browser.form_token().await;
            let request = browser.request(Method::POST, &path).header("origin", "https://evil.example");
            let request = crate::support::console::with_form(request, &[("form_token", &token)]);
            browser.send(request).await.expect(403);
        }
        assert_eq!(app.state_of(&hold).await, "held");
    }
}
