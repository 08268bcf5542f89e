//! Plans: taken over from files, changed, overlapped, frozen, worked back from a deadline.

use base::{ActorId, BookId, Time};
use kernel::entries::{self, Kinds};
use kernel::{Desk, Receipt};
use ledger::{Body, Role, Sought};

use super::planner::{Ahead, ImportedPlan, TakenOut};
use super::{Failure, Recorded, Recorder, refuse, refused};
use crate::plan::Import;
use crate::plan::kinds::{Baselined, DeadlineSet, Edited, Imported, Overlapped, PLANS_A_DAY_MAX};
use crate::refusal::{Code, Refusal};
use crate::state::Project;

const DAY_MS: i64 = 24 * 3_600_000;

/// Takes over a plan. The file was kept as evidence before, under this digest.
pub fn import_plan(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    occurred: Option<Time>,
    project: &str,
    (digest, import, ahead): (&str, &Import, Option<&Ahead>),
) -> Result<Recorded, Failure> {
    desk.take(book)?;
    let evidence = [digest.to_owned()];
    let mut recorder = Recorder {
        occurred: occurred.unwrap_or(desk.now()),
        told: occurred,
        desk,
        book,
        actor,
        evidence: &evidence,
        due: Vec::new(),
        ahead,
    };
    let entry = recorder.import(project, import)?;
    Ok(Recorded { entry, due: recorder.due })
}

impl Recorder<'_, '_> {
    fn import(&mut self, project: &str, import: &Import) -> Result<Receipt, Failure> {
        let project = self.project(project)?;
        self.need_few_a_day::<Imported>(&project, "file")?;
        let ImportedPlan { head, parts, taken_out } =
            self.reckoned(&project, |planner| planner.imported(&project, import))?;
        self.need_kept(&project, taken_out.as_ref())?;
        let subject = self.id("project", &project.project)?;
        let draft = self.draft(&head)?.subject(Role::About, subject.clone());
        let receipt = self.append(draft.answered_by(project.team.clone()))?;
        for body in &parts {
            let draft = ledger::Draft::new(self.book, self.occurred, self.actor, body).map_err(refused)?;
            let draft = draft.subject(Role::About, subject.clone()).answered_by(project.team.clone());
            self.append(draft)?;
        }
        self.touch(&project)?;
        Ok(receipt)
    }

    /// What was taken over or frozen once is kept for good, whatever takes its place. Its team leaves the office half of a day's.
    fn need_few_a_day<B: Body>(&mut self, project: &Project, field: &str) -> Result<(), Failure> {
        let subject = self.id("project", &project.project)?;
        let most = self.most::<B>(PLANS_A_DAY_MAX, PLANS_A_DAY_MAX / 2)?;
        let tx = self.desk.read()?;
        let made =
            entries::about_of(tx, self.book, &subject, Kinds::These(&[Sought::of::<B>()]), None, most)?;
        let now = self.desk.now();
        match made.get(most - 1) {
            Some(first) if now.since_ms(first.recorded) < DAY_MS => {
                let detail = format!("{most} of the project were made within a day, and no more are");
                refuse(Code::TooManyPlans, field, detail)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn edit_plan(&mut self, body: Edited) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        self.need_few_changes::<Edited>(&project)?;
        let (body, taken_out) = self.reckoned(&project, |planner| planner.edited(&project, body))?;
        self.need_kept(&project, taken_out.as_ref())?;
        self.of_project(&body, &project)
    }

    /// Forecast, float and colour follow from what is still to be done: whoever may freeze a baseline says that some of it is not.
    fn need_kept(&mut self, project: &Project, taken_out: Option<&TakenOut>) -> Result<(), Failure> {
        let Some(TakenOut { activity, field }) = taken_out else { return Ok(()) };
        if self.desk.may_with(self.actor, Baselined::KIND, self.book)? {
            return self.need_not_own(project, field);
        }
        let detail =
            format!("the baseline has activity {activity:?}, which is not finished: the office takes it out");
        let refusal = Refusal::new(Code::TakenOutByOffice, field, detail);
        Err(refused(refusal.in_chinese(format!("活动“{activity}”"))))
    }

    pub(super) fn overlap_plan(&mut self, body: Overlapped) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        self.need_few_changes::<Overlapped>(&project)?;
        let body = self.reckoned(&project, |planner| planner.overlapped(&project, body))?;
        self.of_project(&body, &project)
    }

    pub(super) fn freeze_plan(&mut self, body: Baselined) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        self.need_not_own(&project, "body.project")?;
        self.need_few_a_day::<Baselined>(&project, "body.project")?;
        let body = self.reckoned(&project, |planner| planner.baselined(&project, body))?;
        self.of_project(&body, &project)
    }

    pub(super) fn set_plan_deadline(&mut self, body: DeadlineSet) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        self.need_not_own(&project, "body.project")?;
        self.need_few_changes::<DeadlineSet>(&project)?;
        let body = self.reckoned(&project, |planner| planner.deadline_set(&project, body))?;
        self.of_project(&body, &project)
    }
}
