//! What an event type asks of Stripe's payment page. Requests and responses have the same form.

use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use crate::domain::checkout_options::{
    BillingAddress, CheckoutOptions, MAX_IMAGES, StatementSuffix, SubmitType, TaxBehavior, TaxCode,
};
use crate::http::field_errors::FieldErrors;

const MAX_URL: usize = 2_048;

/// What Stripe's payment page asks of the guest, and what Stripe does with the payment.
#[derive(Debug, Default, Deserr, Serialize, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, validate = check_tax -> FieldErrors)]
#[serde(deny_unknown_fields)]
#[schema(as = CheckoutOptions)]
pub(in crate::http) struct CheckoutMembers {
    /// Whether the guest may enter promotion codes of the account; no if absent. A code for the whole price leaves
    /// nothing to pay, and confirms.
    #[deserr(default)]
    #[schema(required = false)]
    promotion_codes: bool,
    /// Whether Stripe computes taxes; no if absent. Needs Stripe Tax in the account.
    #[deserr(default)]
    #[schema(required = false)]
    automatic_tax: bool,
    /// Whether the price contains the tax, only with `automatic_tax`; the account's default if absent.
    #[deserr(default, try_from(Option<String>) = parse_tax_behavior -> String)]
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_tax_behavior"
    )]
    #[schema(value_type = Option<TaxBehaviorWord>, nullable = false)]
    tax_behavior: Option<TaxBehavior>,
    /// Stripe's code for what is sold; the account's default if absent.
    #[deserr(default, try_from(Option<String>) = parse_tax_code -> String)]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "write_tax_code")]
    #[schema(value_type = Option<String>, nullable = false, example = "txcd_20030000", pattern = "^txcd_[0-9]{8}$")]
    tax_code: Option<TaxCode>,
    /// Whether the guest must give a phone number; no if absent.
    #[deserr(default)]
    #[schema(required = false)]
    phone: bool,
    /// Whether the guest must give an address: `auto` if absent, then Stripe asks if the payment needs it.
    #[deserr(default, try_from(Option<String>) = parse_billing_address -> String)]
    #[serde(serialize_with = "write_billing_address")]
    #[schema(value_type = BillingAddressWord, required = false)]
    billing_address: BillingAddress,
    /// Whether the guest must accept the terms whose address the account has; no if absent.
    #[deserr(default)]
    #[schema(required = false)]
    terms_consent: bool,
    /// What a bank statement shows after the account's own name: 1 to 22 Latin characters, one of them a letter, none of
    /// them `<`, `>`, `\`, `'`, `"` or `*`.
    #[deserr(default, try_from(Option<String>) = parse_suffix -> String)]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "write_suffix")]
    #[schema(value_type = Option<String>, nullable = false, example = "YOGA", min_length = 1, max_length = 22)]
    statement_descriptor_suffix: Option<StatementSuffix>,
    /// What the button says: `auto` if absent, then Stripe chooses.
    #[deserr(default, try_from(Option<String>) = parse_submit_type -> String)]
    #[serde(serialize_with = "write_submit_type")]
    #[schema(value_type = SubmitTypeWord, required = false)]
    submit_type: SubmitType,
    /// Whether Stripe makes an invoice for the guest; no if absent.
    #[deserr(default)]
    #[schema(required = false)]
    invoice: bool,
}

/// Whether a price contains the tax.
#[derive(ToSchema)]
#[schema(as = TaxBehavior, rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the values of the member")]
enum TaxBehaviorWord {
    Exclusive,
    Inclusive,
}

/// Whether the guest must give an address.
#[derive(ToSchema)]
#[schema(as = BillingAddress, rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the values of the member")]
enum BillingAddressWord {
    Auto,
    Required,
}

/// What the button of the payment page says.
#[derive(ToSchema)]
#[schema(as = SubmitType, rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the values of the member")]
enum SubmitTypeWord {
    Auto,
    Book,
    Pay,
    Donate,
}

/// Defines how a member is parsed from its text, if there is one, and written as text.
macro_rules! text_member {
    ($parse:ident, $write:ident, Option<$type:ty>) => {
        fn $parse(text: Option<String>) -> Result<Option<$type>, String> {
            let parsed = text.map(|text| <$type>::parse(&text)).transpose();
            parsed.map_err(|error| error.to_string())
        }

        fn $write<S: serde::Serializer>(value: &Option<$type>, to: S) -> Result<S::Ok, S::Error> {
            value.as_ref().map(|value| value.as_str()).serialize(to)
        }
    };
    ($parse:ident, $write:ident, $type:ty) => {
        fn $parse(text: Option<String>) -> Result<$type, String> {
            let parsed = text.map(|text| <$type>::parse(&text)).transpose();
            parsed
                .map(Option::unwrap_or_default)
                .map_err(|error| error.to_string())
        }

        fn $write<S: serde::Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
            value.as_str().serialize(to)
        }
    };
}

text_member!(parse_tax_behavior, write_tax_behavior, Option<TaxBehavior>);
text_member!(parse_tax_code, write_tax_code, Option<TaxCode>);
text_member!(parse_suffix, write_suffix, Option<StatementSuffix>);
text_member!(parse_billing_address, write_billing_address, BillingAddress);
text_member!(parse_submit_type, write_submit_type, SubmitType);

fn check_tax(
    members: CheckoutMembers,
    location: ValuePointerRef<'_>,
) -> Result<CheckoutMembers, FieldErrors> {
    if members.tax_behavior.is_some() && !members.automatic_tax {
        return Err(FieldErrors::at_location(
            location.push_key("tax_behavior"),
            "needs automatic_tax",
        ));
    }
    Ok(members)
}

/// Checks the images of an event type.
///
/// # Errors
/// What is wrong with them.
pub(super) fn check_images(images: Vec<String>) -> Result<Vec<String>, String> {
    if images.len() > MAX_IMAGES {
        return Err(format!("must be at most {MAX_IMAGES}"));
    }
    match images.iter().all(|image| is_image_url(image)) {
        true => Ok(images),
        false => Err("must be https URLs of at most 2048 characters".to_owned()),
    }
}

fn is_image_url(text: &str) -> bool {
    let is_https = Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
    });
    is_https && text.len() <= MAX_URL && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

impl CheckoutMembers {
    /// Returns the options, with the images that the event type has beside them.
    pub(super) fn into_options(self, images: Vec<String>) -> CheckoutOptions {
        CheckoutOptions {
            promotion_codes: self.promotion_codes,
            automatic_tax: self.automatic_tax,
            tax_behavior: self.tax_behavior,
            tax_code: self.tax_code,
            phone: self.phone,
            billing_address: self.billing_address,
            terms_consent: self.terms_consent,
            statement_descriptor_suffix: self.statement_descriptor_suffix,
            submit_type: self.submit_type,
            invoice: self.invoice,
            images,
        }
    }
}

impl From<&CheckoutOptions> for CheckoutMembers {
    fn from(options: &CheckoutOptions) -> Self {
        Self {
            promotion_codes: options.promotion_codes,
            automatic_tax: options.automatic_tax,
            tax_behavior: options.tax_behavior,
            tax_code: options.tax_code.clone(),
            phone: options.phone,
            billing_address: options.billing_address,
            terms_consent: options.terms_consent,
            statement_descriptor_suffix: options.statement_descriptor_suffix.clone(),
            submit_type: options.submit_type,
            invoice: options.invoice,
        }
    }
}
