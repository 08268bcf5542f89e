//! Capture jobs: what became of a document, for whoever sent it to read later.
//!
//! A job is kept in the transaction that records its events, so that it is there whenever they are. It is no entry:
//! it says what a request was told, and a document that brings nothing new must change no book.

use base::{BookId, Time};
use kernel::{Desk, Page};
use store::{Param, Row, StoreError, Tx, Value};

use super::filter::Sql;
use super::{EventOutcome, Mode, Prepared, Sender, Sight};
use crate::apply::word;
use crate::record::Failure;
use crate::refusal::{Refusal, TOLD_CHARS_MAX, shortened};

/// Digits of a job's name: 12 of the milliseconds, which make names sort by time, and 20 of random bits.
const NAME_DIGITS: usize = 32;

/// Refusals that a job tells: they are kept for good, and listed by the page.
const REFUSED_MAX: usize = 100;
/// Jobs of a page at most, whatever was asked for; and bytes of their refusals as they are kept, unless it is one. Told, each
/// takes some times as much.
const JOBS_MAX: usize = 100;
const JOBS_BYTES_MAX: usize = 256 * 1024;
/// Jobs of one sender whose documents recorded nothing that are kept: whoever sends in vain leaves no more.
const IDLE_MAX: usize = 1_000;

/// A document that was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureJob {
    /// Unique in the installation.
    pub capture: String,
    pub book: BookId,
    pub created: Time,
    pub finished: Time,
    pub mode: Mode,
    /// Why events were not recorded, the first hundred, each with its place in the document; none where `mode` is
    /// [`Mode::Rollback`].
    pub refused: Vec<Refusal>,
}

/// Records a document, and the job that tells what became of it.
pub fn capture_as_job(
    desk: &mut Desk<'_>,
    prepared: &Prepared,
    mode: Mode,
    created: Time,
) -> Result<CaptureJob, Failure> {
    let outcome = prepared.record(desk, mode)?;
    let refused = outcome.events.into_iter().filter_map(|event| match event {
        EventOutcome::Refused(refusal) => Some(refusal),
        EventOutcome::Recorded { .. } | EventOutcome::Known { .. } => None,
    });
    let finished = desk.now();
    let job = CaptureJob {
        capture: name(desk),
        book: prepared.book().clone(),
        created: created.min(finished),
        finished,
        mode,
        refused: refused.take(REFUSED_MAX).map(told).collect(),
    };
    keep(desk, prepared.sender(), &job, outcome.recorded);
    Ok(job)
}

/// Bytes that the refusals among these take in a job, at most.
pub fn bytes_of_refusals(events: &[EventOutcome]) -> usize {
    /// Code and place of each, and the names of its members.
    const BESIDE: usize = 100;
    const CHAR_BYTES: usize = 4;
    let told = |text: &str| text.len().min(TOLD_CHARS_MAX * CHAR_BYTES);
    let each = |event: &EventOutcome| match event {
        EventOutcome::Refused(refusal) => Some(BESIDE + told(&refusal.field) + told(&refusal.detail)),
        EventOutcome::Recorded { .. } | EventOutcome::Known { .. } => None,
    };
    events.iter().filter_map(each).take(REFUSED_MAX).sum()
}

/// Field and detail come from the document, as long as that has them.
fn told(refusal: Refusal) -> Refusal {
    Refusal { field: shortened(refusal.field), detail: shortened(refusal.detail), ..refusal }
}

/// Keeps a job, in place of the oldest idle one if it is one more of these than are kept.
fn keep(desk: &mut Desk<'_>, sender: &Sender, job: &CaptureJob, recorded: u64) {
    const KEEP: &str =
        "insert into market_capture (book, capture, actor, created, finished, mode, refused, sender, recorded)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    const FORGET: &str =
        "delete from market_capture where book = $1 and sender = $2 and recorded = 0 and capture <=
        (select capture from market_capture where book = $1 and sender = $2 and recorded = 0
        order by capture desc limit 1 offset $3)";
    let refused = serde_json::to_string(&job.refused).expect("refusals are JSON");
    let text = |text: &str| Value::Text(text.to_owned());
    let values = vec![
        text(job.book.as_str()),
        text(&job.capture),
        text(sender.actor.as_str()),
        Value::Int(job.created.0),
        Value::Int(job.finished.0),
        Value::Text(word(&job.mode)),
        Value::Text(refused),
        text(sender.name()),
        Value::Int(i64::try_from(recorded).unwrap_or(i64::MAX)),
    ];
    desk.aside(KEEP, values);
    if recorded == 0 {
        desk.aside(FORGET, vec![text(job.book.as_str()), text(sender.name()), Value::Int(IDLE_MAX as i64)]);
    }
}

fn name(desk: &mut Desk<'_>) -> String {
    let time = format!("{:012x}", desk.now().0);
    time + &hex::encode(&desk.secret()[..10])
}

/// Whether a text has the form of a job's name.
fn is_name(text: &str) -> bool {
    text.len() == NAME_DIGITS && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

const COLUMNS: &str = "capture, book, created, finished, mode, refused";

/// A job of one of these books.
pub fn job(tx: &mut dyn Tx, sights: &[Sight], capture: &str) -> Result<Option<CaptureJob>, StoreError> {
    if !is_name(capture) {
        return Ok(None);
    }
    for sight in sights {
        let mut sql = Sql::new(&sight.book);
        sql.push(&format!("select {COLUMNS} from market_capture where book = $1 and capture = "))
            .text(capture);
        if let Some(row) = of_senders(tx, sql, sight, "")?.into_iter().next() {
            return read(&row).map(Some);
        }
    }
    Ok(None)
}

/// The jobs of these books, newest first, behind a token of the page before; `None` for a token that is none.
pub fn jobs(
    tx: &mut dyn Tx,
    sights: &[Sight],
    token: Option<&str>,
    count: usize,
) -> Result<Option<Page<CaptureJob>>, StoreError> {
    if token.is_some_and(|token| !is_name(token)) {
        return Ok(None);
    }
    let count = count.min(JOBS_MAX);
    // Behind every digit.
    let below = token.unwrap_or("g");
    // One more tells whether there is a next page.
    let limit = format!(" order by capture desc limit {}", count + 1);
    let mut names = Vec::new();
    for sight in sights {
        let mut sql = Sql::new(&sight.book);
        sql.push("select capture from market_capture where book = $1 and capture < ").text(below);
        for row in of_senders(tx, sql, sight, &limit)? {
            names.push((row.text(0)?.to_owned(), sight));
        }
    }
    names.sort_by(|a, b| b.0.cmp(&a.0));
    let mut more = names.len() > count;
    names.truncate(count);
    // One by one, for what was kept before refusals were bounded may be long.
    let (mut items, mut bytes) = (Vec::with_capacity(names.len()), 0);
    for (name, sight) in &names {
        let mut sql = Sql::new(&sight.book);
        sql.push(&format!("select {COLUMNS} from market_capture where book = $1 and capture = ")).text(name);
        let Some(row) = of_senders(tx, sql, sight, "")?.into_iter().next() else { continue };
        bytes += row.text(5)?.len();
        if bytes > JOBS_BYTES_MAX && !items.is_empty() {
            more = true;
            break;
        }
        items.push(read(&row)?);
    }
    let next = items.last().filter(|_| more).map(|last: &CaptureJob| last.capture.clone());
    Ok(Some(Page { items, next }))
}

fn of_senders(tx: &mut dyn Tx, mut sql: Sql, sight: &Sight, then: &str) -> Result<Vec<Row>, StoreError> {
    if let Some(senders) = &sight.senders {
        sql.push(" and ").among("sender", senders.iter().map(String::as_str));
    }
    sql.push(then);
    let params: Vec<Param<'_>> = sql.params.iter().map(Param::from).collect();
    tx.query(&sql.text, &params)
}

fn read(row: &Row) -> Result<CaptureJob, StoreError> {
    let shape = |error: String| StoreError::Schema(format!("a capture job: {error}"));
    let mode = row.text(4)?;
    let mode = [Mode::Rollback, Mode::Proceed].into_iter().find(|known| word(known) == mode);
    Ok(CaptureJob {
        capture: row.text(0)?.to_owned(),
        book: BookId::new(row.text(1)?).map_err(|error| shape(error.to_string()))?,
        created: Time(row.int(2)?),
        finished: Time(row.int(3)?),
        mode: mode.ok_or_else(|| shape("its mode is not known".into()))?,
        refused: serde_json::from_str(row.text(5)?).map_err(|error| shape(error.to_string()))?,
    })
}
