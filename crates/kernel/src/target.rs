//! Targets of figures: what a unit means to reach in a period. Setting one is an entry of the root book.

use base::{Day, UnitCode, limits};
use figures::Period;
use ledger::{Body, BodyError, Entry, Rule, check_text};
use serde::{Deserialize, Serialize};
use store::{Param, Row, StoreError, Tx};

use crate::admin::{AdminError, AdminResult, By, about};
use crate::{Kernel, Receipt};

/// A target of a figure (目标) was set, set anew, or lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetSet {
    /// The name of a figure or ratio.
    pub figure: String,
    /// The unit whose figure it is, with all units below it.
    #[schema(value_type = String)]
    pub unit: UnitCode,
    /// The first day of the period. A figure of state is to stand at the target on the last day.
    pub from: Day,
    pub to: Day,
    /// In the figure's unit, such as fen; a share in ten-thousandths, a mean in the unit of its numerator. Missing where
    /// the target is lifted.
    pub amount: Option<i64>,
    /// What it rests on: a plan, a decision, the number of a document.
    pub basis: String,
}

impl Body for TargetSet {
    const KIND: &'static str = "kernel.target.set";

    fn check(&self) -> Result<(), BodyError> {
        check_text("basis", &self.basis, limits::TEXT_CHARS_MAX)?;
        if self.from > self.to {
            return Err(BodyError::new("to", Rule::Consistency, "lies before the first day"));
        }
        if self.from < Day(0) || Period::new(self.from, self.to).days() > 3_700 {
            return Err(BodyError::new(
                "from",
                Rule::Range,
                "a period lies after 1969 and is limited to ten years",
            ));
        }
        if self.amount.is_some_and(|amount| amount < 0) {
            return Err(BodyError::new("amount", Rule::Range, "must not be negative"));
        }
        Ok(())
    }
}

/// A target that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub period: Period,
    pub amount: i64,
    /// The number of the entry in the root book that set it.
    pub seq: u64,
}

impl Kernel {
    /// Sets the target of a figure for a unit and a period, in place of one that stands for just these; or lifts it.
    pub fn set_target(&self, by: impl Into<By>, set: TargetSet) -> AdminResult<Receipt> {
        let line = self.lines().of(&set.figure).map(|line| line.name());
        let known = self.lines().figure(&set.figure).is_some() || self.lines().ratio(&set.figure).is_some();
        self.administer(by, move |admin| {
            set.check()?;
            let line = line.filter(|_| known).ok_or_else(|| AdminError::UnknownFigure(set.figure.clone()))?;
            admin.tree.need_unit(&set.unit)?;
            admin.permit("kernel.target.set", &set.unit, Some(line))?;
            let standing = find(admin.desk.read()?, &set.figure, &set.unit)?;
            let period = Period::new(set.from, set.to);
            if standing.len() >= TARGETS_MAX && !standing.iter().any(|target| target.period == period) {
                return Err(AdminError::TargetsMany(TARGETS_MAX).into());
            }
            if set.amount.is_none() && !standing.iter().any(|target| target.period == period) {
                return Err(AdminError::UnknownTarget.into());
            }
            admin.record(&set, vec![about("figure", &set.figure)?, about("unit", set.unit.as_str())?])
        })
    }

    /// The targets of a unit whose period holds a day, each with its figure.
    pub fn targets_on(&self, unit: &UnitCode, day: Day) -> Result<Vec<(String, Target)>, StoreError> {
        const FIND: &str = "select from_day, to_day, amount, seq, figure from target
            where unit = $1 and from_day <= $2 and to_day >= $2 order by figure, from_day, to_day";
        let params = [Param::Text(unit.as_str()), Param::Int(i64::from(day.0))];
        self.read(|tx| {
            let rows = tx.query(FIND, &params)?;
            rows.iter().map(|row| Ok((row.text(4)?.to_owned(), target(row)?))).collect()
        })
    }

    /// The targets of a figure for a unit, the earliest first.
    pub fn targets(&self, figure: &str, unit: &UnitCode) -> Result<Vec<Target>, StoreError> {
        self.read(|tx| find(tx, figure, unit))
    }
}

/// Targets of a figure that stand for a unit.
const TARGETS_MAX: usize = 500;

fn find(tx: &mut dyn Tx, figure: &str, unit: &UnitCode) -> Result<Vec<Target>, StoreError> {
    const FIND: &str = "select from_day, to_day, amount, seq from target where unit = $1 and figure = $2
        order by from_day, to_day";
    tx.query(FIND, &[Param::Text(unit.as_str()), Param::Text(figure)])?.iter().map(target).collect()
}

fn target(row: &Row) -> Result<Target, StoreError> {
    let day =
        |at| i32::try_from(row.int(at)?).map_err(|_| StoreError::Schema("a day is out of range".into()));
    let period = Period::new(Day(day(0)?), Day(day(1)?));
    Ok(Target { period, amount: row.int(2)?, seq: row.int(3)?.cast_unsigned() })
}

/// Makes the table of targets follow from an entry of the root book.
pub(crate) fn apply(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    const SET: &str = "insert into target (unit, figure, from_day, to_day, amount, seq) values ($1, $2, $3, $4, $5, $6)
        on conflict (unit, figure, from_day, to_day) do update set amount = excluded.amount, seq = excluded.seq";
    const LIFT: &str = "delete from target where unit = $1 and figure = $2 and from_day = $3 and to_day = $4";
    if entry.kind.as_str() != TargetSet::KIND {
        return Ok(());
    }
    let set: TargetSet =
        entry.body().map_err(|error| StoreError::Schema(format!("entry {}: {error}", entry.seq)))?;
    let mut params = vec![
        Param::Text(set.unit.as_str()),
        Param::Text(&set.figure),
        Param::Int(i64::from(set.from.0)),
        Param::Int(i64::from(set.to.0)),
    ];
    match set.amount {
        None => tx.execute(LIFT, &params),
        Some(amount) => {
            params.extend([Param::Int(amount), Param::Int(entry.seq.to_i64())]);
            tx.execute(SET, &params)
        }
    }
    .map(drop)
}
