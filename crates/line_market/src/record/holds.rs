//! Tests, holds and releases: what is decided about a lot is decided about every lot that came out of it.
//!
//! A lot is held together with all open lots that came out of it, by transfer or split, however many steps away. Each
//! gets a hold of its own, which names the lot that it came out of and that lot's hold, so that each reaches the scales
//! of its own stall. A lot cannot be released while one that it came out of is held. When that one is released, the
//! lots that were held with it are released along, but for those that something else keeps: an order of their own, a
//! failed test of their own, or a held lot in between; and so is whatever came out of those. What somebody owes for such a lot
//! ends as what they owe for the one released.

use std::collections::{BTreeMap, HashMap, HashSet};

use base::Seq;
use base::limits::{LOT_BRANCH_PART, LOT_FAMILY_MAX};
use kernel::Receipt;
use ledger::Role;

use super::{Failure, Input, Recorded, Recorder, need_hold, refuse, refused};
use crate::apply::word;
use crate::duties::Cause;
use crate::kinds::{Ancestor, HoldReason, InspectionRecorded, LotHeld, LotReleased, Verdict};
use crate::refusal::Code;
use crate::rules;
use crate::state::{self, Descent, Inspection, Lot};

/// What a hold rests on.
#[derive(Clone)]
struct Ground {
    reason: HoldReason,
    inspection: Option<u64>,
    note: Option<String>,
    ancestor: Option<Ancestor>,
}

impl Recorder<'_, '_> {
    /// A failed test holds the lot at once.
    pub(super) fn inspect(&mut self, input: &Input) -> Result<Recorded, Failure> {
        let body: InspectionRecorded = Self::body(input)?;
        let lot = self.need_lot(&body.lot)?;
        self.need_no_earlier(lot.received_at)?;
        if let Some(first) = body.retest_of {
            let first = self.need_test(first, "body.retest_of", |test| test.lot == body.lot)?;
            self.need_no_earlier(first.at)?;
        }
        self.need_few_tests(&body.lot, body.verdict)?;
        let draft = self.draft(&body)?.at(self.id("stall", &lot.stall)?);
        let draft = draft.subject(Role::About, self.id("lot", &body.lot)?);
        let entry = self.append(draft)?;
        let mut holds = Vec::new();
        if body.verdict == Verdict::Fail {
            // Until it is recorded the lot could be sold, however long ago the sample was taken.
            self.occurred = self.desk.done_at(self.actor, self.occurred);
            let inspection = Some(entry.seq.0);
            let hold = match lot.hold {
                Some(hold) => hold,
                None => {
                    let reason = HoldReason::FailedInspection;
                    let ground = Ground { reason, inspection, note: None, ancestor: None };
                    let scales = state::scales_at(self.desk.read()?, self.book, &lot.stall)?;
                    holds.push(self.hold_lot(&lot, ground, scales)?);
                    holds[0].seq
                }
            };
            holds.extend(self.hold_descendants(&lot, hold, inspection)?);
            self.owe(&Cause::FailedTest { lot: &lot.lot, hold: hold.0 })?;
        }
        Ok(Recorded { holds, ..Recorded::of(entry) })
    }

    pub(super) fn hold(&mut self, input: &Input) -> Result<Recorded, Failure> {
        // Which scales get the block, and what a lot came out of, is for the market to say, not for whoever orders.
        let mut given = input.clone();
        if let Some(members) = given.body.as_object_mut() {
            members.insert("scales".into(), serde_json::Value::Array(Vec::new()));
            members.insert("ancestor".into(), serde_json::Value::Null);
        }
        let body: LotHeld = Self::body(&given)?;
        if body.reason == HoldReason::Descent {
            return refuse(
                Code::Body,
                "body.reason",
                "is given to lots that came out of a held one, not ordered",
            );
        }
        let lot = self.need_lot(&body.lot)?;
        if lot.hold.is_some() {
            return refuse(Code::AlreadyHeld, "body.lot", format!("lot {} is held", body.lot));
        }
        self.need_ground(&lot, &body)?;
        let ground =
            Ground { reason: body.reason, inspection: body.inspection, note: body.note, ancestor: None };
        let scales = state::scales_at(self.desk.read()?, self.book, &lot.stall)?;
        let entry = self.hold_lot(&lot, ground, scales)?;
        let holds = self.hold_descendants(&lot, entry.seq, body.inspection)?;
        Ok(Recorded { holds, ..Recorded::of(entry) })
    }

    /// A hold rests on a test of the lot or of one that it came out of, or on one of another lot of its supplier where that
    /// is the reason.
    fn need_ground(&mut self, lot: &Lot, body: &LotHeld) -> Result<(), Failure> {
        let Some(inspection) = body.inspection else { return Ok(()) };
        let tx = self.desk.read()?;
        let mut lots = state::ancestors(tx, self.book, &lot.lot)?;
        lots.push(lot.lot.clone());
        if body.reason == HoldReason::SameSupplier
            && let Some(test) = state::inspection(tx, self.book, Seq(inspection))?
        {
            let other = state::lot(tx, self.book, &test.lot)?;
            lots.extend(other.filter(|other| other.supplier == lot.supplier).map(|other| other.lot));
        }
        self.need_test(inspection, "body.inspection", |test| lots.contains(&test.lot)).map(drop)
    }

    /// A number that an order names is that of a test which fits it.
    fn need_test(
        &mut self,
        seq: u64,
        field: &str,
        fits: impl Fn(&Inspection) -> bool,
    ) -> Result<Inspection, Failure> {
        match state::inspection(self.desk.read()?, self.book, Seq(seq))? {
            Some(test) if fits(&test) => Ok(test),
            _ => refuse(Code::UnknownEntry, field, format!("entry {seq} is no test that this can rest on")),
        }
    }

    fn hold_lot(&mut self, lot: &Lot, ground: Ground, scales: Vec<u32>) -> Result<Receipt, Failure> {
        let Ground { reason, inspection, note, ancestor } = ground;
        let body = LotHeld { lot: lot.lot.clone(), reason, inspection, note, ancestor, scales };
        let draft = self.draft(&body)?.at(self.id("stall", &lot.stall)?);
        let mut draft = draft.subject(Role::About, self.id("lot", &lot.lot)?);
        if let Some(ancestor) = &body.ancestor {
            // So that the file of the lot that failed names what was held with it.
            draft = draft.subject(Role::About, self.id("lot", &ancestor.lot)?);
        }
        self.append(draft)
    }

    /// Holds every open lot that came out of a held one and is not held yet.
    fn hold_descendants(
        &mut self,
        lot: &Lot,
        hold: Seq,
        inspection: Option<u64>,
    ) -> Result<Vec<Receipt>, Failure> {
        let family = self.family(lot)?;
        let ancestor = Some(Ancestor { lot: lot.lot.clone(), hold: hold.0 });
        let ground = Ground { reason: HoldReason::Descent, inspection, note: None, ancestor };
        let mut scales: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut holds = Vec::new();
        for (_, child) in family.iter().filter(|(_, child)| child.hold.is_none() && rules::open(child)) {
            let at = match scales.get(&child.stall) {
                Some(at) => at.clone(),
                None => {
                    let at = state::scales_at(self.desk.read()?, self.book, &child.stall)?;
                    scales.insert(child.stall.clone(), at.clone());
                    at
                }
            };
            holds.push(self.hold_lot(child, ground.clone(), at)?);
        }
        Ok(holds)
    }

    /// What came out of a lot, each with the lot that it came out of directly, which comes before it.
    fn family(&mut self, lot: &Lot) -> Result<Vec<(Descent, Lot)>, Failure> {
        let tx = self.desk.read()?;
        let descents = state::descendants(tx, self.book, &lot.lot)?;
        let codes: Vec<&str> = descents.iter().map(|descent| descent.lot.as_str()).collect();
        let lots = state::lots(tx, self.book, &codes)?;
        let mut lots: HashMap<String, Lot> = lots.into_iter().map(|lot| (lot.lot.clone(), lot)).collect();
        let known = |descent: Descent| lots.remove(&descent.lot).map(|lot| (descent, lot));
        Ok(descents.into_iter().filter_map(known).collect())
    }

    /// What is decided about a lot is decided about all that came out of it, in one turn of the writer: more may come out of
    /// it, and of each that it came out of. Whoever took a lot over does not use up what its merchant may make of the rest.
    pub(super) fn need_room_in_family(&mut self, lot: &str, more: usize, field: &str) -> Result<(), Failure> {
        let lot = self.need_lot(lot)?;
        let tx = self.desk.read()?;
        let mut most = LOT_FAMILY_MAX;
        for of in state::origins(tx, self.book, &lot)? {
            let known = state::count_out_of(tx, self.book, &of, most)?;
            if known + more > most {
                let detail = format!(
                    "at most {most} lots may come out of lot {of}, by split or transfer, and {known} did"
                );
                return refuse(Code::TooManyLots, field, detail);
            }
            most = (most / LOT_BRANCH_PART).max(1);
        }
        Ok(())
    }

    pub(super) fn release(&mut self, input: &Input) -> Result<Recorded, Failure> {
        let body: LotReleased = Self::body(input)?;
        let lot = self.need_lot(&body.lot)?;
        need_hold(&lot, body.hold)?;
        let tx = self.desk.read()?;
        let ancestors = state::ancestors(tx, self.book, &lot.lot)?;
        let ancestors = state::lots(tx, self.book, &ancestors)?;
        let failure = state::failure(tx, self.book, &lot.lot)?;
        let is_on_retest = match body.inspection {
            Some(seq) => self.is_retest(&lot, Seq(seq))?,
            None => false,
        };
        rules::may_release(&lot, &ancestors, failure.as_ref(), is_on_retest).map_err(refused)?;
        if let Some(retest) = body.inspection {
            let is_of = |test: &Inspection| {
                test.lot == lot.lot || ancestors.iter().any(|ancestor| ancestor.lot == test.lot)
            };
            self.need_test(retest, "body.inspection", |test| test.verdict == "pass" && is_of(test))?;
        }
        let along = self.released_along(&lot)?;
        for lot in std::iter::once(&lot).chain(along.iter().map(|along| &along.lot)) {
            self.need_few_releases(&lot.lot)?;
        }
        let entry = self.release_lot(&lot, &body)?;
        self.settle_duty(&Cause::FailedTest { lot: &lot.lot, hold: body.hold }, &body.reason)?;
        let mut releases = Vec::new();
        for Along { lot, hold, has_failed } in along {
            let body = LotReleased { lot: lot.lot.clone(), hold, ..body.clone() };
            releases.push(self.release_lot(&lot, &body)?);
            // What it failed itself while it was held was taken back since, or it would be kept.
            if has_failed {
                self.settle_duty(&Cause::FailedTest { lot: &lot.lot, hold }, &body.reason)?;
            }
        }
        Ok(Recorded { releases, ..Recorded::of(entry) })
    }

    /// Whether a test of a lot found otherwise than what it is held for.
    fn is_retest(&mut self, lot: &Lot, seq: Seq) -> Result<bool, Failure> {
        let tx = self.desk.read()?;
        let test = state::inspection(tx, self.book, seq)?.filter(|test| test.lot == lot.lot);
        let Some(test) = test else { return Ok(false) };
        let failed = state::failed_before(tx, self.book, &test)?;
        Ok(rules::is_retest(lot, failed.as_ref(), &test))
    }

    fn release_lot(&mut self, lot: &Lot, body: &LotReleased) -> Result<Receipt, Failure> {
        let draft = self.draft(body)?.at(self.id("stall", &lot.stall)?);
        let draft = draft.subject(Role::About, self.id("lot", &lot.lot)?);
        self.append(draft)
    }

    /// What came out of a lot and is held for that alone: it is released with it.
    fn released_along(&mut self, lot: &Lot) -> Result<Vec<Along>, Failure> {
        let descent = word(&HoldReason::Descent);
        let mut kept: HashSet<String> = HashSet::new();
        let mut all = Vec::new();
        let family = self.family(lot)?;
        let codes: Vec<&str> = family.iter().map(|(_, child)| child.lot.as_str()).collect();
        let failed = state::failed_lots(self.desk.read()?, self.book, &codes)?;
        let once_failed = state::once_failed_lots(self.desk.read()?, self.book, &codes)?;
        for (from, lot) in family {
            let along = lot.hold_reason.as_ref() == Some(&descent) && !failed.contains(&lot.lot);
            match lot.hold {
                _ if kept.contains(&from.parent) => drop(kept.insert(from.lot)),
                None => {}
                Some(hold) if along => {
                    let has_failed = once_failed.contains(&lot.lot);
                    all.push(Along { lot, hold: hold.0, has_failed });
                }
                Some(_) => drop(kept.insert(from.lot)),
            }
        }
        Ok(all)
    }
}

/// A lot that is released with another.
struct Along {
    lot: Lot,
    hold: u64,
    /// Whether it failed a test itself, which was taken back.
    has_failed: bool,
}
