//! The frame of every page: head, menu, who is signed in, and the place for the content.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::form_values::FORM_TOKEN;
use super::language::Language;
use super::navigation::MenuPage;
use super::notice::Notice;
use super::signed_in::SignedIn;
use crate::http::error::CompleteResponse;

struct FrameWords {
    skip: &'static str,
    menu: &'static str,
    signed_in_as: &'static str,
    sign_out: &'static str,
    language: &'static str,
    test_mode: &'static str,
}

static ENGLISH: FrameWords = FrameWords {
    skip: "Skip to the content",
    menu: "Pages",
    signed_in_as: "Signed in as",
    sign_out: "Sign out",
    language: "Language",
    test_mode: "Test mode: no real money moves",
};

static GERMAN: FrameWords = FrameWords {
    skip: "Zum Inhalt",
    menu: "Seiten",
    signed_in_as: "Angemeldet als",
    sign_out: "Abmelden",
    language: "Sprache",
    test_mode: "Testmodus: es fließt kein echtes Geld",
};

/// A page that is being built.
pub(super) struct PageBuilder<'a> {
    signed_in: &'a SignedIn,
    page: MenuPage,
    title: String,
    status: StatusCode,
    notices: &'static [Notice],
}

impl SignedIn {
    /// Begins a page with this title; `page` is the one of the menu that it belongs to.
    pub(super) fn page(&self, page: MenuPage, title: impl Into<String>) -> PageBuilder<'_> {
        PageBuilder {
            signed_in: self,
            page,
            title: title.into(),
            status: StatusCode::OK,
            notices: &[],
        }
    }

    /// Makes a form that posts to this path, with the token of the session.
    pub(super) fn form(&self, action: &str, content: Markup) -> Markup {
        html! {
            form.stack method="post" action=(action) {
                (self.form_token())
                (content)
            }
        }
    }

    /// Makes the hidden field with the token of the session.
    pub(super) fn form_token(&self) -> Markup {
        html! { input type="hidden" name=(FORM_TOKEN) value=(self.token.form_token()); }
    }
}

impl PageBuilder<'_> {
    /// Lets the page say what an act before it did.
    pub(super) fn notices(self, notices: &'static [Notice]) -> Self {
        Self { notices, ..self }
    }

    /// Sets the status of a page that shows an error. The audit trail then says that the act was refused or failed.
    pub(super) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Completes the page with its content.
    pub(super) fn show(self, content: Markup) -> Response {
        let signed_in = self.signed_in;
        let language = signed_in.language;
        let notice = signed_in.notice.as_deref();
        let notice = notice.and_then(|code| Notice::find(self.notices, code, language));
        let main = html! {
            @if let Some(text) = notice { p.notice role="status" { (text) } }
            (content)
        };
        let header = (account(signed_in), menu(signed_in, self.page));
        render(
            language,
            self.status,
            &self.title,
            &signed_in.location,
            header,
            main,
        )
    }
}

/// Renders a page for somebody who is not signed in.
pub(super) fn render_signed_out(
    language: Language,
    status: StatusCode,
    title: &str,
    location: &str,
    content: Markup,
) -> Response {
    render(language, status, title, location, (html! {}, html! {}), content)
}

fn render(
    language: Language,
    status: StatusCode,
    title: &str,
    location: &str,
    (account, menu): (Markup, Markup),
    main: Markup,
) -> Response {
    let words = language.choose(&ENGLISH, &GERMAN);
    let page = html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – Holdfast" }
                // Without it, browsers ask for a file that does not exist.
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(assets::STYLE.path());
                script src=(assets::SCRIPT.path()) defer {}
            }
            body {
                a.skip href="#content" { (words.skip) }
                header.top {
                    a.brand href="/console" { "Holdfast" }
                    (account)
                    (languages(language, words, location))
                    (menu)
                }
                main #content tabindex="-1" {
                    h1 { (title) }
                    (main)
                }
            }
        }
    };
    let mut response = (status, page).into_response();
    response.extensions_mut().insert(CompleteResponse);
    response
}

fn menu(signed_in: &SignedIn, current: MenuPage) -> Markup {
    let language = signed_in.language;
    let words = language.choose(&ENGLISH, &GERMAN);
    let pages = MenuPage::ALL
        .into_iter()
        .filter(|page| signed_in.may(page.scope()));
    html! {
        nav.menu aria-label=(words.menu) {
            ul {
                @for page in pages {
                    li {
                        a href=(page.path()) aria-current=[(page == current).then_some("page")] {
                            (page.title(language))
                        }
                    }
                }
            }
        }
    }
}

fn account(signed_in: &SignedIn) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    html! {
        div.account {
            @if !signed_in.livemode { span.badge.wait { (words.test_mode) } }
            span {
                (words.signed_in_as) " " strong { (signed_in.holder.name()) }
                " (" (signed_in.holder.scope().as_str()) ")"
            }
            form method="post" action="/console/sign-out" {
                (signed_in.form_token())
                button.link type="submit" { (words.sign_out) }
            }
        }
    }
}

fn languages(current: Language, words: &FrameWords, location: &str) -> Markup {
    let back: String = url::form_urlencoded::byte_serialize(location.as_bytes()).collect();
    let others = Language::ALL.into_iter().filter(|language| *language != current);
    html! {
        nav.languages aria-label=(words.language) {
            @for language in others {
                a href={ "/console/language/" (language.tag()) "?back=" (back) } lang=(language.tag())
                    hreflang=(language.tag()) { (language.name()) }
            }
        }
    }
}
