//! Whether a connection that stays open may stay so: its session is looked at without being used.

use base::Time;
use sha2::{Digest, Sha256};
use store::{Param, StoreError};

use crate::Kernel;

/// After so long without a request a session is over, as signing in has it; listening is no request.
const IDLE_MS_MAX: i64 = 2 * 3_600_000;

impl Kernel {
    /// Whether the session that a cookie names goes on, its account is still there, and its password need not be changed
    /// first. Nothing is noted: a page that is left open keeps no session alive.
    pub fn session_goes_on(&self, cookie_value: &str) -> Result<bool, StoreError> {
        const FIND: &str = "select session.expires, session.seen from session
            join account on account.actor = session.actor join secret on secret.actor = session.actor
            where session.hash = $1 and account.disabled = 0 and secret.must_change = 0";
        let (now, hash) = (self.now(), hex::encode(Sha256::digest(cookie_value.as_bytes())));
        let Some(row) = self.read(|tx| tx.query_one(FIND, &[Param::Text(&hash)]))? else { return Ok(false) };
        let (expires, seen) = (Time(row.int(0)?), Time(row.int(1)?));
        Ok(now < expires && now.since_ms(seen) < IDLE_MS_MAX)
    }
}
