//! Plans: taken over from files, changed, overlapped, frozen, worked back from a deadline.

use base::limits::BODY_BYTES_MAX;
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
use crate::plan::{
    ActivityReport, Change, Clock, Frozen, Import, Known, Model, Outlook, PlanError, state, years,
};
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
        need_extent(&model, "file")?;
        let told = self.told(&project, model.codes())?;
        let outlook = self.outcome(&project, &model, &told, "file")?;
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
        let most = self.most::<B>(PLANS_A_DAY_MAX, PLANS_A_DAY_MAX / 2)?;
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
        let added = body.changes.iter().filter_map(Change::added);
        let told = self.told(&project, model.codes().chain(added))?;
        let before = self.reckoned(&project, &model, &told, Outlook::standing, "body.project")?;
        Change::make_all(&body.changes, &mut model).map_err(|(at, error)| {
            refused(PlanError::Change(error).refusal(&format!("body.changes[{at}]"), None))
        })?;
        for (at, change) in body.changes.iter().enumerate() {
            change.check_made(&format!("body.changes[{at}]"), &model).map_err(refused)?;
        }
        check_size(["body.changes"; 2], model.count(), model.links()).map_err(refused)?;
        need_extent(&model, "body.changes")?;
        let after = self.outcome(&project, &model, &told, "body.changes")?;
        (body.before, body.after) = (written(before.finish()), Some(Clock(after.finish())));
        self.of_project(&body, &project)
    }

    pub(super) fn overlap_plan(&mut self, mut body: Overlapped) -> Result<Receipt, Failure> {
        let (project, mut model) = self.planned_project(&body.project)?;
        let told = self.told(&project, model.codes())?;
        let before = self.reckoned(&project, &model, &told, Outlook::standing, "body.project")?;
        body.make(&mut model)
            .map_err(|error| refused(PlanError::Change(error).refusal("body.from", None)))?;
        need_extent(&model, "body.from")?;
        let after = self.outcome(&project, &model, &told, "body.lag_minutes")?;
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
        let told = self.told(&project, model.codes())?;
        let outlook = self.outcome(&project, &model, &told, "body.deadline")?;
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

    /// What is known of activities besides their plan, read once for what it was and what it is to be.
    fn told<'a>(
        &mut self,
        project: &Project,
        activities: impl Iterator<Item = &'a str>,
    ) -> Result<Told, Failure> {
        let tx = self.desk.read()?;
        Ok(Told {
            reports: state::reports_that_count(tx, self.book, &project.project, activities)?,
            frozen: state::frozen(tx, self.book, &project.project)?,
        })
    }

    /// A plan as it is to stand; refused beside a field if entries cannot write its dates.
    fn outcome(
        &self,
        project: &Project,
        model: &Model,
        told: &Told,
        field: &str,
    ) -> Result<Outlook, Failure> {
        let outlook = self.reckoned(project, model, told, Outlook::of, field)?;
        years::check(&outlook.document, &outlook.schedule, &outlook.planned)
            .map_err(|error| refused(error.refusal(field, Some(&outlook.document))))?;
        Ok(outlook)
    }

    /// A plan with what is known of its project; refused beside a field if it cannot be reckoned with.
    fn reckoned(
        &self,
        project: &Project,
        model: &Model,
        told: &Told,
        of: fn(Known<'_>) -> Result<Outlook, PlanError>,
        field: &str,
    ) -> Result<Outlook, Failure> {
        let known = Known {
            model,
            reports: &told.reports,
            frozen: told.frozen.clone(),
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

/// What was reported of activities, and the dates by which they are judged.
struct Told {
    reports: Vec<ActivityReport>,
    frozen: Option<Frozen>,
}

/// What a plan is taken over by and kept in, whether it came from a file or by changes: entries that each hold what they hold.
fn need_extent(model: &Model, field: &str) -> Result<(), Failure> {
    let (entries, largest) = model.extent();
    let calendars = serde_json::to_vec(&model.calendars).map_or(usize::MAX, |text| text.len());
    let entries = entries.max(model.parts().len());
    let refusal = |zh: String, en: String| Err(refused(Refusal::new(Code::Plan, field, en).in_chinese(zh)));
    if entries > PARTS_MAX {
        return refusal(
            format!("将有 {entries} 条记录，上限为 {PARTS_MAX}，请缩短名称"),
            format!("comes to {entries} entries, of {PARTS_MAX} at most: shorten names"),
        );
    }
    if largest.max(calendars) > BODY_BYTES_MAX {
        return refusal(
            format!("一项活动或全部日历超过 {BODY_BYTES_MAX} 字节"),
            format!("an activity, or all calendars, come to more than {BODY_BYTES_MAX} bytes"),
        );
    }
    Ok(())
}

/// A finish that reports may have put beyond what entries write.
fn written(finish: Moment) -> Option<Clock> {
    Some(Clock(finish)).filter(|clock| clock.is_written())
}
