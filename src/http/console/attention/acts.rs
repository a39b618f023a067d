//! What the page lets an operator do.

use crate::http::console::access::Act;

/// The path of the form that runs a sweep.
pub(super) const SWEEP: &str = "/console/sweep";

/// Returns the act that runs a sweep.
pub(super) fn sweep_act() -> Act {
    Act::of("POST", "/v1/admin/sweep")
}

/// Returns the act that tries a command again.
pub(super) fn retry_act() -> Act {
    Act::of("POST", "/v1/admin/commands/{id}/retry")
}
