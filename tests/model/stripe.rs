//! The simulated Stripe: what each call does and returns, and what guests, banks and the shop do there by themselves.

use std::collections::BTreeMap;

use holdfast::domain::session::{SessionPayment, SessionStatus};

use crate::call::{CommandIndex, EventKind, Guest, Reply, StripeEvent, intent_id, price, receipt};
use crate::money::{Dispute, Refund};
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
    /// The shop refunds what is left of the payment at Stripe's dashboard.
    ShopRefunds(Guest),
    /// The bank of the guest does not take the last refund.
    RefundFails(Guest),
    /// The bank of the guest disputes the whole payment, and withdraws the money.
    DisputeOpens(Guest),
    /// The shop wins the dispute, and has the money again.
    DisputeIsWon(Guest),
    /// The shop loses the dispute.
    DisputeIsLost(Guest),
    /// A day passes, and Stripe forgets all idempotency keys. The guest does not matter.
    DayPasses(Guest),
    /// The guest pays a copy of their session, which Stripe made with the same metadata.
    PaysCopy(Guest),
}

impl Session {
    /// What is neither refunded nor disputed, in minor units.
    pub(crate) fn left(&self) -> i64 {
        let back = self.refunds.iter().filter(|refund| !refund.has_failed);
        price().amount - back.map(|refund| refund.amount).sum::<i64>()
    }

    /// Refunds an amount; returns the number of the refund, or why Stripe refuses it.
    fn refund(&mut self, amount: i64, command: Option<CommandIndex>) -> Result<usize, &'static str> {
        match () {
            () if !self.paid => return Err("charge_not_paid"),
            () if matches!(self.dispute, Some(Dispute::Open | Dispute::Lost)) => {
                return Err("charge_disputed");
            }
            () if amount > self.left() => return Err("charge_already_refunded"),
            () => {}
        }
        let number = self.refunds.len();
        let has_failed = false;
        self.refunds.push(Refund {
            number,
            command,
            amount,
            has_failed,
        });
        Ok(number)
    }
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
                dispute: None,
                answers: BTreeMap::new(),
            });
        }
        if self.mutation == Some(Mutation::UrlBeforeCommit) {
            self.has_url[guest] = true;
        }
        Reply::Done
    }

    pub(super) fn expire_session(&mut self, kind: Kind, guest: Guest) -> Reply {
        let is_by_clock = match kind {
            Kind::SweepHold => self.mutation == Some(Mutation::ReleaseByClock),
            Kind::ReplacingCheckout(_) => self.mutation == Some(Mutation::HandoverByClock),
            _ => false,
        };
        if is_by_clock {
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

    pub(super) fn create_refund(&mut self, guest: Guest, amount: i64, index: CommandIndex, key: u8) -> Reply {
        let session = self.sessions[guest].as_mut().unwrap();
        let known = session.answers.get(&(index, key)).copied();
        let answer = known.unwrap_or_else(|| session.refund(amount, Some(index)));
        session.answers.insert((index, key), answer);
        match answer {
            Err(code) => Reply::RefundRefused(code),
            Ok(number) => {
                let refund = session.refunds[number];
                let kind = EventKind::RefundSeen(refund);
                self.send_event(StripeEvent { guest, kind });
                Reply::Refund(refund.snapshot(guest))
            }
        }
    }

    pub(super) fn list_refunds(&self, guest: Guest) -> Reply {
        let refunds = self.sessions[guest].iter().flat_map(|session| &session.refunds);
        let shown = refunds.map(|refund| {
            let mut shown = refund.snapshot(guest);
            if self.mutation == Some(Mutation::LookupLeftOut) {
                shown.command = None;
            }
            shown
        });
        Reply::Refunds(shown.collect())
    }

    pub(super) fn list_disputes(&self, guest: Guest) -> Reply {
        let disputes = self.sessions[guest].iter().filter_map(|session| session.dispute);
        Reply::Disputes(disputes.map(|dispute| dispute.snapshot(guest)).collect())
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

    /// Whether a guest may be at the payment page. With `stray_payments`, a session may also be paid though no guest
    /// received its URL: while its attempt runs, or after it has closed.
    fn can_pay(&self, guest: Guest, stray_payments: bool) -> bool {
        let is_stray =
            self.store.attempts[guest].is_some_and(|attempt| attempt.state != AttemptState::Placed);
        self.has_url[guest] || (stray_payments && is_stray)
    }

    /// Whether this action is possible now.
    pub(crate) fn is_possible(&self, action: StripeAction, stray_payments: bool) -> bool {
        use StripeAction::*;
        let open = |guest: Guest| {
            self.session_state(guest) == Some(SessionState::Open) && self.can_pay(guest, stray_payments)
        };
        let paid = |guest: Guest| self.sessions[guest].as_ref().filter(|session| session.paid);
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
            ShopRefunds(guest) => {
                paid(guest).is_some_and(|session| session.left() > 0 && session.dispute.is_none())
            }
            RefundFails(guest) => {
                let refund = paid(guest).and_then(|session| session.refunds.last());
                refund.is_some_and(|refund| !refund.has_failed)
            }
            DisputeOpens(guest) => paid(guest)
                .is_some_and(|session| session.dispute.is_none() && session.left() == price().amount),
            DisputeIsWon(guest) | DisputeIsLost(guest) => {
                paid(guest).is_some_and(|session| session.dispute == Some(Dispute::Open))
            }
            DayPasses(guest) => guest == 0 && !self.is_day_later,
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
            PaysCopy(_) => self.pay_copy(),
            ShopRefunds(guest) => self.refund_what_is_left(guest),
            RefundFails(guest) => self.fail_refund(guest),
            DisputeOpens(guest) => self.change_dispute(guest, Dispute::Open),
            DisputeIsWon(guest) => self.change_dispute(guest, Dispute::Won),
            DisputeIsLost(guest) => self.change_dispute(guest, Dispute::Lost),
            DayPasses(_) => {
                self.is_day_later = true;
                for session in self.sessions.iter_mut().flatten() {
                    session.answers.clear();
                }
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

    fn pay_copy(&mut self) {
        self.sessions[COPY] = Some(Session {
            state: SessionState::Paid,
            at_bank: false,
            after_end: false,
            is_copy: true,
            paid: true,
            refunds: Vec::new(),
            dispute: None,
            answers: BTreeMap::new(),
        });
        for kind in [EventKind::CopyPaid, EventKind::CopyIntentSucceeded] {
            self.send_event(StripeEvent { guest: COPY, kind });
        }
    }

    fn refund_what_is_left(&mut self, guest: Guest) {
        let session = self.session_mut(guest);
        let number = session.refund(session.left(), None).unwrap();
        let kind = EventKind::RefundSeen(session.refunds[number]);
        self.send_event(StripeEvent { guest, kind });
    }

    fn fail_refund(&mut self, guest: Guest) {
        let refund = self.session_mut(guest).refunds.last_mut().unwrap();
        refund.has_failed = true;
        let kind = EventKind::RefundSeen(*refund);
        self.send_event(StripeEvent { guest, kind });
    }

    fn change_dispute(&mut self, guest: Guest, dispute: Dispute) {
        self.session_mut(guest).dispute = Some(dispute);
        let kind = EventKind::DisputeSeen(dispute);
        self.send_event(StripeEvent { guest, kind });
    }

    fn session_mut(&mut self, guest: Guest) -> &mut Session {
        self.sessions[guest].as_mut().unwrap()
    }
}
