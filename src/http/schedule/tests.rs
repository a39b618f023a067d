//! What makes a schedule, what does not, and which member is named then.

use serde_json::{Value, json};

use super::super::body;
use super::*;

/// The members that faults name, in order.
pub(in crate::http) fn fields(faults: &impl std::fmt::Debug) -> Vec<String> {
    let shown = format!("{faults:?}");
    let named = shown
        .split("field: \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    named.map(str::to_owned).collect()
}

/// The schedule as an event type has it: a member of the body.
#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct Body {
    schedule: ScheduleMembers,
}

fn read(schedule: Value) -> Result<ScheduleMembers, Vec<String>> {
    let mut faults = FieldErrors::default();
    let read: Option<Body> = body::parse(json!({"schedule": schedule}), &mut faults);
    read.map(|body| body.schedule).ok_or_else(|| fields(&faults))
}

fn salon() -> Value {
    json!({
        "timezone": "Europe/Berlin", "step_minutes": 15, "min_notice_minutes": 60, "max_advance_days": 90,
        "weekly": [{"days": ["mon", "sun"], "from": "09:00", "to": "17:00"}, {"days": ["fri"], "from": "22:00", "to": "24:00"}],
        "exceptions": [{"date": "2026-12-24", "closed": true}, {"date": "2026-12-19", "from": "10:00", "to": "14:00"}],
    })
}

/// The salon's schedule with the value at this JSON pointer set to something else.
fn with(pointer: &str, value: Value) -> Value {
    let mut schedule = salon();
    let (above, member) = pointer.rsplit_once('/').unwrap();
    match schedule.pointer_mut(above).unwrap() {
        Value::Object(members) => drop(members.insert(member.to_owned(), value)),
        Value::Array(entries) => entries[member.parse::<usize>().unwrap()] = value,
        other => panic!("{other} has no members"),
    }
    schedule
}

fn refused(field: &str, schedule: Value) {
    let shown = schedule.to_string();
    assert_eq!(read(schedule).unwrap_err(), [field], "{shown}");
}

#[test]
fn a_schedule_is_shown_as_it_is_read_and_means_what_it_says() {
    let members = read(salon()).unwrap();
    assert_eq!(serde_json::to_value(&members).unwrap(), salon());
    let schedule = Schedule::from(members);
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    assert_eq!(schedule.timezone, Tz::Europe__Berlin);
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
fn only_the_time_zone_is_needed() {
    let schedule = Schedule::from(read(json!({"timezone": "UTC"})).unwrap());
    assert_eq!(
        (
            schedule.step_minutes,
            schedule.min_notice_minutes,
            schedule.max_advance_days
        ),
        (15, 0, None)
    );
    assert!(schedule.weekly.is_empty() && schedule.exceptions.is_empty());
    refused("schedule.timezone", json!({}));
}

#[test]
fn numbers_keep_their_bounds() {
    for (member, least, most) in [
        ("step_minutes", 1, 1440),
        ("min_notice_minutes", 0, 527_040),
        ("max_advance_days", 1, 3660),
    ] {
        let pointer = format!("/{member}");
        assert!(
            read(with(&pointer, json!(least))).is_ok() && read(with(&pointer, json!(most))).is_ok(),
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
            refused(&format!("schedule.{member}"), with(&pointer, bad));
        }
    }
}

#[test]
fn zones_days_times_and_dates_are_read_strictly_and_each_fault_says_where() {
    for bad in ["", "europe/berlin", "Berlin", "+01:00", "Mars/Olympus"] {
        refused("schedule.timezone", with("/timezone", json!(bad)));
    }
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
        refused("schedule.weekly[0].from", with("/weekly/0/from", json!(bad)));
        refused(
            "schedule.exceptions[1].from",
            with("/exceptions/1/from", json!(bad)),
        );
    }
    for bad in ["", "24:01", "25:00", "17"] {
        refused("schedule.weekly[0].to", with("/weekly/0/to", json!(bad)));
        refused("schedule.exceptions[1].to", with("/exceptions/1/to", json!(bad)));
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
        refused(
            "schedule.exceptions[0].date",
            with("/exceptions/0/date", json!(bad)),
        );
    }
    for bad in [json!([]), json!(["mon", "mon"]), json!("mon")] {
        refused("schedule.weekly[0].days", with("/weekly/0/days", bad));
    }
    refused(
        "schedule.weekly[0].days[1]",
        with("/weekly/0/days/1", json!("Monday")),
    );
    refused("schedule.weekly[0].note", with("/weekly/0/note", json!("late")));
    refused(
        "schedule.exceptions[0].open",
        with("/exceptions/0/open", json!(true)),
    );
}

#[test]
fn hours_that_end_where_they_begin_are_a_whole_day_only_at_midnight() {
    let day = |from: &str, to: &str| json!({"days": ["mon"], "from": from, "to": to});
    for end in ["00:00", "24:00"] {
        let schedule = Schedule::from(read(with("/weekly/0", day("00:00", end))).unwrap());
        assert_eq!(
            (schedule.weekly[0].from, schedule.weekly[0].to),
            (NaiveTime::MIN, NaiveTime::MIN)
        );
    }
    refused("schedule.weekly[0].to", with("/weekly/0", day("09:00", "09:00")));
    let exception = json!({"date": "2026-12-20", "from": "10:00", "to": "10:00"});
    refused("schedule.exceptions[0].to", with("/exceptions/0", exception));
    assert!(
        read(with("/weekly/0", day("22:00", "02:00"))).is_ok(),
        "over midnight"
    );
}

#[test]
fn an_exception_is_closed_or_open_and_no_date_is_both() {
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
        refused(
            &format!("schedule.exceptions[0].{field}"),
            with("/exceptions/0", exception),
        );
    }
    refused(
        "schedule.exceptions[1].date",
        with("/exceptions/1/date", json!("2026-12-24")),
    );
    let second = json!({"date": "2026-12-19", "from": "16:00", "to": "18:00"});
    assert!(
        read(with("/exceptions/0", second)).is_ok(),
        "hours of one date add up"
    );
}

#[test]
fn lists_are_bounded() {
    let hours = salon()["weekly"][0].clone();
    assert!(read(with("/weekly", json!(vec![hours.clone(); 100]))).is_ok());
    refused("schedule.weekly", with("/weekly", json!(vec![hours; 101])));
    let closed = json!({"date": "2026-12-24", "closed": true});
    assert!(read(with("/exceptions", json!(vec![closed.clone(); 1000]))).is_ok());
    refused(
        "schedule.exceptions",
        with("/exceptions", json!(vec![closed; 1001])),
    );
}
