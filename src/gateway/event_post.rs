//! Sends events out to an endpoint of the shop: each is one request, once.
//!
//! The address is checked as that of a calendar feed is. Requests that follow each other use the same client and its connections:
//! making them costs more than all else that an event needs. A redirect is an answer like any other that is not 2xx: the
//! operator set this address and no other. The body of the answer is not read. When to send again is left to `workflow`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use url::Url;

use super::outside_address::{AddressError, AddressPolicy, build_client};
use crate::domain::event_endpoint::EndpointAnswer;

/// The longest time of a name lookup, and of a request, from its connection to the head of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A request to send: what it carries, signed.
pub struct SignedPost {
    /// The id of the event, the same at each attempt.
    pub id: String,
    /// When the attempt was signed, in seconds since the Unix epoch.
    pub timestamp: i64,
    /// The signatures, separated by blanks.
    pub signature: String,
    /// The body, as it was signed.
    pub body: String,
}

/// Why an attempt had no answer. It never contains the address, because the address may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The address has a scheme that we do not send to, or contains a user name.
    #[error("the address must be https, without credentials")]
    Address,
    /// The address is not public: private, loopback or reserved.
    #[error("the address is not public")]
    NotPublic,
    /// The endpoint does not answer, or not in HTTP over TLS.
    #[error("it cannot be reached")]
    Unreachable,
    /// The endpoint took too long.
    #[error("it did not answer within 10 s")]
    TooSlow,
}

impl From<AddressError> for PostError {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::Address => Self::Address,
            AddressError::NotPublic => Self::NotPublic,
            AddressError::Unreachable => Self::Unreachable,
        }
    }
}

/// Checks whether an [`EventSender`] would send a request to this address, without a name lookup.
///
/// # Errors
/// [`PostError::Address`] and [`PostError::NotPublic`] if it would not.
pub fn check_endpoint_address(url: &str, allow_private: bool) -> Result<(), PostError> {
    Ok(AddressPolicy::new(allow_private).check_url(&parse(url)?)?)
}

/// Sends requests to one address, which was resolved and checked once.
pub struct EventSender {
    url: Url,
    client: Client,
}

impl EventSender {
    /// Resolves and checks an address, in at most 10 seconds. No request is sent.
    ///
    /// # Errors
    /// [`PostError`] if no request may be sent to it, or its name is not found.
    pub async fn connect(url: &str, allow_private: bool) -> Result<Self, PostError> {
        let url = parse(url)?;
        let policy = AddressPolicy::new(allow_private);
        let resolved = tokio::time::timeout(TIMEOUT, policy.resolve_host(&url)).await;
        let client = build_client(resolved.map_err(|_| PostError::TooSlow)??)?;
        Ok(Self { url, client })
    }

    /// Whether it sends to this address.
    pub fn sends_to(&self, url: &str) -> bool {
        parse(url).is_ok_and(|url| url == self.url)
    }

    /// Sends a request, in at most 10 seconds. Returns its HTTP status, and what that means; `now` is for a `Retry-After` that
    /// names a date.
    ///
    /// # Errors
    /// [`PostError`] if no answer came.
    pub async fn send(
        &self,
        post: SignedPost,
        now: DateTime<Utc>,
    ) -> Result<(u16, EndpointAnswer), PostError> {
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", post.id)
            .header("webhook-timestamp", post.timestamp)
            .header("webhook-signature", post.signature)
            .body(post.body);
        let sent = tokio::time::timeout(TIMEOUT, request.send()).await;
        let response = sent
            .map_err(|_| PostError::TooSlow)?
            .map_err(|_| PostError::Unreachable)?;
        let status = response.status();
        let answer = match status {
            _ if status.is_success() => EndpointAnswer::Taken,
            StatusCode::GONE => EndpointAnswer::Gone,
            _ => EndpointAnswer::Refused {
                is_load: status == StatusCode::TOO_MANY_REQUESTS,
                retry_after: read_retry_after(response.headers(), now),
            },
        };
        Ok((status.as_u16(), answer))
    }
}

fn parse(url: &str) -> Result<Url, PostError> {
    Url::parse(url).map_err(|_| PostError::Address)
}

/// Reads how long to wait: a number of seconds or a date.
fn read_retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<chrono::Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(chrono::Duration::seconds(i64::from(seconds)));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(date.with_timezone(&Utc) - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = DateTime::from_timestamp(784_887_151 - 60, 0).unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Tue, 15 Nov 1994 08:12:31 GMT", Some(60)),
            ("soon", None),
            ("-5", None),
            ("99999999999999", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            let read = read_retry_after(&headers, now);
            assert_eq!(read, seconds.map(chrono::Duration::seconds), "{text}");
        }
    }

    #[tokio::test]
    async fn no_event_goes_to_an_address_that_is_not_public() {
        for (url, error) in [
            ("https://127.0.0.1/", PostError::NotPublic),
            ("https://[::ffff:10.0.0.1]/", PostError::NotPublic),
            ("https://shop.localhost/", PostError::NotPublic),
            ("https://169.254.169.254/latest/meta-data", PostError::NotPublic),
            ("http://1.1.1.1/", PostError::Address),
            ("https://user@1.1.1.1/", PostError::Address),
            ("shop", PostError::Address),
        ] {
            assert_eq!(check_endpoint_address(url, false), Err(error), "{url}");
            assert!(EventSender::connect(url, false).await.is_err(), "{url}");
        }
        assert_eq!(
            check_endpoint_address("https://shop.example/hooks", false),
            Ok(())
        );
        assert_eq!(
            check_endpoint_address("http://127.0.0.1:8000/hooks", true),
            Ok(())
        );
    }
}
