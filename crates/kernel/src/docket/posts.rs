//! Posts at the desk: which are there, which lie near a book, who acts for one, and who approves for a matter.

use access::HOLDER;
use base::{ActorId, BookId};
use matters::{Matter, PostId};
use registry::Level;
use store::{Param, StoreError};

use super::DocketError;
use super::desk::refuse;
use crate::admin::is_system;
use crate::{AppendError, Desk};

/// What a record does to a post that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The post is to do something.
    Owing,
    /// The post did something, or stands above what is done.
    Leading,
}

/// A unit on the way up to the root.
struct Step {
    unit: String,
    level: String,
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
        let keeper = keeper.map(|row| row.text(0).map(str::to_owned)).transpose()?.unwrap_or_default();
        let above = self.up_from(&keeper)?;
        let is_county = |step: &Step| [Level::County, Level::Zone].iter().any(|it| it.as_str() == step.level);
        let county = above.iter().position(is_county).unwrap_or(above.len().saturating_sub(1));
        for post in posts {
            let Some(unit) = self.unit_of_post(post)? else {
                return refuse(DocketError::UnknownPost(post.clone()));
            };
            let of_post = self.up_from(&unit)?;
            let lies_in =
                |step: Option<&Step>| step.is_some_and(|step| of_post.iter().any(|it| it.unit == step.unit));
            let governs = |unit: &str| above.iter().skip(county + 1).any(|step| step.unit == unit);
            let is_bureau = |two: &[Step]| two[0].level == Level::Bureau.as_str() && governs(&two[1].unit);
            let is_near = lies_in(above.get(county))
                || of_post.windows(2).any(is_bureau)
                || named == Named::Leading && governs(&unit);
            if !is_near {
                return refuse(DocketError::FarPost { post: post.clone(), book: book.clone() });
            }
        }
        Ok(())
    }

    /// Refuses an approval that is not one: the reviewer approves, or a post of a unit at or above the owner's, in the name
    /// of which whoever acts may speak; and nobody approves what they owe or handed in themselves.
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

    /// Refuses a handover by who owes the matter and reviews it, before or after: it would free them to approve.
    pub(super) fn need_handover<E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        reviewer: Option<&PostId>,
        matter: &Matter,
    ) -> Result<(), AppendError<E>> {
        if is_system(actor) || !self.acts_for(actor, &matter.owner)? {
            return Ok(());
        }
        for reviewer in reviewer.into_iter().chain([&matter.reviewer]) {
            if self.acts_for(actor, reviewer)? {
                return refuse(DocketError::OwnApproval);
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

    fn no_approval(
        &mut self,
        actor: &ActorId,
        approver: &PostId,
        matter: &Matter,
    ) -> Result<Option<DocketError>, StoreError> {
        if *approver != matter.reviewer {
            let above = self.unit_of_post(approver)?;
            let owner = self.unit_of_post(&matter.owner)?.unwrap_or_default();
            if !self.up_from(&owner)?.iter().any(|step| Some(&step.unit) == above.as_ref()) {
                return Ok(Some(DocketError::NoApprover(approver.clone())));
            }
        }
        if is_system(actor) {
            return Ok(None);
        }
        if !self.acts_for(actor, approver)? {
            return Ok(Some(DocketError::NotHeld(approver.clone())));
        }
        let is_own = matter.submission.as_ref().is_some_and(|submission| submission.actor == *actor);
        let owes = *approver != matter.owner && self.acts_for(actor, &matter.owner)?;
        Ok((is_own || owes).then_some(DocketError::OwnApproval))
    }

    /// Whether somebody holds a post today, or was granted what its holder may do.
    fn acts_for(&mut self, actor: &ActorId, post: &PostId) -> Result<bool, StoreError> {
        const HELD: &str =
            "select account from org_holder where post = $1 and account = $2 and from_day <= $3
            and (until_day is null or until_day >= $3)";
        const GRANTED: &str =
            "select unit from access_grant where grantee = $1 and role = $2 and subject = $3
            and line is null";
        let post_id = post.subject().as_str();
        if let Some(account) = actor.as_str().strip_prefix("account:") {
            let today = i64::from(self.zone().day_of(self.now()).0);
            let params = [Param::Text(post_id), Param::Text(account), Param::Int(today)];
            if self.read()?.query_one(HELD, &params)?.is_some() {
                return Ok(true);
            }
        }
        let params = [Param::Text(actor.as_str()), Param::Text(HOLDER), Param::Text(post_id)];
        let granted = self.read()?.query(GRANTED, &params)?;
        let Some(unit) = self.unit_of_post(post)?.filter(|_| !granted.is_empty()) else { return Ok(false) };
        let above = self.up_from(&unit)?;
        for row in &granted {
            let unit = row.text(0)?;
            if above.iter().any(|step| step.unit == unit) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn unit_of_post(&mut self, post: &PostId) -> Result<Option<String>, StoreError> {
        const FIND: &str = "select unit from org_post where post = $1";
        let row = self.read()?.query_one(FIND, &[Param::Text(post.subject().as_str())])?;
        row.map(|row| row.text(0).map(str::to_owned)).transpose()
    }

    /// A unit and those above it, up to the root.
    fn up_from(&mut self, unit: &str) -> Result<Vec<Step>, StoreError> {
        const FIND: &str = "select level, parent from org_unit where unit = $1";
        let (mut steps, mut next) = (Vec::new(), Some(unit.to_owned()));
        while let Some(unit) = next {
            let Some(row) = self.read()?.query_one(FIND, &[Param::Text(&unit)])? else { break };
            next = row.text_or_null(1)?.map(str::to_owned);
            steps.push(Step { unit, level: row.text(0)?.to_owned() });
        }
        Ok(steps)
    }
}
