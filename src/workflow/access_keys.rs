//! Access keys: makes, lists and revokes them, and finds the key that a request carries.
//!
//! Every request that carries a key asks the database, so that a revoked key is refused by all instances at once.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::access_key::{AccessKey, KeyText, Scope, is_reserved_name};
use crate::domain::ids::AccessKeyId;
use crate::domain::listing::{Page, PageRequest};
use crate::store::{Store, StoreError};

/// How exactly the last use of a key is known. A use within this time after a recorded one writes nothing.
const LAST_USE_PRECISION: Duration = Duration::minutes(1);

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Names the holder of the key.
    pub name: String,
    /// What the key is for.
    pub scope: Scope,
    /// When the key stops to be good, if ever.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why a key is not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// Another key has the name, and the audit trail must tell them apart.
    #[error("another key has this name")]
    NameTaken,
    /// The name stands for the key of the environment or for the command line.
    #[error("this name is reserved")]
    NameReserved,
    /// The key would be past its time.
    #[error("a key must expire in the future")]
    Expired,
    /// The request was valid, but the database failed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<StoreError> for CreateKeyError {
    fn from(error: StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

/// The access keys of an installation at one moment. It needs no Stripe, so the command line can use it too.
pub struct KeyRegistry<'a> {
    store: &'a dyn Store,
    now: DateTime<Utc>,
}

impl Context {
    /// Returns the access keys.
    pub fn keys(&self) -> KeyRegistry<'_> {
        KeyRegistry::new(self.store.as_ref(), self.now())
    }
}

impl<'a> KeyRegistry<'a> {
    /// Looks at the keys in this store.
    pub fn new(store: &'a dyn Store, now: DateTime<Utc>) -> Self {
        Self { store, now }
    }

    /// Makes a new key. Its text is returned here and never again.
    ///
    /// # Errors
    /// [`CreateKeyError`] if no key was made.
    pub async fn create_key(&self, new: NewKey) -> Result<(AccessKey, KeyText), CreateKeyError> {
        if is_reserved_name(&new.name) {
            return Err(CreateKeyError::NameReserved);
        }
        let key = AccessKey {
            id: AccessKeyId(Uuid::new_v4()),
            name: new.name,
            scope: new.scope,
            created_at: self.now,
            expires_at: new.expires_at,
            last_used_at: None,
        };
        if key.is_expired(self.now) {
            return Err(CreateKeyError::Expired);
        }
        let text = KeyText::from_random(rand::random());
        if !self.store.insert_key(&key, &text.digest()).await? {
            return Err(CreateKeyError::NameTaken);
        }
        tracing::info!(key = %key.id, name = key.name, scope = key.scope.as_str(), "access key made");
        Ok((key, text))
    }

    /// Lists the keys, newest first.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if the database is unreachable.
    pub async fn list_keys(&self, page: &PageRequest) -> Result<Page<AccessKey>, WorkflowError> {
        Ok(self.store.list_keys(page).await?)
    }

    /// Finds the key with this id, whether it is good or not.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if the database is unreachable.
    pub async fn find_key(&self, id: AccessKeyId) -> Result<Option<AccessKey>, WorkflowError> {
        Ok(self.store.find_key_by_id(id).await?)
    }

    /// Revokes a key: from now on no instance accepts it. Returns it; `None` if there is no such key.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if the database is unreachable.
    pub async fn revoke_key(&self, id: AccessKeyId) -> Result<Option<AccessKey>, WorkflowError> {
        let revoked = self.store.delete_key(id).await?;
        if let Some(key) = &revoked {
            tracing::info!(key = %id, name = key.name, "access key revoked");
        }
        Ok(revoked)
    }

    /// Finds the key with this text; `None` if no good key has it.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if the database is unreachable: whether the key is good is unknown.
    pub async fn find_good_key(&self, text: &str) -> Result<Option<AccessKey>, WorkflowError> {
        let Some(text) = KeyText::parse(text) else {
            return Ok(None);
        };
        let key = self.store.find_key(&text.digest()).await?;
        Ok(key.filter(|key| !key.is_expired(self.now)))
    }

    /// Records that the key was used now, to the minute.
    pub async fn record_use(&self, key: &AccessKey) {
        let since = self.now - LAST_USE_PRECISION;
        if key.last_used_at.is_some_and(|at| at > since) {
            return;
        }
        // A key is as good in a database that takes no writes now; the next request records the use.
        if let Err(error) = self.store.record_key_use(key.id, self.now, since).await {
            tracing::warn!(key = %key.id, %error, "the use of a key was not recorded");
        }
    }
}
