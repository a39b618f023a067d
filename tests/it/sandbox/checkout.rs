//! Sessions as a client sees them: created, read, listed, expired, refused, and shown to the guest.

use holdfast::sandbox::Outcome;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{SESSION_FORM, START, World, parts};

#[tokio::test]
async fn a_session_is_created_read_and_expired() {
    let world = World::explicit().await;
    let (status, created) = parts(world.create().send().await.unwrap()).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&created["status"], &created["payment_status"]),
        (&"open".into(), &"unpaid".into())
    );
    assert_eq!(created["amount_total"], 5000);
    assert_eq!(created["payment_intent"], Value::Null);
    assert_eq!(created["expires_at"], START + 86_400);
    let id = created["id"].as_str().unwrap();
    assert_eq!(created["url"], format!("{}/c/pay/{id}", world.base));

    let read = world
        .get(&format!("/v1/checkout/sessions/{id}?"))
        .send()
        .await
        .unwrap();
    assert_eq!(parts(read).await, (200, created.clone()));
    let (status, expired) = parts(world.post(&expire_path(id)).send().await.unwrap()).await;
    assert_eq!(
        (status, &expired["status"], &expired["url"]),
        (200, &"expired".into(), &Value::Null)
    );
    assert_eq!(world.event_types(), ["checkout.session.expired"]);
}

fn expire_path(id: &str) -> String {
    format!("/v1/checkout/sessions/{id}/expire")
}

#[tokio::test]
async fn every_answer_carries_stripes_headers() {
    let world = World::explicit().await;
    for path in ["/v1/balance", "/v1/account", "/v1/nowhere"] {
        let answer = world.get(path).send().await.unwrap();
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
    let world = World::explicit().await;
    let id = world.session().await;
    world.simulator.pay(&id, Outcome::Paid).unwrap();
    let (status, body) = parts(world.post(&expire_path(&id)).send().await.unwrap()).await;
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
    let (status, body) = parts(world.post(&expire_path("cs_test_none")).send().await.unwrap()).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (404, &"resource_missing".into())
    );
    assert_eq!(body["error"]["param"], "session");
}

#[tokio::test]
async fn parameters_are_refused_as_stripe_refuses_them() {
    let world = World::explicit().await;
    let at = |seconds: i64| format!("{SESSION_FORM}&expires_at={}", START + seconds);
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
        (at(30 * 60 - 1), "", "expires_at"),
        (at(24 * 3600 + 1), "", "expires_at"),
    ];
    for (form, code, param) in cases {
        let (status, body) = parts(world.form("/v1/checkout/sessions", &form).send().await.unwrap()).await;
        assert_eq!(
            (status, body["error"]["code"].as_str().unwrap_or_default()),
            (400, code),
            "{body}"
        );
        assert_eq!(body["error"]["param"], param);
    }
    for form in [
        at(30 * 60),
        at(24 * 3600),
        format!("{SESSION_FORM}&allowed_payment_method_types[]=card"),
    ] {
        let answer = world.form("/v1/checkout/sessions", &form).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{form}");
    }
}

#[tokio::test]
async fn an_expire_needs_neither_body_nor_content_length() {
    let world = World::explicit().await;
    let id = world.session().await;
    let mut line = TcpStream::connect(world.base.trim_start_matches("http://"))
        .await
        .unwrap();
    let request = format!(
        "POST /v1/checkout/sessions/{id}/expire HTTP/1.1\r\nHost: stripe.test\r\n\
         Authorization: Bearer sk_test_x\r\nConnection: close\r\n\r\n"
    );
    line.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(world.simulator.session(&id).unwrap().status, "expired");
}

#[tokio::test]
async fn lists_come_newest_first_in_pages() {
    let world = World::explicit().await;
    let mut ids = [
        world.session().await,
        world.session().await,
        world.session().await,
    ];
    ids.reverse();
    let page = async |query: &str| {
        let (_, body) = parts(
            world
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
    let world = World::explicit().await;
    let id = world.session().await;
    let page = async || {
        world
            .client
            .get(format!("{}/c/pay/{id}", world.base))
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
    world.simulator.pay(&id, Outcome::Processing).unwrap();
    let at_work = page().await;
    assert!(at_work.contains("id=\"bank-succeed\"") && !at_work.contains("id=\"pay\""));
    world.simulator.pay(&id, Outcome::ProcessingFailed).unwrap();
    assert!(!page().await.contains("<button"));
}
