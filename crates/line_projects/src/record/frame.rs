//! Programmes and chains.

use kernel::entries::{self, Kinds};
use kernel::{Named, Receipt};
use ledger::Sought;

use super::{Failure, Recorder, need_room, refuse, refused};
use crate::kinds::{ChainFounded, ChainHandedOver, GROUPS_MAX, ProgrammeFounded, ProgrammeReplanned};
use crate::refusal::Code;
use crate::rules;
use crate::state::{self, Programme};

impl Recorder<'_, '_> {
    pub(super) fn found_programme(&mut self, body: ProgrammeFounded) -> Result<Receipt, Failure> {
        if state::programme(self.desk.read()?, self.book, &body.programme)?.is_some() {
            let detail = format!("programme {} is there", body.programme);
            return refuse(Code::Exists, "body.programme", detail);
        }
        let held = state::programmes_count(self.desk.read()?, self.book)?;
        need_room("body.programme", (held, 1), GROUPS_MAX, ("本账簿的专项", "programmes of the book"))?;
        self.about(&body, "programme", &body.programme)
    }

    pub(super) fn replan_programme(&mut self, mut body: ProgrammeReplanned) -> Result<Receipt, Failure> {
        body.before_fen = self.programme(&body.programme)?.planned_fen;
        // The figure takes the difference from the day on which it is said to be another.
        const PLANNED: Kinds<'_> =
            Kinds::These(&[Sought::of::<ProgrammeFounded>(), Sought::of::<ProgrammeReplanned>()]);
        let programme = self.id("programme", &body.programme)?;
        let planned = entries::about_of(self.desk.read()?, self.book, &programme, PLANNED, None, 1)?;
        if let Some(planned) = planned.first() {
            rules::in_order(self.occurred, planned.occurred).map_err(refused)?;
        }
        self.about(&body, "programme", &body.programme)
    }

    pub(super) fn programme(&mut self, name: &str) -> Result<Programme, Failure> {
        match state::programme(self.desk.read()?, self.book, name)? {
            Some(programme) => Ok(programme),
            None => refuse(Code::UnknownProgramme, "body.programme", format!("there is no programme {name}")),
        }
    }

    pub(super) fn found_chain(&mut self, body: ChainFounded) -> Result<Receipt, Failure> {
        if state::chain(self.desk.read()?, self.book, &body.chain)?.is_some() {
            return refuse(Code::Exists, "body.chain", format!("chain {} is there", body.chain));
        }
        let held = state::chains_count(self.desk.read()?, self.book)?;
        need_room("body.chain", (held, 1), GROUPS_MAX, ("本账簿的产业链", "chains of the book"))?;
        self.need_near(&body.leader, Named::Leading, "body.leader")?;
        self.about(&body, "chain", &body.chain)
    }

    pub(super) fn hand_chain_over(&mut self, body: ChainHandedOver) -> Result<Receipt, Failure> {
        self.need_chain(&body.chain)?;
        self.need_near(&body.leader, Named::Leading, "body.leader")?;
        self.about(&body, "chain", &body.chain)
    }

    pub(super) fn need_chain(&mut self, name: &str) -> Result<(), Failure> {
        match state::chain(self.desk.read()?, self.book, name)? {
            Some(_) => Ok(()),
            None => refuse(Code::UnknownChain, "body.chain", format!("there is no chain {name}")),
        }
    }
}
