//! How much one address says of one thing on a day, where only so much is kept of it: whoever says the most leaves others room.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::caller::site;
use crate::problem::Problem;
use crate::texts::Both;

const A_DAY_MAX: u32 = 10;
/// After so long there is room for one more: for as many again over a day.
const ONE_MORE_AFTER: Duration = Duration::from_secs(24 * 3_600 / A_DAY_MAX as u64);

/// What is said from an address, or an IPv6 site, by what it is about.
pub struct Daily(DefaultKeyedRateLimiter<(IpAddr, String)>);

impl Default for Daily {
    fn default() -> Self {
        let quota = Quota::with_period(ONE_MORE_AFTER).expect("not zero");
        Self(RateLimiter::keyed(quota.allow_burst(NonZeroU32::new(A_DAY_MAX).expect("not zero"))))
    }
}

impl Daily {
    /// One of ten that an address says about something in a day.
    pub fn take(
        &self,
        address: IpAddr,
        about: String,
        refusal: impl FnOnce() -> Both,
    ) -> Result<(), Problem> {
        let from = site(address).unwrap_or(address);
        self.0.check_key(&(from, about)).map_err(|_| Problem {
            detail: refusal(),
            ..Problem::too_many_requests(ONE_MORE_AFTER.as_secs())
        })
    }

    pub fn forget(&self) {
        self.0.retain_recent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_says_little_of_a_stall_and_leaves_others_room() {
        let said = Daily::default();
        let often = || Both::new("过多", "too many");
        let say = |address: &str, stall: &str| said.take(address.parse().unwrap(), stall.into(), often);
        for network in 0..A_DAY_MAX {
            say("192.0.2.1", "A1").unwrap();
            say(&format!("2001:db8:1:{network}::1"), "A1").unwrap();
        }
        let refused = say("192.0.2.1", "A1").unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after_s), (429, Some(8_640)));
        // All networks of a site are one customer's.
        assert!(say("2001:db8:1:ffff::1", "A1").is_err());
        for (address, stall) in [("192.0.2.1", "A2"), ("192.0.2.2", "A1"), ("2001:db8:2::1", "A1")] {
            say(address, stall).unwrap();
        }
        said.forget();
        assert!(say("192.0.2.1", "A1").is_err());
    }
}
