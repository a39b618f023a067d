//! Tests that merging has its three laws over the whole alphabet of snapshots, and that statuses have their ranks.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::money::Currency;

const REFUND_WORDS: [&str; 6] = [
    "unheard_of",
    "requires_action",
    "pending",
    "succeeded",
    "canceled",
    "failed",
];
const DISPUTE_WORDS: [&str; 9] = [
    "unheard_of",
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "prevented",
    "won",
    "lost",
];

fn money() -> impl Strategy<Value = Money> {
    let currency = prop::sample::select(vec!["eur", "usd"]);
    (0..4_i64, currency).prop_map(|(amount, currency)| Money {
        amount,
        currency: Currency::parse(currency).unwrap(),
    })
}

fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    (0..2_i64).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
}

fn word() -> impl Strategy<Value = Option<StripeWord>> {
    prop::option::of(prop::sample::select(vec!["a", "b"]).prop_map(StripeWord::new))
}

fn intent_id() -> impl Strategy<Value = Option<IntentId>> {
    prop::option::of(Just(IntentId::new("pi_1")))
}

fn charge_id() -> impl Strategy<Value = Option<ChargeId>> {
    prop::option::of(Just(ChargeId::new("ch_1")))
}

fn refund(id: &'static str) -> impl Strategy<Value = RefundSnapshot> {
    let status = prop::sample::select(&REFUND_WORDS[..]).prop_map(RefundStatus::from_word);
    let command = prop::option::of((1..3_u128).prop_map(|id| CommandId(Uuid::from_u128(id))));
    (
        status,
        money(),
        word(),
        command,
        intent_id(),
        charge_id(),
        instant(),
    )
        .prop_map(
            move |(status, money, failure_reason, command, intent, charge, created)| RefundSnapshot {
                status,
                money,
                failure_reason,
                command,
                intent,
                charge,
                created,
                id: RefundId::new(id),
            },
        )
}

fn dispute(id: &'static str) -> impl Strategy<Value = DisputeSnapshot> {
    let status = prop::sample::select(&DISPUTE_WORDS[..]).prop_map(DisputeStatus::from_word);
    let due_by = prop::option::of(instant());
    (
        status,
        money(),
        word(),
        due_by,
        intent_id(),
        charge_id(),
        instant(),
    )
        .prop_map(
            move |(status, money, reason, due_by, intent, charge, created)| DisputeSnapshot {
                status,
                money,
                reason,
                due_by,
                intent,
                charge,
                created,
                id: DisputeId::new(id),
            },
        )
}

fn facts() -> impl Strategy<Value = PaymentFacts> {
    let refunds = ["re_1", "re_2", "re_3"].map(|id| prop::option::of(refund(id)));
    let disputes = ["du_1", "du_2"].map(|id| prop::option::of(dispute(id)));
    (refunds, disputes).prop_map(|(refunds, disputes)| PaymentFacts {
        refunds: refunds.into_iter().flatten().map(|r| (r.id.clone(), r)).collect(),
        disputes: disputes
            .into_iter()
            .flatten()
            .map(|d| (d.id.clone(), d))
            .collect(),
    })
}

proptest! {
    #[test]
    fn merging_is_commutative(a in facts(), b in facts()) {
        prop_assert_eq!(a.clone().merge(b.clone()), b.merge(a));
    }

    #[test]
    fn merging_is_associative(a in facts(), b in facts(), c in facts()) {
        let left = a.clone().merge(b.clone()).merge(c.clone());
        prop_assert_eq!(left, a.merge(b.merge(c)));
    }

    #[test]
    fn merging_is_idempotent(a in facts(), b in facts()) {
        let merged = a.merge(b.clone());
        prop_assert_eq!(merged.clone().merge(b), merged.clone());
        prop_assert_eq!(merged.clone().merge(merged.clone()), merged);
    }

    #[test]
    fn merging_forgets_no_object(a in facts(), b in facts()) {
        let merged = a.clone().merge(b.clone());
        prop_assert!(a.refunds.keys().chain(b.refunds.keys()).all(|id| merged.refunds.contains_key(id)));
        prop_assert!(a.disputes.keys().chain(b.disputes.keys()).all(|id| merged.disputes.contains_key(id)));
    }
}

#[test]
fn status_overrules_those_before_it_in_the_list() {
    assert!(REFUND_WORDS.map(RefundStatus::from_word).is_sorted());
    assert!(DISPUTE_WORDS.map(DisputeStatus::from_word).is_sorted());
}

#[test]
fn status_keeps_stripes_word() {
    for word in REFUND_WORDS {
        assert_eq!(RefundStatus::from_word(word).as_word(), word);
    }
    for word in DISPUTE_WORDS {
        assert_eq!(DisputeStatus::from_word(word).as_word(), word);
    }
    let odd = RefundStatus::from_word("half way\0 ü");
    assert_eq!(odd, RefundStatus::Unknown(StripeWord::new("halfway")));
}
