use std::collections::BTreeSet;

use access::{ActionDef, RoleDef};
use base::{BookId, CityZone, Day, SubjectId, Time};
use figures::{Contributions, Figure, Ratio};
use ledger::{Entry, Kind};
use matters::{Facts, Matter, MatterId, Move};
use store::{Migration, StoreError, Tx};

use crate::{AppendError, Backlog, Desk, DocketError, docket};

/// A table that follows from the entries alone; `taizhang replay` empties and rebuilds it.
#[derive(Debug, Clone, Copy)]
pub struct Derived {
    pub table: &'static str,
    /// Every column, the primary key first: the order in which two copies are compared.
    pub columns: &'static str,
}

/// What a step of a schema could not fill by itself: tables that follow from some kinds alone, and are made anew from the
/// entries of those when the step is taken over entries that are there already.
#[derive(Debug, Clone, Copy)]
pub struct Rebuilt {
    /// The number of the line's step.
    pub step: u32,
    pub tables: &'static [&'static str],
    pub kinds: &'static [&'static str],
}

/// A sort of matters: what they are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatterSort {
    /// A word of the line's, such as `projects.blocker`.
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
}

/// A line of work (条线): a vocabulary on entries, figures, matters and traces.
pub trait Line: Send + Sync {
    /// The prefix of the line's kinds (`market.`), tables (`market_`) and figures.
    fn name(&self) -> &'static str;

    fn kinds(&self) -> Vec<Kind>;

    /// The roles that the line brings.
    fn roles(&self) -> &'static [RoleDef] {
        &[]
    }

    /// What can be done in the line, and by which roles.
    fn actions(&self) -> &'static [ActionDef] {
        &[]
    }

    fn migrations(&self) -> &'static [Migration];

    fn derived(&self) -> &'static [Derived];

    /// What is made anew after a step of [`Line::migrations`].
    fn rebuilt(&self) -> &'static [Rebuilt] {
        &[]
    }

    fn figures(&self) -> &'static [Figure];

    fn ratios(&self) -> &'static [Ratio] {
        &[]
    }

    /// The schemes of subjects at which a walk forward ends, such as what a customer took home: no entry makes anything
    /// of them, and only their home book names them.
    fn ends(&self) -> &'static [&'static str] {
        &[]
    }

    /// The kinds in which others tell of the things of the house: however many there are, they hide nothing of what the house
    /// tells itself.
    fn hearsay(&self) -> &'static [&'static str] {
        &[]
    }

    /// The action that the bodies of a kind need to be read, besides the right to read the line's entries.
    fn body_needs(&self, _kind: &str) -> Option<&'static str> {
        None
    }

    /// The action without which a subject of a scheme is not told to whoever may read the entry that names it: because its
    /// name alone opens something.
    fn subject_needs(&self, _scheme: &str) -> Option<&'static str> {
        None
    }

    /// Makes the line's tables follow from these entries of its own kinds, in the order of their books.
    ///
    /// Gets no clock, no randomness, no network: whatever it needs of them was written into the entry. An entry whose
    /// body was erased must leave what [`Line::erase`] leaves.
    fn apply(&self, tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError>;

    /// Blanks what an erased body had put into the line's tables.
    fn erase(&self, _tx: &mut dyn Tx, _entry: &Entry) -> Result<(), StoreError> {
        Ok(())
    }

    /// The sorts of matters that the line opens.
    fn sorts(&self) -> &'static [MatterSort] {
        &[]
    }

    /// What the line knows of a matter of one of its sorts. Whatever records something that changes this touches the
    /// matter in the same decision ([`Desk::touch_matter`]).
    fn facts(&self, _tx: &mut dyn Tx, _book: &BookId, _matter: &Matter) -> Result<Facts, StoreError> {
        Ok(Facts::default())
    }

    /// Reckons, before the writer's turn, what of [`Line::facts`] takes long, so that the writer finds it done.
    fn prepare(&self, _tx: &mut dyn Tx, _book: &BookId, _matter: &Matter) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether nothing of [`Line::facts`] takes long now; the clock looks at a matter again otherwise.
    fn is_prepared(&self, _tx: &mut dyn Tx, _book: &BookId, _matter: &Matter) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// The matter that is judged by this one, beside itself: of what is owed for a project, the project.
    fn bears_on(
        &self,
        _tx: &mut dyn Tx,
        _book: &BookId,
        _matter: &Matter,
    ) -> Result<Option<MatterId>, StoreError> {
        Ok(None)
    }

    /// Somebody moved a matter of one of the line's sorts, in this decision; `matter` is as it now stands. The line may
    /// follow with entries of its own, touch matters that depend on this one, or refuse the move.
    fn on_move(
        &self,
        _desk: &mut Desk<'_>,
        _step: &Move,
        _matter: &Matter,
    ) -> Result<(), AppendError<DocketError>> {
        Ok(())
    }

    /// Does what falls due in a book by the calendar alone, such as the end of a certificate's validity. The clock calls
    /// it once a day, in order; after days that it could not, the next call has to make them good.
    ///
    /// What is much is done in parts, each in a turn of the writer of its own: a call returns where it stopped, and the clock calls
    /// again from behind that, or, if it died meanwhile, from the beginning.
    fn on_day(
        &self,
        _desk: &mut Desk<'_>,
        _book: &BookId,
        _day: Day,
        _behind: Option<&str>,
    ) -> Result<Option<String>, AppendError<DocketError>> {
        Ok(None)
    }

    /// What the line has to send or do by itself and has not yet, for whoever watches over the machine.
    fn backlogs(&self, _tx: &mut dyn Tx, _now: Time) -> Result<Vec<Backlog>, StoreError> {
        Ok(Vec::new())
    }

    /// What an entry adds to the line's figures: a pure function. It is asked of the line's own entries, and of those
    /// about matters of its sorts.
    fn contribute(&self, entry: &Entry, out: &mut Contributions);
}

/// The explicit list of lines that an installation runs.
pub struct Lines {
    all: Vec<Box<dyn Line>>,
    sought: BTreeSet<&'static str>,
    bearing: BTreeSet<&'static str>,
}

impl Lines {
    pub fn new(lines: Vec<Box<dyn Line>>) -> Self {
        let (mut sought, mut bearing) = (BTreeSet::new(), BTreeSet::new());
        for kind in lines.iter().flat_map(|line| line.kinds()) {
            sought.extend(kind.sought.then_some(kind.name));
            bearing.extend(kind.bears_files.then_some(kind.name));
        }
        Self { all: lines, sought, bearing }
    }

    /// The kinds whose entries are sought by what they are about.
    pub fn sought(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.sought.iter().copied()
    }

    pub fn is_sought(&self, kind: &str) -> bool {
        self.sought.contains(kind)
    }

    /// The kinds whose entries may name files.
    pub fn bearing(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.bearing.iter().copied()
    }

    pub fn bears_files(&self, kind: &str) -> bool {
        self.bearing.contains(kind)
    }

    pub fn iter(&self) -> impl Iterator<Item = &dyn Line> {
        self.all.iter().map(AsRef::as_ref)
    }

    /// The action that a subject of a scheme needs to be told.
    pub fn subject_needs(&self, scheme: &str) -> Option<&'static str> {
        self.iter().find_map(|line| line.subject_needs(scheme))
    }

    /// The line that a kind, table or figure belongs to, by its prefix.
    pub fn of(&self, name: &str) -> Option<&dyn Line> {
        let prefix = name.split(['.', '_']).next().unwrap_or(name);
        self.iter().find(|line| line.name() == prefix)
    }

    pub fn figure(&self, name: &str) -> Option<&'static Figure> {
        self.of(name)?.figures().iter().find(|figure| figure.name == name)
    }

    /// Whether a figure is one of state.
    pub fn is_state(&self, figure: &str) -> bool {
        self.figure(figure).is_some_and(|figure| figure.state)
    }

    pub fn ratio(&self, name: &str) -> Option<&'static Ratio> {
        self.of(name)?.ratios().iter().find(|ratio| ratio.name == name)
    }

    /// The action that a figure needs to be read, or one of the two sums of a ratio, besides the right to read the
    /// line's figures.
    pub fn figure_needs(&self, name: &str) -> Option<&'static str> {
        let needs = |name: &str| self.figure(name).and_then(|figure| figure.needs);
        match self.ratio(name) {
            Some(ratio) => needs(ratio.numerator).or_else(|| needs(ratio.denominator)),
            None => needs(name),
        }
    }

    /// The action that the body of an entry of some kind needs to be read.
    pub fn body_needs(&self, kind: &str) -> Option<&'static str> {
        self.of(kind)?.body_needs(kind)
    }

    /// Whether a walk forward ends at a subject.
    pub fn ends(&self, subject: &SubjectId) -> bool {
        self.iter().any(|line| line.ends().contains(&subject.scheme()))
    }

    /// The kinds in which others tell of the things of the house.
    pub fn hearsay(&self) -> Vec<&'static str> {
        self.iter().flat_map(Line::hearsay).copied().collect()
    }

    /// Adds what one entry contributes, and returns the day it counts for.
    pub fn contribute(&self, entry: &Entry, zone: &CityZone, out: &mut Contributions) -> Day {
        if let Some(line) = self.of(entry.kind.as_str()) {
            line.contribute(entry, out);
        }
        if let Some(sort) = docket::sort_of(entry)
            && let Some(line) = self.of(sort.as_str())
            && line.name() != "kernel"
        {
            line.contribute(entry, out);
        }
        zone.day_of(entry.occurred)
    }
}
