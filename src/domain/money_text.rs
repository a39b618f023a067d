//! Writes amounts of money for people.

use super::charge_rules::THREE_DECIMALS;
use super::money::Money;

/// The currencies without decimals in Stripe's API ("Zero-decimal currencies").
const WITHOUT_DECIMALS: [&str; 16] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "mro", "pyg", "rwf", "vnd", "vuv", "xaf", "xof",
    "xpf",
];

impl Money {
    /// Returns the amount as people write it, such as `50.00 EUR`.
    pub fn to_decimal(self) -> String {
        let decimals: u32 = match self.currency.code() {
            code if WITHOUT_DECIMALS.contains(&code) => 0,
            code if THREE_DECIMALS.contains(&code) => 3,
            _ => 2,
        };
        let unit = 10_u64.pow(decimals);
        let (whole, part) = (
            self.amount.unsigned_abs() / unit,
            self.amount.unsigned_abs() % unit,
        );
        let sign = if self.amount < 0 { "-" } else { "" };
        let code = self.currency.code().to_uppercase();
        match usize::try_from(decimals).unwrap_or_default() {
            0 => format!("{sign}{whole} {code}"),
            width => format!("{sign}{whole}.{part:0width$} {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    #[test]
    fn amount_is_written_with_the_decimals_of_its_currency() {
        for (amount, code, text) in [
            (5000, "eur", "50.00 EUR"),
            (5, "eur", "0.05 EUR"),
            (-1250, "usd", "-12.50 USD"),
            (5000, "jpy", "5000 JPY"),
            (5000, "kwd", "5.000 KWD"),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(Money { amount, currency }.to_decimal(), text);
        }
    }
}
