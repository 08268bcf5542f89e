//! The matters of projects, as the kernel keeps them, and permits.

use base::{BookId, Day, SubjectId, Time};
use matters::{Matter, MatterId, PostId, State};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx};

use super::{count, day, owned, subject};
use crate::sorts;

/// The project that a matter belongs to; none if it is not one of the line's, or helps an enterprise that has none.
pub fn project_of_matter(
    tx: &mut dyn Tx,
    book: &BookId,
    matter: &MatterId,
) -> Result<Option<String>, StoreError> {
    const OF: &str = "select project from projects_matter where book = $1 and matter = $2";
    let params = [Param::Text(book.as_str()), Param::Text(matter.subject().as_str())];
    Ok(tx.query_one(OF, &params)?.map(|row| owned(&row, 0)).transpose()?.flatten())
}

/// A matter of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Owed {
    /// The name within its sort.
    pub name: String,
    /// The activity of the plan that it holds.
    pub activity: Option<String>,
    /// The last day on which it is in time; none while its clock stands.
    #[schema(value_type = Option<String>, format = Date)]
    pub due: Option<Day>,
    pub matter: Matter,
}

/// The matters of a project of one sort, or of all: what is still owed first, then by deadline.
pub fn owed(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
    sort: Option<&str>,
) -> Result<Vec<Owed>, StoreError> {
    let mut params = vec![Param::Text(book.as_str()), Param::Text(project)];
    let narrowed = sort.map_or("", |sort| {
        params.push(Param::Text(sort));
        " and p.sort = $3"
    });
    let sql = format!(
        "select p.name, p.activity, m.due, m.body from projects_matter p
         join matter m on m.book = p.book and m.matter = p.matter
         where p.book = $1 and p.project = $2{narrowed}
         order by case when m.closed is null then 0 else 1 end, m.due, p.matter"
    );
    let owed = |row: &Row| {
        Ok(Owed {
            name: row.text(0)?.to_owned(),
            activity: owned(row, 1)?,
            due: due(row, 2)?,
            matter: read_matter(row.text(3)?)?,
        })
    };
    tx.query(&sql, &params)?.iter().map(owed).collect()
}

/// A deadline as the kernel keeps it: beyond every calendar while the clock of the matter stands.
fn due(row: &Row, column: usize) -> Result<Option<Day>, StoreError> {
    Ok(Some(day(row, column)?).filter(|day| *day != Day(i32::MAX)))
}

fn read_matter(body: &str) -> Result<Matter, StoreError> {
    serde_json::from_str(body)
        .map_err(|error| StoreError::Schema(format!("a matter is not readable: {error}")))
}

/// How many blockers hold a project up.
pub(crate) fn open_blockers(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<u32, StoreError> {
    const COUNT: &str = "select count(*) from projects_matter p
        join matter m on m.book = p.book and m.matter = p.matter
        where p.book = $1 and p.project = $2 and p.sort = $3 and m.closed is null";
    let params = [Param::Text(book.as_str()), Param::Text(project), Param::Text(sorts::BLOCKER)];
    let count = tx.query_one(COUNT, &params)?.map(|row| row.int(0)).transpose()?.unwrap_or(0);
    u32::try_from(count).map_err(|_| StoreError::Schema("a count is out of range".into()))
}

/// How many matters of one sort a project ever had.
pub(crate) fn count_of_sort(
    tx: &mut dyn Tx,
    book: &BookId,
    project: &str,
    sort: &str,
) -> Result<usize, StoreError> {
    const COUNT: &str = "select count(*) from projects_matter where book = $1 and project = $2 and sort = $3";
    let params = [Param::Text(book.as_str()), Param::Text(project), Param::Text(sort)];
    count(tx.query_one(COUNT, &params)?)
}

/// How many measures without a project are open that a post reviews, up to so many.
pub(crate) fn open_measures(
    tx: &mut dyn Tx,
    book: &BookId,
    office: &PostId,
    most: usize,
) -> Result<usize, StoreError> {
    let open = format!(
        "select o.matter from matter_post o join projects_matter p on p.book = o.book and p.matter = o.matter
        where o.post = $1 and o.part = 'reviewer' and o.book = $2 and p.sort = $3 and p.project is null limit {most}"
    );
    let params =
        [Param::Text(office.subject().as_str()), Param::Text(book.as_str()), Param::Text(sorts::MEASURE)];
    Ok(tx.query(&open, &params)?.len())
}

/// The deadlines of a project's permits that are still owed, the nearest first; those whose clock stands have none.
pub(crate) fn permits_due(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Vec<Day>, StoreError> {
    const DUE: &str = "select m.due from projects_matter p
        join matter m on m.book = p.book and m.matter = p.matter
        where p.book = $1 and p.project = $2 and p.sort = $3 and m.closed is null order by m.due";
    let params = [Param::Text(book.as_str()), Param::Text(project), Param::Text(sorts::PERMIT)];
    let rows = tx.query(DUE, &params)?;
    let days = rows.iter().map(|row| due(row, 0)).collect::<Result<Vec<_>, _>>()?;
    Ok(days.into_iter().flatten().collect())
}

/// A permit (审批事项): what was applied for, and what was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Permit {
    pub permit: String,
    pub project: String,
    pub title: String,
    #[schema(value_type = String)]
    pub bureau: SubjectId,
    #[schema(value_type = String)]
    pub agent: SubjectId,
    pub term_workdays: i64,
    #[schema(value_type = String, format = DateTime)]
    pub applied_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Time>,
    pub granted: Option<bool>,
    pub number: Option<String>,
    /// The last day of its term; none while the clock stands.
    #[schema(value_type = Option<String>, format = Date)]
    pub due: Option<Day>,
    pub matter: Matter,
}

const PERMIT: &str = "select p.permit, p.project, p.title, p.bureau, p.agent, p.term_workdays, p.applied_at,
    p.decided_at, p.granted, p.number, m.due, m.body from projects_permit p
    join matter m on m.book = p.book and m.matter = p.matter where p.book = $1";

/// What was decided stands while the matter is handed in or closed: once that is returned or reopened, it is to be decided
/// again.
fn permit_of(row: &Row) -> Result<Permit, StoreError> {
    let matter = read_matter(row.text(11)?)?;
    let stands = matter.state == State::Submitted || matter.state.is_closed();
    Ok(Permit {
        permit: row.text(0)?.to_owned(),
        project: row.text(1)?.to_owned(),
        title: row.text(2)?.to_owned(),
        bureau: subject(row, 3)?,
        agent: subject(row, 4)?,
        term_workdays: row.int(5)?,
        applied_at: Time(row.int(6)?),
        decided_at: row.int_or_null(7)?.map(Time).filter(|_| stands),
        granted: row.int_or_null(8)?.map(|granted| granted != 0).filter(|_| stands),
        number: owned(row, 9)?.filter(|_| stands),
        due: due(row, 10)?,
        matter,
    })
}

/// Whether anything was ever decided of the permit that a matter is about, whatever became of it.
pub(crate) fn was_decided(tx: &mut dyn Tx, book: &BookId, matter: &MatterId) -> Result<bool, StoreError> {
    const OF: &str = "select p.permit from projects_matter m
        join projects_permit p on p.book = m.book and p.permit = m.name
        where m.book = $1 and m.matter = $2 and p.decided_at is not null";
    let params = [Param::Text(book.as_str()), Param::Text(matter.subject().as_str())];
    Ok(tx.query_one(OF, &params)?.is_some())
}

pub fn permit(tx: &mut dyn Tx, book: &BookId, permit: &str) -> Result<Option<Permit>, StoreError> {
    let sql = format!("{PERMIT} and p.permit = $2");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Text(permit)])?;
    row.as_ref().map(permit_of).transpose()
}

/// Permits: those still owed first by deadline, then the others, the latest closed first; of one project or of all.
pub fn permits(
    tx: &mut dyn Tx,
    book: &BookId,
    project: Option<&str>,
    count: usize,
) -> Result<Vec<Permit>, StoreError> {
    let mut params = vec![Param::Text(book.as_str())];
    let narrowed = project.map_or("", |project| {
        params.push(Param::Text(project));
        " and p.project = $2"
    });
    let sql = format!(
        "{PERMIT}{narrowed} order by case when m.closed is null then 0 else 1 end,
         case when m.closed is null then m.due else -m.closed end, p.permit limit {count}"
    );
    tx.query(&sql, &params)?.iter().map(permit_of).collect()
}
