//! Discounts and taxes of a session: what a promotion code takes off, and what Stripe Tax adds.
//!
//! There are no coupons to make. A code says itself what it takes off: `OFF20` is 20 percent, `OFF100` the whole price. The
//! tax is always 20 percent, so that tests know it.

use super::account_state::AccountState;
use super::control_error::ControlError;
use super::currencies;
use super::objects::{PaymentStatus, Session, SessionStatus};

/// The rate of all taxes, in percent.
const TAX_PERCENT: i64 = 20;

impl Session {
    /// What the guest has to pay: the price less discount, with the tax that does not belong to it.
    pub(super) fn amount_total(&self) -> i64 {
        let left = self.params.amount_subtotal - self.discount;
        match self.params.page.has_inclusive_tax {
            true => left,
            false => left + self.tax,
        }
    }

    /// Computes the tax, as Stripe does once it knows where the guest lives.
    pub(super) fn compute_tax(&mut self) {
        if !self.params.page.automatic_tax {
            return;
        }
        let left = self.params.amount_subtotal - self.discount;
        let tax = match self.params.page.has_inclusive_tax {
            true => left - left * 100 / (100 + TAX_PERCENT),
            false => left * TAX_PERCENT / 100,
        };
        self.tax = self.round_down(tax);
    }

    /// Rounds to an amount that can be charged in the currency of the session.
    fn round_down(&self, amount: i64) -> i64 {
        amount - amount % currencies::charge_step(&self.params.currency)
    }
}

/// Applies a promotion code to an open session, in place of an earlier one. A code that leaves less than the least charge is
/// refused.
pub(super) fn apply_promotion_code(
    state: &mut AccountState,
    session: &str,
    code: &str,
) -> Result<(), ControlError> {
    let found = state
        .sessions
        .get_mut(session)
        .ok_or(ControlError::NoSuchSession)?;
    if found.status != SessionStatus::Open {
        return Err(ControlError::NotPayable(found.status.as_str()));
    }
    let percent = parse_code(code).filter(|_| found.params.page.allow_promotion_codes);
    let percent = percent.ok_or_else(|| ControlError::Malformed("This code is invalid.".to_owned()))?;
    let subtotal = found.params.amount_subtotal;
    let discount = found.round_down(subtotal.saturating_mul(percent) / 100);
    let left = subtotal - discount;
    if (1..currencies::minimum_charge(&found.params.currency)).contains(&left) {
        return Err(ControlError::Refused(
            "This code leaves too little to charge.".to_owned(),
        ));
    }
    // The tax of what is left is computed when the guest pays.
    (found.discount, found.tax) = (discount, 0);
    found.payment_status = match left {
        0 => PaymentStatus::NoPaymentRequired,
        _ => PaymentStatus::Unpaid,
    };
    Ok(())
}

fn parse_code(code: &str) -> Option<i64> {
    let percent = code.trim().to_uppercase().strip_prefix("OFF")?.parse().ok()?;
    (1..=100).contains(&percent).then_some(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_says_what_it_takes_off() {
        assert_eq!(parse_code("OFF20"), Some(20));
        assert_eq!(parse_code(" off100 "), Some(100));
        for unknown in ["", "OFF", "OFF0", "OFF101", "OFF-1", "20", "OFF2x"] {
            assert_eq!(parse_code(unknown), None, "{unknown}");
        }
    }
}
