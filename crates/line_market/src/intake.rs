//! The scale contract, version 1: batches of sales, idempotent by (scale, counter); blocks and their acknowledgement.
//!
//! HTTP and MQTT carry the same documents, and both end here.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use base::limits::{BLOCKS_MAX, LOTS_ON_SALE_MAX, REQUEST_BYTES_MAX, SALES_PER_BATCH_MAX};
use base::{ActorId, BookId, Day, Fen, Grams, Seq, Time};
use kernel::{AppendError, Desk};
use ledger::{Body, BodyError, Draft, Entry, Role, Rule};
use serde::{Deserialize, Serialize};
use store::{Param, Tx};

use crate::duties::{self, Cause};
use crate::kinds::{BlockAcknowledged, Breach, BreachReported, Sale, SlipSerial};
use crate::record::Failure;
use crate::record::of_day::{OfDay, Sort};
use crate::refusal::{Code, Refusal};
use crate::rules::sale::{Ground, Told};
use crate::state::{self, Block, Blocks, Past, Price, Product, Sold};

/// What a sale counts as among what a scale has in hand: a batch of the most there may be takes all its turns.
pub(crate) const BYTES_PER_SALE: usize = REQUEST_BYTES_MAX / SALES_PER_BATCH_MAX;

/// One weighing, as a scale reports it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleLine {
    /// The scale's own count of its sales, never used twice.
    pub counter: u32,
    pub occurred: Time,
    pub lot: String,
    pub product: String,
    pub stall: String,
    /// Net weight.
    pub grams: Grams,
    pub fen_per_kg: Fen,
    pub amount_fen: Fen,
    /// 64 random bits that the scale drew for the slip, as 16 hexadecimal digits.
    pub nonce: String,
    /// Whether the scale was cut off when it sold.
    #[serde(default)]
    pub offline: bool,
}

/// What becomes of a batch with a refused line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnRefusal {
    /// Nothing of the batch is recorded.
    #[default]
    RefuseAll,
    /// The other lines are recorded, and the refused ones are named.
    SkipLine,
}

/// A batch of sales of one scale.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleBatch {
    pub sales: Vec<SaleLine>,
    #[serde(default)]
    pub on_refusal: OnRefusal,
}

/// What became of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum LineOutcome {
    /// Recorded now.
    Recorded { counter: u32, seq: Seq, slip: String },
    /// Recorded by an earlier batch with the same content.
    Known { counter: u32, seq: Seq, slip: String },
    /// Not recorded.
    Refused { counter: u32, index: usize, rule: String, field: String, detail: String },
}

/// The answer to a batch; the entries are on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BatchReceipt {
    pub lines: Vec<LineOutcome>,
    /// The server's clock, for the scale to set its own by.
    pub server_time: Time,
}

/// What a scale needs to know to sell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ScaleState {
    pub server_time: Time,
    pub stall: Option<String>,
    pub products: Vec<Product>,
    pub prices: Vec<Price>,
    /// Lots of the scale's stall that may be sold, with what is left of them.
    pub lots: Vec<OpenLot>,
    /// Holds in force; those without `acked_at` wait for this scale's confirmation.
    pub blocks: Vec<Block>,
}

/// A lot that may be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OpenLot {
    pub lot: String,
    pub product: String,
    pub left_g: Grams,
}

fn refused(refusal: Refusal) -> Failure {
    AppendError::Refused(refusal)
}

/// Records a batch of sales of days that are past, such as those of a market that is taken over: its scales were connected
/// when they sold.
pub fn record_sales(
    desk: &mut Desk<'_>,
    book: &BookId,
    scale: u32,
    actor: &ActorId,
    batch: &SaleBatch,
) -> Result<BatchReceipt, Failure> {
    Prepared { is_history: true, ..Prepared::new(book, scale, actor, batch)? }.record(desk, u64::MAX)
}

/// A batch ready to be recorded: all that needs neither the market's state nor the clock is done.
#[derive(Debug)]
pub struct Prepared {
    book: BookId,
    scale: u32,
    actor: ActorId,
    on_refusal: OnRefusal,
    lines: Vec<PreparedLine>,
    is_history: bool,
}

#[derive(Debug)]
struct PreparedLine {
    counter: u32,
    occurred: Time,
    /// What it says, or why it is wrong in itself.
    sale: Result<PreparedSale, Refusal>,
}

#[derive(Debug)]
struct PreparedSale {
    sale: Arc<Sale>,
    serial: SlipSerial,
    slip: String,
    draft: Draft,
}

impl Prepared {
    /// Drafts the entries. Done before the writer's turn, it keeps that short.
    pub fn new(book: &BookId, scale: u32, actor: &ActorId, batch: &SaleBatch) -> Result<Self, Failure> {
        if batch.sales.is_empty() || batch.sales.len() > SALES_PER_BATCH_MAX {
            let detail = format!("a batch has 1 to {SALES_PER_BATCH_MAX} lines");
            return Err(refused(Refusal::new(Code::Body, "sales", detail)));
        }
        let line = |line: &SaleLine| PreparedLine {
            counter: line.counter,
            occurred: line.occurred,
            sale: PreparedSale::new(book, scale, actor, line),
        };
        Ok(Self {
            book: book.clone(),
            scale,
            actor: actor.clone(),
            on_refusal: batch.on_refusal,
            lines: batch.sales.iter().map(line).collect(),
            is_history: false,
        })
    }

    /// Judges the lines one by one on what is known of the market, and records them, as far as the scale may sell on a day.
    /// Nothing is written before all are judged.
    pub fn record(&self, desk: &mut Desk<'_>, of_day_max: u64) -> Result<BatchReceipt, Failure> {
        desk.take(&self.book)?;
        let tx = desk.read()?;
        let mut ground = self.ground(tx)?;
        let known = self.known_sales(tx)?;
        let mut of_day = OfDay::begin(desk, &self.book, (Sort::Sales, self.scale.to_string()), of_day_max)?;
        let mut in_batch: HashMap<u32, usize> = HashMap::with_capacity(self.lines.len());
        let mut decided = Vec::with_capacity(self.lines.len());
        for (index, line) in self.lines.iter().enumerate() {
            let found = match in_batch.insert(line.counter, index) {
                Some(first) if line.repeats(&self.lines[first]) => Ok(Decided::Repeats(first)),
                Some(first) => Err(counter_reused(&format!("line {first} of this batch"))),
                None => match known.get(&line.counter) {
                    Some(entry) => self.known_line(line, entry).map(Decided::Told),
                    None => {
                        of_day.take()?;
                        let judged = self.judge(desk, &mut ground, line);
                        if judged.is_err() {
                            of_day.give_back();
                        }
                        judged
                    }
                },
            };
            match (found, self.on_refusal) {
                (Ok(found), _) => decided.push(found),
                (Err(refusal), OnRefusal::RefuseAll) => return Err(refused(refusal.at(index))),
                (Err(refusal), OnRefusal::SkipLine) => decided.push(Decided::Told(LineOutcome::Refused {
                    counter: line.counter,
                    index,
                    rule: refusal.code.name(),
                    field: refusal.field,
                    detail: refusal.detail,
                })),
            }
        }
        let past = self.past(desk.read()?, &decided)?;
        let mut owed = HashSet::new();
        let mut outcomes: Vec<LineOutcome> = Vec::with_capacity(decided.len());
        for (line, decided) in self.lines.iter().zip(decided) {
            let outcome = match decided {
                Decided::Told(outcome) => outcome,
                Decided::Repeats(first) => repeat(&outcomes[first]),
                Decided::New { prepared, is_beyond } => {
                    let day = desk.zone().day_of(line.occurred);
                    let breaches = ground.breaches(&prepared.sale, (line.occurred, day), &past, is_beyond);
                    self.write(desk, line, prepared, breaches, &mut owed)?
                }
            };
            outcomes.push(outcome);
        }
        of_day.note(desk);
        Ok(BatchReceipt { lines: outcomes, server_time: desk.now() })
    }

    /// The lines that are sound in themselves; of others nothing is asked.
    fn sound(&self) -> impl Iterator<Item = (&PreparedLine, &PreparedSale)> + Clone {
        self.lines.iter().filter_map(|line| Some((line, line.sale.as_ref().ok()?)))
    }

    fn ground(&self, tx: &mut dyn Tx) -> Result<Ground, Failure> {
        let codes = each_once(self.sound().map(|(_, prepared)| prepared.sale.lot.as_str()));
        let unknown = || {
            refused(Refusal::new(Code::UnknownScale, "scale", format!("there is no scale {}", self.scale)))
        };
        let scale = state::scale(tx, &self.book, self.scale)?.ok_or_else(unknown)?;
        let lots = state::lots(tx, &self.book, &codes)?;
        let is_elsewhere = |sale: &Sale| sale.offline && Some(&sale.stall) != scale.stall.as_ref();
        let elsewhere = self.sound().filter(|(_, prepared)| is_elsewhere(&prepared.sale));
        let places = match span(elsewhere.map(|(line, _)| line.occurred)) {
            Some(asked) => state::places_of_scale(tx, &self.book, self.scale, asked)?,
            None => Vec::new(),
        };
        let tenant = tenant(tx, &self.book, scale.stall.as_deref())?;
        let lots = lots.into_iter().map(|lot| (lot.lot.clone(), lot)).collect();
        Ok(Ground { scale, places, lots, tenant })
    }

    /// What stood when the sales were made that are to be recorded. A connected scale is judged by what stands: for it nothing of
    /// this is read.
    fn past(&self, tx: &mut dyn Tx, decided: &[Decided<'_>]) -> Result<Past, Failure> {
        let cut_off = || {
            let new = self.lines.iter().zip(decided).filter_map(|(line, decided)| match decided {
                Decided::New { prepared, .. } => Some((line.occurred, &prepared.sale)),
                _ => None,
            });
            new.filter(|(_, sale)| sale.offline)
        };
        let Some(asked) = span(cut_off().map(|(occurred, _)| occurred)) else { return Ok(Past::default()) };
        let lots = each_once(cut_off().map(|(_, sale)| sale.lot.as_str()));
        let stalls = each_once(cut_off().map(|(_, sale)| sale.stall.as_str()));
        let sold = Sold { scale: self.scale, lots: &lots, stalls: &stalls };
        Ok(state::past(tx, &self.book, sold, asked)?)
    }

    /// The sales of this batch that are recorded already, by counter.
    ///
    /// A slip's subject begins with scale and counter, so one range of the links tells.
    fn known_sales(&self, tx: &mut dyn Tx) -> Result<HashMap<u32, Entry>, Failure> {
        /// Counters that are missing between two of a batch and still cheaper to read through than to ask around: of a batch of the
        /// most lines that comes to four times as many.
        const GAP: u32 = 4;
        /// Runs of counters that are asked for at once.
        const RUNS: usize = 16;
        // Lines that are wrong in themselves are refused whatever is known of their counters.
        let counters = each_once(self.sound().map(|(line, _)| line.counter));
        let mut linked = HashMap::new();
        let runs = counters.chunk_by(|a, b| b - a <= GAP);
        let bounds: Vec<[String; 2]> = runs
            .map(|run| {
                let from = SlipSerial::prefix(&self.book, self.scale, run[0]);
                // '~' follows every base-62 digit.
                [from, format!("{}~", SlipSerial::prefix(&self.book, self.scale, run[run.len() - 1]))]
            })
            .collect();
        for bounds in bounds.chunks(RUNS) {
            let mut params = vec![Param::Text(self.book.as_str())];
            params.extend(bounds.iter().flatten().map(|bound| Param::Text(bound)));
            for row in tx.query(&of_runs(bounds.len()), &params)? {
                let serial = row.text(0)?.rsplit('/').next().and_then(SlipSerial::parse);
                let counter = serial.map(|serial| serial.counter);
                if let Some(counter) = counter.filter(|counter| counters.binary_search(counter).is_ok()) {
                    linked.insert(Seq::from_i64(row.int(1)?), counter);
                }
            }
        }
        // Nearly every sale is new, and then there is nothing to ask.
        let mut seqs: Vec<Seq> = linked.keys().copied().collect();
        let captured = state::captured(tx, &self.book, &seqs)?;
        seqs.retain(|seq| !captured.contains(seq));
        let entries = kernel::entries::entries(tx, &self.book, &seqs)?;
        Ok(entries.into_iter().map(|entry| (linked[&entry.seq], entry)).collect())
    }

    fn known_line(&self, line: &PreparedLine, entry: &Entry) -> Result<LineOutcome, Refusal> {
        let PreparedSale { sale, serial, slip, .. } = line.sale.as_ref().map_err(Refusal::clone)?;
        let is_same = entry.occurred == line.occurred
            && entry.subject(Role::Output) == Some(&serial.subject(&self.book))
            && entry.body::<Sale>().is_ok_and(|recorded| same(&recorded, sale));
        match is_same {
            true => Ok(LineOutcome::Known { counter: line.counter, seq: entry.seq, slip: slip.clone() }),
            false => Err(counter_reused(&format!("entry {}", entry.seq))),
        }
    }

    fn judge<'l>(
        &self,
        desk: &Desk<'_>,
        ground: &mut Ground,
        line: &'l PreparedLine,
    ) -> Result<Decided<'l>, Refusal> {
        let prepared = line.sale.as_ref().map_err(Refusal::clone)?;
        prepared.draft.check(desk.now())?;
        let on_day = |at: Time| (at, desk.zone().day_of(at));
        let reported = (!self.is_history).then(|| on_day(desk.now()));
        let told = Told { occurred: on_day(line.occurred), reported };
        let is_beyond = ground.judge(&prepared.sale, told)?;
        Ok(Decided::New { prepared, is_beyond })
    }

    /// Records a sale and what it broke; what is owed for a breach is owed once for all of a day.
    fn write(
        &self,
        desk: &mut Desk<'_>,
        line: &PreparedLine,
        PreparedSale { sale, serial, slip, draft }: &PreparedSale,
        breaches: Vec<(Breach, Option<Seq>)>,
        owed: &mut HashSet<(Breach, Day)>,
    ) -> Result<LineOutcome, Failure> {
        let receipt = desk.append(draft.clone())?;
        for (breach, hold) in breaches {
            let body = BreachReported {
                breach,
                lot: sale.lot.clone(),
                scale: self.scale,
                counter: sale.counter,
                grams: sale.grams,
                hold: hold.map(|seq| seq.0),
            };
            let draft = Draft::new(&self.book, line.occurred, &self.actor, &body)?;
            let lot = subject(&self.book, "lot", &sale.lot).map_err(refused)?;
            desk.append(draft.subject(Role::About, lot).subject(Role::About, serial.subject(&self.book)))?;
            let day = desk.zone().day_of(desk.done_at(&self.actor, line.occurred));
            if owed.insert((breach, day)) {
                let cause = Cause::Breach { scale: self.scale, lot: &sale.lot, breach };
                duties::owe(desk, &self.book, &self.actor, line.occurred, &cause)?;
            }
        }
        Ok(LineOutcome::Recorded { counter: line.counter, seq: receipt.seq, slip: slip.clone() })
    }
}

/// What is to become of a line.
enum Decided<'l> {
    Told(LineOutcome),
    /// The same as of an earlier one of the batch.
    Repeats(usize),
    New {
        prepared: &'l PreparedSale,
        is_beyond: bool,
    },
}

/// The first and the last of some moments.
fn span(times: impl Iterator<Item = Time> + Clone) -> Option<(Time, Time)> {
    Some((times.clone().min()?, times.max()?))
}

fn each_once<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.collect::<BTreeSet<T>>().into_iter().collect()
}

impl PreparedLine {
    /// Whether this line reports the same sale as an earlier one of its batch.
    fn repeats(&self, first: &Self) -> bool {
        match (&self.sale, &first.sale) {
            (Ok(a), Ok(b)) => {
                self.occurred == first.occurred && a.serial == b.serial && same(&a.sale, &b.sale)
            }
            _ => false,
        }
    }
}

impl PreparedSale {
    fn new(book: &BookId, scale: u32, actor: &ActorId, line: &SaleLine) -> Result<Self, Refusal> {
        let sale = Arc::new(sale_of(scale, line));
        sale.check()?;
        let serial = serial(scale, line)?;
        let draft =
            Draft::of(book, line.occurred, actor, sale.clone())?.at(subject(book, "stall", &sale.stall)?);
        let draft = draft
            .subject(Role::Input, subject(book, "lot", &sale.lot)?)
            .subject(Role::Output, serial.subject(book));
        Ok(Self { slip: serial.print(), sale, serial, draft })
    }
}

/// Reads the slips of so many runs of counters: the first and the last of each follow the book.
fn of_runs(count: usize) -> String {
    let run = |at: usize| {
        let (from, to) = (2 * at + 2, 2 * at + 3);
        format!(
            "select subject, seq from link where book = $1 and subject >= ${from} and subject < ${to} and role = 'output'"
        )
    };
    (0..count).map(run).collect::<Vec<_>>().join(" union all ")
}

/// Whether two sales are one; whether the scale was cut off may be told differently by a retry.
fn same(a: &Sale, b: &Sale) -> bool {
    a == b || Sale { offline: b.offline, ..a.clone() } == *b
}

fn counter_reused(where_: &str) -> Refusal {
    let detail = format!("the counter was used with another content by {where_}");
    Refusal::new(Code::CounterReused, "counter", detail)
}

fn repeat(first: &LineOutcome) -> LineOutcome {
    match first {
        LineOutcome::Recorded { counter, seq, slip } => {
            LineOutcome::Known { counter: *counter, seq: *seq, slip: slip.clone() }
        }
        other => other.clone(),
    }
}

fn serial(scale: u32, line: &SaleLine) -> Result<SlipSerial, Refusal> {
    let hex = line.nonce.len() == 16 && line.nonce.bytes().all(|b| b.is_ascii_hexdigit());
    match u64::from_str_radix(&line.nonce, 16) {
        Ok(nonce) if hex => Ok(SlipSerial { scale, counter: line.counter, nonce }),
        _ => Err(Refusal::new(Code::Body, "nonce", "must be 16 hexadecimal digits")),
    }
}

fn sale_of(scale: u32, line: &SaleLine) -> Sale {
    Sale {
        amount_fen: line.amount_fen,
        counter: line.counter,
        fen_per_kg: line.fen_per_kg,
        grams: line.grams,
        lot: line.lot.clone(),
        offline: line.offline,
        product: line.product.clone(),
        scale,
        stall: line.stall.clone(),
    }
}

fn subject(book: &BookId, scheme: &str, local: &str) -> Result<base::SubjectId, Refusal> {
    base::SubjectId::local(scheme, book, local)
        .map_err(|error| BodyError::new(scheme, Rule::Format, error.to_string()).into())
}

/// Whom a stall is let to.
fn tenant(tx: &mut dyn Tx, book: &BookId, stall: Option<&str>) -> Result<Option<String>, store::StoreError> {
    let Some(stall) = stall else { return Ok(None) };
    Ok(state::stall(tx, book, stall)?.and_then(|stall| stall.merchant))
}

/// What a scale sells, and what it must not.
pub fn scale_state(
    tx: &mut dyn Tx,
    book: &BookId,
    scale: u32,
    now: Time,
) -> Result<Option<ScaleState>, store::StoreError> {
    let Some(scale) = state::scale(tx, book, scale)? else { return Ok(None) };
    let stall = scale.stall.as_deref();
    let tenant = tenant(tx, book, stall)?.unwrap_or_default();
    let filter = state::LotFilter {
        stall: Some(stall.unwrap_or_default()),
        merchant: Some(&tenant),
        left: true,
        free: true,
        ..Default::default()
    };
    let lots = state::list_lots(tx, book, &filter, LOTS_ON_SALE_MAX, 0)?;
    Ok(Some(ScaleState {
        server_time: now,
        products: state::products(tx, book)?,
        prices: if stall.is_some() { state::prices(tx, book, stall)? } else { Vec::new() },
        lots: lots
            .into_iter()
            .map(|lot| OpenLot { left_g: lot.left_g(), lot: lot.lot, product: lot.product })
            .collect(),
        blocks: state::blocks(tx, book, Blocks::ToldScale(scale.scale))?,
        stall: scale.stall,
    }))
}

/// A scale confirms that it no longer sells the lots of these holds.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Numbers of the entries that hold the lots.
    pub holds: Vec<u64>,
}

/// Records a scale's confirmations; one that was recorded before is left as it is.
pub fn acknowledge(
    desk: &mut Desk<'_>,
    book: &BookId,
    scale: u32,
    actor: &ActorId,
    ack: &Acknowledgement,
) -> Result<Vec<Seq>, Failure> {
    if ack.holds.len() > BLOCKS_MAX {
        let detail = format!("a confirmation names at most {BLOCKS_MAX} holds");
        return Err(refused(Refusal::new(Code::Body, "holds", detail)));
    }
    desk.take(book)?;
    let now = desk.now();
    let blocks = state::blocks(desk.read()?, book, Blocks::AtScale(scale))?;
    let mut blocks: HashMap<u64, Block> = blocks.into_iter().map(|block| (block.hold.0, block)).collect();
    let mut recorded = Vec::new();
    for (index, hold) in ack.holds.iter().enumerate() {
        let block = blocks.get_mut(hold).ok_or_else(|| {
            let detail = format!("scale {scale} has no block of hold {hold} in force");
            refused(Refusal::new(Code::NoBlock, format!("holds[{index}]"), detail).at(index))
        })?;
        if block.acked_at.replace(now).is_some() {
            continue;
        }
        let after_ms = now.since_ms(block.recorded_at).max(0);
        let body = BlockAcknowledged { lot: block.lot.clone(), hold: *hold, scale, after_ms };
        let draft = Draft::new(book, now, actor, &body)?;
        let receipt =
            desk.append(draft.subject(Role::About, subject(book, "lot", &block.lot).map_err(refused)?))?;
        recorded.push(receipt.seq);
    }
    Ok(recorded)
}
