//! The counters that are shown before their first event.

use metrics::counter;

/// Counters whose labels are known, at 0 from the start. Prometheus computes an increase from two values, so a counter that
/// appears with its first event would hide that event from every alert. The codes of `holdfast_checkouts_refused_total` are
/// Stripe's.
const COUNTERS_FROM_ZERO: [(&str, &str, &[&str]); 12] = [
    (
        "holdfast_checkouts_total",
        "outcome",
        &["placed", "lost", "stripe_failed", "stripe_refused"],
    ),
    (
        "holdfast_transitions_total",
        "to",
        &["held", "processing", "confirmed", "released", "cancelled"],
    ),
    (
        "holdfast_webhooks_total",
        "outcome",
        &["applied", "duplicate", "ignored", "unreadable", "bad_signature"],
    ),
    (
        "holdfast_commands_total",
        "outcome",
        &["done", "deferred", "failed"],
    ),
    (
        "holdfast_worker_restarts_total",
        "worker",
        &[
            "outbox",
            "calendar_feeds",
            "comparison",
            "events_out",
            "sold_twice",
        ],
    ),
    (
        "holdfast_calendar_feeds_total",
        "outcome",
        &["read", "partial", "failed"],
    ),
    (
        "holdfast_event_deliveries_total",
        "outcome",
        &["done", "again", "failed", "gone"],
    ),
    (
        "holdfast_payments_without_slot_total",
        "kind",
        &["late", "no_hold"],
    ),
    (
        "holdfast_unknown_statuses_total",
        "object",
        &["refund", "dispute"],
    ),
    (
        "holdfast_store_retries_total",
        "reason",
        &["deadlock", "serialization", "connection"],
    ),
    (
        "holdfast_requests_refused_total",
        "code",
        &["rate_limited", "too_many_holds", "too_busy"],
    ),
    (
        "holdfast_connections_closed_total",
        "reason",
        &["too_many", "idle", "slow_header", "slow_rest"],
    ),
];

/// Shows each counter whose labels are known.
pub(super) fn start_counters() {
    for (name, label, values) in COUNTERS_FROM_ZERO {
        for value in values {
            counter!(name, label => *value).absolute(0);
        }
    }
    for name in [
        "holdfast_sweeps_total",
        "holdfast_auth_failures_total",
        "holdfast_sessions_unknown_total",
        "holdfast_store_groups_failed_total",
    ] {
        counter!(name).absolute(0);
    }
}
