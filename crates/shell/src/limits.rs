//! How often callers may do what costs the house something, each by themselves; and the places and turns that they have.

use std::net::IpAddr;
use std::num::NonZeroU32;

use base::{ActorId, UnitCode};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use kernel::Session;
use registry::Tree;

use crate::daily::Daily;
use crate::problem::Problem;
use crate::seats::{Seat, Seats};
use crate::texts::Both;
use crate::turns::Turns;

/// How often somebody may try.
pub struct Limits {
    sign_in: DefaultKeyedRateLimiter<String>,
    sign_in_sites: DefaultKeyedRateLimiter<IpAddr>,
    public: DefaultKeyedRateLimiter<IpAddr>,
    evidence: DefaultKeyedRateLimiter<ActorId>,
    witness: DefaultKeyedRateLimiter<IpAddr>,
    one_time: DefaultKeyedRateLimiter<ActorId>,
    acts: DefaultKeyedRateLimiter<ActorId>,
    reads: DefaultKeyedRateLimiter<ActorId>,
    trials: DefaultKeyedRateLimiter<ActorId>,
    public_sites: DefaultKeyedRateLimiter<IpAddr>,
    /// What anybody may say of somebody.
    pub said_of: Daily,
    /// Places for sockets.
    pub sockets: Seats,
    sockets_of_units: Seats,
    sockets_of_branches: Seats,
    /// Places for streams.
    pub streams: Seats,
    /// Places for streams of screens.
    pub screens: Seats,
    /// Turns of whoever reads.
    pub turns: Turns,
}

impl Default for Limits {
    fn default() -> Self {
        let per_minute = |count| Quota::per_minute(NonZeroU32::new(count).expect("not zero"));
        Self {
            sign_in: RateLimiter::keyed(per_minute(10)),
            sign_in_sites: RateLimiter::keyed(per_minute(60)),
            public: RateLimiter::keyed(per_minute(120)),
            evidence: RateLimiter::keyed(per_minute(20)),
            witness: RateLimiter::keyed(per_minute(600)),
            one_time: RateLimiter::keyed(per_minute(30)),
            acts: RateLimiter::keyed(per_minute(600)),
            reads: RateLimiter::keyed(per_minute(600)),
            trials: RateLimiter::keyed(Quota::per_hour(NonZeroU32::new(30).expect("not zero"))),
            public_sites: RateLimiter::keyed(per_minute(1_200)),
            said_of: Daily::default(),
            sockets: Seats::for_sockets(),
            sockets_of_units: Seats::for_sockets_of_unit(),
            sockets_of_branches: Seats::for_sockets_of_branch(),
            streams: Seats::for_streams(),
            screens: Seats::for_screens(),
            turns: Turns::default(),
        }
    }
}

impl Limits {
    /// Ten tries a minute for an account or an address.
    pub fn sign_in(&self, key: String) -> Result<(), Problem> {
        self.sign_in.check_key(&key).map_err(|_| Problem::too_many_requests(60))
    }

    /// As many for a session whose owner says their own password or code again: strangers who try the account's name use up
    /// none, nor does whoever has another session of it.
    pub fn again(&self, session: &Session) -> Result<(), Problem> {
        self.sign_in(format!("again {}", session.hash))
    }

    /// Thirty trials of contacts an hour: each sends something to an address that nobody has confirmed.
    pub fn trial(&self, actor: &ActorId) -> Result<(), Problem> {
        self.trials.check_key(actor).map_err(|_| Problem::too_many_requests(120))
    }

    /// As many codes that confirm a new second step.
    pub fn confirms(&self, session: &Session) -> Result<(), Problem> {
        self.sign_in(format!("code of {}", session.hash))
    }

    /// Sixty tries a minute for an IPv6 site, which may have 65,536 networks.
    pub fn sign_in_site(&self, address: IpAddr) -> Result<(), Problem> {
        match crate::caller::site(address) {
            Some(site) => self.sign_in_sites.check_key(&site).map_err(|_| Problem::too_many_requests(60)),
            None => Ok(()),
        }
    }

    /// A hundred and twenty public pages a minute for an address, and ten times as many for an IPv6 site.
    pub fn public(&self, address: IpAddr) -> Result<(), Problem> {
        self.of_site(address)?;
        self.public.check_key(&address).map_err(|_| Problem::too_many_requests(30))
    }

    fn of_site(&self, address: IpAddr) -> Result<(), Problem> {
        match crate::caller::site(address) {
            Some(site) => self.public_sites.check_key(&site).map_err(|_| Problem::too_many_requests(30)),
            None => Ok(()),
        }
    }

    /// Twenty files a minute for an account or a program: what is kept once is kept for good.
    pub fn evidence(&self, actor: &ActorId) -> Result<(), Problem> {
        self.evidence.check_key(actor).map_err(|_| {
            let detail = Both::new(
                "每分钟最多上传 20 个凭证文件，请稍后再传；本次文件未保存。",
                "at most 20 files of evidence are kept a minute; this one was not, send it again later",
            );
            Problem { detail, ..Problem::too_many_requests(60) }
        })
    }

    /// Six hundred requests for a cosignature a minute for an address: an installation asks for each of its books.
    pub fn witness(&self, address: IpAddr) -> Result<(), Problem> {
        self.of_site(address)?;
        self.witness.check_key(&address).map_err(|_| Problem::too_many_requests(10))
    }

    /// Thirty one-time passwords a minute for who gives them out: each is hashed for as long as somebody's signing in.
    pub fn one_time(&self, actor: &ActorId) -> Result<(), Problem> {
        self.one_time.check_key(actor).map_err(|_| Problem::too_many_requests(30))
    }

    /// Six hundred acts of administration a minute: after each, every node looks at units, posts and rights anew.
    pub fn act(&self, actor: &ActorId) -> Result<(), Problem> {
        self.acts.check_key(actor).map_err(|_| Problem::too_many_requests(10))
    }

    /// A place for a socket of an owner whose right is on a unit: whoever administers one leaves the others places.
    pub fn socket(&self, tree: &Tree, owner: &str, unit: Option<&UnitCode>) -> Result<Vec<Seat>, Problem> {
        let mut seats = vec![self.sockets.take(owner)?];
        if let Some((unit, branch)) = unit.and_then(|unit| Some((unit, tree.branch(unit)?))) {
            let busy = |_| Problem::unavailable(60);
            seats.push(self.sockets_of_units.take(unit.as_str()).map_err(busy)?);
            seats.push(self.sockets_of_branches.take(branch.as_str()).map_err(busy)?);
        }
        Ok(seats)
    }

    /// Six hundred reads of what is restricted a minute, one for each part of the org tree: each is noted for good.
    pub fn read(&self, actor: &ActorId, parts: usize) -> Result<(), Problem> {
        let parts = u32::try_from(parts).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        match self.reads.check_key_n(actor, parts) {
            Ok(Ok(())) => Ok(()),
            _ => Err(Problem::too_many_requests(10)),
        }
    }

    /// Forgets who has not tried for a while.
    pub fn forget(&self) {
        self.sign_in.retain_recent();
        self.sign_in_sites.retain_recent();
        self.public.retain_recent();
        self.evidence.retain_recent();
        self.witness.retain_recent();
        self.one_time.retain_recent();
        self.acts.retain_recent();
        self.reads.retain_recent();
        self.trials.retain_recent();
        self.public_sites.retain_recent();
        self.said_of.forget();
        self.turns.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_of_many_parts_counts_as_many() {
        let (limits, actor) = (Limits::default(), ActorId::new("account:li").expect("a name"));
        for _ in 0..6 {
            assert!(limits.read(&actor, 100).is_ok());
        }
        assert!(limits.read(&actor, 1).is_err());
        assert!(limits.read(&ActorId::new("account:wei").expect("a name"), 601).is_err());
    }
}
