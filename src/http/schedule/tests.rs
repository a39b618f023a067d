//! Which schedules are valid, and which member an error names.

use serde_json::json;

use super::super::field_errors::list_fields;
use super::super::json_body::parse_json;
use super::*;

/// A body with a schedule, as an event type has one.
#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct Body {
    schedule: ScheduleMembers,
}

fn parse(schedule: Value) -> Result<ScheduleMembers, Vec<String>> {
    let mut errors = FieldErrors::default();
    let body = json!({"schedule": schedule});
    check_timezone(&body, &ZoneDatabase::linked(), &mut errors);
    let body: Option<Body> = parse_json(body, &mut errors);
    let body = body.filter(|_| errors.is_empty());
    body.map(|body| body.schedule).ok_or_else(|| list_fields(&errors))
}

fn salon() -> Value {
    json!({
        "timezone": "Europe/Berlin", "step_minutes": 15, "min_notice_minutes": 60, "max_advance_days": 90,
        "weekly": [{"days": ["mon", "sun"], "from": "09:00", "to": "17:00"}, {"days": ["fri"], "from": "22:00", "to": "24:00"}],
        "exceptions": [{"date": "2026-12-24", "closed": true}, {"date": "2026-12-19", "from": "10:00", "to": "14:00"}],
    })
}

/// Returns the salon's schedule with the value at this JSON pointer replaced.
fn salon_with(pointer: &str, value: Value) -> Value {
    let mut schedule = salon();
    let (above, member) = pointer.rsplit_once('/').unwrap();
    match schedule.pointer_mut(above).unwrap() {
        Value::Object(members) => drop(members.insert(member.to_owned(), value)),
        Value::Array(entries) => entries[member.parse::<usize>().unwrap()] = value,
        other => panic!("{other} has no members"),
    }
    schedule
}

fn assert_refused(field: &str, schedule: Value) {
    let shown = schedule.to_string();
    assert_eq!(parse(schedule).unwrap_err(), [field], "{shown}");
}

#[test]
fn schedule_round_trips_through_its_members() {
    let members = parse(salon()).unwrap();
    assert_eq!(serde_json::to_value(&members).unwrap(), salon());
    let schedule = Schedule::from(members);
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    assert_eq!(schedule.timezone.as_str(), "Europe/Berlin");
    assert_eq!(
        (
            schedule.step_minutes,
            schedule.min_notice_minutes,
            schedule.max_advance_days
        ),
        (15, 60, Some(90))
    );
    assert_eq!(schedule.weekly[0].days, [Weekday::Mon, Weekday::Sun]);
    assert_eq!(
        (schedule.weekly[0].from, schedule.weekly[0].to),
        (time(9, 0), time(17, 0))
    );
    assert_eq!(schedule.weekly[1].to, time(0, 0), "24:00 is midnight");
    assert_eq!(schedule.exceptions[0].hours, None);
    assert_eq!(schedule.exceptions[1].hours, Some((time(10, 0), time(14, 0))));
    assert_eq!(
        serde_json::to_value(ScheduleMembers::from(&schedule)).unwrap(),
        salon()
    );
}

#[test]
fn only_the_timezone_is_required() {
    let schedule = Schedule::from(parse(json!({"timezone": "UTC"})).unwrap());
    assert_eq!(
        (
            schedule.step_minutes,
            schedule.min_notice_minutes,
            schedule.max_advance_days
        ),
        (15, 0, None)
    );
    assert!(schedule.weekly.is_empty() && schedule.exceptions.is_empty());
    assert_refused("schedule.timezone", json!({}));
}

#[test]
fn numbers_out_of_bounds_are_refused() {
    for (member, least, most) in [
        ("step_minutes", 1, 1440),
        ("min_notice_minutes", 0, 527_040),
        ("max_advance_days", 1, 3660),
    ] {
        let pointer = format!("/{member}");
        assert!(
            parse(salon_with(&pointer, json!(least))).is_ok()
                && parse(salon_with(&pointer, json!(most))).is_ok(),
            "{member}"
        );
        for bad in [
            json!(least - 1),
            json!(most + 1),
            json!("15"),
            json!(1.5),
            json!(i64::MIN),
            json!(u64::MAX),
        ] {
            assert_refused(&format!("schedule.{member}"), salon_with(&pointer, bad));
        }
    }
}

#[test]
fn malformed_values_are_refused_with_their_path() {
    for bad in ["", "europe/berlin", "Berlin", "+01:00", "Mars/Olympus"] {
        assert_refused("schedule.timezone", salon_with("/timezone", json!(bad)));
    }
    assert_refused("schedule.timezone", salon_with("/timezone", json!(1)));
    for bad in [
        "",
        "9:00",
        "09:0",
        "0900",
        "09:00:00",
        "24:00",
        "09:60",
        "+9:00",
        " 9:00",
        "aa:bb",
        "٠٩:٠٠",
    ] {
        assert_refused(
            "schedule.weekly[0].from",
            salon_with("/weekly/0/from", json!(bad)),
        );
        assert_refused(
            "schedule.exceptions[1].from",
            salon_with("/exceptions/1/from", json!(bad)),
        );
    }
    for bad in ["", "24:01", "25:00", "17"] {
        assert_refused("schedule.weekly[0].to", salon_with("/weekly/0/to", json!(bad)));
        assert_refused(
            "schedule.exceptions[1].to",
            salon_with("/exceptions/1/to", json!(bad)),
        );
    }
    for bad in [
        "",
        "2026-12-32",
        "2027-02-29",
        "2026-1-05",
        "20261224",
        "2026-12-24T00:00:00Z",
        "+12026-12-24",
    ] {
        assert_refused(
            "schedule.exceptions[0].date",
            salon_with("/exceptions/0/date", json!(bad)),
        );
    }
    for bad in [json!([]), json!(["mon", "mon"]), json!("mon")] {
        assert_refused("schedule.weekly[0].days", salon_with("/weekly/0/days", bad));
    }
    assert_refused(
        "schedule.weekly[0].days[1]",
        salon_with("/weekly/0/days/1", json!("Monday")),
    );
    assert_refused(
        "schedule.weekly[0].note",
        salon_with("/weekly/0/note", json!("late")),
    );
    assert_refused(
        "schedule.exceptions[0].open",
        salon_with("/exceptions/0/open", json!(true)),
    );
}

#[test]
fn equal_from_and_to_are_a_whole_day_only_at_midnight() {
    let day = |from: &str, to: &str| json!({"days": ["mon"], "from": from, "to": to});
    for end in ["00:00", "24:00"] {
        let schedule = Schedule::from(parse(salon_with("/weekly/0", day("00:00", end))).unwrap());
        assert_eq!(
            (schedule.weekly[0].from, schedule.weekly[0].to),
            (NaiveTime::MIN, NaiveTime::MIN)
        );
    }
    assert_refused(
        "schedule.weekly[0].to",
        salon_with("/weekly/0", day("09:00", "09:00")),
    );
    let exception = json!({"date": "2026-12-20", "from": "10:00", "to": "10:00"});
    assert_refused(
        "schedule.exceptions[0].to",
        salon_with("/exceptions/0", exception),
    );
    assert!(
        parse(salon_with("/weekly/0", day("22:00", "02:00"))).is_ok(),
        "hours may pass midnight"
    );
}

#[test]
fn exception_is_either_closed_or_open() {
    for (field, exception) in [
        ("closed", json!({"date": "2026-12-24"})),
        ("closed", json!({"date": "2026-12-24", "closed": false})),
        (
            "closed",
            json!({"date": "2026-12-24", "closed": true, "from": "10:00", "to": "14:00"}),
        ),
        ("from", json!({"date": "2026-12-24", "to": "14:00"})),
        ("to", json!({"date": "2026-12-24", "from": "10:00"})),
        ("date", json!({"from": "10:00", "to": "14:00"})),
    ] {
        assert_refused(
            &format!("schedule.exceptions[0].{field}"),
            salon_with("/exceptions/0", exception),
        );
    }
    assert_refused(
        "schedule.exceptions[1].date",
        salon_with("/exceptions/1/date", json!("2026-12-24")),
    );
    let second = json!({"date": "2026-12-19", "from": "16:00", "to": "18:00"});
    assert!(
        parse(salon_with("/exceptions/0", second)).is_ok(),
        "hours of one date add up"
    );
}

#[test]
fn too_long_lists_are_refused() {
    let hours = salon()["weekly"][0].clone();
    assert!(parse(salon_with("/weekly", json!(vec![hours.clone(); 100]))).is_ok());
    assert_refused("schedule.weekly", salon_with("/weekly", json!(vec![hours; 101])));
    let closed = json!({"date": "2026-12-24", "closed": true});
    assert!(parse(salon_with("/exceptions", json!(vec![closed.clone(); 1000]))).is_ok());
    assert_refused(
        "schedule.exceptions",
        salon_with("/exceptions", json!(vec![closed; 1001])),
    );
}
