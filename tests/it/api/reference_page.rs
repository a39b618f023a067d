//! Tests the page `/docs`: Swagger UI is the published one, and draws the whole description in a real browser.

use std::io::Read as _;

use flate2::read::GzDecoder;
use holdfast::http::describe_api;

use crate::support::browser::{Driver, Shop};
use crate::support::node;

const RENDERER: &str = "swagger-ui-dist@5.35.0";
const VENDORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/pages/swagger-ui");

#[tokio::test]
async fn vendored_renderer_is_the_published_one() {
    let package = node::with(RENDERER).await.join("node_modules/swagger-ui-dist");
    let mut files = std::fs::read_dir(VENDORED).unwrap().count();
    for name in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let packed = std::fs::File::open(format!("{VENDORED}/{name}.gz")).unwrap();
        let mut unpacked = Vec::new();
        GzDecoder::new(packed).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == std::fs::read(package.join(name)).unwrap(), "{name}");
        files -= 1;
    }
    for name in ["LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"] {
        let vendored = std::fs::read(format!("{VENDORED}/{name}")).unwrap();
        assert!(vendored == std::fs::read(package.join(name)).unwrap(), "{name}");
        files -= 1;
    }
    assert_eq!(files, 0, "a file is not of the package");
}

/// The page obeys our content policy, which lets it load nothing from elsewhere: a violation would be on the console.
#[tokio::test]
async fn reference_page_shows_every_operation() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let reader = driver.browser().await;
    reader.open(&format!("{}/docs", shop.url)).await;
    assert!(reader.text("#reference .info .title").await.contains("Holdfast"));
    reader.click("#operations-holds-startCheckout button").await;
    reader.see("#operations-holds-startCheckout .opblock-body").await;
    let page = reader.text("#reference").await.replace('\u{200b}', "");
    for path in describe_api().paths.paths.keys() {
        assert!(page.contains(path), "{path}");
    }
    assert!(page.contains("Idempotency-Key"), "{page}");
    for asks in ["Authorize", "Try it out"] {
        assert!(!page.contains(asks), "nobody types a key into this page: {asks}");
    }
    reader.close(&[]).await;
}
