//! Who read restricted data. Not derived from entries: reading is not an event of the city's work.

use std::fmt;
use std::str::FromStr;

use base::{ActorId, Time, UnitCode, limits::TEXT_CHARS_MAX};
use store::{Param, StoreError, Value, placeholders};

use super::text;
use crate::entries::limit;
use crate::registry::id;
use crate::{AppendError, Kernel};

/// One read of restricted data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRow {
    pub place: ReadPlace,
    pub actor: ActorId,
    pub what: String,
}

/// Where a read stands in the log: by its time, then its unit, then what tells it from others of that unit and millisecond. As a
/// text they stand so that the unit is last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadPlace {
    pub at: Time,
    pub unit: UnitCode,
    nonce: i64,
}

impl fmt::Display for ReadPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at.0, self.nonce, self.unit)
    }
}

impl FromStr for ReadPlace {
    type Err = NoReadPlace;

    fn from_str(text: &str) -> Result<Self, NoReadPlace> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(NoReadPlace);
        let (at, nonce, unit) = (next()?, next()?, next()?);
        let number = |text: &str| text.parse::<i64>().map_err(|_| NoReadPlace);
        let unit = UnitCode::new(unit).map_err(|_| NoReadPlace)?;
        Ok(Self { at: Time(number(at)?), unit, nonce: number(nonce)? })
    }
}

/// A text is no place in the log of reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither a moment nor the place of a read")]
pub struct NoReadPlace;

/// Which reads are asked for: all, those before a moment, or those that come after another in a list, latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReadsBefore {
    #[default]
    Now,
    Moment(Time),
    Place(ReadPlace),
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

    /// The reads of some units' restricted data, latest first.
    pub fn reads(
        &self,
        units: &[UnitCode],
        before: &ReadsBefore,
        count: usize,
    ) -> Result<Vec<ReadRow>, StoreError> {
        const UNITS: usize = 200;
        let (at, unit, nonce) = match before {
            ReadsBefore::Now => (i64::MAX, "", i64::MIN),
            ReadsBefore::Moment(at) => (at.0, "", i64::MIN),
            ReadsBefore::Place(place) => (place.at.0, place.unit.as_str(), place.nonce),
        };
        let mut found = Vec::new();
        for units in units.chunks(UNITS) {
            let sql = format!(
                "select unit, at, nonce, actor, what from read_log where at <= $1
                    and (at < $1 or unit < $2 or unit = $2 and nonce < $3) and unit in ({})
                order by at desc, unit desc, nonce desc limit $4",
                placeholders(5, units.len())
            );
            let mut params = vec![Param::Int(at), Param::Text(unit), Param::Int(nonce), limit(count)];
            params.extend(units.iter().map(|unit| Param::Text(unit.as_str())));
            let rows = self.read(|tx| tx.query(&sql, &params))?;
            for row in rows {
                let (unit, at) = (id(UnitCode::new(row.text(0)?))?, Time(row.int(1)?));
                found.push(ReadRow {
                    place: ReadPlace { at, unit, nonce: row.int(2)? },
                    actor: id(ActorId::new(row.text(3)?))?,
                    what: row.text(4)?.to_owned(),
                });
            }
        }
        found.sort_by(|one, other| other.place.cmp(&one.place));
        found.truncate(count);
        Ok(found)
    }
}
