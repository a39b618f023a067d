//! How connections reach the server, and whether others on the way can read them.

use std::net::IpAddr;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::error;
use crate::store::StoreError;

/// How the database is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseTransport {
    /// The database is a file, or a server on this machine.
    Local,
    /// The connection has TLS and checks who the server is.
    Verified,
    /// The connection has TLS, but any server that answers is believed.
    Encrypted,
    /// The connection may be in clear text: TLS is off, or is left out if the server does not offer it.
    Clear,
}

/// Tells how the server of this URL is reached, from the URL and from the variables that PostgreSQL's clients read.
///
/// # Errors
/// [`StoreError::Broken`] if `url` is not a `postgres://` URL.
pub fn find_transport(url: &str) -> Result<DatabaseTransport, StoreError> {
    let server = PgConnectOptions::from_str(url).map_err(error::classify)?;
    if server.get_socket().is_some() || is_on_this_machine(server.get_host()) {
        return Ok(DatabaseTransport::Local);
    }
    Ok(match server.get_ssl_mode() {
        PgSslMode::VerifyFull => DatabaseTransport::Verified,
        PgSslMode::VerifyCa | PgSslMode::Require => DatabaseTransport::Encrypted,
        PgSslMode::Prefer | PgSslMode::Allow | PgSslMode::Disable => DatabaseTransport::Clear,
    })
}

/// Tells whether a host is this machine: the directory of a socket, a name of the loopback, or one of its addresses.
fn is_on_this_machine(host: &str) -> bool {
    let address = IpAddr::from_str(host.trim_start_matches('[').trim_end_matches(']'));
    host.starts_with('/') || host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_follows_host_and_sslmode() {
        for (rest, expected) in [
            ("db.example/holdfast", DatabaseTransport::Clear),
            ("db.example/holdfast?sslmode=disable", DatabaseTransport::Clear),
            ("db.example/holdfast?sslmode=prefer", DatabaseTransport::Clear),
            (
                "db.example/holdfast?sslmode=require",
                DatabaseTransport::Encrypted,
            ),
            (
                "db.example/holdfast?sslmode=verify-ca",
                DatabaseTransport::Encrypted,
            ),
            (
                "db.example/holdfast?sslmode=verify-full",
                DatabaseTransport::Verified,
            ),
            ("10.0.0.7/holdfast", DatabaseTransport::Clear),
            ("localhost/holdfast", DatabaseTransport::Local),
            ("127.0.0.1:5433/holdfast", DatabaseTransport::Local),
            ("[::1]/holdfast", DatabaseTransport::Local),
            (
                "localhost/holdfast?host=/var/run/postgresql",
                DatabaseTransport::Local,
            ),
            ("localhost/holdfast?host=db.example", DatabaseTransport::Clear),
        ] {
            let found = find_transport(&format!("postgres://holdfast:secret@{rest}")).unwrap();
            assert_eq!(found, expected, "{rest}");
        }
        assert!(find_transport("holdfast").is_err());
    }
}
