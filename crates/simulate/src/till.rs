//! One scale and the person behind it, without any network: what it sells, and what it does with answers.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use base::{Fen, Grams, Time};
use line_market::intake::{BatchReceipt, LineOutcome, OnRefusal, SaleBatch, SaleLine};
use sha2::{Digest, Sha256};

use crate::dice::Dice;
use crate::goods;
use crate::outcome::Tally;
use crate::timepiece::{Counter, Timepiece};
use crate::view::View;
use crate::{Faults, Plan, ScaleCredential, Speed};

/// Sales that a scale keeps without a receipt; then it stops selling.
const KEPT_MAX: usize = 20_000;
/// Lots that are sold from at a time.
const OPEN_AT_ONCE: usize = 4;
/// A customer takes what would be left if it is less than this.
const REST_G: i64 = 150;
/// How long an acknowledgement may take to show in the state before it is sent again.
const ACK_AGAIN: Duration = Duration::from_secs(5);

/// A lot on the counter.
#[derive(Debug, Clone)]
struct Offer {
    lot: String,
    product: String,
    left_g: i64,
    fen_per_kg: Fen,
    median_g: u64,
}

/// Sales on their way to the server.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub batch: SaleBatch,
    pub backlog: bool,
    pub twice: bool,
}

/// Why nothing was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// The stall has sold what it set out to.
    Closed,
    /// No lot with a price.
    NoGoods,
    /// Too many sales without a receipt.
    Full,
    /// The counter follows the clock, and has to wait for it.
    Counter,
}

pub(crate) struct Till {
    name: String,
    secret: [u8; 32],
    dice: Dice,
    clock: Timepiece,
    counter: Counter,
    faults: Faults,
    lines_max: usize,
    to_sell: u64,
    /// Rounds amounts down to the jiao, as half of all stalls do.
    rounds_down: bool,
    /// Below this much on the counter the stall asks for goods.
    restock_g: i64,
    stall: Option<String>,
    /// The oldest first.
    offers: Vec<Offer>,
    /// Lots that the server said are sold out, with what their state showed then.
    spent: HashMap<String, i64>,
    /// Grams sold without a receipt, by lot.
    unanswered_g: HashMap<String, i64>,
    unanswered: usize,
    open: Vec<SaleLine>,
    backlog: Vec<SaleLine>,
    /// Batches until the present outage ends; 0 without one.
    outage: u32,
    link_down: bool,
    acked: HashMap<u64, Time>,
}

impl Till {
    pub fn new(plan: &Plan, scale: &ScaleCredential, now: Time) -> Self {
        let name = format!("{}.{}", scale.book, scale.scale);
        let mut dice = Dice::new(plan.seed, &name);
        let secret = Sha256::digest(format!("{}.{}.{name}", plan.seed, plan.run)).into();
        Self {
            secret,
            clock: Timepiece::switched_on(&mut dice, plan.faults.drift_ms_max, now),
            counter: Counter::new(plan.counters, now),
            faults: plan.faults,
            lines_max: plan.batches.lines_max,
            to_sell: plan.sales_per_stall.unwrap_or(u64::MAX),
            rounds_down: dice.per_mille(500),
            restock_g: if plan.speed == Speed::Fastest { 2_000_000 } else { 6_000 },
            stall: None,
            offers: Vec::new(),
            spent: HashMap::new(),
            unanswered_g: HashMap::new(),
            unanswered: 0,
            open: Vec::new(),
            backlog: Vec::new(),
            outage: 0,
            link_down: false,
            acked: HashMap::new(),
            name,
            dice,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn counter_next(&self) -> u32 {
        self.counter.next()
    }

    pub fn gap(&mut self, mean_ms: u32) -> Duration {
        Duration::from_millis(self.dice.wait(mean_ms.into()))
    }

    /// Takes over what may be sold, and returns the holds to acknowledge.
    pub fn observe(&mut self, view: &View, now: Time) -> Vec<u64> {
        self.stall.clone_from(&view.stall);
        let blocked: HashSet<&str> = view.blocks.iter().map(|block| block.lot.as_str()).collect();
        self.spent.retain(|lot, _| view.lots.iter().any(|open| open.lot == *lot));
        let mut offers = Vec::with_capacity(view.lots.len());
        for open in view.lots.iter().rev().filter(|open| !blocked.contains(open.lot.as_str())) {
            if self.spent.get(&open.lot).is_some_and(|&shown| open.left_g.0 <= shown) {
                continue;
            }
            let ours = |price: &&crate::view::Price| {
                price.product == open.product && view.stall.as_ref() == Some(&price.stall)
            };
            let Some(price) = view.prices.iter().find(ours) else { continue };
            let category =
                view.products.iter().find(|it| it.product == open.product).map_or("", |it| &it.category);
            offers.push(Offer {
                left_g: open.left_g.0 - self.unanswered_g.get(&open.lot).copied().unwrap_or(0),
                lot: open.lot.clone(),
                product: open.product.clone(),
                fen_per_kg: price.fen_per_kg,
                median_g: goods::of_category(category).median_g,
            });
        }
        offers.retain(|offer| offer.left_g > 0);
        self.offers = offers;
        self.acked.retain(|hold, _| view.blocks.iter().any(|block| block.hold == *hold));
        let again_ms = i64::try_from(ACK_AGAIN.as_millis()).expect("a few seconds");
        let waits = |hold| self.acked.get(&hold).is_none_or(|sent| now.since_ms(*sent) >= again_ms);
        view.blocks.iter().filter(|it| it.acked_at.is_none() && waits(it.hold)).map(|it| it.hold).collect()
    }

    pub fn acknowledged(&mut self, holds: &[u64], now: Time) {
        self.acked.extend(holds.iter().map(|hold| (*hold, now)));
    }

    /// The stall that should get goods now, if any.
    pub fn wants_goods(&self) -> Option<&str> {
        let on_counter: i64 = self.offers.iter().map(|offer| offer.left_g).sum();
        self.stall.as_deref().filter(|_| on_counter < self.restock_g && self.to_sell > 0)
    }

    /// Sells to one customer.
    pub fn sell(&mut self, now: Time) -> Result<(), Idle> {
        if self.to_sell == 0 {
            return Err(Idle::Closed);
        }
        if self.unanswered >= KEPT_MAX {
            return Err(Idle::Full);
        }
        let Some(stall) = self.stall.clone().filter(|_| !self.offers.is_empty()) else {
            return Err(Idle::NoGoods);
        };
        let counter = self.counter.take(now).ok_or(Idle::Counter)?;
        let at = self.dice.index(self.offers.len().min(OPEN_AT_ONCE));
        let offer = &mut self.offers[at];
        let wanted = i64::try_from(self.dice.weight(offer.median_g)).expect("a few kilograms");
        let grams = if offer.left_g - wanted < REST_G { offer.left_g.min(wanted + REST_G) } else { wanted };
        offer.left_g -= grams;
        let exact =
            Fen::for_weight(Grams(grams), offer.fen_per_kg).expect("a few kilograms at a posted price");
        let line = SaleLine {
            counter,
            occurred: self.clock.reading(now),
            lot: offer.lot.clone(),
            product: offer.product.clone(),
            stall,
            grams: Grams(grams),
            fen_per_kg: offer.fen_per_kg,
            amount_fen: Fen(if self.rounds_down { exact.0 - exact.0 % 10 } else { exact.0 }),
            nonce: self.nonce(counter),
            offline: self.outage > 0 || self.link_down,
        };
        if self.offers[at].left_g <= 0 {
            self.offers.remove(at);
        }
        self.to_sell -= 1;
        self.unanswered += 1;
        *self.unanswered_g.entry(line.lot.clone()).or_default() += grams;
        self.open.push(line);
        Ok(())
    }

    /// 64 bits that nobody guesses who does not know seed and run.
    fn nonce(&self, counter: u32) -> String {
        let digest = Sha256::new().chain_update(self.secret).chain_update(counter.to_be_bytes()).finalize();
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether the open batch has all the lines that it may have.
    pub fn is_full(&self) -> bool {
        self.open.len() >= self.lines_max
    }

    /// Whether the stall has sold all it set out to, and has nothing more to send.
    pub fn is_done(&self) -> bool {
        self.to_sell == 0 && self.unanswered == 0
    }

    /// Whether a simulated outage keeps the scale from hearing anything.
    pub fn is_cut_off(&self) -> bool {
        self.outage > 0
    }

    pub fn link(&mut self, up: bool) {
        self.link_down = !up;
    }

    /// Closes the open batch, and hands over what is to be sent now.
    pub fn close(&mut self) -> Vec<Parcel> {
        if self.outage > 0 {
            self.backlog.append(&mut self.open);
            self.outage -= 1;
            return if self.outage == 0 { self.unpack_backlog() } else { Vec::new() };
        }
        if self.open.is_empty() {
            return Vec::new();
        }
        let lines = std::mem::take(&mut self.open);
        let parcels = self.pack(lines, false);
        if self.dice.per_mille(self.faults.late) {
            self.outage = u32::try_from(self.dice.between(1, 5)).expect("at most 5");
        }
        parcels
    }

    /// Ends any outage, and hands over everything.
    pub fn finish(&mut self) -> Vec<Parcel> {
        self.to_sell = 0;
        if self.outage > 0 {
            self.outage = 1;
        }
        self.faults.late = 0;
        self.close()
    }

    fn unpack_backlog(&mut self) -> Vec<Parcel> {
        let mut lines = std::mem::take(&mut self.backlog);
        if self.dice.per_mille(self.faults.shuffled) {
            self.dice.shuffle(&mut lines);
        }
        self.pack(lines, true)
    }

    fn pack(&mut self, mut lines: Vec<SaleLine>, backlog: bool) -> Vec<Parcel> {
        let mut parcels = Vec::with_capacity(lines.len().div_ceil(self.lines_max));
        while !lines.is_empty() {
            let rest = lines.split_off(self.lines_max.min(lines.len()));
            let batch = SaleBatch { sales: lines, on_refusal: OnRefusal::SkipLine };
            parcels.push(Parcel { batch, backlog, twice: self.dice.per_mille(self.faults.doubled) });
            lines = rest;
        }
        parcels
    }

    /// Takes the answer to a batch: sets the clock, forgets what is recorded, and learns from what is refused.
    ///
    /// `first` tells that the batch cannot have reached the server before.
    pub fn settle(
        &mut self,
        sales: &[SaleLine],
        receipt: &BatchReceipt,
        first: bool,
        now: Time,
        tally: &Tally,
    ) {
        let correction = self.clock.set(receipt.server_time, now);
        if receipt.lines.len() != sales.len() {
            tally.add(|it| it.contradictions += 1);
        }
        for (line, outcome) in sales.iter().zip(&receipt.lines) {
            if counter_of(outcome) != line.counter {
                tally.add(|it| it.contradictions += 1);
            }
            match outcome {
                LineOutcome::Recorded { .. } => tally.add(|it| it.recorded += 1),
                LineOutcome::Known { .. } => tally.add(|it| {
                    it.known += 1;
                    it.contradictions += u64::from(first);
                }),
                LineOutcome::Refused { rule, .. } => {
                    tally.add(|it| *it.refused.entry(rule.clone()).or_default() += 1);
                    if rule == "future-time" && line.occurred > receipt.server_time {
                        self.correct(line, correction.min(0), receipt.server_time);
                        continue;
                    }
                    if rule == "past-time" && !line.offline {
                        // Its clock was set since, if not just now.
                        let late = if correction > 0 { correction } else { i64::MAX / 4 };
                        self.correct(line, late, receipt.server_time);
                        continue;
                    }
                    self.learn(rule, line);
                }
            }
            self.forget(line);
        }
    }

    /// A sale that the wrong clock dated wrong happened all the same: it goes out again, dated right.
    fn correct(&mut self, line: &SaleLine, correction: i64, right: Time) {
        let occurred = line.occurred.plus_ms(correction).min(right);
        self.open.push(SaleLine { occurred, ..line.clone() });
    }

    /// A batch was refused as a whole, or given up.
    pub fn give_up(&mut self, sales: &[SaleLine]) {
        sales.iter().for_each(|line| self.forget(line));
    }

    fn learn(&mut self, rule: &str, line: &SaleLine) {
        match rule {
            "mass-balance" => {
                let left = self.offers.iter().find(|it| it.lot == line.lot).map_or(0, |it| it.left_g);
                let shown = left + self.unanswered_g.get(&line.lot).copied().unwrap_or(0);
                self.spent.insert(line.lot.clone(), shown);
                self.withdraw(&line.lot);
            }
            "held-lot" | "unknown-lot" | "foreign-lot" | "product-mismatch" => self.withdraw(&line.lot),
            "verification-expired" | "unknown-scale" => self.to_sell = 0,
            _ => {}
        }
    }

    fn withdraw(&mut self, lot: &str) {
        self.offers.retain(|offer| offer.lot != lot);
    }

    fn forget(&mut self, line: &SaleLine) {
        self.unanswered = self.unanswered.saturating_sub(1);
        if let Some(grams) = self.unanswered_g.get_mut(&line.lot) {
            *grams -= line.grams.0;
            if *grams <= 0 {
                self.unanswered_g.remove(&line.lot);
            }
        }
    }

    pub fn unanswered(&self) -> u64 {
        self.unanswered as u64
    }
}

pub(crate) fn counter_of(outcome: &LineOutcome) -> u32 {
    match outcome {
        LineOutcome::Recorded { counter, .. }
        | LineOutcome::Known { counter, .. }
        | LineOutcome::Refused { counter, .. } => *counter,
    }
}

#[cfg(test)]
#[path = "till_tests.rs"]
mod tests;
