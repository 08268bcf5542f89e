use base::{BookId, CityZone, Day};
use matters::Phased;
use store::{StoreError, Tx};

use super::explain::PlanError;
use super::outlook::{Known, Outlook};
use super::state::{self, Source};
use crate::state::Project;

/// The plan of a project as things stand, with where it came from; nothing if it has none. A plan that was taken over can
/// be reckoned with: whatever changes it asks that first.
pub fn outlook(
    tx: &mut dyn Tx,
    zone: &CityZone,
    book: &BookId,
    project: &Project,
) -> Result<Option<(Source, Outlook)>, StoreError> {
    let Some((source, model)) = state::plan(tx, book, &project.project)? else { return Ok(None) };
    let reports = state::activity_reports(tx, book, &project.project)?;
    let frozen = state::frozen(tx, book, &project.project)?;
    let known = Known {
        model: &model,
        reports: &reports,
        frozen,
        finish: project.planned_finish,
        total: project.total_fen,
        zone,
    };
    let outlook = Outlook::of(known).map_err(|error| unreadable(&error))?;
    Ok(Some((source, outlook)))
}

fn unreadable(error: &PlanError) -> StoreError {
    StoreError::Schema(format!("a plan cannot be reckoned with: {error}"))
}

/// What a plan knows of its project's colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFacts {
    /// The time-phased plan.
    pub planned: Option<Phased>,
    /// What is done by the reports on activities, and the day of the last; nothing if there are none.
    pub progress: Option<(i64, Day)>,
    pub forecast_finish: Day,
    pub float_consumed_bp: Option<i64>,
}

/// What the plan of a project says of it.
pub fn facts(
    tx: &mut dyn Tx,
    zone: &CityZone,
    book: &BookId,
    project: &Project,
) -> Result<Option<PlanFacts>, StoreError> {
    if !state::has_plan(tx, book, &project.project)? {
        return Ok(None);
    }
    let last = state::activity_reports(tx, book, &project.project)?.last().map(|report| report.at);
    let Some((_, outlook)) = outlook(tx, zone, book, project)? else { return Ok(None) };
    Ok(Some(PlanFacts {
        planned: outlook.phased(),
        progress: last.map(|at| (outlook.progress_bp(), zone.day_of(at))),
        forecast_finish: outlook.finish().closing_day(),
        float_consumed_bp: outlook.float_consumed_bp(),
    }))
}
