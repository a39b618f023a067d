//! Object ids in Stripe's format: a prefix that tells the kind of object, then random letters and digits.
//!
//! The ids are unique but not secret; a client secret begins with the id of its session. They are random even with a seed, so nothing may depend on their order.

use rand::distr::{Alphanumeric, SampleString};

fn generate_id(prefix: &str, random_length: usize) -> String {
    let mut id = String::with_capacity(prefix.len() + random_length);
    id.push_str(prefix);
    Alphanumeric.append_string(&mut rand::rng(), &mut id, random_length);
    id
}

pub(super) fn generate_session_id() -> String {
    generate_id("cs_test_a1", 56)
}

/// Generates the secret that opens a session's embedded page.
pub(super) fn generate_client_secret(session: &str) -> String {
    generate_id(&format!("{session}_secret_"), 40)
}

pub(super) fn generate_payment_link_id() -> String {
    generate_id("plink_1", 23)
}

pub(super) fn generate_intent_id() -> String {
    generate_id("pi_3", 23)
}

pub(super) fn generate_charge_id() -> String {
    generate_id("ch_3", 23)
}

pub(super) fn generate_refund_id() -> String {
    generate_id("re_3", 23)
}

pub(super) fn generate_dispute_id() -> String {
    generate_id("du_1", 23)
}

pub(super) fn generate_event_id() -> String {
    generate_id("evt_1", 23)
}

pub(super) fn generate_request_id() -> String {
    generate_id("req_", 14)
}

pub(super) fn generate_line_item_id() -> String {
    generate_id("li_1", 23)
}
