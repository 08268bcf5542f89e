//! Who read restricted data. Not derived from entries: reading is not an event of the city's work.

use base::{ActorId, Time, UnitCode, limits::TEXT_CHARS_MAX};
use store::{Param, StoreError, Value, placeholders};

use super::text;
use crate::entries::limit;
use crate::registry::id;
use crate::{AppendError, Kernel};

/// One read of restricted data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRow {
    pub unit: UnitCode,
    pub at: Time,
    pub actor: ActorId,
    pub what: String,
}

impl Kernel {
    /// Logs that somebody reads restricted data of a unit. Where that does not come to the disk, the caller must not show the
    /// data.
    ///
    /// Blocks, as everything that is appended.
    pub fn log_read(&self, actor: &ActorId, units: &[UnitCode], what: &str) -> Result<(), AppendError<()>> {
        const LOG: &str = "insert into read_log (unit, at, nonce, actor, what) values ($1, $2, $3, $4, $5)";
        let at = self.now();
        let actor = text(actor.as_str());
        let units: Vec<Value> = units.iter().map(|unit| text(unit.as_str())).collect();
        let what: String = what.chars().filter(|c| *c != '\0').take(TEXT_CHARS_MAX).collect();
        self.append_blocking(move |desk| {
            for unit in &units {
                let drawn = desk.secret();
                // Tells reads of one millisecond apart, on any node.
                let nonce = i64::from_be_bytes(*drawn.first_chunk().expect("32 bytes begin with 8"));
                desk.aside(
                    LOG,
                    vec![unit.clone(), Value::Int(at.0), Value::Int(nonce), actor.clone(), text(&what)],
                );
            }
            Ok(())
        })
    }

    /// The reads of some units' restricted data before a moment, latest first.
    pub fn reads(
        &self,
        units: &[UnitCode],
        before: Option<Time>,
        count: usize,
    ) -> Result<Vec<ReadRow>, StoreError> {
        const UNITS: usize = 200;
        let before = Param::Int(before.map_or(i64::MAX, |time| time.0));
        let mut found = Vec::new();
        for units in units.chunks(UNITS) {
            let sql = format!(
                "select unit, at, actor, what from read_log where at < $1 and unit in ({}) order by at desc limit $2",
                placeholders(3, units.len())
            );
            let mut params = vec![before, limit(count)];
            params.extend(units.iter().map(|unit| Param::Text(unit.as_str())));
            let rows = self.read(|tx| tx.query(&sql, &params))?;
            for row in rows {
                found.push(ReadRow {
                    unit: id(UnitCode::new(row.text(0)?))?,
                    at: Time(row.int(1)?),
                    actor: id(ActorId::new(row.text(2)?))?,
                    what: row.text(3)?.to_owned(),
                });
            }
        }
        found.sort_by_key(|read| std::cmp::Reverse(read.at));
        found.truncate(count);
        Ok(found)
    }
}
