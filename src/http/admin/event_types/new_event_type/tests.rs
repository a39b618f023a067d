//! Which event types are valid, and how they are shown.

use serde_json::json;

use super::super::EventTypeView;
use super::*;
use crate::http::field_errors::list_fields;

fn parse(id: &str, body: Value) -> Result<EventType, FieldErrors> {
    parse_event_type(id, body, &ZoneDatabase::linked())
}

fn list_refused(body: Value) -> Vec<String> {
    list_fields(&parse("salon", body).unwrap_err())
}

fn short() -> Value {
    json!({"name": "Call", "resource": "ana", "duration_minutes": 30, "amount": 5000, "currency": "eur"})
}

fn salon() -> Value {
    json!({
        "name": "Cut and colour", "amount": 9000, "currency": "eur",
        "segments": [
            {"offset_minutes": 0, "duration_minutes": 60, "any_of": ["ana", "ben"]},
            {"offset_minutes": 60, "duration_minutes": 45, "any_of": ["cleo"]},
            {"offset_minutes": 0, "duration_minutes": 105, "any_of": ["chair-1", "chair-2"]},
        ],
        "buffer_before_minutes": 0, "buffer_after_minutes": 10,
        "schedule": {"timezone": "Europe/Berlin", "step_minutes": 15, "min_notice_minutes": 0, "weekly": [], "exceptions": []},
        "guest_cancel_until_minutes": 1440, "guest_move_until_minutes": 0,
    })
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

fn segment(offset: i64, duration: i64, any_of: &[&str]) -> Value {
    json!({"offset_minutes": offset, "duration_minutes": duration, "any_of": any_of})
}

fn segments(segments: Value) -> Vec<String> {
    parse("salon", with(salon(), "segments", segments))
        .map_or_else(|problem| list_fields(&problem), |_| Vec::new())
}

/// What `GET` shows has both forms, and can be put back; two forms that differ are a typo in one of them.
#[test]
fn both_forms_together_must_say_the_same() {
    let shown = shown(short());
    assert_eq!(parse("salon", shown.clone()), parse("salon", short()));
    let part = |offset: i64, minutes: i64, any_of: &[&str]| json!([segment(offset, minutes, any_of)]);
    for (member, other) in [
        ("resource", json!("ben")),
        ("duration_minutes", json!(45)),
        ("segments", part(0, 45, &["ana"])),
        ("segments", part(5, 30, &["ana"])),
        ("segments", part(0, 30, &["ana", "ben"])),
        ("segments", json!([])),
        ("segments", json!("ana")),
    ] {
        let fields = list_refused(with(shown.clone(), member, other.clone()));
        assert!(
            fields.contains(&"segments".to_owned()),
            "{member} {other}: {fields:?}"
        );
    }
}

fn shown(body: Value) -> Value {
    serde_json::to_value(EventTypeView::from(&parse("salon", body).unwrap())).unwrap()
}

#[test]
fn short_form_is_shown_in_both_forms() {
    let shown = shown(short());
    for (member, value) in short().as_object().unwrap() {
        assert_eq!(&shown[member], value, "{shown}");
    }
    assert_eq!(shown["segments"], json!([segment(0, 30, &["ana"])]));
    for absent in [
        "schedule",
        "guest_cancel_until_minutes",
        "guest_move_until_minutes",
    ] {
        assert!(shown.get(absent).is_none(), "{shown}");
    }
    assert_eq!(
        (&shown["buffer_before_minutes"], &shown["payment_methods"]),
        (&json!(0), &Value::Null)
    );
}

#[test]
fn segments_are_shown_as_they_were_sent() {
    let shown = shown(salon());
    for (member, value) in salon().as_object().unwrap() {
        assert_eq!(&shown[member], value, "{shown}");
    }
    assert!(
        shown.get("resource").is_none() && shown.get("duration_minutes").is_none(),
        "{shown}"
    );
}

#[test]
fn exactly_one_complete_form_is_required() {
    let both = with(short(), "segments", salon()["segments"].clone());
    assert_eq!(list_refused(both), ["segments"]);
    let neither = json!({"name": "Call", "amount": 5000, "currency": "eur"});
    assert_eq!(list_refused(neither), ["resource", "duration_minutes"]);
    assert_eq!(list_refused(with(short(), "resource", Value::Null)), ["resource"]);
    assert_eq!(
        list_refused(with(salon(), "duration_minutes", json!(30))),
        ["segments"]
    );
    assert!(parse("salon", with(short(), "segments", Value::Null)).is_ok());
}

#[test]
fn every_error_names_its_member() {
    let body = json!({
        "segments": [{"duration_minutes": 0, "any_of": ["Ana"]}, {"offset_minutes": -1, "any_of": [], "who": "ana"}],
        "buffer_before_minutes": 1441, "buffer_after_minutes": -1, "schedule": {"timezone": "Berlin"},
        "guest_cancel_until_minutes": 525_601, "guest_move_until_minutes": -1, "name": "Cut", "amount": 1, "currency": "eur",
    });
    let mut named = list_refused(body);
    named.sort();
    assert_eq!(
        named,
        [
            "buffer_after_minutes",
            "buffer_before_minutes",
            "guest_cancel_until_minutes",
            "guest_move_until_minutes",
            "schedule.timezone",
            "segments[0].any_of[0]",
            "segments[0].duration_minutes",
            "segments[1].any_of",
            "segments[1].duration_minutes",
            "segments[1].offset_minutes",
            "segments[1].who",
        ]
    );
}

#[test]
fn segments_out_of_bounds_are_refused() {
    assert_eq!(segments(json!([])), ["segments"]);
    let apart: Vec<_> = (0..11).map(|n| segment(n * 100, 60, &["ana"])).collect();
    assert_eq!(segments(json!(apart[..10])), [""; 0]);
    assert_eq!(segments(json!(apart)), ["segments"]);
    assert_eq!(
        segments(json!([segment(15, 60, &["ana"])])),
        ["segments[0].offset_minutes"]
    );
    assert_eq!(segments(json!([segment(0, 10_080, &["ana"])])), [""; 0]);
    let long = json!([segment(0, 60, &["ana"]), segment(60, 10_021, &["ben"])]);
    assert_eq!(segments(long), ["segments[1].duration_minutes"]);
    assert_eq!(
        segments(json!([segment(0, 60, &["ana", "ana"])])),
        ["segments[0].any_of"]
    );
    let many: Vec<_> = (0..101).map(|n| format!("desk-{n}")).collect();
    let any_of = |many: &[String]| json!([{"duration_minutes": 60, "any_of": many}]);
    assert_eq!(segments(any_of(&many[..100])), [""; 0]);
    assert_eq!(segments(any_of(&many)), ["segments[0].any_of"]);
}

#[test]
fn segments_needing_one_resource_at_once_are_refused() {
    let both_ana = json!([segment(0, 60, &["ana"]), segment(30, 60, &["ana"])]);
    assert_eq!(segments(both_ana), ["segments[1].any_of"]);
    let in_the_buffer = json!([segment(0, 60, &["ana"]), segment(69, 60, &["ana"])]);
    assert_eq!(segments(in_the_buffer), ["segments[1].any_of"]);
    let after_the_buffer = json!([segment(0, 60, &["ana"]), segment(70, 60, &["ana"])]);
    assert_eq!(segments(after_the_buffer), [""; 0]);
    let pair = ["ana", "ben"];
    assert_eq!(
        segments(json!([segment(0, 60, &pair), segment(0, 60, &["ana"])])),
        [""; 0]
    );
    let three_of_two = json!([
        segment(0, 60, &pair),
        segment(0, 60, &pair),
        segment(30, 60, &pair)
    ]);
    assert_eq!(segments(three_of_two), ["segments[2].any_of"]);
}
