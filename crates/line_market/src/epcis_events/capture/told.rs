//! How much outside systems tell of a lot of the house: its page, its file and its recall read all of it.

use std::collections::{BTreeSet, HashMap};

use base::BookId;
use epcis::{Event, urn};
use store::{Param, StoreError, Tx, placeholders};

use crate::refusal::{Code, Refusal};

/// Events of outside systems that name one lot of the house in its own book; and of one sender there, so that it leaves room for
/// what others have to tell.
pub const TOLD_OF_LOT_MAX: i64 = 1_000;
pub const TOLD_BY_SENDER_MAX: i64 = 100;
/// The same in all other books together, and in one of them: whoever administers another market leaves room as well.
pub const TOLD_ELSEWHERE_MAX: i64 = 500;
pub const TOLD_IN_BOOK_MAX: i64 = 100;

/// Lots asked for in one query.
const CHUNK: usize = 200;

/// Whether an identifier is that of a lot of the house.
pub fn is_lot(id: &str) -> bool {
    id.starts_with("lot:")
}

/// Whether a lot lies in a book.
fn is_of(lot: &str, book: &str) -> bool {
    lot.strip_prefix("lot:")
        .and_then(|rest| rest.strip_prefix(book))
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The lots of the house that an event names, and where it does.
pub fn lots(event: &Event) -> Vec<(String, String)> {
    let named = event.what.iter().map(|what| (urn::canonical(&what.id), what.member));
    let mut found: Vec<(String, String)> = Vec::new();
    for (id, member) in named.filter(|(id, _)| is_lot(id)) {
        if found.iter().all(|(known, _)| *known != id) {
            found.push((id.into_owned(), member.to_owned()));
        }
    }
    found
}

/// How many events tell of each of some lots, where a sender tells more: of all, and those among which it has a share.
#[derive(Default)]
pub struct Told {
    told: HashMap<String, (i64, i64)>,
    book: String,
}

impl Told {
    pub fn of(
        tx: &mut dyn Tx,
        book: &BookId,
        lots: &BTreeSet<&str>,
        sender: &str,
    ) -> Result<Self, StoreError> {
        let mut told = HashMap::<String, (i64, i64)>::new();
        let lots: Vec<&str> = lots.iter().copied().collect();
        for chunk in lots.chunks(CHUNK) {
            let sql = format!(
                "select lot, book, sender, events from market_lot_told where lot in ({})",
                placeholders(1, chunk.len())
            );
            let params: Vec<Param<'_>> = chunk.iter().map(|lot| Param::Text(lot)).collect();
            for row in tx.query(&sql, &params)? {
                let (lot, told_in, events) = (row.text(0)?, row.text(1)?, row.int(3)?);
                let is_home = is_of(lot, book.as_str());
                if is_home != is_of(lot, told_in) {
                    continue;
                }
                let (of_all, own) = told.entry(lot.to_owned()).or_default();
                *of_all += events;
                let is_own = if is_home { row.text(2)? == sender } else { told_in == book.as_str() };
                *own += if is_own { events } else { 0 };
            }
        }
        Ok(Self { told, book: book.to_string() })
    }

    /// Takes one more event that names these, or refuses it.
    pub fn take(&mut self, lots: &[(String, String)]) -> Result<(), Refusal> {
        for (lot, member) in lots {
            let (of_all, own) = self.told.get(lot).copied().unwrap_or_default();
            let (all_max, share, whose) = match is_of(lot, &self.book) {
                true => (TOLD_OF_LOT_MAX, TOLD_BY_SENDER_MAX, "of this sender"),
                false => (TOLD_ELSEWHERE_MAX, TOLD_IN_BOOK_MAX, "in this book, where it does not lie,"),
            };
            let (most, whose) = match own >= share {
                true => (share, whose),
                false if of_all >= all_max => (all_max, "of outside systems"),
                false => continue,
            };
            let detail = format!("{lot} is named by {most} events {whose} already");
            return Err(Refusal::new(Code::ToldOfLot, member.as_str(), detail));
        }
        for (lot, _) in lots {
            let (of_all, own) = self.told.entry(lot.clone()).or_default();
            (*of_all, *own) = (*of_all + 1, *own + 1);
        }
        Ok(())
    }
}
