//! What plans, and their changes, come to. It takes long, so that what is asked over the web is reckoned before the writer's turn:
//! everybody waits for the writer.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use base::limits::BODY_BYTES_MAX;
use base::{BookId, CityZone};
use kernel::AppendError;
use ledger::Body;
use schedule::{ActivityId, Moment, Progress, ScheduleError};
use store::{StoreError, Tx};

use super::{Failure, Input, Recorder, refuse, refused};
use crate::plan::kinds::{
    Baselined, DeadlineSet, Edited, Imported, Overlapped, PARTS_MAX, PartImported, check_calendars,
    check_size,
};
use crate::plan::state::Source;
use crate::plan::{
    ActivityReport, Change, Clock, Frozen, Import, Known, Model, Outlook, PlanError, state, years,
};
use crate::refusal::{Code, Refusal};
use crate::state::Project;

/// A plan that is taken over, as its entries have it.
#[derive(Debug, Clone)]
pub(super) struct ImportedPlan {
    pub head: Imported,
    pub parts: Vec<PartImported>,
    pub taken_out: Option<TakenOut>,
}

/// An activity that the baseline froze, is not done, and that the plan is to have no longer.
#[derive(Debug, Clone)]
pub(super) struct TakenOut {
    pub activity: String,
    /// The field that takes it out.
    pub field: String,
}

/// What an input about a plan comes to, or why it cannot be, and of which plan that is so.
#[derive(Clone)]
pub struct Ahead {
    written: Option<[u8; 32]>,
    outcome: Result<Arc<dyn Any + Send + Sync>, Refusal>,
}

impl Ahead {
    /// Reckons with an input, if that takes long; what the writer refuses at once is left to it.
    pub fn of(
        tx: &mut dyn Tx,
        zone: &CityZone,
        book: &BookId,
        input: &Input,
    ) -> Result<Option<Self>, StoreError> {
        let planner = Planner { tx, book, zone };
        match input.kind.as_str() {
            Edited::KIND => planner.ahead(input, |body: &Edited| &body.project, Planner::edited),
            Overlapped::KIND => planner.ahead(input, |body: &Overlapped| &body.project, Planner::overlapped),
            Baselined::KIND => planner.ahead(input, |body: &Baselined| &body.project, Planner::baselined),
            DeadlineSet::KIND => {
                planner.ahead(input, |body: &DeadlineSet| &body.project, Planner::deadline_set)
            }
            _ => Ok(None),
        }
    }

    /// Reckons with a plan that is to be taken over.
    pub fn of_import(
        tx: &mut dyn Tx,
        zone: &CityZone,
        book: &BookId,
        project: &Project,
        import: &Import,
    ) -> Result<Self, StoreError> {
        let written = state::written(tx, book, project)?;
        let outcome = Planner { tx, book, zone }.imported(project, import);
        Self::told(written, outcome)
    }

    fn told<T: Send + Sync + 'static>(
        written: Option<[u8; 32]>,
        outcome: Result<T, Failure>,
    ) -> Result<Self, StoreError> {
        let outcome: Result<Arc<dyn Any + Send + Sync>, Refusal> = match outcome {
            Ok(outcome) => Ok(Arc::new(outcome)),
            Err(AppendError::Refused(refusal)) => Err(refusal),
            Err(AppendError::Store(error)) => return Err(error),
            Err(error) => {
                return Err(StoreError::Schema(format!("a plan cannot be reckoned with: {error:?}")));
            }
        };
        Ok(Self { written, outcome })
    }
}

impl Recorder<'_, '_> {
    /// What an input comes to: as it was reckoned ahead, if the plan is still that one.
    pub(super) fn reckoned<T: Clone + 'static>(
        &mut self,
        project: &Project,
        reckon: impl FnOnce(&mut Planner<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(ahead) = self.ahead else {
            let zone = self.desk.zone().clone();
            return reckon(&mut Planner { tx: self.desk.read()?, book: self.book, zone: &zone });
        };
        if state::written(self.desk.read()?, self.book, project)? != ahead.written {
            return refuse(Code::NotReckoned, "", "the plan has changed meanwhile and is reckoned with anew");
        }
        match &ahead.outcome {
            Ok(outcome) => match outcome.downcast_ref::<T>() {
                Some(outcome) => Ok(outcome.clone()),
                None => Err(StoreError::Schema("what was reckoned is of another kind".into()).into()),
            },
            Err(refusal) => Err(refused(refusal.clone())),
        }
    }
}

/// Reckons with the plans of a book as they stand.
pub(super) struct Planner<'p> {
    pub tx: &'p mut dyn Tx,
    pub book: &'p BookId,
    pub zone: &'p CityZone,
}

impl Planner<'_> {
    fn ahead<B: Body, T: Send + Sync + 'static>(
        mut self,
        input: &Input,
        of: fn(&B) -> &String,
        reckon: fn(&mut Self, &Project, B) -> Result<T, Failure>,
    ) -> Result<Option<Ahead>, StoreError> {
        let Ok(body) = Recorder::body::<B>(input) else { return Ok(None) };
        let Some(project) = crate::state::project(self.tx, self.book, of(&body))? else { return Ok(None) };
        let written = state::written(self.tx, self.book, &project)?;
        let outcome = reckon(&mut self, &project, body);
        Ahead::told(written, outcome).map(Some)
    }

    pub fn imported(&mut self, project: &Project, import: &Import) -> Result<ImportedPlan, Failure> {
        let document = &import.document;
        let start = document.start.unwrap_or(Moment::at(project.planned_start, 0));
        let mut model = Model::of(document, start);
        let before = state::plan(self.tx, self.book, &project.project)?.map(|(_, before)| before);
        if let Some(before) = &before {
            (model.deadline, model.backward) = (before.deadline, before.backward);
        }
        model.need_codes().map_err(|error| refused(error.refusal("file", None)))?;
        need_extent(&model, "file")?;
        let told = self.told(project, model.codes())?;
        let outlook = self.outcome(project, &model, &told, "file")?;
        let gone = before.as_ref().and_then(|before| told.taken_out(before, &model));
        let taken_out = gone.map(|activity| TakenOut { activity, field: "file".into() });
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
        let mut parts = Vec::new();
        for (part, activities) in model.parts().iter().enumerate() {
            let body =
                PartImported { project: project.project.clone(), part, activities: activities.clone() };
            body.check().map_err(refused)?;
            parts.push(body);
        }
        Ok(ImportedPlan { head, parts, taken_out })
    }

    pub fn edited(
        &mut self,
        project: &Project,
        mut body: Edited,
    ) -> Result<(Edited, Option<TakenOut>), Failure> {
        let held = self.model(project)?;
        let mut model = held.clone();
        let added = body.changes.iter().filter_map(Change::added);
        let told = self.told(project, model.codes().chain(added))?;
        let before = self.reckoned(project, &model, &told, Outlook::standing, "body.project")?;
        Change::make_all(&body.changes, &mut model).map_err(|(at, error)| {
            refused(PlanError::Change(error).refusal(&format!("body.changes[{at}]"), None))
        })?;
        for (at, change) in body.changes.iter().enumerate() {
            change.check_made(&format!("body.changes[{at}]"), &model).map_err(refused)?;
        }
        check_size(["body.changes"; 2], model.count(), model.links()).map_err(refused)?;
        need_extent(&model, "body.changes")?;
        need_sound(&model, &body.changes)?;
        let after = self.outcome(project, &model, &told, "body.changes")?;
        (body.before, body.after) = (written(before.finish()), Some(Clock(after.finish())));
        let taken_out = told.taken_out(&held, &model).map(|activity| {
            let at = body.changes.iter().rposition(|change| change.removed() == Some(activity.as_str()));
            let field = at.map_or("body.changes".to_owned(), |at| format!("body.changes[{at}].activity"));
            TakenOut { activity, field }
        });
        Ok((body, taken_out))
    }

    pub fn overlapped(&mut self, project: &Project, mut body: Overlapped) -> Result<Overlapped, Failure> {
        let mut model = self.model(project)?;
        let told = self.told(project, model.codes())?;
        let before = self.reckoned(project, &model, &told, Outlook::standing, "body.project")?;
        body.make(&mut model)
            .map_err(|error| refused(PlanError::Change(error).refusal("body.from", None)))?;
        need_extent(&model, "body.from")?;
        let after = self.outcome(project, &model, &told, "body.lag_minutes")?;
        (body.before, body.after) = (written(before.finish()), Some(Clock(after.finish())));
        Ok(body)
    }

    pub fn baselined(&mut self, project: &Project, mut body: Baselined) -> Result<Baselined, Failure> {
        let (source, model) = self.plan(project)?;
        let Some(version) = &body.version else {
            let refusal = Refusal::new(
                Code::Body,
                "body.version",
                "names the plan as it was seen, by the version of its source",
            );
            return Err(refused(refusal.in_chinese("须写明所见进度计划的版本（计划来源的 version）")));
        };
        if *version != source.version {
            let detail = "the plan has changed since it was seen: look at it again";
            return refuse(Code::PlanChanged, "body.version", detail);
        }
        let wrong = |error: PlanError| refused(error.refusal("body.project", None));
        let frozen = model.frozen(project.planned_finish).map_err(wrong)?;
        let mut spans = model.activities().filter_map(|it| Some((&it.code, *frozen.spans.get(&it.code)?)));
        spans.try_for_each(|(code, span)| years::check_spans(code, [span])).map_err(wrong)?;
        (body.finish, body.deadline) = (frozen.finish.map(Clock), Some(project.planned_finish));
        Ok(body)
    }

    pub fn deadline_set(&mut self, project: &Project, mut body: DeadlineSet) -> Result<DeadlineSet, Failure> {
        let mut model = self.model(project)?;
        (model.deadline, model.backward) = (body.deadline, body.backward);
        let told = self.told(project, model.codes())?;
        let outlook = self.outcome(project, &model, &told, "body.deadline")?;
        body.latest_start = Some(Clock(outlook.schedule.latest_start()));
        body.finish = Some(Clock(outlook.finish()));
        Ok(body)
    }

    fn model(&mut self, project: &Project) -> Result<Model, Failure> {
        self.plan(project).map(|(_, model)| model)
    }

    fn plan(&mut self, project: &Project) -> Result<(Source, Model), Failure> {
        match state::plan(self.tx, self.book, &project.project)? {
            Some(plan) => Ok(plan),
            None => refuse(Code::NoPlan, "body.project", format!("project {} has no plan", project.project)),
        }
    }

    /// What is known of activities besides their plan, read once for what it was and what it is to be.
    fn told<'a>(
        &mut self,
        project: &Project,
        activities: impl Iterator<Item = &'a str>,
    ) -> Result<Told, Failure> {
        let frozen = state::frozen(self.tx, self.book, &project.project)?;
        let mut codes: Vec<&str> = activities.collect();
        codes.extend(Frozen::codes(frozen.as_ref()));
        let reports = state::reports_that_count(self.tx, self.book, &project.project, codes.into_iter())?;
        Ok(Told { reports, frozen })
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
            zone: self.zone,
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

impl Told {
    /// The first activity of the baseline that a plan is to have no longer though it is not done.
    fn taken_out(&self, before: &Model, after: &Model) -> Option<String> {
        self.frozen.as_ref()?.taken_out(&self.reports, before, after).map(str::to_owned)
    }
}

/// What is added stands by what it says itself: a report of its code, which may be taken back, hides nothing that is wrong with it.
fn need_sound(model: &Model, changes: &[Change]) -> Result<(), Failure> {
    let added: HashMap<&str, usize> =
        changes.iter().enumerate().filter_map(|(at, change)| Some((change.added()?, at))).collect();
    if added.is_empty() {
        return Ok(());
    }
    let document = model.document().map_err(|error| refused(error.refusal("body.changes", None)))?;
    let contradicting = document.plan.contradictions();
    let each = (0..).map(ActivityId).zip(document.labels.iter().zip(&document.plan.activities));
    for (activity, (label, it)) in each {
        let Some(at) = added.get(label.code.as_str()) else { continue };
        let wrong = match it.progress {
            Progress::Finished { start, finish } if finish < start => {
                Some(("finished", ScheduleError::FinishedBeforeStart { activity }))
            }
            _ if contradicting.contains(&activity) => {
                Some(("bounds", ScheduleError::ContradictoryConstraints { activity }))
            }
            _ => None,
        };
        if let Some((field, error)) = wrong {
            let field = format!("body.changes[{at}].activity.{field}");
            return Err(refused(PlanError::Schedule(error).refusal(&field, Some(&document))));
        }
    }
    Ok(())
}

/// What a plan is taken over by and kept in, whether it came from a file or by changes: entries that each hold what they hold.
fn need_extent(model: &Model, field: &str) -> Result<(), Failure> {
    check_calendars(field, &model.calendars).map_err(refused)?;
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
