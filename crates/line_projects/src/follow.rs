//! What follows in the line from what is done to its matters in the kernel.

use base::{ActorId, BookId, Day, SubjectId, Time};
use kernel::{AppendError, Desk, DocketError};
use ledger::{Body, BodyError, Draft, Role, Rule};
use matters::{Cancelled, Event, Matter, MatterId, Move, State};

use crate::due;
use crate::kinds::{DeadlineMoved, HandedOver, PermitDecided, Phase, PhaseChanged, Standing, Withdrawn};
use crate::rules::{self, Restated};
use crate::sorts;
use crate::state::{self, Project};

/// Matters that end with a project which leaves the list: whoever withdraws it is asked about each.
const ENDED_MAX: usize = 100;

type Refused = AppendError<DocketError>;

/// A project's own matter carries its deadline, its posts and its end; every other matter of a project is among what the
/// project's colour is judged by.
pub fn on_move(desk: &mut Desk<'_>, step: &Move, matter: &Matter) -> Result<(), Refused> {
    let book = matter.id.book();
    if matter.sort.as_str() == sorts::MEASURE && matches!(step.event, Event::Reopened(_)) {
        need_plan(desk, &book, matter)?;
    }
    let Some(name) = state::project_of_matter(desk.read()?, &book, &matter.id)? else { return Ok(()) };
    if matter.sort.as_str() == sorts::PERMIT && matches!(step.event, Event::Submitted(_)) {
        need_decision(desk, &book, matter)?;
    }
    if matter.sort.as_str() != sorts::PROJECT {
        let project = sorts::Name::Project(&name).matter(&book)?;
        if matches!(step.event, Event::Reopened(_)) {
            need_under_way(desk, &project, &name)?;
        }
        return desk.touch_matter(&project, step.at);
    }
    let Some(project) = state::project(desk.read()?, &book, &name)? else { return Ok(()) };
    let mut follower = Follower { desk, step, project };
    match &step.event {
        Event::Submitted(_) => follower.need_finished("项目尚未竣工，不能报结"),
        Event::Accepted(_) => follower.close(),
        Event::Cancelled(cancelled) => follower.withdraw(cancelled),
        Event::Reopened(_) if follower.project.withdrawn_at.is_some() => refuse_gone(&name),
        Event::HandedOver(_) => follower.hand_over(matter),
        Event::Returned(returned) => follower.undo(&returned.reason, None),
        Event::Reopened(reopened) => {
            let deadline = follower.moved_to(matter)?;
            follower.undo(&reopened.reason, deadline)
        }
        Event::Extended(_) | Event::Resumed(_) => follower.move_deadline(matter),
        _ => Ok(()),
    }
}

/// A measure is owed again under a plan that stands: one that was taken back is in no list.
fn need_plan(desk: &mut Desk<'_>, book: &BookId, matter: &Matter) -> Result<(), Refused> {
    let plan = sorts::plan_of_measure(&matter.id).unwrap_or_default();
    if state::assistance_plan(desk.read()?, book, plan)?.is_some() {
        return Ok(());
    }
    let en = format!("the plan of assistance of {} was taken back: record another", matter.id);
    refuse("该帮扶方案已冲正，其措施不能重新启动，应另行登记帮扶方案", en)
}

/// A permit whose decision did not stand is handed in with another: what was decided once is not believed again because somebody
/// handed it in.
fn need_decision(desk: &mut Desk<'_>, book: &BookId, matter: &Matter) -> Result<(), Refused> {
    // What this act records is not in the tables yet.
    if desk.drafted(PermitDecided::KIND) || !state::was_decided(desk.read()?, book, &matter.id)? {
        return Ok(());
    }
    let en = format!(
        "what was decided of {} was not accepted, or was opened again: record the new decision",
        matter.id
    );
    refuse("该审批事项原办理结果已被退回或重新办理，请重新登记审批办结，不能直接报结", en)
}

/// Nothing is owed again for a project that left the list, nor for one that was accepted unless it is owed again itself.
fn need_under_way(desk: &mut Desk<'_>, project: &MatterId, name: &str) -> Result<(), Refused> {
    match desk.matter(project)?.map(|matter| matter.state) {
        Some(State::Cancelled) => refuse_gone(name),
        Some(State::Accepted) => {
            refuse("项目已办结，应先重新启动该项目", format!("project {name} was accepted; reopen it first"))
        }
        _ => Ok(()),
    }
}

fn refuse_gone(name: &str) -> Result<(), Refused> {
    refuse("项目已退出清单，应重新登记", format!("project {name} left the list; register it anew"))
}

fn refuse(zh: &str, en: String) -> Result<(), Refused> {
    Err(AppendError::Refused(DocketError::Line { zh: zh.to_owned(), en }))
}

/// Refuses to take a project off the list by who may not end what is owed for it.
fn not_to_end(owed: &MatterId) -> Refused {
    let zh = format!(
        "事项 {owed} 尚未办结，且不由您审批；项目退出清单须由其承办、审核单位的共同上级审批，或待其办结后办理"
    );
    let en = format!(
        "{owed} is still owed and not yours to end: a leader above its owner and reviewer takes the project off the list"
    );
    AppendError::Refused(DocketError::Line { zh, en })
}

struct Follower<'f, 'd> {
    desk: &'f mut Desk<'d>,
    step: &'f Move,
    project: Project,
}

impl Follower<'_, '_> {
    /// A project is done when it is finished and nothing is owed for it any more.
    fn close(&mut self) -> Result<(), Refused> {
        self.need_finished("项目尚未竣工，不能办结")?;
        match self.owed()?.first() {
            Some(open) => refuse("项目尚有未办结的堵点、审批、节点或措施", format!("{open} is still owed")),
            None => Ok(()),
        }
    }

    /// What is handed in is judged as of that day: a project that is under way is not, or it would never be late.
    fn need_finished(&self, zh: &str) -> Result<(), Refused> {
        if self.project.phase >= Phase::Finished {
            return Ok(());
        }
        let (project, phase) = (&self.project.project, self.project.phase.as_str());
        refuse(zh, format!("project {project} is {phase}, not finished"))
    }

    /// The other matters of the project that are open.
    fn owed(&mut self) -> Result<Vec<MatterId>, Refused> {
        let book = self.book();
        let all = state::owed(self.desk.read()?, &book, &self.project.project, None)?;
        let open = all.into_iter().map(|owed| owed.matter).filter(|matter| !matter.state.is_closed());
        Ok(open.filter(|matter| matter.sort.as_str() != sorts::PROJECT).map(|matter| matter.id).collect())
    }

    fn book(&self) -> BookId {
        self.step.event.matter().book()
    }

    /// Nobody owes anything for a project that left the list.
    fn withdraw(&mut self, cancelled: &Cancelled) -> Result<(), Refused> {
        let (planned, day) = self.caught_up()?;
        let told = rules::told_late(&self.project.standing(), planned, planned, day, |_| None);
        let body = Withdrawn {
            project: self.project.project.clone(),
            reason: cancelled.reason.clone(),
            change: told.change,
        };
        // Whether all may be ended is asked before any is, and of all what is soon asked, before who took part.
        let mut owed = Vec::new();
        for id in self.owed_few()? {
            let Some(matter) = self.desk.matter(&id)? else { continue };
            // Whoever takes the project off the list approves for what hangs on it, as they may or in the reviewer's name; what
            // they owe themselves, another does.
            let mut posts = Vec::new();
            for post in [&cancelled.approver, &matter.reviewer] {
                if self.desk.could_approve(&self.step.actor, post, &matter)? {
                    posts.push(post.clone());
                }
            }
            if posts.is_empty() {
                return Err(not_to_end(&id));
            }
            owed.push((matter, posts));
        }
        let mut ended = Vec::new();
        for (matter, posts) in owed {
            let mut approver = None;
            for post in posts {
                if approver.is_none() && self.desk.may_approve(&self.step.actor, &post, &matter)? {
                    approver = Some(post);
                }
            }
            let Some(approver) = approver else { return Err(not_to_end(&matter.id)) };
            let (reason, sort) = (cancelled.reason.clone(), matter.sort.clone());
            ended.push((matter.version, Cancelled { matter: matter.id, sort, reason, approver }));
        }
        self.append(&body)?;
        self.restate(told.restated)?;
        for (version, event) in ended {
            self.desk.move_matter::<DocketError>(version, &self.step.actor, self.step.at, event.into())?;
        }
        Ok(())
    }

    /// The other matters of the project that are open, where they are not so many that ending all takes long.
    fn owed_few(&mut self) -> Result<Vec<MatterId>, Refused> {
        let open = self.owed()?;
        if open.len() > ENDED_MAX {
            let zh = format!(
                "尚有 {} 项事项未办结，超过一次可撤销的 {ENDED_MAX} 项，请先办结或撤销部分事项",
                open.len()
            );
            let en = format!(
                "{} matters are still owed, of which {ENDED_MAX} end with the project at most: end some first",
                open.len()
            );
            return Err(AppendError::Refused(DocketError::Line { zh, en }));
        }
        Ok(open)
    }

    fn hand_over(&mut self, matter: &Matter) -> Result<(), Refused> {
        let project = self.project.project.clone();
        self.append(&HandedOver { project, team: matter.owner.clone(), office: matter.reviewer.clone() })
    }

    /// What a project was handed in with is not believed any more: it is where it was before it was said to be finished. What was
    /// accepted once counts until now; what never was, since it was said.
    fn undo(&mut self, reason: &str, deadline: Option<Day>) -> Result<(), Refused> {
        if self.project.phase < Phase::Finished && deadline.is_none() {
            return Ok(());
        }
        let (planned, day) = self.caught_up()?;
        if self.project.phase >= Phase::Finished {
            self.set_back(reason, planned, day)?;
        }
        deadline.map_or(Ok(()), |to| self.put_off(to, planned, day))
    }

    fn set_back(&mut self, reason: &str, planned: (Day, Day), day: Day) -> Result<(), Refused> {
        let (to, said) = self.before_the_finish()?;
        let said = said.filter(|_| matches!(self.step.event, Event::Returned(_)));
        let day = said.map_or(day, |at| self.desk.zone().day_of(at));
        let standing = self.project.standing();
        let told = rules::told_late(&standing, planned, planned, day, |it| Some(rules::in_phase(it, to)));
        let after = rules::in_phase(&standing, to);
        (self.project.phase, self.project.newly_signed) = (after.phase, after.newly_signed);
        let (project, reason) = (self.project.project.clone(), Some(reason.to_owned()));
        self.append(&PhaseChanged { project, to, reason, change: told.change })?;
        self.restate(told.restated)
    }

    /// The phase from which a project came to be finished, and when; one that was registered so is under way again.
    fn before_the_finish(&mut self) -> Result<(Phase, Option<Time>), Refused> {
        let book = self.book();
        let phases = state::phases(self.desk.read()?, &book, &self.project.project)?;
        let Some(finish) = phases.iter().find(|reached| reached.phase >= Phase::Finished) else {
            return Ok((Phase::Started, None));
        };
        let entry = kernel::entries::entry(self.desk.read()?, &book, finish.seq)?;
        let changed = entry.and_then(|entry| entry.body::<PhaseChanged>().ok());
        let before = changed.and_then(|it| it.change.before).map(|standing| standing.phase);
        let before = before.filter(|phase| *phase < Phase::Finished).unwrap_or(Phase::Started);
        Ok((before, Some(finish.at)))
    }

    fn move_deadline(&mut self, matter: &Matter) -> Result<(), Refused> {
        let Some(to) = self.moved_to(matter)? else { return Ok(()) };
        let (planned, day) = self.caught_up()?;
        self.put_off(to, planned, day)
    }

    /// The deadline of a matter, if it is another than its project's: a term runs by the calendar of the step.
    fn moved_to(&mut self, matter: &Matter) -> Result<Option<Day>, Refused> {
        let rulebook = self.desk.rulebook()?;
        let deadline = matter.deadline(rulebook.calendar_at(self.step.at), self.desk.zone());
        Ok(deadline.map(|answer| answer.value).filter(|to| *to != self.project.planned_finish))
    }

    /// A finish that is put off to a later day is due no more.
    fn put_off(&mut self, to: Day, planned: (Day, Day), day: Day) -> Result<(), Refused> {
        let moved = |before: &Standing| {
            Some(Standing { finish_due: before.finish_due && to <= day, ..before.clone() })
        };
        let told = rules::told_late(&self.project.standing(), planned, (planned.0, to), day, moved);
        let project = self.project.project.clone();
        self.append(&DeadlineMoved { project, to, change: told.change })?;
        self.restate(told.restated)
    }

    /// Records all that fell due before the move; gives the planned days of the project, and the day of the move.
    fn caught_up(&mut self) -> Result<((Day, Day), Day), Refused> {
        let (book, day) = (self.book(), self.desk.zone().day_of(self.step.at));
        due::catch_up(self.desk, &book, &mut self.project, day)?;
        Ok(((self.project.planned_start, self.project.planned_finish), day))
    }

    fn restate(&mut self, restated: Vec<Restated>) -> Result<(), Refused> {
        let book = self.book();
        due::restate(self.desk, &book, &self.project, restated).map(drop)
    }

    fn append<B: Body>(&mut self, body: &B) -> Result<(), Refused> {
        let book = self.book();
        let actor: &ActorId = &self.step.actor;
        let subject = SubjectId::local("project", &book, &self.project.project)
            .map_err(|error| BodyError::new("project", Rule::Format, error.to_string()))?;
        let draft = Draft::new(&book, self.step.at, actor, body)?;
        let draft = draft.subject(Role::About, subject).answered_by(self.project.team.clone());
        self.desk.append(draft).map(drop)
    }
}
