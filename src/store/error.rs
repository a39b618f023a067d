//! The error that each method of the store can return.

/// A failure of the database, as the caller needs to know it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full or too busy; the same call may succeed later. Whether a commit that was under way took
    /// place is unknown: every method can be repeated.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The database answered something that should not be possible: a bug, or a schema that is not ours.
    #[error("the database answered unexpectedly")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Somebody must change the database or its address, or give back a lock, before this program can use it.
    #[error("{0}")]
    Unsuitable(String),
}

impl StoreError {
    /// Makes the same error for another caller that it concerns as well.
    pub(super) fn for_another_caller(&self) -> Self {
        match self {
            Self::Unavailable(sqlx::Error::PoolTimedOut) => Self::Unavailable(sqlx::Error::PoolTimedOut),
            Self::Unavailable(sqlx::Error::PoolClosed) => Self::Unavailable(sqlx::Error::PoolClosed),
            Self::Unavailable(other) => {
                Self::Unavailable(sqlx::Error::Io(std::io::Error::other(other.to_string())))
            }
            Self::Broken(source) => Self::Broken(source.to_string().into()),
            Self::Unsuitable(text) => Self::Unsuitable(text.clone()),
        }
    }
}
