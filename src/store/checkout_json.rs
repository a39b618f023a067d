//! The options of the payment page as JSON: of an event type, and in the terms of an attempt. What is not asked for is left
//! out, so that an event type without options has none in its column.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::encoding::unreadable_column;
use crate::domain::checkout_options::{
    BillingAddress, CheckoutOptions, StatementSuffix, SubmitType, TaxBehavior, TaxCode,
};
use crate::domain::locale::Locale;
use crate::domain::session::PageTerms;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct OptionsRow {
    #[serde(skip_serializing_if = "is_false")]
    promotion_codes: bool,
    #[serde(skip_serializing_if = "is_false")]
    automatic_tax: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_behavior: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_code: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    phone: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_address: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    terms_consent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement_descriptor_suffix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submit_type: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    invoice: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
}

/// Page terms as they are kept with the other terms of an attempt.
#[derive(Serialize, Deserialize)]
struct PageRow {
    line: Option<String>,
    locale: Option<String>,
    options: OptionsRow,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl From<&CheckoutOptions> for OptionsRow {
    fn from(options: &CheckoutOptions) -> Self {
        let address = (options.billing_address != BillingAddress::Auto).then_some(options.billing_address);
        let submit = (options.submit_type != SubmitType::Auto).then_some(options.submit_type);
        let suffix = options.statement_descriptor_suffix.as_ref();
        Self {
            promotion_codes: options.promotion_codes,
            automatic_tax: options.automatic_tax,
            tax_behavior: options.tax_behavior.map(|behavior| behavior.as_str().to_owned()),
            tax_code: options.tax_code.as_ref().map(|code| code.as_str().to_owned()),
            phone: options.phone,
            billing_address: address.map(|address| address.as_str().to_owned()),
            terms_consent: options.terms_consent,
            statement_descriptor_suffix: suffix.map(|suffix| suffix.as_str().to_owned()),
            submit_type: submit.map(|submit| submit.as_str().to_owned()),
            invoice: options.invoice,
            images: options.images.clone(),
        }
    }
}

impl OptionsRow {
    fn decode(self) -> Result<CheckoutOptions, StoreError> {
        Ok(CheckoutOptions {
            promotion_codes: self.promotion_codes,
            automatic_tax: self.automatic_tax,
            tax_behavior: decode_text("tax behavior", self.tax_behavior, TaxBehavior::parse)?,
            tax_code: decode_text("tax code", self.tax_code, TaxCode::parse)?,
            phone: self.phone,
            billing_address: decode_text("billing address", self.billing_address, BillingAddress::parse)?
                .unwrap_or_default(),
            terms_consent: self.terms_consent,
            statement_descriptor_suffix: decode_text(
                "statement suffix",
                self.statement_descriptor_suffix,
                StatementSuffix::parse,
            )?,
            submit_type: decode_text("submit type", self.submit_type, SubmitType::parse)?.unwrap_or_default(),
            invoice: self.invoice,
            images: self.images,
        })
    }
}

fn decode_text<T, E>(
    what: &'static str,
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| parse(&text).map_err(|_| unreadable_column(what, &text)))
        .transpose()
}

/// The options of an event type; `None` if it asks for nothing.
pub(super) fn encode_options(options: &CheckoutOptions) -> Option<serde_json::Value> {
    (!options.is_default()).then(|| serde_json::json!(OptionsRow::from(options)))
}

pub(super) fn decode_options(json: Option<serde_json::Value>) -> Result<CheckoutOptions, StoreError> {
    let row: Option<OptionsRow> = json.map(serde_json::from_value).transpose().map_err(unreadable)?;
    row.map_or_else(|| Ok(CheckoutOptions::default()), OptionsRow::decode)
}

/// The page terms of an attempt; null if there are none.
pub(super) fn encode_page(page: &PageTerms) -> serde_json::Value {
    if *page == PageTerms::default() {
        return serde_json::Value::Null;
    }
    let row = PageRow {
        line: page.line.clone(),
        locale: page.locale.map(|locale| locale.as_str().to_owned()),
        options: OptionsRow::from(&page.options),
    };
    serde_json::json!(row)
}

pub(super) fn decode_page(json: serde_json::Value) -> Result<PageTerms, StoreError> {
    let row: Option<PageRow> = serde_json::from_value(json).map_err(unreadable)?;
    let Some(row) = row else {
        return Ok(PageTerms::default());
    };
    let locale = decode_text("locale", row.locale, |text| Locale::parse(text).ok_or(()))?;
    Ok(PageTerms {
        line: row.line,
        locale,
        options: row.options.decode()?,
    })
}

fn unreadable(_: serde_json::Error) -> StoreError {
    unreadable_column("checkout options", "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all_options() -> CheckoutOptions {
        CheckoutOptions {
            promotion_codes: true,
            automatic_tax: true,
            tax_behavior: Some(TaxBehavior::Exclusive),
            tax_code: TaxCode::parse("txcd_20030000").ok(),
            phone: true,
            billing_address: BillingAddress::Required,
            terms_consent: true,
            statement_descriptor_suffix: StatementSuffix::parse("YOGA").ok(),
            submit_type: SubmitType::Book,
            invoice: true,
            images: vec!["https://shop.example/a.jpg".to_owned()],
        }
    }

    #[test]
    fn options_are_read_as_they_were_written() {
        let all = all_options();
        let json = encode_options(&all);
        assert_eq!(json.as_ref().unwrap().as_object().unwrap().len(), 11);
        assert_eq!(decode_options(json).unwrap(), all);
        assert_eq!(encode_options(&CheckoutOptions::default()), None);
        assert_eq!(decode_options(None).unwrap(), CheckoutOptions::default());
        let one = CheckoutOptions {
            phone: true,
            ..CheckoutOptions::default()
        };
        assert_eq!(encode_options(&one), Some(json!({"phone": true})));
    }

    #[test]
    fn page_terms_are_read_as_they_were_written() {
        let page = PageTerms {
            line: Some("Tuesday".to_owned()),
            locale: Locale::parse("de"),
            options: all_options(),
        };
        assert!(decode_page(encode_page(&page)).unwrap() == page);
        assert!(encode_page(&PageTerms::default()).is_null());
        assert!(decode_page(json!(null)).unwrap() == PageTerms::default());
        assert!(decode_page(json!({"line": null, "locale": "tlh", "options": {}})).is_err());
    }
}
