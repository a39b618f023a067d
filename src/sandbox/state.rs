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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::params::Params;
    use super::super::payments::{self, IntentStatus, Outcome};
    use super::super::refunds::NewRefund;
    use super::super::session_params;
    use super::super::sessions::{PaymentStatus, SessionStatus};
    use super::*;

    #[derive(Debug, Clone)]
    enum Deed {
        Pay(Outcome),
        Expire,
        Refund(Option<i64>),
        Dispute,
    }

    fn deed() -> impl Strategy<Value = Deed> {
        use Outcome::*;
        prop_oneof![
            prop::sample::select(vec![
                Paid,
                Declined,
                Processing,
                ProcessingSucceeded,
                ProcessingFailed
            ])
            .prop_map(Deed::Pay),
            Just(Deed::Expire),
            prop::option::of(1..6000_i64).prop_map(Deed::Refund),
            Just(Deed::Dispute),
        ]
    }

    fn with_session() -> (State, String) {
        let form = b"mode=payment&success_url=http://shop.test/&line_items[0][quantity]=1\
            &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=5000\
            &line_items[0][price_data][product_data][name]=Call";
        let order = session_params::read(&Params::parse(form), 0).unwrap();
        let mut state = State::default();
        let id = state
            .create_session(order, "sandbox", &Moment::of_itself(0))
            .id
            .clone();
        (state, id)
    }

    /// Whether it was done; what is refused must leave no trace.
    fn act(state: &mut State, session: &str, deed: &Deed) -> bool {
        let moment = Moment::of_itself(1);
        let intent = state.sessions[session].payment_intent.clone().unwrap_or_default();
        match deed {
            Deed::Pay(outcome) => payments::pay(state, session, *outcome, &moment).is_ok(),
            Deed::Expire => state.expire_session(session, &moment).is_ok(),
            Deed::Refund(amount) => {
                let order = NewRefund {
                    intent: Some(intent),
                    amount: *amount,
                    ..NewRefund::default()
                };
                state.refund(order, &moment).is_ok()
            }
            Deed::Dispute => state.dispute(&intent, &moment).is_ok(),
        }
    }

    fn check_books(state: &State, session: &str) {
        let session = &state.sessions[session];
        assert_eq!(state.due.is_empty(), session.status != SessionStatus::Open);
        assert!(state.intents.len() <= 1 && state.charges.len() <= 1);
        let paid = state
            .intents
            .values()
            .any(|intent| intent.status == IntentStatus::Succeeded);
        assert_eq!(paid, session.payment_status == PaymentStatus::Paid);
        assert_eq!(paid, state.charges.len() == 1);
        assert!(!paid || session.status == SessionStatus::Complete);
        let back: i64 = state.refunds.values().map(|refund| refund.amount).sum();
        assert_eq!(
            back,
            state
                .charges
                .values()
                .map(|charge| charge.amount_refunded)
                .sum::<i64>()
        );
        assert!(
            state
                .charges
                .values()
                .all(|charge| charge.amount_refunded <= charge.amount)
        );
    }

    proptest! {
        #[test]
        fn whatever_is_done_in_whatever_order_the_books_are_right(deeds in prop::collection::vec(deed(), 0..12)) {
            let (mut state, id) = with_session();
            for deed in &deeds {
                let (status, events) = (state.sessions[&id].status, state.events.all().count());
                let done = act(&mut state, &id, deed);
                check_books(&state, &id);
                prop_assert_eq!(done, state.events.all().count() > events, "{:?}", deed);
                prop_assert!(status == SessionStatus::Open || status == state.sessions[&id].status);
            }
        }
    }
}
