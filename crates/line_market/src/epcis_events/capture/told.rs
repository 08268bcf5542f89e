//! How much outside systems tell of a lot of the house: its page, its file and its recall read all of it.

use std::collections::{BTreeSet, HashMap};

use epcis::{Event, urn};
use store::{Param, StoreError, Tx, placeholders};

use crate::refusal::{Code, Refusal};

/// Events of outside systems that name one lot of the house, in all books together; and of one sender, so that it leaves room for
/// what others have to tell.
pub const TOLD_OF_LOT_MAX: i64 = 1_000;
pub const TOLD_BY_SENDER_MAX: i64 = 100;

/// Lots asked for in one query.
const CHUNK: usize = 200;

/// Whether an identifier is that of a lot of the house.
pub fn is_lot(id: &str) -> bool {
    id.starts_with("lot:")
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

/// How many events tell of each of some lots: of all, and of the sender who tells more.
#[derive(Default)]
pub struct Told(HashMap<String, (i64, i64)>);

impl Told {
    pub fn of(tx: &mut dyn Tx, lots: &BTreeSet<&str>, sender: &str) -> Result<Self, StoreError> {
        let mut told = HashMap::new();
        let lots: Vec<&str> = lots.iter().copied().collect();
        for chunk in lots.chunks(CHUNK) {
            let sql = format!(
                "select lot, cast(sum(events) as bigint), cast(sum(case when sender = $1 then events else 0 end) as bigint)
                from market_lot_told where lot in ({}) group by lot",
                placeholders(2, chunk.len())
            );
            let mut params = vec![Param::Text(sender)];
            params.extend(chunk.iter().map(|lot| Param::Text(lot)));
            for row in tx.query(&sql, &params)? {
                told.insert(row.text(0)?.to_owned(), (row.int(1)?, row.int(2)?));
            }
        }
        Ok(Self(told))
    }

    /// Takes one more event that names these, or refuses it.
    pub fn take(&mut self, lots: &[(String, String)]) -> Result<(), Refusal> {
        for (lot, member) in lots {
            let (of_all, own) = self.0.get(lot).copied().unwrap_or_default();
            let (most, whose) = match own >= TOLD_BY_SENDER_MAX {
                true => (TOLD_BY_SENDER_MAX, "of this sender"),
                false if of_all >= TOLD_OF_LOT_MAX => (TOLD_OF_LOT_MAX, "of outside systems"),
                false => continue,
            };
            let detail = format!("{lot} is named by {most} events {whose} already");
            return Err(Refusal::new(Code::ToldOfLot, member.as_str(), detail));
        }
        for (lot, _) in lots {
            let (of_all, own) = self.0.entry(lot.clone()).or_default();
            (*of_all, *own) = (*of_all + 1, *own + 1);
        }
        Ok(())
    }
}
