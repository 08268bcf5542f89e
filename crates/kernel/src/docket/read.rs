//! Reading matters: one with its verdict and history, and lists.

use base::{BookId, Day, KindName};
use ledger::Entry;
use matters::{Answer, Assessment, Colour, Facts, Matter, MatterId, PostId, State};
use store::{Param, Row, StoreError, Tx, placeholders};

use super::apply::read_matter;
use super::schema::NO_DAY;
use crate::entries::{self, Kinds, Page, limit};
use crate::line::Lines;
use crate::{FigureError, Kernel};

/// Which matters a list shows; what is left empty does not narrow it.
#[derive(Debug, Clone, Default)]
pub struct MatterFilter {
    /// Those of these books alone: what the reader may see.
    pub books: Vec<BookId>,
    /// Those in which one of these posts takes part; of those that are closed, in which it was owner or reviewer last.
    pub posts: Vec<PostId>,
    /// The part that one of the posts takes, of those that are open.
    pub part: Option<Part>,
    pub sort: Option<KindName>,
    /// The lines that their sorts are of; all where none is named.
    pub lines: Vec<String>,
    pub colour: Option<Colour>,
    pub state: Option<State>,
    pub standing: Standing,
}

/// The part that a post takes in a matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Owner,
    Helper,
    Reviewer,
}

impl Part {
    pub const ALL: [Self; 3] = [Self::Owner, Self::Helper, Self::Reviewer];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Helper => "helper",
            Self::Reviewer => "reviewer",
        }
    }
}

/// Whether something is still owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// By deadline, the nearest first; those whose clock stands come last.
    #[default]
    Open,
    /// By the time of closing, the latest first.
    Closed,
}

/// A matter in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub matter: Matter,
    /// The last day on which it is in time; none while its clock stands.
    pub due: Option<Day>,
}

/// What the rules say of a matter now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// None while its clock stands.
    pub deadline: Option<Answer<Day>>,
    /// None for a matter that is closed or paused.
    pub assessment: Option<Assessment>,
}

impl Kernel {
    /// A matter, if it is there.
    pub fn matter(&self, id: &MatterId) -> Result<Option<Matter>, StoreError> {
        self.read(|tx| matter(tx, id))
    }

    /// What the rules say of a matter today, and from what.
    pub fn judge(&self, matter: &Matter) -> Result<Verdict, StoreError> {
        let today = self.zone().day_of(self.now());
        self.read(|tx| {
            let rulebook = self.rulebooks.of(tx)?;
            let facts = match self.lines().of(matter.sort.as_str()) {
                Some(line) => line.facts(tx, &matter.id.book(), matter)?,
                None => Facts::default(),
            };
            let stands = matter.is_paused() || matter.state.is_closed();
            let watch = rulebook.watch(&matter.rule, self.now(), self.zone()).filter(|_| !stands);
            Ok(Verdict {
                deadline: matter.deadline(rulebook.calendar(), self.zone()),
                assessment: watch.map(|watch| watch.assess(matter, &facts, today)),
            })
        })
    }

    /// The entries about a matter in its own book, newest first, without what others tell.
    pub fn matter_history(&self, id: &MatterId, count: usize) -> Result<Vec<Entry>, StoreError> {
        let others = self.lines().hearsay();
        let own = Kinds::AllBut(&others);
        self.read(|tx| entries::about_of(tx, &id.book(), id.subject(), own, None, count))
    }

    /// Whether an entry about a matter names a file, however much was told of it since.
    pub fn matter_bears(&self, id: &MatterId, digest: &str) -> Result<bool, StoreError> {
        const PAGE: usize = 256;
        let others = self.lines().hearsay();
        let (book, own) = (id.book(), Kinds::AllBut(&others));
        self.read(|tx| {
            let mut below = None;
            loop {
                let found = entries::about_of(tx, &book, id.subject(), own, below, PAGE)?;
                if found.iter().any(|entry| entry.evidence.iter().any(|file| file == digest)) {
                    return Ok(true);
                }
                match found.last() {
                    Some(last) if found.len() == PAGE => below = Some(last.seq),
                    _ => return Ok(false),
                }
            }
        })
    }

    /// A page of matters.
    pub fn matters(
        &self,
        filter: &MatterFilter,
        cursor: Option<&str>,
        count: usize,
    ) -> Result<Page<Listed>, FigureError> {
        let after = cursor.map(|text| Place::parse(text).ok_or_else(|| FigureError::Cursor(text.to_owned())));
        let after = after.transpose()?;
        Ok(self.read(|tx| page(tx, filter, after.as_ref(), count))?)
    }

    /// How many open matters wait for one of the posts, by the part that it takes.
    pub fn count_matters(&self, posts: &[PostId]) -> Result<Vec<(Part, u64)>, StoreError> {
        if posts.is_empty() {
            return Ok(Vec::new());
        }
        let params: Vec<Param<'_>> = posts.iter().map(|post| Param::Text(post.subject().as_str())).collect();
        let sql = format!(
            "select part, count(distinct matter) from matter_post where post in ({}) group by part order by part",
            placeholders(1, params.len())
        );
        let rows = self.read(|tx| tx.query(&sql, &params))?;
        let count = |row: &Row| {
            let word = row.text(0)?;
            let part = Part::ALL.into_iter().find(|part| part.as_str() == word);
            let part = part.ok_or_else(|| StoreError::Schema(format!("{word:?} is no part in a matter")))?;
            Ok((part, row.int(1)?.unsigned_abs()))
        };
        rows.iter().map(count).collect()
    }
}

/// One matter by its id.
pub fn matter(tx: &mut dyn Tx, id: &MatterId) -> Result<Option<Matter>, StoreError> {
    const FIND: &str = "select body from matter where book = $1 and matter = $2";
    let book = id.book();
    let row = tx.query_one(FIND, &[Param::Text(book.as_str()), Param::Text(id.subject().as_str())])?;
    row.map(|row| read_matter(row.text(0)?)).transpose()
}

/// A matter, and the one that is judged by it.
pub(crate) fn with_what_it_bears_on(
    tx: &mut dyn Tx,
    lines: &Lines,
    id: &MatterId,
) -> Result<Vec<MatterId>, StoreError> {
    let mut of = vec![id.clone()];
    if let Some(matter) = matter(tx, id)?
        && let Some(line) = lines.of(matter.sort.as_str())
    {
        of.extend(line.bears_on(tx, &id.book(), &matter)?);
    }
    Ok(of)
}

/// Where a page ended: the number that it is ordered by, then book and matter.
struct Place {
    at: i64,
    book: String,
    matter: String,
}

impl Place {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { at: row.int(2)?, book: row.text(3)?.to_owned(), matter: row.text(4)?.to_owned() })
    }

    fn order(self) -> (i64, String, String) {
        (self.at, self.book, self.matter)
    }

    fn print(&self) -> String {
        format!("{}.{}.{}", self.at, self.book, self.matter)
    }

    /// The name of a book has no dot.
    fn parse(text: &str) -> Option<Self> {
        let (at, rest) = text.split_once('.')?;
        let (book, matter) = rest.split_once('.')?;
        Some(Self { at: at.parse().ok()?, book: book.to_owned(), matter: matter.to_owned() })
    }
}

fn page(
    tx: &mut dyn Tx,
    filter: &MatterFilter,
    after: Option<&Place>,
    count: usize,
) -> Result<Page<Listed>, StoreError> {
    if filter.books.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    // One row more than asked for tells whether there is another page.
    let mut rows = Vec::new();
    let shares = shares(filter);
    for share in &shares {
        let (sql, params) = statement(filter, share, after, count + 1);
        rows.extend(tx.query(&sql, &params)?);
    }
    if shares.len() > 1 {
        rows.sort_by_cached_key(|row| Place::of(row).ok().map(Place::order));
        if filter.standing == Standing::Closed {
            rows.reverse();
        }
        rows.dedup();
    }
    let next = if rows.len() > count { rows.get(count - 1).map(Place::of).transpose()? } else { None };
    let items = rows.iter().take(count).map(|row| {
        let due = Some(row.int(1)?).filter(|due| *due != NO_DAY);
        let due = due.and_then(|due| i32::try_from(due).ok()).map(Day);
        Ok(Listed { matter: read_matter(row.text(0)?)?, due })
    });
    Ok(Page { items: items.collect::<Result<_, StoreError>>()?, next: next.map(|place| place.print()) })
}

/// What one statement of a page reads.
struct Share<'a> {
    books: &'a [BookId],
    /// The column by which closed matters belong to posts; one that belongs to them by both is found twice.
    side: Option<&'static str>,
}

/// Books that are read one by one, each in the order of its index, where matters are asked for by colour; beyond, those of
/// all books are gone through.
const BOOKS_APART: usize = 64;

/// Books that one statement names: databases take some tens of thousands of parameters.
const BOOKS_AT_ONCE: usize = 5_000;

fn shares(filter: &MatterFilter) -> Vec<Share<'_>> {
    let (books, is_closed) = (filter.books.as_slice(), filter.standing == Standing::Closed);
    let (apart, sides) = match (is_closed, filter.posts.is_empty()) {
        (true, false) => (BOOKS_AT_ONCE, vec![Some("m.owner"), Some("m.reviewer")]),
        (false, true) if filter.colour.is_some() && books.len() <= BOOKS_APART => (1, vec![None]),
        _ => (BOOKS_AT_ONCE, vec![None]),
    };
    let of_books = |books| sides.iter().map(move |side| Share { books, side: *side });
    books.chunks(apart).flat_map(of_books).collect()
}

/// The condition that a sort is of one of some lines, which stand under parameters.
pub(super) fn of_lines(sort: &str, lines: &[String]) -> String {
    let each = lines.iter().map(|line| format!("{sort} like cast({line} as text) || '.%'"));
    format!("({})", each.collect::<Vec<_>>().join(" or "))
}

/// The statement of a page. A matter that several of the posts take part in is shown once.
fn statement<'a>(
    filter: &'a MatterFilter,
    share: &Share<'a>,
    after: Option<&'a Place>,
    count: usize,
) -> (String, Vec<Param<'a>>) {
    let mut params: Vec<Param<'a>> = Vec::new();
    let mut add = |values: &mut dyn Iterator<Item = Param<'a>>| {
        let first = params.len() + 1;
        params.extend(values);
        placeholders(first, params.len() + 1 - first)
    };
    let closed = filter.standing == Standing::Closed;
    let of_posts = !filter.posts.is_empty() && !closed;
    let by = match (closed, of_posts) {
        (true, _) => "m.closed",
        (false, true) => "p.due",
        (false, false) => "m.due",
    };
    let key = if of_posts { ("p.book", "p.matter") } else { ("m.book", "m.matter") };
    let mut sql = format!(
        "select {} m.body, m.due, {by}, {}, {} from ",
        if of_posts && filter.posts.len() > 1 { "distinct" } else { "" },
        key.0,
        key.1
    );
    sql.push_str(if of_posts {
        "matter_post p join matter m on m.book = p.book and m.matter = p.matter"
    } else {
        "matter m"
    });
    sql.push_str(if closed { " where m.closed is not null" } else { " where m.closed is null" });
    if of_posts {
        let posts = add(&mut filter.posts.iter().map(|post| Param::Text(post.subject().as_str())));
        sql.push_str(&format!(" and p.post in ({posts})"));
        if let Some(part) = filter.part {
            let part = add(&mut std::iter::once(Param::Text(part.as_str())));
            sql.push_str(&format!(" and p.part = {part}"));
        }
    } else if let Some(side) = share.side {
        let posts = add(&mut filter.posts.iter().map(|post| Param::Text(post.subject().as_str())));
        sql.push_str(&format!(" and {side} in ({posts})"));
    }
    let books = add(&mut share.books.iter().map(|book| Param::Text(book.as_str())));
    // Where a colour is asked of many books, its own index has the order; an expression keeps the one by book out.
    let is_by_colour = filter.colour.is_some() && !of_posts && share.books.len() > BOOKS_APART;
    let book = if is_by_colour { format!("({} || '')", key.0) } else { key.0.to_owned() };
    sql.push_str(&format!(" and {book} in ({books})"));
    let exact = [
        ("sort", filter.sort.as_ref().map(KindName::as_str)),
        ("colour", filter.colour.map(Colour::as_str)),
        ("state", filter.state.map(State::as_str)),
    ];
    for (column, value) in exact {
        if let Some(value) = value {
            let value = add(&mut std::iter::once(Param::Text(value)));
            sql.push_str(&format!(" and m.{column} = {value}"));
        }
    }
    if !filter.lines.is_empty() {
        let of = |line: &'a String| add(&mut std::iter::once(Param::Text(line)));
        let of: Vec<String> = filter.lines.iter().map(of).collect();
        sql.push_str(&format!(" and {}", of_lines("m.sort", &of)));
    }
    let (beyond, order) = if closed { ("<", "desc") } else { (">", "asc") };
    if let Some(place) = after {
        let place = [Param::Int(place.at), Param::Text(&place.book), Param::Text(&place.matter)];
        let place = add(&mut place.into_iter());
        sql.push_str(&format!(" and ({by}, {}, {}) {beyond} ({place})", key.0, key.1));
    }
    let rows = add(&mut std::iter::once(limit(count)));
    sql.push_str(&format!(" order by {by} {order}, {} {order}, {} {order} limit {rows}", key.0, key.1));
    (sql, params)
}

#[cfg(test)]
mod tests {
    use base::SubjectId;

    use super::*;

    #[test]
    fn whatever_books_are_asked_for_a_statement_names_so_many() {
        let books: Vec<BookId> =
            (0..2 * BOOKS_AT_ONCE + 1).map(|at| BookId::new(format!("b{at}")).unwrap()).collect();
        let post = PostId::try_from(SubjectId::new("post:u/p").unwrap()).unwrap();
        for (standing, posts, sides) in [
            (Standing::Open, vec![], 1),
            (Standing::Open, vec![post.clone()], 1),
            (Standing::Closed, vec![post], 2),
        ] {
            let filter = MatterFilter { books: books.clone(), posts, standing, ..MatterFilter::default() };
            let shares = shares(&filter);
            assert!(shares.iter().all(|share| share.books.len() <= BOOKS_AT_ONCE));
            assert_eq!(shares.iter().map(|share| share.books.len()).sum::<usize>(), sides * books.len());
        }
    }
}
