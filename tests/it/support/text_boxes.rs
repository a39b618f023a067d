//! Looks in a real browser for text that has too little space.

use serde_json::json;

use super::browser::Browser;

/// The widths to look at, in pixels: telephones, tablets and desks, and what lies between them.
const WIDTHS: [u32; 6] = [320, 390, 600, 900, 1000, 1280];

/// The sizes of text that a reader may choose in the browser, in pixels: what is usual, and twice that.
const TEXT_SIZES: [u32; 2] = [32, 16];

/// Finds what has too little space. It is given the width of the window.
const FIND: &str = include_str!("text_boxes.js");

/// Fails if, at any width and size of text, a text leaves its button, field or cell, two buttons lie on each other, or the
/// page is wider than the window.
pub(crate) async fn assert_texts_fit(browser: &Browser, place: &str) {
    for size in TEXT_SIZES {
        let sizes = json!({ "fontSizes": { "standard": size } });
        browser.devtools("Page.setFontSizes", sizes).await;
        for width in WIDTHS {
            let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
            browser
                .devtools("Emulation.setDeviceMetricsOverride", metrics)
                .await;
            let found = browser.client().execute_async(FIND, vec![json!(width)]).await;
            let found = found.unwrap();
            assert_eq!(found, json!([]), "{place}, {width} px, text of {size} px");
        }
    }
}
