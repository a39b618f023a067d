//! The store: one contract for both engines, upgrades, query plans and retention.

mod contract;
mod delivery_plans;
mod earlier_money;
mod list_plans;
mod query_plans;
mod retention;
mod rolling_upgrade;
mod upgrade;
mod upgrade_from_dump;
