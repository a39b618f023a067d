//! Parses what the environment says about operators, and the addresses to listen on.

use std::net::SocketAddr;

/// The fewest characters of `HOLDFAST_ADMIN_KEY`: `openssl rand -hex 12` makes as many.
const MIN_ADMIN_KEY: usize = 24;

/// Checks that the key of the environment cannot be guessed.
pub(super) fn check_admin_key(text: &str) -> Result<(), &'static str> {
    let is_long_enough = text.chars().count() >= MIN_ADMIN_KEY;
    is_long_enough
        .then_some(())
        .ok_or("must have at least 24 characters: openssl rand -hex 24")
}

/// Parses an address to listen on.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "must be an address and port, such as 127.0.0.1:8080")
}

/// Parses an address to listen on, if there is one.
pub(super) fn parse_optional_address(text: &str) -> Result<Option<SocketAddr>, &'static str> {
    (!text.is_empty()).then(|| parse_address(text)).transpose()
}

/// Parses whether something is allowed.
pub(super) fn parse_switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err("must be 1 or 0"),
    }
}
