//! Drives a real browser through chromedriver, and runs the demo shop as its own process, to test what a guest sees.
//!
//! Both end with the test process, even if it is killed. Chromium is required: if it is missing, the test fails and
//! says how to install it. It never skips.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use fantoccini::elements::{Element, ElementRef};
use fantoccini::error::CmdError;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

use super::client::build_http_client;

const HOW_TO_INSTALL: &str = "\
this test needs Chromium and chromedriver on the PATH. To install them:
    Debian:  apt-get install chromium chromium-driver
    Fedora:  dnf install chromium chromedriver
    macOS:   brew install --cask chromium chromedriver";

/// The operators' key of the sandbox.
pub(crate) const SANDBOX_ADMIN_KEY: &str = "sandbox-key-for-operators";

/// How long to wait for a state before the test fails.
const NEVER: Duration = Duration::from_secs(60);

/// The browsers' time zone; the demo shop uses UTC or Berlin.
const ZONE: &str = "America/New_York";

/// Finds the first element that a selector names, in the page or in the tree of a custom element.
const FIND: &str = "
    const [css] = arguments;
    const find = (root) => [...root.querySelectorAll('*')].reduce(
        (found, { shadowRoot }) => found ?? (shadowRoot && find(shadowRoot)), root.querySelector(css));
    return find(document);";

/// Runs "$@" until its input ends, also if the test process is killed; then ends all processes that it started.
const WATCHDOG: &str = r#"trap '' PIPE INT; "$@" 2>&1 & cat >/dev/null; trap '' TERM; kill -TERM 0; wait"#;

/// A process that the watchdog ends.
struct Watched {
    child: Child,
    lines: Receiver<String>,
}

impl Watched {
    fn start(program: &str, arguments: &[&str], environment: &[(&str, String)]) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog", program])
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            // Its own process group, so that the watchdog ends only what it started.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The receiver may be gone, but the pipe must still be emptied.
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    /// Returns the digits, dots and colons after `mark` in the first line that contains it.
    fn number_after(&self, mark: &str) -> Result<String, String> {
        let mut seen = String::new();
        while let Ok(line) = self.lines.recv_timeout(NEVER) {
            if let Some((_, rest)) = line.split_once(mark) {
                let number = rest
                    .chars()
                    .take_while(|c| c.is_ascii_digit() || ".:".contains(*c));
                return Ok(number.collect());
            }
            seen += &line;
            seen.push('\n');
        }
        Err(format!("no {mark:?} in its output:\n{seen}"))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A running `holdfast sandbox` with its own database.
pub(crate) struct Shop {
    /// The URL of its page.
    pub(crate) url: String,
    /// The URL of its simulator of Stripe.
    pub(crate) simulator_url: String,
    http: reqwest::Client,
    _process: Watched,
    _directory: TempDir,
}

impl Shop {
    pub(crate) fn open() -> Self {
        Self::open_with(&[])
    }

    /// Opens the shop with some variables set.
    pub(crate) fn open_with(variables: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut environment = vec![
            ("HOLDFAST_LISTEN", "127.0.0.1:0".to_owned()),
            (
                "DATABASE_URL",
                format!("sqlite://{}/shop.db", directory.path().display()),
            ),
            ("HOLDFAST_LOG", "info".to_owned()),
            ("NO_COLOR", "1".to_owned()),
        ];
        environment.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let process = Watched::start(env!("CARGO_BIN_EXE_holdfast"), &["sandbox"], &environment);
        let address = |mark| {
            process
                .number_after(mark)
                .unwrap_or_else(|reason| panic!("{reason}"))
        };
        let simulator = format!("http://{}", address("the Stripe simulator listens on http://"));
        let url = format!("http://{}", address("serving on http://"));
        Self {
            url,
            simulator_url: simulator,
            http: build_http_client(),
            _process: process,
            _directory: directory,
        }
    }

    /// Calls a route of the operators.
    pub(crate) async fn operate(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let answer = request
            .bearer_auth(SANDBOX_ADMIN_KEY)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    /// Calls one of the simulator's control routes.
    pub(crate) async fn simulator(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}{path}", self.simulator_url));
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }
}

/// How often chromedriver is started until it finds a free port.
const DRIVER_STARTS: u32 = 10;

/// A running chromedriver, which starts browsers.
pub(crate) struct Driver {
    url: String,
    _process: Watched,
    profiles: TempDir,
}

impl Driver {
    pub(crate) fn start() -> Self {
        let (process, port) = Self::start_on_a_free_port(DRIVER_STARTS);
        Self {
            url: format!("http://127.0.0.1:{}", port.trim_end_matches('.')),
            _process: process,
            profiles: TempDir::new().unwrap(),
        }
    }

    /// Starts chromedriver at most `starts` times. It chooses a port that is free for IPv6, and exits if another program
    /// has the same port for IPv4, as the servers of the tests beside it do.
    fn start_on_a_free_port(starts: u32) -> (Watched, String) {
        let process = Watched::start("chromedriver", &["--port=0"], &[("TZ", ZONE.to_owned())]);
        match process.number_after("started successfully on port ") {
            Ok(port) => (process, port),
            Err(reason) if starts > 1 && reason.contains("Address already in use") => {
                Self::start_on_a_free_port(starts - 1)
            }
            Err(reason) => panic!("{HOW_TO_INSTALL}\n{reason}"),
        }
    }

    /// Starts a browser with a profile of its own.
    pub(crate) async fn browser(&self) -> Browser {
        self.browser_with(&[]).await
    }

    /// Starts a browser with arguments of its own too.
    pub(crate) async fn browser_with(&self, more: &[&str]) -> Browser {
        let profile = TempDir::new_in(&self.profiles).unwrap().keep();
        let mut arguments = vec![
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--window-size=1280,1000",
        ];
        let directory = format!("--user-data-dir={}", profile.display());
        arguments.push(&directory);
        arguments.extend(more);
        let capabilities = Capabilities::from_iter([
            ("goog:chromeOptions".to_owned(), json!({ "args": arguments })),
            ("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" })),
        ]);
        let connected = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.url)
            .await;
        Browser(connected.unwrap_or_else(|error| panic!("{HOW_TO_INSTALL}\n{error}")))
    }
}

/// A browser with one page.
pub(crate) struct Browser(Client);

impl Browser {
    /// Returns the client of the driver, for what only some tests do.
    pub(crate) fn client(&self) -> &Client {
        &self.0
    }

    pub(crate) async fn open(&self, url: &str) {
        self.0.goto(url).await.unwrap();
    }

    pub(crate) async fn address(&self) -> String {
        self.0.current_url().await.unwrap().to_string()
    }

    /// Waits for the element, which may be inside of a custom element, and returns it.
    pub(crate) async fn see(&self, css: &str) -> Element {
        let deadline = Instant::now() + NEVER;
        while Instant::now() < deadline {
            match self.0.execute(FIND, vec![json!(css)]).await {
                Ok(Value::Null) => {}
                Ok(found) => return Element::from_element_id(self.0.clone(), to_reference(&found)),
                // A lookup that a navigation interrupts saw neither page: look at the new one.
                Err(error) if error.to_string().contains("aborted by navigation") => {}
                Err(error) => panic!("{css}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never: {css}, but:\n{}", self.page().await)
    }

    async fn page(&self) -> String {
        let address = self.address().await;
        let body = self.0.find(Locator::Css("body")).await.unwrap();
        format!("{address}\n{}", body.text().await.unwrap())
    }

    /// Waits for the element and does something with it. An element that the page replaces after it was found is looked for again:
    /// the driver did nothing with it.
    async fn act<T>(&self, css: &str, act: impl AsyncFn(Element) -> Result<T, CmdError>) -> T {
        let deadline = Instant::now() + NEVER;
        while Instant::now() < deadline {
            match act(self.see(css).await).await {
                Ok(done) => return done,
                Err(error) if error.to_string().contains("stale element reference") => {}
                Err(error) => panic!("{css}: {error}"),
            }
        }
        panic!("replaced again and again: {css}")
    }

    /// Returns whether the element is visible now.
    pub(crate) async fn shows(&self, css: &str) -> bool {
        self.act(css, async |element| element.is_displayed().await).await
    }

    /// Waits for the element and returns its text.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.act(css, async |element| element.text().await).await
    }

    /// Waits for the element and returns an attribute, which it must have.
    pub(crate) async fn attribute(&self, css: &str, name: &str) -> String {
        let value = self.act(css, async |element| element.attr(name).await).await;
        value.unwrap_or_else(|| panic!("{css} has no {name}"))
    }

    pub(crate) async fn click(&self, css: &str) {
        self.act(css, async |element| element.click().await).await;
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        self.act(css, async |field| {
            field.clear().await?;
            field.send_keys(text).await
        })
        .await;
    }

    /// Ends the session of the browser. The console must contain no error and no violation of the content policy,
    /// except failed responses that contain one of the expected texts.
    pub(crate) async fn close(self, expected: &[&str]) {
        let entries = self.0.issue_cmd(ConsoleEntries).await.unwrap();
        for entry in entries.as_array().unwrap() {
            let message = entry["message"].as_str().unwrap();
            let foreseen = entry["source"] == "network" && expected.iter().any(|text| message.contains(text));
            assert!(foreseen || entry["level"] == "INFO", "on the console: {entry}");
        }
        self.0.close().await.unwrap();
    }
}

/// Reads the reference to an element that a script has returned.
fn to_reference(found: &Value) -> ElementRef {
    let members = found.as_object().expect("an element");
    let id = members.values().next().and_then(Value::as_str);
    ElementRef::from(id.expect("the id of an element").to_owned())
}

/// Chromedriver's command that returns the console's entries.
#[derive(Debug)]
struct ConsoleEntries;

impl WebDriverCompatibleCommand for ConsoleEntries {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
