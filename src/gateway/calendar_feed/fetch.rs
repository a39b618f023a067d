//! Downloads a feed from the address that an operator configured, without letting that address reach our own network.
//!
//! For each request, we resolve the name once, check all its addresses, and connect to one of the checked addresses. So
//! an attacker gains nothing by changing the name's address after the check (DNS rebinding). We follow redirects
//! ourselves, so that each target is checked in the same way. The request carries nothing of ours: no proxy, no cookie,
//! no credentials. Bytes, redirects and time are limited. When to fetch, and what happens to a feed that fails, is left
//! to `workflow`.

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use reqwest::header::{ACCEPT, LOCATION};
use reqwest::{Response, StatusCode};
use url::Url;

use super::error::FeedError;
use crate::gateway::outside_address::{AddressError, AddressPolicy, build_client};

/// The limits of a download.
struct FetchPolicy {
    addresses: AddressPolicy,
    max_bytes: usize,
    max_redirects: usize,
    /// The time limit of all requests together.
    timeout: Duration,
}

impl FetchPolicy {
    fn new(allow_private: bool) -> Self {
        Self {
            addresses: AddressPolicy::new(allow_private),
            max_bytes: 5 * 1024 * 1024,
            max_redirects: 5,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Downloads the bytes of a feed: at most 5 MiB, in at most 10 seconds, over at most five redirects. Unpacks gzip,
/// also if the server does not say that it packs.
///
/// `allow_private` allows any address, and plain HTTP, for an installation whose calendars are in its own network.
///
/// # Errors
/// [`FeedError`] says why the download failed. It never contains the address, because the address may be a secret.
pub async fn fetch_feed(url: &str, allow_private: bool) -> Result<Vec<u8>, FeedError> {
    fetch_with_policy(&FetchPolicy::new(allow_private), url).await
}

/// Checks whether [`fetch_feed`] would send a request to this address, without a name lookup.
///
/// # Errors
/// [`FeedError::Address`] and [`FeedError::NotPublic`] if it would not.
pub fn check_feed_address(url: &str, allow_private: bool) -> Result<(), FeedError> {
    Ok(AddressPolicy::new(allow_private).check_url(&parse_address(url)?)?)
}

impl From<AddressError> for FeedError {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::Address => Self::Address,
            AddressError::NotPublic => Self::NotPublic,
            AddressError::Unreachable => Self::Unreachable,
        }
    }
}

async fn fetch_with_policy(policy: &FetchPolicy, url: &str) -> Result<Vec<u8>, FeedError> {
    let url = parse_address(url)?;
    let download = tokio::time::timeout(policy.timeout, follow_redirects(policy, url));
    download.await.unwrap_or(Err(FeedError::TooSlow))
}

async fn follow_redirects(policy: &FetchPolicy, mut url: Url) -> Result<Vec<u8>, FeedError> {
    for _ in 0..=policy.max_redirects {
        let addresses = policy.addresses.resolve_host(&url).await?;
        let response = send_request(&url, addresses).await?;
        match response.status() {
            StatusCode::OK => return read_body(policy, response).await,
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = response
                    .headers()
                    .get(LOCATION)
                    .and_then(|value| value.to_str().ok());
                let next =
                    location.and_then(|location| parse_address(url.join(location).ok()?.as_str()).ok());
                url = next.ok_or(FeedError::Redirects)?;
            }
            other => return Err(FeedError::Status(other.as_u16())),
        }
    }
    Err(FeedError::Redirects)
}

/// Sends one request, with a client of its own that can connect only to the checked addresses.
async fn send_request(url: &Url, addresses: Vec<SocketAddr>) -> Result<Response, FeedError> {
    let client = build_client(addresses)?;
    let request = client.get(url.clone()).header(ACCEPT, "text/calendar, */*;q=0.1");
    request.send().await.map_err(|_| FeedError::Unreachable)
}

async fn read_body(policy: &FetchPolicy, mut response: Response) -> Result<Vec<u8>, FeedError> {
    let mut bytes = Vec::new();
    // Counted as they arrive, because a server may send no `Content-Length`.
    while let Some(chunk) = response.chunk().await.map_err(|_| FeedError::Unreachable)? {
        if bytes.len() + chunk.len() > policy.max_bytes {
            return Err(FeedError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    unpack(policy, bytes)
}

/// Unpacks gzip, which begins with two bytes that no calendar begins with. It stops at the limit, however much would follow.
fn unpack(policy: &FetchPolicy, bytes: Vec<u8>) -> Result<Vec<u8>, FeedError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    let limit = policy.max_bytes as u64 + 1;
    let read = MultiGzDecoder::new(bytes.as_slice())
        .take(limit)
        .read_to_end(&mut unpacked);
    match read {
        Ok(_) if unpacked.len() > policy.max_bytes => Err(FeedError::TooLarge),
        Ok(_) => Ok(unpacked),
        Err(_) => Err(FeedError::BrokenGzip),
    }
}

/// Parses a feed's address. `webcal` is `https` for calendar programs.
///
/// # Errors
/// [`FeedError::Address`] if it is not an absolute URL.
pub fn parse_address(text: &str) -> Result<Url, FeedError> {
    let subscribed = ["webcal://", "webcals://"].into_iter().find_map(|scheme| {
        let (head, rest) = text.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme)
            .then(|| format!("https://{rest}"))
    });
    Url::parse(subscribed.as_deref().unwrap_or(text)).map_err(|_| FeedError::Address)
}

#[cfg(test)]
mod tests;
