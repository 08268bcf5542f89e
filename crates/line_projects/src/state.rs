//! Projects as their tables have them now: what decisions and pages read.

mod lists;
mod money;
mod owed;
mod portfolio;

use std::collections::BTreeSet;

use base::{BookId, Day, Fen, Seq, SubjectId, Time};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx, placeholders};

use crate::kinds::{Heading, Phase, Standing};

pub use lists::{
    Assistance, Chain, Programme, Proxy, Report, Visit, assistance, assistance_plan, chain, chains,
    is_reversed, programme, programmes, proxies, proxy, reports, visits,
};
pub(crate) use lists::{
    chains_count, latest_of_whole, latest_told, percent_bp, programmes_count, reports_between,
    reports_on_activities, visits_between, works,
};
pub use money::{
    Contract, Due, MonthRow, Payment, contract, contracts, contracts_sum, instalments, months, payments,
};
pub(crate) use money::{contracts_count, paid, payments_count, projects_with_months_due};
pub use owed::{Owed, Permit, owed, permit, permits, project_of_matter};
pub(crate) use owed::{count_of_sort, open_blockers, open_measures, permits_due, was_decided};
pub use portfolio::{AsOf, Course, Listed, Part, first_month, listed, parts};

/// A key project (重点项目).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Project {
    pub project: String,
    /// As GB/T 40058-2021 has it.
    pub code: Option<String>,
    pub title_zh: String,
    pub title_en: Option<String>,
    pub industry: String,
    pub chain: Option<String>,
    pub programme: Option<String>,
    pub unit: String,
    pub address: String,
    pub lat_e7: Option<i64>,
    pub lon_e7: Option<i64>,
    pub total_fen: Fen,
    pub builder: String,
    /// The post of the office that reviews it.
    #[schema(value_type = String)]
    pub office: SubjectId,
    /// The post of its team.
    #[schema(value_type = String)]
    pub team: SubjectId,
    #[schema(value_type = String, format = Date)]
    pub planned_start: Day,
    /// The deadline.
    #[schema(value_type = String, format = Date)]
    pub planned_finish: Day,
    pub phase: Phase,
    pub newly_signed: bool,
    pub start_due: bool,
    pub finish_due: bool,
    #[schema(value_type = String, format = DateTime)]
    pub registered_at: Time,
    /// When it was registered, amended, or last came into another phase.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub statistics_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accepted_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub withdrawn_at: Option<Time>,
}

impl Project {
    pub fn standing(&self) -> Standing {
        Standing {
            phase: self.phase,
            industry: self.industry.clone(),
            chain: self.chain.clone(),
            programme: self.programme.clone(),
            total_fen: self.total_fen,
            newly_signed: self.newly_signed,
            start_due: self.start_due,
            finish_due: self.finish_due,
        }
    }

    pub fn heading(&self) -> Heading {
        Heading {
            industry: self.industry.clone(),
            chain: self.chain.clone(),
            programme: self.programme.clone(),
        }
    }
}

const PROJECT: &str = "project, code, title_zh, title_en, industry, chain, programme, unit, address, lat_e7, lon_e7, \
                       total_fen, builder, office, team, planned_start, planned_finish, phase, newly_signed, \
                       start_due, finish_due, registered_at, changed_at, statistics_at, accepted_at, withdrawn_at";

fn project_of(row: &Row) -> Result<Project, StoreError> {
    let time = |column| Ok::<_, StoreError>(row.int_or_null(column)?.map(Time));
    Ok(Project {
        project: row.text(0)?.to_owned(),
        code: owned(row, 1)?,
        title_zh: row.text(2)?.to_owned(),
        title_en: owned(row, 3)?,
        industry: row.text(4)?.to_owned(),
        chain: owned(row, 5)?,
        programme: owned(row, 6)?,
        unit: row.text(7)?.to_owned(),
        address: row.text(8)?.to_owned(),
        lat_e7: row.int_or_null(9)?,
        lon_e7: row.int_or_null(10)?,
        total_fen: Fen(row.int(11)?),
        builder: row.text(12)?.to_owned(),
        office: subject(row, 13)?,
        team: subject(row, 14)?,
        planned_start: day(row, 15)?,
        planned_finish: day(row, 16)?,
        phase: phase(row, 17)?,
        newly_signed: row.int(18)? != 0,
        start_due: row.int(19)? != 0,
        finish_due: row.int(20)? != 0,
        registered_at: Time(row.int(21)?),
        changed_at: Time(row.int(22)?),
        statistics_at: time(23)?,
        accepted_at: time(24)?,
        withdrawn_at: time(25)?,
    })
}

pub fn project(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Option<Project>, StoreError> {
    let sql = format!("select {PROJECT} from projects_project where book = $1 and project = $2");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Text(project)])?;
    row.as_ref().map(project_of).transpose()
}

/// The project on the list that has a code of GB/T 40058-2021, or was on it after a moment. One that left is registered anew under
/// another name and the same code: nothing is found by the code, which is shown beside the name.
pub fn project_of_code(
    tx: &mut dyn Tx,
    book: &BookId,
    code: &str,
    at: Time,
) -> Result<Option<String>, StoreError> {
    const OF: &str = "select project from projects_project where book = $1 and code = $2
        and (withdrawn_at is null or withdrawn_at > $3) limit 1";
    let row = tx.query_one(OF, &[Param::Text(book.as_str()), Param::Text(code), Param::Int(at.0)])?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// What a list of projects is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    pub phase: Option<&'a str>,
    pub chain: Option<&'a str>,
    pub programme: Option<&'a str>,
    /// Those of these teams' posts.
    pub teams: Option<&'a [SubjectId]>,
    /// Those that left the list as well.
    pub withdrawn: bool,
}

/// Projects in the order of their ids, those after `after`.
pub fn projects(
    tx: &mut dyn Tx,
    book: &BookId,
    filter: &Filter<'_>,
    after: &str,
    count: usize,
) -> Result<Vec<Project>, StoreError> {
    let mut sql = format!("select {PROJECT} from projects_project where book = $1 and project > $2");
    let mut params = vec![Param::Text(book.as_str()), Param::Text(after)];
    for (column, value) in [("phase", filter.phase), ("chain", filter.chain), ("programme", filter.programme)]
    {
        if let Some(value) = value {
            params.push(Param::Text(value));
            sql.push_str(&format!(" and {column} = ${}", params.len()));
        }
    }
    if let Some(teams) = filter.teams {
        sql.push_str(&format!(" and team in ({})", placeholders(params.len() + 1, teams.len())));
        params.extend(teams.iter().map(|team| Param::Text(team.as_str())));
    }
    if !filter.withdrawn {
        sql.push_str(" and withdrawn_at is null");
    }
    sql.push_str(&format!(" order by project limit {count}"));
    tx.query(&sql, &params)?.iter().map(project_of).collect()
}

/// Projects on the list whose planned start or finish came by a day and was not yet recorded as due: so many after one.
pub(crate) fn projects_due(
    tx: &mut dyn Tx,
    book: &BookId,
    day: Day,
    after: &str,
    count: usize,
) -> Result<BTreeSet<String>, StoreError> {
    let sql = format!(
        "select project from projects_project where book = $1 and project > $3 and withdrawn_at is null
         and ((start_due = 0 and planned_start <= $2) or (finish_due = 0 and planned_finish <= $2))
         order by project limit {count}"
    );
    let params = [Param::Text(book.as_str()), Param::Int(i64::from(day.0)), Param::Text(after)];
    tx.query(&sql, &params)?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// How many projects a book has had.
pub(crate) fn projects_count(tx: &mut dyn Tx, book: &BookId) -> Result<usize, StoreError> {
    const COUNT: &str = "select count(*) from projects_project where book = $1";
    count(tx.query_one(COUNT, &[Param::Text(book.as_str())])?)
}

/// When each phase that a project has reached was reached, the earliest first.
pub fn phases(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Vec<Reached>, StoreError> {
    const OF: &str = "select phase, at, seq from projects_phase where book = $1 and project = $2";
    let rows = tx.query(OF, &[Param::Text(book.as_str()), Param::Text(project)])?;
    let reached = |row: &Row| {
        Ok(Reached { phase: phase(row, 0)?, at: Time(row.int(1)?), seq: Seq::from_i64(row.int(2)?) })
    };
    let mut all = rows.iter().map(reached).collect::<Result<Vec<_>, StoreError>>()?;
    all.sort_by_key(|reached| reached.phase);
    Ok(all)
}

/// A phase, and the entry that reached it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reached {
    pub phase: Phase,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    #[schema(value_type = u64)]
    pub seq: Seq,
}

fn count(row: Option<Row>) -> Result<usize, StoreError> {
    let count = row.map(|row| row.int(0)).transpose()?.unwrap_or(0);
    usize::try_from(count).map_err(|_| StoreError::Schema("a count is out of range".into()))
}

fn owned(row: &Row, column: usize) -> Result<Option<String>, StoreError> {
    Ok(row.text_or_null(column)?.map(str::to_owned))
}

fn subject(row: &Row, column: usize) -> Result<SubjectId, StoreError> {
    SubjectId::new(row.text(column)?).map_err(|error| StoreError::Schema(error.to_string()))
}

fn day(row: &Row, column: usize) -> Result<Day, StoreError> {
    i32::try_from(row.int(column)?).map(Day).map_err(|_| StoreError::Schema("a day is out of range".into()))
}

fn phase(row: &Row, column: usize) -> Result<Phase, StoreError> {
    let text = row.text(column)?;
    Phase::parse(text).ok_or_else(|| StoreError::Schema(format!("{text:?} is no phase")))
}
