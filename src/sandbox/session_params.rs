//! Parses and checks the parameters of `POST /v1/checkout/sessions` (docs.stripe.com/api/checkout/sessions/create).
//!
//! Supports what a one-time payment on a hosted or an embedded page needs. Any other parameter is refused, even if Stripe knows it: a test must
//! notice that the simulator does not support it.

use email_address::EmailAddress;
use url::Url;

use super::api_error::ApiError;
use super::form_params::FormParams;
use super::objects::{LineItem, PageParams, SessionParams};
use super::{currencies, ids};

const KNOWN_PARAMS: &[&str] = &[
    "mode",
    "adaptive_pricing[enabled]",
    "ui_mode",
    "success_url",
    "cancel_url",
    "return_url",
    "client_reference_id",
    "customer_email",
    "expires_at",
    "locale",
    "submit_type",
    "expand[*]",
    "metadata[*]",
    "allowed_payment_method_types[*]",
    "allow_promotion_codes",
    "automatic_tax[enabled]",
    "billing_address_collection",
    "consent_collection[terms_of_service]",
    "invoice_creation[enabled]",
    "phone_number_collection[enabled]",
    "payment_intent_data[description]",
    "payment_intent_data[statement_descriptor_suffix]",
    "payment_intent_data[metadata][*]",
    "line_items[*][quantity]",
    "line_items[*][price_data][currency]",
    "line_items[*][price_data][unit_amount]",
    "line_items[*][price_data][product_data][name]",
    "line_items[*][price_data][product_data][description]",
    "line_items[*][price_data][product_data][images][*]",
    "line_items[*][price_data][product_data][tax_code]",
    "line_items[*][price_data][tax_behavior]",
];
const MIN_LIFETIME_SECONDS: i64 = 30 * 60;
const MAX_LIFETIME_SECONDS: i64 = 24 * 60 * 60;
/// Stripe limits amounts to eight digits; the limit applies to a line and to the total.
const MAX_AMOUNT: i64 = 99_999_999;
const MAX_LINE_ITEMS: usize = 100;

/// Parses and checks the parameters; `now` is the time of creation in Unix seconds.
pub(super) fn parse_session_params(params: &FormParams, now: i64) -> Result<SessionParams, ApiError> {
    params.refuse_unknown(KNOWN_PARAMS)?;
    check_enumerations(params)?;
    let (line_items, currency) = parse_line_items(params)?;
    let amount_subtotal = line_items
        .iter()
        .map(LineItem::total_amount)
        .fold(0, i64::saturating_add);
    if amount_subtotal > MAX_AMOUNT {
        return Err(amount_too_large("line_items", &currency));
    }
    check_charge(amount_subtotal, &currency)?;
    let text = |name: &str| params.get(name).map(str::to_owned);
    let return_url = parse_return_url(params)?;
    Ok(SessionParams {
        line_items,
        currency,
        amount_subtotal,
        success_url: parse_web_url(params, "success_url")?.unwrap_or_default(),
        cancel_url: parse_web_url(params, "cancel_url")?,
        return_url,
        payment_link: None,
        client_reference_id: parse_client_reference_id(params)?,
        customer_email: parse_email(params)?,
        metadata: params.parse_metadata("metadata")?,
        intent_metadata: params.parse_metadata("payment_intent_data[metadata]")?,
        intent_description: text("payment_intent_data[description]"),
        allowed_payment_method_types: params
            .list_values("allowed_payment_method_types")
            .into_iter()
            .map(str::to_owned)
            .collect(),
        locale: text("locale"),
        submit_type: text("submit_type"),
        page: parse_page(params)?,
        expires_at: parse_expires_at(params, now)?,
    })
}

fn check_enumerations(params: &FormParams) -> Result<(), ApiError> {
    let choices: [(&str, &[&str]); 6] = [
        ("mode", &["payment"]),
        ("ui_mode", &["hosted_page", "embedded_page"]),
        ("submit_type", &["auto", "book", "donate", "pay", "subscribe"]),
        ("billing_address_collection", &["auto", "required"]),
        ("consent_collection[terms_of_service]", &["none", "required"]),
        (
            "line_items[0][price_data][tax_behavior]",
            &["exclusive", "inclusive", "unspecified"],
        ),
    ];
    params.require("mode")?;
    for (name, allowed) in choices {
        if let Some(value) = params.get(name).filter(|value| !allowed.contains(value)) {
            return Err(ApiError::invalid_param(
                name,
                format!(
                    "Invalid {name}: must be one of {}; was {value}",
                    allowed.join(", ")
                ),
            ));
        }
    }
    Ok(())
}

/// Checks which addresses the page has. An embedded one has a single way out, `return_url`, and only that.
fn parse_return_url(params: &FormParams) -> Result<Option<String>, ApiError> {
    let is_embedded = params.get("ui_mode") == Some("embedded_page");
    let (required, refused): (_, &[&str]) = match is_embedded {
        true => ("return_url", &["success_url", "cancel_url"]),
        false => ("success_url", &["return_url"]),
    };
    if let Some(name) = refused.iter().find(|name| params.get(name).is_some()) {
        let mode = if is_embedded {
            "embedded_page"
        } else {
            "hosted_page"
        };
        let message = format!("`{name}` cannot be used when `ui_mode` is `{mode}`.");
        return Err(ApiError::invalid_param(name, message));
    }
    params.require(required)?;
    parse_web_url(params, "return_url")
}

fn parse_page(params: &FormParams) -> Result<PageParams, ApiError> {
    let text = |name: &str| params.get(name).map(str::to_owned);
    let suffix = text("payment_intent_data[statement_descriptor_suffix]");
    if suffix
        .as_deref()
        .is_some_and(|suffix| suffix.chars().count() > 22)
    {
        let message = "The statement descriptor suffix must be at most 22 characters.";
        return Err(ApiError::invalid_param(
            "payment_intent_data[statement_descriptor_suffix]",
            message,
        ));
    }
    Ok(PageParams {
        allow_promotion_codes: parse_flag(params, "allow_promotion_codes")?,
        automatic_tax: parse_flag(params, "automatic_tax[enabled]")?,
        has_inclusive_tax: params.get("line_items[0][price_data][tax_behavior]") == Some("inclusive"),
        phone: parse_flag(params, "phone_number_collection[enabled]")?,
        billing_address_collection: text("billing_address_collection"),
        terms_of_service: text("consent_collection[terms_of_service]"),
        invoice_creation: parse_flag(params, "invoice_creation[enabled]")?,
        statement_descriptor_suffix: suffix,
    })
}

fn parse_flag(params: &FormParams, name: &str) -> Result<bool, ApiError> {
    match params.get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(ApiError::invalid_param(name, format!("Invalid boolean: {other}"))),
    }
}

fn parse_line_items(params: &FormParams) -> Result<(Vec<LineItem>, String), ApiError> {
    let indices = params.list_indices("line_items");
    if indices.is_empty() {
        return Err(ApiError::missing_param("line_items"));
    }
    if indices.len() > MAX_LINE_ITEMS {
        return Err(ApiError::invalid_param(
            "line_items",
            "There may be at most 100 line items.",
        ));
    }
    let mut items = Vec::with_capacity(indices.len());
    let mut currencies = Vec::with_capacity(indices.len());
    for index in indices {
        let (item, currency) = parse_line_item(params, &format!("line_items[{index}]"))?;
        items.push(item);
        currencies.push(currency);
    }
    currencies.dedup();
    match currencies.pop() {
        Some(currency) if currencies.is_empty() => Ok((items, currency)),
        _ => Err(ApiError::invalid_param(
            "line_items",
            "All line items must have the same currency.",
        )),
    }
}

fn parse_line_item(params: &FormParams, prefix: &str) -> Result<(LineItem, String), ApiError> {
    let name = |suffix: &str| format!("{prefix}{suffix}");
    let currency = params.require(&name("[price_data][currency]"))?.to_lowercase();
    if !currencies::is_supported(&currency) {
        return Err(ApiError::invalid_param(
            &name("[price_data][currency]"),
            format!(
                "Invalid currency: {currency}. Stripe currently supports these currencies: usd, eur, gbp, …"
            ),
        ));
    }
    let unit_amount = parse_integer_from(params, &name("[price_data][unit_amount]"), 0)?;
    if unit_amount > MAX_AMOUNT {
        return Err(amount_too_large(&name("[price_data][unit_amount]"), &currency));
    }
    let item = LineItem {
        id: ids::generate_line_item_id(),
        name: params
            .require(&name("[price_data][product_data][name]"))?
            .to_owned(),
        description: params
            .get(&name("[price_data][product_data][description]"))
            .map(str::to_owned),
        unit_amount,
        quantity: parse_integer_from(params, &name("[quantity]"), 1)?,
        images: params
            .list_values(&name("[price_data][product_data][images]"))
            .into_iter()
            .map(str::to_owned)
            .collect(),
    };
    Ok((item, currency))
}

fn parse_integer_from(params: &FormParams, name: &str, minimum: i64) -> Result<i64, ApiError> {
    let value = params
        .parse_integer(name)?
        .ok_or_else(|| ApiError::missing_param(name))?;
    if value < minimum {
        let message = format!("Invalid integer: This value must be greater than or equal to {minimum}.");
        return Err(ApiError::invalid_param(name, message).with_code("parameter_invalid_integer"));
    }
    Ok(value)
}

/// Refuses a total that Stripe does not charge. A total of zero needs no payment.
fn check_charge(amount: i64, currency: &str) -> Result<(), ApiError> {
    let minimum = currencies::minimum_charge(currency);
    if (1..minimum).contains(&amount) {
        let minimum = currencies::format_amount(minimum, currency);
        let message = format!("The Checkout Session's total amount due must add up to at least {minimum}");
        return Err(ApiError::invalid_request(message).with_code("amount_too_small"));
    }
    let step = currencies::charge_step(currency);
    if amount % step != 0 {
        let message = format!("Invalid amount: it must be a multiple of {step} in {currency}.");
        return Err(ApiError::invalid_param(
            "line_items[0][price_data][unit_amount]",
            message,
        ));
    }
    Ok(())
}

fn amount_too_large(param: &str, currency: &str) -> ApiError {
    let maximum = currencies::format_amount(MAX_AMOUNT, currency);
    ApiError::invalid_param(param, format!("Amount must be no more than {maximum}"))
        .with_code("amount_too_large")
}

fn parse_web_url(params: &FormParams, name: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = params.get(name) else {
        return Ok(None);
    };
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(text.to_owned())),
        _ => Err(ApiError::invalid_url(name)),
    }
}

fn parse_client_reference_id(params: &FormParams) -> Result<Option<String>, ApiError> {
    match params.get("client_reference_id") {
        Some(text) if text.chars().count() > 200 => {
            let message = "Invalid string: must be at most 200 characters";
            Err(ApiError::invalid_param("client_reference_id", message)
                .with_code("parameter_invalid_string_too_long"))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn parse_email(params: &FormParams) -> Result<Option<String>, ApiError> {
    match params.get("customer_email") {
        Some(text) if !EmailAddress::is_valid(text) => Err(ApiError::invalid_param(
            "customer_email",
            format!("Invalid email address: {text}"),
        )
        .with_code("email_invalid")),
        text => Ok(text.map(str::to_owned)),
    }
}

fn parse_expires_at(params: &FormParams, now: i64) -> Result<i64, ApiError> {
    let Some(at) = params.parse_integer("expires_at")? else {
        return Ok(now + MAX_LIFETIME_SECONDS);
    };
    let refuse = |limit| {
        let message = format!("The `expires_at` timestamp must be {limit} from Checkout Session creation.");
        Err(ApiError::invalid_param("expires_at", message))
    };
    // Saturating, because the caller chooses the value.
    match at.saturating_sub(now) {
        lifetime if lifetime < MIN_LIFETIME_SECONDS => refuse("at least 30 minutes"),
        lifetime if lifetime > MAX_LIFETIME_SECONDS => refuse("less than 24 hours"),
        _ => Ok(at),
    }
}
