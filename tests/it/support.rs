//! Fixtures and tools that tests of several folders use.

pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod booking_actions;
pub(crate) mod browser;
pub(crate) mod catalogue_fixtures;
pub(crate) mod client;
pub(crate) mod console;
pub(crate) mod console_browser;
pub(crate) mod database;
pub(crate) mod database_lock;
pub(crate) mod event_receiver;
pub(crate) mod fault_injection;
pub(crate) mod feed_server;
pub(crate) mod gateway_calls;
pub(crate) mod node;
pub(crate) mod pgbouncer;
pub(crate) mod postgres;
pub(crate) mod postgres_cluster;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod python;
pub(crate) mod race;
pub(crate) mod shop_site;
pub(crate) mod studio;
pub(crate) mod text_boxes;
pub(crate) mod wait_for;

/// Writes a test once and runs it on both engines: `on_both_engines!(async fn name(engine) { … })` makes `name::sqlite`
/// and `name::postgres`.
macro_rules! on_both_engines {
    ($($(#[$doc:meta])* async fn $name:ident($engine:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn run($engine: crate::support::database::Engine) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(crate::support::database::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run(crate::support::database::Engine::Postgres).await;
            }
        }
    )*};
}
pub(crate) use on_both_engines;
