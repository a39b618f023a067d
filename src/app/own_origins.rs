//! The origins under which browsers may reach the service itself.

use std::net::SocketAddr;

/// Lists the origins of our own pages: the one that guests use, the address we listen on and, on this machine, `localhost`.
pub(super) fn list_own_origins(public_url: Option<&url::Url>, address: SocketAddr) -> Vec<String> {
    let by_number = format!("http://{address}");
    let by_name = format!("http://localhost:{}", address.port());
    let of_address = match address.ip() {
        ip if ip.is_unspecified() => vec![by_name, format!("http://127.0.0.1:{}", address.port())],
        ip if ip.is_loopback() => vec![by_number, by_name],
        _ => vec![by_number],
    };
    let public = public_url.map(|url| url.origin().ascii_serialization());
    public.into_iter().chain(of_address).collect()
}
