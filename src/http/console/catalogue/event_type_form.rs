//! The form of an event type, in words that the owner of a shop understands.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::event_type_values::{
    DAYS, MAX_EXCEPTIONS, MAX_HOURS, UNITS, count_rows, exception_fields, hours_fields, segment_fields,
    unit_field,
};
use super::lists::PREVIEW;
use super::words::{CatalogueWords, ENGLISH, GERMAN};
use crate::domain::catalogue::{MAX_SEGMENTS, Resource};
use crate::domain::listing::PageRequest;
use crate::http::console::components::{ButtonKind, Field, checkbox, hidden, link_button, submit};
use crate::http::console::form_values::FormValues;
use crate::http::console::navigation::MenuPage;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::{FieldError, Problem};
use crate::http::server::Server;
use crate::workflow::catalogue;

/// How many resources the form offers.
const MAX_RESOURCES: u32 = 200;

/// The page with the form: its values, and what is wrong with them.
pub(super) struct FormPage<'a> {
    values: &'a FormValues,
    wrong: Vec<String>,
    others: Vec<FieldError>,
}

impl<'a> FormPage<'a> {
    /// Makes the page with these values.
    pub(super) fn new(values: &'a FormValues) -> Self {
        Self {
            values,
            wrong: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Says which fields are wrong, and what else is.
    pub(super) fn with_errors(self, (wrong, others): (Vec<String>, Vec<FieldError>)) -> Self {
        Self {
            wrong,
            others,
            ..self
        }
    }

    /// Shows the page with the form.
    pub(super) async fn show(
        self,
        server: &Server,
        signed_in: &SignedIn,
        status: StatusCode,
    ) -> Result<Response, Problem> {
        let words = signed_in.language.choose(&ENGLISH, &GERMAN);
        let page = PageRequest {
            limit: MAX_RESOURCES,
            cursor: None,
        };
        let resources = catalogue::list_resources(&server.context, &page).await?.entries;
        let form = EventTypeForm {
            page: &self,
            words,
            resources: &resources,
        };
        let title = match self.values.has("is_new") {
            true => words.new_event_type.to_owned(),
            false => self.values.text("name").unwrap_or(words.event_type).to_owned(),
        };
        let content = signed_in.form(PREVIEW, form.show());
        Ok(signed_in
            .page(MenuPage::Catalogue, title)
            .status(status)
            .show(content))
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.iter().any(|wrong| wrong == field)
    }
}

struct EventTypeForm<'a> {
    page: &'a FormPage<'a>,
    words: &'a CatalogueWords,
    resources: &'a [Resource],
}

impl EventTypeForm<'_> {
    fn show(&self) -> Markup {
        let (words, values) = (self.words, self.page.values);
        let is_new = values.has("is_new");
        html! {
            (self.errors())
            @if is_new {
                (hidden("is_new", "yes"))
                (self.text("id", words.id, words.id_help, true))
            } @else {
                (hidden("id", values.text("id").unwrap_or_default()))
            }
            (self.text("name", words.name, words.name_help, true))
            (self.field("description", words.description, words.description_help).show_area(3))
            fieldset {
                legend { (words.price) }
                div.row {
                    (self.text("amount", words.amount, words.amount_help, true))
                    (self.text("currency", words.currency, words.currency_help, true))
                }
                (self.text("payment_methods", words.methods, words.methods_help, false))
            }
            (self.segments())
            (self.schedule())
            fieldset {
                legend { (words.changes) }
                (self.length("guest_cancel_until_minutes", words.cancel_until, words.cancel_help))
                (self.length("guest_move_until_minutes", words.move_until, words.move_help))
            }
            div.buttons {
                (submit(ButtonKind::Main, words.see_preview))
                button.button type="submit" name="step" value="more" formnovalidate { (words.more_rows) }
                (link_button(ButtonKind::Plain, MenuPage::Catalogue.path(), words.back))
            }
            @if !is_new {
                p { a href={ "/console/event-types/" (values.text("id").unwrap_or_default()) "/delete" } {
                    (words.delete_event_type)
                } }
            }
        }
    }

    fn errors(&self) -> Markup {
        let page = self.page;
        html! {
            @if !page.wrong.is_empty() || !page.others.is_empty() {
                div.problem role="alert" {
                    p { (self.words.please_check) }
                    @if !page.others.is_empty() {
                        ul lang="en" { @for error in &page.others { li { (error.field) " " (error.detail) } } }
                    }
                }
            }
        }
    }

    /// Makes a field with its value, and says if it is wrong.
    fn field<'b>(&'b self, name: &'b str, label: &'b str, help: &'b str) -> Field<'b> {
        Field {
            name,
            label,
            help,
            value: self.page.values.raw(name).unwrap_or_default(),
            error: self.page.is_wrong(name).then_some(self.words.not_accepted),
            ..Field::default()
        }
    }

    fn text(&self, name: &str, label: &str, help: &str, is_required: bool) -> Markup {
        let field = self.field(name, label, help);
        Field { is_required, ..field }.show()
    }

    /// Makes the two fields of a length of time: a number and its unit.
    fn length(&self, name: &str, label: &str, help: &str) -> Markup {
        let unit = unit_field(name);
        let words = UNITS.map(|(unit, _)| match unit {
            "days" => (unit, self.words.days),
            "hours" => (unit, self.words.hours),
            _ => (unit, self.words.minutes),
        });
        let known = self.page.values.raw(&unit).unwrap_or("hours");
        let choice = Field {
            value: known,
            ..self.field(&unit, self.words.unit, "")
        };
        html! {
            div.row {
                (Field { kind: "number", ..self.field(name, label, help) }.show())
                (choice.show_choice(&words))
            }
        }
    }

    fn segments(&self) -> Markup {
        let (words, values) = (self.words, self.page.values);
        let rows = count_rows(values, "segments", MAX_SEGMENTS).max(1);
        let rows = match values.text("step") {
            Some("more") => (rows + 1).min(MAX_SEGMENTS),
            _ => rows,
        };
        html! {
            fieldset {
                legend { (words.who_and_how_long) }
                p.help { (words.segments_help) }
                (hidden("segments", &rows.to_string()))
                @for row in 0..rows { (self.segment(row, rows > 1)) }
                div.row {
                    (Field { kind: "number", ..self.field("buffer_before_minutes", words.buffer_before, words.buffer_help) }.show())
                    (Field { kind: "number", ..self.field("buffer_after_minutes", words.buffer_after, "") }.show())
                }
            }
        }
    }

    fn segment(&self, row: usize, has_several: bool) -> Markup {
        let (words, values) = (self.words, self.page.values);
        let [offset, minutes, resources] = segment_fields(row);
        let chosen: Vec<&str> = values.all(&resources).collect();
        html! {
            div.card {
                @if has_several { h3 { (words.part) " " (row + 1) } }
                div.row {
                    (Field { kind: "number", ..self.field(&minutes, words.duration, "") }.show())
                    @if has_several {
                        (Field { kind: "number", ..self.field(&offset, words.offset, words.offset_help) }.show())
                    }
                }
                fieldset {
                    legend { (words.one_of) }
                    @if self.page.is_wrong(&resources) { p.error { (words.not_accepted) } }
                    @if self.resources.is_empty() { p { (words.no_resource_yet) } }
                    @for resource in self.resources {
                        @let id = resource.id.as_str();
                        (checkbox(&resources, id, &resource.name, chosen.contains(&id)))
                    }
                    @for unknown in chosen.iter().filter(|id| !self.knows(id)) {
                        (checkbox(&resources, unknown, unknown, true))
                    }
                }
            }
        }
    }

    fn knows(&self, id: &str) -> bool {
        self.resources.iter().any(|resource| resource.id.as_str() == id)
    }

    fn schedule(&self) -> Markup {
        let (words, values) = (self.words, self.page.values);
        html! {
            fieldset {
                legend { (words.when) }
                (checkbox("scheduled", "yes", words.scheduled, values.has("scheduled")))
                p.help { (words.scheduled_help) }
                (self.text("timezone", words.timezone, words.timezone_help, false))
                (self.weekly())
                (self.exceptions())
                div.row {
                    (Field { kind: "number", ..self.field("step_minutes", words.step, words.step_help) }.show())
                    (Field { kind: "number", ..self.field("max_advance_days", words.advance, words.advance_help) }.show())
                }
                (self.length("min_notice_minutes", words.notice, words.notice_help))
            }
        }
    }

    fn weekly(&self) -> Markup {
        let (words, values) = (self.words, self.page.values);
        let is_used = |day: &str, row: usize| {
            hours_fields(day, row)
                .iter()
                .any(|field| values.text(field).is_some())
        };
        // One more row than the fullest day has.
        let used = (0..MAX_HOURS)
            .rev()
            .find(|row| DAYS.iter().any(|day| is_used(day, *row)));
        let rows = used.map_or(1, |row| row + 2).min(MAX_HOURS);
        html! {
            fieldset {
                legend { (words.weekly) }
                p.help { (words.weekly_help) }
                @for (day, name) in DAYS.iter().zip(words.weekdays) {
                    div.hours role="group" aria-label=(name) {
                        strong { (name) }
                        @for row in 0..rows {
                            @let [from, to] = hours_fields(day, row);
                            span.from-to {
                                (self.time(&from, &format!("{name}: {}", words.from)))
                                "–"
                                (self.time(&to, &format!("{name}: {}", words.to)))
                            }
                        }
                    }
                }
            }
        }
    }

    /// Makes a field for a time of day, whose label is for screen readers: the rows beside it show what it is.
    fn time(&self, name: &str, label: &str) -> Markup {
        let is_wrong = self.page.is_wrong(name);
        html! {
            input.time name=(name) aria-label=(label) value=(self.page.values.raw(name).unwrap_or_default())
                placeholder="--:--" maxlength="5" inputmode="numeric" autocomplete="off"
                aria-invalid=[is_wrong.then_some("true")];
        }
    }

    fn exceptions(&self) -> Markup {
        let (words, values) = (self.words, self.page.values);
        let counted = count_rows(values, "exceptions", MAX_EXCEPTIONS);
        let used = (0..counted)
            .rev()
            .find(|row| values.text(&exception_fields(*row)[0]).is_some());
        let blank = match values.text("step") {
            Some("more") => 4,
            _ => 2,
        };
        let rows = (used.map_or(0, |row| row + 1) + blank).min(MAX_EXCEPTIONS);
        html! {
            fieldset {
                legend { (words.exceptions) }
                p.help { (words.exceptions_help) }
                (hidden("exceptions", &rows.to_string()))
                @for row in 0..rows {
                    @let [date, from, to] = exception_fields(row);
                    @let label = |part: &str| format!("{} {}: {part}", words.exception, row + 1);
                    div.hours role="group" aria-label=(format!("{} {}", words.exception, row + 1)) {
                        input.date type="date" name=(date) aria-label=(label(words.day))
                            value=(values.raw(&date).unwrap_or_default())
                            aria-invalid=[self.page.is_wrong(&date).then_some("true")];
                        span.from-to {
                            (self.time(&from, &label(words.from)))
                            "–"
                            (self.time(&to, &label(words.to)))
                        }
                    }
                }
            }
        }
    }
}
