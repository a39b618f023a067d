//! Returning money at an operator's request without cancelling: of a booking that stays, or what is due back because its
//! refund failed. A request is no fact, so it is not in the state table.
//!
//! What is due back goes first: the shop must return it anyway. The hold's status stays.

use super::state::{Hold, Status};
use super::transition::Transition;
use super::transition_reason::{ReturnedMoney, TransitionReason};
use crate::domain::command::CommandAction;
use crate::domain::ledger::decisions::KeepReason;
use crate::domain::money::Money;
use crate::domain::payment::Payment;

/// How an operator returns money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnWay {
    /// By a refund at Stripe, which is ordered now.
    Refund,
    /// Elsewhere, such as in cash: only what is due back.
    Outside,
}

/// Why money is not returned: only so many minor units can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at most {0} can go back")]
pub struct TooMuchToReturn(pub i64);

/// Why money is not returned as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReturnFault {
    /// Less can be returned.
    #[error(transparent)]
    TooMuch(#[from] TooMuchToReturn),
    /// The refund is a fraction that Stripe does not move: it must be a multiple of this many minor units.
    #[error("must be a multiple of {0}: Stripe refunds no smaller fractions")]
    Fraction(i64),
}

/// Checks that Stripe refunds an amount of the hold's currency. What is settled elsewhere may be any amount, and all that is left
/// may be a fraction: a discount or a tax has left it, and Stripe took it.
///
/// # Errors
/// [`ReturnFault::Fraction`] if the amount is a part, and no multiple of the currency's step.
pub fn check_return_step(hold: &Hold, amount: i64, way: ReturnWay) -> Result<(), ReturnFault> {
    let step = hold.ledger_currency().charge_step();
    if way == ReturnWay::Refund && amount % step != 0 && amount != find_most_returnable(hold, way) {
        return Err(ReturnFault::Fraction(step));
    }
    Ok(())
}

/// Returns so many minor units of a hold's money: at most what is neither back nor on its way.
///
/// # Errors
/// [`TooMuchToReturn`] if less can be returned.
pub fn return_money(
    hold: &Hold,
    amount: i64,
    way: ReturnWay,
    note: String,
) -> Result<Transition, TooMuchToReturn> {
    // What a hold without a slot keeps was decided when it ended.
    let is_open = way == ReturnWay::Refund && hold.status == Status::Confirmed;
    let currency = hold.ledger_currency();
    let mut next = hold.clone();
    let mut payments: Vec<&mut Payment> = next
        .payments
        .iter_mut()
        .filter(|payment| payment.money.currency == currency)
        .collect();
    let mut left = amount;
    let dues: Vec<i64> = payments
        .iter()
        .map(|payment| take(&mut left, payment.reorderable()))
        .collect();
    let mut commands = Vec::new();
    for (payment, due) in payments.iter_mut().zip(dues) {
        let more = take(&mut left, if is_open { payment.refundable() } else { 0 });
        match way {
            ReturnWay::Refund if due + more > 0 => commands.push(order_refund(payment, due, more)),
            ReturnWay::Outside if due > 0 => payment.settle_outside(due),
            ReturnWay::Refund | ReturnWay::Outside => {}
        }
    }
    if left > 0 {
        return Err(TooMuchToReturn(amount - left));
    }
    let money = Money { amount, currency };
    let returned = Box::new(ReturnedMoney { money, note });
    let reason = match way {
        ReturnWay::Refund => TransitionReason::RefundOrdered(returned),
        ReturnWay::Outside => TransitionReason::SettledOutside(returned),
    };
    Ok(Transition {
        next,
        commands,
        reason,
    })
}

/// Returns how many minor units of a hold's money can be returned this way at most.
pub fn find_most_returnable(hold: &Hold, way: ReturnWay) -> i64 {
    // The rule itself says how much there is, when more is asked of it than any hold has.
    match return_money(hold, i64::MAX, way, String::new()) {
        Ok(_) => i64::MAX,
        Err(TooMuchToReturn(most)) => most,
    }
}

/// Takes as much as there is out of what is left, and returns it.
fn take(left: &mut i64, available: i64) -> i64 {
    let taken = available.min(*left);
    *left -= taken;
    taken
}

/// Orders the refund of a payment. If it takes all that is left, the booking stays for nothing, whichever refund is made last.
fn order_refund(payment: &mut Payment, due: i64, more: i64) -> CommandAction {
    let command = payment.order_anew(due, more);
    if payment.decisions.reason == KeepReason::Booking && payment.refundable() == 0 {
        payment.decisions.reason = KeepReason::Goodwill;
        payment.note();
    }
    command
}

#[cfg(test)]
mod tests {
    use super::super::state::CancelReason;
    use super::super::tests::{eur, hold, receipt, refund};
    use super::super::{Decision, Fact, HoldPolicy, decide};
    use super::*;
    use crate::domain::ids::{CommandId, IntentId};
    use crate::domain::ledger::decisions::Decisions;
    use crate::domain::ledger::snapshots::{PaymentFacts, RefundSnapshot};
    use crate::domain::money::Currency;
    use crate::domain::payment::PaymentState;

    const PRICE: i64 = 5000;

    fn confirmed() -> Hold {
        hold(Status::Confirmed, Some(PaymentState::Paid))
    }

    fn returned(hold: &Hold, amount: i64, way: ReturnWay) -> Result<Hold, TooMuchToReturn> {
        let step = return_money(hold, amount, way, "the heating failed".to_owned())?;
        let ordered: i64 = step.commands.iter().map(amount_of).sum();
        assert_eq!(ordered, if way == ReturnWay::Refund { amount } else { 0 });
        assert_eq!(step.next.status, hold.status);
        let mut next = step.next;
        name_orders(&mut next);
        assert!(next.payments.iter().all(|payment| payment.sums().adds_up()));
        Ok(next)
    }

    fn amount_of(command: &CommandAction) -> i64 {
        match command {
            CommandAction::Refund { money, .. } => money.amount,
            CommandAction::ExpireSession(_) => panic!("no session is to be expired"),
        }
    }

    /// Gives the orders their commands, as the store does.
    fn name_orders(hold: &mut Hold) {
        for payment in &mut hold.payments {
            for (number, order) in (1..).zip(&mut payment.decisions.orders) {
                order.command.get_or_insert(command(number));
            }
        }
    }

    fn command(number: u128) -> CommandId {
        CommandId(uuid::Uuid::from_u128(number))
    }

    /// Lets Stripe report these facts about the first payment.
    fn report(hold: &mut Hold, facts: PaymentFacts) -> Decision {
        let payment = &mut hold.payments[0];
        payment.facts = payment.facts.clone().merge(facts);
        decide(
            hold,
            &Fact::MoneyMoved(IntentId::new("pi_1")),
            HoldPolicy::default(),
        )
    }

    fn reported(hold: &Hold, facts: PaymentFacts) -> Hold {
        let mut next = hold.clone();
        match report(&mut next, facts) {
            Decision::Change(step) => step.next,
            other => panic!("{other:?}"),
        }
    }

    fn failed_refund_of(hold: &Hold, amount: i64) -> Hold {
        let ordered = returned(hold, amount, ReturnWay::Refund).unwrap();
        reported(&ordered, refund("failed", amount, Some(command(1))))
    }

    #[test]
    fn booking_that_stays_returns_at_most_its_money() {
        let next = returned(&confirmed(), 2000, ReturnWay::Refund).unwrap();
        let sums = next.payments[0].sums();
        assert_eq!((sums.kept, sums.refund_pending), (3000, 2000));
        assert_eq!(find_most_returnable(&next, ReturnWay::Refund), 3000);
        assert_eq!(find_most_returnable(&next, ReturnWay::Outside), 0);
        let more = |amount| returned(&next, amount, ReturnWay::Refund).err();
        assert_eq!((more(3001), more(3000)), (Some(TooMuchToReturn(3000)), None));
        assert_eq!(
            returned(&next, 1, ReturnWay::Outside).err(),
            Some(TooMuchToReturn(0))
        );
    }

    #[test]
    fn all_that_is_left_may_be_a_fraction() {
        let mut hold = confirmed();
        let currency = Currency::parse("huf").unwrap();
        hold.price.currency = currency;
        hold.payments[0].money = Money {
            amount: 5025,
            currency,
        };
        hold.payments[0].decisions = Decisions::keep_for_booking(5025);
        let check = |hold: &Hold, amount| check_return_step(hold, amount, ReturnWay::Refund);
        for part in [25, 5020] {
            assert_eq!(check(&hold, part), Err(ReturnFault::Fraction(100)), "{part}");
        }
        assert_eq!((check(&hold, 5000), check(&hold, 5025)), (Ok(()), Ok(())));
        let rest = returned(&hold, 5000, ReturnWay::Refund).unwrap();
        assert_eq!(check(&rest, 25), Ok(()));
    }

    #[test]
    fn refund_ordered_here_never_cancels() {
        let all = returned(&confirmed(), PRICE, ReturnWay::Refund).unwrap();
        assert_eq!(all.payments[0].state, PaymentState::Paid, "until it is back");
        let back = reported(&all, refund("succeeded", PRICE, Some(command(1))));
        let payment = &back.payments[0];
        assert_eq!(
            (back.status, payment.state),
            (Status::Confirmed, PaymentState::Refunded)
        );
        // It fails, and a person makes it by hand.
        let failed = reported(&all, refund("failed", PRICE, Some(command(1))));
        assert_eq!(failed.payments[0].state, PaymentState::RefundFailed);
        let by_hand = reported(&failed, refund("succeeded", PRICE, None));
        assert_eq!(by_hand.status, Status::Confirmed);
        // It completes what a person began.
        let begun = reported(&confirmed(), refund("succeeded", 3000, None));
        let rest = returned(&begun, 2000, ReturnWay::Refund).unwrap();
        let completed = reported(&rest, refund("succeeded", 2000, Some(command(1))));
        assert_eq!(completed.status, Status::Confirmed);
    }

    #[test]
    fn refund_by_hand_that_completes_the_sum_cancels() {
        let part = returned(&confirmed(), 2000, ReturnWay::Refund).unwrap();
        let part = reported(&part, refund("succeeded", 2000, Some(command(1))));
        let rest = reported(&part, refund("succeeded", 3000, None));
        assert_eq!(rest.status, Status::Cancelled(CancelReason::Refunded));
        // The booking is over, so what comes back of that refund is not the shop's.
        let failed = reported(&rest, refund("failed", 3000, None));
        assert_eq!(failed.status, Status::Cancelled(CancelReason::Refunded));
        let sums = failed.payments[0].sums();
        assert_eq!((sums.due_back, sums.kept, sums.refunded), (3000, 0, 2000));
    }

    #[test]
    fn failed_refund_is_ordered_anew_once() {
        let cancelled = Hold {
            status: Status::Cancelled(CancelReason::Operator),
            ..failed_refund_of(&confirmed(), 2000)
        };
        let most = Some(TooMuchToReturn(2000));
        assert_eq!(
            returned(&cancelled, 2001, ReturnWay::Refund).err(),
            most,
            "the rest is kept"
        );
        let again = returned(&cancelled, 2000, ReturnWay::Refund).unwrap();
        let sums = again.payments[0].sums();
        assert_eq!((sums.due_back, sums.refund_pending, sums.kept), (0, 2000, 3000));
        assert_eq!(
            returned(&again, 1, ReturnWay::Refund).err(),
            Some(TooMuchToReturn(0))
        );
        let mut facts = refund("failed", 2000, Some(command(2)));
        facts = rename(facts, "re_second");
        let twice = reported(&again, facts);
        assert_eq!(twice.payments[0].sums().due_back, 2000);
        let third = returned(&twice, 2000, ReturnWay::Refund).unwrap();
        let back = reported(
            &third,
            rename(refund("succeeded", 2000, Some(command(3))), "re_third"),
        );
        let sums = back.payments[0].sums();
        assert_eq!((sums.due_back, sums.refunded, sums.kept), (0, 2000, 3000));
        assert!(sums.adds_up());
    }

    fn rename(facts: PaymentFacts, id: &str) -> PaymentFacts {
        let id = crate::domain::ids::RefundId::new(id);
        let refunds = facts.refunds.into_values().map(|refund| {
            let id = id.clone();
            (id.clone(), RefundSnapshot { id, ..refund })
        });
        PaymentFacts {
            refunds: refunds.collect(),
            ..PaymentFacts::default()
        }
    }

    #[test]
    fn what_was_settled_elsewhere_is_not_returned_again() {
        let failed = failed_refund_of(&confirmed(), 2000);
        let settled = returned(&failed, 2000, ReturnWay::Outside).unwrap();
        let sums = settled.payments[0].sums();
        assert_eq!((sums.due_back, sums.kept), (0, PRICE), "the shop has it");
        assert_eq!(
            returned(&settled, 3001, ReturnWay::Refund).err(),
            Some(TooMuchToReturn(3000))
        );
    }

    #[test]
    fn due_money_of_any_payment_goes_first() {
        let mut hold = confirmed();
        let mut second = receipt("pi_2").to_payment(PaymentFacts::default());
        second.give_back();
        second.decisions.orders[0].is_done = true;
        second.note();
        hold.payments.push(second);
        let next = returned(&hold, 6000, ReturnWay::Refund).unwrap();
        let sums: Vec<_> = next.payments.iter().map(|payment| payment.sums()).collect();
        assert_eq!((sums[0].kept, sums[1].due_back), (4000, 0));
        assert_eq!(eur(6000).amount, sums[0].refund_pending + sums[1].refund_pending);
    }
}
