//! Where a request came from, as far as limits tell callers apart.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderValue};

/// The caller's address: the peer's, or behind trusted proxies the last one that they saw and do not trust themselves.
///
/// What stands further left in `X-Forwarded-For` came with the request, and anybody may write anything there. `Forwarded`
/// (RFC 7239) is not read: a proxy that writes the one passes on what the caller wrote into the other.
pub fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut caller = peer.to_canonical();
    if trusted.contains(&caller) {
        for hop in hops(headers).iter().rev() {
            // A proxy that does not know, or hides, whom it speaks for is itself the caller.
            let Some(address) = address(hop) else { break };
            caller = address.to_canonical();
            if !trusted.contains(&caller) {
                break;
            }
        }
    }
    network(caller)
}

/// An IPv6 customer has a network of 64 bits at least, and may take a new address in it for every request.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX))),
    }
}

/// The 48 bits of an IPv6 site, which is what one customer is given at most.
pub fn site(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 80 << 80))),
    }
}

/// The chain of addresses that proxies wrote, the nearest last.
fn hops(headers: &HeaderMap) -> Vec<&str> {
    let lines = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
    let elements = lines.flat_map(|line| line.split(|byte| *byte == b','));
    // One that is no text hides none that stands beside it.
    elements.map(|element| std::str::from_utf8(element).unwrap_or("?")).collect()
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`, in quotes or not.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim().trim_matches('"');
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let trusted = ["127.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        caller(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_callers() {
        const X: &str = "x-forwarded-for";
        for (peer, lines, expected) in [
            ("127.0.0.1", vec![], "127.0.0.1"),
            ("127.0.0.1", vec![(X, "203.0.113.7")], "203.0.113.7"),
            ("::ffff:127.0.0.1", vec![(X, "::ffff:203.0.113.7")], "203.0.113.7"),
            ("127.0.0.1", vec![(X, "198.51.100.1, 203.0.113.7")], "203.0.113.7"),
            ("127.0.0.1", vec![(X, "198.51.100.1, 203.0.113.7, 10.0.0.2")], "203.0.113.7"),
            ("127.0.0.1", vec![(X, "198.51.100.1"), (X, "203.0.113.7:4711")], "203.0.113.7"),
            ("127.0.0.1", vec![(X, "198.51.100.1, unknown")], "127.0.0.1"),
            ("127.0.0.1", vec![(X, "198.51.100.1, 10.0.0.2, ")], "127.0.0.1"),
            ("198.51.100.9", vec![(X, "203.0.113.7")], "198.51.100.9"),
            ("127.0.0.1", vec![(X, "198.51.100.1, [2001:db8:1:2:3:4:5:6]:4711")], "2001:db8:1:2::"),
            ("127.0.0.1", vec![("forwarded", "for=198.51.100.1")], "127.0.0.1"),
            ("127.0.0.1", vec![("forwarded", "for=198.51.100.1;by=_x"), (X, "203.0.113.7")], "203.0.113.7"),
            ("2001:db8:1:2:ffff::1", vec![], "2001:db8:1:2::"),
        ] {
            assert_eq!(of(peer, &lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn an_element_that_is_no_text_hides_none_beside_it() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"\xff, 203.0.113.7").unwrap();
        headers.append("x-forwarded-for", line);
        let proxy: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(caller(proxy, &headers, &[proxy]).to_string(), "203.0.113.7");
    }
}
