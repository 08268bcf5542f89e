//! What may be done with matters at the desk. Whoever moves or touches a matter first catches it up to that moment, so that
//! history that is loaded in order colours exactly as if the server had been up.

use std::collections::HashMap;

use base::{ActorId, BookId, Day, KindName, SubjectId, Time};
use ledger::{Draft, Role};
use matters::{Due, Event, Facts, Matter, MatterError, MatterId, Move, Opened, PostId, Version};
use store::{Param, StoreError, Value};

use super::apply::read_matter;
use super::clock::{NEVER, clock_actor};
use super::read::with_what_it_bears_on;
use super::schema::{DELETE_WAKE, PUT_WAKE};
use super::{DocketError, TASK_SORT, TASKS_OF_POST_MAX, TASKS_ON_POST_MAX, TASKS_OWED_MAX};
use crate::{AppendError, Desk, Receipt};

/// The matters that the decision at the desk has changed, as they will be.
pub(crate) type Seats = HashMap<MatterId, Seat>;

/// A matter, since when it was last looked at, and when it is to be looked at next.
#[derive(Clone)]
pub(crate) struct Seat {
    pub matter: Matter,
    looked: Time,
    next: Time,
}

/// A matter that was moved, and the entry that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub receipt: Receipt,
    pub matter: Matter,
}

pub(super) fn refuse<T, E: From<DocketError>>(error: impl Into<DocketError>) -> Result<T, AppendError<E>> {
    Err(AppendError::Refused(error.into().into()))
}

impl Desk<'_> {
    /// A matter as it stands, with what this decision has done to it.
    pub fn matter(&mut self, id: &MatterId) -> Result<Option<Matter>, StoreError> {
        Ok(self.seat(id)?.map(|seat| seat.matter))
    }

    /// When somebody does something with matters by a record: as they record it, whatever day the record is of. What the
    /// installation loads happened when it is said to have.
    pub fn done_at(&self, actor: &ActorId, occurred: Time) -> Time {
        if actor.is_system() { occurred } else { self.now() }
    }

    /// Refuses a deadline that has passed when it is set, or counts from before that day.
    pub fn need_ahead<E: From<DocketError>>(
        &self,
        actor: &ActorId,
        occurred: Time,
        due: &Due,
    ) -> Result<(), AppendError<E>> {
        let (Due::On { day } | Due::Within { from: day, .. }) = due;
        match self.is_ahead(actor, occurred, *day) {
            true => Ok(()),
            false => refuse(DocketError::PastDue(*day)),
        }
    }

    /// Refuses an extension to a day that does not lie after the deadline as it stands, with the pauses so far, or that has
    /// passed when it is given.
    fn need_later<E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        occurred: Time,
        before: &Matter,
        after: &Matter,
    ) -> Result<(), AppendError<E>> {
        let rulebook = self.rulebook()?;
        let calendar = rulebook.calendar_at(occurred);
        let deadline = |matter: &Matter| matter.deadline(calendar, self.zone()).map(|answer| answer.value);
        let Some(later) = deadline(after) else { return Ok(()) };
        if deadline(before).is_some_and(|day| later <= day) {
            return refuse(MatterError::NoExtension);
        }
        match self.is_ahead(actor, occurred, later) {
            true => Ok(()),
            false => refuse(DocketError::PastDue(later)),
        }
    }

    /// Whether a day has not passed when somebody records something.
    pub fn is_ahead(&self, actor: &ActorId, occurred: Time, day: Day) -> bool {
        day >= self.zone().day_of(self.done_at(actor, occurred))
    }

    /// Opens a matter, about further subjects besides itself. It is coloured by the clock, when the entries of this
    /// decision are applied and the line's facts are known.
    pub fn open_matter<E: From<DocketError>>(
        &mut self,
        book: &BookId,
        actor: &ActorId,
        occurred: Time,
        opened: Opened,
        about: Vec<SubjectId>,
    ) -> Result<Receipt, AppendError<E>> {
        let occurred = self.done_at(actor, occurred);
        self.take(book)?;
        let id = opened.matter.clone();
        if id.book() != *book {
            return refuse(DocketError::OtherBook { matter: id, book: book.clone() });
        }
        let of_sort = self.bench.lines.of(opened.sort.as_str());
        if !of_sort.is_some_and(|line| line.sorts().iter().any(|sort| sort.name == opened.sort.as_str())) {
            return refuse(DocketError::UnknownSort(opened.sort));
        }
        if self.seat(&id)?.is_some() {
            return refuse(DocketError::Exists(id));
        }
        let rulebook = self.rulebook()?;
        if rulebook.newest(&opened.rule).is_none() {
            return refuse(MatterError::UnknownRule(opened.rule));
        }
        let posts = opened.helpers.iter().chain([&opened.owner, &opened.reviewer]);
        self.need_posts(posts)?;
        let work = opened.helpers.iter().chain([&opened.owner]);
        self.need_few_tasks(actor, (&id, &opened.sort), (&opened.reviewer, true), work)?;
        let mut draft = Draft::new(book, occurred, actor, &opened)?;
        let matter = Matter::open(&opened, occurred).or_else(refuse)?;
        for subject in std::iter::once(id.subject().clone()).chain(about) {
            draft = draft.subject(Role::About, subject);
        }
        let receipt = self.append(draft.answered_by(matter.owner.subject().clone()))?;
        self.tell_opened(&matter, occurred)?;
        self.put(Seat { matter, looked: occurred, next: occurred });
        Ok(receipt)
    }

    /// Whoever gives tasks of a book leaves those who get them room for what they owe besides, and nobody's tasks crowd out what
    /// a post owes, however many reviewers they have. `anew` is a reviewer that the task did not have before.
    fn need_few_tasks<'p, E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        (id, sort): (&MatterId, &KindName),
        (reviewer, anew): (&'p PostId, bool),
        posts: impl Iterator<Item = &'p PostId>,
    ) -> Result<(), AppendError<E>> {
        if sort.as_str() != TASK_SORT || actor.is_system() {
            return Ok(());
        }
        let of = |part: &str, most: usize| {
            format!(
                "select m.reviewer from matter_post as p join matter as m on m.book = p.book and m.matter = p.matter
                 where p.post = $1 and p.part {part} 'reviewer' and m.sort = $2 and p.book = $3 and p.matter <> $4
                 limit {most}"
            )
        };
        let (reviewed, owed) = (of("=", TASKS_OF_POST_MAX), of("<>", TASKS_OWED_MAX));
        let book = id.book();
        let of = |post: &'p PostId| {
            [post.subject().as_str(), TASK_SORT, book.as_str(), id.subject().as_str()].map(Param::Text)
        };
        let open = self.read()?.query(&reviewed, &of(reviewer))?;
        if anew && open.len() >= TASKS_OF_POST_MAX {
            let of = format!("that {reviewer} reviews");
            return refuse(DocketError::TooManyTasks { count: TASKS_OF_POST_MAX, of });
        }
        for post in posts {
            let open = self.read()?.query(&owed, &of(post))?;
            let mut of_reviewer = 0;
            for row in &open {
                of_reviewer += usize::from(row.text(0)? == reviewer.subject().as_str());
            }
            let limits = [
                (of_reviewer, TASKS_ON_POST_MAX, format!("of {post} that {reviewer} reviews")),
                (open.len(), TASKS_OWED_MAX, format!("that {post} owes or helps with")),
            ];
            if let Some((_, count, of)) = limits.into_iter().find(|(open, most, _)| open >= most) {
                return refuse(DocketError::TooManyTasks { count, of });
            }
        }
        Ok(())
    }

    /// Moves a matter for somebody who looked at it at a version: a conflict if somebody else was faster.
    pub fn move_matter<E: From<DocketError>>(
        &mut self,
        expected: Version,
        actor: &ActorId,
        occurred: Time,
        event: Event,
    ) -> Result<Moved, AppendError<E>> {
        let occurred = self.done_at(actor, occurred);
        let mut seat = self.caught_up(event.matter(), occurred)?;
        let named = event.clone();
        let mut step = Move { at: occurred, actor: actor.clone(), event: event.completed(&seat.matter) };
        // Before it is asked who took part, which takes the writer's time.
        let next = seat.matter.propose(expected, &step).or_else(refuse)?;
        self.need_named(actor, occurred, &named, &seat.matter)?;
        if let Event::Extended(_) = &step.event {
            self.need_later(actor, occurred, &seat.matter, &next)?;
        }
        if let Event::Accepted(accepted) = &mut step.event {
            let rulebook = self.rulebook()?;
            accepted.in_time = next.is_in_time(rulebook.calendar_at(occurred), self.zone());
        }
        let next = seat.matter.after(&step).or_else(refuse)?;
        let receipt = self.append(step.draft(&next.id.book(), &seat.matter)?)?;
        self.tell_moved(&step, &next)?;
        (seat.matter, seat.next) = (next, seat.looked.max(occurred));
        seat.looked = seat.next;
        if seat.matter.state.is_closed() {
            // Nothing has to be known of it to take its colour.
            let looked = seat.looked;
            self.catch_up(&mut seat, &Facts::default(), looked)?;
        }
        let matter = seat.matter.clone();
        self.put(seat);
        let lines = self.bench.lines.clone();
        if let Some(line) = lines.of(matter.sort.as_str()) {
            line.on_move(self, &step, &matter).map_err(|error| error.map(E::from))?;
        }
        Ok(Moved { receipt, matter })
    }

    /// Refuses to move or touch at a moment a matter that is due to be looked at by then, or bears on one that is, before
    /// what takes long of that was reckoned ([`Kernel::prepare_move`](crate::Kernel::prepare_move)): everybody waits for the
    /// writer.
    pub fn need_reckoned<E: From<DocketError>>(
        &mut self,
        id: &MatterId,
        at: Time,
    ) -> Result<(), AppendError<E>> {
        let (by, lines) = (self.now().max(at), self.bench.lines.clone());
        self.take(&id.book())?;
        for id in with_what_it_bears_on(self.read()?, &lines, id)? {
            if let Some(seat) = self.seat(&id)?
                && seat.next <= by
                && let Some(line) = lines.of(seat.matter.sort.as_str())
                && !line.is_prepared(self.read()?, &id.book(), &seat.matter)?
            {
                return refuse(DocketError::NotReckoned(id));
            }
        }
        Ok(())
    }

    /// Says that from a moment on a line's facts of a matter are others: by the entries of this decision. Nothing happens
    /// to a matter that is closed.
    pub fn touch_matter<E: From<DocketError>>(
        &mut self,
        id: &MatterId,
        at: Time,
    ) -> Result<(), AppendError<E>> {
        let mut seat = self.caught_up(id, at)?;
        if !seat.matter.state.is_closed() {
            seat.looked = seat.looked.max(at);
            seat.next = seat.looked;
            self.put(seat);
        }
        Ok(())
    }

    /// Lets what falls due by itself happen to a matter up to a moment. What changed since it was prepared, and takes long,
    /// is left to the next look.
    pub(super) fn tend<E: From<DocketError>>(
        &mut self,
        id: &MatterId,
        now: Time,
    ) -> Result<bool, AppendError<E>> {
        let before = self.drafts();
        let lines = self.bench.lines.clone();
        if let Some(seat) = self.seat(id)?
            && let Some(line) = lines.of(seat.matter.sort.as_str())
            && !line.is_prepared(self.read()?, &id.book(), &seat.matter)?
        {
            return Ok(false);
        }
        let seat = self.caught_up(id, now)?;
        self.put(seat);
        Ok(self.drafts() > before)
    }

    /// A matter after all that fell due up to a moment, with the facts as the tables have them.
    fn caught_up<E: From<DocketError>>(&mut self, id: &MatterId, at: Time) -> Result<Seat, AppendError<E>> {
        self.take(&id.book())?;
        let Some(mut seat) = self.seat(id)? else { return refuse(DocketError::Unknown(id.clone())) };
        if seat.next <= at {
            let lines = self.bench.lines.clone();
            let facts = match lines.of(seat.matter.sort.as_str()) {
                Some(line) => line.facts(self.read()?, &id.book(), &seat.matter)?,
                None => Facts::default(),
            };
            self.catch_up(&mut seat, &facts, at)?;
        }
        Ok(seat)
    }

    fn catch_up<E: From<DocketError>>(
        &mut self,
        seat: &mut Seat,
        facts: &Facts,
        now: Time,
    ) -> Result<(), AppendError<E>> {
        let rulebook = self.rulebook()?;
        let stretch = (seat.looked, now);
        let caught_up = rulebook.catch_up(self.zone(), &seat.matter, facts, &clock_actor(), stretch);
        let caught_up = caught_up.or_else(refuse)?;
        for step in caught_up.moves {
            self.append(step.draft(&seat.matter.id.book(), &seat.matter)?)?;
            self.tell_moved(&step, &caught_up.matter)?;
        }
        seat.looked = seat.looked.max(now);
        seat.next = caught_up.next.unwrap_or(NEVER);
        seat.matter = caught_up.matter;
        Ok(())
    }

    /// Refuses posts and files that are not there, and approvals that are nobody's to give.
    fn need_named<E: From<DocketError>>(
        &mut self,
        actor: &ActorId,
        occurred: Time,
        event: &Event,
        matter: &Matter,
    ) -> Result<(), AppendError<E>> {
        match event {
            Event::HandedOver(handover) => {
                self.need_posts(handover.reviewer.iter().chain([&handover.to]))?;
                self.need_new_owner(actor, &handover.to, matter)?;
                self.need_handover(actor, handover.reviewer.as_ref(), matter)?;
                self.need_no_judge(actor, (&handover.to, "to"), matter)?;
                let reviewer = handover.reviewer.as_ref().unwrap_or(&matter.reviewer);
                let anew = *reviewer != matter.reviewer;
                let of = (&matter.id, &matter.sort);
                let helpers = matter.helpers.iter().filter(|_| anew);
                self.need_few_tasks(actor, of, (reviewer, anew), helpers.chain([&handover.to]))
            }
            Event::Accepted(_) | Event::Returned(_) => self.need_other(actor, matter),
            Event::HelperAdded(added) => {
                self.need_posts([&added.helper])?;
                self.need_new_owner(actor, &added.helper, matter)?;
                self.need_no_judge(actor, (&added.helper, "helper"), matter)?;
                let of = (&matter.id, &matter.sort);
                self.need_few_tasks(actor, of, (&matter.reviewer, false), [&added.helper].into_iter())
            }
            Event::Cancelled(it) => self.need_approver(actor, &it.approver, matter),
            Event::Reopened(it) => {
                self.need_approver(actor, &it.approver, matter)?;
                self.need_ahead(actor, occurred, &it.due)?;
                let of = (&matter.id, &matter.sort);
                let work = matter.helpers.iter().chain([&matter.owner]);
                self.need_few_tasks(actor, of, (&matter.reviewer, true), work)
            }
            Event::Paused(it) => self.need_approver(actor, &it.approver, matter),
            Event::Extended(it) => self.need_approver(actor, &it.approver, matter),
            Event::Excused(it) => self.need_approver(actor, &it.approver, matter),
            Event::Submitted(done) => {
                if done.by == matter.owner {
                    self.need_not_review(actor, matter)?;
                }
                let book = matter.id.book();
                for evidence in &done.evidence {
                    if !self.may_name(actor, &book, &evidence.digest)? {
                        return refuse(DocketError::UnknownEvidence(evidence.digest.clone()));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn seat(&mut self, id: &MatterId) -> Result<Option<Seat>, StoreError> {
        const FIND: &str = "select body, next, looked from matter
            left join matter_wake on matter_wake.book = matter.book and matter_wake.matter = matter.matter
            where matter.book = $1 and matter.matter = $2";
        if let Some(seat) = self.seats.get(id) {
            return Ok(Some(seat.clone()));
        }
        let book = id.book();
        let params = [Param::Text(book.as_str()), Param::Text(id.subject().as_str())];
        let Some(row) = self.read()?.query_one(FIND, &params)? else { return Ok(None) };
        let matter = read_matter(row.text(0)?)?;
        let (next, looked) = match (row.int_or_null(1)?, row.int_or_null(2)?) {
            (Some(next), Some(looked)) => (Time(next), Time(looked)),
            // The clock has no business with a closed matter.
            _ => (NEVER, matter.moved),
        };
        Ok(Some(Seat { matter, looked, next }))
    }

    fn put(&mut self, seat: Seat) {
        let (book, id) = (seat.matter.id.book(), seat.matter.id.clone());
        let text = |text: &str| Value::Text(text.to_owned());
        let mut values = vec![text(book.as_str()), text(id.subject().as_str())];
        if seat.matter.state.is_closed() && seat.next == NEVER {
            self.aside(DELETE_WAKE, values);
        } else {
            values.extend([Value::Int(seat.next.0), Value::Int(seat.looked.0)]);
            self.aside(PUT_WAKE, values);
        }
        self.seats.insert(id, seat);
    }
}
