//! How often each action may happen in a graph.

/// How often each action may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// The number of processes that may crash.
    pub(crate) crashes: u8,
    /// The number of calls to Stripe that may fail or lose their response.
    pub(crate) lost_calls: u8,
    /// The number of transactions that may fail or lose their response.
    pub(crate) lost_commits: u8,
    /// How often all leases may end.
    pub(crate) lapses: u8,
    /// The number of sweep parts that may start by themselves, on any instance.
    pub(crate) sweeps: u8,
    /// The number of events that may be delivered.
    pub(crate) deliveries: u8,
    /// The number of actions of guests, banks and the shop at Stripe.
    pub(crate) stripe_actions: u8,
    /// The number of holds that their guests may release.
    pub(crate) releases: u8,
    /// The number of holds that an operator may cancel.
    pub(crate) cancellations: u8,
    /// How often a return page may ask Stripe about a hold.
    pub(crate) checks: u8,
}

/// A budget in which nothing fails and nothing happens by itself.
pub(crate) const NOTHING: Budget = Budget {
    crashes: 0,
    lost_calls: 0,
    lost_commits: 0,
    lapses: 0,
    sweeps: 0,
    deliveries: 0,
    stripe_actions: 0,
    releases: 0,
    cancellations: 0,
    checks: 0,
};

impl Budget {
    /// Widens each part that is not zero.
    pub(crate) fn widened(self) -> Self {
        let more: u8 = std::env::var("HOLDFAST_MODEL_MORE").map_or(0, |text| text.parse().unwrap());
        let wider = |count: u8| if count == 0 { 0 } else { count + more };
        Self {
            crashes: wider(self.crashes),
            lost_calls: wider(self.lost_calls),
            lost_commits: wider(self.lost_commits),
            lapses: wider(self.lapses),
            sweeps: wider(self.sweeps),
            deliveries: wider(self.deliveries),
            stripe_actions: wider(self.stripe_actions),
            releases: wider(self.releases),
            cancellations: wider(self.cancellations),
            checks: wider(self.checks),
        }
    }
}
