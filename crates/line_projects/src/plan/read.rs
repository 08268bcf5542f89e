use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::{BookId, CityZone, Day};
use matters::Phased;
use store::{StoreError, Tx};

use super::explain::PlanError;
use super::outlook::{Frozen, Known, Outlook};
use super::state::{self, Source};
use crate::state::Project;

/// The plan of a project as things stand, with where it came from; nothing if it has none. One that reports put beyond the years
/// that are written is not shown.
pub fn outlook(
    tx: &mut dyn Tx,
    zone: &CityZone,
    book: &BookId,
    project: &Project,
) -> Result<Option<Standing>, StoreError> {
    let Some((source, outlook)) = standing(tx, zone, book, project)? else { return Ok(None) };
    let outlook = outlook.and_then(|outlook| outlook.need_years().map(|()| outlook));
    Ok(Some((source, outlook)))
}

/// A plan reckoned with as things stand, or why it cannot be.
pub type Standing = (Source, Result<Outlook, PlanError>);

fn standing(
    tx: &mut dyn Tx,
    zone: &CityZone,
    book: &BookId,
    project: &Project,
) -> Result<Option<Standing>, StoreError> {
    let Some((source, model)) = state::plan(tx, book, &project.project)? else { return Ok(None) };
    let frozen = state::frozen(tx, book, &project.project)?;
    let codes = model.codes().chain(Frozen::codes(frozen.as_ref()));
    let reports = state::reports_that_count(tx, book, &project.project, codes)?;
    let known = Known {
        model: &model,
        reports: &reports,
        frozen,
        finish: project.planned_finish,
        total: project.total_fen,
        zone,
    };
    Ok(Some((source, Outlook::standing(known))))
}

/// What a plan knows of its project's colour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanFacts {
    /// The time-phased plan.
    pub planned: Option<Phased>,
    /// What is done by the reports on activities, and the day of the last; nothing if there are none.
    pub progress: Option<(i64, Day)>,
    /// What is done of the baseline's activities: what was when it was frozen, until something is reported of them.
    pub frozen_bp: Option<i64>,
    pub forecast_finish: Option<Day>,
    pub float_consumed_bp: Option<i64>,
}

/// Projects whose plans are kept reckoned.
const KEPT_MAX: usize = 1_024;

/// What plans say, as long as they are what they were: the writer asks at every entry about a project, and a plan of ten
/// thousand activities is not reckoned with again for an entry that is not about it.
#[derive(Debug, Default)]
pub struct Reckoned(Mutex<HashMap<Of, (Written, Arc<PlanFacts>)>>);

/// A book, and a project of it.
type Of = (BookId, String);
/// A digest of all that a plan follows from.
type Written = [u8; 32];

impl Reckoned {
    /// What the plan of a project says of it.
    pub fn facts(
        &self,
        tx: &mut dyn Tx,
        zone: &CityZone,
        book: &BookId,
        project: &Project,
    ) -> Result<Option<Arc<PlanFacts>>, StoreError> {
        let Some(written) = state::written(tx, book, project)? else { return Ok(None) };
        let of = (book.clone(), project.project.clone());
        if let Some(facts) = self.kept(&of, written) {
            return Ok(Some(facts));
        }
        let Some(facts) = facts(tx, zone, book, project)?.map(Arc::new) else { return Ok(None) };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT_MAX && !all.contains_key(&of) {
            all.clear();
        }
        all.insert(of, (written, facts.clone()));
        Ok(Some(facts))
    }

    /// Whether a project has no plan, or one that was reckoned with as it stands.
    pub fn knows(&self, tx: &mut dyn Tx, book: &BookId, project: &Project) -> Result<bool, StoreError> {
        let of = (book.clone(), project.project.clone());
        let written = state::written(tx, book, project)?;
        Ok(written.is_none_or(|written| self.kept(&of, written).is_some()))
    }

    fn kept(&self, of: &Of, written: Written) -> Option<Arc<PlanFacts>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(of).filter(|(then, _)| *then == written).map(|(_, facts)| facts.clone())
    }
}

fn facts(
    tx: &mut dyn Tx,
    zone: &CityZone,
    book: &BookId,
    project: &Project,
) -> Result<Option<PlanFacts>, StoreError> {
    let last = state::last_reported(tx, book, &project.project)?;
    let Some((_, outlook)) = standing(tx, zone, book, project)? else { return Ok(None) };
    Ok(Some(match outlook {
        Ok(outlook) => PlanFacts {
            planned: outlook.phased(),
            progress: last.map(|at| (outlook.progress_bp(), zone.day_of(at))),
            frozen_bp: outlook.judged_bp,
            forecast_finish: Some(outlook.forecast()),
            float_consumed_bp: outlook.float_consumed_bp(),
        },
        // A project whose plan says nothing goes on all the same.
        Err(error) => {
            tracing::error!(%book, project = project.project, %error, "a plan cannot be reckoned with");
            PlanFacts::default()
        }
    }))
}
