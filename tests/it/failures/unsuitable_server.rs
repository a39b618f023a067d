//! Gives the program a server that works and does not suit it: another encoding, a role with too few rights, settings of
//! the role that would end a migration. `migrate`, `serve` and `doctor` say so before anything is sold.

use holdfast::doctor::Verdict;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::support::app::{TestApp, variables};
use crate::support::database::{Engine, TestDatabase};
use crate::support::postgres::Server;
use crate::support::process::complete;

/// Checks that `migrate` and `serve` exit with code 1, and that they and `doctor` say this.
async fn assert_refused(app: &TestApp, url: &str, words: &[&str]) {
    let directory = TempDir::new().unwrap();
    for command in ["migrate", "serve"] {
        let ended = complete(directory.path(), &[command], &variables(url, app.stripe_url())).await;
        assert_eq!(ended.code, Some(1), "{command}: {ended:?}");
        for words in words {
            assert!(ended.stderr.contains(words), "{command}: {ended:?}");
        }
    }
    let checked = app.check_database(url).await;
    assert_eq!(checked.verdict, Verdict::Fault, "{checked}");
    for words in words {
        assert!(checked.found.contains(words), "{checked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_that_cannot_store_all_names_is_refused() {
    let app = TestApp::start(Engine::Postgres).await;
    let database = TestDatabase::in_latin1().await;
    assert_refused(&app, database.url(), &["the encoding LATIN1"]).await;
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(database.count(tables).await, 0, "nothing was created");
}

/// A server with the role `shop`, and a database of the same name that belongs to somebody else.
struct Shop {
    server: Server,
}

impl Shop {
    async fn open() -> Self {
        let shop = Self {
            server: Server::start(""),
        };
        shop.run("postgres", &["CREATE ROLE shop LOGIN", "CREATE DATABASE shop"])
            .await;
        shop.run("shop", &["REVOKE CREATE ON SCHEMA public FROM PUBLIC"])
            .await;
        shop
    }

    /// Runs statements as the superuser.
    async fn run(&self, database: &str, statements: &[&str]) {
        let mut connection = PgConnection::connect(&self.server.url_of("postgres", database))
            .await
            .unwrap();
        for statement in statements {
            let done = sqlx::query(AssertSqlSafe(*statement))
                .execute(&mut connection)
                .await;
            done.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        connection.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_with_too_few_rights_is_refused() {
    let app = TestApp::start(Engine::Postgres).await;
    let shop = Shop::open().await;
    let (as_shop, as_owner) = (
        shop.server.url_of("shop", "shop"),
        shop.server.url_of("postgres", "shop"),
    );
    let words = [
        "may not create the extension btree_gist",
        "may not create tables in the schema public",
    ];
    assert_refused(&app, &as_shop, &words).await;
    let directory = TempDir::new().unwrap();
    let migrated = complete(
        directory.path(),
        &["migrate"],
        &variables(&as_owner, app.stripe_url()),
    )
    .await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    assert_refused(
        &app,
        &as_shop,
        &["the role shop has too few rights on the tables", "holds"],
    )
    .await;
    // Serving needs no right to migrate while nothing is to be migrated.
    let grants = [
        "GRANT SELECT ON _sqlx_migrations TO shop",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop",
    ];
    shop.run("shop", &grants).await;
    let checked = app.check_database(&as_shop).await;
    assert_eq!(checked.verdict, Verdict::Ok, "{checked}");
    // A trigger reads the view when a payment changes.
    let revoke = ["REVOKE SELECT ON unverified_money FROM shop"];
    shop.run("shop", &revoke).await;
    assert_refused(&app, &as_shop, &["too few rights on the tables unverified_money"]).await;
    let grant = ["GRANT SELECT ON unverified_money TO shop"];
    shop.run("shop", &grant).await;
    shop.run("shop", &["DELETE FROM _sqlx_migrations WHERE version > 11"])
        .await;
    assert_refused(
        &app,
        &as_shop,
        &["the role shop has too few rights on the tables"],
    )
    .await;
}

/// A migration may take long, and the role's setting is for other programs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statement_timeout_of_the_role_ends_no_migration() {
    let app = TestApp::start(Engine::Postgres).await;
    let shop = Shop::open().await;
    let settings = [
        "ALTER DATABASE shop OWNER TO shop",
        "ALTER ROLE shop SET statement_timeout = '25ms'",
        "GRANT CREATE ON SCHEMA public TO shop",
    ];
    shop.run("shop", &settings).await;
    let directory = TempDir::new().unwrap();
    let url = shop.server.url_of("shop", "shop");
    let migrated = complete(directory.path(), &["migrate"], &variables(&url, app.stripe_url())).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    let checked = app.check_database(&url).await;
    assert_eq!(checked.verdict, Verdict::Ok, "{checked}");
}
