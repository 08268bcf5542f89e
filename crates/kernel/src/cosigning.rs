//! The cosignatures that witnesses give our own books: who is asked next, what came of it, and the checkpoints that they
//! stand on.

use base::{BookId, Seq, Time};
use merkle::{AddCheckpoint, Cosignature, WitnessKey};
use store::{Param, Row, StoreError, Tx, Value};

use crate::notices::FaultKind;
use crate::prove::{ProofError, size_of};
use crate::registry::{id, rows};
use crate::{AppendError, Kernel};

/// A witness is asked again for a book that has not grown, so that it can tell one that stands still from one that was
/// silenced.
const REFRESH_MS: i64 = 60 * 60 * 1000;

/// A book whose turn it is with a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosigningDue {
    pub book: BookId,
    /// The size that the witness knows, as far as we do.
    pub known: u64,
    /// Attempts in vain since it last cosigned.
    pub attempts: u32,
}

/// Why a witness did not cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CosigningFault {
    /// It could not be reached, or what it said cannot be read.
    Notice(FaultKind),
    /// It does not know the log (404).
    LogUnknown,
    /// It does not trust the key, or holds the log for a fork (403).
    Refused,
    /// It has seen more entries than there are: the book was set back.
    Behind,
    /// What it has seen is not what is here (409, 422).
    Forked,
}

impl CosigningFault {
    const OWN: [(Self, &str); 4] = [
        (Self::LogUnknown, "log_unknown"),
        (Self::Refused, "log_refused"),
        (Self::Behind, "log_behind"),
        (Self::Forked, "log_forked"),
    ];

    /// The word in texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice(kind) => kind.as_str(),
            own => Self::OWN.iter().find(|(fault, _)| *fault == own).map_or("", |(_, word)| word),
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match Self::OWN.iter().find(|(_, known)| *known == word) {
            Some((fault, _)) => Ok(*fault),
            None => FaultKind::parse(word).map(Self::Notice),
        }
    }
}

/// How a book stands with a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosigningStand {
    pub book: BookId,
    pub witness: WitnessKey,
    /// The size that was cosigned last, and when, by the witness's clock; 0 and none if it never was.
    pub size: u64,
    pub cosigned: Option<Time>,
    pub next: Time,
    pub attempts: u32,
    pub fault: Option<CosigningFault>,
    /// The HTTP status of a refusal.
    pub code: Option<u16>,
}

impl Kernel {
    /// The books that a witness is to be asked about now, those first that have waited longest: it may have no time for all.
    pub fn cosigning_due(&self, witness: &WitnessKey) -> Result<Vec<CosigningDue>, StoreError> {
        const STANDS: &str = "select b.book, b.size, c.size, c.seconds, c.next_at, c.attempts from book b
            left join cosigning c on c.book = b.book and c.witness = $1 order by coalesce(c.next_at, 0), b.book";
        let (now, witness) = (self.now(), witness.to_string());
        let due = |row: &Row| {
            let size = Seq::from_i64(row.int(1)?).0;
            let known = row.int_or_null(2)?.map(|size| Seq::from_i64(size).0);
            let attempts = row.int_or_null(5)?.unwrap_or_default();
            let old = Time(row.int_or_null(3)?.unwrap_or_default().saturating_mul(1000));
            let is_time = row.int_or_null(4)?.is_none_or(|next| Time(next) <= now);
            let wanted =
                attempts > 0 || known.is_none_or(|known| size > known) || now.since_ms(old) >= REFRESH_MS;
            let due = CosigningDue {
                book: id(BookId::new(row.text(0)?))?,
                known: known.unwrap_or_default(),
                attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            };
            Ok((size > 0 && is_time && wanted).then_some(due))
        };
        let all = self.read(|tx| {
            let rows = tx.query(STANDS, &[Param::Text(&witness)])?;
            rows.iter().map(due).collect::<Result<Vec<_>, StoreError>>()
        })?;
        Ok(all.into_iter().flatten().collect())
    }

    /// What a witness is asked that knows a size of a book: to cosign the checkpoint that the log shows, or one of now if it
    /// has seen more.
    pub fn cosigning_request(&self, book: &BookId, known: u64) -> Result<AddCheckpoint, ProofError> {
        let mut note = self.published_checkpoint(book)?;
        if merkle::unverified(&note)?.size() < known {
            note = self.checkpoint(book)?;
        }
        let size = merkle::unverified(&note)?.size();
        if size < known {
            return Err(ProofError::Sizes { old: known, new: size });
        }
        let proof =
            if known == 0 || known == size { Vec::new() } else { self.consistency(book, known, size)? };
        Ok(AddCheckpoint::new(known, proof, note)?)
    }

    /// Shows a witness that finds a proof wrong what the book was at the size that it knows, so that it can tell whether
    /// the log is another.
    pub fn cosigning_evidence(&self, book: &BookId, known: u64) -> Result<AddCheckpoint, ProofError> {
        let mut outcome = None;
        self.read(|tx| {
            outcome = Some(self.note_at(tx, book, known));
            Ok(())
        })?;
        let note = outcome.expect("a successful read leaves its outcome")?;
        // An empty tree commits us to nothing, and no audit would ever come by it.
        if known > 0 {
            self.keep_checkpoint(book, known, &note)?;
        }
        Ok(AddCheckpoint::new(known, Vec::new(), note)?)
    }

    /// Keeps a cosignature that was verified. The witness is not asked again before `next` for the book.
    pub fn keep_cosignature(
        &self,
        book: &BookId,
        size: u64,
        cosignature: &Cosignature,
        next: Time,
    ) -> Result<(), AppendError<()>> {
        const KEEP: &str = "insert into cosigning (book, witness, size, line, seconds, next_at, attempts)
            values ($1, $2, $3, $4, $5, $6, 0) on conflict (book, witness) do update set size = excluded.size,
            line = excluded.line, seconds = excluded.seconds, next_at = excluded.next_at, attempts = 0, fault = null,
            code = null where cosigning.size <= excluded.size";
        let values = vec![
            Value::Text(book.to_string()),
            Value::Text(cosignature.witness.to_string()),
            Value::Int(Seq(size).to_i64()),
            Value::Text(cosignature.line.clone()),
            Value::Int(i64::try_from(cosignature.seconds).unwrap_or(i64::MAX)),
            Value::Int(next.0),
        ];
        self.append_blocking(move |desk| {
            desk.aside(KEEP, values.clone());
            Ok(())
        })
    }

    /// Notes that a witness did not cosign, and when it is asked again.
    pub fn cosigning_failed(
        &self,
        book: &BookId,
        witness: &WitnessKey,
        (fault, code): (CosigningFault, Option<u16>),
        next: Time,
    ) -> Result<(), AppendError<()>> {
        const NOTE: &str =
            "insert into cosigning (book, witness, size, seconds, next_at, attempts, fault, code)
            values ($1, $2, 0, 0, $3, 1, $4, $5) on conflict (book, witness) do update set next_at = excluded.next_at,
            attempts = cosigning.attempts + 1, fault = excluded.fault, code = excluded.code";
        let values = vec![
            Value::Text(book.to_string()),
            Value::Text(witness.to_string()),
            Value::Int(next.0),
            Value::Text(fault.as_str().to_owned()),
            code.map_or(Value::Null, |code| Value::Int(code.into())),
        ];
        self.append_blocking(move |desk| {
            desk.aside(NOTE, values.clone());
            Ok(())
        })
    }

    /// How every book stands with every witness that was asked, by witness.
    pub fn cosigning_stands(&self) -> Result<Vec<CosigningStand>, StoreError> {
        const ALL: &str =
            "select book, witness, size, seconds, next_at, attempts, fault, code, line from cosigning
            order by witness, book";
        self.read(|tx| rows(tx, ALL, stand))
    }

    /// The newest checkpoint of a book that a witness has cosigned, with the cosignatures; none before the first.
    pub fn cosigned_checkpoint(&self, book: &BookId) -> Result<Option<String>, ProofError> {
        let mut outcome = None;
        self.read(|tx| {
            size_of(tx, book).map(drop).or_else(|error| match error {
                ProofError::Store(error) => Err(error),
                other => {
                    outcome = Some(Err(other));
                    Ok(())
                }
            })?;
            if outcome.is_none() {
                outcome = Some(Ok(cosigned(tx, book, 0)?.map(|(_, note)| note)));
            }
            Ok(())
        })?;
        outcome.expect("a successful read leaves its outcome")
    }

    /// A checkpoint of a book with the cosignatures that stand on it.
    pub(crate) fn with_cosignatures(&self, book: &BookId, note: &str) -> Result<String, ProofError> {
        let size = merkle::unverified(note)?.size();
        let lines = self.read(|tx| lines(tx, book, size))?;
        Ok(format!("{note}{lines}"))
    }

    /// Who cosigned a checkpoint of ours; `None` where no witness was ever asked.
    pub fn cosigners(&self, note: &str) -> Result<Option<Vec<Cosignature>>, ProofError> {
        const WITNESSES: &str = "select distinct witness from cosigning";
        let keys = self.read(|tx| rows(tx, WITNESSES, |row| witness(row.text(0)?)))?;
        if keys.is_empty() { Ok(None) } else { Ok(Some(merkle::cosignatures(note, &keys)?)) }
    }
}

/// The newest cosigned checkpoint with more than `above` entries, and its size.
pub(crate) fn cosigned(
    tx: &mut dyn Tx,
    book: &BookId,
    above: u64,
) -> Result<Option<(u64, String)>, StoreError> {
    const NEWEST: &str = "select c.size, k.note from cosigning c
        join checkpoint k on k.book = c.book and k.size = c.size
        where c.book = $1 and c.size > $2 and c.line is not null order by c.size desc limit 1";
    let params = [Param::Text(book.as_str()), Param::Int(Seq(above).to_i64())];
    let Some(row) = tx.query_one(NEWEST, &params)? else { return Ok(None) };
    let (size, note) = (Seq::from_i64(row.int(0)?).0, row.text(1)?.to_owned());
    let lines = lines(tx, book, size)?;
    Ok(Some((size, note + &lines)))
}

fn lines(tx: &mut dyn Tx, book: &BookId, size: u64) -> Result<String, StoreError> {
    const LINES: &str =
        "select line from cosigning where book = $1 and size = $2 and line is not null order by witness";
    let params = [Param::Text(book.as_str()), Param::Int(Seq(size).to_i64())];
    tx.query(LINES, &params)?.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

fn witness(text: &str) -> Result<WitnessKey, StoreError> {
    text.parse().map_err(|error: merkle::Error| StoreError::Schema(format!("a witness: {error}")))
}

fn stand(row: &Row) -> Result<CosigningStand, StoreError> {
    let cosigned = row.text_or_null(8)?.is_some().then(|| row.int(3)).transpose()?;
    Ok(CosigningStand {
        book: id(BookId::new(row.text(0)?))?,
        witness: witness(row.text(1)?)?,
        size: Seq::from_i64(row.int(2)?).0,
        cosigned: cosigned.map(|seconds| Time(seconds.saturating_mul(1000))),
        next: Time(row.int(4)?),
        attempts: u32::try_from(row.int(5)?).unwrap_or(u32::MAX),
        fault: row.text_or_null(6)?.map(CosigningFault::parse).transpose()?,
        code: row.int_or_null(7)?.and_then(|code| u16::try_from(code).ok()),
    })
}
