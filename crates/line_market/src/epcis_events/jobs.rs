//! Capture jobs: what became of a document, for whoever sent it to read later.
//!
//! A job is kept in the transaction that records its events, so that it is there whenever they are. It is no entry:
//! it says what a request was told, and a document that brings nothing new must change no book.

use base::{ActorId, BookId, Time};
use kernel::{Desk, Page};
use store::{Param, Row, StoreError, Tx, Value, placeholders};

use super::{EventOutcome, Mode, Prepared};
use crate::apply::word;
use crate::record::Failure;
use crate::refusal::Refusal;

/// Books asked for in one query.
const CHUNK: usize = 256;
/// Digits of a job's name: 12 of the milliseconds, which make names sort by time, and 20 of random bits.
const NAME_DIGITS: usize = 32;

/// A document that was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureJob {
    /// Unique in the installation.
    pub capture: String,
    pub book: BookId,
    pub created: Time,
    pub finished: Time,
    pub mode: Mode,
    /// Why events were not recorded, each with its place in the document; none where `mode` is [`Mode::Rollback`].
    pub refused: Vec<Refusal>,
}

/// Records a document, and the job that tells what became of it.
pub fn capture_as_job(
    desk: &mut Desk<'_>,
    actor: &ActorId,
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
        refused: refused.collect(),
    };
    keep(desk, actor, &job);
    Ok(job)
}

fn keep(desk: &mut Desk<'_>, actor: &ActorId, job: &CaptureJob) {
    const KEEP: &str = "insert into market_capture (book, capture, actor, created, finished, mode, refused)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let refused = serde_json::to_string(&job.refused).expect("refusals are JSON");
    let text = |text: &str| Value::Text(text.to_owned());
    let values = vec![
        text(job.book.as_str()),
        text(&job.capture),
        text(actor.as_str()),
        Value::Int(job.created.0),
        Value::Int(job.finished.0),
        Value::Text(word(&job.mode)),
        Value::Text(refused),
    ];
    desk.aside(KEEP, values);
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
pub fn job(tx: &mut dyn Tx, books: &[BookId], capture: &str) -> Result<Option<CaptureJob>, StoreError> {
    if !is_name(capture) {
        return Ok(None);
    }
    for chunk in books.chunks(CHUNK) {
        let sql = format!(
            "select {COLUMNS} from market_capture where capture = $1 and book in ({})",
            placeholders(2, chunk.len())
        );
        let mut params = vec![Param::Text(capture)];
        params.extend(chunk.iter().map(|book| Param::Text(book.as_str())));
        if let Some(row) = tx.query_one(&sql, &params)? {
            return read(&row).map(Some);
        }
    }
    Ok(None)
}

/// The jobs of these books, newest first, behind a token of the page before; `None` for a token that is none.
pub fn jobs(
    tx: &mut dyn Tx,
    books: &[BookId],
    token: Option<&str>,
    count: usize,
) -> Result<Option<Page<CaptureJob>>, StoreError> {
    const LATEST: &str = "where book = $1 and capture < $2 order by capture desc limit $3";
    if token.is_some_and(|token| !is_name(token)) {
        return Ok(None);
    }
    // Behind every digit.
    let below = token.unwrap_or("g");
    // One more tells whether there is a next page.
    let limit = Value::Int(i64::try_from(count + 1).unwrap_or(i64::MAX));
    let mut items = Vec::new();
    for book in books {
        let sql = format!("select {COLUMNS} from market_capture {LATEST}");
        let rows = tx.query(&sql, &[Param::Text(book.as_str()), Param::Text(below), Param::from(&limit)])?;
        items.extend(rows.iter().map(read).collect::<Result<Vec<_>, _>>()?);
    }
    items.sort_by(|a, b| b.capture.cmp(&a.capture));
    let more = items.len() > count;
    items.truncate(count);
    let next = items.last().filter(|_| more).map(|last| last.capture.clone());
    Ok(Some(Page { items, next }))
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
