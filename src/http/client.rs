//! Where a request comes from, and how many from there are let in.
//!
//! The address is the connection's, unless that is a proxy which the shop trusts: then it is the last one in
//! `X-Forwarded-For` that no trusted proxy has. An IPv6 network of 64 bits counts as one client, since one household has
//! all of it. Per instance: what guards slots across instances is left to the store.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use super::error::{Code, Problem};
use super::{Server, admin};
use crate::domain::booking::ClientId;

/// So many addresses are remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 10_000;

/// Whom the shop trusts, and how much it lets in.
pub struct ClientRateLimiter {
    proxies: Vec<IpNet>,
    /// Requests that change something.
    requests: DefaultKeyedRateLimiter<IpAddr>,
    /// Webhooks without a good signature.
    forgeries: DefaultKeyedRateLimiter<IpAddr>,
}

impl ClientRateLimiter {
    /// Believes the `X-Forwarded-For` of these proxies; lets in so many requests from one address.
    pub fn new(proxies: Vec<IpNet>, rate: Quota) -> Self {
        Self {
            proxies,
            requests: RateLimiter::keyed(rate),
            forgeries: RateLimiter::keyed(rate),
        }
    }

    /// The address that a request comes from.
    fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusts = |address: &IpAddr| self.proxies.iter().any(|net| net.contains(address));
        let mut address = peer.to_canonical();
        let chain = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok());
        let chain: Vec<&str> = chain.flat_map(|line| line.split(',')).map(str::trim).collect();
        for forwarded in chain.iter().rev() {
            if !trusts(&address) {
                break;
            }
            // What a trusted proxy did not write as an address hides whoever is behind it.
            let Ok(next) = forwarded.parse::<IpAddr>() else {
                break;
            };
            address = next.to_canonical();
        }
        one_client(address)
    }

    fn admit(limiter: &DefaultKeyedRateLimiter<IpAddr>, address: IpAddr) -> Result<(), Problem> {
        if limiter.len() > REMEMBERED {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        limiter.check_key(&address).map_err(|full| {
            let wait = full.wait_time_from(DefaultClock::default().now());
            Problem::new(Code::RateLimited, "too many requests from this address").after(wait)
        })
    }

    /// Counts a webhook that nobody we know has signed.
    ///
    /// # Errors
    /// `rate_limited` where there are too many.
    pub(super) fn forgery(&self, client: &Client) -> Result<(), Problem> {
        Self::admit(&self.forgeries, client.0)
    }
}

fn one_client(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client(IpAddr);

impl Client {
    /// The name under which its holds are counted.
    pub(super) fn id(&self, server: &Server) -> Option<ClientId> {
        Some(ClientId(
            server.context.tokens.client_pseudonym(&self.0.to_string()),
        ))
    }
}

impl FromRequestParts<Arc<Server>> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.ok_or_else(|| Problem::new(Code::Internal, "the log has the details"))?;
        Ok(Self(server.rate_limiter.address(peer.0.ip(), &parts.headers)))
    }
}

/// Lets so many requests through that change something, from one address; operators always.
pub(super) async fn limit(
    State(server): State<Arc<Server>>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    let changes = matches!(*request.method(), Method::POST | Method::DELETE);
    if changes
        && !admin::is_operator(&server, request.headers())
        && let Err(problem) = ClientRateLimiter::admit(&server.rate_limiter.requests, client.0)
    {
        return problem.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_limiter(proxies: &[&str]) -> ClientRateLimiter {
        let proxies = proxies.iter().map(|net| net.parse().unwrap()).collect();
        ClientRateLimiter::new(proxies, Quota::per_minute(std::num::NonZeroU32::MIN))
    }

    fn address(rate_limiter: &ClientRateLimiter, peer: &str, chain: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in chain {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        rate_limiter.address(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_what_they_added() {
        let nobody = rate_limiter(&[]);
        assert_eq!(address(&nobody, "192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        let rate_limiter = rate_limiter(&["10.0.0.0/8", "fd00::/8"]);
        for (peer, chain, expected) in [
            ("192.0.2.9", &["198.51.100.1"][..], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.2.3.4", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["1.2.3.4, unknown"], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("fd00::1", &["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::"),
        ] {
            assert_eq!(address(&rate_limiter, peer, chain), expected, "{peer} {chain:?}");
        }
    }

    #[test]
    fn too_many_from_one_address_are_told_to_wait_and_others_are_not() {
        let rate_limiter = rate_limiter(&[]);
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!(ClientRateLimiter::admit(&rate_limiter.requests, one).is_ok());
        assert!(ClientRateLimiter::admit(&rate_limiter.requests, one).is_err());
        assert!(ClientRateLimiter::admit(&rate_limiter.requests, other).is_ok());
        assert!(
            rate_limiter.forgery(&Client(one)).is_ok(),
            "forgeries are counted by themselves"
        );
    }
}
