//! Plans as their tables have them now.

use std::collections::HashMap;

use base::{BookId, Day, Seq, Time};
use schedule::{Moment, Span};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::{Param, Row, StoreError, Tx, Value};

use super::clock::Clock;
use super::kinds::{PlanActivity, PlanCalendar};
use super::model::Model;
use super::outlook::{ActivityReport, Frozen};
use crate::state::Project;

/// Where a plan came from, and when it last changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Source {
    pub name: String,
    pub format: String,
    pub file: Option<String>,
    /// SHA-256 of the file.
    pub digest: String,
    #[schema(value_type = u64)]
    pub seq: Seq,
    #[schema(value_type = String, format = DateTime)]
    pub imported_at: Time,
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Time,
}

/// A plan, and where it came from.
pub fn plan(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Option<(Source, Model)>, StoreError> {
    const HEAD: &str =
        "select name, format, file, digest, seq, imported_at, changed_at, start_at, status_at, deadline,
        backward, calendars, calendar from projects_plan where book = $1 and project = $2";
    const PARTS: &str =
        "select activities from projects_plan_part where book = $1 and project = $2 order by part";
    let params = [Param::Text(book.as_str()), Param::Text(project)];
    let Some(row) = tx.query_one(HEAD, &params)? else { return Ok(None) };
    let moment = |column| Ok::<_, StoreError>(row.int_or_null(column)?.map(|at| Clock(Moment(at))));
    let source = Source {
        name: row.text(0)?.to_owned(),
        format: row.text(1)?.to_owned(),
        file: row.text_or_null(2)?.map(str::to_owned),
        digest: row.text(3)?.to_owned(),
        seq: Seq::from_i64(row.int(4)?),
        imported_at: Time(row.int(5)?),
        changed_at: Time(row.int(6)?),
    };
    let calendars: Vec<PlanCalendar> = json(row.text(11)?)?;
    let deadline = row.int_or_null(9)?.map(day).transpose()?;
    let calendar = usize::try_from(row.int(12)?).unwrap_or(0);
    let model = Model::head(
        source.name.clone(),
        (Clock(Moment(row.int(7)?)), moment(8)?),
        (deadline, row.int(10)? != 0),
        (calendars, calendar),
    );
    let part = |row: &Row| json::<Vec<PlanActivity>>(row.text(0)?);
    let parts = tx.query(PARTS, &params)?.iter().map(part).collect::<Result<_, _>>()?;
    Ok(Some((source, model.with_parts(parts))))
}

/// Whether a project has a plan.
pub fn has_plan(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<bool, StoreError> {
    const FIND: &str = "select project from projects_plan where book = $1 and project = $2";
    Ok(tx.query_one(FIND, &[Param::Text(book.as_str()), Param::Text(project)])?.is_some())
}

/// A digest of all that the dates of a project's plan follow from; nothing if it has none. Reports only come, and go for
/// good when they are taken back: their number and the sum of theirs are never again those of other reports.
pub fn written(tx: &mut dyn Tx, book: &BookId, project: &Project) -> Result<Option<[u8; 32]>, StoreError> {
    const PLAN: &str =
        "select start_at, status_at, deadline, backward, calendars, calendar from projects_plan
        where book = $1 and project = $2";
    const PARTS: &str =
        "select activities from projects_plan_part where book = $1 and project = $2 order by part";
    const REPORTS: &str = "select reports, report_seqs, report_times from projects_tally
        where book = $1 and project = $2";
    const FROZEN: &str = "select finish, spans from projects_plan_baseline
        where book = $1 and project = $2 order by seq desc limit 1";
    let params = [Param::Text(book.as_str()), Param::Text(&project.project)];
    let mut digest = Sha256::new();
    for sql in [PLAN, PARTS, REPORTS, FROZEN] {
        let rows = tx.query(sql, &params)?;
        if sql == PLAN && rows.is_empty() {
            return Ok(None);
        }
        digest.update(rows.len().to_le_bytes());
        rows.iter().flat_map(|row| &row.0).for_each(|value| digested(&mut digest, value));
    }
    digest.update(project.planned_finish.0.to_le_bytes());
    digest.update(project.total_fen.0.to_le_bytes());
    Ok(Some(digest.finalize().into()))
}

/// Each value by its type and length, so that no two rows look the same.
fn digested(digest: &mut Sha256, value: &Value) {
    let mut one = |kind: u8, bytes: &[u8]| {
        digest.update([kind]);
        digest.update(bytes.len().to_le_bytes());
        digest.update(bytes);
    };
    match value {
        Value::Null => one(0, &[]),
        Value::Int(number) => one(1, &number.to_le_bytes()),
        Value::Text(text) => one(2, text.as_bytes()),
        Value::Blob(bytes) => one(3, bytes),
    }
}

/// What was reported of activities, in the order of its time.
pub fn activity_reports(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
) -> Result<Vec<ActivityReport>, StoreError> {
    const ALL: &str = "select activity, percent_bp, remaining_days, at from projects_report
        where book = $1 and project = $2 and activity <> '' order by at, seq";
    let report = |row: &Row| {
        Ok(ActivityReport {
            activity: row.text(0)?.to_owned(),
            percent_bp: row.int_or_null(1)?,
            remaining_days: row.int_or_null(2)?,
            at: Time(row.int(3)?),
        })
    };
    tx.query(ALL, &[Param::Text(book.as_str()), Param::Text(project)])?.iter().map(report).collect()
}

/// A baseline, without its dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Baseline {
    #[schema(value_type = u64)]
    pub seq: Seq,
    pub title: String,
    #[schema(value_type = String)]
    pub finish: Clock,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
}

/// The baselines of a project, the latest first.
pub fn baselines(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Vec<Baseline>, StoreError> {
    const ALL: &str = "select seq, title, finish, at from projects_plan_baseline
        where book = $1 and project = $2 order by seq desc";
    let baseline = |row: &Row| {
        Ok(Baseline {
            seq: Seq::from_i64(row.int(0)?),
            title: row.text(1)?.to_owned(),
            finish: Clock(Moment(row.int(2)?)),
            at: Time(row.int(3)?),
        })
    };
    tx.query(ALL, &[Param::Text(book.as_str()), Param::Text(project)])?.iter().map(baseline).collect()
}

/// The dates of the latest baseline.
pub fn frozen(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Option<Frozen>, StoreError> {
    const LAST: &str = "select finish, spans from projects_plan_baseline
        where book = $1 and project = $2 order by seq desc limit 1";
    let Some(row) = tx.query_one(LAST, &[Param::Text(book.as_str()), Param::Text(project)])? else {
        return Ok(None);
    };
    let spans: HashMap<String, (i64, i64)> = json(row.text(1)?)?;
    let spans = spans
        .into_iter()
        .map(|(code, (start, finish))| (code, Span { start: Moment(start), finish: Moment(finish) }));
    Ok(Some(Frozen { spans: spans.collect(), finish: Some(Moment(row.int(0)?)) }))
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Schema(format!("a plan is not readable: {error}")))
}

fn day(number: i64) -> Result<Day, StoreError> {
    i32::try_from(number).map(Day).map_err(|_| StoreError::Schema("a day is out of range".into()))
}
