//! Tests that reports of refunded charges of unknown intents are kept, and marked by the transaction that ties their intent.

use holdfast::domain::ids::{EventId, IntentId};
use holdfast::store::{StateChange, Store, UnownedFact};

use super::{DONE, after, at, change, eur, paid, placed, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    fact_is_kept_once_until_it_is_deleted,
    payment_or_link_ties_the_facts_of_its_intent,
    fact_kept_after_its_payment_is_tied,
    concurrent_payment_and_refund_never_miss_each_other,
    old_facts_are_deleted_oldest_first,
);

fn fact(event: &str, intent: &str, minute: i64) -> UnownedFact {
    UnownedFact {
        event: EventId::new(event),
        kind: "charge.refunded".to_owned(),
        intent: IntentId::new(intent),
        paid: eur(5000),
        refunded: 2000,
        reported_at: at(minute),
    }
}

async fn count_kept(database: &TestDatabase) -> i64 {
    database.count("SELECT count(*) FROM unowned_facts").await
}

/// Returns the events of the facts that are kept of an intent.
async fn kept(store: &dyn Store, intent: &str) -> Vec<String> {
    let events = store.find_unowned_facts(&IntentId::new(intent)).await.unwrap();
    events.iter().map(|event| event.as_str().to_owned()).collect()
}

/// Returns the intents of the facts that are a hold's.
async fn tied(store: &dyn Store) -> Vec<String> {
    let intents = store.list_tied_facts(100).await.unwrap();
    intents.iter().map(|intent| intent.as_str().to_owned()).collect()
}

async fn fact_is_kept_once_until_it_is_deleted(database: &TestDatabase) {
    let store = database.store();
    for event in ["evt_1", "evt_2"] {
        for _ in 0..2 {
            assert!(!store.keep_unowned_fact(&fact(event, "pi_x", 1)).await.unwrap());
        }
    }
    store.keep_unowned_fact(&fact("evt_y", "pi_y", 1)).await.unwrap();
    assert_eq!(kept(&*store, "pi_x").await, ["evt_1", "evt_2"]);
    store.delete_unowned_fact(&EventId::new("evt_1")).await.unwrap();
    assert_eq!(kept(&*store, "pi_x").await, ["evt_2"]);
    assert!(tied(&*store).await.is_empty());
}

async fn payment_or_link_ties_the_facts_of_its_intent(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let paying = paid(&mine);
    let pays = paying.next.payments[0].intent.as_str().to_owned();
    for known in [
        &fact("evt_1", &pays, 1),
        &fact("evt_2", "pi_linked", 1),
        &fact("evt_3", "pi_other", 1),
    ] {
        assert!(!store.keep_unowned_fact(known).await.unwrap());
    }
    let mine = after(&*store, &mine, paying).await;
    assert_eq!(tied(&*store).await, [&*pays]);
    let mut linked = paid(&mine);
    linked.next.intent = Some(IntentId::new("pi_linked"));
    after(&*store, &mine, linked).await;
    assert_eq!(tied(&*store).await, [&*pays, "pi_linked"]);
    assert_eq!(store.list_tied_facts(1).await.unwrap(), [IntentId::new(pays)]);
}

async fn fact_kept_after_its_payment_is_tied(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let paying = paid(&mine);
    let late = fact("evt_1", paying.next.payments[0].intent.as_str(), 1);
    after(&*store, &mine, paying).await;
    for _ in 0..2 {
        assert!(store.keep_unowned_fact(&late).await.unwrap());
    }
    assert_eq!(store.list_tied_facts(10).await.unwrap(), [late.intent]);
}

async fn concurrent_payment_and_refund_never_miss_each_other(database: &TestDatabase) {
    let store = database.store();
    for number in 0..20 {
        let mine = placed(&*store, with_ana(30 * number, 30 * number + 30)).await;
        let mut paying = paid(&mine);
        let intent = format!("pi_{number}");
        paying.next.payments[0].intent = IntentId::new(&intent);
        paying.next.intent = None;
        let written = change(&mine, StateChange::Transition(paying));
        let early = fact(&format!("evt_{number}"), &intent, 1);
        let (payment, kept) = tokio::join!(store.apply_change(&written), store.keep_unowned_fact(&early));
        assert_eq!(payment.unwrap(), DONE);
        kept.unwrap();
        assert_eq!(
            tied(&*store).await.len(),
            usize::try_from(number).unwrap() + 1,
            "a fact is lost"
        );
    }
}

async fn old_facts_are_deleted_oldest_first(database: &TestDatabase) {
    let store = database.store();
    for minute in [2, 1, 3] {
        let known = fact(&format!("evt_{minute}"), "pi_x", minute);
        store.keep_unowned_fact(&known).await.unwrap();
    }
    assert_eq!(store.delete_old_unowned_facts(at(1), 10).await.unwrap(), 0);
    assert_eq!(store.delete_old_unowned_facts(at(3), 1).await.unwrap(), 1);
    assert_eq!(kept(&*store, "pi_x").await, ["evt_2", "evt_3"]);
    assert_eq!(store.delete_old_unowned_facts(at(3), 10).await.unwrap(), 1);
    assert_eq!(count_kept(database).await, 1);
}
