//! Tests that the view `payment_ledger` shows the sums that the domain derives, for any facts and decisions.

use std::collections::BTreeMap;

use holdfast::domain::ids::IntentId;
use holdfast::domain::ledger::sums::Sums;
use holdfast::domain::listing::{PageRequest, PaymentFilter};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    view_shows_the_sums_of_the_domain,
    orders_of_the_version_before_lower_what_is_kept
);

const REFUND_STATUSES: [&str; 6] = [
    "requires_action",
    "pending",
    "succeeded",
    "canceled",
    "failed",
    "new_word",
];
const DISPUTE_STATUSES: [&str; 8] = [
    "warning_needs_response",
    "warning_closed",
    "needs_response",
    "under_review",
    "prevented",
    "won",
    "lost",
    "new_word",
];
/// A page of the list of payments holds all of them.
const PAYMENTS: usize = 150;

fn time(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "0",
        Engine::Postgres => "'2026-01-01T00:00:00Z'",
    }
}

fn choose<'a>(random: &mut StdRng, words: &[&'a str]) -> &'a str {
    words[random.random_range(0..words.len())]
}

/// Adds a payment with random decisions, orders, refunds and disputes. They need not make sense together.
async fn add_payment(database: &TestDatabase, random: &mut StdRng, intent: &str) {
    let at = time(database.engine());
    let mut amount = |least: i64| random.random_range(least..3000);
    let (paid, settled, covered, reordered) = (amount(1), amount(0) / 4, amount(0) / 3, amount(0) / 3);
    let keep = [format!("{}, 'operator'", amount(0)), "NULL, NULL".to_owned()];
    let keep = &keep[random.random_range(0..2)];
    let payment = format!(
        "INSERT INTO payments (intent_id, amount, currency, refunded, state, keep, keep_reason, settled_outside, covered,
             reordered, created_at, updated_at)
         VALUES ('{intent}', {paid}, 'eur', 0, 'paid', {keep}, {settled}, {covered}, {reordered}, {at}, {at})"
    );
    database.execute(&payment).await;
    for number in 0..random.random_range(0..4) {
        let command = Uuid::from_u128(random.random());
        let done = [at, "NULL"][random.random_range(0..2)];
        let order = format!(
            "INSERT INTO commands (id, deduplication_key, kind, intent_id, amount, currency, due_at, created_at, done_at,
                 ordered_by)
             VALUES ('{command}', 'refund:{intent}:{number}', 'refund', '{intent}', {}, 'eur', {at}, {at}, {done}, 'holdfast')",
            random.random_range(1..2000)
        );
        database.execute(&order).await;
        // At times two refunds name one order.
        for _ in 0..random.random_range(0..3) {
            add_refund(database, random, intent, &format!("'{command}'")).await;
        }
    }
    for _ in 0..random.random_range(0..3) {
        add_refund(database, random, intent, "NULL").await;
    }
    for _ in 0..random.random_range(0..3) {
        let (id, status) = (
            Uuid::from_u128(random.random()),
            choose(random, &DISPUTE_STATUSES),
        );
        let dispute = format!(
            "INSERT INTO disputes (id, intent_id, amount, currency, status, created_at, seen_at)
             VALUES ('du_{id}', '{intent}', {}, 'eur', '{status}', {at}, {at})",
            random.random_range(0..2000)
        );
        database.execute(&dispute).await;
    }
}

async fn add_refund(database: &TestDatabase, random: &mut StdRng, intent: &str, command: &str) {
    let at = time(database.engine());
    let (id, status) = (Uuid::from_u128(random.random()), choose(random, &REFUND_STATUSES));
    let refund = format!(
        "INSERT INTO refunds (id, intent_id, command_id, amount, currency, status, created_at, seen_at)
         VALUES ('re_{id}', '{intent}', {command}, {}, 'eur', '{status}', {at}, {at})",
        random.random_range(0..2000)
    );
    database.execute(&refund).await;
}

async fn sums_of_the_domain(database: &TestDatabase) -> BTreeMap<IntentId, Sums> {
    let page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let listed = database
        .store()
        .list_payments(&PaymentFilter::default(), &page)
        .await
        .unwrap();
    let payments = listed.entries.into_iter().map(|listed| listed.payment);
    payments
        .map(|payment| (payment.intent.clone(), payment.sums()))
        .collect()
}

async fn sums_of_the_view(database: &TestDatabase) -> BTreeMap<IntentId, Sums> {
    let rows = "SELECT intent_id || ' ' || paid || ' ' || refunded || ' ' || refund_pending || ' ' || disputed || ' ' || lost
                    || ' ' || kept || ' ' || due_back
                FROM payment_ledger";
    let rows = database.texts(rows).await;
    let sums = rows.iter().map(|row| {
        let cells: Vec<&str> = row.split(' ').collect();
        let amount = |index: usize| cells[index].parse().unwrap();
        let sums = Sums {
            paid: amount(1),
            refunded: amount(2),
            refund_pending: amount(3),
            disputed: amount(4),
            lost: amount(5),
            kept: amount(6),
            due_back: amount(7),
        };
        (IntentId::new(cells[0]), sums)
    });
    sums.collect()
}

async fn view_shows_the_sums_of_the_domain(database: &TestDatabase) {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for number in 0..PAYMENTS {
        add_payment(database, &mut random, &format!("pi_{number}")).await;
    }
    let derived = sums_of_the_domain(database).await;
    assert_eq!(derived.len(), PAYMENTS);
    assert_eq!(sums_of_the_view(database).await, derived);
}

/// A version without the column writes an order, or keeps what is left, and leaves what this version wrote.
async fn orders_of_the_version_before_lower_what_is_kept(database: &TestDatabase) {
    let at = time(database.engine());
    let payments = format!(
        "INSERT INTO payments (intent_id, amount, currency, refunded, state, keep, keep_reason, created_at, updated_at)
         VALUES ('pi_order', 2000, 'eur', 0, 'paid', 2000, 'booking', {at}, {at}),
                ('pi_kept', 2000, 'eur', 0, 'paid', 2000, 'booking', {at}, {at})"
    );
    database.execute(&payments).await;
    let order = format!(
        "INSERT INTO commands (id, deduplication_key, kind, intent_id, amount, currency, due_at, created_at)
         VALUES ('{}', 'refund:pi_order', 'refund', 'pi_order', 1500, 'eur', {at}, {at})",
        Uuid::from_u128(1)
    );
    database.execute(&order).await;
    database
        .execute("UPDATE payments SET state = 'kept' WHERE intent_id = 'pi_kept'")
        .await;
    let sums = sums_of_the_domain(database).await;
    let ordered = sums[&IntentId::new("pi_order")];
    assert_eq!((ordered.kept, ordered.refund_pending), (500, 1500));
    assert!(ordered.adds_up());
    let forgotten = "SELECT count(*) FROM payments WHERE keep IS NULL AND keep_reason IS NULL";
    assert_eq!(database.count(forgotten).await, 2);
}
