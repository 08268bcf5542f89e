//! What the line knows of its matters.

use base::{BookId, CityZone, Day, Fen, Time};
use matters::{Between, Facts, Matter, MatterId, POINTS_MAX, Phased, Point};
use store::{StoreError, Tx};

use crate::kinds::Phase;
use crate::plan::{Reckoned, WHOLE_BP};
use crate::sorts;
use crate::state::{self, Project, Report};

/// The facts of a project; nothing is known of other matters but what they know themselves.
pub fn facts(
    tx: &mut dyn Tx,
    with: (&CityZone, &Reckoned),
    book: &BookId,
    matter: &Matter,
) -> Result<Facts, StoreError> {
    match project(tx, book, matter)? {
        Some(project) => of_project(tx, with, book, &project),
        None => Ok(Facts::default()),
    }
}

/// Reckons with the plan of a project, which is kept then.
pub fn prepare(
    tx: &mut dyn Tx,
    (zone, reckoned): (&CityZone, &Reckoned),
    book: &BookId,
    matter: &Matter,
) -> Result<(), StoreError> {
    match project(tx, book, matter)? {
        Some(project) => reckoned.facts(tx, zone, book, &project).map(drop),
        None => Ok(()),
    }
}

/// Whether the plan of a project, if it has one, was reckoned with as it stands.
pub fn is_prepared(
    tx: &mut dyn Tx,
    reckoned: &Reckoned,
    book: &BookId,
    matter: &Matter,
) -> Result<bool, StoreError> {
    match project(tx, book, matter)? {
        Some(project) => reckoned.knows(tx, book, &project),
        None => Ok(true),
    }
}

/// The matter of the project that another matter is owed for.
pub fn bears_on(tx: &mut dyn Tx, book: &BookId, matter: &Matter) -> Result<Option<MatterId>, StoreError> {
    if matter.sort.as_str() == sorts::PROJECT {
        return Ok(None);
    }
    let of = state::project_of_matter(tx, book, &matter.id)?;
    of.map(|project| sorts::Name::Project(&project).matter(book)).transpose()
}

/// The project that a matter is.
fn project(tx: &mut dyn Tx, book: &BookId, matter: &Matter) -> Result<Option<Project>, StoreError> {
    if matter.sort.as_str() != sorts::PROJECT {
        return Ok(None);
    }
    let Some(name) = state::project_of_matter(tx, book, &matter.id)? else { return Ok(None) };
    state::project(tx, book, &name)
}

fn of_project(
    tx: &mut dyn Tx,
    (zone, reckoned): (&CityZone, &Reckoned),
    book: &BookId,
    project: &Project,
) -> Result<Facts, StoreError> {
    let name = &project.project;
    let reports = state::reports(tx, book, name, 1)?;
    let phases = state::phases(tx, book, name)?;
    let reached = |least: Phase| phases.iter().find(|reached| reached.phase >= least).map(|it| it.at);
    let day = |at: Time| zone.day_of(at);
    let finished = reached(Phase::Finished).map(day);
    let plan = reckoned.facts(tx, zone, book, project)?;
    let of_activities = plan.as_ref().and_then(|plan| plan.progress);
    // Of what was reported of the whole and of activities, the later is believed.
    let is_last = |report: &Report| of_activities.is_none_or(|(_, last)| day(report.at) >= last);
    let whole = state::latest_of_whole(tx, book, name)?.filter(is_last);
    let told = state::latest_told(tx, book, name)?.filter(is_last);
    let spoken =
        reports.first().map(|report| report.at).into_iter().chain(phases.iter().map(|it| it.at)).max();
    let months = state::months(tx, book, name)?;
    let planned = months.iter().filter(|month| month.planned_fen.0 > 0);
    let instalments = state::instalments(tx, book, name)?;
    Ok(Facts {
        reported: spoken.map(day),
        progress_bp: match project.phase {
            Phase::Planned | Phase::Signed | Phase::Land => Some(0),
            // Whoever tells nothing of it, or no more, is judged by what was known last.
            Phase::Started | Phase::Roofed => {
                let of_whole = told.and_then(|report| report.percent_bp);
                let known = of_whole.or(of_activities.map(|(bp, _)| bp));
                known.or_else(|| plan.as_ref()?.frozen_bp).or(Some(0))
            }
            Phase::Finished | Phase::Producing => Some(WHOLE_BP),
        },
        planned_progress_bp: plan.as_ref().and_then(|plan| plan.planned.clone()).or_else(|| course(project)),
        forecast_finish: finished.or_else(|| {
            let reported = whole.as_ref().and_then(|report| {
                let remaining = i32::try_from(report.remaining_days?).ok()?;
                Some(day(report.at).plus(remaining))
            });
            reported.or(plan.as_ref().and_then(|plan| plan.forecast_finish))
        }),
        float_consumed_bp: plan.as_ref().and_then(|plan| plan.float_consumed_bp),
        open_blockers: Some(state::open_blockers(tx, book, name)?),
        permits_due: Some(state::permits_due(tx, book, name)?),
        planned_start: Some(project.planned_start),
        started: reached(Phase::Started).map(day),
        is_in_statistics: Some(project.statistics_at.is_some()),
        paid: Some(state::paid(tx, book, name)?),
        required_fen: summed(instalments.iter().map(|part| (part.day, part.amount_fen))),
        invested: Some(months.iter().map(|month| month.invested_fen).sum()),
        planned_fen: summed(planned.map(|month| (month.month.last_day(), month.planned_fen))),
    })
}

/// The time-phased plan (序时进度) of a project without a schedule: evenly from the planned start to the deadline.
pub fn course(project: &Project) -> Option<Phased> {
    let (start, finish) = (project.planned_start, project.planned_finish.max(project.planned_start.plus(1)));
    phased(Between::Line, vec![Point { day: start, amount: 0 }, Point { day: finish, amount: WHOLE_BP }])
}

/// Sums that fall due day by day, added up; nothing if there are none. Of more days than a plan has points, each run is due by its
/// last: none is left out.
fn summed(parts: impl Iterator<Item = (Day, Fen)>) -> Option<Phased> {
    let mut total = Fen(0);
    let points: Vec<Point> = parts
        .map(|(day, fen)| {
            total += fen;
            Point { day, amount: total.0 }
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    let runs = points.chunks(points.len().div_ceil(POINTS_MAX));
    phased(Between::Steps, runs.filter_map(|run| run.last().copied()).collect())
}

/// A plan over time. One that is none is told of: whatever is judged by it is not judged then.
pub fn phased(between: Between, points: Vec<Point>) -> Option<Phased> {
    let phased = Phased::new(between, points);
    phased.inspect_err(|error| tracing::error!(%error, "nothing is judged by what is to be reached")).ok()
}
