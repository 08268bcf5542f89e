//! The projects of several books side by side: what the list of projects shows.

use std::collections::BTreeMap;

use base::{BookId, Day, Fen, SubjectId, Time};
use matters::Colour;
use store::{Param, Row, StoreError, Tx, placeholders};

use super::{PROJECT, Project, day, project_of};

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

/// The projects on the lists of some books, in the order of books and ids; of these teams alone, if any are named.
pub fn listed(
    tx: &mut dyn Tx,
    books: &[BookId],
    teams: Option<&[SubjectId]>,
) -> Result<Vec<Listed>, StoreError> {
    if books.is_empty() || teams.is_some_and(<[_]>::is_empty) {
        return Ok(Vec::new());
    }
    let mut sql = format!(
        "select {PROJECT}, book from projects_project where book in ({}) and withdrawn_at is null",
        placeholders(1, books.len())
    );
    let mut params = texts(books);
    if let Some(teams) = teams {
        sql.push_str(&format!(" and team in ({})", placeholders(params.len() + 1, teams.len())));
        params.extend(teams.iter().map(|team| Param::Text(team.as_str())));
    }
    sql.push_str(" order by book, project");
    let rows = tx.query(&sql, &params)?;
    let mut courses = courses(tx, books)?;
    let listed = |row: &Row| {
        let project = project_of(row)?;
        let book = BookId::new(row.text(BOOK)?).map_err(|error| StoreError::Schema(error.to_string()))?;
        let key = (book.to_string(), project.project.clone());
        Ok(Listed { course: courses.remove(&key).unwrap_or_default(), book, project })
    };
    rows.iter().map(listed).collect()
}

/// Where the book follows the columns of a project.
const BOOK: usize = 26;

fn courses(tx: &mut dyn Tx, books: &[BookId]) -> Result<BTreeMap<Key, Course>, StoreError> {
    let mut courses: BTreeMap<Key, Course> = BTreeMap::new();
    let of = placeholders(1, books.len());
    let key = |row: &Row| Ok::<_, StoreError>((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
    let money = format!(
        "select book, project, cast(sum(invested_fen) as bigint),
         cast(sum(case when fell_due = 1 then planned_fen else 0 end) as bigint)
         from projects_month where book in ({of}) group by book, project"
    );
    for row in tx.query(&money, &texts(books))? {
        let course = courses.entry(key(&row)?).or_default();
        (course.invested, course.due) = (Fen(row.int(2)?), Fen(row.int(3)?));
    }
    let reports = format!(
        "select book, project, percent_bp, at from (
             select book, project, percent_bp, at,
                 row_number() over (partition by book, project order by at desc, seq desc) as place
             from projects_report where book in ({of}) and activity = '' and percent_bp is not null
         ) as latest where place = 1"
    );
    for row in tx.query(&reports, &texts(books))? {
        let course = courses.entry(key(&row)?).or_default();
        (course.percent_bp, course.reported_at) = (row.int_or_null(2)?, Some(Time(row.int(3)?)));
    }
    let colours = format!(
        "select book, matter, colour from matter
         where book in ({of}) and sort = 'projects.project' and closed is null and colour is not null"
    );
    for row in tx.query(&colours, &texts(books))? {
        let project = row.text(1)?.rsplit_once("/project.").map(|(_, project)| project.to_owned());
        let colour = row.text(2)?;
        let colour = Colour::ALL.into_iter().find(|it| it.as_str() == colour);
        if let Some(project) = project {
            courses.entry((row.text(0)?.to_owned(), project)).or_default().colour = colour;
        }
    }
    Ok(courses)
}

/// When the first project of some books was registered.
pub fn first_registered(tx: &mut dyn Tx, books: &[BookId]) -> Result<Option<Time>, StoreError> {
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
