//! Requests to addresses that an operator configured, without letting an address reach our own network.
//!
//! The name is resolved once for each client, all its addresses are checked, and the client connects to one of the checked
//! addresses. So an attacker gains nothing by changing the name's address after the check (DNS rebinding). The request
//! carries nothing of ours: no proxy, no cookie, no credentials. A redirect is not followed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::addresses::is_public;
use super::http_client;

/// Why no request is sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressError {
    /// The scheme is not allowed, or the address has credentials.
    Address,
    /// The address, or one of those that its name has, is not public.
    NotPublic,
    /// The name has no address, or no client can be built.
    Unreachable,
}

/// Which addresses are allowed.
pub(super) struct AddressPolicy {
    pub(super) allows_plain_http: bool,
    pub(super) is_allowed_address: fn(IpAddr) -> bool,
}

impl AddressPolicy {
    /// Allows public addresses by HTTPS; with `allow_private` any address, and plain HTTP.
    pub(super) fn new(allow_private: bool) -> Self {
        Self {
            allows_plain_http: allow_private,
            is_allowed_address: if allow_private { |_| true } else { is_public },
        }
    }

    /// Checks whether a request would be sent to this address, without a name lookup.
    pub(super) fn check_url(&self, url: &Url) -> Result<(), AddressError> {
        match self.checked_host(url)? {
            // These names are never anything but loopback (RFC 6761).
            Host::Domain(name) if is_localhost(name) => self.check_address(Ipv4Addr::LOCALHOST.into()),
            Host::Domain(_) => Ok(()),
            Host::Ipv4(address) => self.check_address(address.into()),
            Host::Ipv6(address) => self.check_address(address.into()),
        }
    }

    /// Returns the host of an address, if the scheme is allowed and the address has no credentials.
    fn checked_host<'a>(&self, url: &'a Url) -> Result<Host<&'a str>, AddressError> {
        let has_allowed_scheme = url.scheme() == "https" || self.allows_plain_http && url.scheme() == "http";
        let has_no_credentials = url.username().is_empty() && url.password().is_none();
        let host = url.host().filter(|_| has_allowed_scheme && has_no_credentials);
        host.ok_or(AddressError::Address)
    }

    /// Resolves the host's name into addresses, and checks each of them.
    pub(super) async fn resolve_host(&self, url: &Url) -> Result<Vec<SocketAddr>, AddressError> {
        let port = url.port_or_known_default().ok_or(AddressError::Address)?;
        let found: Vec<SocketAddr> = match self.checked_host(url)? {
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
            Host::Domain(name) => {
                let found = tokio::net::lookup_host((name, port)).await;
                found.map_err(|_| AddressError::Unreachable)?.collect()
            }
        };
        self.check_addresses(found)
    }

    /// Returns the addresses if each of them is allowed. A name with both kinds of addresses is not an accident.
    pub(super) fn check_addresses(&self, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, AddressError> {
        found
            .iter()
            .try_for_each(|found| self.check_address(found.ip()))?;
        Ok(found)
    }

    fn check_address(&self, address: IpAddr) -> Result<(), AddressError> {
        if (self.is_allowed_address)(address) {
            Ok(())
        } else {
            Err(AddressError::NotPublic)
        }
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

/// How long a connection may be idle and still be used. Many servers close an idle one after 5 seconds, some after 2, and a request
/// that is sent meanwhile is lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// Builds a client that can connect only to the checked addresses.
pub(super) fn build_client(addresses: Vec<SocketAddr>) -> Result<Client, AddressError> {
    let tls = http_client::build_tls_config().map_err(|_| AddressError::Unreachable)?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .pool_idle_timeout(IDLE_TIMEOUT)
        .dns_resolver(CheckedAddresses(addresses))
        .build()
        .map_err(|_| AddressError::Unreachable)
}

/// Resolves every name to the checked addresses.
struct CheckedAddresses(Vec<SocketAddr>);

impl Resolve for CheckedAddresses {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}
