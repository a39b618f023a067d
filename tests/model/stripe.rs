//! The simulated Stripe: what each call does and returns, and what guests, banks and the shop do there by themselves.

use holdfast::domain::money::Money;
use holdfast::domain::session::{SessionPayment, SessionStatus};

use crate::call::{CommandIndex, EventKind, Guest, Reply, StripeEvent, intent_id, price, receipt};
use crate::process::Kind;
use crate::world::{AttemptState, Mutation, Session, SessionState, World};

/// The number that a copy of the first guest's session has, in place of a second guest.
pub(crate) const COPY: Guest = 1;

/// An action at Stripe that no workflow causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StripeAction {
    /// The guest pays with a method that succeeds at once.
    Pays(Guest),
    /// The card of the guest is declined; they may try again.
    Declined(Guest),
    /// The guest leaves for their bank, and returns even if the session expires meanwhile.
    GoesToBank(Guest),
    /// The bank confirms the payment, and the guest returns.
    BankPays(Guest),
    /// The guest chooses a payment method that takes days.
    PaysSlowly(Guest),
    /// The delayed payment succeeds after some days.
    MoneyArrives(Guest),
    /// The delayed payment fails after some days.
    MoneyFails(Guest),
    /// The session reaches its own expiry.
    TimeIsUp(Guest),
    /// The shop refunds the payment at Stripe's dashboard.
    ShopRefunds(Guest),
    /// The guest pays a copy of their session, which Stripe made with the same metadata.
    PaysCopy(Guest),
}

impl World {
    pub(super) fn create_session(&mut self, guest: Guest) -> Reply {
        if self.sessions[guest].is_none() {
            if self.time_is_up[guest] {
                return Reply::Refused(400);
            }
            self.sessions[guest] = Some(Session {
                state: SessionState::Open,
                at_bank: false,
                after_end: false,
                is_copy: false,
                paid: false,
                refunds: Vec::new(),
                refunded_by_shop: false,
            });
        }
        if self.mutation == Some(Mutation::UrlBeforeCommit) {
            self.has_url[guest] = true;
        }
        Reply::Done
    }

    pub(super) fn expire_session(&mut self, kind: Kind, guest: Guest) -> Reply {
        if self.mutation == Some(Mutation::ReleaseByClock) && kind == Kind::SweepHold {
            return Reply::Session(SessionStatus::Expired);
        }
        match self.session_state(guest) {
            None => Reply::Refused(404),
            Some(SessionState::Open) => {
                self.end_session(guest);
                Reply::Session(SessionStatus::Expired)
            }
            Some(_) => Reply::Refused(400),
        }
    }

    pub(super) fn read_session(&self, guest: Guest) -> Reply {
        Reply::Session(match self.session_state(guest) {
            None => return Reply::Refused(404),
            Some(SessionState::Open) => SessionStatus::Open,
            Some(SessionState::Paid) => SessionStatus::Complete(SessionPayment::Paid(receipt(guest))),
            Some(SessionState::Pending) => {
                SessionStatus::Complete(SessionPayment::Unpaid(Some(intent_id(guest))))
            }
            Some(SessionState::Failed) => SessionStatus::Failed,
            Some(SessionState::Expired) => SessionStatus::Expired,
        })
    }

    pub(super) fn refund_payment(&mut self, guest: Guest, money: Money, index: CommandIndex) -> Reply {
        assert_eq!(money, price(), "the model has whole refunds only");
        let session = self.sessions[guest].as_mut().unwrap();
        if !session.paid {
            return Reply::Refused(400);
        }
        if !session.refunded_by_shop && !session.refunds.contains(&index) {
            session.refunds.push(index);
        }
        let kind = if session.is_copy {
            EventKind::CopyRefunded
        } else {
            EventKind::Refunded
        };
        self.send_event(StripeEvent { guest, kind });
        Reply::Done
    }

    pub(crate) fn session_state(&self, guest: Guest) -> Option<SessionState> {
        self.sessions[guest].as_ref().map(|session| session.state)
    }

    fn end_session(&mut self, guest: Guest) {
        if let Some(session) = self.sessions[guest]
            .as_mut()
            .filter(|session| session.state == SessionState::Open)
        {
            session.state = SessionState::Expired;
            self.send_event(StripeEvent {
                guest,
                kind: EventKind::Expired,
            });
        }
    }

    /// Whether a guest may be at the payment page. With `stray_payments`, a session may also be paid after its attempt
    /// has closed, though no guest received its URL.
    fn can_pay(&self, guest: Guest, stray_payments: bool) -> bool {
        let closed = self.store.attempts[guest].is_some_and(|attempt| {
            matches!(
                attempt.state,
                AttemptState::Lost | AttemptState::Abandoned | AttemptState::Unsettled
            )
        });
        self.has_url[guest] || (stray_payments && closed)
    }

    /// Whether this action is possible now.
    pub(crate) fn is_possible(&self, action: StripeAction, stray_payments: bool) -> bool {
        use StripeAction::*;
        let open = |guest: Guest| {
            self.session_state(guest) == Some(SessionState::Open) && self.can_pay(guest, stray_payments)
        };
        let at_bank = |guest: Guest| {
            self.sessions[guest]
                .as_ref()
                .is_some_and(|session| session.at_bank)
        };
        match action {
            Pays(guest) | PaysSlowly(guest) | GoesToBank(guest) => open(guest) && !at_bank(guest),
            Declined(guest) => {
                let kind = EventKind::Declined;
                open(guest) && !at_bank(guest) && !self.events.contains(&StripeEvent { guest, kind })
            }
            BankPays(guest) => at_bank(guest),
            MoneyArrives(guest) | MoneyFails(guest) => {
                self.session_state(guest) == Some(SessionState::Pending)
            }
            TimeIsUp(guest) => self.store.attempts[guest].is_some() && !self.time_is_up[guest],
            PaysCopy(guest) => {
                guest != COPY && self.store.holds[guest].is_some() && self.sessions[COPY].is_none()
            }
            ShopRefunds(guest) => self.sessions[guest].as_ref().is_some_and(|session| {
                session.paid && session.refunds.is_empty() && !session.refunded_by_shop
            }),
        }
    }

    /// Carries out the action and sends its events.
    pub(crate) fn act(&mut self, action: StripeAction) {
        use StripeAction::*;
        match action {
            Pays(guest) => self.record_payment(
                guest,
                SessionState::Paid,
                &[EventKind::Paid, EventKind::IntentSucceeded],
            ),
            Declined(guest) => self.send_event(StripeEvent {
                guest,
                kind: EventKind::Declined,
            }),
            GoesToBank(guest) => self.session_mut(guest).at_bank = true,
            BankPays(guest) => {
                self.session_mut(guest).at_bank = false;
                if self.session_state(guest) == Some(SessionState::Open) {
                    return self.act(Pays(guest));
                }
                self.session_mut(guest).after_end = true;
                let ended = self.session_mut(guest).state;
                self.record_payment(guest, ended, &[EventKind::IntentSucceeded]);
            }
            PaysSlowly(guest) => {
                self.session_mut(guest).state = SessionState::Pending;
                self.send_event(StripeEvent {
                    guest,
                    kind: EventKind::Unpaid,
                });
            }
            MoneyArrives(guest) => {
                self.record_payment(
                    guest,
                    SessionState::Paid,
                    &[EventKind::AsyncSucceeded, EventKind::IntentSucceeded],
                );
            }
            MoneyFails(guest) => {
                self.session_mut(guest).state = SessionState::Failed;
                self.send_event(StripeEvent {
                    guest,
                    kind: EventKind::AsyncFailed,
                });
            }
            TimeIsUp(guest) => {
                self.time_is_up[guest] = true;
                self.end_session(guest);
            }
            PaysCopy(_) => {
                self.sessions[COPY] = Some(Session {
                    state: SessionState::Paid,
                    at_bank: false,
                    after_end: false,
                    is_copy: true,
                    paid: true,
                    refunds: Vec::new(),
                    refunded_by_shop: false,
                });
                for kind in [EventKind::CopyPaid, EventKind::CopyIntentSucceeded] {
                    self.send_event(StripeEvent { guest: COPY, kind });
                }
            }
            ShopRefunds(guest) => {
                self.session_mut(guest).refunded_by_shop = true;
                self.send_event(StripeEvent {
                    guest,
                    kind: EventKind::Refunded,
                });
            }
        }
    }

    fn record_payment(&mut self, guest: Guest, state: SessionState, events: &[EventKind]) {
        let session = self.session_mut(guest);
        (session.state, session.paid) = (state, true);
        for kind in events {
            self.send_event(StripeEvent { guest, kind: *kind });
        }
    }

    fn session_mut(&mut self, guest: Guest) -> &mut Session {
        self.sessions[guest].as_mut().unwrap()
    }
}
