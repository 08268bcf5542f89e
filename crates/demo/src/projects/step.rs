//! What the pen writes: records of the line, and what posts did with its matters.

use base::{ActorId, BookId, CityZone, Day, Time};
use kernel::{AppendError, Desk, DocketError};
use line_projects::record::{Input, record};
use line_projects::refusal::Refusal;
use line_projects::sorts::Name;
use matters::{Accepted, Evidence, Matter, MatterId, State, Submitted, Taken};
use serde_json::Value;

use crate::days::at;

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Record(Input),
    /// The owner of a matter takes it in hand and hands it in with the report.
    HandIn {
        at: Time,
        project: String,
        matter: MatterId,
        title: String,
    },
    /// The reviewer finds it done.
    Accept {
        at: Time,
        project: String,
        matter: MatterId,
    },
}

/// Writes what happened, as of the city's clock.
pub(super) struct Pen<'z> {
    pub zone: &'z CityZone,
    pub book: &'z BookId,
    /// SHA-256 of the file that stands for every report.
    pub report: String,
    pub steps: Vec<Step>,
}

impl Pen<'_> {
    pub fn write(&mut self, day: Day, minute: i64, kind: &str, body: Value) {
        self.record(day, minute, kind, body, Vec::new());
    }

    /// Writes what rests on a report.
    pub fn prove(&mut self, day: Day, minute: i64, kind: &str, body: Value) {
        self.record(day, minute, kind, body, vec![self.report.clone()]);
    }

    fn record(&mut self, day: Day, minute: i64, kind: &str, body: Value, evidence: Vec<String>) {
        let occurred = Some(at(self.zone, day, minute));
        self.steps.push(Step::Record(Input { kind: kind.to_owned(), occurred, body, evidence }));
    }

    pub fn phase(&mut self, day: Day, project: &str, to: &str) {
        let body = serde_json::json!({ "project": project, "to": to });
        self.write(day, 10 * 60, "projects.phase.changed", body);
    }

    pub fn hand_in(&mut self, day: Day, minute: i64, project: &str, name: Name<'_>, title: &str) {
        let (project, matter) = (project.to_owned(), self.matter(name));
        self.steps.push(Step::HandIn {
            at: at(self.zone, day, minute),
            project,
            matter,
            title: title.to_owned(),
        });
    }

    pub fn accept(&mut self, day: Day, minute: i64, project: &str, name: Name<'_>) {
        let (project, matter) = (project.to_owned(), self.matter(name));
        self.steps.push(Step::Accept { at: at(self.zone, day, minute), project, matter });
    }

    fn matter(&self, name: Name<'_>) -> MatterId {
        name.matter(self.book).expect("the demonstration's matters have valid names")
    }
}

impl Step {
    pub fn at(&self) -> Time {
        match self {
            Self::Record(input) => input.occurred.expect("the pen writes the time"),
            Self::HandIn { at, .. } | Self::Accept { at, .. } => *at,
        }
    }

    /// What it names, by which steps that rest on each other are told.
    pub fn noun(&self, noun: &str) -> Option<String> {
        match self {
            Self::Record(input) => input.body[noun].as_str().map(str::to_owned),
            Self::HandIn { project, .. } | Self::Accept { project, .. } => {
                (noun == "project").then(|| project.clone())
            }
        }
    }

    pub fn take(
        &self,
        desk: &mut Desk<'_>,
        book: &BookId,
        actor: &ActorId,
        report: &str,
    ) -> Result<(), AppendError<Refusal>> {
        match self {
            Self::Record(input) => record(desk, book, actor, input).map(drop).map_err(|error| match error {
                AppendError::Refused(mut refusal) => {
                    refusal.detail = format!("{} of {}: {}", input.kind, input.body, refusal.detail);
                    AppendError::Refused(refusal)
                }
                other => other,
            }),
            Self::HandIn { at, matter, title, .. } => hand_in(desk, actor, *at, matter, title, report),
            Self::Accept { at, matter, .. } => {
                let found = find(desk, matter)?;
                let event =
                    Accepted { matter: matter.clone(), sort: found.sort, by: found.reviewer, in_time: None };
                desk.move_matter(found.version, &reviewer(), *at, event.into()).map(drop)
            }
        }
    }
}

/// Nobody accepts what they handed in themselves.
fn reviewer() -> ActorId {
    ActorId::new("system:demonstration-review").expect("the name has a scheme")
}

fn find(desk: &mut Desk<'_>, id: &MatterId) -> Result<Matter, AppendError<Refusal>> {
    let unknown = || AppendError::Refused(DocketError::Unknown(id.clone()).into());
    desk.matter(id)?.ok_or_else(unknown)
}

fn hand_in(
    desk: &mut Desk<'_>,
    actor: &ActorId,
    at: Time,
    id: &MatterId,
    title: &str,
    report: &str,
) -> Result<(), AppendError<Refusal>> {
    let mut matter = find(desk, id)?;
    if matter.state == State::Open {
        let taken = Taken { matter: id.clone(), by: matter.owner.clone() };
        matter = desk.move_matter::<Refusal>(matter.version, actor, at, taken.into())?.matter;
    }
    let day = desk.zone().day_of(at);
    let evidence =
        Evidence { digest: report.to_owned(), title: title.to_owned(), effective: day, uploaded: day };
    let submitted =
        Submitted { matter: id.clone(), by: matter.owner.clone(), evidence: vec![evidence], note: None };
    desk.move_matter(matter.version, actor, at, submitted.into()).map(drop)
}
