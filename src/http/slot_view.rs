//! A slot as responses show it: in the list of slots, and as an alternative to a slot that is taken.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::timestamps::{serialize_instant, write_instant};
use crate::domain::availability::{Slot, SlotStatus};

/// A start that an event type offers for sale.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Slot)]
pub(super) struct SlotView {
    /// The first instant of the slot.
    #[serde(serialize_with = "serialize_instant")]
    starts_at: DateTime<Utc>,
    /// The first instant after the slot.
    #[serde(serialize_with = "serialize_instant")]
    ends_at: DateTime<Utc>,
    /// How many bookings of the requested quantity still fit.
    #[schema(example = 2)]
    available: u32,
    /// Whether the slot can be booked.
    status: SlotStatusView,
}

/// Whether a slot can be booked.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SlotStatus)]
enum SlotStatusView {
    /// The slot can be booked now.
    Free,
    /// The slot cannot be booked now. It becomes free again if an unpaid hold is released.
    Held,
    /// The slot cannot be booked.
    Taken,
}

impl From<&Slot> for SlotView {
    fn from(slot: &Slot) -> Self {
        Self {
            starts_at: slot.window.starts_at(),
            ends_at: slot.window.ends_at(),
            available: slot.available,
            status: match slot.state {
                SlotStatus::Free => SlotStatusView::Free,
                SlotStatus::Held => SlotStatusView::Held,
                SlotStatus::Taken => SlotStatusView::Taken,
            },
        }
    }
}

impl SlotView {
    /// Writes it as JSON, as serde does. A long list takes a fraction of the time so.
    pub(super) fn write_json(&self, to: &mut Vec<u8>) {
        to.extend(b"{\"starts_at\":\"");
        write_instant(self.starts_at, to);
        to.extend(b"\",\"ends_at\":\"");
        write_instant(self.ends_at, to);
        to.extend(b"\",\"available\":");
        to.extend(self.available.to_string().into_bytes());
        to.extend(match self.status {
            SlotStatusView::Free => &b",\"status\":\"free\"}"[..],
            SlotStatusView::Held => b",\"status\":\"held\"}",
            SlotStatusView::Taken => b",\"status\":\"taken\"}",
        });
    }
}
