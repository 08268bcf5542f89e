//! How much outside systems tell of a lot of the house: its page, its file and its recall read all of it.

use std::collections::{BTreeSet, HashMap};

use epcis::{Event, urn};
use store::{Param, StoreError, Tx, placeholders};

use crate::refusal::{Code, Refusal};

/// Events of outside systems that name one lot of the house, in all books together.
pub const TOLD_OF_LOT_MAX: i64 = 1_000;

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

/// How many events tell of each of some lots.
#[derive(Default)]
pub struct Told(HashMap<String, i64>);

impl Told {
    pub fn of(tx: &mut dyn Tx, lots: &BTreeSet<&str>) -> Result<Self, StoreError> {
        let mut told = HashMap::new();
        let lots: Vec<&str> = lots.iter().copied().collect();
        for chunk in lots.chunks(CHUNK) {
            let sql = format!(
                "select lot, cast(sum(events) as bigint) from market_lot_told where lot in ({}) group by lot",
                placeholders(1, chunk.len())
            );
            let params: Vec<Param<'_>> = chunk.iter().map(|lot| Param::Text(lot)).collect();
            for row in tx.query(&sql, &params)? {
                told.insert(row.text(0)?.to_owned(), row.int(1)?);
            }
        }
        Ok(Self(told))
    }

    /// Takes one more event that names these, or refuses it.
    pub fn take(&mut self, lots: &[(String, String)]) -> Result<(), Refusal> {
        let full =
            |(lot, _): &&(String, String)| self.0.get(lot).is_some_and(|told| *told >= TOLD_OF_LOT_MAX);
        if let Some((lot, member)) = lots.iter().find(full) {
            let detail = format!("{lot} is named by {TOLD_OF_LOT_MAX} events of outside systems already");
            return Err(Refusal::new(Code::ToldOfLot, member.as_str(), detail));
        }
        for (lot, _) in lots {
            *self.0.entry(lot.clone()).or_default() += 1;
        }
        Ok(())
    }
}
