//! What Stripe charges at all in a currency: from its least amount on, and in whole steps.
//!
//! The tables are Stripe's ("Supported currencies": minimum charge amounts, special cases, three-decimal currencies). The
//! least amount is that of the currency of the account: what Stripe converts must be as much after the conversion, and
//! then Stripe alone can tell.

use std::fmt;

use super::money::{Currency, Money};

/// The least amounts, in the minor unit, sorted by currency for a binary search.
const MINIMUMS: &[(&str, i64)] = &[
    ("aed", 200),
    ("ars", 50),
    ("aud", 50),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("cop", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("idr", 50),
    ("ils", 50),
    ("inr", 50),
    ("jpy", 50),
    ("krw", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("php", 50),
    ("pln", 200),
    ("ron", 200),
    ("rub", 50),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
    ("usd", 50),
    ("zar", 50),
];

/// The currencies that have two decimals in Stripe's API and none in life. Stripe charges no fractions of ISK and UGX, and
/// pays out no fractions of HUF and TWD.
const WHOLE_UNITS: [&str; 4] = ["huf", "isk", "twd", "ugx"];

/// The currencies with three decimals. The last digit must be 0, because card networks have two decimals.
pub(super) const THREE_DECIMALS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// Why Stripe does not charge an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeFault {
    /// The amount is below the least one that Stripe charges.
    BelowMinimum {
        /// The least amount, in the minor unit.
        minimum: i64,
        /// The currency of both amounts.
        currency: Currency,
    },
    /// The amount is a fraction that the currency does not have.
    Fraction {
        /// The amount must be a multiple of this one, in the minor unit.
        step: i64,
        /// The currency of both amounts.
        currency: Currency,
    },
}

impl fmt::Display for ChargeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BelowMinimum { minimum, currency } => {
                write!(
                    f,
                    "must be at least {minimum} in {currency}: Stripe charges no less"
                )
            }
            Self::Fraction { step, currency } => {
                write!(
                    f,
                    "must be a multiple of {step} in {currency}: Stripe charges no smaller fractions"
                )
            }
        }
    }
}

impl Currency {
    /// Returns the smallest step of amounts that Stripe moves in this currency, in the minor unit.
    pub fn charge_step(self) -> i64 {
        match self.code() {
            code if WHOLE_UNITS.contains(&code) => 100,
            code if THREE_DECIMALS.contains(&code) => 10,
            _ => 1,
        }
    }
}

impl Money {
    /// Checks that Stripe charges this amount, as far as its published tables tell.
    ///
    /// # Errors
    /// [`ChargeFault`] if Stripe refuses the amount.
    pub fn check_charge(self) -> Result<(), ChargeFault> {
        let currency = self.currency;
        let step = currency.charge_step();
        if self.amount % step != 0 {
            return Err(ChargeFault::Fraction { step, currency });
        }
        let found = MINIMUMS.binary_search_by_key(&currency.code(), |(code, _)| code);
        match found.map(|at| MINIMUMS[at].1) {
            Ok(minimum) if self.amount < minimum => Err(ChargeFault::BelowMinimum { minimum, currency }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(amount: i64, code: &str) -> Result<(), ChargeFault> {
        let currency = Currency::parse(code).unwrap_or_else(|| panic!("{code} is unknown"));
        Money { amount, currency }.check_charge()
    }

    #[test]
    fn minimums_are_sorted_for_binary_search() {
        assert!(MINIMUMS.is_sorted_by_key(|(code, _)| code));
    }

    #[test]
    fn every_minimum_is_the_least_amount() {
        for (code, minimum) in MINIMUMS {
            assert_eq!(check(*minimum, code), Ok(()), "{code}");
            assert!(check(minimum - 1, code).is_err(), "{code}");
        }
        for (amount, code) in [(49, "usd"), (1, "eur"), (29, "gbp"), (49, "krw"), (17_400, "huf")] {
            let fault = check(amount, code).unwrap_err();
            assert!(
                matches!(fault, ChargeFault::BelowMinimum { .. }),
                "{amount} {code}"
            );
        }
        assert_eq!(check(1, "clp"), Ok(()), "Stripe publishes no minimum");
    }

    #[test]
    fn fractions_that_stripe_does_not_charge_are_refused() {
        for (amount, code, good) in [
            (5000, "isk", true),
            (5050, "isk", false),
            (17_550, "huf", false),
            (20_000, "huf", true),
            (10_001, "twd", false),
            (10_000, "twd", true),
            (5099, "ugx", false),
            (5100, "ugx", true),
            (5120, "kwd", true),
            (5124, "kwd", false),
            (5120, "bhd", true),
            (5125, "bhd", false),
            (10, "jod", true),
            (11, "omr", false),
            (1_001, "tnd", false),
            (501, "jpy", true),
            (1_001, "krw", true),
            (51, "eur", true),
        ] {
            assert_eq!(check(amount, code).is_ok(), good, "{amount} {code}");
        }
        assert_eq!(
            check(5124, "kwd").unwrap_err().to_string(),
            "must be a multiple of 10 in kwd: Stripe charges no smaller fractions"
        );
    }
}
