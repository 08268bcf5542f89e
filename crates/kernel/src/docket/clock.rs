//! The clock of the docket: looks at matters when something falls due by itself, and lets lines look at what falls due by
//! the calendar. Whoever calls it late gets the entries that an unresting clock would have written, with their moments.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base::{ActorId, BookId, Day, SubjectId, Time};
use matters::MatterId;
use store::{Param, StoreError, Tx, Value};

use super::DocketError;
use crate::entries::limit;
use crate::registry::id;
use crate::{AppendError, Desk, Kernel};

/// When a matter is looked at that does nothing by itself any more.
pub(super) const NEVER: Time = Time(i64::MAX);
/// Matters of one job of the writer.
const BATCH: usize = 200;
/// How long a matter is left alone that could not be looked at.
const REST_MS: i64 = 3_600_000;
/// Days that a line looks back at most after a standstill.
const DAYS_BACK_MAX: i32 = 400;

/// Who writes what falls due by itself.
pub fn clock_actor() -> ActorId {
    ActorId::new("system:clock").expect("the name has a scheme")
}

/// What the clock did in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tended {
    pub looked_at: usize,
    /// Those that changed colour or climbed the ladder.
    pub changed: usize,
    /// Those that could not be looked at; the log says why.
    pub failed: usize,
}

type Refused = AppendError<DocketError>;

/// Whether it is one matter or book that cannot be read or takes too long, and the database that has no fault.
fn is_of_one(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Schema(_) | StoreError::Shape { .. } | StoreError::Statement { .. } | StoreError::Late(_)
    )
}

impl Kernel {
    /// Looks at the matters whose moment has come, the longest waiting first, at most so many. Blocks.
    pub fn tend_matters(&self, count: usize) -> Result<Tended, StoreError> {
        let now = self.now();
        let waiting = self.read(|tx| waiting(tx, now, count))?;
        let mut tended = Tended::default();
        for batch in waiting.chunks(BATCH) {
            match self.tend(batch.to_vec()) {
                Ok(changed) => tended.add(batch.len(), changed),
                Err(AppendError::Store(error)) if !is_of_one(&error) => return Err(error),
                Err(AppendError::Busy | AppendError::Stopped) => return Ok(tended),
                // One of them is at fault; the others must not suffer for it.
                Err(_) => batch.iter().try_for_each(|matter| self.tend_alone(matter, &mut tended))?,
            }
        }
        Ok(tended)
    }

    fn tend_alone(&self, matter: &MatterId, tended: &mut Tended) -> Result<(), StoreError> {
        match self.tend(vec![matter.clone()]) {
            Ok(changed) => tended.add(1, changed),
            Err(AppendError::Store(error)) if !is_of_one(&error) => return Err(error),
            Err(AppendError::Busy | AppendError::Stopped) => {}
            Err(error) => {
                tracing::error!(%matter, %error, "a matter cannot be looked at");
                tended.failed += 1;
                self.let_rest(matter)?;
            }
        }
        Ok(())
    }

    /// Reckons, before the writer's turn, what takes long of matters that are to be looked at. Blocks.
    pub fn prepare_matters(&self, matters: &[MatterId]) -> Result<(), StoreError> {
        matters.iter().try_for_each(|id| {
            self.read(|tx| {
                let Some(matter) = super::read::matter(tx, id)? else { return Ok(()) };
                let line = self.lines().of(matter.sort.as_str());
                line.map_or(Ok(()), |line| line.prepare(tx, &id.book(), &matter))
            })
        })
    }

    /// The same for a matter that somebody is about to move, and for the one that is judged by it. Blocks.
    pub fn prepare_move(&self, matter: &MatterId) -> Result<(), StoreError> {
        let of = self.read(|tx| super::read::with_what_it_bears_on(tx, self.lines(), matter))?;
        self.prepare_matters(&of)
    }

    /// The matter that is judged by one, or itself.
    pub fn judged_with(&self, matter: &MatterId) -> Result<MatterId, StoreError> {
        let of = self.read(|tx| super::read::with_what_it_bears_on(tx, self.lines(), matter))?;
        Ok(of.into_iter().next_back().unwrap_or_else(|| matter.clone()))
    }

    /// Looks at some matters in one job; returns how many changed.
    fn tend(&self, mut matters: Vec<MatterId>) -> Result<usize, Refused> {
        // Lines reckon here with what people recorded: a panic is that of one matter, as it is in the writer.
        let prepared = catch_unwind(AssertUnwindSafe(|| self.prepare_matters(&matters)));
        prepared.map_err(|_| AppendError::Panicked)??;
        // In the order of books, so that two nodes cannot take them crosswise.
        matters.sort_unstable();
        self.append_blocking(move |desk| {
            let now = desk.now();
            let mut changed = 0;
            for matter in &matters {
                changed += usize::from(desk.tend(matter, now)?);
            }
            Ok(changed)
        })
    }

    fn let_rest(&self, matter: &MatterId) -> Result<(), StoreError> {
        const REST: &str = "update matter_wake set next = $3 where book = $1 and matter = $2";
        let matter = matter.clone();
        let rested = self.append_blocking(move |desk: &mut Desk<'_>| {
            let text = |text: &str| Value::Text(text.to_owned());
            let until = Value::Int(desk.now().0 + REST_MS);
            desk.aside(REST, vec![text(matter.book().as_str()), text(matter.subject().as_str()), until]);
            Ok::<_, Refused>(())
        });
        match rested {
            Err(AppendError::Store(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Lets each line look at its books, once for each day that has begun since it last did. Blocks.
    pub fn tend_days(&self) -> Result<(), StoreError> {
        let today = self.zone().day_of(self.now());
        for (book, line, last) in self.read(|tx| behind(tx, today))? {
            let first = last.map_or(today, |last| last.plus(1)).max(today.plus(-DAYS_BACK_MAX));
            for day in (first.0..=today.0).map(Day) {
                match self.begin_day(&book, &line, day) {
                    Ok(()) => {}
                    Err(AppendError::Store(error)) if !is_of_one(&error) => {
                        if !self.is_writable() {
                            return Err(error);
                        }
                        // It may have been lost by this book, and is tried again; those behind it have their day.
                        tracing::error!(%book, %day, %error, "the database was lost while a line began the day");
                        break;
                    }
                    Err(AppendError::Busy | AppendError::Stopped) => return Ok(()),
                    Err(error) => {
                        // The line looks at all that is due by a day, so the next one makes it good.
                        tracing::error!(%book, %day, %error, "a line could not begin the day");
                        self.pass_day(&book, day)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the writer has its database.
    fn is_writable(&self) -> bool {
        let asked = self.append_blocking(|desk: &mut Desk<'_>| {
            desk.read()?.query_one("select day from line_day limit 1", &[])?;
            Ok::<_, Refused>(())
        });
        asked.is_ok()
    }

    fn begin_day(&self, book: &BookId, line: &str, day: Day) -> Result<(), Refused> {
        let mut behind = None;
        loop {
            behind = self.begin_part(book, line, day, behind)?;
            if behind.is_none() {
                return Ok(());
            }
        }
    }

    /// Lets a line do a part of what falls due on a day, behind where it stopped; returns where it stopped now. Where it stopped is
    /// kept nowhere: a clock that dies meanwhile begins the day anew, and the line knows what is done.
    fn begin_part(
        &self,
        book: &BookId,
        line: &str,
        day: Day,
        behind: Option<String>,
    ) -> Result<Option<String>, Refused> {
        let (lines, book, line) = (self.lines.clone(), book.clone(), line.to_owned());
        self.append_blocking(move |desk| {
            desk.take(&book)?;
            // Another node may have begun it since this one looked.
            const BEGUN: &str = "select day from line_day where book = $1 and day >= $2";
            let params = [Param::Text(book.as_str()), Param::Int(i64::from(day.0))];
            if desk.read()?.query_one(BEGUN, &params)?.is_some() {
                return Ok(None);
            }
            let stopped = match lines.of(&line) {
                Some(line) => line.on_day(desk, &book, day, behind.as_deref())?,
                None => None,
            };
            if stopped.is_none() {
                desk.pass_day(&book, day);
            }
            Ok(stopped)
        })
    }

    fn pass_day(&self, book: &BookId, day: Day) -> Result<(), StoreError> {
        let book = book.clone();
        let passed = self.append_blocking(move |desk| {
            desk.pass_day(&book, day);
            Ok::<_, Refused>(())
        });
        match passed {
            Err(AppendError::Store(error)) => Err(error),
            _ => Ok(()),
        }
    }
}

impl Desk<'_> {
    /// Lets the clock begin the day of a book once more: a line did a part of what falls due on it, and leaves the rest.
    pub fn begin_day_again(&mut self, book: &BookId) {
        const AGAIN: &str = "update line_day set day = $2 where book = $1 and day > $2";
        let yesterday = self.zone().day_of(self.now()).plus(-1);
        self.aside(AGAIN, vec![Value::Text(book.as_str().to_owned()), Value::Int(i64::from(yesterday.0))]);
    }

    fn pass_day(&mut self, book: &BookId, day: Day) {
        const PASS: &str = "insert into line_day (book, day) values ($1, $2)
            on conflict (book) do update set day = excluded.day";
        self.aside(PASS, vec![Value::Text(book.as_str().to_owned()), Value::Int(i64::from(day.0))]);
    }
}

impl Tended {
    fn add(&mut self, looked_at: usize, changed: usize) {
        self.looked_at += looked_at;
        self.changed += changed;
    }
}

fn waiting(tx: &mut dyn Tx, now: Time, count: usize) -> Result<Vec<MatterId>, StoreError> {
    const WAITING: &str =
        "select matter from matter_wake where next <= $1 order by next, book, matter limit $2";
    let rows = tx.query(WAITING, &[Param::Int(now.0), limit(count)])?;
    rows.iter().map(|row| matter_id(row.text(0)?)).collect()
}

/// A matter that our own tables returned.
pub(super) fn matter_id(text: &str) -> Result<MatterId, StoreError> {
    MatterId::try_from(id(SubjectId::new(text))?).map_err(|error| StoreError::Schema(error.to_string()))
}

/// The books of lines that have not begun a day, and the last that each has.
fn behind(tx: &mut dyn Tx, today: Day) -> Result<Vec<(BookId, String, Option<Day>)>, StoreError> {
    const BEHIND: &str = "select org_book.book, org_book.line, line_day.day from org_book
        left join line_day on line_day.book = org_book.book
        where line_day.day is null or line_day.day < $1 order by org_book.book";
    let rows = tx.query(BEHIND, &[Param::Int(i64::from(today.0))])?;
    let day = |day: i64| {
        i32::try_from(day).map(Day).map_err(|_| StoreError::Schema("a day is out of range".into()))
    };
    let each = rows.iter().map(|row| {
        let last = row.int_or_null(2)?.map(day).transpose()?;
        Ok((id(BookId::new(row.text(0)?))?, row.text(1)?.to_owned(), last))
    });
    each.collect()
}
