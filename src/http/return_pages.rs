//! The pages that Stripe sends guests back to if the shop has none of its own.
//!
//! They show no hold by themselves. Their script reads the hold by its id, as any checkout page would, and shows its status.
//! Each language has one file, `clients/js/src/return/languages/….json`: `page` is what stands
//! in the page itself, the rest is the script's, which finds it in the page as JSON.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;

use super::language::Language;
use super::server::Server;
use super::static_assets::{to_page, to_script, to_style};

const TEMPLATE: &str = include_str!("pages/return.html");

static SHOPS_PAGES: LazyLock<Pages> = LazyLock::new(|| Pages::render(false));
static DEMO_PAGES: LazyLock<Pages> = LazyLock::new(|| Pages::render(true));

/// The page in each language.
struct Pages {
    english: String,
    german: String,
}

impl Pages {
    /// Puts the texts into the page. Only in the demo shop does its guest also play the bank.
    fn render(is_demo: bool) -> Self {
        Self {
            english: render_page(Language::English, is_demo),
            german: render_page(Language::German, is_demo),
        }
    }
}

/// The routes of the pages, their script and their style.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/checkout/done", get(serve_page))
        .route("/checkout/cancelled", get(serve_page))
        .route("/checkout/return.js", get(serve_script))
        .route("/checkout/page.css", get(serve_style))
}

/// What a page reads of the file of a language.
#[derive(Deserialize)]
struct PageTexts {
    page: BTreeMap<String, String>,
}

/// Returns the file of a language.
const fn texts_of(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../../clients/js/src/return/languages/en.json"),
        Language::German => include_str!("../../clients/js/src/return/languages/de.json"),
    }
}

/// Puts the texts of a language into the page.
fn render_page(language: Language, is_demo: bool) -> String {
    let texts = serde_json::from_str(texts_of(language)).map(|texts: PageTexts| texts.page);
    let page = TEMPLATE
        .replace("{lang}", language.tag())
        .replace("{demo}", if is_demo { " data-demo" } else { "" });
    let fill = |page: String, (name, text): (String, String)| page.replace(&format!("{{{name}}}"), &text);
    // Nothing is lost where a file cannot be read: a test reads all of them.
    let page = texts.unwrap_or_default().into_iter().fold(page, fill);
    // The last, because the texts have names in braces too. No text ends the script element.
    page.replace("{texts}", &texts_of(language).replace('<', "\\u003c"))
}

/// Serves the page after payment and the page after turning back, in the language of the browser. Its script reads from the path
/// which one it is.
async fn serve_page(State(server): State<Arc<Server>>, headers: HeaderMap) -> impl IntoResponse {
    let pages: &'static Pages = if server.demo { &DEMO_PAGES } else { &SHOPS_PAGES };
    let page: &'static str = match Language::of_browser(&headers) {
        Language::English => &pages.english,
        Language::German => &pages.german,
    };
    let vary = [(header::VARY, HeaderValue::from_static("accept-language"))];
    (vary, to_page(page))
}

/// Serves the script of both return pages, which is built from `clients/js`.
async fn serve_script() -> impl IntoResponse {
    to_script(include_str!("../../clients/js/dist/return.js"))
}

/// Serves the style of all pages.
async fn serve_style() -> impl IntoResponse {
    to_style(include_str!("pages/page.css"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Lists the texts of a file: the path of each, with the names of what is filled in.
    fn list_texts(path: &str, value: &Value, texts: &mut BTreeSet<String>) {
        let each: Vec<(String, &Value)> = match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), value))
                .collect(),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(n, value)| (n.to_string(), value))
                .collect(),
            text => {
                let text = text.as_str().unwrap();
                let names = text
                    .split('{')
                    .skip(1)
                    .map(|rest| rest.split('}').next().unwrap());
                texts.insert(format!("{path} {:?}", names.collect::<BTreeSet<_>>()));
                return;
            }
        };
        for (name, value) in each {
            list_texts(&format!("{path}/{name}"), value, texts);
        }
    }

    #[test]
    fn all_languages_have_the_same_texts() {
        let [english, german] = Language::ALL.map(|language| {
            let mut texts = BTreeSet::new();
            list_texts("", &serde_json::from_str(texts_of(language)).unwrap(), &mut texts);
            texts
        });
        let differences: Vec<_> = english.symmetric_difference(&german).collect();
        assert!(english.len() > 50 && differences.is_empty(), "{differences:#?}");
    }

    #[test]
    fn only_the_guest_of_the_demo_shop_plays_the_bank() {
        for language in Language::ALL {
            assert!(!render_page(language, false).contains("data-demo"));
            assert!(
                render_page(language, true)
                    .contains("<main class=\"card\" data-state=\"loading\" data-demo>")
            );
        }
    }

    #[test]
    fn page_has_all_its_texts() {
        for language in Language::ALL {
            let page = render_page(language, false);
            assert!(page.contains(&format!("<html lang=\"{}\">", language.tag())));
            let (before, rest) = page.split_once("application/json\">").unwrap();
            let (json, after) = rest.split_once("</script>").unwrap();
            let page = [before, after].concat();
            assert!(!page.contains('{'), "{page}");
            let of_script: Value = serde_json::from_str(json).unwrap();
            assert_eq!(
                of_script,
                serde_json::from_str::<Value>(texts_of(language)).unwrap()
            );
            let texts: PageTexts = serde_json::from_str(texts_of(language)).unwrap();
            for (name, text) in texts.page {
                assert!(
                    page.contains(&text) && !text.contains(['<', '&', '"']),
                    "{name}: {text}"
                );
            }
        }
    }
}
