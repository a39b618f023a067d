//! Tests sessions as a client sees them: create, retrieve, list, expire, errors, and the guest's payment page.

use holdfast::sandbox::PaymentOutcome;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fixture::{SESSION_FORM, START, SimulatorFixture, read_response};

#[tokio::test]
async fn a_session_is_created_read_and_expired() {
    let fixture = SimulatorFixture::start_explicit().await;
    let (status, created) = read_response(fixture.create_request().send().await.unwrap()).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&created["status"], &created["payment_status"]),
        (&"open".into(), &"unpaid".into())
    );
    assert_eq!(created["amount_total"], 5000);
    assert_eq!(created["payment_intent"], Value::Null);
    assert_eq!(created["expires_at"], START + 86_400);
    let id = created["id"].as_str().unwrap();
    assert_eq!(created["url"], format!("{}/c/pay/{id}", fixture.base));

    let retrieved = fixture
        .get(&format!("/v1/checkout/sessions/{id}?"))
        .send()
        .await
        .unwrap();
    assert_eq!(read_response(retrieved).await, (200, created.clone()));
    let (status, expired) = read_response(fixture.post(&expire_path(id)).send().await.unwrap()).await;
    assert_eq!(
        (status, &expired["status"], &expired["url"]),
        (200, &"expired".into(), &Value::Null)
    );
    assert_eq!(fixture.event_types(), ["checkout.session.expired"]);
}

fn expire_path(id: &str) -> String {
    format!("/v1/checkout/sessions/{id}/expire")
}

#[tokio::test]
async fn every_answer_carries_stripes_headers() {
    let fixture = SimulatorFixture::start_explicit().await;
    for path in ["/v1/balance", "/v1/account", "/v1/nowhere"] {
        let answer = fixture.get(path).send().await.unwrap();
        assert!(
            answer.headers()["request-id"]
                .to_str()
                .unwrap()
                .starts_with("req_"),
            "{path}"
        );
        assert_eq!(
            answer.headers()["date"],
            "Fri, 15 Jan 2027 08:00:00 GMT",
            "{path}"
        );
        assert_eq!(answer.headers()["stripe-version"], "2026-09-30.endive", "{path}");
    }
}

#[tokio::test]
async fn only_open_sessions_expire_and_refusal_reads_like_stripes() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = fixture.create_session().await;
    fixture.simulator.pay(&id, PaymentOutcome::Paid).unwrap();
    let (status, body) = read_response(fixture.post(&expire_path(&id)).send().await.unwrap()).await;
    assert_eq!(
        (status, &body["error"]["type"]),
        (400, &"invalid_request_error".into())
    );
    assert_eq!(body["error"]["code"], Value::Null);
    assert_eq!(
        body["error"]["message"],
        "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of \
         `complete`."
    );
    let (status, body) =
        read_response(fixture.post(&expire_path("cs_test_none")).send().await.unwrap()).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (404, &"resource_missing".into())
    );
    assert_eq!(body["error"]["param"], "session");
}

#[tokio::test]
async fn parameters_are_refused_as_stripe_refuses_them() {
    let fixture = SimulatorFixture::start_explicit().await;
    let expiring_in = |seconds: i64| format!("{SESSION_FORM}&expires_at={}", START + seconds);
    let cases = [
        (
            SESSION_FORM.replace("mode=payment", "x=1"),
            "parameter_unknown",
            "x",
        ),
        (
            SESSION_FORM.replace("mode=payment&", ""),
            "parameter_missing",
            "mode",
        ),
        (
            SESSION_FORM.replace("[unit_amount]=2500", "[unit_amount]=x"),
            "parameter_invalid_integer",
            "line_items[0][price_data][unit_amount]",
        ),
        (
            SESSION_FORM.replace("[unit_amount]=2500", "[unit_amount]=100000000"),
            "amount_too_large",
            "line_items[0][price_data][unit_amount]",
        ),
        (
            SESSION_FORM.replace("=eur", "=xxx"),
            "",
            "line_items[0][price_data][currency]",
        ),
        (
            SESSION_FORM.replace("ada%40example.com", "ada"),
            "email_invalid",
            "customer_email",
        ),
        (
            SESSION_FORM.replace("success_url=http", "success_url=javascript"),
            "url_invalid",
            "success_url",
        ),
        (
            format!("{SESSION_FORM}&payment_method_types[0]=card"),
            "parameter_unknown",
            "payment_method_types[0]",
        ),
        (expiring_in(30 * 60 - 1), "", "expires_at"),
        (expiring_in(24 * 3600 + 1), "", "expires_at"),
    ];
    for (form, code, param) in cases {
        let (status, body) =
            read_response(fixture.form("/v1/checkout/sessions", &form).send().await.unwrap()).await;
        assert_eq!(
            (status, body["error"]["code"].as_str().unwrap_or_default()),
            (400, code),
            "{body}"
        );
        assert_eq!(body["error"]["param"], param);
    }
    for form in [
        expiring_in(30 * 60),
        expiring_in(24 * 3600),
        format!("{SESSION_FORM}&allowed_payment_method_types[]=card"),
    ] {
        let answer = fixture.form("/v1/checkout/sessions", &form).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{form}");
    }
}

#[tokio::test]
async fn an_expire_needs_neither_body_nor_content_length() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = fixture.create_session().await;
    // A raw connection, because HTTP clients add a content length by themselves.
    let mut connection = TcpStream::connect(fixture.base.trim_start_matches("http://"))
        .await
        .unwrap();
    let request = format!(
        "POST /v1/checkout/sessions/{id}/expire HTTP/1.1\r\nHost: stripe.test\r\n\
         Authorization: Bearer sk_test_x\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(fixture.simulator.session(&id).unwrap().status, "expired");
}

#[tokio::test]
async fn lists_come_newest_first_in_pages() {
    let fixture = SimulatorFixture::start_explicit().await;
    let mut ids = [
        fixture.create_session().await,
        fixture.create_session().await,
        fixture.create_session().await,
    ];
    ids.reverse();
    let page = async |query: &str| {
        let (_, body) = read_response(
            fixture
                .get(&format!("/v1/checkout/sessions{query}"))
                .send()
                .await
                .unwrap(),
        )
        .await;
        let found = body["data"].as_array().unwrap();
        let found: Vec<String> = found
            .iter()
            .map(|session| session["id"].as_str().unwrap().to_owned())
            .collect();
        (found, body["has_more"].as_bool().unwrap())
    };
    assert_eq!(page("?limit=2").await, (ids[..2].to_vec(), true));
    assert_eq!(
        page(&format!("?limit=2&starting_after={}", ids[1])).await,
        (ids[2..].to_vec(), false)
    );
}

#[tokio::test]
async fn payment_page_escapes_content_and_offers_allowed_actions() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = fixture.create_session().await;
    let page = async || {
        fixture
            .client
            .get(format!("{}/c/pay/{id}", fixture.base))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let open = page().await;
    for part in [
        "50.00 EUR",
        "Intro &lt;b&gt;call&lt;/b&gt;",
        "ada@example.com",
        "2 × 25.00 EUR",
    ] {
        assert!(open.contains(part), "{part}");
    }
    for button in ["pay", "decline", "pay-later", "abandon"] {
        assert!(open.contains(&format!("id=\"{button}\"")), "{button}");
    }
    assert!(open.contains(&format!("data-success-url=\"http://shop.test/done?s={id}\"")));
    fixture.simulator.pay(&id, PaymentOutcome::Processing).unwrap();
    let processing = page().await;
    assert!(processing.contains("id=\"bank-succeed\"") && !processing.contains("id=\"pay\""));
    fixture
        .simulator
        .pay(&id, PaymentOutcome::ProcessingFailed)
        .unwrap();
    assert!(!page().await.contains("<button"));
}

#[tokio::test]
async fn amount_that_stripe_does_not_charge_is_refused() {
    let fixture = SimulatorFixture::start_explicit().await;
    for (amount, currency, code) in [
        (24, "eur", Some("amount_too_small")),
        (25, "eur", None),
        (8_700, "huf", Some("amount_too_small")),
        (8_775, "huf", None),
        (2_525, "isk", Some("")),
        (2_550, "isk", None),
        (2_562, "kwd", Some("")),
        (2_565, "kwd", None),
    ] {
        // The form has two units.
        let form = SESSION_FORM.replace("=eur", &format!("={currency}"));
        let form = form.replace("=2500", &format!("={amount}"));
        let answer = fixture.form("/v1/checkout/sessions", &form).send().await.unwrap();
        let (status, body) = read_response(answer).await;
        let expected = if code.is_some() { 400 } else { 200 };
        assert_eq!(status, expected, "{amount} {currency}: {body}");
        if let Some(code) = code {
            assert_eq!(body["error"]["code"].as_str().unwrap_or_default(), code, "{body}");
        }
    }
}
