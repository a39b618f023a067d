//! Tells a database that nobody has used from one with another schema: a misspelt path names a new file.

use std::path::Path;

use super::check::{Check, Verdict, flag};
use crate::config::Database;
use crate::workflow::{Context, queries};

const NAME: &str = "database";

/// Reports a file that does not exist. A file whose directory is missing is left to the check that opens the database.
pub(super) fn check_missing_file(database: &Database) -> Option<Check> {
    let Database::Sqlite(path) = database else {
        return None;
    };
    let file = Path::new(path);
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let has_directory = directory.is_none_or(Path::is_dir);
    (has_directory && !file.exists()).then(|| report_new(database))
}

/// Reports a database that responds and is not ready.
pub(super) async fn check_unready(database: &Database, context: &Context) -> Check {
    match queries::is_database_empty(context).await {
        Ok(true) => report_new(database),
        _ => flag(
            NAME,
            Verdict::Fault,
            "responds, but its schema does not match this program",
            "run `holdfast migrate`, or start `holdfast serve`, which migrates first",
        ),
    }
}

fn report_new(database: &Database) -> Check {
    let found = match database {
        Database::Sqlite(path) => format!("the file {path} is new and empty: is the path right?"),
        Database::Postgres(_) => "the database is empty: is it the right one?".to_owned(),
    };
    flag(
        NAME,
        Verdict::Fault,
        found,
        "correct DATABASE_URL; or run `holdfast migrate`, or start `holdfast serve`, which migrates first",
    )
}
