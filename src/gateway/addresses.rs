//! Tells which IP addresses are public: a person chooses the address of a feed or an endpoint, and it must not lead into our
//! own network.
//!
//! The lists follow IANA's registries of special-purpose addresses. An IPv6 address that carries an IPv4 address
//! (mapped, NAT64, 6to4, Teredo) is not public, because the packet goes to another address than the one we see.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The IPv4 networks that are not public, each with its prefix length.
const SPECIAL_V4: [(Ipv4Addr, u32); 16] = [
    // This network, loopback, link-local, private networks, carrier-grade NAT.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Protocol assignments, 6to4 relays, benchmarks, documentation.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, reserved, broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::BROADCAST, 32),
];

/// The public part of IPv6, except for [`SPECIAL_V6`].
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The IPv6 networks in [`GLOBAL_V6`] that are not public.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments, among them Teredo.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    // Documentation.
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Returns whether an address is one that anybody on the internet can reach.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let is_in = |(network, bits): &(Ipv4Addr, u32)| {
                (address.to_bits() ^ network.to_bits()).leading_zeros() >= *bits
            };
            !SPECIAL_V4.iter().any(is_in)
        }
        IpAddr::V6(address) => {
            let is_in = |(network, bits): &(Ipv6Addr, u32)| {
                (address.to_bits() ^ network.to_bits()).leading_zeros() >= *bits
            };
            is_in(&GLOBAL_V6) && !SPECIAL_V6.iter().any(is_in)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: [&str; 5] = [
        "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0",
        "169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.88.98.255 192.167.255.255",
        "192.169.0.0 198.17.255.255 198.20.0.0 198.51.101.0 203.0.112.255 223.255.255.255",
        "2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00::1 2001:db9::1 2003::1",
        "3ffe::1 3fff:1000::1",
    ];

    const SPECIAL: [&str; 8] = [
        // Unspecified, loopback, private, link-local (a cloud's metadata service), carrier-grade NAT.
        "0.0.0.0 0.255.255.255 127.0.0.1 127.255.255.255 10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255",
        "192.168.0.1 169.254.169.254 100.64.0.0 100.127.255.255",
        // Protocols, documentation, benchmarks, multicast, reserved, broadcast.
        "192.0.0.8 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 198.18.0.0 198.19.255.255",
        "224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255",
        ":: ::1 fe80::1 febf::1 fec0::1 fc00::1 fd00::1 ff02::1 100::1 4000::1",
        // IPv4 in IPv6: compatible, mapped, both kinds of NAT64, 6to4, Teredo; also with a public IPv4 address.
        "::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1",
        "2002:7f00:1:: 2002:808:808:: 2001::1 2001:1ff::1",
        "2001:db8::1 3fff::1 3fff:fff::1",
    ];

    #[test]
    fn first_and_last_address_of_each_network_is_classified() {
        for text in PUBLIC.iter().flat_map(|line| line.split(' ')) {
            assert!(is_public(text.parse().unwrap()), "{text} is public");
        }
        for text in SPECIAL.iter().flat_map(|line| line.split(' ')) {
            assert!(!is_public(text.parse().unwrap()), "{text} is not public");
        }
    }
}
