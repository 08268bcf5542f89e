//! Programmes, chains, and what is done for projects.

use base::{BookId, Fen, Seq, SubjectId, Time};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx};

use super::{count, owned, subject};

/// A programme (专项).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Programme {
    pub programme: String,
    pub title_zh: String,
    pub title_en: Option<String>,
    pub planned_fen: Fen,
}

fn programme_of(row: &Row) -> Result<Programme, StoreError> {
    Ok(Programme {
        programme: row.text(0)?.to_owned(),
        title_zh: row.text(1)?.to_owned(),
        title_en: owned(row, 2)?,
        planned_fen: Fen(row.int(3)?),
    })
}

pub fn programmes(tx: &mut dyn Tx, book: &BookId) -> Result<Vec<Programme>, StoreError> {
    const ALL: &str = "select programme, title_zh, title_en, planned_fen from projects_programme
        where book = $1 order by programme";
    tx.query(ALL, &[Param::Text(book.as_str())])?.iter().map(programme_of).collect()
}

/// How many programmes a book has.
pub(crate) fn programmes_count(tx: &mut dyn Tx, book: &BookId) -> Result<usize, StoreError> {
    const COUNT: &str = "select count(*) from projects_programme where book = $1";
    count(tx.query_one(COUNT, &[Param::Text(book.as_str())])?)
}

pub fn programme(tx: &mut dyn Tx, book: &BookId, programme: &str) -> Result<Option<Programme>, StoreError> {
    const ONE: &str = "select programme, title_zh, title_en, planned_fen from projects_programme
        where book = $1 and programme = $2";
    let row = tx.query_one(ONE, &[Param::Text(book.as_str()), Param::Text(programme)])?;
    row.as_ref().map(programme_of).transpose()
}

/// An industry chain (产业链), and the post that answers for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Chain {
    pub chain: String,
    pub title_zh: String,
    pub title_en: Option<String>,
    #[schema(value_type = String)]
    pub leader: SubjectId,
}

fn chain_of(row: &Row) -> Result<Chain, StoreError> {
    Ok(Chain {
        chain: row.text(0)?.to_owned(),
        title_zh: row.text(1)?.to_owned(),
        title_en: owned(row, 2)?,
        leader: subject(row, 3)?,
    })
}

pub fn chains(tx: &mut dyn Tx, book: &BookId) -> Result<Vec<Chain>, StoreError> {
    const ALL: &str =
        "select chain, title_zh, title_en, leader from projects_chain where book = $1 order by chain";
    tx.query(ALL, &[Param::Text(book.as_str())])?.iter().map(chain_of).collect()
}

/// How many chains a book has.
pub(crate) fn chains_count(tx: &mut dyn Tx, book: &BookId) -> Result<usize, StoreError> {
    const COUNT: &str = "select count(*) from projects_chain where book = $1";
    count(tx.query_one(COUNT, &[Param::Text(book.as_str())])?)
}

pub fn chain(tx: &mut dyn Tx, book: &BookId, chain: &str) -> Result<Option<Chain>, StoreError> {
    const ONE: &str =
        "select chain, title_zh, title_en, leader from projects_chain where book = $1 and chain = $2";
    let row = tx.query_one(ONE, &[Param::Text(book.as_str()), Param::Text(chain)])?;
    row.as_ref().map(chain_of).transpose()
}

/// A report of progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Report {
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// None where it is about the whole project.
    pub activity: Option<String>,
    pub percent_bp: Option<i64>,
    pub remaining_days: Option<i64>,
    pub note: Option<String>,
    pub photos: i64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
}

/// The reports of a project, the latest first.
pub fn reports(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
    count: usize,
) -> Result<Vec<Report>, StoreError> {
    let sql = format!("{REPORT} order by at desc, seq desc limit {count}");
    tx.query(&sql, &[Param::Text(book.as_str()), Param::Text(project)])?.iter().map(report_of).collect()
}

/// The latest report of a whole project.
pub(crate) fn latest_of_whole(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
) -> Result<Option<Report>, StoreError> {
    let sql = format!("{REPORT} and activity = '' order by at desc, seq desc limit 1");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Text(project)])?;
    row.as_ref().map(report_of).transpose()
}

/// The latest report that tells how much of a whole project is done.
pub(crate) fn latest_told(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
) -> Result<Option<Report>, StoreError> {
    let sql =
        format!("{REPORT} and activity = '' and percent_bp is not null order by at desc, seq desc limit 1");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Text(project)])?;
    row.as_ref().map(report_of).transpose()
}

const REPORT: &str = "select seq, activity, percent_bp, remaining_days, note, photos, at from projects_report
    where book = $1 and project = $2";

fn report_of(row: &Row) -> Result<Report, StoreError> {
    Ok(Report {
        seq: Seq::from_i64(row.int(0)?),
        activity: Some(row.text(1)?).filter(|activity| !activity.is_empty()).map(str::to_owned),
        percent_bp: row.int_or_null(2)?,
        remaining_days: row.int_or_null(3)?,
        note: owned(row, 4)?,
        photos: row.int(5)?,
        at: Time(row.int(6)?),
    })
}

/// How much of a project, or of one of its activities (`""` is the whole), was done by the latest report before a moment.
pub(crate) fn percent_bp(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
    activity: &str,
    before: Time,
) -> Result<Option<i64>, StoreError> {
    const LAST: &str =
        "select percent_bp from projects_report where book = $1 and project = $2 and activity = $3
        and percent_bp is not null and at <= $4 order by at desc, seq desc limit 1";
    let params =
        [Param::Text(book.as_str()), Param::Text(project), Param::Text(activity), Param::Int(before.0)];
    tx.query_one(LAST, &params)?.map(|row| row.int(0)).transpose()
}

/// How many reports there are on one activity of a project, or on the whole of it (`""`), from a moment until before another.
pub(crate) fn reports_between(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
    activity: &str,
    (from, to): (Time, Time),
) -> Result<usize, StoreError> {
    const COUNT: &str =
        "select count(*) from projects_report where book = $1 and project = $2 and activity = $3
        and at >= $4 and at < $5";
    let (from, to) = (Param::Int(from.0), Param::Int(to.0));
    count(tx.query_one(
        COUNT,
        &[Param::Text(book.as_str()), Param::Text(project), Param::Text(activity), from, to],
    )?)
}

/// How many reports there are on all activities of a project, as its tally has them.
pub(crate) fn reports_on_activities(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
) -> Result<usize, StoreError> {
    const OF: &str = "select reports from projects_tally where book = $1 and project = $2";
    count(tx.query_one(OF, &[Param::Text(book.as_str()), Param::Text(project)])?)
}

/// How many works of a project were told of, of how many sorts of things, and how many of one of them.
pub(crate) fn works(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
    item: &str,
) -> Result<(usize, usize, usize), StoreError> {
    const OF: &str = "select cast(coalesce(sum(works), 0) as bigint), count(*),
        cast(coalesce(sum(case when item = $3 then works else 0 end), 0) as bigint)
        from projects_item where book = $1 and project = $2";
    let params = [Param::Text(book.as_str()), Param::Text(project), Param::Text(item)];
    let Some(row) = tx.query_one(OF, &params)? else { return Ok((0, 0, 0)) };
    let number = |column| Ok::<_, StoreError>(usize::try_from(row.int(column)?).unwrap_or(0));
    Ok((number(0)?, number(1)?, number(2)?))
}

/// A visit: who went where, and what was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Visit {
    #[schema(value_type = u64)]
    pub seq: Seq,
    pub to: String,
    pub project: Option<String>,
    pub place: String,
    #[schema(value_type = String)]
    pub by: SubjectId,
    pub settled: String,
    pub photos: i64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
}

/// How many visits were made to a project in a time.
pub(crate) fn visits_between(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
    (from, to): (Time, Time),
) -> Result<usize, StoreError> {
    const COUNT: &str =
        "select count(*) from projects_visit where book = $1 and project = $2 and at >= $3 and at < $4";
    let (from, to) = (Param::Int(from.0), Param::Int(to.0));
    count(tx.query_one(COUNT, &[Param::Text(book.as_str()), Param::Text(project), from, to])?)
}

/// Visits, the latest first; of one project or of all.
pub fn visits(
    tx: &mut dyn Tx,
    book: &BookId,
    project: Option<&str>,
    count: usize,
) -> Result<Vec<Visit>, StoreError> {
    let columns = "seq, to_what, project, place, by_post, settled, photos, at";
    let visit = |row: &Row| {
        Ok(Visit {
            seq: Seq::from_i64(row.int(0)?),
            to: row.text(1)?.to_owned(),
            project: owned(row, 2)?,
            place: row.text(3)?.to_owned(),
            by: subject(row, 4)?,
            settled: row.text(5)?.to_owned(),
            photos: row.int(6)?,
            at: Time(row.int(7)?),
        })
    };
    of_project(tx, book, project, "projects_visit", columns, "at desc, seq desc", count)?
        .iter()
        .map(visit)
        .collect()
}

/// A plan of assistance (一企一策).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Assistance {
    pub plan: String,
    pub project: Option<String>,
    pub title: String,
    pub enterprise: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    #[schema(value_type = u64)]
    pub seq: Seq,
}

fn assistance_of(row: &Row) -> Result<Assistance, StoreError> {
    Ok(Assistance {
        plan: row.text(0)?.to_owned(),
        project: owned(row, 1)?,
        title: row.text(2)?.to_owned(),
        enterprise: row.text(3)?.to_owned(),
        at: Time(row.int(4)?),
        seq: Seq::from_i64(row.int(5)?),
    })
}

const ASSISTANCE: &str = "plan, project, title, enterprise, at, seq";

/// Plans of assistance, the latest first; of one project or of all.
pub fn assistance(
    tx: &mut dyn Tx,
    book: &BookId,
    project: Option<&str>,
    count: usize,
) -> Result<Vec<Assistance>, StoreError> {
    let rows = of_project(tx, book, project, "projects_assistance", ASSISTANCE, "at desc, seq desc", count)?;
    rows.iter().map(assistance_of).collect()
}

pub fn assistance_plan(tx: &mut dyn Tx, book: &BookId, plan: &str) -> Result<Option<Assistance>, StoreError> {
    let sql = format!("select {ASSISTANCE} from projects_assistance where book = $1 and plan = $2");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Text(plan)])?;
    row.as_ref().map(assistance_of).transpose()
}

/// An errand that a proxy does (代办事项).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Proxy {
    pub item: String,
    pub project: Option<String>,
    pub title: String,
    pub enterprise: String,
    #[schema(value_type = String)]
    pub agent: SubjectId,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Time,
    #[schema(value_type = u64)]
    pub opened_seq: Seq,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub done_at: Option<Time>,
}

fn proxy_of(row: &Row) -> Result<Proxy, StoreError> {
    Ok(Proxy {
        item: row.text(0)?.to_owned(),
        project: owned(row, 1)?,
        title: row.text(2)?.to_owned(),
        enterprise: row.text(3)?.to_owned(),
        agent: subject(row, 4)?,
        opened_at: Time(row.int(5)?),
        opened_seq: Seq::from_i64(row.int(6)?),
        done_at: row.int_or_null(7)?.map(Time),
    })
}

const PROXY: &str = "item, project, title, enterprise, agent, opened_at, opened_seq, done_at";

/// Errands, the latest first; of one project or of all.
pub fn proxies(
    tx: &mut dyn Tx,
    book: &BookId,
    project: Option<&str>,
    count: usize,
) -> Result<Vec<Proxy>, StoreError> {
    let rows =
        of_project(tx, book, project, "projects_proxy", PROXY, "opened_at desc, opened_seq desc", count)?;
    rows.iter().map(proxy_of).collect()
}

pub fn proxy(tx: &mut dyn Tx, book: &BookId, item: &str) -> Result<Option<Proxy>, StoreError> {
    let sql = format!("select {PROXY} from projects_proxy where book = $1 and item = $2");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Text(item)])?;
    row.as_ref().map(proxy_of).transpose()
}

/// Whether an entry was taken back.
pub fn is_reversed(tx: &mut dyn Tx, book: &BookId, entry: Seq) -> Result<bool, StoreError> {
    const FIND: &str = "select seq from projects_reversal where book = $1 and entry = $2";
    Ok(tx.query_one(FIND, &[Param::Text(book.as_str()), Param::Int(entry.to_i64())])?.is_some())
}

/// Rows of a table, of one project or of all.
fn of_project(
    tx: &mut dyn Tx,
    book: &BookId,
    project: Option<&str>,
    table: &str,
    columns: &str,
    order: &str,
    count: usize,
) -> Result<Vec<Row>, StoreError> {
    let mut params = vec![Param::Text(book.as_str())];
    let narrowed = project.map_or("", |project| {
        params.push(Param::Text(project));
        " and project = $2"
    });
    let sql =
        format!("select {columns} from {table} where book = $1{narrowed} order by {order} limit {count}");
    tx.query(&sql, &params)
}
