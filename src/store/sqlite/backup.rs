//! Copies the file of a store while other processes use it.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::store::StoreError;

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be made there; an existing one is never written over.
    #[error("cannot write the copy")]
    Copy(#[source] std::io::Error),
    /// There is no database to copy.
    #[error(transparent)]
    Missing(#[from] StoreError),
    /// The database cannot be read, or the disk is full.
    #[error("cannot copy the database")]
    Database(#[from] sqlx::Error),
    /// The file has no store in it, so the copy would be worth nothing.
    #[error("the file that DATABASE_URL names is not a database of Holdfast")]
    NoStore,
    /// The copy does not pass SQLite's check.
    #[error("the copy is damaged: {0}")]
    Damaged(String),
}

/// Writes a copy of the store in the file `source` to a new file `copy`, which only its owner can read. The copy is of one
/// moment; readers and the writer go on meanwhile. A copy that is not complete is removed.
///
/// # Errors
/// [`BackupError`] if `copy` exists or cannot be written, or `source` cannot be read.
pub async fn back_up(source: &str, copy: &Path) -> Result<(), BackupError> {
    super::require_file(source).await?;
    let mut original = SqliteConnectOptions::new()
        .filename(source)
        .read_only(true)
        .connect()
        .await?;
    if !is_store(&mut original).await? {
        return Err(BackupError::NoStore);
    }
    let mut open = tokio::fs::OpenOptions::new();
    open.write(true).create_new(true);
    #[cfg(unix)]
    open.mode(0o600);
    open.open(copy).await.map_err(BackupError::Copy)?;
    let done = async {
        // SQLite fills an empty file. As a whole path it cannot be taken for a URI.
        let path = tokio::fs::canonicalize(copy).await.map_err(BackupError::Copy)?;
        // SQLite takes a path as text only. Another one than this would be another file.
        let text = path.to_str().ok_or_else(|| {
            BackupError::Copy(std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                "its path is not UTF-8",
            ))
        })?;
        sqlx::query("VACUUM INTO $1")
            .bind(text)
            .execute(&mut original)
            .await?;
        check_copy(&path).await?;
        sync_copy(&path).await.map_err(BackupError::Copy)
    };
    let done = done.await;
    if done.is_err() {
        // The error of the copy says more than one of the removal.
        let _ = tokio::fs::remove_file(copy).await;
    }
    let _ = original.close().await;
    done
}

/// Tells whether a database has our tables. An empty file is a good database, too.
async fn is_store(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'holds')");
    query.fetch_one(connection).await
}

async fn check_copy(path: &Path) -> Result<(), BackupError> {
    let copy = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut copy = copy.connect().await?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut copy)
        .await?;
    let is_store = is_store(&mut copy).await?;
    copy.close().await?;
    match found.as_str() {
        "ok" if is_store => Ok(()),
        "ok" => Err(BackupError::Damaged("it is empty".to_owned())),
        _ => Err(BackupError::Damaged(found)),
    }
}

/// Waits until the copy and its name are on the disk.
async fn sync_copy(path: &Path) -> std::io::Result<()> {
    tokio::fs::File::open(path).await?.sync_all().await?;
    match path.parent() {
        Some(directory) => tokio::fs::File::open(directory).await?.sync_all().await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SQLite would fill a file with another name, and the copy would stay empty.
    #[cfg(unix)]
    #[tokio::test]
    async fn path_that_is_not_text_is_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("shop.db");
        let options = SqliteConnectOptions::new()
            .filename(&source)
            .create_if_missing(true);
        let mut store = options.connect().await.unwrap();
        sqlx::query("CREATE TABLE holds (id TEXT)")
            .execute(&mut store)
            .await
            .unwrap();
        let copy = directory
            .path()
            .join(std::ffi::OsStr::from_bytes(b"copy-\xff.db"));
        let refused = back_up(source.to_str().unwrap(), &copy).await;
        assert!(matches!(refused, Err(BackupError::Copy(_))), "{refused:?}");
        let left = std::fs::read_dir(directory.path()).unwrap();
        let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["shop.db"], "nothing is left behind");
    }
}
