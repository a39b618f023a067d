//! The address of the database.

use std::fmt;

use secrecy::SecretString;
use url::Url;

/// The address of the database.
#[derive(Clone)]
pub enum Database {
    /// The path of an SQLite file.
    Sqlite(String),
    /// The URL of a PostgreSQL server. It may contain a password.
    Postgres(SecretString),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{path}"),
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

pub(super) fn parse_database(text: &str) -> Result<Database, &'static str> {
    if let Some(path) = text.strip_prefix("sqlite://") {
        let good = !path.is_empty() && path != ":memory:" && !path.contains('?');
        return good
            .then(|| Database::Sqlite(path.to_owned()))
            .ok_or("must name a file: sqlite://PATH");
    }
    let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let good = known && Url::parse(text).is_ok();
    good.then(|| Database::Postgres(text.into()))
        .ok_or("must be sqlite://PATH or postgres://USER@HOST/NAME")
}
