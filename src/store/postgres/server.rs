//! Looks at the server before it is used: its version, its encoding, its extension, our rights, and a pooler in between.

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use super::error::PostgresResult;
use crate::store::server_fault::ServerFacts;

/// The tables that the migrations make.
const TABLES: [&str; 30] = [
    "_sqlx_migrations",
    "access_keys",
    "allowances",
    "audit_entries",
    "blocks",
    "calendar_feeds",
    "checkout_attempts",
    "clients",
    "closures",
    "commands",
    "console_sessions",
    "disputes",
    "event_deliveries",
    "event_endpoints",
    "event_types",
    "events_out",
    "events_out_numbering",
    "guests",
    "hold_history",
    "holds",
    "installation",
    "occupancy",
    "payments",
    "reconciliation",
    "refund_requests",
    "refunds",
    "resources",
    "stripe_events",
    "summary_counts",
    "unowned_facts",
];

/// The views that triggers read, with the rights of the role that fires them.
const VIEWS: [&str; 1] = ["unverified_money"];

/// Reads [`ServerFacts`]; `$1` lists our tables, `$2` our views.
const READ_FACTS: &str = "WITH ours AS (
         SELECT c.oid, c.relname::text AS name, c.relowner, c.relkind FROM pg_class c
         WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))
           AND (c.relkind = 'r' AND c.relname = ANY ($1) OR c.relkind = 'v' AND c.relname = ANY ($2)))
     SELECT current_setting('server_encoding') AS encoding,
         current_setting('server_version_num')::integer AS version,
         current_setting('server_version') AS version_text,
         current_user::text AS role,
         current_schema()::text AS schema,
         EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'btree_gist') AS has_extension,
         EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'btree_gist') AS has_extension_files,
         has_database_privilege(current_database(), 'CREATE') AS may_create_in_database,
         coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create_in_schema,
         NOT EXISTS (SELECT 1 FROM ours WHERE name = '_sqlx_migrations' AND NOT has_table_privilege(oid, 'SELECT'))
             AS may_read_migrations,
         ARRAY(SELECT name FROM ours WHERE NOT (
             has_table_privilege(oid, 'SELECT') AND (name = '_sqlx_migrations' OR relkind = 'v'
             OR has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))) ORDER BY name)
             AS unusable_tables,
         ARRAY(SELECT name FROM ours WHERE NOT pg_has_role(relowner, 'USAGE') ORDER BY name) AS foreign_tables";

/// Names the server's process that a connection reaches: its id, and when it began, because ids are used again.
const WHO: &str = "SELECT pid || ' ' || backend_start AS who FROM pg_stat_get_activity(pg_backend_pid())";

/// Reads what the server says about itself and about our role.
pub(super) async fn read_facts(connection: &mut PgConnection) -> PostgresResult<ServerFacts> {
    let facts = sqlx::query_as(READ_FACTS)
        .bind(TABLES.as_slice())
        .bind(VIEWS.as_slice());
    Ok(facts.fetch_one(connection).await?)
}

/// How often two connections are compared. Once is enough, unless the pooler is just opening connections to the server.
const COMPARISONS: usize = 3;

/// Tells whether two connections share a process of the server, or one of them gets another process later. A pooler of
/// sessions, or none, does neither. All statements are simple ones, which each pooler passes on.
///
/// Each connection asks twice in a row: a pooler that gives out two processes in turn gives the second one then. If they
/// asked alternately, each of them would get the same one every time.
pub(super) async fn is_pooling_transactions(
    one: &mut PgConnection,
    other: &mut PgConnection,
) -> PostgresResult<bool> {
    let (first, second) = (ask_who(one).await?, ask_who(other).await?);
    let mut is_pooling = first == second;
    for _ in 0..COMPARISONS {
        for _ in 0..2 {
            is_pooling |= ask_who(one).await? != first;
        }
        for _ in 0..2 {
            is_pooling |= ask_who(other).await? != second;
        }
        if is_pooling {
            break;
        }
    }
    Ok(is_pooling)
}

async fn ask_who(connection: &mut PgConnection) -> PostgresResult<String> {
    Ok(sqlx::raw_sql(WHO).fetch_one(connection).await?.try_get("who")?)
}
