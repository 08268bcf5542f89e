//! Who takes part in a matter, or took: by the posts that they hold, or by what they were granted.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use access::matter::WORK;
use base::{AccountId, ActorId, SubjectId, Time};
use ledger::{Body, Sought};
use matters::{HandedOver, HelperAdded, Matter, Opened, PostId, Submitted, Taken};
use registry::PostLeft;
use store::{Param, StoreError};

use super::ACTING_ASKED_MAX;
use crate::Desk;
use crate::accounts::{GrantGiven, GrantWithdrawn, grantee_subject};
use crate::entries::{self, Kinds, limit};
use crate::registry::{id, root_book, taken_back};

/// Entries that took back days of an account's posts and are looked at; who has more, by the root's administrators, is taken to have
/// had a part.
const LEAVINGS_ASKED_MAX: usize = 1_000;

/// A post that somebody was granted to do the work of, from a moment on and until another.
pub(crate) struct StoodIn {
    of: SubjectId,
    /// The line whose work it was; all of them where there is none.
    line: Option<String>,
    from: Time,
    until: Option<Time>,
}

impl StoodIn {
    fn covers(&self, line: &str, since: Time, until: Time) -> bool {
        self.line.as_deref().is_none_or(|of| of == line)
            && self.from <= until
            && self.until.is_none_or(|ended| ended >= since)
    }
}

/// The line of a matter, which begins the name of its sort.
pub(super) fn line_of(matter: &Matter) -> &str {
    let sort = matter.sort.as_str();
    sort.split_once('.').map_or(sort, |(line, _)| line)
}

impl Desk<'_> {
    /// Whether somebody who acts for a post takes part in the matter under another one, or did.
    pub(super) fn has_part(
        &mut self,
        actor: &ActorId,
        under: &PostId,
        matter: &Matter,
    ) -> Result<bool, StoreError> {
        Ok(self.takes_part(actor, under, matter)? || self.took_part(actor, matter)?)
    }

    /// Whether somebody acts for a post that owed the matter, or helped with it, at any time; or took it or handed it in, by whatever
    /// right they had then.
    pub(super) fn took_part(&mut self, actor: &ActorId, matter: &Matter) -> Result<bool, StoreError> {
        if actor.is_system() {
            return Ok(false);
        }
        let of = (actor.clone(), matter.id.clone());
        if let Some(took_part) = self.asked.took_part.get(&of) {
            return Ok(*took_part);
        }
        let took_part = self.has_taken_part(actor, matter)?;
        self.asked.took_part.insert(of, took_part);
        Ok(took_part)
    }

    fn has_taken_part(&mut self, actor: &ActorId, matter: &Matter) -> Result<bool, StoreError> {
        const KINDS: Kinds<'_> = Kinds::These(&[
            Sought::of::<Opened>(),
            Sought::of::<HandedOver>(),
            Sought::of::<HelperAdded>(),
            Sought::of::<Taken>(),
            Sought::of::<Submitted>(),
        ]);
        const PAGE: usize = 64;
        let (book, line, mut below) = (matter.id.book(), line_of(matter), None);
        let now = self.now();
        // Until when the owner of before the entries looked at so far still owed it.
        let mut owed_until = now;
        // What goes to and fro is asked about once a day.
        let mut asked = HashSet::new();
        let Some(stood_in) = self.stood_in(actor)? else { return Ok(true) };
        loop {
            let found = entries::about_of(self.read()?, &book, matter.id.subject(), KINDS, below, PAGE)?;
            for entry in &found {
                let (owner, helpers) = match entry.kind.as_str() {
                    Taken::KIND | Submitted::KIND if entry.actor == *actor => return Ok(true),
                    Taken::KIND | Submitted::KIND => continue,
                    Opened::KIND => entry.body::<Opened>().map(|it| (Some(it.owner), it.helpers)),
                    HandedOver::KIND => entry.body::<HandedOver>().map(|it| (Some(it.to), Vec::new())),
                    _ => entry.body::<HelperAdded>().map(|it| (None, vec![it.helper])),
                }
                .unwrap_or_default();
                let since = entry.occurred;
                let owed = owner.map(|owner| (owner, std::mem::replace(&mut owed_until, since)));
                for (post, until) in owed.into_iter().chain(helpers.into_iter().map(|post| (post, now))) {
                    if stood_in.iter().any(|it| it.of == *post.subject() && it.covers(line, since, until)) {
                        return Ok(true);
                    }
                    let days = (self.zone().day_of(since), self.zone().day_of(until));
                    if asked.insert((post.clone(), days)) && self.acted_for(actor, WORK, &post, days)? {
                        return Ok(true);
                    }
                }
            }
            match found.last() {
                Some(last) if found.len() == PAGE => below = Some(last.seq),
                _ => return Ok(false),
            }
        }
    }

    /// The posts on whose behalf somebody acts by what they were granted, as a holder or by a line's role, or might until that
    /// was withdrawn, and those that they held for days that were taken back. `None` where that is more than is asked about: then
    /// they are taken to have had a part.
    fn stood_in(&mut self, actor: &ActorId) -> Result<Option<Arc<[StoodIn]>>, StoreError> {
        if let Some(stood_in) = self.asked.stood_in.get(actor) {
            return Ok(stood_in.clone());
        }
        let stood_in: Option<Arc<[StoodIn]>> = match self.held_in_vain(actor)? {
            Some(held) => Some(self.has_stood_in(actor)?.into_iter().chain(held).collect()),
            None => None,
        };
        self.asked.stood_in.insert(actor.clone(), stood_in.clone());
        Ok(stood_in)
    }

    fn has_stood_in(&mut self, actor: &ActorId) -> Result<Vec<StoodIn>, StoreError> {
        const KINDS: Kinds<'_> = Kinds::These(&[Sought::of::<GrantGiven>(), Sought::of::<GrantWithdrawn>()]);
        const PAGE: usize = 64;
        let Ok(subject) = grantee_subject(actor) else { return Ok(Vec::new()) };
        let (mut withdrawn, mut found, mut below) = (HashMap::new(), Vec::new(), None);
        loop {
            let entries = entries::about_of(self.read()?, &root_book(), &subject, KINDS, below, PAGE)?;
            for entry in &entries {
                let at = entry.recorded;
                if entry.kind.as_str() == GrantWithdrawn::KIND {
                    if let Ok(ended) = entry.body::<GrantWithdrawn>() {
                        withdrawn.insert(ended.grant, at);
                    }
                } else if let Ok(given) = entry.body::<GrantGiven>()
                    && let Some(line) = self.line_of_work(&given.role, given.line.as_deref())
                    && let Some(of) = given.subject
                {
                    found.push(StoodIn { of, line, from: at, until: withdrawn.get(&entry.seq.0).copied() });
                }
            }
            match entries.last() {
                Some(last) if entries.len() == PAGE => below = Some(last.seq),
                _ => return Ok(found),
            }
        }
    }

    /// The posts that an account held for days that were taken back afterwards, of which no holding tells any more. `None` where
    /// more was recorded of leaving posts than is looked at.
    fn held_in_vain(&mut self, actor: &ActorId) -> Result<Option<Vec<StoodIn>>, StoreError> {
        const LEFT: Kinds<'_> = Kinds::These(&[Sought::of::<PostLeft>()]);
        const MOST: usize = LEAVINGS_ASKED_MAX + 1;
        let account = actor.as_str().strip_prefix("account:").and_then(|name| AccountId::new(name).ok());
        let Some(Ok(subject)) = account.as_ref().map(taken_back) else { return Ok(Some(Vec::new())) };
        let entries = entries::about_of(self.read()?, &root_book(), &subject, LEFT, None, MOST)?;
        if entries.len() == MOST {
            return Ok(None);
        }
        let mut found = Vec::new();
        for entry in &entries {
            let Ok(left) = entry.body::<PostLeft>() else { continue };
            let (from, until) = (self.zone().start_of(left.until.plus(1)), entry.recorded);
            if from <= until {
                found.push(StoodIn { of: left.post, line: None, from, until: Some(until) });
            }
        }
        Ok(Some(found))
    }

    /// The line whose work somebody may do by a role, or all lines; `None` where it opens none: a role of the kernel that is
    /// granted for one line has nothing to do in matters, which are of none.
    fn line_of_work(&self, role: &str, granted: Option<&str>) -> Option<Option<String>> {
        match self.bench.policy.role(role) {
            Some(role) => match role.line {
                Some(line) => Some(Some(line.to_owned())),
                None => granted.is_none().then_some(None),
            },
            // Of before a role went.
            None => Some(None),
        }
    }

    /// Who acts for a post in a line's matters from today on, as [`Desk::took_part`] asks: whoever holds it or is to hold it, and
    /// whoever was granted its work. `None` where more do so in any line than are asked about: who is left out is not known.
    pub(super) fn acting(
        &mut self,
        post: &PostId,
        line: &str,
    ) -> Result<Option<BTreeSet<ActorId>>, StoreError> {
        const ACTING: &str =
            "select 'account:' || account as acting, '' as role, null as line from org_holder
            where post = $1 and (until_day is null or until_day >= $2)
            union select grantee, role, line from access_grant where subject = $1 limit $3";
        let today = i64::from(self.zone().day_of(self.now()).0);
        let params = [Param::Text(post.subject().as_str()), Param::Int(today), limit(ACTING_ASKED_MAX + 1)];
        let rows = self.read()?.query(ACTING, &params)?;
        if rows.len() > ACTING_ASKED_MAX {
            return Ok(None);
        }
        let mut acting = BTreeSet::new();
        for row in &rows {
            let of_line = self.line_of_work(row.text(1)?, row.text_or_null(2)?);
            if of_line.is_some_and(|of| of.is_none_or(|of| of == line)) {
                acting.insert(id(ActorId::new(row.text(0)?))?);
            }
        }
        Ok(Some(acting))
    }

    /// Whether somebody who acts for a post owes the matter under another one, or helps with it.
    fn takes_part(&mut self, actor: &ActorId, under: &PostId, matter: &Matter) -> Result<bool, StoreError> {
        if actor.is_system() {
            return Ok(false);
        }
        for post in matter.helpers.iter().chain([&matter.owner].into_iter().filter(|owner| *owner != under)) {
            if self.acts_for(actor, WORK, post)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
