//! From the form of `POST /v1/checkout/sessions` to a checked order, refused as Stripe refuses.
//!
//! Takes what a hosted, one-time payment needs and what `NewSession` can hold; any other parameter, whether Stripe
//! knows it or not, is refused rather than silently dropped.

use email_address::EmailAddress;
use url::Url;

use super::error::ApiError;
use super::params::Params;
use super::sessions::{LineItem, NewSession};
use super::{ids, money};

const KNOWN: &[&str] = &[
    "mode",
    "adaptive_pricing[enabled]",
    "ui_mode",
    "success_url",
    "cancel_url",
    "client_reference_id",
    "customer_email",
    "expires_at",
    "locale",
    "submit_type",
    "expand[*]",
    "metadata[*]",
    "allowed_payment_method_types[*]",
    "payment_intent_data[description]",
    "payment_intent_data[metadata][*]",
    "line_items[*][quantity]",
    "line_items[*][price_data][currency]",
    "line_items[*][price_data][unit_amount]",
    "line_items[*][price_data][product_data][name]",
    "line_items[*][price_data][product_data][description]",
];
const MIN_LIFE: i64 = 30 * 60;
const MAX_LIFE: i64 = 24 * 60 * 60;
/// Eight digits, for a line as for the whole.
const MAX_AMOUNT: i64 = 99_999_999;
const MAX_LINE_ITEMS: usize = 100;

/// Reads and checks; `now` is the session's creation in Unix seconds.
pub(super) fn read(params: &Params, now: i64) -> Result<NewSession, ApiError> {
    params.only(KNOWN)?;
    check_choices(params)?;
    let (line_items, currency) = line_items(params)?;
    let amount_total = line_items
        .iter()
        .map(LineItem::total)
        .fold(0, i64::saturating_add);
    if amount_total > MAX_AMOUNT {
        return Err(too_large("line_items", &currency));
    }
    let text = |name: &str| params.get(name).map(str::to_owned);
    params.require("success_url")?;
    Ok(NewSession {
        line_items,
        currency,
        amount_total,
        success_url: web_address(params, "success_url")?.unwrap_or_default(),
        cancel_url: web_address(params, "cancel_url")?,
        client_reference_id: client_reference(params)?,
        customer_email: email(params)?,
        metadata: params.metadata("metadata")?,
        intent_metadata: params.metadata("payment_intent_data[metadata]")?,
        intent_description: text("payment_intent_data[description]"),
        allowed_payment_method_types: params
            .list("allowed_payment_method_types")
            .into_iter()
            .map(str::to_owned)
            .collect(),
        locale: text("locale"),
        submit_type: text("submit_type"),
        expires_at: expires_at(params, now)?,
    })
}

fn check_choices(params: &Params) -> Result<(), ApiError> {
    let choices: [(&str, &[&str]); 3] = [
        ("mode", &["payment"]),
        ("ui_mode", &["hosted_page"]),
        ("submit_type", &["auto", "book", "donate", "pay", "subscribe"]),
    ];
    params.require("mode")?;
    for (name, allowed) in choices {
        if let Some(value) = params.get(name).filter(|value| !allowed.contains(value)) {
            return Err(ApiError::about(
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

fn line_items(params: &Params) -> Result<(Vec<LineItem>, String), ApiError> {
    let indices = params.indices("line_items");
    if indices.is_empty() {
        return Err(ApiError::missing("line_items"));
    }
    if indices.len() > MAX_LINE_ITEMS {
        return Err(ApiError::about(
            "line_items",
            "There may be at most 100 line items.",
        ));
    }
    let mut items = Vec::with_capacity(indices.len());
    let mut currencies = Vec::with_capacity(indices.len());
    for index in indices {
        let (item, currency) = line_item(params, &format!("line_items[{index}]"))?;
        items.push(item);
        currencies.push(currency);
    }
    currencies.dedup();
    match currencies.pop() {
        Some(currency) if currencies.is_empty() => Ok((items, currency)),
        _ => Err(ApiError::about(
            "line_items",
            "All line items must have the same currency.",
        )),
    }
}

fn line_item(params: &Params, at: &str) -> Result<(LineItem, String), ApiError> {
    let name = |tail: &str| format!("{at}{tail}");
    let currency = params.require(&name("[price_data][currency]"))?.to_lowercase();
    if !money::is_known(&currency) {
        return Err(ApiError::about(
            &name("[price_data][currency]"),
            format!(
                "Invalid currency: {currency}. Stripe currently supports these currencies: usd, eur, gbp, …"
            ),
        ));
    }
    let unit_amount = whole(params, &name("[price_data][unit_amount]"), 0)?;
    if unit_amount > MAX_AMOUNT {
        return Err(too_large(&name("[price_data][unit_amount]"), &currency));
    }
    let item = LineItem {
        id: ids::line_item(),
        name: params
            .require(&name("[price_data][product_data][name]"))?
            .to_owned(),
        description: params
            .get(&name("[price_data][product_data][description]"))
            .map(str::to_owned),
        unit_amount,
        quantity: whole(params, &name("[quantity]"), 1)?,
    };
    Ok((item, currency))
}

fn whole(params: &Params, name: &str, least: i64) -> Result<i64, ApiError> {
    let value = params.integer(name)?.ok_or_else(|| ApiError::missing(name))?;
    if value < least {
        let message = format!("Invalid integer: This value must be greater than or equal to {least}.");
        return Err(ApiError::about(name, message).with_code("parameter_invalid_integer"));
    }
    Ok(value)
}

fn too_large(param: &str, currency: &str) -> ApiError {
    let most = money::format(MAX_AMOUNT, currency);
    ApiError::about(param, format!("Amount must be no more than {most}")).with_code("amount_too_large")
}

fn web_address(params: &Params, name: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = params.get(name) else {
        return Ok(None);
    };
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(text.to_owned())),
        _ => Err(ApiError::bad_url(name)),
    }
}

fn client_reference(params: &Params) -> Result<Option<String>, ApiError> {
    match params.get("client_reference_id") {
        Some(text) if text.chars().count() > 200 => {
            let message = "Invalid string: must be at most 200 characters";
            Err(ApiError::about("client_reference_id", message)
                .with_code("parameter_invalid_string_too_long"))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn email(params: &Params) -> Result<Option<String>, ApiError> {
    match params.get("customer_email") {
        Some(text) if !EmailAddress::is_valid(text) => Err(ApiError::about(
            "customer_email",
            format!("Invalid email address: {text}"),
        )
        .with_code("email_invalid")),
        text => Ok(text.map(str::to_owned)),
    }
}

fn expires_at(params: &Params, now: i64) -> Result<i64, ApiError> {
    let Some(at) = params.integer("expires_at")? else {
        return Ok(now + MAX_LIFE);
    };
    let refusal = |limit| {
        let message = format!("The `expires_at` timestamp must be {limit} from Checkout Session creation.");
        Err(ApiError::about("expires_at", message))
    };
    match at.saturating_sub(now) {
        life if life < MIN_LIFE => refusal("at least 30 minutes"),
        life if life > MAX_LIFE => refusal("less than 24 hours"),
        _ => Ok(at),
    }
}
