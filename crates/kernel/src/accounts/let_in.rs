//! Whether whoever was let in still is when the writer decides: what was asked before waited for it.

use access::{Actor, Grant};
use base::{Day, Seq, SubjectId, Time};
use store::{Param, StoreError, Tx};

use super::sessions::digest;
use super::{FoundActor, find_actor, of_holder};
use crate::registry::{id, root_book, root_size};
use crate::{AppendError, Desk, Kernel};

/// By what somebody was let in.
#[derive(Debug, Clone)]
pub struct LetIn {
    /// Who, with what was granted, that of posts among it.
    pub actor: Actor,
    /// The digest of the session's cookie; `None` for programs and devices.
    pub session: Option<String>,
    /// The digest of what a program or device showed; `None` for sessions, and for what the broker let in.
    pub credential: Option<String>,
    /// Entries of the root book before that was looked up, in which rights stand.
    pub root: i64,
    /// The day on which it was: posts are held and left by days.
    pub day: Day,
}

impl LetIn {
    /// By what a program or device showed.
    #[must_use]
    pub fn with_credential(self, credential: &str) -> Self {
        Self { credential: Some(digest(credential)), ..self }
    }
}

impl Kernel {
    /// Entries of the root book that what is in memory follows from.
    pub fn root_known(&self) -> Result<i64, StoreError> {
        Ok(self.memory.fresh(self)?.size)
    }
}

impl Desk<'_> {
    /// Entries of the root book, in which rights stand: whatever takes one away later has this number or a higher one.
    pub fn root_size(&mut self) -> Result<Seq, StoreError> {
        match self.accepted_of(&root_book()) {
            Some(accepted) => Ok(Seq(accepted)),
            // Whoever has not taken the book has drafted nothing in it.
            None => root_size(self.written()).map(Seq::from_i64),
        }
    }

    /// Decides for somebody who is let in as before, also once the decision has waited for the heads of its books: what another node
    /// took away meanwhile counts.
    pub fn for_one_let_in<T, E>(
        &mut self,
        by: &LetIn,
        decide: impl FnOnce(&mut Self) -> Result<T, AppendError<E>>,
    ) -> Result<T, AppendError<E>> {
        if !self.still_lets_in(by)? {
            return Err(AppendError::LetOut);
        }
        let asked = self.root_size()?;
        let decided = decide(self)?;
        // What was drafted just now is accepted afterwards, so the root book has grown by others alone.
        let now = self.now();
        let goes_on = goes_on(self.written(), by, now)?;
        match goes_on && (self.root_size()? == asked || self.still_lets_in(by)?) {
            true => Ok(decided),
            false => Err(AppendError::LetOut),
        }
    }

    /// Whether somebody is let in as before: by the same session, with the same rights. The rights are looked at where the root
    /// book has grown since, and on another day.
    pub fn still_lets_in(&mut self, by: &LetIn) -> Result<bool, StoreError> {
        const SHOWN: &str = "select actor from secret where actor = $1 and hash = $2";
        let (now, today) = (self.now(), self.zone().day_of(self.now()));
        let root = self.root_size()?.to_i64();
        let tx = self.read()?;
        if !goes_on(tx, by, now)? {
            return Ok(false);
        }
        if root == by.root && (by.session.is_none() || today == by.day) {
            return Ok(true);
        }
        // What was revoked may have come back under its name, with the same rights.
        if let Some(credential) = &by.credential
            && tx.query_one(SHOWN, &[Param::Text(by.actor.id.as_str()), Param::Text(credential)])?.is_none()
        {
            return Ok(false);
        }
        let Some(FoundActor { actor, .. }) = find_actor(tx, &by.actor.id, now)? else { return Ok(false) };
        // A one-time password opens nothing but its change.
        if by.session.is_some() && by.actor.grants.is_empty() {
            return Ok(true);
        }
        let mut grants = actor.grants;
        if by.session.is_some() {
            grants.extend(of_posts(tx, &by.actor, today.0)?);
        }
        // One may be there twice: by a grant, and by the post itself.
        let mut before: Vec<&Grant> = by.actor.grants.iter().collect();
        before.sort_unstable();
        grants.sort_unstable();
        Ok(grants.iter().eq(before))
    }
}

/// Whether the session or token goes on by which somebody was let in.
fn goes_on(tx: &mut dyn Tx, by: &LetIn, now: Time) -> Result<bool, StoreError> {
    const GOES_ON: &str = "select hash from session where hash = $1 and expires > $2";
    const EXPIRED: &str = "select token from api_token where token = $1 and expires <= $2";
    if let Some(hash) = &by.session {
        return Ok(tx.query_one(GOES_ON, &[Param::Text(hash), Param::Int(now.0)])?.is_some());
    }
    match by.actor.id.as_str().strip_prefix("token:") {
        Some(token) => Ok(tx.query_one(EXPIRED, &[Param::Text(token), Param::Int(now.0)])?.is_none()),
        None => Ok(true),
    }
}

/// What follows from the posts that an account holds on a day.
fn of_posts(tx: &mut dyn Tx, actor: &Actor, day: i32) -> Result<Vec<Grant>, StoreError> {
    const HELD: &str = "select p.post, p.unit from org_holder h join org_post p on p.post = h.post
        where h.account = $1 and h.from_day <= $2 and (h.until_day is null or h.until_day >= $2)";
    let account = actor.id.as_str().trim_start_matches("account:");
    let rows = tx.query(HELD, &[Param::Text(account), Param::Int(day.into())])?;
    let held = rows.iter().map(|row| {
        let (post, unit) = (id(SubjectId::new(row.text(0)?))?, id(base::UnitCode::new(row.text(1)?))?);
        Ok(of_holder(&post, &unit))
    });
    held.collect()
}
