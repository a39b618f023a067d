//! Money as Stripe counts it: an integer in the currency's minor unit, and a currency that Stripe knows.
//!
//! Holdfast never converts amounts. Which ones Stripe charges in a currency is in `charge_rules`.

use std::fmt;

/// The largest amount that Stripe accepts in one payment, in minor units (Stripe's API reference, `unit_amount`).
pub const MAX_AMOUNT: i64 = 99_999_999;

/// The presentment currencies of Stripe's list, sorted for a binary search.
const KNOWN: &[&str] = &[
    "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn", "bhd",
    "bif", "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "clp", "cny", "cop",
    "crc", "cve", "czk", "djf", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip",
    "gmd", "gnf", "gtq", "gyd", "hkd", "hnl", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "jod", "jpy",
    "kes", "kgs", "khr", "kmf", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl",
    "mga", "mkd", "mmk", "mnt", "mop", "mro", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio",
    "nok", "npr", "nzd", "omr", "pab", "pen", "pgk", "php", "pkr", "pln", "pyg", "qar", "ron", "rsd", "rub",
    "rwf", "sar", "sbd", "scr", "sek", "sgd", "shp", "sle", "sos", "srd", "std", "szl", "thb", "tjs", "tnd",
    "top", "try", "ttd", "twd", "tzs", "uah", "ugx", "usd", "uyu", "uzs", "vnd", "vuv", "wst", "xaf", "xcd",
    "xcg", "xof", "xpf", "yer", "zar", "zmw",
];

/// A currency, identified by its lower-case ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Parses a currency that a caller chose; `None` unless it is lower case and on Stripe's list.
    pub fn parse(text: &str) -> Option<Self> {
        KNOWN.binary_search(&text).ok()?;
        Self::parse_reported(text)
    }

    /// Parses a currency that Stripe reported: any three lower-case letters, because Stripe may add currencies.
    pub fn parse_reported(text: &str) -> Option<Self> {
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_lowercase).then_some(Self(code))
    }

    /// Returns the lower-case code.
    pub fn code(&self) -> &str {
        // Never falls back: every constructor checks that the bytes are ASCII letters.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money in the minor unit of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    /// Minor units: 5000 is 50.00 EUR, or 5000 JPY.
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

impl Money {
    /// Makes a price; `None` unless the amount is at least 1 and at most [`MAX_AMOUNT`].
    pub fn price(amount: i64, currency: Currency) -> Option<Self> {
        (1..=MAX_AMOUNT)
            .contains(&amount)
            .then_some(Self { amount, currency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currency_list_is_sorted_for_binary_search() {
        assert!(KNOWN.is_sorted());
    }

    #[test]
    fn currency_is_lower_case_and_known_to_stripe() {
        assert_eq!(
            Currency::parse("eur").map(|c| c.to_string()),
            Some("eur".to_owned())
        );
        for bad in ["", "EUR", "eu", "euro", "xxx", "xdr", "hrk"] {
            assert_eq!(Currency::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn price_lies_between_one_and_stripes_limit() {
        let eur = Currency::parse("eur").unwrap();
        for (amount, good) in [
            (1, true),
            (MAX_AMOUNT, true),
            (0, false),
            (-1, false),
            (MAX_AMOUNT + 1, false),
        ] {
            assert_eq!(Money::price(amount, eur).is_some(), good, "{amount}");
        }
    }
}
