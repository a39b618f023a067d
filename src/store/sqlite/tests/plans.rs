//! Tests the plans of frequent queries, in whatever state the database is: just made, just analysed while it is empty, or
//! large. Holdfast analyses no table, but an operator may.

use sqlx::AssertSqlSafe;

use super::super::{
    allowances, attempts, availability, blocks, commands, deliveries, event_changes, events, events_out,
    feeds, figures, guests, hold_deliveries, holds, ledger, lookups, new_holds, occupancy, payments,
    refund_requests, replacements, summary, unowned_facts,
};
use super::*;
use crate::domain::listing::{Attention, HoldFilter, HoldKey, HoldSort, PageRequest, PaymentFilter};

/// SQL that writes past holds of Ana with all that belongs to them, and money of others.
const PAST_ROWS: [&str; 13] = [
    "INSERT INTO resources (id, name, created_at) VALUES ('ana', 'Ana', 0)",
    "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
     INSERT INTO holds (id, event_type_id, resource_id, starts_at, ends_at, segments, status, funds, amount, currency, session_id,
         checkout_url, guest_email, guest_id, client_id, metadata, expires_at, session_expires_at, created_at, updated_at)
     SELECT format('01880000-0000-7000-8000-%012d', n), 'call', 'ana', n * 3600000, n * 3600000 + 1800000, '[]', 'confirmed',
         'paid', 5000, 'eur', 'cs_' || n, 'https://pay.example/', 'g' || n, 'g' || n, 'c' || (n % 9), '{}', 0, 0, n, n FROM n",
    "INSERT INTO occupancy (hold_id, resource_id, unit, starts_at, ends_at) SELECT id, 'ana', 1, starts_at, ends_at FROM holds",
    "INSERT INTO hold_history (hold_id, at, to_status, message, actor)
     SELECT id, created_at, 'confirmed', 'long ago', 'checkout' FROM holds",
    "INSERT INTO payments (intent_id, hold_id, amount, currency, state, created_at, updated_at)
     SELECT 'pi_' || session_id, id, amount, currency, 'paid', created_at, created_at FROM holds",
    "INSERT INTO checkout_attempts (hold_id, idempotency_key, fingerprint, state, claimed_at, ended_at)
     SELECT id, session_id, 'print', 'placed', 0, created_at FROM holds",
    "INSERT INTO stripe_events (id, kind, hold_id, payload, applied_at)
     SELECT 'evt_' || session_id, 'checkout.session.completed', id, '{}', created_at FROM holds",
    "INSERT INTO commands (id, deduplication_key, kind, hold_id, session_id, due_at, created_at, done_at)
     SELECT id, session_id, 'expire_session', id, session_id, 0, created_at, created_at FROM holds",
    "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
     SELECT 'ana', session_id, 0, ends_at, ends_at + 1, '', 0 FROM holds",
    "INSERT INTO allowances (scope, subject, number, hold_id) SELECT 'client', client_id, row_number() OVER (), id FROM holds",
    "INSERT INTO unowned_facts (event_id, kind, intent_id, fact, reported_at)
     SELECT id, 'charge.dispute.created', session_id, '{}', 0 FROM holds",
    "INSERT INTO refunds (id, intent_id, amount, currency, status, created_at, seen_at)
     SELECT id, session_id, 5000, 'eur', 'succeeded', 0, 0 FROM holds",
    "INSERT INTO disputes (id, intent_id, amount, currency, status, created_at, seen_at)
     SELECT id, session_id, 5000, 'eur', 'won', 0, 0 FROM holds",
];

/// Explains a statement; returns the steps of its plan.
pub(super) async fn explain(store: &SqliteStore, statement: &str) -> Vec<String> {
    let explain = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
    let plan: Vec<(i64, i64, i64, String)> = explain.fetch_all(&store.writer).await.unwrap();
    plan.into_iter().map(|step| step.3).collect()
}

/// Brings the store into the next state: it is empty, then analysed while it is empty, then large, then analysed again.
async fn go_on_to(store: &SqliteStore, state: usize) {
    let statements: &[&str] = match state {
        0 => &[],
        2 => &PAST_ROWS,
        _ => &["ANALYZE"],
    };
    for statement in statements {
        let done = sqlx::query(*statement).execute(&store.writer).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// The tables that grow, with the short names that statements give them.
const TABLES: [&str; 27] = [
    "allowances",
    "a",
    "holds",
    "h",
    "payments",
    "p",
    "occupancy",
    "o",
    "blocks",
    "b",
    "resources",
    "r",
    "guests",
    "clients",
    "calendar_feeds",
    "f",
    "commands",
    "checkout_attempts",
    "stripe_events",
    "hold_history",
    "a",
    "unowned_facts",
    "refunds",
    "refund_requests",
    "disputes",
    "d",
    "c",
];

/// Statements that run often.
const FREQUENT: [&str; 67] = [
    occupancy::TAKE_UNITS,
    allowances::LOAD_USAGE,
    allowances::TAKE,
    availability::ALL_CONFIRMED,
    availability::WITH_STATUSES,
    blocks::LIST,
    crate::store::sqlite::closed_times::CONFLICTS_OF_BLOCK,
    crate::store::sqlite::closed_times::CONFLICTS_OF_CLOSURE,
    feeds::LEASE_DUE,
    holds::LEASE_DUE,
    holds::TAKE_RETURNED,
    holds::FIND,
    holds::FIND_BY_REFS,
    ledger::LIST_REPORTED,
    holds::LIST_CONFIRMED,
    holds::LIST_LIVE,
    figures::COUNT_LIVE,
    commands::LEASE_DUE,
    attempts::LEASE_STALE,
    crate::store::events::LIST_OF_HOLD,
    events::CLEAR_PAYLOADS,
    events::DELETE_OLD,
    attempts::DELETE_OLD,
    commands::DELETE_DONE,
    attempts::FIND_BY_KEYS,
    attempts::FIND_STATES,
    lookups::LOOK_UP,
    new_holds::CLOSE_ATTEMPTS,
    new_holds::TAKE_UNITS,
    event_changes::SELECT,
    event_changes::INSERT_EVENTS,
    event_changes::UPDATE_HOLDS,
    event_changes::INSERT_HISTORY,
    event_changes::UPSERT_PAYMENTS,
    allowances::DELETE,
    crate::store::attempts::LIST_OPEN,
    crate::store::events::COPY_OF_HOLD,
    crate::store::events::COPY_OF_ORPHANS,
    crate::store::guests::COUNT_UNPAID_OF_GUEST,
    guests::CLEAR_METADATA,
    guests::CLEAR_BODIES_OF_HOLDS,
    guests::SELECT_OF_GUEST,
    holds::DELETE,
    replacements::FIND_KEPT_BY_GUEST,
    holds::DELETE_HISTORY,
    holds::SELECT_RELEASED,
    crate::store::unowned_facts::FIND,
    crate::store::unowned_facts::LIST_TIED,
    unowned_facts::DELETE_OLD,
    guests::SELECT_DUE,
    guests::ERASE,
    guests::DELETE_GUESTS,
    guests::DELETE_IDLE_CLIENTS,
    crate::store::figures::COUNT,
    super::super::figures::COUNT_SOLD_TWICE,
    ledger::FIND_FACTS,
    ledger::LEASE_UNVERIFIED,
    ledger::DELETE_FOREIGN_REFUNDS,
    ledger::DELETE_FOREIGN_DISPUTES,
    payments::FIND_ORPHAN,
    refund_requests::DELETE_OLD,
    crate::store::refund_requests::FIND,
    crate::store::ledger::IS_KNOWN,
    crate::store::ledger::TOUCH_HOLD,
    crate::store::ledger::NOTE_REFUNDS,
    crate::store::ledger::NOTE_DISPUTES,
    crate::store::ledger::LIST_UNNOTED,
];

/// Frequent queries must not read old rows: they search a table, or read an index of live rows.
#[tokio::test]
async fn frequent_queries_never_scan_a_whole_table() {
    let TestStore { store, .. } = &test_store().await;
    let whole = TABLES.map(|table| format!("SCAN {table}"));
    for state in 0..4 {
        go_on_to(store, state).await;
        for query in FREQUENT {
            let plan = explain(store, query).await;
            assert!(
                plan.iter().any(|step| step.contains("INDEX")),
                "{state}: {plan:?}"
            );
            for step in plan {
                assert!(!whole.contains(&step), "{state}: {step}: {query}");
                // This index has the done commands too.
                assert!(!step.contains("commands_newest"), "{state}: {step}: {query}");
            }
        }
    }
    // The negative control: a statement without an index is found in this state.
    assert!(whole.contains(&explain(store, "SELECT 1 FROM holds WHERE checkout_url = ''").await[0]));
}

/// Statements about events out that run often.
const ABOUT_EVENTS: [&str; 22] = [
    deliveries::LEASE,
    crate::store::deliveries::RELEASE_QUEUED,
    crate::store::deliveries::FIND_NEXT,
    crate::store::deliveries::RELEASE,
    crate::store::deliveries::RELEASE_OF_HOLD,
    crate::store::delivery_attempts::FINISH,
    crate::store::deliveries::LIST_DELIVERIES,
    crate::store::deliveries::LIST_RANGE,
    hold_deliveries::LIST,
    crate::store::hold_deliveries::RESUME,
    hold_deliveries::RESEND,
    crate::store::endpoints::LIST_WITH_WORK,
    events_out::FIND,
    holds::FIND_ALL,
    deliveries::FINISH_DONE,
    deliveries::RELEASE_OF_DONE,
    crate::store::events_out::LIST,
    crate::store::closed_times::INSERT_CONFLICT,
    events_out::SELECT_OLD,
    events_out::KEEP_SEQUENCES,
    events_out::DELETE_DELIVERIES,
    events_out::DELETE,
];

#[tokio::test]
async fn event_queries_never_scan_a_whole_table() {
    let TestStore { store, .. } = &test_store().await;
    let tables = ["events_out", "event_deliveries", "holds", "e", "d", "n", "w", "h"];
    let whole = tables.map(|table| format!("SCAN {table}"));
    for state in 0..4 {
        go_on_to(store, state).await;
        for query in ABOUT_EVENTS {
            for step in explain(store, query).await {
                assert!(!whole.contains(&step), "{state}: {step}: {query}");
            }
        }
        // Many deliveries are queued at the same moment, and a lease must not sort them all.
        let lease = explain(store, deliveries::LEASE).await;
        assert!(
            !lease.iter().any(|step| step.contains("TEMP B-TREE")),
            "{lease:?}"
        );
    }
}

/// Payments without a hold stay; those that wait for one are few.
#[tokio::test]
async fn waiting_money_is_found_by_its_own_index() {
    let TestStore { store, .. } = &test_store().await;
    for statement in [
        crate::store::waiting_payments::LIST_OF_HOLD,
        crate::store::waiting_payments::LIST_INTENTS,
        crate::store::waiting_payments::LIST_UNSETTLED,
        crate::store::figures::COUNT,
    ] {
        let plan = explain(store, statement).await;
        assert!(
            plan.iter().any(|step| step.contains("payments_waiting")),
            "{plan:?}"
        );
    }
}

/// What an operator must look at is little, however many holds and payments there are.
#[tokio::test]
async fn attention_is_found_by_its_own_indexes() {
    let TestStore { store, .. } = &test_store().await;
    let page = PageRequest {
        limit: 50,
        cursor: None,
    };
    for attention in [
        Attention::MoneyWithoutSlot,
        Attention::SlotWithoutMoney,
        Attention::RefundFailed,
        Attention::PriceMismatch,
        Attention::Disputed,
        Attention::Overdue,
        Attention::ProcessingLong,
    ] {
        let holds = HoldFilter {
            attention: Some(attention),
            ..HoldFilter::default()
        };
        let payments = PaymentFilter {
            attention: Some(attention),
            ..PaymentFilter::default()
        };
        let lists = [
            holds::list_query(&holds, &page).unwrap(),
            payments::list_query(&payments, &page).unwrap(),
        ];
        for list in lists {
            let plan = explain(store, &list.into_string()).await;
            let is_walk = |step: &str| {
                step.contains("_newest") || TABLES.iter().any(|table| step == format!("SCAN {table}"))
            };
            assert!(!plan.iter().any(|step| is_walk(step)), "{attention:?}: {plan:?}");
        }
    }
}

/// Each order has its index, and what a search finds by a key needs no order.
#[tokio::test]
async fn lists_of_holds_follow_the_index_of_their_order() {
    let TestStore { store, .. } = &test_store().await;
    for state in 0..4 {
        go_on_to(store, state).await;
        let of = HoldFilter::default;
        let session = SessionId::new("cs_1".to_owned());
        for (filter, index) in [
            (of(), "holds_newest"),
            (
                HoldFilter {
                    sort: HoldSort::Start,
                    from: Some(now()),
                    to: Some(now()),
                    ..of()
                },
                "holds_by_start",
            ),
            (
                HoldFilter {
                    sort: HoldSort::Change,
                    changed_since: Some(now()),
                    ..of()
                },
                "holds_by_change",
            ),
            (
                HoldFilter {
                    key: Some(HoldKey::Id(HoldId(Uuid::nil()))),
                    ..of()
                },
                "(id=?)",
            ),
            (
                HoldFilter {
                    key: Some(HoldKey::Session(session)),
                    ..of()
                },
                "(session_id=?)",
            ),
            (
                HoldFilter {
                    key: Some(HoldKey::Guest("g1".to_owned())),
                    ..of()
                },
                "holds_guest",
            ),
        ] {
            let page = PageRequest {
                limit: 50,
                cursor: None,
            };
            let plan = explain(store, &holds::list_query(&filter, &page).unwrap().into_string()).await;
            assert!(plan[0].contains(index), "{state}: {index}: {plan:?}");
            assert!(
                !plan
                    .iter()
                    .any(|step| step.contains("TEMP B-TREE FOR ORDER BY") && filter.key.is_none()),
                "{plan:?}"
            );
        }
    }
}

/// A summary reads the rows of its range. Of attempts it may read all: those that ended are deleted after two days.
#[tokio::test]
async fn summary_searches_every_table_by_time() {
    let TestStore { store, .. } = &test_store().await;
    for state in 0..4 {
        go_on_to(store, state).await;
        for statement in [summary::COUNT, summary::FIND_MEDIANS] {
            let plan = explain(store, statement).await;
            for step in &plan {
                let is_whole = TABLES.iter().any(|table| *step == format!("SCAN {table}"));
                let is_deleted = step.starts_with("SCAN summary_counts");
                assert!(!(is_deleted || is_whole && step != "SCAN a"), "{state}: {step}");
            }
            assert!(
                plan.iter().any(|step| step.contains("holds_settled")),
                "{state}: {plan:?}"
            );
        }
    }
}

/// The view shows one payment without a look at the orders of all others.
#[tokio::test]
async fn sums_of_one_payment_are_found_by_its_intent() {
    let TestStore { store, .. } = &test_store().await;
    let plan = explain(store, "SELECT * FROM payment_ledger WHERE intent_id = 'pi_1'").await;
    let is_whole = |step: &str| step.starts_with("SCAN") || step.starts_with("MATERIALIZE");
    assert!(!plan.iter().any(|step| is_whole(step)), "{plan:?}");
}

/// A resource may have thousands of blocks of its feed; a block of the operator is found without reading them.
#[tokio::test]
async fn block_is_found_by_its_whole_key() {
    let TestStore { store, .. } = &test_store().await;
    for statement in [crate::store::blocks::DELETE, blocks::EXISTS] {
        let plan = explain(store, statement).await;
        let key = "(resource_id=? AND from_feed=? AND id=?)";
        assert!(plan.iter().any(|step| step.contains(key)), "{plan:?}");
    }
}
