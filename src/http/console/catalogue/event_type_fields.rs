//! Writes the values of the form for an event type that is on sale. `event_type_values` reads them.

use chrono::NaiveTime;
use url::form_urlencoded::Serializer;

use super::event_type_values::{
    DAYS, MAX_EXCEPTIONS, MAX_HOURS, UNITS, exception_fields, hours_fields, segment_fields, unit_field,
};
use crate::domain::catalogue::EventType;
use crate::domain::schedule::Schedule;
use crate::http::console::form_values::FormValues;

/// Makes the values of the form for an event type that is on sale.
pub(super) fn write_values(event_type: &EventType) -> FormValues {
    let mut form = Serializer::new(String::new());
    let mut pair = |name: &str, value: &str| {
        form.append_pair(name, value);
    };
    pair("id", event_type.id.as_str());
    pair("name", &event_type.name);
    pair(
        "description",
        event_type.description.as_deref().unwrap_or_default(),
    );
    let price = event_type.price.to_decimal();
    pair("amount", price.split(' ').next().unwrap_or_default());
    pair("currency", &event_type.price.currency.to_string().to_uppercase());
    let methods = event_type.payment_methods.iter().map(|method| method.as_str());
    pair("payment_methods", &methods.collect::<Vec<_>>().join(", "));
    pair(
        "buffer_before_minutes",
        &event_type.buffer_before_minutes.to_string(),
    );
    pair(
        "buffer_after_minutes",
        &event_type.buffer_after_minutes.to_string(),
    );
    let policy = event_type.change_policy;
    write_length(
        &mut pair,
        "guest_cancel_until_minutes",
        policy.cancel_until_minutes,
    );
    write_length(&mut pair, "guest_move_until_minutes", policy.move_until_minutes);
    pair("segments", &event_type.segments.len().to_string());
    for (row, segment) in event_type.segments.iter().enumerate() {
        let [offset, minutes, resources] = segment_fields(row);
        pair(&offset, &segment.offset_minutes.to_string());
        pair(&minutes, &segment.duration_minutes.to_string());
        for resource in &segment.any_of {
            pair(&resources, resource.as_str());
        }
    }
    if let Some(schedule) = &event_type.schedule {
        write_schedule(&mut pair, schedule);
    }
    FormValues::parse(form.finish().as_bytes())
}

fn write_schedule(pair: &mut impl FnMut(&str, &str), schedule: &Schedule) {
    pair("scheduled", "yes");
    pair("timezone", schedule.timezone.as_str());
    pair("step_minutes", &schedule.step_minutes.to_string());
    write_length(pair, "min_notice_minutes", Some(schedule.min_notice_minutes));
    if let Some(days) = schedule.max_advance_days {
        pair("max_advance_days", &days.to_string());
    }
    let mut rows = [0; 7];
    for hours in &schedule.weekly {
        for day in &hours.days {
            let day = day.num_days_from_monday() as usize;
            let [from, to] = hours_fields(DAYS[day], rows[day]);
            pair(&from, &write_time(hours.from, false));
            pair(&to, &write_time(hours.to, true));
            rows[day] += 1;
        }
    }
    pair("exceptions", &schedule.exceptions.len().to_string());
    for (row, exception) in schedule.exceptions.iter().enumerate() {
        let [date, from, to] = exception_fields(row);
        pair(&date, &exception.date.to_string());
        if let Some((start, end)) = exception.hours {
            pair(&from, &write_time(start, false));
            pair(&to, &write_time(end, true));
        }
    }
}

/// Writes a length of time in the longest unit in which it is whole.
fn write_length(pair: &mut impl FnMut(&str, &str), name: &str, minutes: Option<i64>) {
    let Some(minutes) = minutes else { return };
    let whole = UNITS
        .into_iter()
        .find(|(_, unit)| minutes > 0 && minutes % unit == 0);
    let (unit, length) = whole.unwrap_or(("minutes", 1));
    pair(name, &(minutes / length).to_string());
    pair(&unit_field(name), unit);
}

/// Writes a time of day; midnight at the end of the day is 24:00.
pub(super) fn write_time(time: NaiveTime, is_end: bool) -> String {
    match is_end && time == NaiveTime::MIN {
        true => "24:00".to_owned(),
        false => time.format("%H:%M").to_string(),
    }
}

/// Tells whether the form can show all of an event type: nothing that it has may be lost when it is saved.
pub(super) fn fits_form(event_type: &EventType) -> bool {
    let Some(schedule) = &event_type.schedule else {
        return true;
    };
    let of_day = |day: usize| {
        let hours = schedule.weekly.iter();
        hours
            .filter(|hours| {
                hours
                    .days
                    .iter()
                    .any(|its| its.num_days_from_monday() as usize == day)
            })
            .count()
    };
    schedule.exceptions.len() < MAX_EXCEPTIONS && (0..DAYS.len()).all(|day| of_day(day) <= MAX_HOURS)
}
