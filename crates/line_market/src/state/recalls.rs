//! Recalls, and how they ended.

use base::{BookId, Seq, Time};
use serde::Serialize;
use store::{Param, StoreError, Tx, placeholders};

/// A recall of a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RecallRow {
    pub seq: Seq,
    pub lot: String,
    pub at: Time,
    pub notice_zh: String,
    pub notice_en: String,
    /// How it ended; open, if it did not.
    pub outcome: Option<String>,
    pub ended_at: Option<Time>,
}

impl RecallRow {
    pub fn is_open(&self) -> bool {
        self.outcome.is_none()
    }

    /// Whether the notice still holds for whoever has the goods at home: until the recall is withdrawn.
    pub fn stands(&self) -> bool {
        self.outcome.as_deref() != Some("withdrawn")
    }
}

/// The recalls of some lots, the latest first.
pub fn recalls<S: AsRef<str>>(
    tx: &mut dyn Tx,
    book: &BookId,
    lots: &[S],
    count: usize,
) -> Result<Vec<RecallRow>, StoreError> {
    recalls_that(tx, book, lots, "1 = 1", count)
}

/// The latest recall of some lots whose notice still holds.
pub fn recall_that_stands<S: AsRef<str>>(
    tx: &mut dyn Tx,
    book: &BookId,
    lots: &[S],
) -> Result<Option<RecallRow>, StoreError> {
    const STANDS: &str = "(done.outcome is null or done.outcome <> 'withdrawn')";
    Ok(recalls_that(tx, book, lots, STANDS, 1)?.into_iter().next())
}

fn recalls_that<S: AsRef<str>>(
    tx: &mut dyn Tx,
    book: &BookId,
    lots: &[S],
    condition: &str,
    count: usize,
) -> Result<Vec<RecallRow>, StoreError> {
    let mut found = Vec::new();
    for chunk in lots.chunks(200) {
        let sql = format!(
            "select it.seq, it.lot, it.at, it.notice_zh, it.notice_en, done.outcome, done.at from market_recall as it
             left join market_recall_end as done on done.book = it.book and done.recall = it.seq
             where it.book = $1 and it.lot in ({}) and {condition} order by it.seq desc limit {count}",
            placeholders(2, chunk.len())
        );
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(chunk.iter().map(|lot| Param::Text(lot.as_ref())));
        for row in tx.query(&sql, &params)? {
            found.push(RecallRow {
                seq: Seq::from_i64(row.int(0)?),
                lot: row.text(1)?.to_owned(),
                at: Time(row.int(2)?),
                notice_zh: row.text(3)?.to_owned(),
                notice_en: row.text(4)?.to_owned(),
                outcome: row.text_or_null(5)?.map(str::to_owned),
                ended_at: row.int_or_null(6)?.map(Time),
            });
        }
    }
    found.sort_by_key(|recall| std::cmp::Reverse(recall.seq));
    found.truncate(count);
    Ok(found)
}

/// The recall of a lot that is open.
pub fn open_recall(tx: &mut dyn Tx, book: &BookId, lot: &str) -> Result<Option<RecallRow>, StoreError> {
    Ok(recalls(tx, book, &[lot], 1)?.into_iter().find(RecallRow::is_open))
}
