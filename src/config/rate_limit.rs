//! Parses what bounds the load: `HOLDFAST_RATE_LIMIT`, `HOLDFAST_READ_LIMIT`, `HOLDFAST_MAX_CONNECTIONS` and
//! `HOLDFAST_TRUSTED_PROXIES`.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use ipnet::IpNet;

/// Parses a rate such as `30/min`: 30 requests at once, and another every 2 s.
pub(super) fn parse_rate(text: &str) -> Result<Quota, &'static str> {
    try_parse_rate(text).ok_or("must be a number for a time, such as 30/min; s, min and h are known")
}

fn try_parse_rate(text: &str) -> Option<Quota> {
    let (most, time) = text.split_once('/')?;
    let most: NonZeroU32 = most.trim().parse().ok()?;
    let time = match time.trim() {
        "s" => Duration::from_secs(1),
        "min" => Duration::from_mins(1),
        "h" => Duration::from_hours(1),
        _ => return None,
    };
    let each = time.checked_div(most.get()).filter(|each| !each.is_zero())?;
    Some(Quota::with_period(each)?.allow_burst(most))
}

/// Parses how many connections an instance serves at once.
pub(super) fn parse_max_connections(text: &str) -> Result<u32, &'static str> {
    let most = text.parse().ok().filter(|most| (1..=1_000_000).contains(most));
    most.ok_or("must be a number from 1 to 1000000")
}

/// Parses networks or single addresses, separated by commas.
pub(super) fn parse_proxies(text: &str) -> Result<Vec<IpNet>, &'static str> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let net = |part: &str| {
        part.parse()
            .ok()
            .or_else(|| Some(IpNet::from(part.parse::<IpAddr>().ok()?)))
    };
    parts
        .map(net)
        .collect::<Option<_>>()
        .ok_or("must be networks, comma-separated: 10.0.0.0/8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_a_number_per_unit_of_time() {
        let quota = parse_rate("30/min").unwrap();
        assert_eq!(
            (quota.burst_size().get(), quota.replenish_interval()),
            (30, Duration::from_secs(2))
        );
        assert_eq!(parse_rate("5 / s").unwrap().burst_size().get(), 5);
        for bad in [
            "",
            "30",
            "0/min",
            "-1/min",
            "30/day",
            "x/min",
            "4000000000/s",
            "99999999999/h",
        ] {
            assert!(parse_rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn proxies_are_networks_or_addresses() {
        assert_eq!(parse_proxies("").unwrap(), []);
        let found = parse_proxies("10.0.0.0/8, fd00::/8,192.0.2.1").unwrap();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"]);
        assert!(parse_proxies("10.0.0.0/33").is_err() && parse_proxies("loadbalancer").is_err());
    }
}
