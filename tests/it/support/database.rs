//! Creates a database for each test, with the schema in it, and removes it at the end of the test.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use holdfast::store::postgres::PostgresStore;
use holdfast::store::sqlite;
use holdfast::store::{PoolOptions, Schema as _, Store};
use sha2::{Digest, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::postgres;

/// The two database engines that the service supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// SQLite: the database is a file.
    Sqlite,
    /// PostgreSQL: the database is on a server.
    Postgres,
}

/// A migrated, empty database.
pub(crate) struct TestDatabase {
    engine: Engine,
    url: String,
    store: Arc<dyn Store>,
    raw: Raw,
    place: Place,
}

/// Connections beside the store, for tests that read or change rows.
enum Raw {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// What to remove at the end.
enum Place {
    Directory(PathBuf),
    Database(String),
}

const OPTIONS: PoolOptions = PoolOptions {
    max_connections: 32,
    acquire_timeout: Duration::from_secs(30),
    statement_timeout: Duration::from_secs(30),
    lock_timeout: Duration::from_secs(30),
    migration_timeout: Duration::from_secs(30),
};

impl TestDatabase {
    pub(crate) async fn new(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::in_a_file().await,
            Engine::Postgres => {
                static TEMPLATE: OnceCell<String> = OnceCell::const_new();
                Self::on_the_server(TEMPLATE.get_or_init(make_template).await).await
            }
        }
    }

    /// Creates a database without a schema.
    pub(crate) async fn without_schema(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::empty_file().await,
            Engine::Postgres => Self::on_the_server("template0").await,
        }
    }

    /// Creates a PostgreSQL database without a schema whose encoding has not all letters.
    pub(crate) async fn in_latin1() -> Self {
        Self::on_the_server("template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'").await
    }

    /// Creates an empty database with the migrations up to this version, as an earlier release left it.
    pub(crate) async fn of_version(engine: Engine, version: i64) -> Self {
        let database = Self::without_schema(engine).await;
        let folder = match engine {
            Engine::Sqlite => "migrations/sqlite",
            Engine::Postgres => "migrations/postgres",
        };
        let all = Migrator::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).await;
        let all = all.unwrap();
        match &database.raw {
            Raw::Sqlite(pool) => all.run_to(version, pool).await.unwrap(),
            Raw::Postgres(pool) => all.run_to(version, pool).await.unwrap(),
        }
        database
    }

    /// Creates a database that an earlier release filled, from a dump of it.
    pub(crate) async fn of_dump(engine: Engine, dump: &'static str) -> Self {
        match engine {
            Engine::Sqlite => {
                let database = Self::empty_file().await;
                // The dump lists tables by name, so a row can come before the row that it references.
                let options = SqliteConnectOptions::from_str(&database.url)
                    .unwrap()
                    .foreign_keys(false);
                let mut connection = <SqliteConnection as Connection>::connect_with(&options)
                    .await
                    .unwrap();
                sqlx::raw_sql(dump).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                database
            }
            Engine::Postgres => {
                let database = Self::on_the_server("template0").await;
                // Has its own connection, because the dump changes settings of the session.
                let mut connection = PgConnection::connect(&database.url).await.unwrap();
                sqlx::raw_sql(dump).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                database
            }
        }
    }

    async fn in_a_file() -> Self {
        let database = Self::empty_file().await;
        database.store.migrate().await.unwrap();
        database
    }

    async fn empty_file() -> Self {
        let directory = std::env::temp_dir().join(format!("holdfast-test-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).unwrap();
        let url = format!("sqlite://{}/holdfast.db", directory.display());
        let store = connect(Engine::Sqlite, &url).await;
        let file = SqliteConnectOptions::new().filename(directory.join("holdfast.db"));
        Self {
            engine: Engine::Sqlite,
            url,
            store,
            raw: Raw::Sqlite(SqlitePool::connect_lazy_with(file)),
            place: Place::Directory(directory),
        }
    }

    async fn on_the_server(template: &str) -> Self {
        let name = format!("holdfast_test_{}", Uuid::new_v4().simple());
        manage(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let url = postgres::url_of(&name);
        Self {
            engine: Engine::Postgres,
            store: connect(Engine::Postgres, &url).await,
            raw: Raw::Postgres(
                PgPoolOptions::new()
                    .max_connections(4)
                    .connect_lazy(&url)
                    .unwrap(),
            ),
            url,
            place: Place::Database(name),
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Returns the URL as `DATABASE_URL` names it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the store of this database.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Opens another store on the same database, as another instance does.
    pub(crate) async fn another_store(&self) -> Arc<dyn Store> {
        connect(self.engine, &self.url).await
    }

    /// Runs a statement; returns the number of changed rows, or the database's error.
    pub(crate) async fn try_execute(&self, sql: &str) -> Result<u64, String> {
        let sql = AssertSqlSafe(sql);
        let done = match &self.raw {
            Raw::Sqlite(pool) => sqlx::query(sql)
                .execute(pool)
                .await
                .map(|done| done.rows_affected()),
            Raw::Postgres(pool) => sqlx::query(sql)
                .execute(pool)
                .await
                .map(|done| done.rows_affected()),
        };
        done.map_err(|error| error.to_string())
    }

    /// Runs a statement that must succeed; returns the number of changed rows.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        self.try_execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Ends all leases in the database. They run by the database's clock, which a test cannot move.
    pub(crate) async fn expire_all_leases(&self) {
        for table in ["holds", "commands", "checkout_attempts", "event_deliveries"] {
            self.execute(&format!(
                "UPDATE {table} SET leased_until = NULL WHERE leased_until IS NOT NULL"
            ))
            .await;
        }
    }

    /// Returns the single text column of a query.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let safe = AssertSqlSafe(sql);
        let found = match &self.raw {
            Raw::Sqlite(pool) => sqlx::query_scalar(safe).fetch_all(pool).await,
            Raw::Postgres(pool) => sqlx::query_scalar(safe).fetch_all(pool).await,
        };
        found.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Returns the single number of a query.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let safe = AssertSqlSafe(sql);
        let found = match &self.raw {
            Raw::Sqlite(pool) => sqlx::query_scalar(safe).fetch_one(pool).await,
            Raw::Postgres(pool) => sqlx::query_scalar(safe).fetch_one(pool).await,
        };
        found.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match &self.place {
            Place::Directory(directory) => drop(std::fs::remove_dir_all(directory)),
            Place::Database(name) => {
                let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                // Uses its own runtime: the present one may be about to end, and this function cannot wait on it.
                let dropping = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    runtime.unwrap().block_on(manage(&statement));
                });
                drop(dropping.join());
            }
        }
    }
}

async fn connect(engine: Engine, url: &str) -> Arc<dyn Store> {
    match engine {
        Engine::Sqlite => {
            let path = url.strip_prefix("sqlite://").unwrap();
            Arc::new(sqlite::connect(path, OPTIONS).await.unwrap())
        }
        Engine::Postgres => Arc::new(PostgresStore::connect(url, OPTIONS).unwrap()),
    }
}

/// Runs a statement that creates or drops a database.
async fn manage(statement: &str) {
    let mut connection = PgConnection::connect(&postgres::maintenance_url()).await.unwrap();
    run(&mut connection, statement).await;
    connection.close().await.unwrap();
}

async fn run(connection: &mut PgConnection, statement: &str) {
    let done = sqlx::query(AssertSqlSafe(statement)).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Creates a template database with this version of the schema, once, even if several test processes share a server.
async fn make_template() -> String {
    let name = format!("holdfast_template_{}", fingerprint_of_migrations());
    let mut connection = PgConnection::connect(&postgres::maintenance_url()).await.unwrap();
    run(
        &mut connection,
        "SELECT pg_advisory_lock(hashtext('holdfast_template'))",
    )
    .await;
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
        .bind(&name)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    if !there {
        // Has a temporary name until it is complete.
        let draft = format!("holdfast_draft_{}", Uuid::new_v4().simple());
        run(&mut connection, &format!("CREATE DATABASE {draft}")).await;
        let store = PostgresStore::connect(&postgres::url_of(&draft), OPTIONS).unwrap();
        store.migrate().await.unwrap();
        run(
            &mut connection,
            &format!("ALTER DATABASE {draft} RENAME TO {name}"),
        )
        .await;
    }
    connection.close().await.unwrap();
    name
}

fn fingerprint_of_migrations() -> String {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).unwrap());
    }
    hex::encode(&hash.finalize()[..8])
}
