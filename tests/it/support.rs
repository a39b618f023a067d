//! What tests of several rooms stand on.

pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod crowd;
pub(crate) mod database;
pub(crate) mod faulty;
pub(crate) mod feed;
pub(crate) mod lock;
pub(crate) mod offers;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod python;
pub(crate) mod shop;
pub(crate) mod wait;

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
