//! What a checkout and a page of slots cost, with few holds in the books and with many, in an empty slot and in a class
//! that is nearly full.
//!
//! What is read and written is the same in all books: 10,000 live holds on 50 resources over the next weeks. What some have
//! more of is past.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use serde_json::json;

use crate::fill::{Books, Holds};
use crate::rig::{Engine, Rig};

const RESOURCES: i64 = 50;
const LIVE: i64 = 10_000;
/// Past holds beside the live ones, book by book.
const PAST: [i64; 3] = [0, 1_000_000, 5_000_000];
/// Of each kind of measurement; the median counts.
const TIMES: usize = 201;
const DAYS: i64 = 31;
const QUARTER: i64 = 900_000;
/// Classes of 1,000, and how many of each are sold.
const CLASSES: i64 = 10;
const SOLD: i64 = 900;

type Slot = (String, DateTime<Utc>);

/// Books with so many holds, and the slots that are left.
struct Scale {
    rig: Rig,
    books: Books,
    /// A midnight.
    first: DateTime<Utc>,
    taken: i64,
}

/// A checkout, the same without the service, a page of slots of one resource, and one of all.
const KINDS: usize = 4;

/// All of it, as a table. The levels stand side by side and take turns, so that what else the machine does falls on all
/// of them.
pub(crate) async fn measure(engine: Engine) -> String {
    let mut scales = Vec::new();
    for past in PAST {
        scales.push(Scale::new(engine, past).await);
    }
    let mut times = [const { [const { Vec::new() }; KINDS] }; PAST.len()];
    for _ in 0..TIMES {
        for (scale, times) in scales.iter_mut().zip(&mut times) {
            scale.turn(times).await;
        }
    }
    let class = scales[0].class().await;
    table(&times.map(|times| times.map(median)), class)
}

impl Scale {
    async fn new(engine: Engine, past: i64) -> Self {
        let rig = Rig::new(engine).await;
        let midnight = DateTime::from_timestamp((SystemClock.now().timestamp() / 86_400 + 1) * 86_400, 0);
        let books = Books::open(&rig.url).await;
        let first = midnight.unwrap();
        let mut scale = Self {
            rig,
            books,
            first,
            taken: 0,
        };
        scale.open().await;
        scale.fill_live().await;
        scale.fill_past(past).await;
        scale.books.settle().await;
        scale
    }

    /// Each resource by itself, one choice out of all, a class of 1,000, and its like for one.
    async fn open(&self) {
        let shop = &self.rig.shop;
        let sell = |id: String, any_of: Vec<String>| async move {
            let segment = json!({"offset_minutes": 0, "duration_minutes": 15, "any_of": any_of});
            let terms = json!({"name": "Call", "segments": [segment], "amount": 5000, "currency": "eur"});
            shop.put(&format!("/v1/admin/event-types/{id}"), &terms).await;
        };
        for room in 0..RESOURCES {
            sell(format!("room-{room}"), vec![format!("room-{room}")]).await;
        }
        sell(
            "pool".into(),
            (0..RESOURCES).map(|room| format!("room-{room}")).collect(),
        )
        .await;
        let class = json!({"name": "Class", "capacity": 1000});
        shop.put("/v1/admin/resources/class", &class).await;
        sell("class".into(), vec!["class".into()]).await;
        sell("alone".into(), vec!["alone".into()]).await;
    }

    async fn fill_live(&mut self) {
        let first = self.first.timestamp_millis();
        let live = Holds {
            from: 0,
            count: LIVE,
            resource: "'room-' || (n % 50)",
            // Every 14th quarter of an hour, so that all of the 31 days is sold alike.
            starts_at: format!("{first} + (n / 50) * {}", 14 * QUARTER),
            unit: "1",
            status: "CASE n % 2 WHEN 0 THEN 'held' ELSE 'confirmed' END",
        };
        let sold = Holds {
            from: 100_000,
            count: CLASSES * SOLD,
            resource: "'class'",
            starts_at: format!("{first} + ((n - 100000) / {SOLD}) * {QUARTER}"),
            unit: "(n - 100000) % 900 + 1",
            status: "'confirmed'",
        };
        self.books.fill(&live, SystemClock.now()).await;
        self.books.fill(&sold, SystemClock.now()).await;
    }

    async fn fill_past(&mut self, count: i64) {
        let begins = (self.first - TimeDelta::days(2)).timestamp_millis() - count / RESOURCES * QUARTER;
        let past = Holds {
            from: 1_000_000,
            count,
            resource: "'room-' || (n % 50)",
            // Up to the day before yesterday, each quarter of an hour once, the oldest first.
            starts_at: format!("{begins} + ((n - 1000000) / {RESOURCES}) * {QUARTER}"),
            unit: "1",
            status: "CASE n / 50 % 2 WHEN 0 THEN 'confirmed' ELSE 'released' END",
        };
        self.books.fill(&past, SystemClock.now()).await;
    }

    /// A slot after those that are on show, on each resource in turn.
    fn next(&mut self) -> Slot {
        let (room, at) = (self.taken % RESOURCES, self.taken / RESOURCES);
        self.taken += 1;
        let start = self.first + TimeDelta::days(DAYS + 9) + TimeDelta::milliseconds(at * QUARTER);
        (format!("room-{room}"), start)
    }

    /// Each kind once.
    async fn turn(&mut self, times: &mut [Vec<Duration>; KINDS]) {
        let (through, bare) = (self.next(), self.next());
        times[0].push(timed(self.rig.shop.book(&through, 201)).await);
        times[1].push(timed(self.rig.bare.book(&bare)).await);
        times[2].push(timed(self.page("room-0")).await);
        times[3].push(timed(self.page("pool")).await);
    }

    async fn page(&self, event_type: &str) {
        let to = self.first + TimeDelta::days(DAYS);
        let shown = self.rig.shop.slots(event_type, self.first, to).await;
        assert_eq!(
            i64::try_from(shown).unwrap(),
            DAYS * 96,
            "a slot each quarter of an hour"
        );
    }

    /// A checkout in an empty slot and one in a class that is nearly full: through the service, and bare.
    async fn class(&self) -> [[Duration; 2]; 2] {
        let mut times = [const { Vec::new() }; 4];
        let quarters = |count: usize| TimeDelta::milliseconds(i64::try_from(count).unwrap() * QUARTER);
        for turn in 0..TIMES {
            let alone = |part: usize| ("alone".to_owned(), self.first + quarters(2 * turn + part));
            let class = (
                "class".to_owned(),
                self.first + quarters(turn % usize::try_from(CLASSES).unwrap()),
            );
            times[0].push(timed(self.rig.shop.book(&alone(0), 201)).await);
            times[1].push(timed(self.rig.shop.book(&class, 201)).await);
            times[2].push(timed(self.rig.bare.book(&alone(1))).await);
            times[3].push(timed(self.rig.bare.book(&class)).await);
        }
        let [alone, class, bare_alone, bare_class] = times.map(median);
        [[alone, class], [bare_alone, bare_class]]
    }
}

async fn timed<T>(job: impl Future<Output = T>) -> Duration {
    let begun = Instant::now();
    job.await;
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn table(levels: &[[Duration; KINDS]], [through, bare]: [[Duration; 2]; 2]) -> String {
    let mut lines = vec![
        "| | 10 thousand holds | 1 million | 5 million |".to_owned(),
        "|---|---:|---:|---:|".to_owned(),
    ];
    let kinds: [&str; KINDS] = [
        "a checkout",
        "… of it the database's, bare",
        "31 days of slots, one resource",
        "31 days of slots, any of 50",
    ];
    for (kind, name) in kinds.into_iter().enumerate() {
        let cells = levels.iter().map(|level| cell(level[kind], levels[0][kind]));
        lines.push(format!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | ")));
    }
    lines.push("\n| | alone | 900 of 1,000 sold |\n|---|---:|---:|".to_owned());
    for (name, [alone, class]) in [("a checkout", through), ("… of it the database's, bare", bare)] {
        lines.push(format!(
            "| {name} | {} | {} |",
            cell(alone, alone),
            cell(class, alone)
        ));
    }
    lines.join("\n")
}

fn cell(time: Duration, first: Duration) -> String {
    let ratio = time.as_secs_f64() / first.as_secs_f64();
    format!("{:.2} ms, **{ratio:.2}**", time.as_secs_f64() * 1000.0)
}
