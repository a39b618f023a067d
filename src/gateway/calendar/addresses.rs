//! Which addresses are out on the internet: a feed's address is chosen by a person, and must not open our own network to
//! them.
//!
//! By the IANA's registries of special-purpose addresses. What carries an IPv4 address in an IPv6 one (mapped, NAT64, 6to4,
//! Teredo) is not public: where the packet ends is not what the address says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not on the internet: first address and bits.
const SPECIAL_V4: [(Ipv4Addr, u32); 16] = [
    // This network, private ones, the carriers' own.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Protocols, relays, benchmarks, documentation.
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

/// All of IPv6 that is on the internet, but for what follows.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    // Protocols, among them Teredo.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is one that anybody on the internet could reach.
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
        // Unspecified, loopback, private, link-local (a cloud's metadata), carriers'.
        "0.0.0.0 0.255.255.255 127.0.0.1 127.255.255.255 10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255",
        "192.168.0.1 169.254.169.254 100.64.0.0 100.127.255.255",
        // Protocols, documentation, benchmarks, multicast, reserved, broadcast.
        "192.0.0.8 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 198.18.0.0 198.19.255.255",
        "224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255",
        ":: ::1 fe80::1 febf::1 fec0::1 fc00::1 fd00::1 ff02::1 100::1 4000::1",
        // IPv4 inside: compatible, mapped, NAT64 of both kinds, 6to4, Teredo; also of public ones.
        "::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1",
        "2002:7f00:1:: 2002:808:808:: 2001::1 2001:1ff::1",
        "2001:db8::1 3fff::1 3fff:fff::1",
    ];

    #[test]
    fn each_kind_of_address_at_its_borders() {
        for text in PUBLIC.iter().flat_map(|line| line.split(' ')) {
            assert!(is_public(text.parse().unwrap()), "{text} is public");
        }
        for text in SPECIAL.iter().flat_map(|line| line.split(' ')) {
            assert!(!is_public(text.parse().unwrap()), "{text} is not public");
        }
    }
}
