//! Measures a checkout and a page of slots in databases with few and with many past holds, and a checkout for an empty
//! slot and for a class that is nearly full.
//!
//! All databases have the same 10,000 live holds on 50 resources over the next weeks. They differ in their past holds.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use serde_json::json;

use crate::bulk_insert::{BulkInserter, HoldRange};
use crate::environment::{Engine, Environment};

const RESOURCES: i64 = 50;
const LIVE_HOLDS: i64 = 10_000;
/// The past holds beside the live ones, one number for each database.
const PAST_HOLDS: [i64; 3] = [0, 1_000_000, 5_000_000];
/// Repetitions of each measurement. The median counts.
const REPETITIONS: usize = 201;
const DAYS: i64 = 31;
/// A quarter of an hour in milliseconds, which is the grid of starts.
const QUARTER: i64 = 900_000;
/// The number of classes, each with 1,000 places.
const CLASSES: i64 = 10;
/// The sold places of each class.
const SOLD_PLACES: i64 = 900;

type Slot = (String, DateTime<Utc>);

/// An environment whose database has a given number of past holds.
struct Scale {
    environment: Environment,
    inserter: BulkInserter,
    /// The midnight at which the live holds begin.
    first: DateTime<Utc>,
    booked: i64,
}

/// The kinds of measurements: a checkout, the same in the store alone, a page of slots of one resource, and of all.
const KINDS: usize = 4;

/// Measures one engine, and returns the results as a table.
pub(crate) async fn measure_engine(engine: Engine) -> String {
    let mut scales = Vec::new();
    for past in PAST_HOLDS {
        scales.push(Scale::new(engine, past).await);
    }
    let mut times = [const { [const { Vec::new() }; KINDS] }; PAST_HOLDS.len()];
    // The databases take turns, so that other load on the machine affects all of them.
    for _ in 0..REPETITIONS {
        for (scale, times) in scales.iter_mut().zip(&mut times) {
            scale.measure_each_kind(times).await;
        }
    }
    let class = scales[0].measure_class().await;
    format_table(&times.map(|times| times.map(median)), class)
}

impl Scale {
    async fn new(engine: Engine, past: i64) -> Self {
        let environment = Environment::new(engine).await;
        let midnight = DateTime::from_timestamp((SystemClock.now().timestamp() / 86_400 + 1) * 86_400, 0);
        let inserter = BulkInserter::open(&environment.url).await;
        let first = midnight.unwrap();
        let mut scale = Self {
            environment,
            inserter,
            first,
            booked: 0,
        };
        scale.create_event_types().await;
        scale.insert_live_holds().await;
        scale.insert_past_holds(past).await;
        scale.inserter.update_statistics().await;
        scale
    }

    /// Creates an event type for each resource, one for any of them, a class of 1,000 places, and one of one place.
    async fn create_event_types(&self) {
        let client = &self.environment.client;
        let create = |id: String, any_of: Vec<String>| async move {
            let segment = json!({"offset_minutes": 0, "duration_minutes": 15, "any_of": any_of});
            let terms = json!({"name": "Call", "segments": [segment], "amount": 5000, "currency": "eur"});
            client
                .create(&format!("/v1/admin/event-types/{id}"), &terms)
                .await;
        };
        for number in 0..RESOURCES {
            let id = format!("room-{number}");
            client
                .create(&format!("/v1/admin/resources/{id}"), &json!({"name": id}))
                .await;
            create(id.clone(), vec![id]).await;
        }
        create(
            "pool".into(),
            (0..RESOURCES).map(|number| format!("room-{number}")).collect(),
        )
        .await;
        let class = json!({"name": "Class", "capacity": 1000});
        client.create("/v1/admin/resources/class", &class).await;
        create("class".into(), vec!["class".into()]).await;
        client
            .create("/v1/admin/resources/alone", &json!({"name": "Alone"}))
            .await;
        create("alone".into(), vec!["alone".into()]).await;
    }

    async fn insert_live_holds(&mut self) {
        let first = self.first.timestamp_millis();
        let live = HoldRange {
            from: 0,
            count: LIVE_HOLDS,
            resource: "'room-' || (n % 50)",
            // Every 14th quarter of an hour, so that the holds spread evenly over the 31 days.
            starts_at: format!("{first} + (n / 50) * {}", 14 * QUARTER),
            unit: "1",
            status: "CASE n % 2 WHEN 0 THEN 'held' ELSE 'confirmed' END",
        };
        let sold = HoldRange {
            from: 100_000,
            count: CLASSES * SOLD_PLACES,
            resource: "'class'",
            starts_at: format!("{first} + ((n - 100000) / {SOLD_PLACES}) * {QUARTER}"),
            unit: "(n - 100000) % 900 + 1",
            status: "'confirmed'",
        };
        self.inserter.insert_holds(&live, SystemClock.now()).await;
        self.inserter.insert_holds(&sold, SystemClock.now()).await;
    }

    async fn insert_past_holds(&mut self, count: i64) {
        let first_start = (self.first - TimeDelta::days(2)).timestamp_millis() - count / RESOURCES * QUARTER;
        let past = HoldRange {
            from: 1_000_000,
            count,
            resource: "'room-' || (n % 50)",
            // One hold each quarter of an hour, the oldest first, until the day before yesterday.
            starts_at: format!("{first_start} + ((n - 1000000) / {RESOURCES}) * {QUARTER}"),
            unit: "1",
            status: "CASE n / 50 % 2 WHEN 0 THEN 'confirmed' ELSE 'released' END",
        };
        self.inserter.insert_holds(&past, SystemClock.now()).await;
    }

    /// Returns a free slot after the days of the measured pages, on each resource in turn.
    fn next_slot(&mut self) -> Slot {
        let (number, index) = (self.booked % RESOURCES, self.booked / RESOURCES);
        self.booked += 1;
        let start = self.first + TimeDelta::days(DAYS + 9) + TimeDelta::milliseconds(index * QUARTER);
        (format!("room-{number}"), start)
    }

    /// Makes each kind of measurement once.
    async fn measure_each_kind(&mut self, times: &mut [Vec<Duration>; KINDS]) {
        let (service_slot, store_slot) = (self.next_slot(), self.next_slot());
        times[0].push(measure_time(self.environment.client.book_slot(&service_slot, 201)).await);
        times[1].push(measure_time(self.environment.store.book_slot(&store_slot)).await);
        times[2].push(measure_time(self.read_page("room-0")).await);
        times[3].push(measure_time(self.read_page("pool")).await);
    }

    async fn read_page(&self, event_type: &str) {
        let to = self.first + TimeDelta::days(DAYS);
        let count = self
            .environment
            .client
            .count_slots(event_type, self.first, to)
            .await;
        assert_eq!(
            i64::try_from(count).unwrap(),
            DAYS * 96,
            "a slot each quarter of an hour"
        );
    }

    /// Measures a checkout for an empty slot and for a nearly full class, through the service and in the store alone.
    async fn measure_class(&self) -> [[Duration; 2]; 2] {
        let mut times = [const { Vec::new() }; 4];
        let quarters = |count: usize| TimeDelta::milliseconds(i64::try_from(count).unwrap() * QUARTER);
        for repetition in 0..REPETITIONS {
            let alone = |part: usize| ("alone".to_owned(), self.first + quarters(2 * repetition + part));
            let class = (
                "class".to_owned(),
                self.first + quarters(repetition % usize::try_from(CLASSES).unwrap()),
            );
            times[0].push(measure_time(self.environment.client.book_slot(&alone(0), 201)).await);
            times[1].push(measure_time(self.environment.client.book_slot(&class, 201)).await);
            times[2].push(measure_time(self.environment.store.book_slot(&alone(1))).await);
            times[3].push(measure_time(self.environment.store.book_slot(&class)).await);
        }
        let [service_alone, service_class, store_alone, store_class] = times.map(median);
        [[service_alone, service_class], [store_alone, store_class]]
    }
}

async fn measure_time<T>(job: impl Future<Output = T>) -> Duration {
    let started = Instant::now();
    job.await;
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn format_table(levels: &[[Duration; KINDS]], [service, store]: [[Duration; 2]; 2]) -> String {
    let mut lines = vec![
        "| | 10 thousand holds | 1 million | 5 million |".to_owned(),
        "|---|---:|---:|---:|".to_owned(),
    ];
    let kinds: [&str; KINDS] = [
        "a checkout",
        "… the store alone",
        "31 days of slots, one resource",
        "31 days of slots, any of 50",
    ];
    for (kind, name) in kinds.into_iter().enumerate() {
        let cells = levels
            .iter()
            .map(|level| format_cell(level[kind], levels[0][kind]));
        lines.push(format!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | ")));
    }
    lines.push("\n| | alone | 900 of 1,000 sold |\n|---|---:|---:|".to_owned());
    for (name, [alone, class]) in [("a checkout", service), ("… the store alone", store)] {
        lines.push(format!(
            "| {name} | {} | {} |",
            format_cell(alone, alone),
            format_cell(class, alone)
        ));
    }
    lines.join("\n")
}

fn format_cell(time: Duration, first: Duration) -> String {
    let ratio = time.as_secs_f64() / first.as_secs_f64();
    format!("{:.2} ms, **{ratio:.2}**", time.as_secs_f64() * 1000.0)
}
