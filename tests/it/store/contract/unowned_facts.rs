//! Tests that refunds and disputes of unknown intents are kept, and marked by the transaction that ties their intent.

use holdfast::domain::hold::Fact;
use holdfast::domain::ids::{EventId, IntentId};
use holdfast::domain::payment::Receipt;
use holdfast::store::{StateChange, Store, UnownedFact};

use super::{DONE, after, at, change, eur, paid, placed, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    fact_is_kept_once_and_reads_as_it_was,
    payment_or_link_ties_the_facts_of_its_intent,
    fact_kept_after_its_payment_is_tied,
    concurrent_payment_and_dispute_never_miss_each_other,
    old_facts_are_deleted_oldest_first,
);

fn fact(event: &str, intent: &str, minute: i64) -> UnownedFact {
    let intent = IntentId::new(intent);
    UnownedFact {
        event: EventId::new(event),
        kind: "charge.dispute.created".to_owned(),
        fact: Fact::DisputeOpened(Receipt {
            intent: intent.clone(),
            money: eur(5000),
        }),
        intent,
        reported_at: at(minute),
    }
}

async fn count_kept(database: &TestDatabase) -> i64 {
    database.count("SELECT count(*) FROM unowned_facts").await
}

async fn fact_is_kept_once_and_reads_as_it_was(database: &TestDatabase) {
    let store = database.store();
    let intent = IntentId::new("pi_x");
    let receipt = Receipt {
        intent: intent.clone(),
        money: eur(5000),
    };
    let kinds = [
        Fact::Refunded {
            paid: receipt.clone(),
            refunded: 2000,
        },
        Fact::RefundFailed(intent.clone()),
        Fact::DisputeOpened(receipt),
        Fact::DisputeClosed {
            intent: intent.clone(),
            won: true,
        },
    ];
    let mut facts = Vec::new();
    for (number, kind) in kinds.into_iter().enumerate() {
        let known = UnownedFact {
            fact: kind,
            ..fact(&format!("evt_{number}"), "pi_x", 1)
        };
        for _ in 0..2 {
            assert!(!store.keep_unowned_fact(&known).await.unwrap());
        }
        facts.push(known);
    }
    store.keep_unowned_fact(&fact("evt_y", "pi_y", 1)).await.unwrap();
    assert_eq!(store.find_unowned_facts(&intent).await.unwrap(), facts);
    store.delete_unowned_fact(&facts[0].event).await.unwrap();
    assert_eq!(store.find_unowned_facts(&intent).await.unwrap(), facts[1..]);
    assert!(store.list_tied_facts(10).await.unwrap().is_empty());
}

async fn payment_or_link_ties_the_facts_of_its_intent(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let paying = paid(&mine);
    let pays = paying.next.payments[0].intent.as_str().to_owned();
    let of_payment = fact("evt_1", &pays, 1);
    let of_link = fact("evt_2", "pi_linked", 1);
    for known in [&of_payment, &of_link, &fact("evt_3", "pi_other", 1)] {
        assert!(!store.keep_unowned_fact(known).await.unwrap());
    }
    let mine = after(&*store, &mine, paying).await;
    assert_eq!(tied(&*store).await, ["evt_1"]);
    let mut linked = paid(&mine);
    linked.next.intent = Some(IntentId::new("pi_linked"));
    after(&*store, &mine, linked).await;
    assert_eq!(tied(&*store).await, ["evt_1", "evt_2"]);
    assert_eq!(store.list_tied_facts(1).await.unwrap(), [of_payment]);
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
    assert_eq!(store.list_tied_facts(10).await.unwrap(), [late]);
}

async fn concurrent_payment_and_dispute_never_miss_each_other(database: &TestDatabase) {
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

async fn tied(store: &dyn Store) -> Vec<String> {
    let facts = store.list_tied_facts(100).await.unwrap();
    let events = facts.iter().map(|fact| fact.event.as_str().to_owned());
    events.collect()
}

async fn old_facts_are_deleted_oldest_first(database: &TestDatabase) {
    let store = database.store();
    for minute in [2, 1, 3] {
        let known = fact(&format!("evt_{minute}"), "pi_x", minute);
        store.keep_unowned_fact(&known).await.unwrap();
    }
    assert_eq!(store.delete_old_unowned_facts(at(1), 10).await.unwrap(), 0);
    assert_eq!(store.delete_old_unowned_facts(at(3), 1).await.unwrap(), 1);
    let left = store.find_unowned_facts(&IntentId::new("pi_x")).await.unwrap();
    assert_eq!(
        left.iter().map(|fact| fact.event.as_str()).collect::<Vec<_>>(),
        ["evt_2", "evt_3"]
    );
    assert_eq!(store.delete_old_unowned_facts(at(3), 10).await.unwrap(), 1);
    assert_eq!(count_kept(database).await, 1);
}
