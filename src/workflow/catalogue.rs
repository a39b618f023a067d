//! The operator's hands on the catalogue. Holds keep the terms that they were made on.

use super::{Context, Trouble};
use crate::domain::books::{Page, PageRequest, Put};
use crate::domain::catalogue::EventType;
use crate::domain::ids::EventTypeId;

/// Writes an event type, and its resource where that is new.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn put(context: &Context, event_type: &EventType) -> Result<Put, Trouble> {
    Ok(context.store.put_event_type(event_type, context.now()).await?)
}

/// Reads one.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn get(context: &Context, id: &EventTypeId) -> Result<Option<EventType>, Trouble> {
    Ok(context.store.event_type(id).await?)
}

/// Reads all, newest first.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn list(context: &Context, page: &PageRequest) -> Result<Page<EventType>, Trouble> {
    Ok(context.store.event_types(page).await?)
}

/// Takes one off sale; `false` where there was none.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn delete(context: &Context, id: &EventTypeId) -> Result<bool, Trouble> {
    Ok(context.store.delete_event_type(id).await?)
}
