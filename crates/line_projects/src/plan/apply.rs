//! How the tables of plans follow from entries.

use std::collections::BTreeMap;

use ledger::{Body, Entry};
use store::{Param, StoreError, Tx};

use super::Change;
use super::clock::Clock;
use super::explain::PlanError;
use super::kinds::{Baselined, DeadlineSet, Edited, Imported, Overlapped, PartImported};
use super::model::Model;
use super::state;

/// Applies an entry of one of the kinds of plans; others are passed over.
pub fn apply(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    let applied = One { tx, entry };
    match entry.kind.as_str() {
        Imported::KIND => applied.imported(),
        PartImported::KIND => applied.part(),
        Edited::KIND => {
            let it: Edited = applied.body()?;
            applied.changed(&it.project, |model| {
                Change::make_all(&it.changes, model).map_err(|(_, error)| PlanError::from(error))
            })
        }
        Overlapped::KIND => {
            let it: Overlapped = applied.body()?;
            applied.changed(&it.project, |model| it.make(model).map_err(PlanError::from))
        }
        DeadlineSet::KIND => {
            let it: DeadlineSet = applied.body()?;
            applied.changed(&it.project, |model| {
                (model.deadline, model.backward) = (it.deadline, it.backward);
                Ok(())
            })
        }
        Baselined::KIND => applied.baselined(),
        _ => Ok(()),
    }
}

struct One<'a> {
    tx: &'a mut dyn Tx,
    entry: &'a Entry,
}

impl One<'_> {
    fn body<B: Body>(&self) -> Result<B, StoreError> {
        self.entry.body().map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> StoreError {
        StoreError::Schema(format!("entry {} of {}: {error}", self.entry.seq, self.entry.book))
    }

    /// Runs a statement whose first parameter is the book.
    fn run(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(), StoreError> {
        let mut all = vec![Param::Text(self.entry.book.as_str())];
        all.extend_from_slice(params);
        self.tx.execute(sql, &all).map(drop)
    }

    fn imported(mut self) -> Result<(), StoreError> {
        const PUT: &str = "insert into projects_plan (book, project, seq, name, format, file, digest, start_at, status_at,
            deadline, backward, calendars, calendar, imported_at, changed_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, null, 0, $10, $11, $12, $12)
            on conflict (book, project) do update set seq = excluded.seq, name = excluded.name, format = excluded.format,
            file = excluded.file, digest = excluded.digest, start_at = excluded.start_at,
            status_at = excluded.status_at, calendars = excluded.calendars, calendar = excluded.calendar,
            imported_at = excluded.imported_at, changed_at = excluded.changed_at";
        const EMPTY: &str = "delete from projects_plan_part where book = $1 and project = $2";
        let it: Imported = self.body()?;
        let calendars = text(&it.calendars)?;
        let digest = self.entry.evidence.first().cloned().unwrap_or_default();
        let format = crate::word(&it.format);
        let params = [
            (&it.project).into(),
            Param::Int(self.entry.seq.to_i64()),
            (&it.name).into(),
            (&format).into(),
            it.file.as_ref().into(),
            (&digest).into(),
            it.start.0.0.into(),
            it.status.map(|status| status.0.0).into(),
            (&calendars).into(),
            i64::try_from(it.calendar).unwrap_or(0).into(),
            self.entry.occurred.0.into(),
        ];
        self.run(PUT, &params)?;
        self.run(EMPTY, &[(&it.project).into()])
    }

    fn part(mut self) -> Result<(), StoreError> {
        const PUT: &str =
            "insert into projects_plan_part (book, project, part, activities) values ($1, $2, $3, $4)";
        let it: PartImported = self.body()?;
        let (part, activities) = (number(it.part), text(&it.activities)?);
        self.run(PUT, &[(&it.project).into(), part, (&activities).into()])
    }

    /// Reads a plan, changes it, and writes what became of it.
    fn changed(
        mut self,
        project: &str,
        change: impl FnOnce(&mut Model) -> Result<(), PlanError>,
    ) -> Result<(), StoreError> {
        const HEAD: &str =
            "update projects_plan set start_at = $3, deadline = $4, backward = $5, calendars = $6,
            changed_at = $7 where book = $1 and project = $2";
        const PART: &str =
            "insert into projects_plan_part (book, project, part, activities) values ($1, $2, $3, $4)
            on conflict (book, project, part) do update set activities = excluded.activities";
        let Some((_, mut model)) = state::plan(self.tx, &self.entry.book, project)? else { return Ok(()) };
        change(&mut model).map_err(|error| self.broken(&error))?;
        for (part, activities) in model.touched() {
            let activities = text(&activities)?;
            self.run(PART, &[project.into(), number(part), (&activities).into()])?;
        }
        let calendars = text(&model.calendars)?;
        let params = [
            project.into(),
            model.start.0.0.into(),
            model.deadline.map(|day| i64::from(day.0)).into(),
            i64::from(model.backward).into(),
            (&calendars).into(),
            self.entry.occurred.0.into(),
        ];
        self.run(HEAD, &params)
    }

    /// Freezes the dates to work by, as the plan has them without what was reported meanwhile: a baseline is a plan.
    fn baselined(mut self) -> Result<(), StoreError> {
        const PUT: &str =
            "insert into projects_plan_baseline (book, project, seq, title, finish, at, spans, weights)
            values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let it: Baselined = self.body()?;
        let Some((_, model)) = state::plan(self.tx, &self.entry.book, &it.project)? else { return Ok(()) };
        let deadline = it.deadline.unwrap_or_else(|| model.start.0.day());
        let frozen = model.frozen(deadline).map_err(|error| self.broken(&error))?;
        let finish = frozen.finish.map_or(model.start, Clock);
        let spans: BTreeMap<&String, (i64, i64)> =
            frozen.spans.iter().map(|(code, span)| (code, (span.start.0, span.finish.0))).collect();
        let (spans, weights) = (text(&spans)?, text(&frozen.weights.iter().collect::<BTreeMap<_, _>>())?);
        let params = [
            (&it.project).into(),
            Param::Int(self.entry.seq.to_i64()),
            (&it.title).into(),
            finish.0.0.into(),
            self.entry.occurred.0.into(),
            (&spans).into(),
            (&weights).into(),
        ];
        self.run(PUT, &params)
    }
}

fn number(part: usize) -> Param<'static> {
    Param::Int(i64::try_from(part).unwrap_or(i64::MAX))
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Schema(error.to_string()))
}
