//! Where webhooks must not reach: whoever may set a contact would otherwise send requests into the house (SSRF).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Deserialize;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// A network in the notation of RFC 4632: `10.20.0.0/16`, or a single address; with a port, `10.20.0.5:8443` or
/// `[fd12::1]:8443`, that port alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    base: IpAddr,
    bits: u8,
    /// `None` for every port.
    port: Option<u16>,
}

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network, such as 10.20.0.0/16 or 10.20.0.5:8443")]
pub struct NotANetwork(String);

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        let (network, port) = match text.strip_prefix('[').and_then(|rest| rest.rsplit_once("]:")) {
            Some((network, port)) => (network, Some(port)),
            // What has a dot is IPv4, and its only colon stands before a port.
            None if text.contains('.') && !text.contains("::") => {
                text.rsplit_once(':').map_or((&*text, None), |(network, port)| (network, Some(port)))
            }
            None => (&*text, None),
        };
        let (base, bits) = network.split_once('/').map_or((network, None), |(base, bits)| (base, Some(bits)));
        let parsed = base.parse::<IpAddr>().ok().and_then(|base| {
            let port =
                port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or(())).transpose().ok()?;
            let width = if base.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(width), |bits| bits.parse().ok().filter(|bits| *bits <= width))?;
            Some(Self { base, bits, port })
        });
        parsed.ok_or(NotANetwork(text))
    }
}

impl Network {
    /// Whether an address at a port may be reached.
    fn admits(&self, address: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == address.port()) && self.contains(address.ip())
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, unmapped(address)) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.bits);
                base.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.bits);
                base.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => write!(f, "{}/{}", self.base, self.bits),
            Some(port) if self.base.is_ipv4() => write!(f, "{}/{}:{port}", self.base, self.bits),
            Some(port) => write!(f, "[{}/{}]:{port}", self.base, self.bits),
        }
    }
}

/// An IPv4 address that is written as an IPv6 one is the IPv4 address.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        address => address,
    }
}

/// Whether an address is one of the public internet, where anybody may be reached (the special-purpose registries of
/// IANA, RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match unmapped(address) {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private ones, loopback, and link-local ones.
        (0 | 10 | 127, ..) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Between a carrier and its customers.
        (100, 64..=127, _) => true,
        // Protocols, documentation, former 6to4 relays, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        // Multicast, reserved, broadcast.
        (224.., ..) => true,
        _ => false,
    };
    !special
}

/// Only global unicast (2000::/3) is public, and of that not what carries an IPv4 address or stands in books.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global = first & 0xe000 == 0x2000;
    let special = match (first, second) {
        // Protocols, Teredo and ORCHID among them; documentation.
        (0x2001, 0..=0x01ff | 0x0db8) | (0x3fff, 0..=0x0fff) => true,
        // 6to4.
        (0x2002, _) => true,
        _ => false,
    };
    is_global && !special
}

/// Resolves a webhook's name, and hands on only addresses that it may reach. The connection is made to these very
/// addresses, so a name that leads elsewhere a moment later leads nowhere.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    pub networks: Vec<Network>,
}

/// The error of a name all of whose addresses are forbidden.
#[derive(Debug, thiserror::Error)]
#[error("the address must not be reached")]
pub(crate) struct Forbidden;

impl GuardedResolver {
    /// Networks that the configuration names may be reached, also without TLS; others only in public and with it.
    fn may_reach(&self, address: SocketAddr, is_tls: bool) -> bool {
        self.networks.iter().any(|network| network.admits(address)) || is_tls && is_public(address.ip())
    }
}

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let unknown = |error| match error {
            // The system's resolver says no more than that.
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        };
        let found = DefaultResolver::default().resolve(uri, config, timeout).map_err(unknown)?;
        let is_tls = uri.scheme_str() == Some("https");
        let mut reachable = self.empty();
        let may_reach = |address: &&SocketAddr| self.may_reach(**address, is_tls);
        found.iter().filter(may_reach).for_each(|address| reachable.push(*address));
        if reachable.is_empty() { Err(ureq::Error::Other(Box::new(Forbidden))) } else { Ok(reachable) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network(text: &str) -> Network {
        Network::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn nothing_inside_is_public() {
        for inside in [
            "0.0.0.0",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
        ] {
            assert!(!is_public(ip(inside)), "{inside}");
        }
    }

    #[test]
    fn the_world_is() {
        for outside in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2400:3200::1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(ip(outside)), "{outside}");
        }
    }

    #[test]
    fn a_network_holds_what_its_bits_say() {
        assert!(network("10.20.0.0/16").contains(ip("10.20.255.1")));
        assert!(network("10.20.0.0/16").contains(ip("::ffff:10.20.255.1")));
        assert!(!network("10.20.0.0/16").contains(ip("10.21.0.0")));
        assert!(network("127.0.0.1").contains(ip("127.0.0.1")));
        assert!(!network("127.0.0.1").contains(ip("127.0.0.2")));
        assert!(network("0.0.0.0/0").contains(ip("1.2.3.4")) && !network("0.0.0.0/0").contains(ip("::1")));
        assert!(network("fd00::/8").contains(ip("fd12::1")) && !network("fd00::/8").contains(ip("fe80::1")));
        for text in ["10.20.0.0/16", "10.20.0.5/32:8443", "fd00::/8", "[fd12::1/128]:8443"] {
            assert_eq!(network(text).to_string(), text);
        }
        for text in ["10.0.0.1:", "10.0.0.1:0", "10.0.0.1:70000", "[::1]", "[::1]:x", "10.0.0.1:80:80"] {
            assert!(Network::try_from(text.to_owned()).is_err(), "{text:?}");
        }
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "example.cn", "10.0.0.0/-1"] {
            assert!(Network::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_the_configuration_names_is_reached_without_tls_and_the_world_only_with_it() {
        let networks = ["10.20.0.0/16", "10.21.0.5:8443", "10.22.0.0/16:80", "[fd00::/8]:8443"].map(network);
        let resolver = GuardedResolver { networks: networks.to_vec() };
        for (address, is_tls, reached) in [
            ("10.20.0.1:443", false, true),
            ("10.20.0.1:22", true, true),
            ("10.21.0.1:443", true, false),
            ("10.21.0.5:8443", false, true),
            ("10.21.0.5:8444", true, false),
            ("10.21.0.6:8443", true, false),
            ("10.22.7.7:80", false, true),
            ("10.22.7.7:22", false, false),
            ("[fd12::1]:8443", false, true),
            ("[fd12::1]:22", true, false),
            ("1.1.1.1:443", true, true),
            ("1.1.1.1:443", false, false),
            ("169.254.169.254:443", true, false),
        ] {
            assert_eq!(resolver.may_reach(address.parse().unwrap(), is_tls), reached, "{address} {is_tls}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_judged_alike_however_it_is_written(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(is_public(address.into()), is_public(address.to_ipv6_mapped().into()));
        }

        #[test]
        fn no_private_address_is_public(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let inside = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_documentation();
            prop_assert!(!(inside && is_public(address.into())));
        }
    }
}
