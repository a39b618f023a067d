//! The address that a request comes from.
//!
//! It is the address of the connection, unless that is a trusted proxy: then it is the last address in
//! `X-Forwarded-For` that is not a trusted proxy's. An IPv6 network of 64 bits counts as one client, because one
//! household has all of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

use super::error::{Problem, ProblemCode};
use crate::domain::booking::{CheckoutClient, ClientId, NetworkId};
use crate::domain::token::TokenKeys;

/// The networks of the proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Trusts the proxies in these networks, and no others.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    fn contains(&self, address: &IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Finds the client's address, given the connection's address and the request's headers.
    fn find_client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.to_canonical();
        let lines = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        for hop in hops.iter().rev() {
            if !self.contains(&address) {
                break;
            }
            // If a trusted proxy wrote something else than an address, the client is unknown: count it as the proxy.
            let Ok(next) = hop.parse::<IpAddr>() else {
                break;
            };
            address = next.to_canonical();
        }
        to_network(address)
    }
}

fn to_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

/// The address that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl ClientAddress {
    /// Returns the client at an address that a trusted caller names.
    pub(super) fn from_ip(address: IpAddr) -> Self {
        Self(to_network(address.to_canonical()))
    }

    /// Returns the pseudonyms under which the holds of this client and of its network are counted, so that the address
    /// itself is not stored.
    pub(super) fn to_checkout_client(self, keys: &TokenKeys) -> CheckoutClient {
        CheckoutClient {
            id: self.to_client_id(keys),
            network: Some(self.to_network_id(keys)),
        }
    }

    /// Returns the pseudonym of the client, which does not reveal its address.
    pub(super) fn to_client_id(self, keys: &TokenKeys) -> ClientId {
        ClientId(keys.client_pseudonym(&self.0.to_string()))
    }

    /// Returns the pseudonym of the network that the client is in: 24 bits of an IPv4 address, 48 of an IPv6 address.
    pub(super) fn to_network_id(self, keys: &TokenKeys) -> NetworkId {
        let network = match self.0 {
            IpAddr::V4(address) => format!("{}/24", Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8))),
            IpAddr::V6(address) => format!(
                "{}/48",
                Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80))
            ),
        };
        NetworkId(keys.network_pseudonym(&network))
    }
}

impl<S> FromRequestParts<S> for ClientAddress
where
    S: Send + Sync,
    TrustedProxies: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.ok_or_else(|| Problem::new(ProblemCode::Internal, "the log has the details"))?;
        let proxies = TrustedProxies::from_ref(state);
        Ok(Self(proxies.find_client(peer.0.ip(), &parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::token::TokenKey;

    fn trust(networks: &[&str]) -> TrustedProxies {
        TrustedProxies::new(networks.iter().map(|net| net.parse().unwrap()).collect())
    }

    fn find_client(proxies: &TrustedProxies, peer: &str, chain: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in chain {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.find_client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn addresses_of_one_network_have_one_pseudonym() {
        let keys = TokenKeys::new(Vec::new(), TokenKey::from_secret("secret"));
        let network = |address: &str| ClientAddress(address.parse().unwrap()).to_network_id(&keys);
        assert_eq!(network("192.0.2.1"), network("192.0.2.254"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:1:2::"), network("2001:db8:1:ffff::"));
        assert_ne!(network("2001:db8:1::"), network("2001:db8:2::"));
    }

    #[test]
    fn only_trusted_proxies_name_the_client_address() {
        let none = trust(&[]);
        assert_eq!(find_client(&none, "192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        let proxies = trust(&["10.0.0.0/8", "fd00::/8"]);
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
            assert_eq!(find_client(&proxies, peer, chain), expected, "{peer} {chain:?}");
        }
    }

    #[test]
    fn clients_share_a_network_of_256_addresses_or_of_48_bits() {
        let tokens = TokenKeys::new(Vec::new(), TokenKey::from_bytes([1; 32]));
        let client = |address: &str| ClientAddress(address.parse().unwrap()).to_checkout_client(&tokens);
        let (one, near, far) = (
            client("198.51.100.0"),
            client("198.51.100.1"),
            client("198.51.101.1"),
        );
        assert_ne!(one.id, near.id);
        assert_eq!(one.network, near.network);
        assert_ne!(near.network, far.network);
        assert!(!format!("{one:?}").contains("198"));
    }
}
