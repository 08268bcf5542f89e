//! The projects of several books side by side: what the list of projects shows.

use std::collections::BTreeMap;

use base::limits::FIGURE_DAYS_MAX;
use base::{BookId, CityZone, Day, Fen, SubjectId, Time};
use matters::Colour;
use store::{Param, Row, StoreError, Tx, placeholders};

use super::{PROJECT, Project, day, phase, project_of};
use crate::kinds::{Month, Phase};
use crate::sorts;

/// A project on the list with what is known of it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub book: BookId,
    pub project: Project,
    pub course: Course,
}

/// How far a project has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    pub invested: Fen,
    /// What was to be invested by the end of the last month that fell due.
    pub due: Fen,
    /// As last reported of the whole project.
    pub percent_bp: Option<i64>,
    pub reported_at: Option<Time>,
    /// The colour of its matter; none where it has none, or the matter is closed.
    pub colour: Option<Colour>,
}

type Key = (String, String);

/// A day that has ended, as of which projects are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    pub day: Day,
    /// Its last moment.
    pub end: Time,
}

impl AsOf {
    /// The last month whose plan was due by then, as the table keeps months.
    fn last_due(self) -> i64 {
        i64::from(Month::of(self.day.plus(1)).first_day().plus(-1).0)
    }
}

/// The projects on the lists of some books, in the order of books and ids; of these teams alone, if any are named.
///
/// As of a day gone by they stand as they stood then: phase, money and reports. What a project costs and who answers for
/// it are those of now, and colours are not told.
pub fn listed(
    tx: &mut dyn Tx,
    books: &[BookId],
    teams: Option<&[SubjectId]>,
    as_of: Option<AsOf>,
) -> Result<Vec<Listed>, StoreError> {
    if books.is_empty() || teams.is_some_and(<[_]>::is_empty) {
        return Ok(Vec::new());
    }
    let mut sql = format!(
        "select {PROJECT}, book from projects_project where book in ({})",
        placeholders(1, books.len())
    );
    let mut params = texts(books);
    match as_of {
        Some(AsOf { end, .. }) => {
            params.push(Param::Int(end.0));
            let at = params.len();
            let gone = format!("(withdrawn_at is null or withdrawn_at > ${at})");
            sql.push_str(&format!(" and registered_at <= ${at} and {gone}"));
        }
        None => sql.push_str(" and withdrawn_at is null"),
    }
    if let Some(teams) = teams {
        sql.push_str(&format!(" and team in ({})", placeholders(params.len() + 1, teams.len())));
        params.extend(teams.iter().map(|team| Param::Text(team.as_str())));
    }
    sql.push_str(" order by book, project");
    let rows = tx.query(&sql, &params)?;
    let mut courses = courses(tx, books, as_of)?;
    let phases = match as_of {
        Some(as_of) => phases(tx, books, as_of)?,
        None => BTreeMap::new(),
    };
    let listed = |row: &Row| {
        let mut project = project_of(row)?;
        let book = BookId::new(row.text(BOOK)?).map_err(|error| StoreError::Schema(error.to_string()))?;
        let key = (book.to_string(), project.project.clone());
        if let Some(AsOf { end, .. }) = as_of {
            project.phase = phases.get(&key).copied().unwrap_or(project.phase);
            project.accepted_at = project.accepted_at.filter(|at| *at <= end);
        }
        Ok(Listed { course: courses.remove(&key).unwrap_or_default(), book, project })
    };
    rows.iter().map(listed).collect()
}

/// Where the book follows the columns of a project.
const BOOK: usize = 26;

/// The furthest phase that each project had reached.
fn phases(tx: &mut dyn Tx, books: &[BookId], as_of: AsOf) -> Result<BTreeMap<Key, Phase>, StoreError> {
    let sql = format!(
        "select book, project, phase from projects_phase where book in ({}) and at <= ${}",
        placeholders(1, books.len()),
        books.len() + 1
    );
    let mut params = texts(books);
    params.push(Param::Int(as_of.end.0));
    let mut phases: BTreeMap<Key, Phase> = BTreeMap::new();
    for row in tx.query(&sql, &params)? {
        let reached = phase(&row, 2)?;
        let furthest = phases.entry((row.text(0)?.to_owned(), row.text(1)?.to_owned())).or_insert(reached);
        *furthest = reached.max(*furthest);
    }
    Ok(phases)
}

fn courses(
    tx: &mut dyn Tx,
    books: &[BookId],
    as_of: Option<AsOf>,
) -> Result<BTreeMap<Key, Course>, StoreError> {
    let mut courses: BTreeMap<Key, Course> = BTreeMap::new();
    let of = placeholders(1, books.len());
    let key = |row: &Row| Ok::<_, StoreError>((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
    let (month, due, end) = match as_of {
        Some(as_of) => (i64::from(as_of.day.0), as_of.last_due(), as_of.end.0),
        None => (i64::MAX, i64::MAX, i64::MAX),
    };
    let (first, second) = (books.len() + 1, books.len() + 2);
    let money = format!(
        "select book, project, cast(sum(invested_fen) as bigint),
         cast(sum(case when fell_due = 1 and month <= ${second} then planned_fen else 0 end) as bigint)
         from projects_month where book in ({of}) and month <= ${first} group by book, project"
    );
    let mut params = texts(books);
    params.extend([Param::Int(month), Param::Int(due)]);
    for row in tx.query(&money, &params)? {
        let course = courses.entry(key(&row)?).or_default();
        (course.invested, course.due) = (Fen(row.int(2)?), Fen(row.int(3)?));
    }
    let reports = format!(
        "select book, project, percent_bp, at from (
             select book, project, percent_bp, at,
                 row_number() over (partition by book, project order by at desc, seq desc) as place
             from projects_report
             where book in ({of}) and at <= ${first} and activity = '' and percent_bp is not null
         ) as latest where place = 1"
    );
    let mut params = texts(books);
    params.push(Param::Int(end));
    for row in tx.query(&reports, &params)? {
        let course = courses.entry(key(&row)?).or_default();
        (course.percent_bp, course.reported_at) = (row.int_or_null(2)?, Some(Time(row.int(3)?)));
    }
    if as_of.is_some() {
        return Ok(courses);
    }
    let colours = format!(
        "select m.book, p.project, m.colour from projects_matter p
         join matter m on m.book = p.book and m.matter = p.matter
         where p.book in ({of}) and p.sort = ${first} and m.closed is null and m.colour is not null"
    );
    let mut params = texts(books);
    params.push(Param::Text(sorts::PROJECT));
    for row in tx.query(&colours, &params)? {
        let colour = row.text(2)?;
        courses.entry(key(&row)?).or_default().colour =
            Colour::ALL.into_iter().find(|it| it.as_str() == colour);
    }
    Ok(courses)
}

/// The first day of the month in which the first project of some books was registered, or from which on figures are asked
/// for till a day.
pub fn first_month(tx: &mut dyn Tx, books: &[BookId], zone: &CityZone, till: Day) -> Result<Day, StoreError> {
    // The first of a month lies up to thirty days before a day of it.
    let earliest = Day(till.0 - FIGURE_DAYS_MAX + 31);
    let first = first_registered(tx, books)?.map_or(till, |at| zone.day_of(at));
    Ok(first.clamp(earliest, till).first_of_month())
}

fn first_registered(tx: &mut dyn Tx, books: &[BookId]) -> Result<Option<Time>, StoreError> {
    if books.is_empty() {
        return Ok(None);
    }
    let sql = format!(
        "select min(registered_at) from projects_project where book in ({})",
        placeholders(1, books.len())
    );
    let row = tx.query_one(&sql, &texts(books))?;
    Ok(row.map(|row| row.int_or_null(0)).transpose()?.flatten().map(Time))
}

/// A part of a contract's sum, and by when it has to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub contract: String,
    pub day: Day,
    pub amount_fen: Fen,
}

/// The instalments of a project's contracts, contract by contract in the order of days.
pub fn parts(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Vec<Part>, StoreError> {
    const OF: &str = "select contract, day, amount_fen from projects_instalment
        where book = $1 and project = $2 order by contract, day";
    let part = |row: &Row| {
        Ok(Part { contract: row.text(0)?.to_owned(), day: day(row, 1)?, amount_fen: Fen(row.int(2)?) })
    };
    tx.query(OF, &[Param::Text(book.as_str()), Param::Text(project)])?.iter().map(part).collect()
}

fn texts(books: &[BookId]) -> Vec<Param<'_>> {
    books.iter().map(|book| Param::Text(book.as_str())).collect()
}
