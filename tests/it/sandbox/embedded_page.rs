//! Tests embedded sessions as a client of Stripe sees them, and the simulator's Stripe.js in a browser.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;

use super::fixture::{SESSION_FORM, SimulatorFixture, read_response};
use crate::support::browser::{Browser, Driver};

/// Serves a shop's page, on an origin of its own, that can show the session with this client secret.
async fn serve_shop(base: &str, secret: &str) -> String {
    let page = format!(
        r##"<!doctype html><title>Shop</title><link rel="icon" href="data:,"><div id="here"></div><output></output>
        <script src="{base}/sandbox/stripe.js"></script>
        <script>
          const say = (text) => {{ document.querySelector("output").textContent = text; }};
          const stripe = Stripe("pk_test_simulator");
          let checkout;
          async function start() {{
            checkout = await stripe.createEmbeddedCheckoutPage({{ fetchClientSecret: async () => "{secret}" }});
            checkout.mount("#here");
          }}
          start().catch((error) => say(error.name));
        </script>"##
    );
    let done =
        async || Html("<title>Done</title><link rel=\"icon\" href=\"data:,\"><h1 id=\"done\">Done</h1>");
    let router = Router::new()
        .route("/", get(async || Html(page)))
        .route("/done", get(done));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

/// Returns the form of an embedded session that ends at this URL.
fn embedded_form(return_url: &str) -> String {
    let parameters = SESSION_FORM.split('&').map(str::trim);
    let others: Vec<_> = parameters
        .filter(|parameter| !parameter.starts_with("success_url") && !parameter.starts_with("cancel_url"))
        .collect();
    format!(
        "{}&ui_mode=embedded_page&return_url={return_url}",
        others.join("&")
    )
}

async fn create(fixture: &SimulatorFixture, form: &str) -> (u16, Value) {
    read_response(fixture.form("/v1/checkout/sessions", form).send().await.unwrap()).await
}

async fn run(browser: &Browser, script: &str) -> Value {
    browser.client().execute_async(script, vec![]).await.unwrap()
}

#[tokio::test]
async fn embedded_session_has_a_secret_and_no_url() {
    let fixture = SimulatorFixture::start_explicit().await;
    let (status, session) = create(&fixture, &embedded_form("http://shop.test/done")).await;
    assert_eq!(status, 200, "{session}");
    let (id, secret) = (
        session["id"].as_str().unwrap(),
        session["client_secret"].as_str().unwrap(),
    );
    assert!(secret.starts_with(&format!("{id}_secret_")), "{session}");
    assert_eq!(
        (&session["ui_mode"], &session["url"]),
        (&"embedded_page".into(), &Value::Null)
    );
    assert_eq!(
        (&session["return_url"], &session["success_url"]),
        (&"http://shop.test/done".into(), &Value::Null)
    );
    let status_of = async |path: String| fixture.get(&path).send().await.unwrap().status().as_u16();
    assert_eq!(status_of(format!("/c/embedded/{secret}")).await, 200);
    for wrong in [
        format!("/c/embedded/{id}_secret_x"),
        format!("/c/embedded/{id}"),
        format!("/c/pay/{id}"),
    ] {
        assert_eq!(status_of(wrong.clone()).await, 404, "{wrong}");
    }
}

#[tokio::test]
async fn each_kind_of_page_takes_its_own_addresses() {
    let fixture = SimulatorFixture::start_explicit().await;
    let embedded = embedded_form("http://shop.test/done");
    for (form, param) in [
        (format!("{embedded}&success_url=http://shop.test/"), "success_url"),
        (format!("{embedded}&cancel_url=http://shop.test/"), "cancel_url"),
        (embedded.replace("return_url", "locale"), "return_url"),
        (
            format!("{SESSION_FORM}&return_url=http://shop.test/"),
            "return_url",
        ),
        (embedded.replace("embedded_page", "embedded"), "ui_mode"),
    ] {
        let (status, body) = create(&fixture, &form).await;
        assert_eq!((status, &body["error"]["param"]), (400, &param.into()), "{body}");
    }
}

#[tokio::test]
async fn hosted_page_refuses_to_be_framed() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = fixture.create_session().await;
    let answer = fixture.get(&format!("/c/pay/{id}")).send().await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guest_pays_within_the_shops_own_page() {
    let fixture = SimulatorFixture::start_explicit().await;
    // The shop's address is known only when it serves, so its return page is beside its first page.
    let shop = serve_shop(&fixture.base, "SECRET").await;
    let (_, session) = create(&fixture, &embedded_form(&format!("{shop}/done"))).await;
    let shop = serve_shop(&fixture.base, session["client_secret"].as_str().unwrap()).await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    guest.open(&shop).await;
    guest.see("#here iframe").await;
    let refused = "const done = arguments[0];
        stripe.createEmbeddedCheckoutPage({ clientSecret: 'cs_1_secret_2' }).catch((error) => done(error.name));";
    assert_eq!(
        run(&guest, refused).await,
        "IntegrationError",
        "a page has one at a time"
    );
    let again = "checkout.destroy(); const left = document.querySelector('#here iframe');
        start().then(() => arguments[0](left));";
    assert_eq!(run(&guest, again).await, Value::Null, "a destroyed page is gone");

    let frame = guest.see("#here iframe").await;
    frame.enter_frame().await.unwrap();
    guest.click("#pay").await;
    guest.client().clone().enter_parent_frame().await.unwrap();
    guest.see("#done").await;
    assert!(guest.address().await.ends_with("/done"));
    let id = session["id"].as_str().unwrap();
    assert_eq!(fixture.simulator.session(id).unwrap().payment_status, "paid");
    guest.close(&[]).await;
}
