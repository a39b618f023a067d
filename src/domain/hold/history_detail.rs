//! Reads what a history line says besides its transition: amounts, notes, times. [`TransitionReason`] and the move write the
//! sentences; this takes them apart, so that a page can say the same in another language.
//!
//! [`TransitionReason`]: super::TransitionReason

use chrono::{DateTime, Utc};

use crate::domain::money::{Currency, Money};

/// What a history line says besides its transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryDetail<'a> {
    /// A note in the words of an operator.
    Note(&'a str),
    /// An amount that an operator returned, and the note to it.
    Returned(Money, &'a str),
    /// Stripe's word for the failure of a payment.
    Failure(&'a str),
    /// The resources that serve instead of the first ones.
    Resources(&'a str),
    /// The start before a move and the one after it.
    Moved(DateTime<Utc>, DateTime<Utc>),
}

impl<'a> HistoryDetail<'a> {
    /// Reads the detail out of a line's `message`, as the transition with this `code` writes it. `None` if it has none, or has
    /// another form.
    pub fn parse(code: &str, message: &'a str) -> Option<Self> {
        match code {
            "cancelled_by_operator" => message.strip_prefix("cancelled: ").map(Self::Note),
            "refund_ordered" => {
                let rest = message.strip_prefix("a refund of ")?;
                parse_returned(rest.split_once(" is ordered: ")?)
            }
            "settled_outside" => parse_returned(message.split_once(" were settled elsewhere: ")?),
            "payment_attempt_failed" => message.strip_prefix("a payment try failed: ").map(Self::Failure),
            "late_payment_confirmed_elsewhere" => {
                let (_, resources) = message.split_once(", now with ")?;
                Some(Self::Resources(resources))
            }
            "moved" => {
                let (from, to) = message.strip_prefix("moved from ")?.split_once(" to ")?;
                Some(Self::Moved(from.parse().ok()?, to.parse().ok()?))
            }
            _ => None,
        }
    }
}

fn parse_returned<'a>((money, note): (&str, &'a str)) -> Option<HistoryDetail<'a>> {
    let (amount, currency) = money.split_once(' ')?;
    let money = Money {
        amount: amount.parse().ok()?,
        currency: Currency::parse_reported(currency)?,
    };
    Some(HistoryDetail::Returned(money, note))
}

#[cfg(test)]
mod tests {
    use super::super::fact::FailureCode;
    use super::super::transition_reason::{ReturnedMoney, TransitionReason};
    use super::*;

    fn parse(reason: &TransitionReason) -> String {
        let message = reason.to_string();
        format!("{:?}", HistoryDetail::parse(reason.code(), &message))
    }

    #[test]
    fn detail_of_each_sentence_is_read_back() {
        let money = Money {
            amount: 1250,
            currency: Currency::parse("eur").unwrap(),
        };
        let note = "too cold: 5 eur is ordered: \n <b>".to_owned();
        let returned = Box::new(ReturnedMoney {
            money,
            note: note.clone(),
        });
        let expected = format!("{:?}", Some(HistoryDetail::Returned(money, &note)));
        assert_eq!(
            parse(&TransitionReason::RefundOrdered(returned.clone())),
            expected
        );
        assert_eq!(parse(&TransitionReason::SettledOutside(returned)), expected);
        for (reason, detail) in [
            (
                TransitionReason::CancelledByOperator(Some(note.clone())),
                Some(HistoryDetail::Note(&note)),
            ),
            (TransitionReason::CancelledByOperator(None), None),
            (
                TransitionReason::TryFailed(FailureCode::new("card_declined")),
                Some(HistoryDetail::Failure("card_declined")),
            ),
            (
                TransitionReason::LatePaymentGotOthers("ana, ben".to_owned()),
                Some(HistoryDetail::Resources("ana, ben")),
            ),
            (TransitionReason::Paid, None),
        ] {
            assert_eq!(parse(&reason), format!("{detail:?}"), "{reason:?}");
        }
    }

    #[test]
    fn text_of_another_form_has_no_detail() {
        for (code, message) in [
            ("moved", "moved from here to there"),
            ("refund_ordered", "a refund of much money is ordered: why"),
            ("cancelled_by_operator", "cancelled"),
            ("other", "moved from 2026-12-01T10:00:00Z to 2026-12-01T11:00:00Z"),
        ] {
            assert_eq!(HistoryDetail::parse(code, message), None, "{message}");
        }
    }
}
