//! Domain values as they are kept in columns of JSON: segments, session terms and metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    decode_event_type_id, decode_instant, decode_money, decode_payment_methods, decode_resource_id,
    encode_payment_methods, unreadable_column,
};
use crate::domain::ids::{EventTypeId, HoldId};
use crate::domain::segment::Segment;
use crate::domain::session::{CheckoutUi, SessionTerms};
use crate::domain::time::Window;
use crate::store::{StoreError, checkout_json};

/// A segment as it is kept in the `segments` column; times in milliseconds since the epoch.
#[derive(Serialize, Deserialize)]
struct SegmentRow {
    resource: String,
    starts_at_ms: i64,
    ends_at_ms: i64,
    /// Where these are missing it is busy for as long as the guest sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    busy_from_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    busy_to_ms: Option<i64>,
}

pub(in crate::store) fn encode_segments(segments: &[Segment]) -> serde_json::Value {
    let row = |segment: &Segment| {
        serde_json::json!({
            "resource": segment.resource.as_str(),
            "starts_at_ms": segment.window.starts_at().timestamp_millis(),
            "ends_at_ms": segment.window.ends_at().timestamp_millis(),
            "busy_from_ms": segment.busy.starts_at().timestamp_millis(),
            "busy_to_ms": segment.busy.ends_at().timestamp_millis(),
        })
    };
    segments.iter().map(row).collect()
}

pub(in crate::store) fn decode_segments(json: serde_json::Value) -> Result<Vec<Segment>, StoreError> {
    let rows: Vec<SegmentRow> =
        serde_json::from_value(json).map_err(|_| unreadable_column("segments", ""))?;
    if rows.is_empty() {
        return Err(unreadable_column("segments", "none"));
    }
    rows.into_iter().map(decode_segment).collect()
}

fn decode_segment(row: SegmentRow) -> Result<Segment, StoreError> {
    let window = |from, to| {
        let window = Window::new(decode_instant(from)?, decode_instant(to)?);
        window.ok_or_else(|| unreadable_column("segment", "empty window"))
    };
    let (from, to) = (row.starts_at_ms, row.ends_at_ms);
    Ok(Segment {
        resource: decode_resource_id(&row.resource)?,
        window: window(from, to)?,
        busy: window(row.busy_from_ms.unwrap_or(from), row.busy_to_ms.unwrap_or(to))?,
    })
}

/// Session terms as they are kept in the `terms` column.
#[derive(Serialize, Deserialize)]
struct TermsRow {
    /// Absent in attempts of the version before.
    #[serde(default)]
    event_type: Option<String>,
    name: String,
    amount: i64,
    currency: String,
    #[serde(default = "one")]
    quantity: u32,
    email: String,
    /// Whether Stripe.js shows the payment page in the shop's own. Absent in attempts of the version before, which knew hosted pages only.
    #[serde(default)]
    embedded: bool,
    success_url: String,
    cancel_url: String,
    expires_at: i64,
    payment_methods: String,
    installation: String,
    /// Absent in attempts of the version before.
    #[serde(default)]
    page: serde_json::Value,
}

/// What an attempt means that was written before there was more than one.
fn one() -> u32 {
    1
}

pub(in crate::store) fn encode_terms(terms: &SessionTerms) -> serde_json::Value {
    serde_json::json!({
        "event_type": terms.event_type.as_ref().map(EventTypeId::as_str),
        "name": terms.name,
        "amount": terms.price.amount,
        "currency": terms.price.currency.code(),
        "quantity": terms.quantity,
        "email": terms.email,
        "embedded": terms.ui == CheckoutUi::Embedded,
        "success_url": terms.success_url,
        "cancel_url": terms.cancel_url,
        "expires_at": terms.expires_at.timestamp(),
        "payment_methods": encode_payment_methods(&terms.payment_methods),
        "installation": terms.installation,
        "page": checkout_json::encode_page(&terms.page),
    })
}

pub(in crate::store) fn decode_terms(
    hold: Uuid,
    json: serde_json::Value,
) -> Result<SessionTerms, StoreError> {
    // The text is left out of the error: it holds the guest's address.
    let row: TermsRow = serde_json::from_value(json).map_err(|_| unreadable_column("terms", ""))?;
    Ok(SessionTerms {
        hold: HoldId(hold),
        event_type: row.event_type.as_deref().map(decode_event_type_id).transpose()?,
        price: decode_money(row.amount, &row.currency)?,
        quantity: row.quantity,
        name: row.name,
        email: row.email,
        ui: if row.embedded {
            CheckoutUi::Embedded
        } else {
            CheckoutUi::Hosted
        },
        success_url: row.success_url,
        cancel_url: row.cancel_url,
        expires_at: decode_instant(row.expires_at * 1000)?,
        payment_methods: decode_payment_methods(&row.payment_methods)?,
        installation: row.installation,
        page: checkout_json::decode_page(row.page)?,
    })
}

pub(in crate::store) fn encode_metadata(metadata: &BTreeMap<String, String>) -> serde_json::Value {
    metadata
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

pub(in crate::store) fn decode_metadata(
    json: serde_json::Value,
) -> Result<BTreeMap<String, String>, StoreError> {
    serde_json::from_value(json).map_err(|_| unreadable_column("metadata", ""))
}
