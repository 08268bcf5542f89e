//! What was yellow or red on a day that is past: the days on which each matter was, and the matter as it stood then.

use base::{BookId, CityZone, Day, SubjectId};
use ledger::{Body, Entry};
use matters::{Colour, Coloured, Matter, MatterId, Move};
use store::{Param, StoreError, Tx, placeholders};

use super::apply::due_day;
use super::read::{Listed, matter, of_lines};
use super::schema::NO_DAY;
use crate::entries::{self, Kinds, limit};
use crate::{FigureError, Kernel};

const BEGIN: &str = "insert into matter_hue (book, matter, since, until, colour) values ($1, $2, $3, $4, $5)
    on conflict (book, matter, colour, since) do update set until = excluded.until";
const END: &str =
    "update matter_hue set until = $3 where book = $1 and matter = $2 and until = $4 and colour = $5";

/// Notes from which day on a matter was yellow or red, and from which on no more.
pub(super) fn apply(tx: &mut dyn Tx, zone: &CityZone, entries: &[Entry]) -> Result<(), StoreError> {
    for entry in entries.iter().filter(|entry| entry.kind.as_str() == Coloured::KIND) {
        let Coloured { matter, from, to, .. } = entry
            .body()
            .map_err(|error| StoreError::Schema(format!("entry {} of {}: {error}", entry.seq, entry.book)))?;
        let book = matter.book();
        let (day, open) = (i64::from(zone.day_of(entry.occurred).0), NO_DAY);
        for (colour, statement) in [(from, END), (to, BEGIN)] {
            let Some(colour) = colour.filter(|colour| from != to && *colour != Colour::Blue) else {
                continue;
            };
            let of = [Param::Text(book.as_str()), Param::Text(matter.subject().as_str())];
            let days = [Param::Int(day), Param::Int(open), Param::Text(colour.as_str())];
            tx.execute(statement, &of.into_iter().chain(days).collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// Fills the table from the entries of a database that was made before it was kept.
pub(crate) fn fill(tx: &mut dyn Tx, zone: &CityZone) -> Result<(), StoreError> {
    const KEPT: &str = "select book from matter_hue limit 1";
    const EVER: &str = "select book from run where book = $1 and kind = $2 limit 1";
    const PAGE: usize = 2_000;
    if tx.query_one(KEPT, &[])?.is_some() {
        return Ok(());
    }
    for book in entries::books(tx)? {
        let (mut day, mut seq) = (i64::MIN, -1);
        if tx.query_one(EVER, &[Param::Text(book.as_str()), Param::Text(Coloured::KIND)])?.is_none() {
            continue;
        }
        loop {
            let days = (0, i64::from(i32::MAX));
            let found = entries::of_kind(tx, &book, Coloured::KIND, days, (day, seq), PAGE)?;
            let Some(last) = found.last() else { break };
            (day, seq) = (i64::from(last.day.0), last.entry.seq.to_i64());
            let found: Vec<Entry> = found.into_iter().map(|stored| stored.entry).collect();
            apply(tx, zone, &found)?;
        }
    }
    Ok(())
}

/// Matters that are looked at for a list of those owed longest.
const LOOKED_AT: usize = 32;
/// Entries about a matter that say how it stood.
const ENTRIES_MAX: usize = 2_000;

impl Kernel {
    /// What was yellow or red of some lines at the end of a day, the earliest deadline first, each as it stood then.
    pub fn coloured_on(
        &self,
        books: &[BookId],
        lines: &[&str],
        day: Day,
        colour: Colour,
        count: usize,
    ) -> Result<Vec<Listed>, FigureError> {
        Ok(self.read(|tx| {
            let rulebook = self.rulebooks.of(tx)?;
            let others = self.lines().hearsay();
            let mut found = Vec::new();
            for id in of_colour(tx, (books, lines), day, colour)? {
                let stood = match as_of(tx, Kinds::AllBut(&others), self.zone(), &id, day)? {
                    Some(stood) => Some(stood),
                    // So much was done with it that it is shown as it stands now, in the colour that it had.
                    None => matter(tx, &id)?.map(|now| Matter { colour: Some(colour), ..now }),
                };
                found.extend(stood.map(|matter| {
                    let at = due_day(&matter, self.zone(), rulebook.calendar());
                    let due = i32::try_from(at).ok().filter(|_| at != NO_DAY).map(Day);
                    (at, Listed { matter, due })
                }));
            }
            found.sort_by_cached_key(|(due, it)| (*due, it.matter.id.clone()));
            found.truncate(count);
            Ok(found.into_iter().map(|(_, it)| it).collect())
        })?)
    }
}

/// Those that had been of the colour longest.
fn of_colour(
    tx: &mut dyn Tx,
    (books, lines): (&[BookId], &[&str]),
    day: Day,
    colour: Colour,
) -> Result<Vec<MatterId>, StoreError> {
    const BOOKS: usize = 400;
    let mut found = Vec::new();
    for books in books.chunks(BOOKS) {
        let of: Vec<String> = (4..4 + lines.len()).map(|number| format!("${number}")).collect();
        let sql = format!(
            "select h.since, h.matter from matter_hue h join matter m on m.book = h.book and m.matter = h.matter
             where h.colour = $3 and h.since <= $1 and h.until > $1 and {} and h.book in ({})
             order by h.since, h.book, h.matter limit $2",
            of_lines("m.sort", &of),
            placeholders(4 + lines.len(), books.len())
        );
        let mut params = vec![Param::Int(i64::from(day.0)), limit(LOOKED_AT), Param::Text(colour.as_str())];
        params.extend(lines.iter().copied().map(Param::Text));
        params.extend(books.iter().map(|book| Param::Text(book.as_str())));
        for row in tx.query(&sql, &params)? {
            let id = SubjectId::new(row.text(1)?).ok().and_then(|id| MatterId::try_from(id).ok());
            let broken = || StoreError::Schema("a matter of a colour has no name".into());
            found.push((row.int(0)?, id.ok_or_else(broken)?));
        }
    }
    found.sort();
    found.truncate(LOOKED_AT);
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// A matter as it stood at the end of a day; none if it was opened before so many entries that they are not read, or if a move of the
/// next day belongs to it already, as one may that was recorded a little ahead.
fn as_of(
    tx: &mut dyn Tx,
    own: Kinds<'_>,
    zone: &CityZone,
    id: &MatterId,
    day: Day,
) -> Result<Option<Matter>, StoreError> {
    let mut told = entries::about_of(tx, &id.book(), id.subject(), own, None, ENTRIES_MAX)?;
    told.reverse();
    let broken = |error: String| StoreError::Schema(format!("{id}: {error}"));
    let mut stood: Option<Matter> = None;
    for entry in told.iter().filter(|entry| zone.day_of(entry.occurred) <= day) {
        if let Some(opened) = Matter::read(entry).map_err(|error| broken(error.to_string()))? {
            stood = Some(opened.map_err(|error| broken(error.to_string()))?);
        } else if let Some(matter) = &stood
            && let Some(step) = Move::read(entry).map_err(|error| broken(error.to_string()))?
            && step.event.matter() == id
        {
            let Ok(after) = matter.after(&step) else { return Ok(None) };
            stood = Some(after);
        }
    }
    Ok(stood.filter(|matter| matter.id == *id))
}
