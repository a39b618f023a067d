//! Everything that the simulator remembers, and how a change leaves it as an event.
//!
//! In memory, behind one lock that `Simulator` holds; every change here is synchronous and short. The changes
//! themselves stand beside their nouns: `sessions`, `payments`, `refunds`, `disputes`.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value;

use super::disputes::Dispute;
use super::events::{EventLog, Origin};
use super::payments::{Charge, Intent};
use super::refunds::Refund;
use super::sessions::Session;

/// When something happens, and by which API request, if by one.
#[derive(Debug, Clone, Default)]
pub(super) struct Moment {
    /// Unix seconds, on the simulator's clock.
    pub(super) now: i64,
    pub(super) origin: Origin,
}

impl Moment {
    /// Something that no API request asked for: a guest, a bank, the passing of time.
    pub(super) fn of_itself(now: i64) -> Moment {
        Moment {
            now,
            origin: Origin::default(),
        }
    }
}

/// The account's objects, each kind in order of creation.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sessions: IndexMap<String, Session>,
    /// Open sessions by the second at which they are over.
    pub(super) due: BTreeSet<(i64, String)>,
    pub(super) intents: IndexMap<String, Intent>,
    pub(super) charges: IndexMap<String, Charge>,
    pub(super) refunds: IndexMap<String, Refund>,
    pub(super) disputes: IndexMap<String, Dispute>,
    pub(super) events: EventLog,
}

impl State {
    pub(super) fn emit(&mut self, event_type: &str, object: Value, moment: &Moment) {
        self.events.record(event_type, object, moment);
    }

    pub(super) fn emit_session(&mut self, event_type: &str, id: &str, moment: &Moment) {
        if let Some(object) = self.sessions.get(id).map(super::objects::session) {
            self.emit(event_type, object, moment);
        }
    }

    pub(super) fn emit_intent(&mut self, event_type: &str, id: &str, moment: &Moment) {
        if let Some(object) = self.intents.get(id).map(super::objects::intent) {
            self.emit(event_type, object, moment);
        }
    }

    pub(super) fn emit_charge(&mut self, event_type: &str, id: &str, moment: &Moment) {
        if let Some(object) = self.charges.get(id).map(super::objects::charge) {
            self.emit(event_type, object, moment);
        }
    }
}
