//! Reads the limits on unpaid holds.

use super::ConfigReader;

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

impl<L: Fn(&str) -> Option<String>> ConfigReader<L> {
    /// Reads how many unpaid holds are allowed. A limit that counts more together is by default not below one that counts
    /// less: who raises the limit for a guest or a client need not raise a second one.
    pub(super) fn parse_max_live_holds(&mut self) -> MaxLiveHolds {
        const PER_EMAIL: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_EMAIL";
        let per_guest = self.parse_or_default("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "3", parse_count);
        let per_client = self.parse_or_default("HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT", "10", parse_count);
        let per_email = self.parse_or_default(PER_EMAIL, &per_guest.max(10).to_string(), parse_count);
        let per_network = self.parse_or_default(
            "HOLDFAST_MAX_LIVE_HOLDS_PER_NETWORK",
            &per_client.max(60).to_string(),
            parse_count,
        );
        if (1..per_guest).contains(&per_email) {
            self.add_error(
                PER_EMAIL,
                "must not be below HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST, unless it is 0",
            );
        }
        MaxLiveHolds {
            per_guest,
            per_email,
            per_client,
            per_network,
        }
    }
}

fn parse_count(text: &str) -> Result<u32, &'static str> {
    let count = text.parse().ok().filter(|count| *count <= 1_000_000);
    count.ok_or("must be a number from 0 to 1000000; 0 turns the limit off")
}
