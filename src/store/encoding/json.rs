//! Domain values as they are kept in columns of JSON: segments, session terms and metadata.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    decode_event_type_id, decode_instant, decode_money, decode_payment_methods, decode_resource_id,
    encode_payment_methods, unreadable_column,
};
use crate::domain::ids::HoldId;
use crate::domain::segment::Segment;
use crate::domain::session::{CheckoutUi, SessionTerms};
use crate::domain::time::Window;
use crate::store::{StoreError, checkout_json};

/// A segment as it is kept in the `segments` column; times in milliseconds since the epoch.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct SegmentRow<'a> {
    resource: Cow<'a, str>,
    starts_at_ms: i64,
    ends_at_ms: i64,
    /// Where these are missing it is busy for as long as the guest sees.
    #[serde(default)]
    busy_from_ms: Option<i64>,
    #[serde(default)]
    busy_to_ms: Option<i64>,
}

pub(in crate::store) fn encode_segments(segments: &[Segment]) -> Vec<SegmentRow<'_>> {
    segments.iter().map(encode_segment).collect()
}

fn encode_segment(segment: &Segment) -> SegmentRow<'_> {
    SegmentRow {
        resource: Cow::Borrowed(segment.resource.as_str()),
        starts_at_ms: segment.window.starts_at().timestamp_millis(),
        ends_at_ms: segment.window.ends_at().timestamp_millis(),
        busy_from_ms: Some(segment.busy.starts_at().timestamp_millis()),
        busy_to_ms: Some(segment.busy.ends_at().timestamp_millis()),
    }
}

pub(in crate::store) fn decode_segments(json: serde_json::Value) -> Result<Vec<Segment>, StoreError> {
    let rows: Vec<SegmentRow<'_>> =
        serde_json::from_value(json).map_err(|_| unreadable_column("segments", ""))?;
    if rows.is_empty() {
        return Err(unreadable_column("segments", "none"));
    }
    rows.into_iter().map(decode_segment).collect()
}

fn decode_segment(row: SegmentRow<'_>) -> Result<Segment, StoreError> {
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
pub(in crate::store) struct TermsRow<'a> {
    /// Absent in attempts of the version before.
    #[serde(default)]
    event_type: Option<Cow<'a, str>>,
    name: Cow<'a, str>,
    amount: i64,
    currency: Cow<'a, str>,
    #[serde(default = "one")]
    quantity: u32,
    email: Cow<'a, str>,
    /// Whether Stripe.js shows the payment page in the shop's own. Absent in attempts of the version before, which knew hosted pages only.
    #[serde(default)]
    embedded: bool,
    success_url: Cow<'a, str>,
    cancel_url: Cow<'a, str>,
    expires_at: i64,
    payment_methods: Cow<'a, str>,
    installation: Cow<'a, str>,
    /// Absent in attempts of the version before.
    #[serde(default)]
    page: serde_json::Value,
}

/// What an attempt means that was written before there was more than one.
fn one() -> u32 {
    1
}

pub(in crate::store) fn encode_terms(terms: &SessionTerms) -> TermsRow<'_> {
    let event_type = terms.event_type.as_ref();
    TermsRow {
        event_type: event_type.map(|id| Cow::Borrowed(id.as_str())),
        name: Cow::Borrowed(&terms.name),
        amount: terms.price.amount,
        currency: Cow::Borrowed(terms.price.currency.code()),
        quantity: terms.quantity,
        email: Cow::Borrowed(&terms.email),
        embedded: terms.ui == CheckoutUi::Embedded,
        success_url: Cow::Borrowed(&terms.success_url),
        cancel_url: Cow::Borrowed(&terms.cancel_url),
        expires_at: terms.expires_at.timestamp(),
        payment_methods: Cow::Owned(encode_payment_methods(&terms.payment_methods)),
        installation: Cow::Borrowed(&terms.installation),
        page: checkout_json::encode_page(&terms.page),
    }
}

pub(in crate::store) fn decode_terms(
    hold: Uuid,
    json: serde_json::Value,
) -> Result<SessionTerms, StoreError> {
    // The text is left out of the error: it holds the guest's address.
    let row: TermsRow<'_> = serde_json::from_value(json).map_err(|_| unreadable_column("terms", ""))?;
    Ok(SessionTerms {
        hold: HoldId(hold),
        event_type: row.event_type.as_deref().map(decode_event_type_id).transpose()?,
        price: decode_money(row.amount, &row.currency)?,
        quantity: row.quantity,
        name: row.name.into_owned(),
        email: row.email.into_owned(),
        ui: if row.embedded {
            CheckoutUi::Embedded
        } else {
            CheckoutUi::Hosted
        },
        success_url: row.success_url.into_owned(),
        cancel_url: row.cancel_url.into_owned(),
        expires_at: decode_instant(row.expires_at * 1000)?,
        payment_methods: decode_payment_methods(&row.payment_methods)?,
        installation: row.installation.into_owned(),
        page: checkout_json::decode_page(row.page)?,
    })
}

pub(in crate::store) fn decode_metadata(
    json: serde_json::Value,
) -> Result<BTreeMap<String, String>, StoreError> {
    serde_json::from_value(json).map_err(|_| unreadable_column("metadata", ""))
}
