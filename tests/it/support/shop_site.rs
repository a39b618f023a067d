//! The page of a shop that sells with the widget of another origin, and what a guest does there in a real browser.

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use fantoccini::key::Key;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::browser::{Browser, Shop};

/// The slots are shown.
pub(crate) const READY: &str = "#slots[data-state=ready]";
/// The guest's unpaid hold is shown.
pub(crate) const HELD: &str = "#panel[data-state=held]:not([hidden])";
/// The guest is offered to go on and pay.
pub(crate) const GO_ON: &str = "#go-on:not([hidden])";

/// The page of a shop. It has another host than the service too, so that it is another site. Its content policy allows what
/// `docs/widget.md` says that the widget needs, and nothing else: what it refuses is on the console.
pub(crate) struct OtherSite {
    pub(crate) url: String,
    pub(crate) shop: Shop,
}

impl OtherSite {
    /// Opens a page that sells intro calls; the widget has these attributes too.
    pub(crate) async fn open(attributes: &str) -> Self {
        Self::selling(&format!("intro-call {attributes}")).await
    }

    /// Opens a page with one widget for each text: the id of an event type, and further attributes.
    pub(crate) async fn selling(widgets: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let shop = Shop::open_with(&[("HOLDFAST_ALLOWED_ORIGINS", &url)]);
        let widgets: String = widgets
            .split('\n')
            .map(|one| format!("<holdfast-booking event-type={one}></holdfast-booking>"))
            .collect();
        let page = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
             <title>A shop</title><link rel=icon href='data:,'><script defer src='{}/widget.js'></script>\
             <main><h1>A shop</h1>{widgets}</main>",
            shop.url
        );
        let (service, stripe) = (&shop.url, &shop.simulator_url);
        let policy = format!(
            "default-src 'none'; script-src {service} {stripe}; connect-src {service}; frame-src {stripe}; img-src data:"
        );
        let serve = async move || ([("content-security-policy", policy)], Html(page)).into_response();
        tokio::spawn(async move {
            let routes = Router::new().route("/", get(serve));
            axum::serve(listener, routes).await.unwrap();
        });
        Self { url, shop }
    }
}

/// Chooses the first free slot after what is shown at first, which cannot pass while the test runs. Returns its start.
pub(crate) async fn choose_later(browser: &Browser) -> String {
    browser.see(READY).await;
    browser.click("#next").await;
    browser.see(READY).await;
    if browser.shows("#next-free").await {
        browser.click("#next-free").await;
        browser.see(READY).await;
    }
    let start = browser
        .attribute("#slots label[data-state=free]", "data-start")
        .await;
    browser.click(&slot_at(&start)).await;
    start
}

/// Holds a slot on this page, and goes to the payment. Returns the start of the slot.
pub(crate) async fn start_checkout(browser: &Browser, page: &str) -> String {
    browser.open(page).await;
    let start = choose_later(browser).await;
    browser.click("#start").await;
    browser.see("#pay").await;
    start
}

/// Names the slot with this start, once the slots are shown.
pub(crate) fn slot_at(start: &str) -> String {
    format!("{READY} label[data-start='{start}']")
}

/// Makes the browser a telephone, and fails later if a page is wider than it: see [`assert_fits`].
pub(crate) async fn become_telephone(browser: &Browser) {
    let metrics = json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true });
    browser
        .devtools("Emulation.setDeviceMetricsOverride", metrics)
        .await;
}

/// Fails if the page is wider than the screen.
pub(crate) async fn assert_fits(browser: &Browser) {
    let width =
        "const { scrollWidth, clientWidth } = document.documentElement; return [scrollWidth, clientWidth]";
    let widths = browser.client().execute(width, Vec::new()).await.unwrap();
    assert_eq!(widths, json!([390, 390]), "page and screen");
}

/// Runs a script in each page before the page's own ones.
pub(crate) async fn run_first(browser: &Browser, script: &str) {
    let source = json!({ "source": script });
    browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", source)
        .await;
}

/// Runs a script in the page; `return` gives the result.
pub(crate) async fn run(browser: &Browser, script: &str) -> Value {
    browser.client().execute(script, Vec::new()).await.unwrap()
}

/// Presses the tabulator until the focus is on what the selector names.
pub(crate) async fn tab_to(browser: &Browser, css: &str) {
    let script = "const inside = document.activeElement?.shadowRoot?.activeElement; return Boolean(inside?.matches(arguments[0]))";
    for _ in 0..60 {
        press(browser, Key::Tab.into()).await;
        if browser.client().execute(script, vec![json!(css)]).await.unwrap() == json!(true) {
            return;
        }
    }
    panic!("the tabulator never comes to {css}");
}

/// Presses a key where the focus is.
pub(crate) async fn press(browser: &Browser, key: char) {
    let focused = browser.client().active_element().await.unwrap();
    focused.send_keys(&key.to_string()).await.unwrap();
}
