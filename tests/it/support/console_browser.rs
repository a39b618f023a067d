//! A real browser at the console: signs in, looks with axe, and keeps a screenshot of what it saw.
//!
//! Screenshots are in `console/` of the build directory's `tmp`, for a person to look at.

use std::path::Path;

use fantoccini::Locator;
use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::browser::Browser;
use super::node;
use super::text_boxes::assert_texts_fit;

/// The checker of accessibility, which the tests load into each page.
const AXE: &str = "axe-core@4.10.3";

/// The screens on which each page is looked at: a telephone and a desk.
const SCREENS: [(u32, u32); 2] = [(390, 844), (1280, 900)];

/// Runs axe in the page, and calls back with what it found.
const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations', 'incomplete'] }).then(
        (result) => done(result.violations.map((rule) => `${rule.id}: ${rule.help}\\n` +
            rule.nodes.map((node) => `    ${node.html}\\n    ${node.failureSummary}`).join('\\n'))),
        (error) => done([String(error)]));";

/// Signs in with this key on the page of the sign-in, which must be open.
pub(crate) async fn sign_in(browser: &Browser, key: &str) {
    browser.fill("#key", key).await;
    browser.click("main form button").await;
    browser.see("nav.menu").await;
}

/// Fails unless axe finds nothing in the page, in light and dark, on a telephone and on a desk, and the page has space for
/// its texts.
pub(crate) async fn assert_accessible(browser: &Browser, name: &str) {
    assert_texts_fit(browser, name).await;
    let axe = node::with(AXE).await.join("node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(axe).unwrap();
    let client = browser.client();
    for (width, height) in SCREENS {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser
            .devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        for scheme in ["light", "dark"] {
            let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
            browser
                .devtools("Emulation.setEmulatedMedia", json!({ "features": features }))
                .await;
            client.execute(&axe, Vec::new()).await.unwrap();
            let found = client.execute_async(RUN_AXE, Vec::new()).await.unwrap();
            let place = format!("{name}, {width} px, {scheme}");
            keep_screenshot(browser, &format!("{name}-{width}-{scheme}")).await;
            let found: Vec<String> = serde_json::from_value(found).unwrap();
            assert!(found.is_empty(), "axe finds on {place}:\n{}", found.join("\n"));
        }
    }
}

/// Keeps a picture of the whole page.
async fn keep_screenshot(browser: &Browser, name: &str) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
    std::fs::create_dir_all(&directory).unwrap();
    let whole = json!({ "captureBeyondViewport": true });
    let shot = browser.devtools("Page.captureScreenshot", whole).await;
    let png = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        shot["data"].as_str().unwrap(),
    );
    std::fs::write(directory.join(format!("{name}.png")), png.unwrap()).unwrap();
}

impl Browser {
    /// Clicks the first link or button with this text.
    pub(crate) async fn click_text(&self, text: &str) {
        let path = format!("//*[self::a or self::button][normalize-space(.)='{text}']");
        let found = self.client().wait().for_element(Locator::XPath(&path)).await;
        found.unwrap().click().await.unwrap();
    }

    /// Sends a command of Chromium's own protocol.
    pub(crate) async fn devtools(&self, name: &str, parameters: Value) -> Value {
        let command = DevtoolsCommand {
            name: name.to_owned(),
            parameters,
        };
        self.client().issue_cmd(command).await.unwrap()
    }
}

/// Chromedriver's command that passes a command of Chromium's own protocol on.
#[derive(Debug)]
struct DevtoolsCommand {
    name: String,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevtoolsCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.name, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}
