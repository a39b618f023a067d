//! Lapses: how often a client kept a slot and did not pay for it, and when that is too often.

use chrono::{DateTime, Duration, Utc};

use super::hold::{ReleaseReason, Status};

/// How long a lapse counts.
pub const LAPSES_COUNT_FOR: Duration = Duration::hours(24);

/// So many holds must lapse, without a payment in between, before a client has to wait.
const MAX_LAPSES: usize = 5;

/// The hold that a guest gives back counts as lapsed if it is at least this one within an hour.
const GIVEN_BACK_AND_LAPSED: usize = 3;

/// How a hold of a client stopped being unpaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldEnd {
    /// The status that the hold has now.
    pub status: Status,
    /// When it stopped being unpaid.
    pub at: DateTime<Utc>,
}

/// Returns when the last hold lapsed, if so many lapsed since the last payment that the client has to wait.
///
/// `ends` are newest first and no older than [`LAPSES_COUNT_FOR`].
pub fn find_last_of_too_many_lapses(ends: &[HoldEnd]) -> Option<DateTime<Utc>> {
    // What ended at the instant of the payment is cleared too.
    let paid_at = ends.iter().find(|end| is_paid(end.status)).map(|end| end.at);
    let since_payment = ends.partition_point(|end| paid_at.is_none_or(|paid_at| end.at > paid_at));
    let ends = &ends[..since_payment];
    let mut lapses = (0..ends.len()).filter(|n| is_lapse(&ends[*n..]));
    let last = lapses.next()?;
    lapses.nth(MAX_LAPSES - 2).map(|_| ends[last].at)
}

/// Tells whether the first end is a lapse; the others came before it.
fn is_lapse(ends: &[HoldEnd]) -> bool {
    match ends[0].status {
        // A delayed payment that fails kept the slot as long, and for as little.
        Status::Released(ReleaseReason::Expired | ReleaseReason::PaymentFailed) => true,
        Status::Released(ReleaseReason::Guest) => {
            let hour = ends[0].at - Duration::hours(1);
            let given_back = ends.iter().take_while(|end| end.at > hour);
            let given_back = given_back.filter(|end| end.status == Status::Released(ReleaseReason::Guest));
            given_back.count() >= GIVEN_BACK_AND_LAPSED
        }
        _ => false,
    }
}

fn is_paid(status: Status) -> bool {
    match status {
        // Only a paid hold is cancelled.
        Status::Confirmed | Status::Cancelled(_) | Status::Released(ReleaseReason::LatePaymentRefunded) => {
            true
        }
        Status::Held
        | Status::Processing
        | Status::Released(
            ReleaseReason::Expired
            | ReleaseReason::Guest
            | ReleaseReason::PaymentFailed
            | ReleaseReason::Operator,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hold::CancelReason;

    const EXPIRED: Status = Status::Released(ReleaseReason::Expired);
    const FAILED: Status = Status::Released(ReleaseReason::PaymentFailed);
    const GIVEN_BACK: Status = Status::Released(ReleaseReason::Guest);
    const BY_OPERATOR: Status = Status::Released(ReleaseReason::Operator);

    fn minute(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(minute * 60, 0).unwrap()
    }

    /// Finds the minute of the last lapse, given the ends in the order of time.
    fn last_lapse(ends: &[(i64, Status)]) -> Option<i64> {
        let ends: Vec<HoldEnd> = ends
            .iter()
            .rev()
            .map(|(at, status)| HoldEnd {
                status: *status,
                at: minute(*at),
            })
            .collect();
        find_last_of_too_many_lapses(&ends).map(|at| at.timestamp() / 60)
    }

    #[test]
    fn five_lapses_without_a_payment_are_too_many() {
        let mut ends = vec![(0, EXPIRED), (30, FAILED), (60, EXPIRED), (90, EXPIRED)];
        assert_eq!(last_lapse(&ends), None);
        ends.push((120, EXPIRED));
        assert_eq!(last_lapse(&ends), Some(120));
        for not_a_lapse in [GIVEN_BACK, BY_OPERATOR] {
            ends.push((121, not_a_lapse));
            assert_eq!(last_lapse(&ends), Some(120), "neither a lapse nor a payment");
        }
        for paid in [
            Status::Confirmed,
            Status::Cancelled(CancelReason::Guest),
            Status::Released(ReleaseReason::LatePaymentRefunded),
        ] {
            let mut cleared = ends.clone();
            cleared.push((125, paid));
            cleared.push((125, EXPIRED));
            cleared.extend([126, 127, 128, 129].map(|at| (at, EXPIRED)));
            assert_eq!(last_lapse(&cleared), None, "{paid:?}");
            cleared.push((130, EXPIRED));
            assert_eq!(last_lapse(&cleared), Some(130), "{paid:?}");
        }
    }

    #[test]
    fn third_hold_given_back_within_an_hour_is_a_lapse() {
        let given_back =
            |times: &[i64]| -> Vec<(i64, Status)> { times.iter().map(|at| (*at, GIVEN_BACK)).collect() };
        assert_eq!(last_lapse(&given_back(&[0, 1, 2, 3, 4, 5])), None);
        assert_eq!(last_lapse(&given_back(&[0, 1, 2, 3, 4, 5, 6])), Some(6));
        let two_an_hour: Vec<i64> = (0..20).map(|n| 30 * n).collect();
        assert_eq!(last_lapse(&given_back(&two_an_hour)), None);
    }
}
