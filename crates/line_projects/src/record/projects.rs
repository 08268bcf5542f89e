//! Projects from registration to acceptance, and entries taken back.

use base::Seq;
use kernel::Receipt;
use ledger::{Body, Entry, Role};
use matters::State;

use super::{Failure, Recorder, need_room, refuse, refused};
use crate::due;
use crate::kinds::{
    Accepted, Amended, AssistancePlanned, Change, ContractSigned, EnteredStatistics, EntryReversed, Invested,
    PROJECTS_MAX, Paid, Phase, PhaseChanged, ProgressReported, ProjectCode, ProxyDone, ProxyOpened,
    Registered, Standing, VisitMade, WorksDone,
};
use crate::refusal::{Code, Refusal};
use crate::rules;
use crate::sorts::Name;
use crate::state::{self, Project};

/// The kinds that an entry may take back: they say what was done, and change how no project stands.
pub const REVERSIBLE: [&str; 9] = [
    ContractSigned::KIND,
    Invested::KIND,
    Paid::KIND,
    ProgressReported::KIND,
    WorksDone::KIND,
    VisitMade::KIND,
    AssistancePlanned::KIND,
    ProxyOpened::KIND,
    ProxyDone::KIND,
];

impl Recorder<'_, '_> {
    pub(super) fn register(&mut self, mut body: Registered) -> Result<Receipt, Failure> {
        if state::project(self.desk.read()?, self.book, &body.project)?.is_some() {
            return refuse(Code::Exists, "body.project", format!("project {} is registered", body.project));
        }
        let held = state::projects_count(self.desk.read()?, self.book)?;
        need_room("body.project", (held, 1), PROJECTS_MAX, ("本账簿的项目", "projects of the book"))?;
        self.need_free(body.code.as_ref())?;
        if let Some(chain) = &body.chain {
            self.need_chain(chain)?;
        }
        if let Some(programme) = &body.programme {
            self.programme(programme)?;
        }
        let after = Standing {
            phase: body.phase,
            industry: body.industry.clone(),
            chain: body.chain.clone(),
            programme: body.programme.clone(),
            total_fen: body.total_fen,
            newly_signed: body.newly_signed,
            start_due: false,
            finish_due: false,
        };
        body.change = Change { before: None, after: Some(after) };
        let draft = self.draft(&body)?.subject(Role::About, self.id("project", &body.project)?);
        let receipt = self.append(draft.answered_by(body.team.subject().clone()))?;
        self.open_project(&body)?;
        Ok(receipt)
    }

    /// A code of the platform belongs to one project on the list.
    fn need_free(&mut self, code: Option<&ProjectCode>) -> Result<(), Failure> {
        let Some(code) = code else { return Ok(()) };
        match state::project_of_code(self.desk.read()?, self.book, code.as_str(), self.occurred)? {
            Some(project) => refuse(Code::Exists, "body.code", format!("is the code of project {project}")),
            None => Ok(()),
        }
    }

    pub(super) fn amend(&mut self, mut body: Amended) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        rules::in_order(self.occurred, project.changed_at).map_err(refused)?;
        if body.code.as_ref().map(ProjectCode::as_str) != project.code.as_deref() {
            self.need_free(body.code.as_ref())?;
        }
        if let Some(chain) = body.chain.as_deref().filter(|chain| !chain.is_empty()) {
            self.need_chain(chain)?;
        }
        if let Some(programme) = body.programme.as_deref().filter(|programme| !programme.is_empty()) {
            self.programme(programme)?;
        }
        if body.planned_start.is_some_and(|start| start > project.planned_finish) {
            let detail = format!("lies after the deadline, {}", project.planned_finish);
            return refuse(Code::Body, "body.planned_start", detail);
        }
        if body.planned_start.is_some_and(|start| start != project.planned_start) {
            self.need_not_own(&project, "body.planned_start")?;
        }
        let day = self.desk.zone().day_of(self.occurred);
        let planned = (project.planned_start, project.planned_finish);
        let planned_after = (body.planned_start.unwrap_or(planned.0), planned.1);
        let told = rules::told_late(&project.standing(), planned, planned_after, day, |before| {
            Some(rules::amended(before, &body, day))
        });
        let is_signed = |it: &Standing| !it.newly_signed || it.phase >= Phase::Signed;
        if !told.change.after.as_ref().is_none_or(is_signed) {
            let detail = "a project that is planned is not signed";
            return refuse(Code::Body, "body.newly_signed", detail);
        }
        body.change = told.change;
        let receipt = self.of_project(&body, &project)?;
        self.restate(&project, told.restated)?;
        Ok(receipt)
    }

    pub(super) fn change_phase(&mut self, mut body: PhaseChanged) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        rules::in_order(self.occurred, project.changed_at).map_err(refused)?;
        rules::may_change_phase(project.phase, body.to, body.reason.as_deref()).map_err(refused)?;
        // It may have been handed in as any other matter.
        let id = Name::Project(&project.project).matter(self.book)?;
        let state = self.desk.matter(&id)?.map(|matter| matter.state);
        let accepted = state == Some(State::Accepted);
        if body.to < Phase::Finished && (accepted || project.accepted_at.is_some()) {
            let detail = format!("project {} was accepted as finished", project.project);
            return refuse(Code::AlreadyDone, "body.to", detail);
        }
        // Colours and figures count from the day on which a phase was reached, so a team does not reach one again.
        if body.to < project.phase && !self.desk.may_with(self.actor, PhaseChanged::KIND, self.book)? {
            let detail = format!("the office takes project {} back a phase", project.project);
            return refuse(Code::BackByOffice, "body.to", detail);
        }
        if body.to < project.phase {
            self.need_not_own(&project, "body.to")?;
        }
        // Its reviewer judges what was handed in, and sets it back by returning it.
        if body.to < project.phase && state == Some(State::Submitted) {
            let detail = format!("project {} was handed in and is not judged yet", project.project);
            return refuse(Code::HandedIn, "body.to", detail);
        }
        let day = self.desk.zone().day_of(self.occurred);
        let planned = (project.planned_start, project.planned_finish);
        let told = rules::told_late(&project.standing(), planned, planned, day, |before| {
            Some(rules::in_phase(before, body.to))
        });
        body.change = told.change;
        let receipt = self.of_project(&body, &project)?;
        self.restate(&project, told.restated)?;
        Ok(receipt)
    }

    fn restate(&mut self, project: &Project, restated: Vec<rules::Restated>) -> Result<(), Failure> {
        let receipts = due::restate(self.desk, self.book, project, restated)?;
        self.due.extend(receipts);
        Ok(())
    }

    pub(super) fn enter_statistics(&mut self, body: EnteredStatistics) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        if project.statistics_at.is_some() {
            let detail = format!("project {} is in the statistics", project.project);
            return refuse(Code::AlreadyDone, "body.project", detail);
        }
        self.of_project(&body, &project)
    }

    pub(super) fn accept(&mut self, body: Accepted) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        if project.phase < Phase::Finished {
            let detail = format!("project {} is {}", project.project, project.phase.as_str());
            return refuse(Code::NotFinished, "body.project", detail);
        }
        if project.accepted_at.is_some() {
            let detail = format!("project {} was accepted", project.project);
            return refuse(Code::AlreadyDone, "body.project", detail);
        }
        rules::in_order(self.occurred, project.changed_at).map_err(refused)?;
        let receipt = self.of_project(&body, &project)?;
        let day = self.desk.zone().day_of(self.occurred);
        self.hand_in(Name::Project(&project.project), &project.title_zh, day)?;
        Ok(receipt)
    }

    /// The reversal counts for the day of the entry that it takes back.
    pub(super) fn reverse(&mut self, mut body: EntryReversed) -> Result<Receipt, Failure> {
        let seq = Seq(body.entry);
        let tx = self.desk.read()?;
        let in_range = i64::try_from(body.entry).is_ok();
        let entry = if in_range { kernel::entries::entry(tx, self.book, seq)? } else { None };
        let Some(entry) = entry else {
            return refuse(Code::UnknownEntry, "body.entry", format!("there is no entry {seq}"));
        };
        if !REVERSIBLE.contains(&entry.kind.as_str()) {
            let detail = format!("entries of kind {} are not taken back", entry.kind);
            return refuse(Code::NotReversible, "body.entry", detail);
        }
        if state::is_reversed(self.desk.read()?, self.book, seq)? {
            return refuse(Code::AlreadyReversed, "body.entry", format!("entry {seq} was taken back"));
        }
        self.need_no_end(&entry)?;
        self.need_no_measures(&entry)?;
        let about = entry.subjects.iter().find(|subject| subject.id.scheme() == "project");
        let about =
            about.map(|subject| state::project(self.desk.read()?, self.book, subject.id.local_part()));
        let project = about.transpose()?.flatten();
        if let Some(project) = &project {
            self.need_not_own(project, "body.entry")?;
        }
        body.kind = entry.kind.as_str().to_owned();
        body.body =
            entry.body.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        self.occurred = entry.occurred;
        let mut draft = self.draft(&body)?;
        for subject in &entry.subjects {
            draft = draft.subject(subject.role, subject.id.clone());
        }
        draft.answers.clone_from(&entry.answers);
        let receipt = self.append(draft)?;
        if let Some(project) = &project {
            self.touch(project)?;
        }
        Ok(receipt)
    }

    /// A plan of assistance is not taken back while somebody owes a measure of it: who reviews the measures ends them, or says that
    /// they are done.
    fn need_no_measures(&mut self, entry: &Entry) -> Result<(), Failure> {
        if entry.kind.as_str() != AssistancePlanned::KIND {
            return Ok(());
        }
        let Ok(planned) = entry.body::<AssistancePlanned>() else { return Ok(()) };
        for number in 1..=planned.measures.len() {
            let id = Name::Measure(&planned.plan, number).matter(self.book)?;
            if self.desk.matter(&id)?.is_some_and(|matter| !matter.state.is_closed()) {
                let detail = format!("{id} is still owed: end the plan's measures first");
                let refusal = Refusal::new(Code::MeasuresOwed, "body.entry", detail);
                return Err(refused(refusal.in_chinese(id.to_string())));
            }
        }
        Ok(())
    }

    /// An errand that is done is not taken back before its end is.
    fn need_no_end(&mut self, entry: &Entry) -> Result<(), Failure> {
        let Ok(opened) = entry.body::<ProxyOpened>() else { return Ok(()) };
        if entry.kind.as_str() != ProxyOpened::KIND {
            return Ok(());
        }
        match state::proxy(self.desk.read()?, self.book, &opened.item)? {
            Some(proxy) if proxy.done_at.is_some() => {
                let detail = format!("item {} is done: take back its end first", opened.item);
                refuse(Code::AlreadyDone, "body.entry", detail)
            }
            _ => Ok(()),
        }
    }
}
