//! The rulebook of the installation: what the root book says of colour rules and holidays, and the two acts that say it.

use std::sync::{Arc, Mutex, PoisonError};

use base::Time;
use ledger::{Body, BodyError, Entry, Rule};
use matters::{CalendarLoaded, ColourRule, MatterError, RuleAdopted, Rulebook, YearNotice};
use store::{Param, StoreError, Tx, Value};

use super::schema::ADD_REGULATION;
use crate::admin::{Admin, AdminError, AdminResult, By, about};
use crate::registry::root_book;
use crate::{Kernel, Receipt};

/// The rulebook as last read, kept by the entry that last changed it.
#[derive(Default)]
pub(crate) struct Rulebooks(Mutex<Option<Known>>);

struct Known {
    last: Option<(i64, String)>,
    rulebook: Arc<Rulebook>,
}

impl Rulebooks {
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The rulebook as this transaction sees it.
    pub fn of(&self, tx: &mut dyn Tx) -> Result<Arc<Rulebook>, StoreError> {
        let row = tx.query_one("select seq, body from regulation order by seq desc limit 1", &[])?;
        let last = row.map(|row| Ok::<_, StoreError>((row.int(0)?, row.text(1)?.to_owned()))).transpose()?;
        let known = |kept: &Option<Known>| {
            kept.as_ref().filter(|known| known.last == last).map(|known| known.rulebook.clone())
        };
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rulebook) = known(&kept()) {
            return Ok(rulebook);
        }
        let rulebook = Arc::new(read(tx)?);
        *kept() = Some(Known { last, rulebook: rulebook.clone() });
        Ok(rulebook)
    }
}

fn read(tx: &mut dyn Tx) -> Result<Rulebook, StoreError> {
    let broken = |error: String| StoreError::Schema(format!("a regulation is not readable: {error}"));
    let mut rulebook = Rulebook::embedded();
    for row in tx.query("select since, sort, body from regulation order by seq", &[])? {
        let (since, body) = (Time(row.int(0)?), row.text(2)?);
        let taken = match row.text(1)? {
            "rule" => ColourRule::parse(body).and_then(|rule| rulebook.adopt(since, rule)),
            _ => YearNotice::parse(body).and_then(|notice| rulebook.load(since, notice)),
        };
        taken.map_err(|error| broken(error.to_string()))?;
    }
    Ok(rulebook)
}

/// Keeps what an entry of the root book added to the rulebook; returns whether it changed the calendar.
pub(super) fn apply(tx: &mut dyn Tx, entry: &Entry) -> Result<bool, StoreError> {
    let broken = |error: ledger::EntryError| StoreError::Schema(format!("entry {}: {error}", entry.seq));
    let json =
        |value: serde_json::Result<String>| value.map_err(|error| StoreError::Schema(error.to_string()));
    let (sort, body) = match entry.kind.as_str() {
        RuleAdopted::KIND => (
            "rule",
            json(entry.with_body(|it: &RuleAdopted| serde_json::to_string(&it.rule)).map_err(broken)?)?,
        ),
        CalendarLoaded::KIND => (
            "calendar",
            json(entry.with_body(|it: &CalendarLoaded| serde_json::to_string(&it.notice)).map_err(broken)?)?,
        ),
        _ => return Ok(false),
    };
    let values =
        [Param::Int(entry.seq.to_i64()), Param::Int(entry.occurred.0), Param::Text(sort), Param::Text(&body)];
    tx.execute(ADD_REGULATION, &values)?;
    Ok(sort == "calendar")
}

impl Kernel {
    /// The colour rules and calendars of the installation.
    pub fn rulebook(&self) -> Result<Arc<Rulebook>, StoreError> {
        self.read(|tx| self.rulebooks.of(tx))
    }

    /// Brings a version of a colour rule into force for the whole installation. Open matters under it are looked at again.
    pub fn adopt_rule(&self, by: impl Into<By>, rule: ColourRule) -> AdminResult<Receipt> {
        const WAKE: &str = "update matter_wake set next = $1 where next > $1 and exists (
            select 1 from matter
            where matter.book = matter_wake.book and matter.matter = matter_wake.matter and matter.rule = $2)";
        let rulebooks = self.rulebooks.clone();
        self.administer(by, move |admin| {
            admin.permit_root("kernel.rule.adopt")?;
            let rulebook = rulebooks.of(admin.desk.read()?)?;
            let found = rulebook.newest(&rule.name).map_or(0, |rule| rule.version);
            if rule.version <= found {
                let old = MatterError::OldVersion { version: rule.version, found };
                return Err(BodyError::new("rule.version", Rule::Consistency, old.to_string()).into());
            }
            let adopted = RuleAdopted { rule: rule.clone() };
            let receipt = admin.record(&adopted, vec![about("rule", &rule.name)?])?;
            let now = admin.desk.now();
            admin.desk.aside(WAKE, vec![Value::Int(now.0), Value::Text(rule.name.clone())]);
            Ok(receipt)
        })
    }

    /// Loads the holidays of a year, or their amendment. Open matters are looked at again.
    pub fn load_calendar(&self, by: impl Into<By>, notice: YearNotice) -> AdminResult<Receipt> {
        const WAKE: &str = "update matter_wake set next = $1 where next > $1";
        self.administer(by, move |admin| {
            admin.permit_root("kernel.calendar.load")?;
            let loaded = CalendarLoaded { notice: notice.clone() };
            let receipt = admin.record(&loaded, vec![about("calendar", &notice.year.to_string())?])?;
            let now = admin.desk.now();
            admin.desk.aside(WAKE, vec![Value::Int(now.0)]);
            Ok(receipt)
        })
    }
}

impl Admin<'_, '_> {
    /// Refuses what is not allowed on the whole installation.
    pub(crate) fn permit_root(&self, action: &'static str) -> AdminResult<()> {
        let root = self.tree.root().ok_or_else(|| AdminError::UnknownBook(root_book()))?;
        self.permit(action, root, None)
    }
}
