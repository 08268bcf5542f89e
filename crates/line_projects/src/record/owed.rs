//! What opens matters, or hands them in.

use base::SubjectId;
use kernel::{AppendError, DocketError, Named, Receipt};
use ledger::{Body, Draft, Role};
use matters::{
    DayUnit, Due, Event, Evidence, Matter, MatterError, Opened, PostId, State, Submitted, Taken, Term,
};

use super::{Failure, Recorder, need_room, refuse, refused};
use crate::kinds::{
    AssistancePlanned, BlockerRaised, MilestoneSet, OPEN_ON_POST_MAX, OWED_BY_TEAM_MAX, OWED_MAX,
    PermitApplied, PermitDecided, Registered,
};
use crate::refusal::{Code, Refusal};
use crate::sorts::Name;
use crate::state::{self, Project};

/// The rule of matters that are done on a day.
const BY_DEADLINE: &str = "deadline";

impl From<DocketError> for Refusal {
    fn from(error: DocketError) -> Self {
        let (code, field) = match &error {
            DocketError::UnknownPost(_) | DocketError::FarPost { .. } => (Code::UnknownPost, "body"),
            DocketError::Exists(_) => (Code::Exists, "body"),
            DocketError::UnknownEvidence(_) => (Code::UnknownEvidence, "evidence"),
            DocketError::Matter(MatterError::UnknownRule(_)) => (Code::UnknownRule, "body.rule"),
            DocketError::Matter(MatterError::NoEvidence) => (Code::NoEvidence, "evidence"),
            DocketError::OwnApproval => (Code::OwnReview, "body"),
            DocketError::NotReckoned(_) => (Code::NotReckoned, ""),
            _ => (Code::Matter, "body"),
        };
        Self::new(code, field, error.to_string())
    }
}

/// A matter about to be opened.
struct Opening<'a> {
    name: Name<'a>,
    title: &'a str,
    owner: &'a PostId,
    reviewer: &'a PostId,
    due: Due,
    rule: &'a str,
}

impl Recorder<'_, '_> {
    /// Refuses a post that is not in the registry, or is not the book's to lay a duty on.
    pub(super) fn need_post(&mut self, post: &PostId, field: &str) -> Result<(), Failure> {
        self.need_near(post, Named::Owing, field)
    }

    pub(super) fn need_near(&mut self, post: &PostId, named: Named, field: &str) -> Result<(), Failure> {
        let near: Result<(), Failure> = self.desk.need_posts_near(self.book, named, [post]);
        near.map_err(|error| match error {
            AppendError::Refused(refusal) => AppendError::Refused(Refusal { field: field.into(), ..refusal }),
            other => other,
        })
    }

    /// The day on which this entry lays a duty on somebody, or answers one.
    pub(super) fn laid_on(&self) -> base::Day {
        self.desk.zone().day_of(self.desk.done_at(self.actor, self.occurred))
    }

    /// Refuses a duty that would be overdue as soon as it is laid on somebody.
    fn need_ahead(&self, due: base::Day, field: &str) -> Result<(), Failure> {
        match self.desk.is_ahead(self.actor, self.occurred, due) {
            true => Ok(()),
            false => refuse(Code::Body, field, "lies before the day on which it is recorded"),
        }
    }

    fn open(&mut self, opening: &Opening<'_>, about: Vec<SubjectId>) -> Result<(), Failure> {
        let opened = Opened {
            matter: opening.name.matter(self.book)?,
            sort: base::KindName::new(opening.name.sort()).expect("a sort is named like a kind"),
            title: opening.title.to_owned(),
            owner: opening.owner.clone(),
            helpers: Vec::new(),
            reviewer: opening.reviewer.clone(),
            due: opening.due,
            rule: opening.rule.to_owned(),
        };
        self.desk.open_matter(self.book, self.actor, self.occurred, opened, about).map(drop)
    }

    /// The draft of an entry that opens a matter, about both.
    fn opening_draft<B: Body>(
        &self,
        body: &B,
        name: Name<'_>,
        project: Option<&Project>,
        post: &PostId,
    ) -> Result<Draft, Failure> {
        let mut draft = self.draft(body)?.subject(Role::About, name.matter(self.book)?.subject().clone());
        if let Some(project) = project {
            draft = draft.subject(Role::About, self.id("project", &project.project)?);
        }
        Ok(draft.answered_by(post.subject().clone()))
    }

    pub(super) fn open_project(&mut self, body: &Registered) -> Result<(), Failure> {
        // One that runs late is taken over as it stands, by a team of the county.
        let is_ahead = self.desk.is_ahead(self.actor, self.occurred, body.planned_finish);
        let named = if is_ahead { Named::Owing } else { Named::Late };
        self.need_near(&body.team, named, "body.team")?;
        self.need_post(&body.office, "body.office")?;
        let opening = Opening {
            name: Name::Project(&body.project),
            title: &body.title_zh,
            owner: &body.team,
            reviewer: &body.office,
            due: Due::On { day: body.planned_finish },
            rule: &body.rule,
        };
        let about = vec![self.id("project", &body.project)?];
        self.open(&opening, about)
    }

    pub(super) fn apply_for(&mut self, body: PermitApplied) -> Result<Receipt, Failure> {
        if state::permit(self.desk.read()?, self.book, &body.permit)?.is_some() {
            return refuse(Code::Exists, "body.permit", format!("permit {} is recorded", body.permit));
        }
        self.need_post(&body.bureau, "body.bureau")?;
        self.need_post(&body.agent, "body.agent")?;
        let project = self.project_under_way(&body.project)?;
        let name = Name::Permit(&body.permit);
        self.need_few(name, &project, &body.bureau, "body.permit")?;
        let draft = self.opening_draft(&body, name, Some(&project), &body.bureau)?;
        let receipt = self.append(draft)?;
        let term = Term::statutory(body.term_workdays, DayUnit::Workdays);
        let from = self.laid_on();
        let opening = Opening {
            name,
            title: &body.title,
            owner: &body.bureau,
            reviewer: &body.agent,
            due: Due::Within { term, from },
            rule: BY_DEADLINE,
        };
        self.open(&opening, vec![self.id("project", &project.project)?])?;
        self.touch(&project)?;
        Ok(receipt)
    }

    pub(super) fn decide(&mut self, body: PermitDecided) -> Result<Receipt, Failure> {
        let Some(permit) = state::permit(self.desk.read()?, self.book, &body.permit)? else {
            return refuse(Code::UnknownPermit, "body.permit", format!("there is no permit {}", body.permit));
        };
        if permit.decided_at.is_some() {
            return refuse(Code::AlreadyDone, "body.permit", format!("permit {} is decided", body.permit));
        }
        let project = self.project(&permit.project)?;
        let name = Name::Permit(&body.permit);
        let bureau = permit.matter.owner.clone();
        let draft = self.opening_draft(&body, name, Some(&project), &bureau)?;
        let receipt = self.append(draft)?;
        let day = self.desk.zone().day_of(self.occurred);
        let dated = body.dated.unwrap_or(day);
        if dated > day {
            return refuse(Code::Body, "body.dated", "lies after the day of the entry");
        }
        if dated < self.desk.zone().day_of(permit.applied_at) {
            return refuse(Code::TooEarly, "body.dated", "lies before the day of the application");
        }
        let title = body.number.as_deref().unwrap_or(&permit.title).to_owned();
        self.hand_in(name, &title, dated)?;
        Ok(receipt)
    }

    /// Takes a matter in hand if nobody has, and hands it in with this entry's evidence.
    pub(super) fn hand_in(
        &mut self,
        name: Name<'_>,
        title: &str,
        effective: base::Day,
    ) -> Result<(), Failure> {
        let id = name.matter(self.book)?;
        let Some(mut matter) = self.desk.matter(&id)? else { return Err(refused(DocketError::Unknown(id))) };
        self.desk.need_not_review(self.actor, &matter)?;
        if matches!(matter.state, State::Open | State::Reopened) {
            let by = matter.owner.clone();
            matter = self.move_matter(&matter, Taken { matter: id.clone(), by }.into())?;
        }
        let uploaded = self.laid_on();
        let file = |digest: &String| Evidence {
            digest: digest.clone(),
            title: title.to_owned(),
            effective,
            uploaded,
        };
        let evidence = self.evidence.iter().map(file).collect();
        let submitted = Submitted { matter: id, by: matter.owner.clone(), evidence, note: None };
        self.move_matter(&matter, submitted.into()).map(drop)
    }

    fn move_matter(&mut self, matter: &Matter, event: Event) -> Result<Matter, Failure> {
        let moved = self.desk.move_matter(matter.version, self.actor, self.occurred, event)?;
        Ok(moved.matter)
    }

    pub(super) fn raise(&mut self, body: BlockerRaised) -> Result<Receipt, Failure> {
        self.need_new(Name::Blocker(&body.blocker), "body.blocker")?;
        self.need_ahead(body.due, "body.due")?;
        self.need_post(&body.owner, "body.owner")?;
        let project = self.project_under_way(&body.project)?;
        let (office, team) = posts(&project)?;
        // Who has to clear it away does not say that it is gone.
        let reviewer = if office == body.owner { team } else { office };
        let name = Name::Blocker(&body.blocker);
        self.need_few(name, &project, &body.owner, "body.blocker")?;
        let draft = self.opening_draft(&body, name, Some(&project), &body.owner)?;
        let receipt = self.append(draft)?;
        let opening = Opening {
            name,
            title: &body.title,
            owner: &body.owner,
            reviewer: &reviewer,
            due: Due::On { day: body.due },
            rule: BY_DEADLINE,
        };
        self.open(&opening, vec![self.id("project", &project.project)?])?;
        self.touch(&project)?;
        Ok(receipt)
    }

    pub(super) fn set_milestone(&mut self, body: MilestoneSet) -> Result<Receipt, Failure> {
        let name = Name::Milestone(&body.project, &body.milestone);
        self.need_new(name, "body.milestone")?;
        self.need_ahead(body.due, "body.due")?;
        let project = self.project_under_way(&body.project)?;
        let (office, team) = posts(&project)?;
        self.need_few(name, &project, &team, "body.milestone")?;
        let draft = self.opening_draft(&body, name, Some(&project), &team)?;
        let receipt = self.append(draft)?;
        let opening = Opening {
            name,
            title: &body.title,
            owner: &team,
            reviewer: &office,
            due: Due::On { day: body.due },
            rule: BY_DEADLINE,
        };
        self.open(&opening, vec![self.id("project", &project.project)?])?;
        Ok(receipt)
    }

    pub(super) fn open_measures(
        &mut self,
        body: &AssistancePlanned,
        project: Option<&Project>,
    ) -> Result<(), Failure> {
        let (count, what) = match project {
            Some(project) => {
                let sort = Name::Measure(&body.plan, 1).sort();
                let count = state::count_of_sort(self.desk.read()?, self.book, &project.project, sort)?;
                (count, ("该项目的帮扶措施", "measures of the project"))
            }
            None => {
                let open = state::open_measures(self.desk.read()?, self.book, &body.office, OWED_MAX)?;
                (
                    open,
                    (
                        "由该岗位审核、不涉及项目的未结帮扶措施",
                        "open measures without a project that the post reviews",
                    ),
                )
            }
        };
        need_room("body.measures", (count, body.measures.len()), OWED_MAX, what)?;
        for (at, measure) in body.measures.iter().enumerate() {
            self.need_post(&measure.owner, &format!("body.measures[{at}].owner"))?;
            self.need_ahead(measure.due, &format!("body.measures[{at}].due"))?;
            let opening = Opening {
                name: Name::Measure(&body.plan, at + 1),
                title: &measure.title,
                owner: &measure.owner,
                reviewer: &body.office,
                due: Due::On { day: measure.due },
                rule: BY_DEADLINE,
            };
            let mut about = vec![self.id("assistance", &body.plan)?];
            if let Some(project) = project {
                about.push(self.id("project", &project.project)?);
            }
            self.open(&opening, about)?;
        }
        Ok(())
    }

    /// The colour of a project looks at all its matters of some sorts. What others than the office tell uses up neither its
    /// room, nor the time of one post.
    fn need_few(
        &mut self,
        name: Name<'_>,
        project: &Project,
        owner: &PostId,
        field: &str,
    ) -> Result<(), Failure> {
        // Of the office is who may raise blockers of any project: neither a team, nor who does errands for it.
        let is_office = self.desk.may_with(self.actor, BlockerRaised::KIND, self.book)?;
        let tx = self.desk.read()?;
        let count = state::count_of_sort(tx, self.book, &project.project, name.sort())?;
        let most = if is_office { OWED_MAX } else { OWED_BY_TEAM_MAX };
        need_room(field, (count, 1), most, ("该项目的同类事项", "matters of its sort, of the project"))?;
        if !is_office {
            let owed = state::owed(tx, self.book, &project.project, Some(name.sort()))?;
            let is_open = |matter: &Matter| matter.owner == *owner && !matter.state.is_closed();
            let open = owed.iter().filter(|owed| is_open(&owed.matter)).count();
            let what =
                ("该项目由该岗位承办的同类未结事项", "open matters of its sort, of the project and the post");
            need_room(field, (open, 1), OPEN_ON_POST_MAX, what)?;
        }
        Ok(())
    }

    fn need_new(&mut self, name: Name<'_>, field: &str) -> Result<(), Failure> {
        let id = name.matter(self.book)?;
        match self.desk.matter(&id)? {
            Some(_) => refuse(Code::Exists, field, format!("{id} is there")),
            None => Ok(()),
        }
    }

    /// What this entry says of a project is among what its colour is judged by.
    pub(super) fn touch(&mut self, project: &Project) -> Result<(), Failure> {
        let id = Name::Project(&project.project).matter(self.book)?;
        self.desk.touch_matter(&id, self.occurred)
    }
}

/// The posts of a project's office and of its team.
fn posts(project: &Project) -> Result<(PostId, PostId), Failure> {
    let post = |id: &SubjectId| PostId::try_from(id.clone()).map_err(DocketError::from);
    Ok((post(&project.office).map_err(refused)?, post(&project.team).map_err(refused)?))
}
