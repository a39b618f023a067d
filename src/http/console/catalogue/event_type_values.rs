//! Reads the form of an event type: the body of the operators' route that its values stand for. What is acceptable is decided
//! where the route decides it. `event_type_fields` writes the values.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::domain::catalogue::MAX_SEGMENTS;
use crate::domain::money::{Currency, Money};
use crate::http::console::form_values::FormValues;
use crate::http::error::FieldError;

/// The days of a week, as the operators' route names them.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// How many hours of one day the form has at most.
pub(super) const MAX_HOURS: usize = 6;

/// How many dates with other hours the form has at most.
pub(super) const MAX_EXCEPTIONS: usize = 400;

/// The units in which a length of time is typed, with their minutes, the longest first.
pub(super) const UNITS: [(&str, i64); 3] = [("days", 24 * 60), ("hours", 60), ("minutes", 1)];

/// What a form stands for: the body of a request, and which fields are wrong if a member is.
pub(super) struct EventTypeBody {
    /// The body as the operators' route takes it.
    pub(super) json: Value,
    fields: BTreeMap<String, Vec<String>>,
}

impl EventTypeBody {
    /// Reads the values of a form.
    pub(super) fn read(values: &FormValues) -> Self {
        let mut body = Self {
            json: Value::Null,
            fields: BTreeMap::new(),
        };
        let mut members = Map::new();
        for name in ["name", "description"] {
            set(
                &mut members,
                name,
                values.text(name).map(|text| json!(text.replace("\r\n", "\n"))),
            );
        }
        set(&mut members, "amount", Some(read_amount(values)));
        let currency = values.text("currency").map(str::to_lowercase);
        set(&mut members, "currency", currency.map(Value::String));
        set(&mut members, "payment_methods", read_payment_methods(values));
        for name in ["buffer_before_minutes", "buffer_after_minutes"] {
            set(&mut members, name, values.text(name).map(to_number));
        }
        for name in ["guest_cancel_until_minutes", "guest_move_until_minutes"] {
            set(&mut members, name, read_length(values, name));
        }
        let segments = body.read_segments(values);
        set(&mut members, "segments", Some(segments));
        if values.has("scheduled") {
            let schedule = body.read_schedule(values);
            set(&mut members, "schedule", Some(schedule));
        }
        body.json = Value::Object(members);
        body
    }

    /// Returns the fields that these errors are about, and the errors that are about none.
    pub(super) fn place_errors(&self, errors: &[FieldError]) -> (Vec<String>, Vec<FieldError>) {
        let (mut fields, mut others) = (Vec::new(), Vec::new());
        for error in errors {
            match self.find_fields(&error.field) {
                Some(found) => fields.extend(found),
                None => others.push(error.clone()),
            }
        }
        (fields, others)
    }

    /// Finds the fields of a member, or of the innermost member around it that has some.
    fn find_fields(&self, member: &str) -> Option<Vec<String>> {
        const PLAIN: [&str; 10] = [
            "id",
            "name",
            "description",
            "amount",
            "currency",
            "payment_methods",
            "buffer_before_minutes",
            "buffer_after_minutes",
            "guest_cancel_until_minutes",
            "guest_move_until_minutes",
        ];
        let mut path = member;
        loop {
            if let Some(fields) = self.fields.get(path) {
                return Some(fields.clone());
            }
            if PLAIN.contains(&path) {
                return Some(vec![path.to_owned()]);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    fn read_segments(&mut self, values: &FormValues) -> Value {
        let mut segments = Vec::new();
        for row in 0..count_rows(values, "segments", MAX_SEGMENTS + 1) {
            let [offset, minutes, resources] = segment_fields(row);
            let any_of: Vec<&str> = values.all(&resources).collect();
            if values.text(&minutes).is_none() && any_of.is_empty() {
                continue;
            }
            let path = format!("segments[{}]", segments.len());
            let mut segment = Map::new();
            set(
                &mut segment,
                "offset_minutes",
                values.text(&offset).map(to_number),
            );
            set(
                &mut segment,
                "duration_minutes",
                values.text(&minutes).map(to_number),
            );
            set(&mut segment, "any_of", Some(json!(any_of)));
            self.note(format!("{path}.offset_minutes"), vec![offset]);
            self.note(format!("{path}.duration_minutes"), vec![minutes]);
            self.note(format!("{path}.any_of"), vec![resources]);
            segments.push(Value::Object(segment));
        }
        if segments.is_empty() {
            let [_, minutes, resources] = segment_fields(0);
            self.note("segments".to_owned(), vec![minutes, resources]);
        }
        Value::Array(segments)
    }

    fn read_schedule(&mut self, values: &FormValues) -> Value {
        let mut schedule = Map::new();
        let text = |name: &str| values.text(name).map(|text| json!(text));
        set(&mut schedule, "timezone", text("timezone"));
        set(
            &mut schedule,
            "step_minutes",
            values.text("step_minutes").map(to_number),
        );
        set(
            &mut schedule,
            "min_notice_minutes",
            read_length(values, "min_notice_minutes"),
        );
        set(
            &mut schedule,
            "max_advance_days",
            values.text("max_advance_days").map(to_number),
        );
        for name in [
            "timezone",
            "step_minutes",
            "min_notice_minutes",
            "max_advance_days",
        ] {
            self.note(format!("schedule.{name}"), vec![name.to_owned()]);
        }
        let weekly = self.read_weekly(values);
        set(&mut schedule, "weekly", Some(weekly));
        let exceptions = self.read_exceptions(values);
        set(&mut schedule, "exceptions", Some(exceptions));
        Value::Object(schedule)
    }

    /// Reads the hours of each day. Days with the same hours become one entry, as a person writes them.
    fn read_weekly(&mut self, values: &FormValues) -> Value {
        let mut entries: Vec<(Vec<&str>, String, String)> = Vec::new();
        let mut fields: Vec<Vec<[String; 2]>> = Vec::new();
        for (day, row) in DAYS
            .iter()
            .flat_map(|day| (0..MAX_HOURS).map(move |row| (*day, row)))
        {
            let [from, to] = hours_fields(day, row);
            let (start, end) = (values.text(&from), values.text(&to));
            if start.is_none() && end.is_none() {
                continue;
            }
            let (start, end) = (complete_time(start), complete_time(end));
            let same = entries.iter().position(|(days, its_start, its_end)| {
                (its_start, its_end) == (&start, &end) && !days.contains(&day)
            });
            let entry = same.unwrap_or_else(|| {
                entries.push((Vec::new(), start, end));
                fields.push(Vec::new());
                entries.len() - 1
            });
            entries[entry].0.push(day);
            fields[entry].push([from, to]);
        }
        for (n, fields) in fields.into_iter().enumerate() {
            let (from, to): (Vec<String>, Vec<String>) =
                fields.into_iter().map(|[from, to]| (from, to)).unzip();
            self.note(format!("schedule.weekly[{n}].from"), from);
            self.note(format!("schedule.weekly[{n}]"), to);
        }
        let entries = entries.into_iter();
        entries
            .map(|(days, from, to)| json!({"days": days, "from": from, "to": to}))
            .collect()
    }

    fn read_exceptions(&mut self, values: &FormValues) -> Value {
        let mut exceptions = Vec::new();
        for row in 0..count_rows(values, "exceptions", MAX_EXCEPTIONS) {
            let [date, from, to] = exception_fields(row);
            let Some(day) = values.text(&date) else {
                continue;
            };
            let hours = (values.text(&from), values.text(&to));
            let path = format!("schedule.exceptions[{}]", exceptions.len());
            exceptions.push(match hours {
                (None, None) => json!({"date": day, "closed": true}),
                (start, end) => {
                    json!({"date": day, "from": complete_time(start), "to": complete_time(end)})
                }
            });
            self.note(format!("{path}.from"), vec![from]);
            self.note(format!("{path}.to"), vec![to]);
            self.note(path, vec![date]);
        }
        Value::Array(exceptions)
    }

    fn note(&mut self, member: String, fields: Vec<String>) {
        self.fields.insert(member, fields);
    }
}

/// Returns the names of a segment's fields: when it begins, its length, and its resources.
pub(super) fn segment_fields(row: usize) -> [String; 3] {
    ["offset", "minutes", "resources"].map(|field| format!("segment-{row}-{field}"))
}

/// Returns the names of the fields of a day's hours: from and to.
pub(super) fn hours_fields(day: &str, row: usize) -> [String; 2] {
    ["from", "to"].map(|field| format!("{day}-{row}-{field}"))
}

/// Returns the names of the fields of a date with other hours: the date, from and to.
pub(super) fn exception_fields(row: usize) -> [String; 3] {
    ["date", "from", "to"].map(|field| format!("exception-{row}-{field}"))
}

/// Returns how many rows a form has, by the hidden field that counts them.
pub(super) fn count_rows(values: &FormValues, name: &str, most: usize) -> usize {
    let counted = values.text(name).and_then(|text| text.parse().ok());
    counted.unwrap_or(0).min(most)
}

/// Sets a member that is given. What is not given has the default of the operators' route.
fn set(members: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value);
    }
}

/// Returns a number, or the text if it is none, which the operators' route refuses.
fn to_number(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| json!(text), Value::from)
}

/// Reads a price as people write it into the currency's minor unit.
fn read_amount(values: &FormValues) -> Value {
    let text = values.text("amount").unwrap_or_default();
    let currency = values.text("currency").map(str::to_lowercase);
    let currency = currency.and_then(|code| Currency::parse(&code));
    // The form writes a point, and people type either sign; the preview shows how the price was read.
    let sign = if text.contains(',') { ',' } else { '.' };
    let price = currency.and_then(|currency| Money::parse_decimal(text, currency, sign));
    price.map_or_else(|| json!(text), |price| json!(price.amount))
}

fn read_payment_methods(values: &FormValues) -> Option<Value> {
    let words = values.text("payment_methods")?.split([',', ' ']);
    let words: Vec<&str> = words.map(str::trim).filter(|word| !word.is_empty()).collect();
    Some(json!(words))
}

/// Reads a length of time with its unit, in minutes.
fn read_length(values: &FormValues, name: &str) -> Option<Value> {
    let text = values.text(name)?;
    let unit = values.text(&unit_field(name)).unwrap_or_default();
    let (_, minutes) = UNITS
        .into_iter()
        .find(|(its_name, _)| *its_name == unit)
        .unwrap_or(("", 1));
    let length = text
        .parse::<i64>()
        .ok()
        .and_then(|length| length.checked_mul(minutes));
    Some(length.map_or_else(|| json!(text), Value::from))
}

/// Returns the name of the field that has the unit of another field.
pub(super) fn unit_field(name: &str) -> String {
    format!("{name}-unit")
}

/// Completes a time of day as people type it: `9` and `9:30` become `09:00` and `09:30`.
fn complete_time(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let (hour, minute) = text.split_once([':', '.']).unwrap_or((text, "00"));
    let is_hour = (1..=2).contains(&hour.len()) && hour.bytes().all(|b| b.is_ascii_digit());
    match is_hour {
        true => format!("{hour:0>2}:{minute}"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event_type_fields::{fits_form, write_time, write_values};
    use super::*;
    use crate::domain::catalogue::EventType;
    use crate::domain::zone::ZoneDatabase;
    use crate::http::admin::event_types::parse_event_type;

    fn parse(json: Value) -> EventType {
        parse_event_type("visit", json, &ZoneDatabase::linked()).unwrap()
    }

    /// What the form shows and what it reads are the same event type.
    #[test]
    fn form_of_an_event_type_stands_for_the_same() {
        let visit = parse(json!({
            "name": "Visit", "description": "Line one\nline two", "amount": 9050, "currency": "eur",
            "payment_methods": ["card", "paypal"],
            "segments": [
                {"duration_minutes": 60, "any_of": ["ana", "ben"]},
                {"offset_minutes": 60, "duration_minutes": 45, "any_of": ["cleo"]},
            ],
            "buffer_before_minutes": 5, "buffer_after_minutes": 10,
            "guest_cancel_until_minutes": 2880, "guest_move_until_minutes": 90,
            "schedule": {
                "timezone": "Europe/Berlin", "step_minutes": 30, "min_notice_minutes": 120, "max_advance_days": 60,
                "weekly": [
                    {"days": ["mon", "tue"], "from": "09:00", "to": "12:00"},
                    {"days": ["mon", "tue"], "from": "13:00", "to": "24:00"},
                    {"days": ["sat"], "from": "10:00", "to": "02:00"},
                ],
                "exceptions": [
                    {"date": "2026-12-24", "closed": true},
                    {"date": "2026-12-31", "from": "10:00", "to": "14:00"},
                ],
            },
        }));
        assert!(fits_form(&visit));
        let body = EventTypeBody::read(&write_values(&visit));
        assert_eq!(parse(body.json), visit);
        let simple = parse(json!({
            "name": "Call", "amount": 5000, "currency": "jpy", "resource": "ana", "duration_minutes": 30,
        }));
        assert_eq!(parse(EventTypeBody::read(&write_values(&simple)).json), simple);
    }

    #[test]
    fn what_is_typed_is_read_as_it_is_meant() {
        let form = "name=Call&amount=12%2C50&currency=EUR&segments=2&segment-0-minutes=30&segment-0-resources=ana\
            &scheduled=yes&timezone=UTC&mon-0-from=9&mon-0-to=9.30&exceptions=2&exception-1-date=2026-12-24\
            &guest_cancel_until_minutes=2&guest_cancel_until_minutes-unit=hours";
        let call = parse(EventTypeBody::read(&FormValues::parse(form.as_bytes())).json);
        assert_eq!((call.price.amount, call.segments.len()), (1250, 1));
        assert_eq!(call.change_policy.cancel_until_minutes, Some(120));
        let schedule = call.schedule.unwrap();
        assert_eq!(write_time(schedule.weekly[0].to, true), "09:30");
        assert_eq!(
            (schedule.exceptions.len(), schedule.exceptions[0].hours),
            (1, None)
        );
    }

    #[test]
    fn errors_are_placed_at_the_fields_that_caused_them() {
        let form = "name=&amount=much&currency=eur&segments=2&segment-1-minutes=x&segment-1-resources=ana&scheduled=yes\
            &timezone=Mars&tue-1-from=9&tue-1-to=9&exceptions=3&exception-2-date=tomorrow";
        let body = EventTypeBody::read(&FormValues::parse(form.as_bytes()));
        let found = parse_event_type("visit", body.json.clone(), &ZoneDatabase::linked());
        let (mut fields, others) = body.place_errors(&found.unwrap_err().into_list());
        fields.sort();
        fields.dedup();
        let expected = [
            "amount",
            "exception-2-date",
            "name",
            "segment-1-minutes",
            "timezone",
            "tue-1-to",
        ];
        assert_eq!(fields, expected);
        assert!(others.is_empty(), "{others:?}");
    }
}
