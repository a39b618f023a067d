//! A shop as its own process, for tests of what a guest sees after the payment: it sells visits to a studio in Berlin.

use chrono::{DateTime, Duration, Utc};
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::browser::{Browser, SANDBOX_ADMIN_KEY, Shop};
use super::client::{ApiResponse, Client};

/// A shop that sells visits to a studio in Berlin, and a client of its API.
pub(crate) struct Studio {
    pub(crate) shop: Shop,
    pub(crate) api: Client,
}

impl Studio {
    /// Opens the shop, whose guests may cancel and move a visit until an hour before.
    pub(crate) async fn open() -> Self {
        let shop = Shop::open();
        let address = shop.url.strip_prefix("http://").unwrap().parse().unwrap();
        let studio = Self {
            api: Client::of(address),
            shop,
        };
        let resource = json!({"name": "Vera Studio", "capacity": 5});
        studio
            .operate(Method::PUT, "/v1/admin/resources/vera", resource)
            .await;
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let visit = json!({"name": "Studio visit", "resource": "vera", "duration_minutes": 30, "amount": 5000, "currency": "eur",
            "guest_cancel_until_minutes": 60, "guest_move_until_minutes": 60,
            "schedule": {"timezone": "Europe/Berlin", "step_minutes": 30,
                "weekly": [{"days": days, "from": "09:00", "to": "18:00"}]}});
        studio
            .operate(Method::PUT, "/v1/admin/event-types/visit", visit)
            .await;
        studio
    }

    pub(crate) async fn operate(&self, method: Method, path: &str, body: Value) -> ApiResponse {
        let request = self.api.request(method, path).bearer_auth(SANDBOX_ADMIN_KEY);
        let answer = self.api.send(request.json(&body)).await;
        assert!(answer.status.is_success(), "{answer:?}");
        answer
    }

    /// Lists free starts from three days ahead on, so that none passes while the test runs.
    pub(crate) async fn free_starts(&self) -> Vec<String> {
        let from: DateTime<Utc> = SystemClock.now() + Duration::days(3);
        let text = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let (from, to) = (text(from), text(from + Duration::days(7)));
        let path = format!("/v1/event-types/visit/slots?from={from}&to={to}&status=free");
        let listed = self.api.get(&path).await.expect(200);
        let slots = listed.body["slots"].as_array().unwrap().iter();
        slots
            .map(|slot| slot["starts_at"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Holds a visit for `places` of five, in the way of a shop's page.
    pub(crate) async fn hold(&self, starts_at: &str, places: u32) -> ApiResponse {
        let url = |page: &str| format!("{}/checkout/{page}?hold={{HOLD_ID}}", self.shop.url);
        let body = json!({"event_type": "visit", "starts_at": starts_at, "quantity": places,
            "guest": {"email": format!("guest-of-{places}@example.com")},
            "success_url": url("done"), "cancel_url": url("cancelled")});
        self.api.checkout(&body).await.expect(201)
    }

    /// Opens the return page of a hold, in a tab that has its token.
    pub(crate) async fn open_return_page(&self, browser: &Browser, hold: &ApiResponse) {
        self.give_token(browser, hold).await;
        let page = format!("{}/checkout/done?hold={}", self.shop.url, hold.text("id"));
        browser.open(&page).await;
    }

    /// Gives the tab the token of a hold, as the page does that starts a booking.
    pub(crate) async fn give_token(&self, browser: &Browser, hold: &ApiResponse) {
        browser.open(&format!("{}/checkout/done", self.shop.url)).await;
        browser.see("main[data-state=missing]").await;
        let record =
            json!({"token": hold.body["token"], "paymentPage": hold.body["checkout_url"]}).to_string();
        let name = json!(format!("holdfast:{}", hold.text("id")));
        let script = "sessionStorage.setItem(arguments[0], arguments[1])";
        let client = browser.client();
        client.execute(script, vec![name, json!(record)]).await.unwrap();
    }

    /// Books a visit, and opens its return page once it is paid.
    pub(crate) async fn open_paid(&self, browser: &Browser) -> ApiResponse {
        let starts = self.free_starts().await;
        let hold = self.hold(&starts[0], 1).await;
        let pay = format!("/sandbox/sessions/{}/pay", hold.text("checkout_session"));
        self.shop
            .simulator(Method::POST, &pay, json!({"outcome": "paid"}))
            .await;
        self.open_return_page(browser, &hold).await;
        browser.see("main[data-state=confirmed]").await;
        hold
    }

    pub(crate) async fn admin_hold(&self, hold: &ApiResponse) -> Value {
        let path = format!("/v1/admin/holds/{}", hold.text("id"));
        let request = self.api.request(Method::GET, &path);
        let answer = self.api.send(request.bearer_auth(SANDBOX_ADMIN_KEY)).await;
        answer.expect(200).body
    }
}

/// Returns the id of the element that has the focus.
pub(crate) async fn focused(browser: &Browser) -> Value {
    let script = "return document.activeElement.id";
    browser.client().execute(script, Vec::new()).await.unwrap()
}
