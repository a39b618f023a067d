//! The parameters of a new session that say what its payment page shows and asks. What is not asked for is not sent.

use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAutomaticTax, CreateCheckoutSessionConsentCollection,
    CreateCheckoutSessionConsentCollectionTermsOfService, CreateCheckoutSessionInvoiceCreation,
    CreateCheckoutSessionLineItemsPriceDataTaxBehavior, CreateCheckoutSessionPhoneNumberCollection,
    ProductData,
};

use crate::domain::checkout_options::{BillingAddress, CheckoutOptions, SubmitType};
use crate::domain::session::PageTerms;

/// Adds what the page asks to the request for a session.
pub(super) fn add_page_terms(mut request: CreateCheckoutSession, page: &PageTerms) -> CreateCheckoutSession {
    let options = &page.options;
    // The conversions cannot fail: async-stripe passes on a value that it does not know.
    if let Some(locale) = page.locale {
        let Ok(locale) = locale.as_str().parse::<stripe_shared::CheckoutSessionLocale>();
        request = request.locale(locale);
    }
    if options.promotion_codes {
        request = request.allow_promotion_codes(true);
    }
    if options.automatic_tax {
        request = request.automatic_tax(CreateCheckoutSessionAutomaticTax::new(true));
    }
    if options.phone {
        request = request.phone_number_collection(CreateCheckoutSessionPhoneNumberCollection::new(true));
    }
    if options.billing_address != BillingAddress::Auto {
        let Ok(collection) = options
            .billing_address
            .as_str()
            .parse::<stripe_shared::CheckoutSessionBillingAddressCollection>();
        request = request.billing_address_collection(collection);
    }
    if options.terms_consent {
        let mut consent = CreateCheckoutSessionConsentCollection::new();
        consent.terms_of_service = Some(CreateCheckoutSessionConsentCollectionTermsOfService::Required);
        request = request.consent_collection(consent);
    }
    if options.submit_type != SubmitType::Auto {
        let Ok(submit_type) = options
            .submit_type
            .as_str()
            .parse::<stripe_shared::CheckoutSessionSubmitType>();
        request = request.submit_type(submit_type);
    }
    if options.invoice {
        request = request.invoice_creation(CreateCheckoutSessionInvoiceCreation::new(true));
    }
    request
}

/// Makes the product of the session's one line.
pub(super) fn build_product(name: &str, page: &PageTerms) -> ProductData {
    let options = &page.options;
    let mut product = ProductData::new(name);
    product.description.clone_from(&page.line);
    product.images = (!options.images.is_empty()).then(|| options.images.clone());
    product.tax_code = options.tax_code.as_ref().map(|code| code.as_str().to_owned());
    product
}

/// Returns whether the line's price contains the tax, if the event type says so.
pub(super) fn to_tax_behavior(
    options: &CheckoutOptions,
) -> Option<CreateCheckoutSessionLineItemsPriceDataTaxBehavior> {
    let behavior = options.tax_behavior?;
    let Ok(behavior) = behavior.as_str().parse();
    Some(behavior)
}
