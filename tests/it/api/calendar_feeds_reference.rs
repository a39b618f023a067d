//! Compares the busy times of generated feeds with those that an independent reader finds: `icalendar` and
//! `recurring-ical-events` from PyPI.
//!
//! The events are in daytime, because the two readers may differ by intention in the hour in which clocks change: ours adds
//! exact seconds, as RFC 5545 says.

use std::fmt::Write as _;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use holdfast::domain::time::Window;
use holdfast::domain::zone::ZoneDatabase;
use holdfast::gateway::calendar_feed::{ZoneNames, parse_feed};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::process::Command;

use crate::support::python;

const READER: &str = "icalendar==7.3.2 recurring-ical-events==3.8.2 tzdata==2026.6";
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/api/calendar_feeds_reference.py"
);
const FEEDS: usize = 200;
const DATES: [&str; 2] = ["2026-06-01", "2028-06-01"];
/// The zone of whole days and of times without a zone.
const SCHEDULE: &str = "America/Los_Angeles";

/// What changes one day of a daily series.
#[derive(Clone, Debug)]
enum DayChange {
    Excluded,
    Moved { hours: i64, minutes: i64 },
    Cancelled,
}

#[derive(Clone, Debug)]
struct GeneratedEvent {
    zone: &'static str,
    is_whole_day: bool,
    day: i64,
    hour: i64,
    minutes: i64,
    rule: String,
    /// The changes of a daily series, by the number of the day.
    changes: Vec<(i64, DayChange)>,
    /// From which day on a daily series is moved, and by how many hours.
    later: Option<(i64, i64)>,
    further: Vec<i64>,
    periods: Vec<i64>,
}

fn any_rule() -> impl Strategy<Value = String> {
    let days = select(vec!["", ";BYDAY=MO", ";BYDAY=TU,TH", ";BYDAY=SA,SU,WE"]);
    let months = select(vec![
        "",
        ";BYMONTHDAY=1",
        ";BYMONTHDAY=-1",
        ";BYMONTHDAY=31,15",
        ";BYDAY=1MO",
        ";BYDAY=-1FR",
        ";BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    ]);
    let years = select(vec![
        "",
        ";BYMONTH=3,10",
        ";BYMONTH=2;BYMONTHDAY=29",
        ";BYMONTH=11;BYDAY=4TH",
    ]);
    let base = prop_oneof![
        Just("FREQ=DAILY".to_owned()),
        days.prop_map(|days| format!("FREQ=WEEKLY{days}")),
        months.prop_map(|days| format!("FREQ=MONTHLY{days}")),
        years.prop_map(|days| format!("FREQ=YEARLY{days}")),
    ];
    let end = prop_oneof![
        Just(String::new()),
        (1..40u32).prop_map(|count| format!(";COUNT={count}")),
        select(vec![";UNTIL=20270301T235959Z", ";UNTIL=20261115T120000Z"]).prop_map(str::to_owned),
    ];
    (base, 1..4u32, end).prop_map(|(base, interval, end)| format!("{base};INTERVAL={interval}{end}"))
}

fn any_change() -> impl Strategy<Value = DayChange> {
    prop_oneof![
        Just(DayChange::Excluded),
        Just(DayChange::Cancelled),
        (-30..30i64, 10..200i64).prop_map(|(hours, minutes)| DayChange::Moved { hours, minutes }),
    ]
}

fn any_event() -> impl Strategy<Value = GeneratedEvent> {
    let zone = select(vec![
        "",
        "Z",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
    ]);
    let time = (any::<bool>(), 0..900i64, 8..17i64, 5..240i64);
    let series = prop_oneof![
        2 => any_rule().prop_map(|rule| (rule, Vec::new(), None)),
        2 => btree_map(1..9i64, any_change(), 0..5)
            .prop_map(|changes| ("FREQ=DAILY;COUNT=10".to_owned(), changes.into_iter().collect(), None)),
        1 => (1..9i64, -3..4i64).prop_map(|later| ("FREQ=DAILY;COUNT=10".to_owned(), Vec::new(), Some(later))),
        1 => Just((String::new(), Vec::new(), None)),
    ];
    (zone, time, series, vec(11..90i64, 0..3), vec(100..200i64, 0..3)).prop_map(
        |(zone, (is_whole_day, day, hour, minutes), (rule, changes, later), further, periods)| {
            GeneratedEvent {
                zone,
                is_whole_day,
                day,
                hour,
                minutes,
                rule,
                changes,
                // A whole day is not moved by hours.
                later: later.filter(|_| !is_whole_day),
                further,
                periods: if is_whole_day { Vec::new() } else { periods },
            }
        },
    )
}

impl GeneratedEvent {
    fn start(&self, day: i64) -> NaiveDateTime {
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let hour = if self.is_whole_day { 0 } else { self.hour };
        (first + Duration::days(self.day + day))
            .and_hms_opt(0, 0, 0)
            .unwrap()
            + Duration::hours(hour)
    }

    /// Returns a line with a time of this event's kind.
    fn line(&self, name: &str, at: NaiveDateTime) -> String {
        match (self.is_whole_day, self.zone) {
            (true, _) => format!("{name};VALUE=DATE:{}", at.format("%Y%m%d")),
            (false, "") => format!("{name}:{}", at.format("%Y%m%dT%H%M%S")),
            (false, "Z") => format!("{name}:{}", at.format("%Y%m%dT%H%M%SZ")),
            (false, zone) => format!("{name};TZID={zone}:{}", at.format("%Y%m%dT%H%M%S")),
        }
    }

    fn length(&self) -> Duration {
        match self.is_whole_day {
            true => Duration::days(1 + self.minutes % 3),
            false => Duration::minutes(self.minutes),
        }
    }

    /// Returns the lines of the event itself, without its changes.
    fn main_lines(&self) -> Vec<String> {
        let start = self.start(0);
        let mut lines = vec![
            self.line("DTSTART", start),
            self.line("DTEND", start + self.length()),
        ];
        if !self.rule.is_empty() {
            // The end of a rule has the kind of its start.
            let (rule, until) = self.rule.split_once(";UNTIL=").unwrap_or((&self.rule, ""));
            // The readers differ if the rule ends before the start: ours always takes the start.
            let until = if start.format("%Y%m%d").to_string().as_str() < until {
                until
            } else {
                ""
            };
            let until = match (until.is_empty(), self.is_whole_day, self.zone) {
                (true, ..) => String::new(),
                (false, true, _) => format!(";UNTIL={}", &until[..8]),
                (false, false, "") => format!(";UNTIL={}", until.trim_end_matches('Z')),
                (false, false, _) => format!(";UNTIL={until}"),
            };
            lines.push(format!("RRULE:{rule}{until}"));
        }
        lines.extend(
            self.further
                .iter()
                .map(|day| self.line("RDATE", self.start(*day))),
        );
        for day in &self.periods {
            let period = self.line("RDATE;VALUE=PERIOD", self.start(*day) + Duration::minutes(20));
            lines.push(format!("{period}/PT45M"));
        }
        let excluded = self
            .changes
            .iter()
            .filter(|(_, change)| matches!(change, DayChange::Excluded));
        lines.extend(excluded.map(|(day, _)| self.line("EXDATE", self.start(*day))));
        lines
    }

    fn write(&self, uid: usize, feed: &mut String) {
        let mut entry = |lines: &[String]| {
            let lines = lines.join("\r\n");
            write!(
                feed,
                "BEGIN:VEVENT\r\nUID:e{uid}\r\nDTSTAMP:20260101T000000Z\r\n{lines}\r\nEND:VEVENT\r\n"
            )
            .unwrap();
        };
        entry(&self.main_lines());
        for (day, change) in &self.changes {
            let replaced = self.line("RECURRENCE-ID", self.start(*day));
            let moved = |start: NaiveDateTime, length: Duration, last: &str| {
                let (start, end) = (self.line("DTSTART", start), self.line("DTEND", start + length));
                vec![replaced.clone(), start, end, last.to_owned()]
            };
            match change {
                DayChange::Excluded => {}
                DayChange::Cancelled => entry(&moved(self.start(*day), self.length(), "STATUS:CANCELLED")),
                DayChange::Moved { hours, minutes } => {
                    let length = if self.is_whole_day {
                        Duration::days(2)
                    } else {
                        Duration::minutes(*minutes)
                    };
                    // A whole day stays one, and times stay in daytime.
                    let by = if self.is_whole_day {
                        Duration::days(*hours)
                    } else {
                        Duration::days(hours / 4)
                    };
                    entry(&moved(self.start(*day) + by, length, "TRANSP:OPAQUE"));
                }
            }
        }
        if let Some((day, hours)) = self.later {
            let start = self.start(day) + Duration::hours(hours);
            entry(&[
                self.line("RECURRENCE-ID;RANGE=THISANDFUTURE", self.start(day)),
                self.line("DTSTART", start),
                self.line("DTEND", start + Duration::minutes(75)),
            ]);
        }
    }
}

fn write_feed(events: &[GeneratedEvent]) -> String {
    let mut feed = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Generated//EN\r\n".to_owned();
    events
        .iter()
        .enumerate()
        .for_each(|(uid, event)| event.write(uid, &mut feed));
    feed + "END:VCALENDAR\r\n"
}

fn read_busy_times(feed: &str, zones: &ZoneDatabase) -> Vec<(i64, i64)> {
    // Midnight in Los Angeles, in summer.
    let [from, to] = DATES.map(|date| format!("{date}T07:00:00Z").parse::<DateTime<Utc>>().unwrap());
    let names = ZoneNames {
        named: None,
        of_schedules: vec![SCHEDULE.to_owned()],
    };
    let parsed = parse_feed(feed.as_bytes(), Window::new(from, to).unwrap(), &names, zones).unwrap();
    assert_eq!(parsed.faults, [], "{feed}");
    let ends = |window: Window| (window.starts_at().timestamp(), window.ends_at().timestamp());
    let mut busy: Vec<_> = parsed.busy.iter().map(|time| ends(time.window)).collect();
    busy.sort();
    busy.dedup();
    busy
}

/// Returns the seed that `FEED_SEED` gives as a failure shows it, else a random one.
fn find_seed() -> [u8; 32] {
    let Ok(given) = std::env::var("FEED_SEED") else {
        return rand::random();
    };
    serde_json::from_str(&given).expect("FEED_SEED is a list of 32 bytes, such as a failure shows")
}

#[tokio::test]
async fn independent_reader_finds_the_same_busy_times() {
    let seed = find_seed();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = vec(any_event(), 1..5);
    let mut feeds = Vec::new();
    for _ in 0..FEEDS {
        let events = strategy.new_tree(&mut runner).unwrap().current();
        feeds.push(write_feed(&events));
    }
    let python = python::with(READER).await;
    let mut command = Command::new(python);
    command.arg(SCRIPT).args(DATES).arg(SCHEDULE);
    let found = python::run(&mut command, &serde_json::to_string(&feeds).unwrap()).await;
    let found: Vec<Vec<(i64, i64)>> = serde_json::from_str(&found).unwrap();
    assert_eq!(found.len(), FEEDS);
    assert!(found.iter().filter(|busy| !busy.is_empty()).count() > FEEDS / 2);
    let zones = ZoneDatabase::linked();
    for (feed, expected) in feeds.iter().zip(found) {
        let ours = read_busy_times(feed, &zones);
        let missing: Vec<_> = expected.iter().filter(|time| !ours.contains(time)).collect();
        let surplus: Vec<_> = ours.iter().filter(|time| !expected.contains(time)).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "FEED_SEED='{seed:?}': missing {missing:?}, surplus {surplus:?}\n{feed}"
        );
    }
}
