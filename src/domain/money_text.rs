//! Writes amounts of money for people, and reads what people write.

use super::charge_rules::THREE_DECIMALS;
use super::money::{Currency, Money};

/// The currencies without decimals in Stripe's API ("Zero-decimal currencies").
const WITHOUT_DECIMALS: [&str; 16] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "mro", "pyg", "rwf", "vnd", "vuv", "xaf", "xof",
    "xpf",
];

impl Currency {
    /// Returns how many decimals an amount has.
    pub fn decimals(self) -> u32 {
        match self.code() {
            code if WITHOUT_DECIMALS.contains(&code) => 0,
            code if THREE_DECIMALS.contains(&code) => 3,
            _ => 2,
        }
    }
}

impl Money {
    /// Reads an amount as people write it without its currency, such as `50`, `50.00` or `50,5`. `None` if it is anything else:
    /// separators of thousands can be mistaken for decimals. With three decimals only `sign`, that of the reader's language, begins
    /// them: `1,250` is a thousand and more to one reader, and little more than one to another.
    pub fn parse_decimal(text: &str, currency: Currency, sign: char) -> Option<Self> {
        let (whole, part) = text.trim().split_once(['.', ',']).unwrap_or((text.trim(), ""));
        let decimals = usize::try_from(currency.decimals()).ok()?;
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let has_part = text.contains(['.', ',']);
        if whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > decimals {
            return None;
        }
        if has_part && part.is_empty() {
            return None;
        }
        if has_part && decimals == 3 && !text.contains(sign) {
            return None;
        }
        let amount = format!("{whole}{part:0<decimals$}").parse().ok()?;
        Some(Self { amount, currency })
    }

    /// Returns the amount as people write it, such as `50.00 EUR`.
    pub fn to_decimal(self) -> String {
        let decimals = self.currency.decimals();
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

    #[test]
    fn amount_of_a_person_is_read_or_refused() {
        for (text, code, amount) in [
            ("50", "eur", Some(5000)),
            (" 50,5 ", "eur", Some(5050)),
            ("0.05", "usd", Some(5)),
            ("5000", "jpy", Some(5000)),
            ("5.125", "kwd", Some(5125)),
            ("1.250", "eur", None),
            ("1.250,00", "eur", None),
            ("50.0", "jpy", None),
            ("50.", "eur", None),
            (".5", "eur", None),
            ("-5", "eur", None),
            ("1e3", "eur", None),
            ("٥", "eur", None),
            ("", "eur", None),
            ("99999999999999999999", "eur", None),
        ] {
            let currency = Currency::parse(code).unwrap();
            let read = Money::parse_decimal(text, currency, '.');
            assert_eq!(read.map(|money| money.amount), amount, "{text} {code}");
        }
    }

    #[test]
    fn three_decimals_follow_the_sign_of_the_language() {
        let kwd = Currency::parse("kwd").unwrap();
        for (text, sign, amount) in [
            ("1.250", '.', Some(1250)),
            ("1,250", '.', None),
            ("1,2", '.', None),
            ("1,250", ',', Some(1250)),
            ("1.250", ',', None),
            ("1250", ',', Some(1_250_000)),
        ] {
            let read = Money::parse_decimal(text, kwd, sign);
            assert_eq!(read.map(|money| money.amount), amount, "{text} {sign}");
        }
    }

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
