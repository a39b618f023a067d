//! The interface of a store: all that the workflows need of a database.

use super::access_keys::AccessKeys;
use super::allowances::Allowances;
use super::attempts::Attempts;
use super::audit::Audit;
use super::availability::Occupancies;
use super::blocks::Blocks;
use super::catalogue::Catalogue;
use super::catalogue_files::CatalogueFiles;
use super::changes::Changes;
use super::clock::DatabaseClock;
use super::closures::Closures;
use super::commands::Commands;
use super::console_sessions::ConsoleSessions;
use super::deliveries::Deliveries;
use super::endpoints::Endpoints;
use super::events::Events;
use super::events_out::EventsOut;
use super::feeds::Feeds;
use super::figures::Figures;
use super::guests::Guests;
use super::hold_deliveries::HoldDeliveries;
use super::holds::Holds;
use super::ledger::Ledger;
use super::lookups::Lookups;
use super::payments::Payments;
use super::placements::Placements;
use super::refund_requests::RefundRequests;
use super::replacements::Replacements;
use super::resources::Resources;
use super::schema::Schema;
use super::sessions::Sessions;
use super::summary::Summaries;
use super::unowned_facts::UnownedFacts;
use super::waiting_payments::WaitingPayments;

/// Defines [`Store`] as the sum of the named traits.
macro_rules! sum_of {
    ($($aggregate:ident),*) => {
        /// Everything that the workflows need of a database: the sum of the traits of all aggregates.
        pub trait Store: $($aggregate +)* Send + Sync + 'static {}

        impl<T> Store for T where T: $($aggregate +)* Send + Sync + 'static {}
    };
}

sum_of!(
    AccessKeys,
    Allowances,
    Attempts,
    Audit,
    Blocks,
    Catalogue,
    CatalogueFiles,
    Changes,
    Closures,
    Commands,
    ConsoleSessions,
    DatabaseClock,
    Deliveries,
    Endpoints,
    Events,
    EventsOut,
    Feeds,
    Figures,
    Guests,
    HoldDeliveries,
    Holds,
    Ledger,
    Lookups,
    Occupancies,
    Payments,
    Placements,
    RefundRequests,
    Replacements,
    Resources,
    Schema,
    Sessions,
    Summaries,
    UnownedFacts,
    WaitingPayments
);
