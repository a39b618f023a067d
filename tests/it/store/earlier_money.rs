//! Tests that the payments of a version that counted refunds say the same after the migration to the ledger: each cent is in
//! one place, and no state changes before Stripe's lists are read.

use holdfast::domain::listing::{ListedPayment, PageRequest, PaymentFilter};
use holdfast::domain::payment::PaymentState;

use crate::support::database::{Engine, TestDatabase};
use crate::support::on_both_engines;

/// The last schema of the version that counted.
const BEFORE: i64 = 16;

/// A payment of 5000 of that version.
struct Counted {
    intent: &'static str,
    state: &'static str,
    refunded: i64,
    /// The amount of its order to refund, and whether that is done.
    order: Option<(i64, bool)>,
    /// Where its money is afterwards: refunded, pending, disputed, lost, kept, due back.
    sums: [i64; 6],
}

const fn counted(
    intent: &'static str,
    state: &'static str,
    refunded: i64,
    order: Option<(i64, bool)>,
    sums: [i64; 6],
) -> Counted {
    Counted {
        intent,
        state,
        refunded,
        order,
        sums,
    }
}

const PAYMENTS: [Counted; 16] = [
    counted("pi_paid", "paid", 0, None, [0, 0, 0, 0, 5000, 0]),
    counted("pi_part_by_hand", "paid", 2000, None, [2000, 0, 0, 0, 3000, 0]),
    counted("pi_kept", "kept", 0, None, [0, 0, 0, 0, 5000, 0]),
    counted(
        "pi_part",
        "kept",
        2000,
        Some((2000, true)),
        [2000, 0, 0, 0, 3000, 0],
    ),
    counted(
        "pi_part_counted_twice",
        "kept",
        4000,
        Some((2000, true)),
        [4000, 0, 0, 0, 1000, 0],
    ),
    counted(
        "pi_part_ordered",
        "kept",
        0,
        Some((2000, false)),
        [0, 2000, 0, 0, 3000, 0],
    ),
    counted(
        "pi_ordered",
        "refund_due",
        0,
        Some((5000, false)),
        [0, 5000, 0, 0, 0, 0],
    ),
    counted(
        "pi_rest_ordered",
        "refund_due",
        2000,
        Some((3000, false)),
        [2000, 3000, 0, 0, 0, 0],
    ),
    counted(
        "pi_back",
        "refunded",
        5000,
        Some((5000, true)),
        [5000, 0, 0, 0, 0, 0],
    ),
    counted(
        "pi_back_not_finished",
        "refunded",
        5000,
        Some((5000, false)),
        [5000, 0, 0, 0, 0, 0],
    ),
    counted("pi_by_hand", "refunded", 5000, None, [5000, 0, 0, 0, 0, 0]),
    counted(
        "pi_failed",
        "refund_failed",
        5000,
        Some((5000, true)),
        [0, 0, 0, 0, 0, 5000],
    ),
    counted(
        "pi_failed_uncounted",
        "refund_failed",
        0,
        Some((5000, true)),
        [0, 0, 0, 0, 0, 5000],
    ),
    counted("pi_disputed", "disputed", 2000, None, [2000, 0, 3000, 0, 0, 0]),
    counted("pi_lost", "refunded", 0, None, [0, 0, 0, 5000, 0, 0]),
    counted("pi_part_lost", "refunded", 2000, None, [2000, 0, 0, 3000, 0, 0]),
];

async fn write(database: &TestDatabase, number: usize, payment: &Counted) {
    let at = match database.engine() {
        Engine::Sqlite => "1795168800000",
        Engine::Postgres => "timestamptz '2026-11-20T10:00:00Z'",
    };
    let Counted {
        intent,
        state,
        refunded,
        order,
        ..
    } = payment;
    let row = format!(
        "INSERT INTO payments (intent_id, amount, currency, refunded, state, created_at, updated_at)
         VALUES ('{intent}', 5000, 'eur', {refunded}, '{state}', {at}, {at})"
    );
    database.execute(&row).await;
    if let Some((amount, is_done)) = order {
        let done_at = if *is_done { at } else { "NULL" };
        let row = format!(
            "INSERT INTO commands (id, deduplication_key, kind, intent_id, amount, currency, due_at, created_at, done_at)
             VALUES ('01990000-0000-7000-8000-0000000000{number:02}', 'refund:{intent}', 'refund', '{intent}', {amount},
                 'eur', {at}, {at}, {done_at})"
        );
        database.execute(&row).await;
    }
}

async fn list_payments(database: &TestDatabase) -> Vec<ListedPayment> {
    let page = PageRequest {
        limit: 100,
        cursor: None,
    };
    let listed = database
        .store()
        .list_payments(&PaymentFilter::default(), &page)
        .await;
    listed.unwrap().entries
}

async fn read_rows(database: &TestDatabase, table: &str) -> Vec<String> {
    let select = format!("SELECT id || ' ' || status || ' ' || amount FROM {table} ORDER BY id");
    database.texts(&select).await
}

/// Writes a payment as the version before does, which does not know what else the row has.
async fn write_on(database: &TestDatabase, intent: &str, refunded: i64, state: &str) {
    let update =
        format!("UPDATE payments SET refunded = {refunded}, state = '{state}' WHERE intent_id = '{intent}'");
    assert_eq!(database.execute(&update).await, 1, "{intent}");
}

on_both_engines! {
    async fn counted_payments_say_the_same_after_the_migration(engine) {
        let database = TestDatabase::of_version(engine, BEFORE).await;
        for (number, payment) in PAYMENTS.iter().enumerate() {
            write(&database, number, payment).await;
        }
        database.store().migrate().await.unwrap();
        let payments = list_payments(&database).await;
        assert_eq!(payments.len(), PAYMENTS.len());
        for expected in PAYMENTS {
            let listed = payments.iter().find(|listed| listed.payment.intent.as_str() == expected.intent);
            let mut payment = listed.unwrap().payment.clone();
            let (sums, before) = (payment.sums(), payment.state);
            assert!(sums.adds_up(), "{} {sums:?}", expected.intent);
            let places = [sums.refunded, sums.refund_pending, sums.disputed, sums.lost, sums.kept, sums.due_back];
            assert_eq!(places, expected.sums, "{}", expected.intent);
            payment.note();
            assert_eq!(payment.state, before, "{}", expected.intent);
            let is_counted = expected.refunded > 0 || matches!(expected.state, "disputed" | "refunded" | "refund_failed");
            assert_eq!(payment.facts.is_verified(), !is_counted, "{}", expected.intent);
        }
        let figures = database.store().count_figures("2026-11-21T10:00:00Z".parse().unwrap()).await.unwrap();
        assert_eq!((figures.money_unverified, figures.refunds_failed, figures.money_not_adding_up), (12, 2, 0));
    }

    /// After an upgrade there may be one for each refund of years, and they are counted each second.
    async fn counters_are_counted_up_to_a_bound(engine) {
        let database = TestDatabase::new(engine).await;
        let at = match engine {
            Engine::Sqlite => "1795168800000",
            Engine::Postgres => "timestamptz '2026-11-20T10:00:00Z'",
        };
        let rows = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10002)
             INSERT INTO refunds (id, intent_id, amount, currency, status, created_at, seen_at)
             SELECT 'unverified_pi_' || n, 'pi_' || n, 1, 'eur', 'succeeded', {at}, {at} FROM numbers"
        );
        assert_eq!(database.execute(&rows).await, 10_002);
        let figures = database.store().count_figures("2026-11-21T10:00:00Z".parse().unwrap()).await.unwrap();
        assert_eq!(figures.money_unverified, 10_001);
    }

    /// The money of a refund that a person made is with the shop if it failed, and its hold, which ended, alarms.
    async fn failed_refund_by_hand_of_a_counter_is_money_again(engine) {
        let database = TestDatabase::of_version(engine, BEFORE).await;
        write(&database, 1, &counted("pi_1", "refund_failed", 5000, None, [0; 6])).await;
        database.store().migrate().await.unwrap();
        let mut payment = list_payments(&database).await.remove(0).payment;
        payment.note();
        assert_eq!((payment.state, payment.refunded), (PaymentState::Paid, 0));
    }

    /// What the version before writes beside this one is kept like what it had written.
    async fn counter_is_kept_as_it_is_counted_on(engine) {
        let database = TestDatabase::of_version(engine, BEFORE).await;
        write(&database, 1, &counted("pi_1", "paid", 0, None, [0; 6])).await;
        database.store().migrate().await.unwrap();
        assert_eq!(read_rows(&database, "refunds").await, Vec::<String>::new());
        write_on(&database, "pi_1", 2000, "paid").await;
        assert_eq!(read_rows(&database, "refunds").await, ["unverified_pi_1 succeeded 2000"]);
        write_on(&database, "pi_1", 3000, "disputed").await;
        assert_eq!(read_rows(&database, "refunds").await, ["unverified_pi_1 succeeded 3000"]);
        assert_eq!(read_rows(&database, "disputes").await, ["unverified_pi_1 under_review 2000"]);
        write_on(&database, "pi_1", 3000, "refunded").await;
        assert_eq!(read_rows(&database, "disputes").await, ["unverified_pi_1 lost 2000"]);
        write_on(&database, "pi_1", 3000, "paid").await;
        assert_eq!(read_rows(&database, "disputes").await, Vec::<String>::new());
        let mut payment = list_payments(&database).await.remove(0).payment;
        assert!(!payment.note(), "nothing is new");
        assert!(payment.sums().adds_up());
    }
}
