//! Files on their way in: read, shown, kept, recorded. And what the plan is worth, which pages and API both show.

use std::sync::Arc;

use base::{ActorId, BookId, Fen};
use kernel::Desk;
use ledger::Body;
use schedule::{EarnedValue, Moment, Schedule};
use schedule_formats::{Document, Note};
use serde::Serialize;
use shell::once::Sent;
use shell::room::Place;
use shell::viewer::Viewer;
use shell::{App, Problem};
use utoipa::ToSchema;

use super::explain::PlanError;
use super::import::{self, Import, ImportError};
use super::kinds::{Format, Imported};
use super::{
    Clock, CurvePoint, Earned, Model, Outlook, curve, office_hours, prepare, reckoned_with, room, turn, years,
};
use crate::api::records::need_same_team;
use crate::api::{failure_problem, ledger};
use crate::record::{Ahead, Recorded, import_plan};
use crate::state::{self, Project};

/// A file that was read and can be taken over.
pub struct Taken {
    pub bytes: Vec<u8>,
    pub import: Import,
    pub preview: Preview,
    /// Kept until the plan is recorded, or none is.
    pub place: Place,
}

/// What is wrong with a file, a sentence each, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    pub chinese: Vec<String>,
    pub english: Vec<String>,
}

impl Unfit {
    fn one(chinese: String, english: String) -> Self {
        Self { chinese: vec![chinese], english: vec![english] }
    }
}

/// Rows that a preview shows.
const SHOWN: usize = 20;

/// What would be taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PlanPreview)]
pub struct Preview {
    pub format: Format,
    pub name: String,
    pub activities: usize,
    pub links: usize,
    pub calendars: usize,
    #[schema(value_type = String)]
    pub start: Clock,
    #[schema(value_type = String)]
    pub finish: Clock,
    /// Working time from the finish to the project's deadline; negative if it is missed.
    pub margin_minutes: Option<i64>,
    /// Tasks of the file that are left out, and links that are.
    pub left_out: usize,
    pub links_left_out: usize,
    /// The first activities.
    pub first: Vec<PreviewRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PreviewRow {
    pub code: String,
    pub name: String,
    pub minutes: i64,
    #[schema(value_type = String)]
    pub start: Clock,
    #[schema(value_type = String)]
    pub finish: Clock,
    pub critical: bool,
}

/// Reads a file off the async threads, one of a caller at a time and when there is room for it: a small one may unpack to
/// much. `Ok(Err)` is what is wrong with it.
pub async fn read(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    project: &Project,
    file: Option<&str>,
    bytes: Vec<u8>,
) -> Result<Result<Taken, Unfit>, Problem> {
    let (project, file, book) = (project.clone(), file.map(str::to_owned), book.clone());
    let turn = app.limits.turns.to_send(&viewer.id(), base::limits::PLAN_BYTES_MAX).await?;
    let place = room::found(&bytes).await?;
    app.blocking(move |kernel| {
        let _turn = turn;
        let rulebook = kernel.rulebook()?;
        let calendar = office_hours(rulebook.calendar_at(kernel.now()));
        let start = Moment::at(project.planned_start, 0);
        let held = kernel.read(|tx| super::state::plan(tx, &book, &project.project))?;
        let import = match import::read(&bytes, file.as_deref(), calendar, start) {
            Ok(import) => import,
            Err(error) => return Ok::<_, store::StoreError>(Err(unfit(&error))),
        };
        let mut model = Model::of(&import.document, import.document.start.unwrap_or(start));
        if let Some((_, held)) = held {
            (model.deadline, model.backward) = (held.deadline, held.backward);
        }
        Ok(preview(&import, &model, &project).map(|preview| Taken { bytes, import, preview, place }))
    })
    .await
}

fn unfit(error: &ImportError) -> Unfit {
    match error {
        ImportError::File(error) => Unfit {
            chinese: error.each().iter().map(schedule_formats::FormatError::chinese).collect(),
            english: error.each().iter().map(ToString::to_string).collect(),
        },
        other => Unfit::one(other.chinese(), other.to_string()),
    }
}

fn unfit_plan(error: &PlanError, document: &Document) -> Unfit {
    let (zh, en) = error.told(Some(document));
    Unfit::one(zh, en)
}

fn preview(import: &Import, model: &Model, project: &Project) -> Result<Preview, Unfit> {
    let document = &import.document;
    model.need_codes().map_err(|error| unfit_plan(&error, document))?;
    let terms = model.terms(project.planned_finish, None);
    let schedule = Schedule::new(document.plan.clone(), terms)
        .map_err(|error| unfit_plan(&PlanError::Schedule(error), document))?;
    let planned = schedule.planned();
    years::check(document, &schedule, &planned).map_err(|error| unfit_plan(&error, document))?;
    let critical = schedule.critical(schedule::Critical::LongestPath);
    let row = |(at, activity): (usize, &super::kinds::PlanActivity)| PreviewRow {
        code: activity.code.clone(),
        name: activity.name.clone(),
        minutes: activity.minutes,
        start: Clock(planned[at].start),
        finish: Clock(planned[at].finish),
        critical: critical.iter().any(|id| id.0 as usize == at),
    };
    let count = |tasks: bool| {
        let each = document.notes.iter().map(|note| match note {
            Note::Tasks(count) if tasks => *count,
            Note::Links(count) if !tasks => *count,
            _ => 0,
        });
        each.sum()
    };
    Ok(Preview {
        format: import.format,
        name: document.name.clone(),
        activities: model.count(),
        links: model.links(),
        calendars: model.calendars.len(),
        start: model.start,
        finish: Clock(planned.iter().map(|span| span.finish).max().unwrap_or(schedule.finish())),
        margin_minutes: schedule.margin().map(|margin| margin.0),
        left_out: count(true),
        links_left_out: count(false),
        first: model.activities().enumerate().take(SHOWN).map(row).collect(),
    })
}

/// Records a plan whose file was kept; what was sent before is answered as it was.
pub async fn record(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    project: &Project,
    digest: String,
    (import, place): (Import, Place),
    sent: Option<Sent>,
) -> Result<Recorded, Problem> {
    let (book, actor, name) = (book.clone(), viewer.id(), project.project.clone());
    let is_office = viewer.allows(app, Imported::KIND, &ledger(app, book.as_str())?.1);
    let team = Some(&project.team).filter(|_| !is_office);
    let turn = turn(app, &book, &name, (&actor, team)).await?;
    prepare(app, turn.as_ref()).await?;
    let import = (Arc::new(import), Arc::new(place));
    reckoned_with(|| taken_over(app, &book, &actor, project, (&digest, &import), sent.clone())).await
}

/// Reckons with a plan, then records it.
async fn taken_over(
    app: &App,
    book: &BookId,
    actor: &ActorId,
    project: &Project,
    (digest, import): (&str, &(Arc<Import>, Arc<Place>)),
    sent: Option<Sent>,
) -> Result<Recorded, Problem> {
    let (find, of, reads) = (book.clone(), project.clone(), import.0.clone());
    let ahead = app.blocking(move |kernel| {
        kernel.read(|tx| {
            // What else was recorded of it since the file was sent is reckoned with.
            let of = state::project(tx, &find, &of.project)?.unwrap_or(of);
            Ahead::of_import(tx, kernel.zone(), &find, &of, &reads)
        })
    });
    let ahead = ahead.await?;
    let (book, actor, digest) = (book.clone(), actor.clone(), digest.to_owned());
    let (project, (import, place)) = (project.clone(), import.clone());
    let by = (book.clone(), actor.clone());
    let take = move |desk: &mut Desk<'_>| {
        let _until_it_is_recorded = &place;
        // While the file was sent, read and waited with, it may have gone to another team.
        let now = state::project(desk.read()?, &book, &project.project)?.map(|project| project.team);
        need_same_team(Some(&project.team), now.as_ref())?;
        import_plan(desk, &book, &actor, None, &project.project, (digest.as_str(), &import, Some(&ahead)))
    };
    app.append_once(by, sent, failure_problem, take).await
}

/// The S-curve and the earned value of today. What was paid is what was spent.
pub async fn value(
    app: &App,
    book: &BookId,
    project: &Project,
    outlook: &Arc<Outlook>,
) -> Result<(Vec<CurvePoint>, EarnedValue), Problem> {
    let (book, name) = (book.clone(), project.project.clone());
    let (outlook, today) = (outlook.clone(), app.today());
    app.blocking(move |kernel| {
        let mut earned = Earned::of(&outlook, kernel.zone());
        let payments = kernel.read(|tx| {
            super::state::each_activity_report(tx, &book, &name, |report| earned.report(report))?;
            state::payments(tx, &book, &name)
        })?;
        let payments: Vec<_> = payments.into_iter().map(|payment| (payment.at, payment.amount_fen)).collect();
        let points = curve(&outlook, &earned.by_day(), &payments, kernel.zone(), today);
        let spent: Fen = payments.iter().map(|(_, fen)| *fen).sum();
        Ok::<_, store::StoreError>((points, outlook.earned(today, spent)))
    })
    .await
}

/// EAC rounded to the fen.
pub fn estimate(value: &EarnedValue) -> Option<Fen> {
    let ratio = value.estimate_at_completion()?;
    i64::try_from((2 * ratio.numerator + ratio.denominator).div_euclid(2 * ratio.denominator)).ok().map(Fen)
}
