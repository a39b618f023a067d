//! Tests that a database of version 0.1 is upgraded without loss, on both engines.
//!
//! Version 0.1 (commit 5f8df4d) wrote the databases in `upgrade/`: holds that are held, processing, paid, declined,
//! released, moved, paid late and cancelled with and without a note, checkout attempts, a pool, a class, segments and
//! blocks. The dump of PostgreSQL lacks a few Stripe events, to keep it small.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::database::{Engine, TestDatabase};
use crate::support::on_both_engines;

/// The columns that have another name since version 0.1: table, old name, new name.
const RENAMED_COLUMNS: &str = include_str!("upgrade/version_0_1_renamed_columns.csv");

/// The code of each sentence in the history that has no variable part.
const TRANSITIONS: [(&str, &str); 12] = [
    ("placed by a checkout", "placed"),
    ("paid", "paid"),
    ("a delayed payment is at work", "payment_processing"),
    ("the delayed payment failed", "delayed_payment_failed"),
    ("the payment session ended unpaid", "session_ended"),
    (
        "paid after the release; the slot was still free",
        "late_payment_confirmed",
    ),
    (
        "paid after the release; the slot was gone, the money goes back",
        "late_payment_refunded",
    ),
    (
        "paid a second time; the second payment goes back",
        "second_payment",
    ),
    ("the payment intent became known", "intent_linked"),
    (
        "cancelled by the guest; the money goes back",
        "cancelled_by_guest",
    ),
    ("cancelled", "cancelled_by_operator"),
    ("the whole payment was refunded", "refunded"),
];

/// A row with the names of its columns.
type Row = BTreeMap<String, Value>;

/// The rows of each table.
type Tables = BTreeMap<String, Vec<Row>>;

/// Reads all tables except the list of migrations, which an upgrade extends.
async fn read_tables(database: &TestDatabase) -> Tables {
    let select = match database.engine() {
        Engine::Postgres => "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = 'public'",
        Engine::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    };
    let mut tables = Tables::new();
    for table in database.texts(select).await {
        if table != "_sqlx_migrations" {
            let rows = read_table(database, &table).await;
            tables.insert(table, rows);
        }
    }
    tables
}

async fn read_table(database: &TestDatabase, table: &str) -> Vec<Row> {
    let select = match database.engine() {
        Engine::Postgres => format!("SELECT CAST(to_jsonb(t) AS text) FROM {table} t"),
        Engine::Sqlite => {
            let columns = format!("SELECT name FROM pragma_table_info('{table}')");
            let columns = database.texts(&columns).await;
            let pairs: Vec<String> = columns
                .iter()
                .map(|name| format!("'{name}', \"{name}\""))
                .collect();
            format!("SELECT json_object({}) FROM {table}", pairs.join(", "))
        }
    };
    let rows = database.texts(&select).await;
    rows.iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect()
}

/// Gives the columns of old rows their new names.
fn rename_columns(tables: &mut Tables) {
    for line in RENAMED_COLUMNS.lines() {
        let names: Vec<&str> = line.split(',').collect();
        let [table, old, new] = names[..] else {
            panic!("{line}");
        };
        for row in tables.get_mut(table).unwrap() {
            let value = row.remove(old).unwrap_or_else(|| panic!("{line}"));
            row.insert(new.to_owned(), value);
        }
    }
}

/// Takes the codes out of the history, which version 0.1 did not have; returns them with their messages.
fn remove_transitions(tables: &mut Tables) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = tables.get_mut("hold_history").unwrap().iter_mut();
    lines
        .map(|line| {
            let transition = line.remove("transition").unwrap();
            (text(&line["message"]), text(&transition))
        })
        .collect()
}

/// Takes out the columns that later versions added, which lose nothing.
fn keep_old_columns(after: &mut Tables, before: &Tables) {
    for (table, rows) in before {
        let Some(old) = rows.first() else { continue };
        for row in after.get_mut(table).unwrap() {
            row.retain(|column, _| old.contains_key(column));
        }
    }
}

/// Writes rows as text in one order, so that they can be compared.
fn to_sorted_texts(rows: &[Row]) -> Vec<String> {
    let mut texts: Vec<String> = rows
        .iter()
        .map(|row| serde_json::to_string(row).unwrap())
        .collect();
    texts.sort();
    texts
}

fn dump_of(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => include_str!("upgrade/version_0_1_sqlite.sql"),
        Engine::Postgres => include_str!("upgrade/version_0_1_postgres.sql"),
    }
}

fn assert_transitions_fit(transitions: &BTreeSet<(String, String)>) {
    for (message, transition) in transitions {
        let known = TRANSITIONS.iter().find(|(sentence, _)| sentence == message);
        assert_eq!(transition, known.map_or("other", |(_, code)| code), "{message}");
    }
    for (sentence, code) in TRANSITIONS {
        let pair = (sentence.to_owned(), code.to_owned());
        assert!(transitions.contains(&pair), "{sentence}");
    }
    assert!(transitions.iter().any(|(_, transition)| transition == "other"));
}

on_both_engines! {
    async fn database_of_version_0_1_upgrades_without_loss(engine) {
        let database = TestDatabase::of_dump(engine, dump_of(engine)).await;
        let mut before = read_tables(&database).await;
        assert!(before.len() >= 14, "{:?}", before.keys());
        rename_columns(&mut before);

        let store = database.store();
        assert!(!store.is_ready().await.unwrap());
        store.migrate().await.unwrap();
        assert!(store.is_ready().await.unwrap());

        let mut after = read_tables(&database).await;
        assert_transitions_fit(&remove_transitions(&mut after));
        keep_old_columns(&mut after, &before);
        for (table, rows) in &before {
            assert_eq!(to_sorted_texts(&after[table]), to_sorted_texts(rows), "{table}");
        }
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        store.dry_run_checkout(now).await.unwrap();
        if engine == Engine::Sqlite {
            assert_eq!(database.texts("PRAGMA integrity_check").await, ["ok"]);
            assert_eq!(database.count("SELECT count(*) FROM pragma_foreign_key_check").await, 0);
        }
    }
}
