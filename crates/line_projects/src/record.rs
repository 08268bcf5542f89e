//! Recording one entry of the line, whatever its kind: the rules that need the state, and what the entry names.
//!
//! The API, the pages and the demonstration all come through [`record`].

mod frame;
mod money;
mod of_day;
mod owed;
mod plan;
mod planner;
mod projects;
mod work;

pub use projects::REVERSIBLE;

use base::{ActorId, BookId, SubjectId, Time};
use kernel::{AppendError, Desk, Receipt};
use ledger::{Body, Draft, Role};
use matters::{PostId, State};
use serde::{Deserialize, Serialize};
use store::StoreError;

use crate::due;
use crate::kinds::{
    Accepted, Amended, AssistancePlanned, BlockerRaised, ChainFounded, ChainHandedOver, ContractSigned,
    EnteredStatistics, EntryReversed, Invested, MilestoneSet, Paid, PermitApplied, PermitDecided,
    PhaseChanged, Planned, ProgrammeFounded, ProgrammeReplanned, ProgressReported, ProxyDone, ProxyOpened,
    Registered, VisitMade, WorksDone,
};
use crate::plan::kinds::{Baselined, DeadlineSet, Edited, Overlapped};
use crate::refusal::{Code, Refusal};
use crate::rules;
use crate::sorts::Name;
use crate::state::{self, Project};

/// What somebody asks the line to record.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProjectsInput)]
pub struct Input {
    /// A kind of the catalogue, such as `projects.progress.reported`.
    pub kind: String,
    /// When it happened; now, if left out.
    pub occurred: Option<Time>,
    /// As the kind's schema says.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
    /// SHA-256 digests of files that were uploaded before.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// Why nothing was recorded.
pub type Failure = AppendError<Refusal>;

/// What a record led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ProjectsRecorded)]
pub struct Recorded {
    /// The entry asked for.
    pub entry: Receipt,
    /// What had fallen due before it and was written with it.
    pub due: Vec<Receipt>,
}

/// Decides and appends.
pub fn record(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    input: &Input,
) -> Result<Recorded, Failure> {
    record_ahead(desk, book, actor, input, None)
}

/// The same with what an input about a plan comes to, reckoned before.
pub fn record_ahead(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    input: &Input,
    ahead: Option<&Ahead>,
) -> Result<Recorded, Failure> {
    desk.take(book)?;
    let occurred = input.occurred.unwrap_or(desk.now());
    let mut recorder = Recorder {
        desk,
        book,
        actor,
        occurred,
        told: input.occurred,
        evidence: &input.evidence,
        due: Vec::new(),
        ahead,
    };
    let entry = recorder.dispatch(input)?;
    Ok(Recorded { entry, due: recorder.due })
}

pub use plan::import_plan;
pub use planner::Ahead;

struct Recorder<'r, 'd> {
    desk: &'r mut Desk<'d>,
    book: &'r BookId,
    actor: &'r ActorId,
    occurred: Time,
    /// The time that the request named.
    told: Option<Time>,
    evidence: &'r [String],
    due: Vec<Receipt>,
    /// What an input about a plan comes to; reckoned here where nobody did.
    ahead: Option<&'r Ahead>,
}

fn refuse<T>(code: Code, field: &str, detail: impl Into<String>) -> Result<T, Failure> {
    Err(refused(Refusal::new(code, field, detail)))
}

fn refused(refusal: impl Into<Refusal>) -> Failure {
    AppendError::Refused(refusal.into())
}

/// Refuses what would make more of something than there may be; it is called `zh` and `en`.
fn need_room(
    field: &str,
    (held, new): (usize, usize),
    max: usize,
    (zh, en): (&str, &str),
) -> Result<(), Failure> {
    let made = held + new;
    if new == 0 || made <= max {
        return Ok(());
    }
    let refusal = Refusal::new(Code::Body, field, format!("would make {made} {en}, of {max} at most"));
    Err(refused(refusal.in_chinese(format!("{zh}将达 {made}，上限为 {max}"))))
}

impl Recorder<'_, '_> {
    fn dispatch(&mut self, input: &Input) -> Result<Receipt, Failure> {
        match input.kind.as_str() {
            ProgrammeFounded::KIND => self.found_programme(Self::body(input)?),
            ProgrammeReplanned::KIND => self.replan_programme(Self::body(input)?),
            ChainFounded::KIND => self.found_chain(Self::body(input)?),
            ChainHandedOver::KIND => self.hand_chain_over(Self::body(input)?),
            Registered::KIND => self.register(Self::body(input)?),
            Amended::KIND => self.amend(Self::body(input)?),
            PhaseChanged::KIND => self.change_phase(Self::body(input)?),
            EnteredStatistics::KIND => self.enter_statistics(Self::body(input)?),
            Accepted::KIND => self.accept(Self::body(input)?),
            PermitApplied::KIND => self.apply_for(Self::body(input)?),
            PermitDecided::KIND => self.decide(Self::body(input)?),
            BlockerRaised::KIND => self.raise(Self::body(input)?),
            MilestoneSet::KIND => self.set_milestone(Self::body(input)?),
            ContractSigned::KIND => self.sign(Self::body(input)?),
            Planned::KIND => self.plan(Self::body(input)?),
            Invested::KIND => self.invest(Self::body(input)?),
            Paid::KIND => self.pay(Self::body(input)?),
            ProgressReported::KIND => self.report(Self::body(input)?),
            VisitMade::KIND => self.visit(Self::body(input)?),
            WorksDone::KIND => self.build(Self::body(input)?),
            AssistancePlanned::KIND => self.assist(Self::body(input)?),
            ProxyOpened::KIND => self.open_proxy(Self::body(input)?),
            ProxyDone::KIND => self.finish_proxy(Self::body(input)?),
            Edited::KIND => self.edit_plan(Self::body(input)?),
            Overlapped::KIND => self.overlap_plan(Self::body(input)?),
            Baselined::KIND => self.freeze_plan(Self::body(input)?),
            DeadlineSet::KIND => self.set_plan_deadline(Self::body(input)?),
            EntryReversed::KIND => self.reverse(Self::body(input)?),
            other => refuse(Code::UnknownKind, "kind", format!("{other:?} cannot be recorded here")),
        }
    }

    /// Reads the body strictly; errors name the field below `body`.
    fn body<B: Body>(input: &Input) -> Result<B, Failure> {
        // A struct is read from a list of its fields as well, in which nobody finds the project by its name.
        if !input.body.is_object() {
            let refusal = Refusal::new(Code::Body, "body", "is no JSON object");
            return Err(refused(refusal.in_chinese("应为 JSON 对象")));
        }
        let body: B = serde_path_to_error::deserialize(&input.body).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { "body".to_owned() } else { format!("body.{path}") };
            refused(Refusal::new(Code::Body, field, error.inner().to_string()))
        })?;
        body.check().map_err(|mut error| {
            error.field =
                if error.field.is_empty() { "body".into() } else { format!("body.{}", error.field) };
            refused(error)
        })?;
        Ok(body)
    }

    fn draft<B: Body>(&self, body: &B) -> Result<Draft, Failure> {
        let draft = Draft::new(self.book, self.occurred, self.actor, body).map_err(refused)?;
        Ok(draft.with_evidence(self.evidence.to_vec()))
    }

    fn append(&mut self, draft: Draft) -> Result<Receipt, Failure> {
        draft.check(self.desk.now()).map_err(refused)?;
        self.desk.append(draft)
    }

    fn id(&self, scheme: &str, local: &str) -> Result<SubjectId, Failure> {
        SubjectId::local(scheme, self.book, local)
            .map_err(|error| refused(Refusal::new(Code::Body, scheme, error.to_string())))
    }

    /// Appends an entry about something that is no project.
    fn about<B: Body>(&mut self, body: &B, scheme: &str, local: &str) -> Result<Receipt, Failure> {
        let draft = self.draft(body)?.subject(Role::About, self.id(scheme, local)?);
        self.append(draft)
    }

    /// Appends an entry about a project, for which its team answers, and lets its colour be looked at again.
    fn of_project<B: Body>(&mut self, body: &B, project: &Project) -> Result<Receipt, Failure> {
        let draft = self.draft(body)?.subject(Role::About, self.id("project", &project.project)?);
        let receipt = self.append(draft.answered_by(project.team.clone()))?;
        self.touch(project)?;
        Ok(receipt)
    }

    /// By what a project is judged, whoever keeps the list changes nothing where they are of its team themselves.
    fn need_not_own(&mut self, project: &Project, field: &str) -> Result<(), Failure> {
        if !self.is_own(project)? {
            return Ok(());
        }
        let detail = format!(
            "you are of the team of project {}: somebody else of the office does it",
            project.project
        );
        refuse(Code::OwnProject, field, detail)
    }

    /// Whether whoever records it is of a project's team.
    fn is_own(&mut self, project: &Project) -> Result<bool, Failure> {
        let team =
            PostId::try_from(project.team.clone()).map_err(|error| StoreError::Schema(error.to_string()))?;
        Ok(self.desk.is_of(self.actor, &team)?)
    }

    /// How many there may be of what a kind records of a project: its team leaves the office a share.
    fn most<B: Body>(&mut self, in_all: usize, by_team: usize) -> Result<usize, Failure> {
        let is_office = self.desk.may_with(self.actor, B::KIND, self.book)?;
        Ok(if is_office { in_all } else { by_team })
    }

    /// The same, unless it was accepted: nothing more is owed for it then.
    fn project_under_way(&mut self, name: &str) -> Result<Project, Failure> {
        let project = self.project(name)?;
        let matter = Name::Project(name).matter(self.book)?;
        match self.desk.matter(&matter)?.is_some_and(|matter| matter.state == State::Accepted) {
            true => {
                let detail = format!("project {name} was accepted: reopen it first");
                refuse(Code::Accepted, "body.project", detail)
            }
            false => Ok(project),
        }
    }

    /// A project on the list, with all recorded that fell due of it before this entry.
    fn project(&mut self, name: &str) -> Result<Project, Failure> {
        let Some(mut project) = state::project(self.desk.read()?, self.book, name)? else {
            return refuse(Code::UnknownProject, "body.project", format!("there is no project {name}"));
        };
        if project.withdrawn_at.is_some() {
            return refuse(Code::Gone, "body.project", format!("project {name} left the list"));
        }
        rules::in_order(self.occurred, project.registered_at).map_err(refused)?;
        let day = self.desk.zone().day_of(self.occurred);
        self.due.extend(due::catch_up(self.desk, self.book, &mut project, day)?);
        Ok(project)
    }
}
