//! Renders Stripe's objects as JSON, with all fields of API version [`API_VERSION`].
//!
//! Fields that the simulator does not use have the value that a new test account shows. They cannot be left out,
//! because typed clients reject an object that lacks a required field.

use serde_json::{Value, json};

use super::objects::{
    Charge, Dispute, DisputeStatus, Intent, IntentStatus, Refund, RefundStatus, Session, SessionStatus,
};

/// The Stripe API version whose field sets the objects and events have.
pub const API_VERSION: &str = "2026-09-30.endive";

pub(super) fn session_to_json(session: &Session) -> Value {
    let params = &session.params;
    // Two halves, because one `json!` call with all fields exceeds the macro's recursion limit.
    let variable = json!({
        "id": session.id, "object": "checkout.session", "livemode": false, "created": session.created,
        "expires_at": params.expires_at, "status": session.status, "payment_status": session.payment_status,
        "mode": "payment", "ui_mode": ui_mode(session), "url": url_if_open(session),
        "client_secret": session.client_secret,
        "amount_subtotal": params.amount_subtotal, "amount_total": session.amount_total(), "currency": params.currency,
        "total_details": { "amount_discount": session.discount, "amount_shipping": 0, "amount_tax": session.tax },
        "client_reference_id": params.client_reference_id, "metadata": params.metadata,
        "success_url": Some(&params.success_url).filter(|_| !session.is_embedded()), "cancel_url": params.cancel_url,
        "payment_intent": session.payment_intent, "payment_link": params.payment_link, "payment_method_collection": "if_required",
        "payment_method_configuration_details": null, "payment_method_options": {},
        "payment_method_types": payment_method_types_json(session),
        "customer": null, "customer_account": null, "customer_creation": "if_required",
        "customer_email": params.customer_email, "customer_details": customer_details_json(session),
        "locale": params.locale, "submit_type": params.submit_type,
    });
    let constant = json!({
        "adaptive_pricing": { "enabled": false }, "after_expiration": null,
        "collected_information": { "business_name": null, "individual_name": null, "shipping_details": null },
        "currency_conversion": null, "custom_fields": [],
        "custom_text": {
            "after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null,
        },
        "discounts": [], "integration_identifier": null, "invoice": null,
        "managed_payments": { "enabled": false }, "origin_context": null, "permissions": null,
        "recovered_from": null,
        "saved_payment_method_options": null, "setup_intent": null, "shipping_address_collection": null,
        "shipping_cost": null, "shipping_options": [], "subscription": null, "wallet_options": null,
    });
    let object = merge_objects(merge_objects(variable, page_json(session)), constant);
    match &params.return_url {
        None => object,
        Some(url) => merge_objects(
            object,
            json!({"return_url": url, "redirect_on_completion": "always"}),
        ),
    }
}

fn ui_mode(session: &Session) -> &'static str {
    match session.is_embedded() {
        true => "embedded_page",
        false => "hosted_page",
    }
}

/// Renders what the payment page asks beyond the payment.
fn page_json(session: &Session) -> Value {
    let page = &session.params.page;
    let is_over = session.status == SessionStatus::Complete;
    let tax_status = if is_over {
        "complete"
    } else {
        "requires_location_inputs"
    };
    let terms = page.terms_of_service.as_deref();
    let accepted = (is_over && terms == Some("required")).then_some("accepted");
    json!({
        "allow_promotion_codes": page.allow_promotion_codes.then_some(true),
        "automatic_tax": {
            "enabled": page.automatic_tax, "liability": page.automatic_tax.then(|| json!({ "type": "self" })),
            "provider": page.automatic_tax.then_some("stripe"), "status": page.automatic_tax.then_some(tax_status),
        },
        "billing_address_collection": page.billing_address_collection,
        "consent": accepted.map(|accepted| json!({ "promotions": null, "terms_of_service": accepted })),
        "consent_collection": terms.map(|terms| json!({
            "payment_method_reuse_agreement": null, "promotions": "none", "terms_of_service": terms,
        })),
        "invoice_creation": {
            "enabled": page.invoice_creation,
            "invoice_data": {
                "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null,
                "issuer": null, "metadata": {}, "rendering_options": null,
            },
        },
        "phone_number_collection": { "enabled": page.phone },
    })
}

/// Merges two JSON objects into one.
fn merge_objects(mut target: Value, source: Value) -> Value {
    if let (Value::Object(target), Value::Object(mut source)) = (&mut target, source) {
        target.append(&mut source);
    }
    target
}

/// Returns the URL of the payment page, which Stripe shows only of a hosted one, while the session is open.
fn url_if_open(session: &Session) -> Option<&str> {
    (session.status == SessionStatus::Open && !session.is_embedded()).then_some(session.url.as_str())
}

fn payment_method_types_json(session: &Session) -> Value {
    match session.params.allowed_payment_method_types.as_slice() {
        [] => json!(["card", "customer_balance"]),
        allowed => json!(allowed),
    }
}

fn customer_details_json(session: &Session) -> Value {
    match &session.params.customer_email {
        None => Value::Null,
        Some(email) => json!({
            "address": null, "business_name": null, "email": email, "individual_name": null, "name": null,
            "phone": null, "tax_exempt": "none", "tax_ids": null,
        }),
    }
}

/// Renders the list that `expand[]=line_items` adds to a session.
pub(super) fn line_items_to_json(session: &Session) -> Value {
    let currency = &session.params.currency;
    let items: Vec<Value> = session
        .params
        .line_items
        .iter()
        .map(|item| {
            json!({
                "id": item.id, "object": "item", "description": item.name, "quantity": item.quantity,
                "currency": currency, "amount_subtotal": item.total_amount(), "amount_total": item.total_amount(),
                "amount_discount": 0, "amount_tax": 0, "adjustable_quantity": null, "metadata": {},
                "price": null,
            })
        })
        .collect();
    list_json(
        items,
        false,
        &format!("/v1/checkout/sessions/{}/line_items", session.id),
    )
}

pub(super) fn intent_to_json(intent: &Intent) -> Value {
    let canceled = intent.status == IntentStatus::Canceled;
    let variable = json!({
        "id": intent.id, "object": "payment_intent", "livemode": false, "created": intent.created,
        "amount": intent.amount, "amount_capturable": 0, "amount_details": { "tip": {} },
        "amount_received": intent.amount_received, "currency": intent.currency, "status": intent.status,
        "metadata": intent.metadata, "description": intent.description, "latest_charge": intent.latest_charge,
        "last_payment_error": intent.last_error.as_deref().map(payment_error_json),
        "canceled_at": intent.canceled_at, "cancellation_reason": canceled.then_some("expired"),
        "client_secret": format!("{}_secret_simulated", intent.id),
    });
    let constant = json!({
        "application": null, "application_fee_amount": null, "automatic_payment_methods": null,
        "capture_method": "automatic_async", "confirmation_method": "automatic", "customer": null,
        "customer_account": null, "excluded_payment_method_types": null,
        "managed_payments": { "enabled": false }, "next_action": null, "on_behalf_of": null,
        "payment_method": null, "payment_method_configuration_details": null, "payment_method_options": {},
        "payment_method_types": ["card", "customer_balance"], "processing": null, "receipt_email": null,
        "review": null, "setup_future_usage": null, "shipping": null, "source": null,
        "statement_descriptor": null, "statement_descriptor_suffix": null, "transfer_data": null,
        "transfer_group": null,
    });
    merge_objects(variable, constant)
}

fn payment_error_json(code: &str) -> Value {
    match code {
        "card_declined" => json!({
            "type": "card_error", "code": code, "decline_code": "generic_decline",
            "message": "Your card was declined.",
        }),
        _ => {
            json!({ "type": "invalid_request_error", "code": code, "message": "The payment attempt failed." })
        }
    }
}

pub(super) fn charge_to_json(charge: &Charge) -> Value {
    let variable = json!({
        "id": charge.id, "object": "charge", "livemode": false, "created": charge.created,
        "amount": charge.amount, "amount_captured": charge.amount, "amount_refunded": charge.amount_refunded,
        "currency": charge.currency, "payment_intent": charge.intent, "metadata": charge.metadata,
        "description": charge.description, "captured": true, "paid": true, "status": "succeeded",
        "refunded": charge.amount_refunded == charge.amount, "disputed": charge.disputed,
    });
    let constant = json!({
        "application": null, "application_fee": null, "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": {
            "address": {
                "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null,
            },
            "email": charge.email, "name": null, "phone": null, "tax_id": null,
        },
        "calculated_statement_descriptor": null, "customer": null, "failure_balance_transaction": null,
        "failure_code": null, "failure_message": null, "fraud_details": {}, "on_behalf_of": null,
        "outcome": {
            "advice_code": null, "network_advice_code": null, "network_decline_code": null,
            "network_status": "approved_by_network", "reason": null, "risk_level": "normal",
            "seller_message": "Payment complete.", "type": "authorized",
        },
        "payment_method": null, "payment_method_details": null, "receipt_email": null, "receipt_number": null,
        "receipt_url": null, "review": null, "shipping": null, "source": null, "source_transfer": null,
        "statement_descriptor": null, "statement_descriptor_suffix": null, "transfer_data": null,
        "transfer_group": null,
    });
    merge_objects(variable, constant)
}

pub(super) fn refund_to_json(refund: &Refund) -> Value {
    let by_status = match refund.status {
        RefundStatus::Failed => json!({
            "failure_reason": refund.failure_reason, "failure_balance_transaction": null,
        }),
        RefundStatus::Pending => json!({ "pending_reason": "insufficient_funds" }),
        RefundStatus::RequiresAction => json!({
            "next_action": {
                "type": "display_details",
                "display_details": { "email_sent": { "email_sent_at": refund.created, "email_sent_to": "" },
                                     "expires_at": refund.created + 45 * 86_400 },
            },
        }),
        RefundStatus::Succeeded | RefundStatus::Canceled => json!({}),
    };
    let variable = json!({
        "id": refund.id, "object": "refund", "created": refund.created, "amount": refund.amount,
        "currency": refund.currency, "charge": refund.charge, "payment_intent": refund.intent,
        "status": refund.status, "reason": refund.reason, "metadata": refund.metadata,
        "balance_transaction": null, "customer": null, "customer_account": null,
        "destination_details": {
            "type": "card", "card": { "reference_status": "pending", "reference_type": "acquirer_reference_number",
                                      "type": "refund" },
        },
        "payment_method": null, "receipt_number": null, "source_transfer_reversal": null,
        "transfer_reversal": null,
    });
    merge_objects(variable, by_status)
}

pub(super) fn dispute_to_json(dispute: &Dispute) -> Value {
    const RESPONSE_DAYS: i64 = 10;
    let is_inquiry = matches!(
        dispute.status,
        DisputeStatus::WarningNeedsResponse | DisputeStatus::WarningUnderReview
    );
    let has_answer = matches!(
        dispute.status,
        DisputeStatus::WarningUnderReview | DisputeStatus::UnderReview
    );
    let due_by = (!dispute.status.is_closed()).then_some(dispute.created + RESPONSE_DAYS * 86_400);
    json!({
        "id": dispute.id, "object": "dispute", "livemode": false, "created": dispute.created,
        "amount": dispute.amount, "currency": dispute.currency, "charge": dispute.charge,
        "payment_intent": dispute.intent, "reason": dispute.reason, "status": dispute.status,
        "balance_transactions": [], "enhanced_eligibility_types": [], "evidence": {},
        "evidence_details": {
            "due_by": due_by, "enhanced_eligibility": {}, "has_evidence": has_answer, "past_due": false,
            "submission_count": i32::from(has_answer),
        },
        "is_charge_refundable": is_inquiry, "metadata": {}, "payment_method_details": null,
    })
}

pub(super) fn balance_json() -> Value {
    let zero = json!([{ "amount": 0, "currency": "eur", "source_types": { "card": 0 } }]);
    json!({ "object": "balance", "livemode": false, "available": zero, "pending": zero })
}

pub(super) fn account_json() -> Value {
    json!({
        "id": "acct_1Simulated", "object": "account", "type": "standard", "country": "DE",
        "default_currency": "eur", "business_type": null, "email": null, "charges_enabled": true,
        "payouts_enabled": true, "details_submitted": true, "capabilities": {}, "metadata": {},
    })
}

pub(super) fn list_json(data: Vec<Value>, has_more: bool, url: &str) -> Value {
    json!({ "object": "list", "data": data, "has_more": has_more, "url": url })
}
