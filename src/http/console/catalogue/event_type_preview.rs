//! Shows what an event type would be before it is saved: its slots of the next two weeks.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use maud::{Markup, html};

use super::event_type_acts::{keep_unshown, refuse_existing};
use super::event_type_form::FormPage;
use super::event_type_values::EventTypeBody;
use super::lists::PREVIEW;
use super::words::{CatalogueWords, ENGLISH, GERMAN};
use crate::domain::availability::{Slot, SlotSelection, SlotStatus};
use crate::domain::catalogue::EventType;
use crate::domain::time::Window;
use crate::domain::zone::{ZoneName, ZoneRules};
use crate::http::admin::event_types;
use crate::http::console::components::{ButtonKind, hidden, submit};
use crate::http::console::form_values::{FORM_TOKEN, FormValues};
use crate::http::console::navigation::MenuPage;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::{Problem, ProblemCode};
use crate::http::server::Server;
use crate::workflow::availability::{self, SlotListRequest};

/// How many days of slots are shown.
const DAYS: i64 = 14;
/// How many slots are listed at most; more would not be read.
const MAX_SLOTS: usize = 2_000;
/// How many slots of one day are shown.
const SHOWN_OF_DAY: usize = 48;

/// Shows the slots that an event type would have, or its form with what is wrong with it.
pub(super) async fn preview(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    values: FormValues,
) -> Result<Response, Problem> {
    if matches!(values.text("step"), Some("more" | "edit")) {
        return FormPage::new(&values)
            .show(&server, &signed_in, StatusCode::OK)
            .await;
    }
    let id = values.text("id").unwrap_or_default();
    let mut body = EventTypeBody::read(&values);
    keep_unshown(&server, id, &mut body.json).await?;
    let checked = event_types::check_event_type(&server, id, body.json.clone()).await;
    let event_type = match checked {
        Ok(event_type) => event_type,
        Err(problem) if problem.code() == ProblemCode::Invalid => {
            let page = FormPage::new(&values).with_errors(body.place_errors(problem.errors()));
            return page.show(&server, &signed_in, problem.status()).await;
        }
        Err(problem) => return Err(problem),
    };
    if refuse_existing(&server, id, &values).await.is_err() {
        let page = FormPage::new(&values).with_errors((vec!["id".to_owned()], Vec::new()));
        return page
            .show(&server, &signed_in, ProblemCode::Conflict.status())
            .await;
    }
    show_preview(&server, &signed_in, &values, event_type).await
}

async fn show_preview(
    server: &Server,
    signed_in: &SignedIn,
    values: &FormValues,
    event_type: EventType,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let schedule = event_type.schedule.as_ref();
    let zone = schedule
        .map_or(&signed_in.zone, |schedule| &schedule.timezone)
        .clone();
    let rules = server.context.settings.zones.find(&zone);
    let to_local = |at: DateTime<Utc>| rules.map_or(at.naive_utc(), |rules| rules.to_local(at));
    let today = to_local(signed_in.now).date();
    let last = today + Duration::days(DAYS - 1);
    let end = rules.and_then(|rules| rules.find_day(last)).map(|day| day.end);
    let end = end.unwrap_or(signed_in.now + Duration::days(DAYS));
    let within = Window::new(signed_in.now, end);
    let within = within.ok_or_else(|| Problem::new(ProblemCode::Internal, "the log has the details"))?;
    let list = SlotListRequest {
        within,
        quantity: 1,
        resource: None,
        selection: SlotSelection {
            only_free: false,
            limit: Some(MAX_SLOTS),
        },
    };
    let (id, name, price) = (event_type.id.clone(), event_type.name.clone(), event_type.price);
    let minutes = event_type.length().num_minutes();
    let listed = availability::preview_slots(&server.context, event_type, list).await?;
    let carried = carry_on(values);
    let save = format!("/console/event-types/{id}/save");
    let content = html! {
        div.card {
            p { strong { (name) } ", " (minutes) " min, " (signed_in.money(price)) }
            p.quiet { (words.not_saved_yet) }
        }
        h2 { (words.next_slots) }
        p { (words.zone_is) " " (zone) ". " (words.slots_mean) }
        (show_days(signed_in, words, &Days { today, rules, zone: &zone }, &listed.slots))
        div.buttons {
            form method="post" action=(save) {
                (signed_in.form_token()) (carried)
                (submit(ButtonKind::Main, words.save))
            }
            form method="post" action=(PREVIEW) {
                (signed_in.form_token()) (carried) (hidden("step", "edit"))
                (submit(ButtonKind::Plain, words.change))
            }
        }
    };
    Ok(signed_in.page(MenuPage::Catalogue, words.preview).show(content))
}

/// Carries the values of the form on, so that exactly what is shown is saved.
fn carry_on(values: &FormValues) -> Markup {
    let pairs = values
        .pairs()
        .filter(|(name, _)| ![FORM_TOKEN, "step"].contains(name));
    html! { @for (name, value) in pairs { (hidden(name, value)) } }
}

/// The days that are shown, and how an instant is on them.
struct Days<'a> {
    today: NaiveDate,
    rules: Option<&'a ZoneRules>,
    zone: &'a ZoneName,
}

impl Days<'_> {
    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        self.rules.map_or(at.naive_utc(), |rules| rules.to_local(at))
    }
}

fn show_days(signed_in: &SignedIn, words: &CatalogueWords, days: &Days<'_>, slots: &[Slot]) -> Markup {
    let caption = format!("{} ({})", words.next_slots, days.zone.as_str());
    html! {
        div.region role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr { th scope="col" { (words.day) } th scope="col" { (words.starts) } } }
                tbody {
                    @for offset in 0..DAYS {
                        @let day = days.today + Duration::days(offset);
                        @let of_day: Vec<&Slot> = slots.iter()
                            .filter(|slot| days.local(slot.window.starts_at()).date() == day).collect();
                        tr {
                            th.nowrap scope="row" { (signed_in.short_day(day)) }
                            td { (show_slots(words, days, &of_day)) }
                        }
                    }
                }
            }
        }
        @if slots.len() >= MAX_SLOTS { p { (words.first_slots_only) } }
    }
}

fn show_slots(words: &CatalogueWords, days: &Days<'_>, slots: &[&Slot]) -> Markup {
    let more = slots.len().saturating_sub(SHOWN_OF_DAY);
    html! {
        @if slots.is_empty() { span.quiet { (words.no_slot) } }
        ul.times {
            @for slot in slots.iter().take(SHOWN_OF_DAY) {
                @let time = days.local(slot.window.starts_at()).format("%H:%M").to_string();
                li {
                    @match slot.state {
                        SlotStatus::Free => (time),
                        SlotStatus::Held => { (time) " " span.quiet { "(" (words.slot_held) ")" } },
                        SlotStatus::Taken => { (time) " " span.quiet { "(" (words.slot_taken) ")" } },
                    }
                }
            }
            @if more > 0 { li { "+ " (more) } }
        }
    }
}
