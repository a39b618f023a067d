//! What an event type asks of Stripe's payment page beyond the price: promotion codes, tax, an invoice, and more.
//!
//! What is left out is not sent, so that Stripe and the account decide. The options of a checkout are part of its terms: a
//! change of the event type changes no session that was requested before it.

/// The longest suffix that Stripe takes. Beside the account's own name, 22 characters are all that a statement has.
pub const MAX_STATEMENT_SUFFIX: usize = 22;

/// The most images that Stripe shows.
pub const MAX_IMAGES: usize = 8;

/// The options of Stripe's payment page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CheckoutOptions {
    /// Whether the guest may enter promotion codes of the account.
    pub promotion_codes: bool,
    /// Whether Stripe computes taxes.
    pub automatic_tax: bool,
    /// Whether the price contains the tax; if `None`, the account's default decides.
    pub tax_behavior: Option<TaxBehavior>,
    /// What is sold, for the tax; if `None`, the account's default decides.
    pub tax_code: Option<TaxCode>,
    /// Whether the guest must give a phone number.
    pub phone: bool,
    /// Whether the guest must give an address.
    pub billing_address: BillingAddress,
    /// Whether the guest must accept the terms of the account.
    pub terms_consent: bool,
    /// What a bank statement shows after the account's own name.
    pub statement_descriptor_suffix: Option<StatementSuffix>,
    /// What the button says.
    pub submit_type: SubmitType,
    /// Whether Stripe makes an invoice.
    pub invoice: bool,
    /// The URLs of the images that the page shows.
    pub images: Vec<String>,
}

/// Stripe has no value with this word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {0}")]
pub struct UnknownWord(String);

/// Defines an enumeration by Stripe's words for its values.
macro_rules! stripe_words {
    ($(#[$docs:meta])* $name:ident { $($(#[$variant_docs:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_docs])* $variant,)*
        }

        impl $name {
            /// Returns Stripe's word for the value.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Finds the value of a word.
            ///
            /// # Errors
            /// [`UnknownWord`] if Stripe has no such value.
            pub fn parse(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownWord([$($word),*].join(", "))),
                }
            }
        }
    };
}

stripe_words! {
    /// Whether a price contains the tax.
    TaxBehavior {
        /// The tax comes on top of the price.
        Exclusive = "exclusive",
        /// The price contains the tax.
        Inclusive = "inclusive",
    }
}

stripe_words! {
    /// Whether the guest is asked for an address.
    BillingAddress {
        /// Stripe asks for it if the payment or the tax needs it.
        Auto = "auto",
        /// The guest must give it.
        Required = "required",
    }
}

stripe_words! {
    /// What the button of the payment page says.
    SubmitType {
        /// Stripe chooses the word.
        Auto = "auto",
        /// It says that the guest books.
        Book = "book",
        /// It says that the guest pays.
        Pay = "pay",
        /// It says that the guest donates.
        Donate = "donate",
    }
}

#[expect(clippy::derivable_impls, reason = "the enumeration is made by a macro")]
impl Default for BillingAddress {
    fn default() -> Self {
        Self::Auto
    }
}

#[expect(clippy::derivable_impls, reason = "the enumeration is made by a macro")]
impl Default for SubmitType {
    fn default() -> Self {
        Self::Auto
    }
}

/// What a bank statement shows after the account's own name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StatementSuffix(String);

impl StatementSuffix {
    /// Checks a suffix by Stripe's rules.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        // Stripe takes Latin characters only, and none of those that cards and banks give a meaning.
        let is_allowed =
            |c: char| matches!(c, ' '..='~') && !matches!(c, '<' | '>' | '\\' | '\'' | '"' | '*');
        if !(1..=MAX_STATEMENT_SUFFIX).contains(&text.chars().count()) || !text.chars().all(is_allowed) {
            return Err("must be 1 to 22 Latin characters without < > \\ ' \" *");
        }
        if !text.contains(|c: char| c.is_ascii_alphabetic()) {
            return Err("must have a letter");
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the suffix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Stripe's code for what is sold, such as `txcd_20030000` for general services.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaxCode(String);

impl TaxCode {
    /// Checks the form of a code. Which codes exist is left to Stripe.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = text.strip_prefix("txcd_").unwrap_or_default();
        match digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()) {
            true => Ok(Self(text.to_owned())),
            false => Err("must be a tax code of Stripe, such as txcd_20030000"),
        }
    }

    /// Returns the code as Stripe writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CheckoutOptions {
    /// Tells whether nothing is asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_suffix_follows_stripes_rules() {
        for good in ["YOGA", "a", " Kurs 12/2 ", "ABCDEFGHIJKLMNOPQRSTUV"] {
            assert_eq!(StatementSuffix::parse(good).unwrap().as_str(), good.trim());
        }
        let long = "A".repeat(23);
        for bad in [
            "", " ", "123", "12-34", &long, "a*b", "a<b", "a>b", "a\\b", "a'b", "a\"b", "Kürs", "a\nb",
        ] {
            assert!(StatementSuffix::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tax_code_has_eight_digits() {
        assert!(TaxCode::parse("txcd_20030000").is_ok());
        for bad in [
            "",
            "txcd_2003000",
            "txcd_200300001",
            "20030000",
            "txcd_2003000x",
            "TXCD_20030000",
        ] {
            assert!(TaxCode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_are_those_of_stripe() {
        assert_eq!(SubmitType::parse("book").map(SubmitType::as_str), Ok("book"));
        let unknown = SubmitType::parse("subscribe").unwrap_err();
        assert_eq!(unknown.to_string(), "must be one of auto, book, pay, donate");
        assert!(TaxBehavior::parse("unspecified").is_err());
        assert!(CheckoutOptions::default().is_default());
    }
}
