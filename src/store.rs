//! The store: what the workflows need of a database, independent of the engine.
//!
//! There is a trait for each aggregate, declared in the file of its name here and implemented in the file of the same name
//! in `postgres/` and in `sqlite/`; [`Store`] is their sum. The file here also holds the row structs and the statements that
//! are equal in both engines. Statements that differ stand in the engines, with the reason.
//!
//! One method is one transaction. Expected outcomes are values (`Placed | SlotTaken`, `Done | Conflict | Duplicate`); a
//! [`StoreError`] means that something failed. No method calls Stripe, and none waits for anything but the database (I6).
//! Leases are taken and judged by the database's clock, so that instances whose clocks differ do not take work from each
//! other. The caller passes every other time; where instances must agree on it, the caller has read the database's clock.
//!
//! To add a statement: put it into the file of its aggregate, here if it is equal in both engines; add a method to the trait
//! and implement it in both engines; add a case to the contract tests, which run one suite over both engines.

pub mod access_keys;
pub mod allowances;
pub mod attempts;
mod attention;
pub mod audit;
pub mod availability;
pub mod blocks;
mod call_duration;
pub mod catalogue;
pub mod catalogue_files;
mod catalogue_writes;
pub mod changes;
mod checkout_json;
pub mod clock;
pub mod closed_times;
pub mod closures;
mod columns;
pub mod commands;
pub mod console_sessions;
pub mod deliveries;
mod delivery_attempts;
mod delivery_writes;
mod dry_run;
mod encoding;
pub mod endpoints;
mod error;
mod event_changes;
pub mod events;
pub mod events_out;
pub mod feeds;
pub mod figures;
mod group_commit;
pub mod guests;
pub mod hold_deliveries;
mod hold_list;
mod hold_search;
pub mod holds;
mod interface;
mod lease_request;
pub mod ledger;
pub mod lookups;
mod occupancy;
mod paging;
pub mod payments;
pub mod placements;
mod pool_options;
pub mod postgres;
mod read_groups;
pub mod refund_requests;
pub mod replacements;
pub mod resources;
mod schedule_json;
pub mod schema;
mod server_fault;
pub mod sessions;
pub mod sqlite;
pub mod summary;
mod transition_effect;
pub mod unowned_facts;
pub mod waiting_payments;

pub use access_keys::AccessKeys;
pub use allowances::{Allowances, LapseQuery, LimitUsage, LimitUsageQuery};
pub use attempts::{AttemptEnd, Attempts, Claim, LatestEnd, NewAttempt, StaleAttempt};
pub use audit::Audit;
pub use availability::{AvailabilityQuery, Occupancies};
pub use blocks::Blocks;
pub use catalogue::Catalogue;
pub use catalogue_files::{CatalogueChange, CatalogueFiles};
pub use changes::{ApplyOutcome, Changes, HoldChange, OrphanPayment, StateChange};
pub use clock::DatabaseClock;
pub use closed_times::ClosedConflicts;
pub use closures::{ClosureRefusal, Closures};
pub use commands::Commands;
pub use console_sessions::ConsoleSessions;
pub use deliveries::{AttemptResult, Deliveries, LeasedDelivery, ReplayedEvents};
pub use endpoints::{Endpoints, NewEndpoint, RotateOutcome};
pub use error::StoreError;
pub use events::{EventRecord, Events};
pub use events_out::EventsOut;
pub use feeds::{FeedRead, Feeds, KEPT_PREFIX, NewFeed};
pub use figures::Figures;
pub use guests::{GuestErasure, Guests};
pub use hold_deliveries::{HoldDeliveries, HoldEvent};
pub use hold_list::is_cursor_of_holds;
pub use holds::{Holds, ReleaseLease};
pub use interface::Store;
pub use lease_request::LeaseRequest;
pub use ledger::{Ledger, MergeOutcome, MoneyReport};
pub use lookups::{Lookup, LookupQuery, Lookups, SlotQuery, SlotReading};
pub use paging::is_cursor;
pub use payments::Payments;
pub use placements::{
    EXTENDED, HoldExtension, HoldLimits, HoldMove, MOVED, MoveOutcome, PlaceOutcome, Placements,
};
pub use pool_options::PoolOptions;
pub use refund_requests::{RefundRequest, RefundRequests};
pub use replacements::{EarlierFate, NewDetails, OwnHoldQuery, ReplaceOutcome, Replacement, Replacements};
pub use resources::Resources;
pub use schema::Schema;
pub use server_fault::ServerFault;
pub use sessions::{FoundSession, SessionSearch, Sessions};
pub use summary::Summaries;
pub use unowned_facts::{UnownedFact, UnownedFacts};
pub use waiting_payments::{WaitingPayment, WaitingPayments};
