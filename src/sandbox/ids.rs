//! Identifiers in Stripe's shapes: a prefix that tells the kind, then random letters and digits.
//!
//! Unique for all practical purposes, not secret, and not reproducible: nothing may depend on their order.

use rand::distr::{Alphanumeric, SampleString};

fn with_prefix(prefix: &str, random_length: usize) -> String {
    let mut id = String::with_capacity(prefix.len() + random_length);
    id.push_str(prefix);
    Alphanumeric.append_string(&mut rand::rng(), &mut id, random_length);
    id
}

pub(super) fn session() -> String {
    with_prefix("cs_test_a1", 56)
}

pub(super) fn intent() -> String {
    with_prefix("pi_3", 23)
}

pub(super) fn charge() -> String {
    with_prefix("ch_3", 23)
}

pub(super) fn refund() -> String {
    with_prefix("re_3", 23)
}

pub(super) fn dispute() -> String {
    with_prefix("du_1", 23)
}

pub(super) fn event() -> String {
    with_prefix("evt_1", 23)
}

pub(super) fn request() -> String {
    with_prefix("req_", 14)
}

pub(super) fn line_item() -> String {
    with_prefix("li_1", 23)
}
