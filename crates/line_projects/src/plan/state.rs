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
    /// SHA-256 of the plan as it stands: who freezes it as a baseline names it by this.
    pub version: String,
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
    /// Where the plan itself begins among the columns.
    const START_AT: usize = 7;
    let params = [Param::Text(book.as_str()), Param::Text(project)];
    let Some(row) = tx.query_one(HEAD, &params)? else { return Ok(None) };
    let moment = |column| Ok::<_, StoreError>(row.int_or_null(column)?.map(|at| Clock(Moment(at))));
    let parts = tx.query(PARTS, &params)?;
    let mut version = Sha256::new();
    let of_plan = row.0[START_AT..].iter().chain(parts.iter().flat_map(|row| &row.0));
    of_plan.for_each(|value| digested(&mut version, value));
    let source = Source {
        name: row.text(0)?.to_owned(),
        format: row.text(1)?.to_owned(),
        file: row.text_or_null(2)?.map(str::to_owned),
        digest: row.text(3)?.to_owned(),
        version: hex::encode(version.finalize()),
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
    let parts = parts.iter().map(part).collect::<Result<_, _>>()?;
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
    const FROZEN: &str = "select finish, spans, weights from projects_plan_baseline
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

/// Reports that are read at a time.
const REPORTS_AT_A_TIME: usize = 5_000;

/// Tells all that was reported of activities, in the order of its time.
pub fn each_activity_report(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
    mut told: impl FnMut(&ActivityReport),
) -> Result<(), StoreError> {
    let sql = format!(
        "select activity, percent_bp, remaining_days, at, seq from projects_report
         where book = $1 and project = $2 and activity <> '' and (at, seq) > ($3, $4)
         order by at, seq limit {REPORTS_AT_A_TIME}"
    );
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let (at, seq) = (Param::Int(after.0), Param::Int(after.1));
        let rows = tx.query(&sql, &[Param::Text(book.as_str()), Param::Text(project), at, seq])?;
        rows.iter().try_for_each(|row| {
            told(&report(row)?);
            Ok::<_, StoreError>(())
        })?;
        match rows.last() {
            Some(last) if rows.len() == REPORTS_AT_A_TIME => after = (last.int(3)?, last.int(4)?),
            _ => return Ok(()),
        }
    }
}

fn report(row: &Row) -> Result<ActivityReport, StoreError> {
    Ok(ActivityReport {
        activity: row.text(0)?.to_owned(),
        percent_bp: row.int_or_null(1)?,
        remaining_days: row.int_or_null(2)?,
        at: Time(row.int(3)?),
    })
}

/// Activities whose reports are looked for at a time.
const ACTIVITIES_AT_A_TIME: usize = 500;

/// What was reported of some activities as far as the outlook of their plan follows from it, in the order of its time: of each
/// the last report, the last by which it has not begun, and the first since. However many there are, no others are read.
pub fn reports_that_count<'a>(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
    activities: impl Iterator<Item = &'a str>,
) -> Result<Vec<ActivityReport>, StoreError> {
    if crate::state::reports_on_activities(tx, book, project)? == 0 {
        return Ok(Vec::new());
    }
    let mut codes: Vec<&str> = activities.collect();
    codes.sort_unstable();
    codes.dedup();
    let mut found: Vec<(i64, ActivityReport)> = Vec::new();
    for codes in codes.chunks(ACTIVITIES_AT_A_TIME) {
        let sql = that_count(codes.len());
        let mut params = vec![Param::Text(book.as_str()), Param::Text(project)];
        params.extend(codes.iter().map(|code| Param::Text(code)));
        for row in tx.query(&sql, &params)? {
            found.push((row.int(4)?, report(&row)?));
        }
    }
    found.sort_by_key(|(seq, report)| (report.at, *seq));
    Ok(found.into_iter().map(|(_, report)| report).collect())
}

/// The statement that finds the reports that count of so many activities, by a few looks into an index for each.
fn that_count(activities: usize) -> String {
    let asked: Vec<String> = (3..3 + activities).map(|number| format!("(${number})")).collect();
    let asked = asked.join(", ");
    format!(
        "with asked (activity) as (values {asked}),
         anew (activity, at, seq) as (
             select asked.activity, r.at, r.seq from asked left join projects_report r on r.book = $1 and r.seq = (
                 select z.seq from projects_report z where z.book = $1 and z.project = $2
                 and z.activity = asked.activity and z.percent_bp = 0 and z.remaining_days is null
                 order by z.at desc, z.seq desc limit 1)
         ),
         counting (seq) as (
             select seq from anew
             union select (
                 select f.seq from projects_report f where f.book = $1 and f.project = $2
                 and f.activity = anew.activity
                 and (f.at, f.seq) > (coalesce(anew.at, -9223372036854775807), coalesce(anew.seq, -1))
                 order by f.at, f.seq limit 1) from anew
             union select (
                 select l.seq from projects_report l where l.book = $1 and l.project = $2
                 and l.activity = asked.activity order by l.at desc, l.seq desc limit 1) from asked
         )
         select r.activity, r.percent_bp, r.remaining_days, r.at, r.seq from counting
         join projects_report r on r.book = $1 and r.seq = counting.seq"
    )
}

/// When anything was last reported of an activity.
pub fn last_reported(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Option<Time>, StoreError> {
    const LAST: &str = "select at from projects_report where book = $1 and project = $2 and activity <> ''
        order by at desc, seq desc limit 1";
    let row = tx.query_one(LAST, &[Param::Text(book.as_str()), Param::Text(project)])?;
    row.map(|row| row.int(0).map(Time)).transpose()
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

/// The latest baseline.
pub fn frozen(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Option<Frozen>, StoreError> {
    const LAST: &str = "select finish, spans, weights from projects_plan_baseline
        where book = $1 and project = $2 order by seq desc limit 1";
    let Some(row) = tx.query_one(LAST, &[Param::Text(book.as_str()), Param::Text(project)])? else {
        return Ok(None);
    };
    let spans: HashMap<String, (i64, i64)> = json(row.text(1)?)?;
    let spans = spans
        .into_iter()
        .map(|(code, (start, finish))| (code, Span { start: Moment(start), finish: Moment(finish) }));
    let (spans, finish) = (spans.collect(), Some(Moment(row.int(0)?)));
    Ok(Some(Frozen { spans, finish, weights: json(row.text(2)?)? }))
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Schema(format!("a plan is not readable: {error}")))
}

fn day(number: i64) -> Result<Day, StoreError> {
    i32::try_from(number).map(Day).map_err(|_| StoreError::Schema("a day is out of range".into()))
}
