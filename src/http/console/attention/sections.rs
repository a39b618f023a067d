//! The matters that need a person, one after another.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::acts::{SWEEP, retry_act, sweep_act};
use super::command::describe_command;
use super::words::{AttentionWords, SectionWords};
use crate::domain::booking::Booking;
use crate::domain::calendar_feed::Feed;
use crate::domain::command::Command;
use crate::domain::event_endpoint::EventEndpoint;
use crate::domain::ids::HoldId;
use crate::domain::listing::ListedPayment;
use crate::domain::money::Money;
use crate::http::console::components::{ButtonKind, link_button, table};
use crate::http::console::navigation::MenuPage;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::Tone;
use crate::workflow::attention::AttentionReport;

/// A kind of matter.
pub(super) struct Section {
    /// The id of its heading.
    pub(super) id: &'static str,
    /// What is the matter.
    pub(super) title: &'static str,
    /// What to do about it.
    pub(super) advice: &'static str,
    /// How urgent it is.
    pub(super) tone: Tone,
    /// How many there are.
    pub(super) count: i64,
    /// The first of them, with their buttons; without any, what else is to be said.
    pub(super) entries: Markup,
}

/// Makes the section of this kind.
fn section(words: &SectionWords, tone: Tone, count: i64, entries: Markup) -> Section {
    Section {
        id: words.id,
        title: words.title,
        advice: words.advice,
        tone,
        count,
        entries,
    }
}

impl Section {
    /// Returns what is to be said if nothing is the matter.
    pub(super) fn entries_or_none(&self, words: &AttentionWords) -> Markup {
        match self.entries.0.is_empty() {
            true => html! { (words.none) },
            false => self.entries.clone(),
        }
    }
}

/// Lists all kinds of matters, money first, those that are fine too.
pub(super) fn list_sections(
    signed_in: &SignedIn,
    words: &'static AttentionWords,
    report: &AttentionReport,
) -> Vec<Section> {
    let view = SectionView {
        signed_in,
        words,
        report,
    };
    let mut sections = view.list_money();
    sections.extend(view.list_work());
    sections
}

struct SectionView<'a> {
    signed_in: &'a SignedIn,
    words: &'static AttentionWords,
    report: &'a AttentionReport,
}

impl SectionView<'_> {
    fn list_money(&self) -> Vec<Section> {
        let (words, report, figures) = (self.words, self.report, &self.report.figures);
        let whole = |listed: &ListedPayment| listed.payment.money.amount;
        // A refund whose order is stuck has not failed at Stripe: as far as we know, it is still on its way.
        let due_back = |listed: &ListedPayment| {
            let sums = listed.payment.sums();
            if sums.due_back > 0 {
                sums.due_back
            } else {
                sums.refund_pending
            }
        };
        vec![
            section(
                &words.money_without_slot,
                Tone::Bad,
                figures.money_without_slot,
                self.show_payments(words.money_without_slot.title, &report.money_without_slot, whole),
            ),
            section(
                &words.slot_without_money,
                Tone::Bad,
                figures.slot_without_money,
                self.show_holds(words.slot_without_money.title, &report.slot_without_money),
            ),
            section(
                &words.refunds_failed,
                Tone::Bad,
                figures.refunds_failed,
                self.show_payments(words.refunds_failed.title, &report.refunds_failed, due_back),
            ),
            section(
                &words.disputed,
                Tone::Bad,
                figures.disputes_open,
                self.show_disputes(),
            ),
            section(
                &words.price_mismatches,
                Tone::Bad,
                figures.price_mismatches,
                self.show_holds(words.price_mismatches.title, &report.price_mismatches),
            ),
            section(
                &words.not_adding_up,
                Tone::Bad,
                figures.money_not_adding_up,
                self.show_payments(words.not_adding_up.title, &report.not_adding_up, whole),
            ),
        ]
    }

    fn list_work(&self) -> Vec<Section> {
        let (words, report, figures) = (self.words, self.report, &self.report.figures);
        let feeds = figures.feeds_partial + figures.feeds_failed;
        vec![
            section(
                &words.stuck,
                Tone::Bad,
                figures.commands_stuck,
                self.show_commands(&report.stuck),
            ),
            section(&words.overdue, Tone::Wait, figures.overdue, self.show_overdue()),
            section(
                &words.processing_long,
                Tone::Wait,
                figures.processing_long,
                self.show_holds(words.processing_long.title, &report.processing_long),
            ),
            section(
                &words.refusals,
                Tone::Bad,
                self.count_refusals(),
                self.show_refusals(),
            ),
            section(
                &words.last_event,
                Tone::Bad,
                self.count_missing_event(),
                self.show_last_event(),
            ),
            section(&words.feeds, Tone::Wait, feeds, self.show_feeds(&report.feeds)),
            section(
                &words.endpoints,
                Tone::Wait,
                figures.endpoints_failing,
                self.show_endpoints(&report.endpoints),
            ),
            section(
                &words.deliveries,
                Tone::Wait,
                figures.deliveries_failed,
                self.show_deliveries(),
            ),
        ]
    }

    fn open_hold(&self, hold: HoldId) -> Markup {
        link_button(
            ButtonKind::Plain,
            &format!("/console/holds/{hold}"),
            self.words.open_hold,
        )
    }

    /// Names a guest; one whose data is erased has neither name nor address.
    fn name_guest<'b>(&self, booking: &'b Booking) -> &'b str {
        let guest = &booking.guest;
        let email = Some(guest.email.as_str()).filter(|email| !email.is_empty());
        guest.name.as_deref().or(email).unwrap_or(self.words.no_name)
    }

    fn show_holds(&self, caption: &str, holds: &[Booking]) -> Markup {
        let signed_in = self.signed_in;
        let rows = html! {
            @for booking in holds {
                tr {
                    th scope="row" { (self.name_guest(booking)) }
                    td { (booking.event_type) }
                    td { (signed_in.time(booking.window().starts_at())) }
                    td.number { (signed_in.money_of(&booking.hold)) }
                    td { (self.open_hold(booking.hold.id)) }
                }
            }
        };
        let words = self.words;
        let headings = [words.guest, words.what, words.starts, words.money, words.act];
        html! { @if !holds.is_empty() { (table(caption, &headings, rows)) } }
    }

    fn show_overdue(&self) -> Markup {
        html! {
            (self.show_holds(self.words.overdue.title, &self.report.overdue))
            @if !self.report.overdue.is_empty() && self.signed_in.may(sweep_act().scope()) {
                p { (link_button(ButtonKind::Main, SWEEP, self.words.sweep)) }
            }
        }
    }

    fn show_payments(
        &self,
        caption: &str,
        payments: &[ListedPayment],
        amount: impl Fn(&ListedPayment) -> i64,
    ) -> Markup {
        let (signed_in, words) = (self.signed_in, self.words);
        let rows = html! {
            @for listed in payments {
                @let money = Money { amount: amount(listed), ..listed.payment.money };
                tr {
                    th scope="row" { (signed_in.money(money)) }
                    td { (signed_in.time(listed.created_at)) }
                    td {
                        @match signed_in.stripe_payment(&listed.payment.intent) {
                            Some(address) => a href=(address) rel="noreferrer" { (listed.payment.intent) },
                            None => (listed.payment.intent),
                        }
                    }
                    td {
                        @match listed.hold {
                            Some(hold) => (self.open_hold(hold)),
                            None => (words.without_hold),
                        }
                    }
                }
            }
        };
        let headings = [words.money, words.since, words.at_stripe, words.act];
        html! { @if !payments.is_empty() { (table(caption, &headings, rows)) } }
    }

    fn show_disputes(&self) -> Markup {
        let (signed_in, words) = (self.signed_in, self.words);
        let mut open: Vec<_> = self
            .report
            .disputed
            .iter()
            .flat_map(|listed| {
                listed
                    .payment
                    .facts
                    .disputes
                    .values()
                    .map(move |dispute| (listed, dispute))
            })
            .filter(|(_, dispute)| dispute.status.is_open())
            .collect();
        // What is due first comes first; what has no deadline any more, last.
        open.sort_by_key(|(_, dispute)| (dispute.due_by.is_none(), dispute.due_by));
        let rows = html! {
            @for (listed, dispute) in &open {
                tr {
                    th scope="row" { (signed_in.money(dispute.money)) }
                    td {
                        @match dispute.due_by {
                            Some(due_by) => (signed_in.time(due_by)),
                            None => (words.no_deadline),
                        }
                    }
                    td { (dispute.reason.as_ref().map(ToString::to_string).unwrap_or_default()) }
                    td {
                        @match signed_in.stripe_payment(&listed.payment.intent) {
                            Some(address) => a.button href=(address) rel="noreferrer" { (words.answer) },
                            None => (words.simulated),
                        }
                        @if let Some(hold) = listed.hold { " " (self.open_hold(hold)) }
                    }
                }
            }
        };
        let headings = [words.money, words.deadline, words.reason, words.act];
        html! { @if !open.is_empty() { (table(words.disputes, &headings, rows)) } }
    }

    fn show_commands(&self, commands: &[Command]) -> Markup {
        let (signed_in, words) = (self.signed_in, self.words);
        let may_retry = signed_in.may(retry_act().scope());
        let rows = html! {
            @for command in commands {
                tr {
                    th scope="row" { (describe_command(signed_in, words, command)) }
                    td.number { (command.tries) }
                    td lang="en" { (command.last_error.as_deref().unwrap_or_default()) }
                    td {
                        @if may_retry {
                            (link_button(ButtonKind::Plain, &format!("/console/commands/{}/retry", command.id), words.retry))
                        }
                        @if let Some(hold) = command.hold { " " (self.open_hold(hold)) }
                    }
                }
            }
        };
        let headings = [words.command, words.tries, words.error, words.act];
        html! { @if !commands.is_empty() { (table(words.stuck.title, &headings, rows)) } }
    }

    fn count_refusals(&self) -> i64 {
        i64::try_from(self.report.refusals.iter().flatten().count()).unwrap_or(i64::MAX)
    }

    fn show_refusals(&self) -> Markup {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for code in self.report.refusals.iter().flatten() {
            *counts.entry(code).or_default() += 1;
        }
        html! {
            @if !counts.is_empty() {
                p { (self.words.of_latest) " " (self.report.refusals.len()) ":" }
                ul { @for (code, count) in counts { li { code { (code) } ": " (count) } } }
            }
        }
    }

    /// Counts a missing event: none ever came although something is to be reported.
    fn count_missing_event(&self) -> i64 {
        let figures = &self.report.figures;
        let is_expected = figures.held + figures.processing + figures.overdue > 0;
        i64::from(self.report.last_event_at.is_none() && is_expected)
    }

    fn show_last_event(&self) -> Markup {
        html! {
            @match self.report.last_event_at {
                Some(at) => (self.signed_in.time(at)),
                None => (self.words.no_event),
            }
        }
    }

    fn show_feeds(&self, feeds: &[Feed]) -> Markup {
        let (signed_in, words) = (self.signed_in, self.words);
        let rows = html! {
            @for feed in feeds {
                tr {
                    th scope="row" { (feed.resource) }
                    td lang="en" { (feed.fault.as_deref().or(feed.faults.first().map(String::as_str)).unwrap_or_default()) }
                    td { @if let Some(at) = feed.read_at { (signed_in.time(at)) } }
                    td { (link_button(ButtonKind::Plain, MenuPage::Feeds.path(), words.open_feeds)) }
                }
            }
        };
        let headings = [words.resource, words.error, words.last_read, words.act];
        html! { @if !feeds.is_empty() { (table(words.feeds.title, &headings, rows)) } }
    }

    fn show_endpoints(&self, endpoints: &[EventEndpoint]) -> Markup {
        let (signed_in, words) = (self.signed_in, self.words);
        // What an endpoint is needs a higher scope than that it fails.
        if !signed_in.may(MenuPage::Endpoints.scope()) {
            return html! {};
        }
        let rows = html! {
            @for endpoint in endpoints {
                tr {
                    th scope="row" { (endpoint.id) }
                    td { @if let Some(at) = endpoint.failing_since { (signed_in.time(at)) } }
                    td lang="en" { (endpoint.last_fault.as_deref().unwrap_or_default()) }
                    td { (link_button(ButtonKind::Plain, MenuPage::Endpoints.path(), words.open_endpoints)) }
                }
            }
        };
        let headings = [words.endpoint, words.since, words.error, words.act];
        html! { @if !endpoints.is_empty() { (table(words.endpoints.title, &headings, rows)) } }
    }

    fn show_deliveries(&self) -> Markup {
        let is_shown =
            self.report.figures.deliveries_failed > 0 && self.signed_in.may(MenuPage::Endpoints.scope());
        html! {
            @if is_shown {
                p { (link_button(ButtonKind::Plain, MenuPage::Endpoints.path(), self.words.open_endpoints)) }
            }
        }
    }
}
