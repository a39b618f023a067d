//! Parts of pages: fields, buttons, tables, and the page that asks once before an act.

#![allow(dead_code, reason = "each page uses the parts that it needs")]

use axum::response::Response;
use maud::{Markup, html};
use uuid::Uuid;

use super::language::Language;
use super::navigation::MenuPage;
use super::signed_in::SignedIn;

/// The field that makes the repetition of a form recognisable.
pub(super) const NONCE: &str = "nonce";

/// Makes the hidden field with a new random value, for an act that must not happen twice. A form that is sent again carries the
/// same value, which goes to the workflow as the idempotency key.
pub(super) fn nonce() -> Markup {
    hidden(NONCE, &Uuid::new_v4().to_string())
}

/// Makes a hidden field.
pub(super) fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// A field of one line.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    /// The name of its value; it is also the id of the element, so it is given once on a page.
    pub(super) name: &'a str,
    /// What the field is for.
    pub(super) label: &'a str,
    /// How it is filled in; may be empty.
    pub(super) help: &'a str,
    /// The kind of the input, such as `text`, `number`, `date`, `email`.
    pub(super) kind: &'a str,
    /// What stands in it.
    pub(super) value: &'a str,
    /// Whether it must be filled in.
    pub(super) is_required: bool,
    /// What is wrong with its value, if it was sent and refused.
    pub(super) error: Option<&'a str>,
}

impl Default for Field<'_> {
    fn default() -> Self {
        Self {
            name: "",
            label: "",
            help: "",
            kind: "text",
            value: "",
            is_required: false,
            error: None,
        }
    }
}

impl Field<'_> {
    /// Makes the field with one line.
    pub(super) fn show(self) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                (self.notes())
                input id=(self.name) name=(self.name) type=(self.kind) value=(self.value) required[self.is_required]
                    aria-describedby=[self.described_by()] aria-invalid=[self.error.map(|_| "true")];
            }
        }
    }

    /// Makes the field with several lines.
    pub(super) fn show_area(self, rows: u32) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                (self.notes())
                textarea id=(self.name) name=(self.name) rows=(rows) required[self.is_required]
                    aria-describedby=[self.described_by()] aria-invalid=[self.error.map(|_| "true")] { (self.value) }
            }
        }
    }

    /// Makes the field with a choice of values; each has its word for people.
    pub(super) fn show_choice(self, choices: &[(&str, &str)]) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                (self.notes())
                select id=(self.name) name=(self.name) required[self.is_required]
                    aria-describedby=[self.described_by()] aria-invalid=[self.error.map(|_| "true")] {
                    @for (value, word) in choices {
                        option value=(value) selected[*value == self.value] { (word) }
                    }
                }
            }
        }
    }

    fn notes(self) -> Markup {
        html! {
            @if !self.help.is_empty() { p.help id={ (self.name) "-help" } { (self.help) } }
            @if let Some(error) = self.error { p.error id={ (self.name) "-error" } { (error) } }
        }
    }

    fn described_by(self) -> Option<String> {
        let help = (!self.help.is_empty()).then(|| format!("{}-help", self.name));
        let error = self.error.map(|_| format!("{}-error", self.name));
        let ids: Vec<String> = help.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// Makes a checkbox with its label. `value` is what the form carries if it is ticked.
pub(super) fn checkbox(name: &str, value: &str, label: &str, is_ticked: bool) -> Markup {
    let id = format!("{name}-{value}");
    html! {
        div.check {
            input id=(id) type="checkbox" name=(name) value=(value) checked[is_ticked];
            label for=(id) { (label) }
        }
    }
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ButtonKind {
    /// What the page is for.
    Main,
    /// One of several things.
    Plain,
    /// What destroys or discloses something.
    Danger,
}

impl ButtonKind {
    fn class(self) -> &'static str {
        match self {
            Self::Main => "button main",
            Self::Plain => "button",
            Self::Danger => "button danger",
        }
    }
}

/// Makes the button that sends a form.
pub(super) fn submit(kind: ButtonKind, label: &str) -> Markup {
    html! { button class=(kind.class()) type="submit" { (label) } }
}

/// Makes a link that looks like a button.
pub(super) fn link_button(kind: ButtonKind, path: &str, label: &str) -> Markup {
    html! { a class=(kind.class()) href=(path) { (label) } }
}

/// Makes a table in a region of its own, which scrolls where the screen is narrower than the table. `headings` are those of the
/// columns; `rows` are `tr` elements.
pub(super) fn table(caption: &str, headings: &[&str], rows: Markup) -> Markup {
    html! {
        div.region role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// Makes the link to the next page of a list, if there is one. `path` has the query of this page without its cursor.
pub(super) fn next_page(language: Language, path: &str, next: Option<&str>) -> Markup {
    let separator = if path.contains('?') { '&' } else { '?' };
    let link = next.map(|cursor| {
        let cursor: String = url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
        format!("{path}{separator}cursor={cursor}")
    });
    html! {
        @if let Some(link) = link {
            p { a rel="next" href=(link) { (language.choose("Next page", "Nächste Seite")) } }
        }
    }
}

/// Asks once before an act: what will happen, and the two ways on.
pub(super) struct Confirmation<'a> {
    /// The page of the menu that it belongs to.
    pub(super) page: MenuPage,
    /// The question, as the title of the page.
    pub(super) title: &'a str,
    /// What will happen after the answer.
    pub(super) explanation: Markup,
    /// What the button says: the act, not "OK".
    pub(super) button: &'a str,
    /// How the button looks.
    pub(super) kind: ButtonKind,
    /// The path that the form posts to.
    pub(super) action: &'a str,
    /// The fields of the form: hidden ones, or ones that are still filled in.
    pub(super) fields: Markup,
    /// The page to go back to without the act.
    pub(super) back: &'a str,
}

impl SignedIn {
    /// Shows the page that asks once.
    pub(super) fn confirm(&self, confirmation: Confirmation<'_>) -> Response {
        let back = self
            .language
            .choose("Back, change nothing", "Zurück, nichts ändern");
        let form = html! {
            (confirmation.fields)
            div.buttons {
                (submit(confirmation.kind, confirmation.button))
                (link_button(ButtonKind::Plain, confirmation.back, back))
            }
        };
        self.page(confirmation.page, confirmation.title).show(html! {
            div.explanation { (confirmation.explanation) }
            (self.form(confirmation.action, form))
        })
    }
}
