//! Gets a feed from the address that an operator wrote down, without letting that address reach into our own network.
//!
//! Each hop is looked up once, all its addresses are checked, and the connection goes to one of those that were checked:
//! a name that points elsewhere a moment later gains nothing. Redirects are followed by us, so each is a hop like the
//! first. Nothing of ours is sent along: no proxy, no cookie, no credentials. Bytes, hops and time are bounded. How often
//! is asked, and what becomes of a feed that fails, is left to `workflow`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, LOCATION};
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use super::FeedError;
use super::addresses::is_public;
use crate::gateway::transport;

/// What a fetch may do.
struct Rules {
    /// Whether plain HTTP is good enough.
    plain: bool,
    may_reach: fn(IpAddr) -> bool,
    bytes: usize,
    redirects: usize,
    /// For all hops together.
    time: Duration,
}

impl Rules {
    fn new(allow_private: bool) -> Self {
        Self {
            plain: allow_private,
            may_reach: if allow_private { |_| true } else { is_public },
            bytes: 5 * 1024 * 1024,
            redirects: 5,
            time: Duration::from_secs(10),
        }
    }
}

/// Gets the text of a feed: at most 5 MiB, in at most 10 seconds, over at most five redirects.
///
/// `allow_private` is for an installation whose calendars live in its own network: any address, and plain HTTP too.
///
/// # Errors
/// [`FeedError`] says what was in the way; never with the address, in which there may be a secret.
pub async fn fetch(url: &str, allow_private: bool) -> Result<String, FeedError> {
    fetch_by(&Rules::new(allow_private), url).await
}

/// Whether [`fetch`] would ask this address at all, as far as can be told without looking it up.
///
/// # Errors
/// [`FeedError::Address`] and [`FeedError::NotPublic`].
pub fn check(url: &str, allow_private: bool) -> Result<(), FeedError> {
    let rules = Rules::new(allow_private);
    let url = Url::parse(url).map_err(|_| FeedError::Address)?;
    match rules.host(&url)? {
        Host::Domain(_) => Ok(()),
        Host::Ipv4(address) => rules.address(address.into()),
        Host::Ipv6(address) => rules.address(address.into()),
    }
}

async fn fetch_by(rules: &Rules, url: &str) -> Result<String, FeedError> {
    let url = Url::parse(url).map_err(|_| FeedError::Address)?;
    let whole = tokio::time::timeout(rules.time, follow(rules, url));
    whole.await.unwrap_or(Err(FeedError::TooSlow))
}

async fn follow(rules: &Rules, mut url: Url) -> Result<String, FeedError> {
    for _ in 0..=rules.redirects {
        let addresses = rules.addresses(&url).await?;
        let response = ask(&url, addresses).await?;
        match response.status() {
            StatusCode::OK => return text(rules, response).await,
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = response
                    .headers()
                    .get(LOCATION)
                    .and_then(|value| value.to_str().ok());
                let next = location.and_then(|location| url.join(location).ok());
                url = next.ok_or(FeedError::Redirects)?;
            }
            other => return Err(FeedError::Status(other.as_u16())),
        }
    }
    Err(FeedError::Redirects)
}

/// One hop, with a client of its own that knows only the addresses that were checked.
async fn ask(url: &Url, addresses: Vec<SocketAddr>) -> Result<Response, FeedError> {
    let tls = transport::tls().map_err(|_| FeedError::Unreachable)?;
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .dns_resolver(Checked(addresses))
        .build()
        .map_err(|_| FeedError::Unreachable)?;
    let request = client.get(url.clone()).header(ACCEPT, "text/calendar, */*;q=0.1");
    request.send().await.map_err(|_| FeedError::Unreachable)
}

async fn text(rules: &Rules, mut response: Response) -> Result<String, FeedError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| FeedError::Unreachable)? {
        if bytes.len() + chunk.len() > rules.bytes {
            return Err(FeedError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| FeedError::NotText)
}

impl Rules {
    /// The host of an address that may be asked.
    fn host<'a>(&self, url: &'a Url) -> Result<Host<&'a str>, FeedError> {
        let scheme = url.scheme() == "https" || self.plain && url.scheme() == "http";
        let anonymous = url.username().is_empty() && url.password().is_none();
        let host = url.host().filter(|_| scheme && anonymous);
        host.ok_or(FeedError::Address)
    }

    /// Where to connect to: all that the host's name stands for, each checked.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, FeedError> {
        let port = url.port_or_known_default().ok_or(FeedError::Address)?;
        let found: Vec<SocketAddr> = match self.host(url)? {
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
            Host::Domain(name) => {
                let found = tokio::net::lookup_host((name, port)).await;
                found.map_err(|_| FeedError::Unreachable)?.collect()
            }
        };
        self.all(found)
    }

    /// These addresses, if each may be reached: one that may not, among others, is no accident.
    fn all(&self, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, FeedError> {
        found.iter().try_for_each(|found| self.address(found.ip()))?;
        Ok(found)
    }

    fn address(&self, address: IpAddr) -> Result<(), FeedError> {
        if (self.may_reach)(address) {
            Ok(())
        } else {
            Err(FeedError::NotPublic)
        }
    }
}

/// Answers every question with the addresses that were checked.
struct Checked(Vec<SocketAddr>);

impl Resolve for Checked {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
