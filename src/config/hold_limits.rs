//! The limits on unpaid holds that an operator sets.

/// The most unpaid holds that are allowed; 0 turns a limit off.
#[derive(Clone, Copy, Debug)]
pub struct MaxLiveHolds {
    /// `HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST`: of one e-mail address from one client address.
    pub per_guest: u32,
    /// `HOLDFAST_MAX_LIVE_HOLDS_PER_EMAIL`: of one e-mail address from all clients.
    pub per_email: u32,
    /// `HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT`: of one client address.
    pub per_client: u32,
    /// `HOLDFAST_MAX_LIVE_HOLDS_PER_NETWORK`: of one network of client addresses.
    pub per_network: u32,
}

impl MaxLiveHolds {
    /// Returns what is wrong with the limit for an e-mail address, if anything is.
    pub(super) fn find_email_fault(&self) -> Option<&'static str> {
        (1..self.per_guest)
            .contains(&self.per_email)
            .then_some("must not be below HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST, unless it is 0")
    }
}

/// Parses a limit on unpaid holds.
pub(super) fn parse_count(text: &str) -> Result<u32, &'static str> {
    let count = text.parse().ok().filter(|count| *count <= 1_000_000);
    count.ok_or("must be a number from 0 to 1000000; 0 turns the limit off")
}
