//! The line of key projects (重点项目): what is planned, built and invested, who answers for it, and what holds it up.

pub mod api;
pub mod apply;
mod due;
mod facts;
pub mod figures;
mod follow;
pub mod kinds;
pub mod pages;
pub mod plan;
pub mod policy;
pub mod record;
pub mod refusal;
pub mod rules;
mod schema;
pub mod sorts;
pub mod state;
pub mod wall;

use ::access::{ActionDef, RoleDef};
use ::figures::{Contributions, Figure, Ratio};
use base::{BookId, CityZone, Day};
use kernel::{AppendError, Derived, Desk, DocketError, Line, MatterSort, Rebuilt};
use ledger::{Entry, Kind};
use matters::{Facts, Matter, MatterId, Move};
use serde::Serialize;
use shell::said::Naming;
use shell::{Lang, NavEntry};
use store::{Migration, StoreError, Tx};

pub use due::fall_due;

/// The line's texts.
pub const TEXTS: [(Lang, &str); 6] = [
    (Lang::Zh, include_str!("../texts/zh-CN/common.ftl")),
    (Lang::Zh, include_str!("../texts/zh-CN/pages.ftl")),
    (Lang::Zh, include_str!("../texts/zh-CN/plan.ftl")),
    (Lang::En, include_str!("../texts/en/common.ftl")),
    (Lang::En, include_str!("../texts/en/pages.ftl")),
    (Lang::En, include_str!("../texts/en/plan.ftl")),
];

pub const NAMING: Naming = Naming { line: "projects", title: pages::title, page: pages::page_of };

/// The line's place in the main navigation.
pub const NAV: [NavEntry; 1] = [NavEntry { title: "projects", href: "/projects", action: policy::READ }];

/// The line as the kernel sees it.
pub struct Projects {
    zone: CityZone,
    reckoned: plan::Reckoned,
}

impl Projects {
    /// `zone` says to which day a moment belongs, for what is judged day by day.
    pub fn new(zone: CityZone) -> Self {
        Self { zone, reckoned: plan::Reckoned::default() }
    }
}

impl Line for Projects {
    fn name(&self) -> &'static str {
        "projects"
    }

    fn kinds(&self) -> Vec<Kind> {
        kinds::kinds()
    }

    fn roles(&self) -> &'static [RoleDef] {
        policy::ROLES
    }

    fn actions(&self) -> &'static [ActionDef] {
        policy::ACTIONS
    }

    fn migrations(&self) -> &'static [Migration] {
        schema::MIGRATIONS
    }

    fn derived(&self) -> &'static [Derived] {
        schema::DERIVED
    }

    fn rebuilt(&self) -> &'static [Rebuilt] {
        schema::REBUILT
    }

    fn figures(&self) -> &'static [Figure] {
        figures::FIGURES
    }

    fn ratios(&self) -> &'static [Ratio] {
        figures::RATIOS
    }

    fn apply(&self, tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
        apply::apply(tx, entries)
    }

    fn sorts(&self) -> &'static [MatterSort] {
        sorts::SORTS
    }

    fn facts(&self, tx: &mut dyn Tx, book: &BookId, matter: &Matter) -> Result<Facts, StoreError> {
        facts::facts(tx, (&self.zone, &self.reckoned), book, matter)
    }

    fn prepare(&self, tx: &mut dyn Tx, book: &BookId, matter: &Matter) -> Result<(), StoreError> {
        facts::prepare(tx, (&self.zone, &self.reckoned), book, matter)
    }

    fn bears_on(
        &self,
        tx: &mut dyn Tx,
        book: &BookId,
        matter: &Matter,
    ) -> Result<Option<MatterId>, StoreError> {
        facts::bears_on(tx, book, matter)
    }

    fn is_prepared(&self, tx: &mut dyn Tx, book: &BookId, matter: &Matter) -> Result<bool, StoreError> {
        facts::is_prepared(tx, &self.reckoned, book, matter)
    }

    fn on_move(
        &self,
        desk: &mut Desk<'_>,
        step: &Move,
        matter: &Matter,
    ) -> Result<(), AppendError<DocketError>> {
        follow::on_move(desk, step, matter)
    }

    fn on_day(
        &self,
        desk: &mut Desk<'_>,
        book: &BookId,
        day: Day,
        behind: Option<&str>,
    ) -> Result<Option<String>, AppendError<DocketError>> {
        fall_due(desk, book, day, behind).map(|(_, stopped)| stopped)
    }

    fn contribute(&self, entry: &Entry, out: &mut Contributions) {
        figures::contribute(entry, out);
    }
}

/// The text of a unit variant.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        other => unreachable!("only unit variants are written as words, not {other:?}"),
    }
}
