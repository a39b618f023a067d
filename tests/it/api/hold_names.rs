//! Tests what holds are called for people: the names of the event type and of the resource, the time zone, and the reference that a
//! guest says on the telephone.

use reqwest::Method;
use serde_json::{Value, json};

use super::catalogue::get;
use crate::support::app::{ApiResponse, TestApp, order};
use crate::support::catalogue_fixtures::put_event_type;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Puts a consultation on sale that Ana or Ben gives, in Berlin.
async fn offer_consultation(app: &TestApp, name: &str) {
    for (id, name) in [("ana", "Ana"), ("ben", "Ben B.")] {
        let body = json!({"name": name});
        let path = format!("/v1/admin/resources/{id}");
        let put = app.admin(Method::PUT, &path, Some(body)).await;
        assert!(put.status.is_success(), "{put:?}");
    }
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let members = json!({"name": name, "segments": [{"offset_minutes": 0, "duration_minutes": 30, "any_of": ["ana", "ben"]}],
        "schedule": {"timezone": "Europe/Berlin", "step_minutes": 30,
            "weekly": [{"days": days, "from": "08:00", "to": "18:00"}]}});
    let put = put_event_type(app, "consultation", members).await;
    assert!(put.status.is_success(), "{put:?}");
}

fn names(hold: &Value) -> Value {
    json!([
        hold["name"],
        hold["resource"],
        hold["resource_name"],
        hold["timezone"]
    ])
}

async fn search(app: &TestApp, text: &str) -> Vec<String> {
    let found = get(app, &format!("holds?q={text}")).await;
    let found = found["data"].as_array().unwrap().iter();
    found
        .map(|hold| hold["id"].as_str().unwrap().to_owned())
        .collect()
}

fn bens(body: &Value) -> Value {
    let mut body = body.clone();
    body["resource"] = "ben".into();
    body
}

on_both_engines! {
    async fn all_answers_name_what_was_booked(engine) {
        let app = TestApp::start(engine).await;
        offer_consultation(&app, "Consultation").await;
        let body = bens(&order("consultation", SLOT));
        let hold = app.checkout_with_key("names", &body).await.expect(201);
        let expected = json!(["Consultation", "ben", "Ben B.", "Europe/Berlin"]);
        assert_eq!(names(&hold.body), expected, "placed");
        let id = hold.text("id");
        assert_eq!(names(&app.checkout_with_key("names", &body).await.expect(200).body), expected, "replayed");
        assert_eq!(names(&app.hold(id).await), expected, "read");
        assert_eq!(names(&app.admin_hold(id).await), expected, "for operators");
        let checked = app.send(app.request(Method::POST, &format!("/v1/holds/{id}/check"))).await.expect(200);
        assert_eq!(names(&checked.body), expected, "checked");
        let events = get(&app, "events-out").await;
        assert_eq!(names(&events["data"][0]["data"]["hold"]), expected, "in an event: {events}");

        offer_consultation(&app, "First consultation").await;
        assert_eq!(names(&app.hold(id).await)[0], "First consultation", "today's name");
        app.admin(Method::DELETE, "/v1/admin/event-types/consultation", None).await.expect(204);
        assert_eq!(names(&app.hold(id).await), json!([null, "ben", "Ben B.", null]), "no longer in the catalogue");
    }

    /// The event says where the hold was when it happened.
    async fn event_before_a_move_names_its_own_resource(engine) {
        let app = TestApp::start(engine).await;
        offer_consultation(&app, "Consultation").await;
        let hold = app.checkout(&bens(&order("consultation", SLOT))).await.expect(201);
        app.move_as_operator(&hold, json!({"starts_at": SLOT, "resource": "ana"})).await.expect(200);
        let events = get(&app, "events-out").await;
        let of_event = |n: usize| names(&events["data"][n]["data"]["hold"])[2].clone();
        assert_eq!((of_event(0), of_event(1)), (json!("Ben B."), json!("Ana")), "{events}");
    }

    async fn event_type_without_schedule_is_in_utc(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        assert_eq!((&hold.body["timezone"], &app.hold(hold.text("id")).await["timezone"]), (&json!("UTC"), &json!("UTC")));
    }

    async fn operator_finds_hold_by_the_reference_that_a_guest_says(engine) {
        let app = TestApp::start(engine).await;
        let holds: Vec<ApiResponse> = vec![
            app.hold_slot("call", SLOT).await,
            app.checkout(&crate::support::app::order_by("bob@example.com", "call", "2026-12-01T11:00:00Z")).await.expect(201),
        ];
        for hold in &holds {
            let reference = hold.text("reference");
            assert_eq!(app.hold(hold.text("id")).await["reference"], reference);
            assert_eq!(app.admin_hold(hold.text("id")).await["log_id"], reference);
            let (first, rest) = reference.split_at(4);
            for said in [reference.to_owned(), format!("{first}+{rest}"), format!("{first}-{}", rest.to_uppercase())] {
                assert_eq!(search(&app, &said).await, [hold.text("id")], "{said}");
            }
        }
    }
}
