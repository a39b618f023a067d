//! The parts that the storm shares with the other tests: database, processes and auditor.

#![allow(dead_code, reason = "the other tests use the rest")]

#[path = "../it/support/audit.rs"]
pub(crate) mod audit;
#[path = "../it/support/catalogue_fixtures.rs"]
pub(crate) mod catalogue_fixtures;
#[path = "../it/support/client.rs"]
pub(crate) mod client;
#[path = "../it/support/database.rs"]
pub(crate) mod database;
#[path = "../it/support/database_lock.rs"]
pub(crate) mod database_lock;
#[path = "../it/support/postgres.rs"]
pub(crate) mod postgres;
#[path = "../it/support/process.rs"]
pub(crate) mod process;
#[path = "../it/support/proxy.rs"]
pub(crate) mod proxy;
#[path = "../it/support/wait_for.rs"]
pub(crate) mod wait_for;
