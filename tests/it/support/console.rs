//! Signs in to the console and uses its pages over HTTP, as a browser does that shows nothing.

use std::sync::Mutex;

use reqwest::{Method, RequestBuilder, StatusCode, redirect};

use super::client::{ADMIN_KEY, Client};

/// How the cookie of a notice begins.
const NOTICE: &str = "holdfast_notice=";

/// A page of the console, as it was answered.
#[derive(Debug)]
pub(crate) struct ConsolePage {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) html: String,
}

impl ConsolePage {
    /// Returns the page, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Returns where the answer leads.
    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        let location = self.headers.get("location");
        location
            .unwrap_or_else(|| panic!("no location: {self:?}"))
            .to_str()
            .unwrap()
    }

    /// Returns the page, which must contain this text.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        assert!(self.html.contains(text), "no {text:?} in {}", self.html);
        self
    }

    /// Returns the value of the first hidden field with this name.
    #[track_caller]
    pub(crate) fn hidden(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let (_, rest) = self
            .html
            .split_once(&mark)
            .unwrap_or_else(|| panic!("no field {name} in {}", self.html));
        rest.split('"').next().unwrap().to_owned()
    }

    /// Returns the cookies that the answer sets, without their attributes.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all("set-cookie").iter();
        lines
            .map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned())
            .collect()
    }
}

/// A browser at the console of one instance, signed in or not.
pub(crate) struct ConsoleClient {
    address: String,
    http: reqwest::Client,
    /// What the browser sends as its cookies, besides that of a notice.
    pub(crate) cookie: String,
    /// The cookie of the notice that an act has left, as the browser keeps it.
    notice: Mutex<Option<String>>,
    /// What the browser sends as the languages that it prefers.
    pub(crate) language: &'static str,
}

impl ConsoleClient {
    /// Opens a browser that is not signed in.
    pub(crate) fn of(client: &Client) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none());
        Self {
            address: client.url(""),
            http: http.build().unwrap(),
            cookie: String::new(),
            notice: Mutex::default(),
            language: "en",
        }
    }

    /// Opens a browser and signs in with the key of the environment.
    pub(crate) async fn signed_in(client: &Client) -> Self {
        Self::signed_in_with(client, ADMIN_KEY).await
    }

    /// Opens a browser and signs in with this key.
    pub(crate) async fn signed_in_with(client: &Client, key: &str) -> Self {
        let mut browser = Self::of(client);
        let answer = browser.sign_in(key).await.expect(303);
        browser.cookie = answer.cookies().join("; ");
        browser
    }

    /// Builds a request as the browser sends it, to be completed and sent by [`Self::send`].
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.address))
            .header("accept-language", self.language);
        let notice = self.notice.lock().unwrap().clone();
        let cookies = [Some(self.cookie.clone()), notice];
        let cookies: Vec<String> = cookies
            .into_iter()
            .flatten()
            .filter(|cookie| !cookie.is_empty())
            .collect();
        if cookies.is_empty() {
            request
        } else {
            request.header("cookie", cookies.join("; "))
        }
    }

    /// Sends a request, and does not follow where it leads.
    pub(crate) async fn send(&self, request: RequestBuilder) -> ConsolePage {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let page = ConsolePage {
            status,
            headers,
            html: response.text().await.unwrap(),
        };
        let left = page
            .cookies()
            .into_iter()
            .rfind(|cookie| cookie.starts_with(NOTICE));
        if let Some(left) = left {
            *self.notice.lock().unwrap() = (left != NOTICE).then_some(left);
        }
        page
    }

    /// Opens a page of the console.
    pub(crate) async fn get(&self, path: &str) -> ConsolePage {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends the form of the sign-in.
    pub(crate) async fn sign_in(&self, key: &str) -> ConsolePage {
        self.post_without_token("/console/sign-in", &[("key", key)]).await
    }

    /// Sends a form as a page of ours does, with the token that its pages have.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> ConsolePage {
        let token = self.form_token().await;
        let mut form = form.to_vec();
        form.push(("form_token", &token));
        self.post_without_token(path, &form).await
    }

    /// Sends a form that has the token among its values, or none.
    pub(crate) async fn post_without_token(&self, path: &str, form: &[(&str, &str)]) -> ConsolePage {
        let request = self.request(Method::POST, path);
        self.send(with_form(request.header("origin", &self.address), form))
            .await
    }

    /// Returns the token that the forms of this session carry.
    pub(crate) async fn form_token(&self) -> String {
        self.get("/console/today").await.expect(200).hidden("form_token")
    }
}

/// Gives a request the body of a form.
pub(crate) fn with_form(request: RequestBuilder, form: &[(&str, &str)]) -> RequestBuilder {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(form);
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.finish())
}
