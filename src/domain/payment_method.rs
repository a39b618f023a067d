//! The ways to pay that a shop allows, by Stripe's names for them.

/// Names a Stripe payment method, such as `card`. Which names exist is left to Stripe, whose list grows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentMethod(String);

impl PaymentMethod {
    /// Checks a name that a caller chose; `None` unless it is 1 to 40 characters of `a-z`, `0-9` and `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        (is_plain && (1..=40).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// Returns the name as Stripe spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
