//! Posts at the desk: which are there, which lie near a book, who acts for one, and who approves for a matter.

use std::collections::HashMap;
use std::sync::Arc;

use access::matter::{APPROVE, ARRANGE, OPEN, REVIEW, WORK};
use access::{Actor, Decision, Resource, decide};
use base::{ActorId, BookId, Day, UnitCode};
use matters::{MOVES_OF_PARTS_MAX, Matter, MatterError, MatterId, PostId, State};
use registry::{Level, Tree, Unit};
use store::{Param, StoreError};

use super::DocketError;
use super::desk::refuse;
use super::part::{StoodIn, line_of};
use crate::accounts::{find_actor, of_holder};
use crate::registry::{id, up_from};
use crate::{AppendError, Desk};

/// What a record does to a post that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The post is to do something.
    Owing,
    /// The post was to have done something by now, as its own county says.
    Late,
    /// The post did something, or stands above what is done.
    Leading,
}

/// What the decision at the desk has found out about who acts for whom. Its own drafts change none of it.
#[derive(Default)]
pub(crate) struct Asked {
    actors: HashMap<ActorId, Option<Actor>>,
    above: HashMap<UnitCode, Arc<Tree>>,
    units: HashMap<PostId, Option<UnitCode>>,
    acts: HashMap<(ActorId, &'static str, PostId), bool>,
    pub(super) stood_in: HashMap<ActorId, Option<Arc<[StoodIn]>>>,
    pub(super) took_part: HashMap<(ActorId, MatterId), bool>,
}

impl Desk<'_> {
    /// Refuses posts that are not there.
    pub fn need_posts<'p, E: From<DocketError>>(
        &mut self,
        posts: impl IntoIterator<Item = &'p PostId>,
    ) -> Result<(), AppendError<E>> {
        for post in posts {
            if self.unit_of_post(post)?.is_none() {
                return refuse(DocketError::UnknownPost(post.clone()));
            }
        }
        Ok(())
    }

    /// Refuses posts that are not there, and those that lie too far from the book for its records to name them: a duty is
    /// laid on a post of the county, zone or, for the city's own books, city, or on a bureau of a government above; a
    /// government above leads.
    pub fn need_posts_near<'p, E: From<DocketError>>(
        &mut self,
        book: &BookId,
        named: Named,
        posts: impl IntoIterator<Item = &'p PostId>,
    ) -> Result<(), AppendError<E>> {
        const KEEPER: &str = "select unit from org_book where book = $1";
        let keeper = self.read()?.query_one(KEEPER, &[Param::Text(book.as_str())])?;
        let above = match keeper {
            Some(row) => up_from(self.read()?, &id(UnitCode::new(row.text(0)?))?)?,
            None => Vec::new(),
        };
        let is_county = |unit: &Unit| matches!(unit.level, Level::County | Level::Zone);
        let county = above.iter().position(is_county).unwrap_or(above.len().saturating_sub(1));
        for post in posts {
            let Some(unit) = self.unit_of_post(post)? else {
                return refuse(DocketError::UnknownPost(post.clone()));
            };
            let of_post = up_from(self.read()?, &unit)?;
            let lies_in =
                |unit: Option<&Unit>| unit.is_some_and(|unit| of_post.iter().any(|it| it.code == unit.code));
            let governs = |code: &UnitCode| above.iter().skip(county + 1).any(|unit| unit.code == *code);
            let is_bureau = |two: &[Unit]| two[0].level == Level::Bureau && governs(&two[1].code);
            let is_near = lies_in(above.get(county))
                || named != Named::Late && of_post.windows(2).any(is_bureau)
                || named == Named::Leading && governs(&unit);
            if !is_near {
                return refuse(DocketError::FarPost { post: post.clone(), book: book.clone() });
            }
        }
        Ok(())
    }

    /// Refuses an approval that is not one: the reviewer approves, or a post of a unit at or above those of the owner and the
    /// reviewer, in the name of which whoever acts may speak; and nobody approves what they take part in or handed in themselves.
    pub(super) fn need_approver<E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        approver: &PostId,
        matter: &Matter,
    ) -> Result<(), AppendError<E>> {
        self.need_posts([approver])?;
        match self.no_approval(actor, approver, matter)? {
            Some(error) => refuse(error),
            None => Ok(()),
        }
    }

    /// Refuses a review by who takes part in the matter under another post, or did.
    pub(super) fn need_other<E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        matter: &Matter,
    ) -> Result<(), AppendError<E>> {
        if self.has_part(actor, &matter.reviewer, matter)? {
            return refuse(DocketError::OwnApproval);
        }
        Ok(())
    }

    /// Refuses a handover by who owes the matter and reviews it, before or after: it would free them to approve. And who
    /// reviews it from now on is said by who does, or leads the unit in which it is done.
    pub(super) fn need_handover<E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        reviewer: Option<&PostId>,
        matter: &Matter,
    ) -> Result<(), AppendError<E>> {
        if actor.is_system() {
            return Ok(());
        }
        // Who handed it in neither chooses who judges that, nor lays it on another meanwhile.
        let handed_in = matter.submission.as_ref().is_some_and(|submission| submission.actor == *actor);
        if handed_in && matter.state == State::Submitted {
            return refuse(DocketError::OwnApproval);
        }
        let is_other = reviewer.is_some_and(|reviewer| *reviewer != matter.reviewer);
        if is_other && !self.acts_for(actor, ARRANGE, &matter.reviewer)? {
            return refuse(DocketError::NotHeld(matter.reviewer.clone()));
        }
        if is_other && (handed_in || self.took_part(actor, matter)?) {
            return refuse(DocketError::OwnApproval);
        }
        if !self.acts_for(actor, WORK, &matter.owner)? {
            return Ok(());
        }
        for reviewer in reviewer.into_iter().chain([&matter.reviewer]) {
            if self.acts_for(actor, REVIEW, reviewer)? {
                return refuse(DocketError::OwnApproval);
            }
        }
        Ok(())
    }

    /// A matter whose deadline has passed, or whose clock stands, is handed to a post of its own county, or laid on it to help, and one
    /// that moved very often by who leads both units; in either case who leads the unit of the new owner says so as well.
    pub(super) fn need_new_owner<E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        to: &PostId,
        matter: &Matter,
    ) -> Result<(), AppendError<E>> {
        if actor.is_system() {
            return Ok(());
        }
        let (now, rulebook) = (self.now(), self.rulebook()?);
        let deadline = matter.deadline(rulebook.calendar_at(now), self.zone());
        // A pause does not make it timely, whatever it leaves of a deadline.
        let is_late = matter.red_since.is_some()
            || matter.is_paused()
            || deadline.is_some_and(|deadline| deadline.value < self.zone().day_of(now));
        let is_worn = matter.version.0 >= MOVES_OF_PARTS_MAX;
        if !(is_late || is_worn) || self.leads(actor, to)? && self.leads(actor, &matter.owner)? {
            return Ok(());
        }
        if is_worn {
            return refuse(MatterError::TooMany("moves"));
        }
        // Within its own unit it goes to whoever is to see to it.
        if let (Some(unit), Some(owner)) = (self.unit_of_post(to)?, self.unit_of_post(&matter.owner)?)
            && up_from(self.read()?, &unit)?.iter().any(|above| above.code == owner)
        {
            return Ok(());
        }
        self.need_posts_near(&matter.id.book(), Named::Late, [to])
    }

    /// Refuses to bring a post in, as owner or helper, where that would keep the reviewer, or who leads above, from what they
    /// decide, unless who reviews does.
    pub(super) fn need_no_judge<E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        (post, field): (&PostId, &'static str),
        matter: &Matter,
    ) -> Result<(), AppendError<E>> {
        let arranges = actor.is_system() || self.acts_for(actor, ARRANGE, &matter.reviewer)?;
        if arranges && !self.acts_for(actor, WORK, &matter.owner)? {
            return Ok(());
        }
        // Whoever would have taken part by it.
        let Some(acting) = self.acting(post, line_of(matter))? else {
            return refuse(DocketError::HeldByMany { post: post.clone(), field });
        };
        for acting in acting {
            let reviews = self.acts_for(&acting, REVIEW, &matter.reviewer)?;
            // Who leads both units approves from above.
            if reviews || self.leads(&acting, &matter.owner)? && self.leads(&acting, &matter.reviewer)? {
                return refuse(DocketError::Judges { post: post.clone(), field });
            }
        }
        Ok(())
    }

    /// Whether somebody may approve for a matter in the name of a post.
    pub fn may_approve(
        &mut self,
        actor: &ActorId,
        approver: &PostId,
        matter: &Matter,
    ) -> Result<bool, StoreError> {
        Ok(self.no_approval(actor, approver, matter)?.is_none())
    }

    /// Whether somebody could approve for a matter in the name of a post, if they take no part in it: which is soon asked.
    pub fn could_approve(
        &mut self,
        actor: &ActorId,
        approver: &PostId,
        matter: &Matter,
    ) -> Result<bool, StoreError> {
        Ok(self.no_standing(actor, approver, matter)?.is_none())
    }

    fn no_approval(
        &mut self,
        actor: &ActorId,
        approver: &PostId,
        matter: &Matter,
    ) -> Result<Option<DocketError>, StoreError> {
        let no_standing = self.no_standing(actor, approver, matter)?;
        if no_standing.is_some() {
            return Ok(no_standing);
        }
        // Who approves has not handed down what they owed, nor left the post that owed it.
        let is_own = self.has_part(actor, approver, matter)?;
        Ok(is_own.then_some(DocketError::OwnApproval))
    }

    fn no_standing(
        &mut self,
        actor: &ActorId,
        approver: &PostId,
        matter: &Matter,
    ) -> Result<Option<DocketError>, StoreError> {
        if *approver != matter.reviewer {
            let above = self.unit_of_post(approver)?;
            for below in [&matter.owner, &matter.reviewer] {
                let below = self.unit_of_post(below)?;
                let branch = below.map(|unit| up_from(self.read()?, &unit)).transpose()?.unwrap_or_default();
                if !branch.iter().any(|unit| Some(&unit.code) == above.as_ref()) {
                    return Ok(Some(DocketError::NoApprover(approver.clone())));
                }
            }
        }
        if actor.is_system() {
            return Ok(None);
        }
        if !self.acts_for(actor, APPROVE, approver)? {
            return Ok(Some(DocketError::NotHeld(approver.clone())));
        }
        // A post above is not an office: whoever acts for it leads both units.
        if *approver != matter.reviewer
            && !(self.leads(actor, &matter.owner)? && self.leads(actor, &matter.reviewer)?)
        {
            return Ok(Some(DocketError::NoApprover(approver.clone())));
        }
        let is_own = matter.submission.as_ref().is_some_and(|submission| submission.actor == *actor);
        Ok(is_own.then_some(DocketError::OwnApproval))
    }

    /// Refuses to have a matter handed in by who reviews it for the post that owes it: nobody else would judge it then.
    pub fn need_not_review<E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        matter: &Matter,
    ) -> Result<(), AppendError<E>> {
        match self.reviews(actor, matter)? {
            true => refuse(DocketError::OwnApproval),
            false => Ok(()),
        }
    }

    /// Whether somebody acts for the post that reviews a matter.
    pub fn reviews(&mut self, actor: &ActorId, matter: &Matter) -> Result<bool, StoreError> {
        Ok(!actor.is_system() && self.acts_for(actor, REVIEW, &matter.reviewer)?)
    }

    /// Whether somebody does the work of a post.
    pub fn works_for(&mut self, actor: &ActorId, post: &PostId) -> Result<bool, StoreError> {
        self.acts_for(actor, WORK, post)
    }

    /// Whether somebody does the work of a post, or was granted anything on its behalf.
    pub fn is_of(&mut self, actor: &ActorId, post: &PostId) -> Result<bool, StoreError> {
        let acting = self.actor(actor)?;
        let mut granted = acting.iter().flat_map(|acting| &acting.grants);
        Ok(granted.any(|grant| grant.subject.as_ref() == Some(post.subject()))
            || self.works_for(actor, post)?)
    }

    /// Whether somebody may do an action for a post, which lies in the post's unit and is the post's own: as whoever is
    /// decided about by a page or the API, with the posts held today.
    pub(super) fn acts_for(
        &mut self,
        actor: &ActorId,
        action: &'static str,
        post: &PostId,
    ) -> Result<bool, StoreError> {
        let of = (actor.clone(), action, post.clone());
        if let Some(acts) = self.asked.acts.get(&of) {
            return Ok(*acts);
        }
        let today = self.zone().day_of(self.now());
        let acts = self.acted_for(actor, action, post, (today, today))?;
        self.asked.acts.insert(of, acts);
        Ok(acts)
    }

    /// The same with the posts held on some day of a time.
    pub(super) fn acted_for(
        &mut self,
        actor: &ActorId,
        action: &str,
        post: &PostId,
        (since, until): (Day, Day),
    ) -> Result<bool, StoreError> {
        const HELD: &str =
            "select account from org_holder where post = $1 and account = $2 and from_day <= $3
            and (until_day is null or until_day >= $4)";
        let Some(unit) = self.unit_of_post(post)? else { return Ok(false) };
        let Some(mut acting) = self.actor(actor)? else { return Ok(false) };
        if let Some(account) = actor.as_str().strip_prefix("account:") {
            let days = [Param::Int(i64::from(until.0)), Param::Int(i64::from(since.0))];
            let params = [Param::Text(post.subject().as_str()), Param::Text(account), days[0], days[1]];
            if self.read()?.query_one(HELD, &params)?.is_some() {
                acting.grants.push(of_holder(post.subject(), &unit));
            }
        }
        let above = self.above(&unit)?;
        let own = Resource::of(&unit).owned_by(post.subject().clone());
        Ok(decide(&self.bench.policy, &above, &acting, action, &own).is_allowed())
    }

    /// Whether somebody leads the unit of a post.
    fn leads(&mut self, actor: &ActorId, post: &PostId) -> Result<bool, StoreError> {
        let Some(unit) = self.unit_of_post(post)? else { return Ok(false) };
        self.may_in(actor, OPEN, Resource::of(&unit))
    }

    /// Whether somebody may do an action with a book, whoever owns what in it.
    pub fn may_with(&mut self, actor: &ActorId, action: &str, book: &BookId) -> Result<bool, StoreError> {
        match self.whole_of(book)? {
            Some(whole) => self.may_in(actor, action, whole),
            None => Ok(false),
        }
    }

    /// The unit on which somebody was granted what lets them do an action with a book; `None` where no grant does.
    pub fn granted_on(
        &mut self,
        actor: &ActorId,
        action: &str,
        book: &BookId,
    ) -> Result<Option<UnitCode>, StoreError> {
        let Some(whole) = self.whole_of(book)? else { return Ok(None) };
        match self.decided(actor, action, &whole)? {
            Some(Decision::Allow { by }) => Ok(by.map(|grant| grant.unit)),
            _ => Ok(None),
        }
    }

    /// All that is in a book.
    fn whole_of(&mut self, book: &BookId) -> Result<Option<Resource>, StoreError> {
        const KEEPER: &str = "select unit, line from org_book where book = $1";
        let row = self.read()?.query_one(KEEPER, &[Param::Text(book.as_str())])?;
        row.map(|row| Ok(Resource::of(&id(UnitCode::new(row.text(0)?))?).in_line(row.text(1)?))).transpose()
    }

    fn may_in(&mut self, actor: &ActorId, action: &str, of: Resource) -> Result<bool, StoreError> {
        Ok(actor.is_system()
            || self.decided(actor, action, &of)?.is_some_and(|decision| decision.is_allowed()))
    }

    /// What is decided about somebody who is known.
    fn decided(
        &mut self,
        actor: &ActorId,
        action: &str,
        of: &Resource,
    ) -> Result<Option<Decision>, StoreError> {
        let Some(actor) = self.actor(actor)? else { return Ok(None) };
        let above = self.above(&of.unit)?;
        Ok(Some(decide(&self.bench.policy, &above, &actor, action, of)))
    }

    /// Whoever acts, with what they were granted.
    fn actor(&mut self, actor: &ActorId) -> Result<Option<Actor>, StoreError> {
        if let Some(known) = self.asked.actors.get(actor) {
            return Ok(known.clone());
        }
        let now = self.now();
        let found = find_actor(self.read()?, actor, now)?.map(|found| found.actor);
        self.asked.actors.insert(actor.clone(), found.clone());
        Ok(found)
    }

    /// A unit and those above it, as a tree.
    fn above(&mut self, unit: &UnitCode) -> Result<Arc<Tree>, StoreError> {
        if let Some(above) = self.asked.above.get(unit) {
            return Ok(above.clone());
        }
        let above = Tree::build(up_from(self.read()?, unit)?, Vec::new(), Vec::new(), Vec::new());
        let above = Arc::new(above.map_err(|error| StoreError::Schema(error.to_string()))?);
        self.asked.above.insert(unit.clone(), above.clone());
        Ok(above)
    }

    fn unit_of_post(&mut self, post: &PostId) -> Result<Option<UnitCode>, StoreError> {
        const FIND: &str = "select unit from org_post where post = $1";
        if let Some(unit) = self.asked.units.get(post) {
            return Ok(unit.clone());
        }
        let row = self.read()?.query_one(FIND, &[Param::Text(post.subject().as_str())])?;
        let unit = row.map(|row| id(UnitCode::new(row.text(0)?))).transpose()?;
        self.asked.units.insert(post.clone(), unit.clone());
        Ok(unit)
    }
}
