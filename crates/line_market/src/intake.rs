//! The scale contract, version 1: batches of sales, idempotent by (scale, counter); blocks and their acknowledgement.
//!
//! HTTP and MQTT carry the same documents, and both end here.

use std::collections::HashMap;
use std::sync::Arc;

use base::limits::{BLOCKS_MAX, LOTS_ON_SALE_MAX, REQUEST_BYTES_MAX, SALES_PER_BATCH_MAX};
use base::{ActorId, BookId, Fen, Grams, Seq, Time};
use kernel::{AppendError, Desk};
use ledger::{Body, BodyError, Draft, Role, Rule};
use serde::{Deserialize, Serialize};
use store::{Param, Tx};

use crate::duties::{self, Cause};
use crate::kinds::{BlockAcknowledged, BreachReported, Sale, SlipSerial};
use crate::record::Failure;
use crate::record::of_day::{OfDay, Sort};
use crate::refusal::{Code, Refusal};
use crate::rules::sale::{Ground, Judged, Told};
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
    pub fn record(&self, desk: &mut Desk<'_>, of_day_max: u64) -> Result<BatchReceipt, Failure> {
        desk.take(&self.book)?;
        let tx = desk.read()?;
        let mut ground = self.ground(tx)?;
        let known = self.known_slips(tx)?;
        let mut of_day = OfDay::begin(desk, &self.book, (Sort::Sales, self.scale.to_string()), of_day_max)?;
        let mut in_batch: HashMap<u32, usize> = HashMap::with_capacity(self.lines.len());
        let mut outcomes = Vec::with_capacity(self.lines.len());
        for (index, line) in self.lines.iter().enumerate() {
            let outcome = match in_batch.insert(line.counter, index) {
                Some(first) if line.repeats(&self.lines[first]) => Ok(repeat(&outcomes[first])),
                Some(first) => Err(counter_reused(&format!("line {first} of this batch"))),
                None => match known.get(&line.counter) {
                    Some(seq) => self.known_line(desk, line, *seq)?,
                    None => {
                        of_day.take()?;
                        let outcome = self.new_line(desk, &mut ground, line)?;
                        if outcome.is_err() {
                            of_day.give_back();
                        }
                        outcome
                    }
                },
            };
            match (outcome, self.on_refusal) {
                (Ok(outcome), _) => outcomes.push(outcome),
                (Err(refusal), OnRefusal::RefuseAll) => return Err(refused(refusal.at(index))),
                (Err(refusal), OnRefusal::SkipLine) => outcomes.push(LineOutcome::Refused {
                    counter: line.counter,
                    index,
                    rule: refusal.code.name(),
                    field: refusal.field,
                    detail: refusal.detail,
                }),
            }
        }
        of_day.note(desk);
        Ok(BatchReceipt { lines: outcomes, server_time: desk.now() })
    }

    fn ground(&self, tx: &mut dyn Tx) -> Result<Ground, Failure> {
        // A line that is wrong in itself is refused, and its lot never asked for.
        let sales = self.lines.iter().filter_map(|line| line.sale.as_ref().ok());
        let mut codes: Vec<&str> = sales.map(|prepared| prepared.sale.lot.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let unknown = || {
            refused(Refusal::new(Code::UnknownScale, "scale", format!("there is no scale {}", self.scale)))
        };
        let scale = state::scale(tx, &self.book, self.scale)?.ok_or_else(unknown)?;
        let lots = state::lots(tx, &self.book, &codes)?;
        let is_elsewhere = |prepared: &PreparedSale| Some(&prepared.sale.stall) != scale.stall.as_ref();
        let places = match self.lines.iter().filter_map(|line| line.sale.as_ref().ok()).any(is_elsewhere) {
            true => state::places_of_scale(tx, &self.book, self.scale)?,
            false => Vec::new(),
        };
        let tenant = tenant(tx, &self.book, scale.stall.as_deref())?;
        let lots = lots.into_iter().map(|lot| (lot.lot.clone(), lot)).collect();
        let mut ground = Ground { scale, places, past: Past::default(), lots, tenant };
        ground.past = self.past(tx, &ground)?;
        Ok(ground)
    }

    /// A connected scale is judged by what stands: for it nothing of this is read.
    fn past(&self, tx: &mut dyn Tx, ground: &Ground) -> Result<Past, Failure> {
        let cut_off = || {
            let told =
                self.lines.iter().filter_map(|line| Some((line.occurred, &line.sale.as_ref().ok()?.sale)));
            told.filter(|(_, sale)| sale.offline)
        };
        let times = || cut_off().map(|(occurred, _)| occurred);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(Past::default()) };
        let mut lots: Vec<&str> = cut_off().map(|(_, sale)| sale.lot.as_str()).collect();
        lots.sort_unstable();
        lots.dedup();
        let mut stalls: Vec<&str> = cut_off().map(|(_, sale)| sale.stall.as_str()).collect();
        stalls.sort_unstable();
        stalls.dedup();
        stalls.retain(|stall| ground.has_stood_at(stall));
        let sold = Sold { scale: self.scale, lots: &lots, stalls: &stalls };
        Ok(state::past(tx, &self.book, sold, (first, last))?)
    }

    /// The sales of this batch that are recorded already, by counter.
    ///
    /// A slip's subject begins with scale and counter, so one range of the links tells.
    fn known_slips(&self, tx: &mut dyn Tx) -> Result<HashMap<u32, Seq>, Failure> {
        /// Counters that are missing between two of a batch and still cheaper to read through than to ask around: of a batch of the
        /// most lines that comes to four times as many.
        const GAP: u32 = 4;
        /// Runs of counters that are asked for at once.
        const RUNS: usize = 16;
        // Lines that are wrong in themselves are refused whatever is known of their counters.
        let sound = self.lines.iter().filter(|line| line.sale.is_ok());
        let mut counters: Vec<u32> = sound.map(|line| line.counter).collect();
        counters.sort_unstable();
        let mut linked = Vec::new();
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
                if let Some(serial) = serial {
                    linked.push((serial.counter, Seq::from_i64(row.int(1)?)));
                }
            }
        }
        // Nearly every sale is new, and then there is nothing to ask.
        let seqs: Vec<Seq> = linked.iter().map(|(_, seq)| *seq).collect();
        let captured = state::captured(tx, &self.book, &seqs)?;
        Ok(linked.into_iter().filter(|(_, seq)| !captured.contains(seq)).collect())
    }

    /// The outer error is the machine's, and ends the batch; the inner one refuses the line.
    fn known_line(
        &self,
        desk: &mut Desk<'_>,
        line: &PreparedLine,
        seq: Seq,
    ) -> Result<Result<LineOutcome, Refusal>, Failure> {
        let reused = || Err(counter_reused(&format!("entry {seq}")));
        let PreparedSale { sale, serial, slip, .. } = match &line.sale {
            Ok(prepared) => prepared,
            Err(refusal) => return Ok(Err(refusal.clone())),
        };
        let Some(entry) = kernel::entries::entry(desk.read()?, &self.book, seq)? else { return Ok(reused()) };
        let Ok(recorded) = entry.body::<Sale>() else { return Ok(reused()) };
        let same = entry.occurred == line.occurred
            && entry.subject(Role::Output) == Some(&serial.subject(&self.book))
            && same(&recorded, sale);
        Ok(match same {
            true => Ok(LineOutcome::Known { counter: line.counter, seq, slip: slip.clone() }),
            false => reused(),
        })
    }

    /// The outer error ends the batch whatever it asked for; the inner one refuses the line.
    fn new_line(
        &self,
        desk: &mut Desk<'_>,
        ground: &mut Ground,
        line: &PreparedLine,
    ) -> Result<Result<LineOutcome, Refusal>, Failure> {
        let judged = line.sale.as_ref().map_err(Refusal::clone).and_then(|prepared| {
            prepared.draft.check(desk.now()).map_err(Refusal::from)?;
            let on_day = |at: Time| (at, desk.zone().day_of(at));
            let reported = (!self.is_history).then(|| on_day(desk.now()));
            let told = Told { occurred: on_day(line.occurred), reported };
            Ok((ground.judge(&prepared.sale, told)?, prepared))
        });
        let (Judged { breaches }, PreparedSale { sale, serial, slip, draft }) = match judged {
            Ok(judged) => judged,
            Err(refusal) => return Ok(Err(refusal)),
        };
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
            let cause = Cause::Breach { scale: self.scale, lot: &sale.lot, breach };
            duties::owe(desk, &self.book, &self.actor, line.occurred, &cause)?;
        }
        Ok(Ok(LineOutcome::Recorded { counter: line.counter, seq: receipt.seq, slip: slip.clone() }))
    }
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
        ..Default::default()
    };
    let lots = state::list_lots(tx, book, &filter, LOTS_ON_SALE_MAX, 0)?;
    Ok(Some(ScaleState {
        server_time: now,
        products: state::products(tx, book)?,
        prices: if stall.is_some() { state::prices(tx, book, stall)? } else { Vec::new() },
        lots: lots
            .into_iter()
            .filter(|lot| lot.hold.is_none() && lot.left_g().0 > 0)
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
