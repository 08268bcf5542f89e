//! Behind a proxy, limits tell callers apart by what the proxy says, and by nothing that callers say.

use std::net::IpAddr;

use harness::{Client, Site, Town, on_every_store};
use taizhang::Config;

/// A slip that nobody printed: a public page like any other.
const PAGE: &str = "/01/06901234567892/21/00100000100000000047";

/// The same town, served behind proxies that it trusts.
pub fn behind(town: Town, trusted_proxies: Vec<IpAddr>) -> Town {
    let clock = town.clock.clone();
    let place = town.close();
    let config = Config { trusted_proxies, ..place.config() };
    let site = Site::serve(&config, place.store(), clock.clone());
    Town { site, clock, place }
}

fn through(town: &Town, said: &str) -> Client {
    town.site.client().with("x-forwarded-for", said)
}

/// Asks for public pages until no more are given.
fn exhaust(client: &Client) {
    assert!((0..1_000).any(|_| client.get(PAGE).status == 429), "a caller is limited");
}

/// Whether a caller has used up what it may ask for. Some of it comes back while the test runs.
fn is_refused(client: &Client) -> bool {
    (0..20).any(|_| client.get(PAGE).status == 429)
}

on_every_store! {
    fn one_caller_behind_a_trusted_proxy_does_not_lock_the_others_out(town) {
        let town = behind(town, vec![IpAddr::from([127, 0, 0, 1])]);
        exhaust(&through(&town, "203.0.113.7"));
        assert!(is_refused(&through(&town, "198.51.100.1, 203.0.113.7")));
        through(&town, "203.0.113.8").get(PAGE).expect(404);
        exhaust(&through(&town, "2001:db8:1:2::1"));
        assert!(is_refused(&through(&town, "2001:db8:1:2:ffff::9")));
        through(&town, "2001:db8:1:3::1").get(PAGE).expect(404);
        // Each with an account of its own, for those are limited as well.
        let sign_in = |said: &str, account: String| through(&town, said).post_form("/sign-in", &[("account", &account), ("password", "x")]);
        assert!((0..40).any(|n| sign_in("203.0.113.9", format!("somebody{n}")).status == 429));
        sign_in("203.0.113.10", "somebody".into()).expect(422);
    }

    fn what_a_caller_says_of_itself_counts_for_nothing(town) {
        exhaust(&through(&town, "203.0.113.7"));
        assert!(is_refused(&through(&town, "203.0.113.8")));
        assert!(is_refused(&town.site.client().with("forwarded", "for=203.0.113.8")));
    }
}
