//! Tests how much of a hundred thousand past holds the lists and the summary read on PostgreSQL. The plans of SQLite are tested
//! beside its statements.

use holdfast::domain::ids::{HoldId, SessionId};
use holdfast::domain::listing::{HoldFilter, HoldKey, HoldSort, PageRequest};
use holdfast::domain::summary::{SummaryDivision, SummaryFigure, SummaryQuery};

use super::query_plans::{ALL_READ, HOLDS_READ, end_all_connections, write_past_rows};
use crate::support::database::{Engine, TestDatabase};

/// Lists with a key or an order, how many holds each finds, and how many rows it may read.
fn lists() -> Vec<(HoldFilter, usize, i64)> {
    let at = |text: &str| Some(text.parse().unwrap());
    let id = HoldId::parse("01880000-0000-7000-8000-000000000077").unwrap();
    let with_key = |key| HoldFilter {
        key: Some(key),
        ..HoldFilter::default()
    };
    let in_order = |sort| HoldFilter {
        sort,
        ..HoldFilter::default()
    };
    let with_text = |text: &str, sort| HoldFilter {
        text: Some(text.to_owned()),
        ..in_order(sort)
    };
    let mut day = in_order(HoldSort::Start);
    (day.from, day.to) = (at("2026-10-01T00:00:00Z"), at("2026-10-02T00:00:00Z"));
    let mut later = in_order(HoldSort::Change);
    later.changed_since = at("2099-01-01T00:00:00Z");
    vec![
        (with_key(HoldKey::Id(id)), 1, 10),
        (
            with_key(HoldKey::Session(SessionId::new("cs_77".to_owned()))),
            1,
            10,
        ),
        (with_key(HoldKey::Guest("g77@example.com".to_owned())), 1, 10),
        (day, 24, 100),
        (in_order(HoldSort::Change), 50, 100),
        (later, 0, 10),
        (with_text("g77@exa", HoldSort::Newest), 1, 20_100),
        (with_text("nobody", HoldSort::Start), 0, 20_100),
    ]
}

/// A list in any order, and a search, read what they show or a bounded part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_searches_read_a_bounded_part() {
    let database = TestDatabase::new(Engine::Postgres).await;
    write_past_rows(&database).await;
    let page = PageRequest {
        limit: 50,
        cursor: None,
    };
    for (filter, found, most) in lists() {
        let before = database.count(HOLDS_READ).await;
        let listed = database.another_store().await.list_bookings(&filter, &page).await;
        end_all_connections(&database).await;
        let read = database.count(HOLDS_READ).await - before;
        assert_eq!(listed.unwrap().entries.len(), found, "{filter:?}");
        assert!(read <= most, "{filter:?}: {read} rows");
    }
}

/// A summary of a day reads the rows of that day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summary_of_a_day_reads_the_rows_of_that_day() {
    let database = TestDatabase::new(Engine::Postgres).await;
    write_past_rows(&database).await;
    let bounds = ["2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"];
    for division in [SummaryDivision::Period, SummaryDivision::EventType] {
        let query = SummaryQuery {
            bounds: bounds.iter().map(|at| at.parse().unwrap()).collect(),
            division,
        };
        let before = database.count(ALL_READ).await;
        let store = database.another_store().await;
        let counts = store.count_summary(&query).await.unwrap();
        store.find_median_waits(&query).await.unwrap();
        end_all_connections(&database).await;
        let read = database.count(ALL_READ).await - before;
        let paid: i64 = counts
            .iter()
            .filter(|one| one.figure == SummaryFigure::Paid)
            .map(|one| one.count)
            .sum();
        assert!(paid == 24 && read <= 300, "{read} rows: {counts:?}");
    }
}
