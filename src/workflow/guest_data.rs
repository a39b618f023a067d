//! The data of one guest: exports it, and erases it.
//!
//! A guest is an e-mail address, trimmed and in lower case. Holds keep what was sold and paid; only who booked is erased.

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::booking::{Booking, HistoryLine, normalize_email};
use crate::domain::listing::{EventCopy, HoldFilter, PageRequest};
use crate::domain::session::SessionTerms;
use crate::store::GuestErasure;

/// How many holds a page of an export has. Each has its history and the bodies of its events.
const EXPORT_PAGE: u32 = 50;
/// From how many holds one transaction erases a guest.
const ERASE_BATCH: u32 = 1_000;

/// A hold of a guest with everything that is stored about it.
#[derive(Clone, Debug)]
pub struct ExportedHold {
    /// The hold with its booking and its payments.
    pub booking: Booking,
    /// The history, oldest line first.
    pub history: Vec<HistoryLine>,
    /// The events from Stripe that were applied to it, with the bodies that are still kept.
    pub events: Vec<EventCopy>,
}

/// What is stored about a guest: a page of holds, and on the first page what has no hold.
#[derive(Clone, Debug)]
pub struct GuestExport {
    /// The holds, newest first.
    pub holds: Vec<ExportedHold>,
    /// The terms of checkouts that have not ended.
    pub open_attempts: Vec<SessionTerms>,
    /// The events of payments without a hold that name the guest.
    pub orphan_events: Vec<EventCopy>,
    /// The cursor of the next page; `None` on the last one.
    pub next: Option<String>,
}

/// Exports what is stored about a guest, one page of holds at a time.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn export_guest(
    context: &Context,
    email: &str,
    cursor: Option<String>,
) -> Result<GuestExport, WorkflowError> {
    let store = &context.store;
    let guest = normalize_email(email);
    let (open_attempts, orphan_events) = match cursor {
        None => (
            store.list_open_attempts(&guest).await?,
            store.copy_orphan_events(&guest).await?,
        ),
        Some(_) => Default::default(),
    };
    let filter = HoldFilter {
        guest: Some(guest),
        ..HoldFilter::default()
    };
    let limit = EXPORT_PAGE;
    let page = store
        .list_bookings(&filter, &PageRequest { limit, cursor })
        .await?;
    let mut holds = Vec::new();
    for booking in page.entries {
        let id = booking.hold.id;
        holds.push(ExportedHold {
            history: store.list_history(id).await?,
            events: store.copy_events(id).await?,
            booking,
        });
    }
    Ok(GuestExport {
        holds,
        open_attempts,
        orphan_events,
        next: page.next,
    })
}

/// From where a guest was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasedGuest {
    /// Holds that named the guest.
    pub holds: u64,
    /// Events whose bodies were deleted.
    pub events: u64,
}

/// Erases a guest from all holds, also from confirmed ones, and from the stored bodies of events. `None` if the guest has an
/// unpaid hold or a checkout that has not ended: Stripe needs the address for these.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable; what was erased by then stays erased.
pub async fn erase_guest(context: &Context, email: &str) -> Result<Option<ErasedGuest>, WorkflowError> {
    let guest = normalize_email(email);
    let mut erased = ErasedGuest::default();
    loop {
        match context.store.erase_guest(&guest, ERASE_BATCH).await? {
            GuestErasure::Unfinished => return Ok(None),
            GuestErasure::Erased { holds, events } => {
                erased.holds += holds;
                erased.events += events;
                if holds < u64::from(ERASE_BATCH) {
                    break;
                }
            }
        }
    }
    let ErasedGuest { holds, events } = erased;
    tracing::info!(holds, events, "a guest was erased");
    Ok(Some(erased))
}
