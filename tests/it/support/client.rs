//! Calls a service over HTTP as its callers do, whether it runs in the test process or in one of its own.

use std::net::SocketAddr;

use reqwest::{Method, StatusCode};
use serde_json::Value;

pub(crate) const ADMIN_KEY: &str = "operators-key-for-the-tests";

/// A response over HTTP.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl ApiResponse {
    /// Returns a member of the body as text.
    pub(crate) fn text(&self, member: &str) -> &str {
        self.body[member]
            .as_str()
            .unwrap_or_else(|| panic!("no text {member} in {self:?}"))
    }

    /// Returns the response, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Returns the problem, which must have this status and code.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        let problem = self.expect(status);
        assert_eq!(problem.headers["content-type"], "application/problem+json");
        assert_eq!(problem.text("code"), code, "{problem:?}");
        assert_eq!(problem.headers["x-request-id"], problem.text("request_id"));
        problem
    }
}

/// A client of one `serve`.
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
}

impl Client {
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self {
            address,
            http: build_http_client(),
        }
    }

    /// Returns a client of another address that uses the same connection pool.
    #[allow(dead_code, reason = "only the storm has many clients")]
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            http: self.http.clone(),
        }
    }

    /// Returns the URL of a path of this instance.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Builds a request, to be completed and sent by [`Client::send`].
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> ApiResponse {
        self.try_send(request).await.unwrap()
    }

    /// Sends the request; the connection may fail.
    pub(crate) async fn try_send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<ApiResponse> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(ApiResponse {
            status,
            headers,
            body,
        })
    }

    pub(crate) async fn get(&self, path: &str) -> ApiResponse {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a request as the operator.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> ApiResponse {
        let request = self.request(method, path).bearer_auth(ADMIN_KEY);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        self.send(request).await
    }

    /// Starts a checkout with this body.
    pub(crate) async fn checkout(&self, body: &Value) -> ApiResponse {
        self.send(self.request(Method::POST, "/v1/holds").json(body))
            .await
    }

    /// Starts a checkout with this body and idempotency key.
    pub(crate) async fn checkout_with_key(&self, key: &str, body: &Value) -> ApiResponse {
        self.send(
            self.request(Method::POST, "/v1/holds")
                .header("Idempotency-Key", key)
                .json(body),
        )
        .await
    }

    /// Returns the hold as the public sees it.
    pub(crate) async fn hold(&self, id: &str) -> Value {
        self.get(&format!("/v1/holds/{id}")).await.expect(200).body
    }

    /// Returns the status of the hold, with its reason if it has one: `released/expired`.
    #[allow(dead_code, reason = "the storm reads the database instead")]
    pub(crate) async fn state(&self, id: &str) -> String {
        let hold = self.hold(id).await;
        match hold["reason"].as_str() {
            Some(reason) => format!("{}/{reason}", hold["status"].as_str().unwrap()),
            None => hold["status"].as_str().unwrap().to_owned(),
        }
    }

    /// Returns the hold with its payments and history, as the operator sees it.
    pub(crate) async fn admin_hold(&self, id: &str) -> Value {
        self.admin(Method::GET, &format!("/v1/admin/holds/{id}"), None)
            .await
            .expect(200)
            .body
    }

    /// Releases or cancels the hold as its guest.
    pub(crate) async fn cancel(&self, hold: &ApiResponse) -> ApiResponse {
        let path = format!("/v1/holds/{}", hold.text("id"));
        self.send(
            self.request(Method::DELETE, &path)
                .bearer_auth(hold.text("token")),
        )
        .await
    }

    /// Runs one sweep and returns its report.
    pub(crate) async fn sweep(&self) -> Value {
        self.admin(Method::POST, "/v1/admin/sweep", None)
            .await
            .expect(200)
            .body
    }

    /// Sends a webhook with any signature and body.
    pub(crate) async fn webhook(
        &self,
        signature: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> ApiResponse {
        let request = self.request(Method::POST, "/webhooks/stripe").body(body);
        let request = request.header("content-type", "application/json");
        match signature {
            Some(signature) => self.send(request.header("Stripe-Signature", signature)).await,
            None => self.send(request).await,
        }
    }
}

/// Builds an HTTP client that ignores the proxies of the environment.
pub(crate) fn build_http_client() -> reqwest::Client {
    // The client needs a TLS provider even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
