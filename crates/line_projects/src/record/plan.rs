//! Plans: taken over from files, changed, overlapped, frozen, worked back from a deadline.

use base::{ActorId, BookId, Time};
use kernel::entries::{self, Kinds};
use kernel::{Desk, Receipt};
use ledger::{Body, Role};
use schedule::Moment;

use super::{Failure, Recorded, Recorder, refuse, refused};
use crate::plan::kinds::{
    Baselined, DeadlineSet, Edited, Imported, Overlapped, PARTS_MAX, PLANS_A_DAY_MAX, PartImported,
    check_size,
};
use crate::plan::{Change, Clock, Import, Known, Model, Outlook, PlanError, state, years};
use crate::refusal::Code;
use crate::state::Project;

const DAY_MS: i64 = 24 * 3_600_000;

/// Takes over a plan. The file was kept as evidence before, under this digest.
pub fn import_plan(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    occurred: Option<Time>,
    project: &str,
    (digest, import): (&str, &Import),
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
    };
    let entry = recorder.import(project, import)?;
    Ok(Recorded { entry, due: recorder.due })
}

impl Recorder<'_, '_> {
    fn import(&mut self, project: &str, import: &Import) -> Result<Receipt, Failure> {
        let project = self.project(project)?;
        self.need_few_a_day::<Imported>(&project, "file")?;
        let document = &import.document;
        let start = document.start.unwrap_or(Moment::at(project.planned_start, 0));
        let mut model = Model::of(document, start);
        if let Some((_, before)) = self.held_plan(&project)? {
            (model.deadline, model.backward) = (before.deadline, before.backward);
        }
        if model.parts().len() > PARTS_MAX {
            let detail =
                format!("comes to {} entries, of {PARTS_MAX} at most: shorten names", model.parts().len());
            return refuse(Code::Plan, "file", detail);
        }
        let outlook = self.outcome(&project, &model, "file")?;
        let head = Imported {
            project: project.project.clone(),
            format: import.format,
            file: import.file.clone(),
            name: model.name.clone(),
            start: model.start,
            status: model.status,
            calendars: model.calendars.clone(),
            calendar: model.calendar,
            activities: model.count(),
            links: model.links(),
            parts: model.parts().len(),
            finish: Clock(outlook.finish()),
        };
        head.check().map_err(refused)?;
        let subject = self.id("project", &project.project)?;
        let draft = self.draft(&head)?.subject(Role::About, subject.clone());
        let receipt = self.append(draft.answered_by(project.team.clone()))?;
        for (part, activities) in model.parts().iter().enumerate() {
            let body =
                PartImported { project: project.project.clone(), part, activities: activities.clone() };
            body.check().map_err(refused)?;
            let draft = ledger::Draft::new(self.book, self.occurred, self.actor, &body).map_err(refused)?;
            let draft = draft.subject(Role::About, subject.clone()).answered_by(project.team.clone());
            self.append(draft)?;
        }
        self.touch(&project)?;
        Ok(receipt)
    }

    /// What was taken over or frozen once is kept for good, whatever takes its place. Its team leaves the office half of a day's.
    fn need_few_a_day<B: Body>(&mut self, project: &Project, field: &str) -> Result<(), Failure> {
        let subject = self.id("project", &project.project)?;
        let is_team = !self.desk.may_with(self.actor, B::KIND, self.book)?;
        let most = if is_team { PLANS_A_DAY_MAX / 2 } else { PLANS_A_DAY_MAX };
        let tx = self.desk.read()?;
        let made = entries::about_of(tx, self.book, &subject, Kinds::These(&[B::KIND]), None, most)?;
        let now = self.desk.now();
        match made.get(most - 1) {
            Some(first) if now.since_ms(first.recorded) < DAY_MS => {
                let detail = format!("{most} of the project were made within a day, and no more are");
                refuse(Code::TooManyPlans, field, detail)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn edit_plan(&mut self, mut body: Edited) -> Result<Receipt, Failure> {
        let (project, mut model) = self.planned_project(&body.project)?;
        let before = self.reckoned(&project, &model, Outlook::standing, "body.project")?;
        Change::make_all(&body.changes, &mut model).map_err(|(at, error)| {
            refused(PlanError::Change(error).refusal(&format!("body.changes[{at}]"), None))
        })?;
        for (at, change) in body.changes.iter().enumerate() {
            change.check_made(&format!("body.changes[{at}]"), &model).map_err(refused)?;
        }
        check_size(["body.changes"; 2], model.count(), model.links()).map_err(refused)?;
        let after = self.outcome(&project, &model, "body.changes")?;
        (body.before, body.after) = (written(before.finish()), Some(Clock(after.finish())));
        self.of_project(&body, &project)
    }

    pub(super) fn overlap_plan(&mut self, mut body: Overlapped) -> Result<Receipt, Failure> {
        let (project, mut model) = self.planned_project(&body.project)?;
        let before = self.reckoned(&project, &model, Outlook::standing, "body.project")?;
        body.make(&mut model)
            .map_err(|error| refused(PlanError::Change(error).refusal("body.from", None)))?;
        let after = self.outcome(&project, &model, "body.lag_minutes")?;
        (body.before, body.after) = (written(before.finish()), Some(Clock(after.finish())));
        self.of_project(&body, &project)
    }

    pub(super) fn freeze_plan(&mut self, mut body: Baselined) -> Result<Receipt, Failure> {
        let (project, model) = self.planned_project(&body.project)?;
        self.need_few_a_day::<Baselined>(&project, "body.project")?;
        let wrong = |error: PlanError| refused(error.refusal("body.project", None));
        let frozen = model.frozen(project.planned_finish).map_err(wrong)?;
        let mut spans = model.activities().filter_map(|it| Some((&it.code, *frozen.spans.get(&it.code)?)));
        spans.try_for_each(|(code, span)| years::check_spans(code, [span])).map_err(wrong)?;
        (body.finish, body.deadline) = (frozen.finish.map(Clock), Some(project.planned_finish));
        self.of_project(&body, &project)
    }

    pub(super) fn set_plan_deadline(&mut self, mut body: DeadlineSet) -> Result<Receipt, Failure> {
        let (project, mut model) = self.planned_project(&body.project)?;
        (model.deadline, model.backward) = (body.deadline, body.backward);
        let outlook = self.outcome(&project, &model, "body.deadline")?;
        body.latest_start = Some(Clock(outlook.schedule.latest_start()));
        body.finish = Some(Clock(outlook.finish()));
        self.of_project(&body, &project)
    }

    fn held_plan(&mut self, project: &Project) -> Result<Option<(state::Source, Model)>, Failure> {
        Ok(state::plan(self.desk.read()?, self.book, &project.project)?)
    }

    /// A project and its plan.
    fn planned_project(&mut self, name: &str) -> Result<(Project, Model), Failure> {
        let project = self.project(name)?;
        match self.held_plan(&project)? {
            Some((_, model)) => Ok((project, model)),
            None => refuse(Code::NoPlan, "body.project", format!("project {name} has no plan")),
        }
    }

    /// A plan as it is to stand; refused beside a field if entries cannot write its dates.
    fn outcome(&mut self, project: &Project, model: &Model, field: &str) -> Result<Outlook, Failure> {
        let outlook = self.reckoned(project, model, Outlook::of, field)?;
        years::check(&outlook.document, &outlook.schedule, &outlook.planned)
            .map_err(|error| refused(error.refusal(field, Some(&outlook.document))))?;
        Ok(outlook)
    }

    /// A plan with what is known of its project; refused beside a field if it cannot be reckoned with.
    fn reckoned(
        &mut self,
        project: &Project,
        model: &Model,
        of: fn(Known<'_>) -> Result<Outlook, PlanError>,
        field: &str,
    ) -> Result<Outlook, Failure> {
        let reports = state::activity_reports(self.desk.read()?, self.book, &project.project)?;
        let frozen = state::frozen(self.desk.read()?, self.book, &project.project)?;
        let known = Known {
            model,
            reports: &reports,
            frozen,
            finish: project.planned_finish,
            total: project.total_fen,
            zone: self.desk.zone(),
        };
        of(known).map_err(|error| {
            let document = model.document().ok();
            refused(error.refusal(field, document.as_ref()))
        })
    }
}

/// A finish that reports may have put beyond what entries write.
fn written(finish: Moment) -> Option<Clock> {
    Some(Clock(finish)).filter(|clock| clock.is_written())
}
