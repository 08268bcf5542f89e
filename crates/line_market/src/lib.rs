//! The market line (智慧农贸市场): lots arrive, scales sell, inspectors test, and every slip leads back to its origin.

pub mod api;
pub mod apply;
pub mod balance;
pub mod deliveries;
pub mod downlink;
mod duties;
pub mod epcis_events;
pub mod figures;
pub mod intake;
pub mod kinds;
pub mod mqtt_bridge;
pub mod pages;
pub mod policy;
pub mod recall;
pub mod record;
pub mod refusal;
pub mod rules;
mod schema;
pub mod state;
pub mod wall;

use ::access::{ActionDef, RoleDef};
use ::figures::{Contributions, Figure, Ratio};
use base::{BookId, Day, Time};
use kernel::{AppendError, Backlog, Derived, Desk, DocketError, Line, MatterSort, Rebuilt};
use ledger::{Body, Entry, Kind};
use matters::{Matter, Move};
use shell::said::Naming;
use shell::{Lang, NavEntry};
use store::{Migration, StoreError, Tx};

/// The line's texts.
pub const TEXTS: [(Lang, &str); 6] = [
    (Lang::Zh, include_str!("../texts/zh-CN/common.ftl")),
    (Lang::Zh, include_str!("../texts/zh-CN/office.ftl")),
    (Lang::Zh, include_str!("../texts/zh-CN/safety.ftl")),
    (Lang::En, include_str!("../texts/en/common.ftl")),
    (Lang::En, include_str!("../texts/en/office.ftl")),
    (Lang::En, include_str!("../texts/en/safety.ftl")),
];

/// The line's place in the main navigation.
pub const NAMING: Naming = Naming { line: "market", title: pages::title, page: pages::page_of };

pub const NAV: [NavEntry; 1] = [NavEntry { title: "market", href: "/market", action: policy::READ }];

/// The line as the kernel sees it.
pub struct Market;

impl Line for Market {
    fn name(&self) -> &'static str {
        "market"
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

    fn ends(&self) -> &'static [&'static str] {
        &["slip"]
    }

    fn hearsay(&self) -> &'static [&'static str] {
        &[kinds::EpcisCaptured::KIND, kinds::EpcisDescribed::KIND]
    }

    fn body_needs(&self, kind: &str) -> Option<&'static str> {
        match kind {
            kinds::Sale::KIND => Some(policy::READ_TAKINGS),
            // Where somebody is told may be personal.
            kinds::SubscriptionOpened::KIND => Some(policy::SUBSCRIBE),
            _ => None,
        }
    }

    fn subject_needs(&self, scheme: &str) -> Option<&'static str> {
        // Whoever has a slip's code sees what it came to, so all of a stall's slips are its takings.
        (scheme == kinds::SlipSerial::SCHEME).then_some(policy::READ_TAKINGS)
    }

    fn apply(&self, tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
        apply::apply(tx, entries)
    }

    fn erase(&self, tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
        apply::erase(tx, entry)
    }

    fn sorts(&self) -> &'static [MatterSort] {
        duties::SORTS
    }

    fn on_move(
        &self,
        desk: &mut Desk<'_>,
        step: &Move,
        matter: &Matter,
    ) -> Result<(), AppendError<DocketError>> {
        duties::on_move(desk, step, matter)
    }

    fn on_day(
        &self,
        desk: &mut Desk<'_>,
        book: &BookId,
        day: Day,
        behind: Option<&str>,
    ) -> Result<Option<String>, AppendError<DocketError>> {
        let at = desk.zone().start_of(day);
        match state::duties(desk.read()?, book)? {
            Some(duties) => duties::on_day(desk, book, at, &duties, behind),
            None => Ok(None),
        }
    }

    fn backlogs(&self, tx: &mut dyn Tx, now: Time) -> Result<Vec<Backlog>, StoreError> {
        Ok(vec![epcis_events::standing::delivery::backlog(tx, now)?])
    }

    fn contribute(&self, entry: &Entry, out: &mut Contributions) {
        figures::contribute(entry, out);
    }
}
