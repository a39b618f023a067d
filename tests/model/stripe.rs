//! Stripe in the model: what each call does and answers, and what guests, banks and the shop do there without us.

use holdfast::domain::money::Money;
use holdfast::domain::session::{SessionPayment, SessionStatus};

use crate::call::{Answer, CommandIndex, Guest, Note, NoteKind, intent_id, price, receipt};
use crate::process::Kind;
use crate::world::{Fault, Life, Session, Standing, World};

/// What happens at Stripe of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Happening {
    /// The guest pays at once.
    Pays(Guest),
    /// The guest's card is declined; they may try again.
    Declined(Guest),
    /// The guest goes to their bank, and will be back, session or no session.
    GoesToBank(Guest),
    /// The guest is back, and the money is there.
    BankPays(Guest),
    /// The guest chose a method that takes days.
    PaysSlowly(Guest),
    /// The slow money came.
    MoneyArrives(Guest),
    /// The slow money will not come.
    MoneyFails(Guest),
    /// The session's own time is over.
    TimeIsUp(Guest),
    /// The shop gives the money back at Stripe's dashboard.
    ShopRefunds(Guest),
}

impl World {
    pub(super) fn create(&mut self, guest: Guest) -> Answer {
        if self.sessions[guest].is_none() {
            if self.time_is_up[guest] {
                return Answer::Refused(400);
            }
            self.sessions[guest] = Some(Session {
                life: Life::Open,
                at_bank: false,
                after_end: false,
                paid: false,
                refunds: Vec::new(),
                refunded_by_shop: false,
            });
        }
        if self.fault == Some(Fault::UrlBeforeCommit) {
            self.given[guest] = true;
        }
        Answer::Done
    }

    pub(super) fn expire(&mut self, kind: Kind, guest: Guest) -> Answer {
        if self.fault == Some(Fault::ReleaseByClock) && kind == Kind::SweepHold {
            return Answer::Session(SessionStatus::Expired);
        }
        match self.life(guest) {
            None => Answer::Refused(404),
            Some(Life::Open) => {
                self.end_session(guest);
                Answer::Session(SessionStatus::Expired)
            }
            Some(_) => Answer::Refused(400),
        }
    }

    pub(super) fn read(&self, guest: Guest) -> Answer {
        Answer::Session(match self.life(guest) {
            None => return Answer::Refused(404),
            Some(Life::Open) => SessionStatus::Open,
            Some(Life::Paid) => SessionStatus::Complete(SessionPayment::Paid(receipt(guest))),
            Some(Life::Pending) => SessionStatus::Complete(SessionPayment::Unpaid(Some(intent_id(guest)))),
            Some(Life::Failed) => SessionStatus::Failed,
            Some(Life::Expired) => SessionStatus::Expired,
        })
    }

    pub(super) fn refund(&mut self, guest: Guest, money: Money, order: CommandIndex) -> Answer {
        assert_eq!(money, price(), "the model knows whole refunds only");
        let session = self.sessions[guest].as_mut().unwrap();
        if !session.paid {
            return Answer::Refused(400);
        }
        if !session.refunded_by_shop && !session.refunds.contains(&order) {
            session.refunds.push(order);
        }
        self.tell(Note {
            guest,
            kind: NoteKind::Refunded,
        });
        Answer::Done
    }

    pub(crate) fn life(&self, guest: Guest) -> Option<Life> {
        self.sessions[guest].as_ref().map(|session| session.life)
    }

    fn end_session(&mut self, guest: Guest) {
        if let Some(session) = self.sessions[guest]
            .as_mut()
            .filter(|session| session.life == Life::Open)
        {
            session.life = Life::Expired;
            self.tell(Note {
                guest,
                kind: NoteKind::Expired,
            });
        }
    }

    /// Whether somebody may be at the payment page: who was given the URL, and, where strays are let in, anybody once
    /// the session can have no hold any more.
    fn can_pay(&self, guest: Guest, strays: bool) -> bool {
        let closed = self.books.attempts[guest].is_some_and(|attempt| {
            matches!(
                attempt.standing,
                Standing::Lost | Standing::Abandoned | Standing::Unsettled
            )
        });
        self.given[guest] || (strays && closed)
    }

    /// Whether this can happen now.
    pub(crate) fn can(&self, happening: Happening, strays: bool) -> bool {
        use Happening::*;
        let open = |guest: Guest| self.life(guest) == Some(Life::Open) && self.can_pay(guest, strays);
        let at_bank = |guest: Guest| {
            self.sessions[guest]
                .as_ref()
                .is_some_and(|session| session.at_bank)
        };
        match happening {
            Pays(guest) | PaysSlowly(guest) | GoesToBank(guest) => open(guest) && !at_bank(guest),
            Declined(guest) => {
                let kind = NoteKind::Declined;
                open(guest) && !at_bank(guest) && !self.notes.contains(&Note { guest, kind })
            }
            BankPays(guest) => at_bank(guest),
            MoneyArrives(guest) | MoneyFails(guest) => self.life(guest) == Some(Life::Pending),
            TimeIsUp(guest) => self.books.attempts[guest].is_some() && !self.time_is_up[guest],
            ShopRefunds(guest) => self.sessions[guest].as_ref().is_some_and(|session| {
                session.paid && session.refunds.is_empty() && !session.refunded_by_shop
            }),
        }
    }

    /// Makes it happen.
    pub(crate) fn happen(&mut self, happening: Happening) {
        use Happening::*;
        match happening {
            Pays(guest) => self.pay(guest, Life::Paid, &[NoteKind::Paid, NoteKind::IntentSucceeded]),
            Declined(guest) => self.tell(Note {
                guest,
                kind: NoteKind::Declined,
            }),
            GoesToBank(guest) => self.session(guest).at_bank = true,
            BankPays(guest) => {
                self.session(guest).at_bank = false;
                if self.life(guest) == Some(Life::Open) {
                    return self.happen(Pays(guest));
                }
                self.session(guest).after_end = true;
                let ended = self.session(guest).life;
                self.pay(guest, ended, &[NoteKind::IntentSucceeded]);
            }
            PaysSlowly(guest) => {
                self.session(guest).life = Life::Pending;
                self.tell(Note {
                    guest,
                    kind: NoteKind::Unpaid,
                });
            }
            MoneyArrives(guest) => {
                self.pay(
                    guest,
                    Life::Paid,
                    &[NoteKind::AsyncSucceeded, NoteKind::IntentSucceeded],
                );
            }
            MoneyFails(guest) => {
                self.session(guest).life = Life::Failed;
                self.tell(Note {
                    guest,
                    kind: NoteKind::AsyncFailed,
                });
            }
            TimeIsUp(guest) => {
                self.time_is_up[guest] = true;
                self.end_session(guest);
            }
            ShopRefunds(guest) => {
                self.session(guest).refunded_by_shop = true;
                self.tell(Note {
                    guest,
                    kind: NoteKind::Refunded,
                });
            }
        }
    }

    fn pay(&mut self, guest: Guest, life: Life, notes: &[NoteKind]) {
        let session = self.session(guest);
        (session.life, session.paid) = (life, true);
        for kind in notes {
            self.tell(Note { guest, kind: *kind });
        }
    }

    fn session(&mut self, guest: Guest) -> &mut Session {
        self.sessions[guest].as_mut().unwrap()
    }
}
