//! Why Stripe refuses checkouts, as one of few words: for metrics, for the database and for `doctor`.

/// The codes of Stripe that an operator can act on, as Stripe spells them.
const STRIPES_OWN: [&str; 19] = [
    "account_closed",
    "account_invalid",
    "amount_too_large",
    "amount_too_small",
    "api_key_expired",
    "country_unsupported",
    "invalid_characters",
    "livemode_mismatch",
    "parameter_invalid_empty",
    "parameter_invalid_integer",
    "parameter_missing",
    "parameter_unknown",
    "payment_method_currency_mismatch",
    "payment_method_not_available",
    "payment_method_unactivated",
    "payment_method_unsupported_type",
    "secret_key_required",
    "testmode_charges_only",
    "url_invalid",
];

/// Why Stripe refused: Stripe's own code if it is a known one, otherwise what the refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefusalCode(&'static str);

impl RefusalCode {
    /// Classifies a refusal by its HTTP status, Stripe's code, and the parameter that Stripe names.
    pub fn classify(status: u16, code: Option<&str>, param: Option<&str>) -> Self {
        let own = STRIPES_OWN.iter().find(|own| Some(**own) == code);
        let is_about = |part: &str| param.is_some_and(|param| param.contains(part));
        Self(match own {
            Some(own) => own,
            None if status == 401 => "key_refused",
            None if status == 403 => "permission_missing",
            None if is_about("currency") => "currency",
            None if is_about("amount") => "amount",
            None if is_about("payment_method") => "payment_methods",
            None if is_about("url") => "return_url",
            None => "other",
        })
    }

    /// Tells whether what this code names stops every checkout: then a session that Stripe takes later shows that it is corrected.
    /// Other codes may be about the price, the currency, the payment methods, the images or the kind of payment page of one
    /// event type, and a session of another says nothing.
    pub fn stops_every_checkout(code: &str) -> bool {
        matches!(
            code,
            "account_closed"
                | "account_invalid"
                | "api_key_expired"
                | "key_refused"
                | "livemode_mismatch"
                | "permission_missing"
                | "secret_key_required"
                | "testmode_charges_only"
        )
    }

    /// Returns the code as one word.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_has_stripes_code_or_says_what_it_is_about() {
        for (status, code, param, expected) in [
            (400, Some("amount_too_small"), None, "amount_too_small"),
            (401, Some("api_key_expired"), None, "api_key_expired"),
            (401, None, None, "key_refused"),
            (403, Some("oauth_not_supported"), None, "permission_missing"),
            (400, None, Some("line_items[0][price_data][currency]"), "currency"),
            (
                400,
                None,
                Some("line_items[0][price_data][unit_amount]"),
                "amount",
            ),
            (
                400,
                None,
                Some("allowed_payment_method_types[0]"),
                "payment_methods",
            ),
            (400, Some("made_up"), Some("success_url"), "return_url"),
            (400, Some("made_up"), None, "other"),
            (402, None, None, "other"),
        ] {
            assert_eq!(RefusalCode::classify(status, code, param).as_str(), expected);
        }
    }
}
