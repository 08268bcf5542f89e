//! The ones who have our checkpoints cosigned: each asks one witness, as C2SP tlog-witness says, for every book that has
//! grown. What is kept is in the database, so whoever is started again goes on.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use base::limits::FUTURE_MS_MAX;
use kernel::notices::{Fault, FaultKind};
use kernel::{CosigningDue, CosigningFault, Kernel, ProofError};
use merkle::{AddCheckpoint, WitnessKey};

use crate::http::{Answer, Outward, Reach};
use crate::{Error, STOP_WAIT};

/// Bytes of an answer: a few signature lines, or a size.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;
/// The media type of the size that a witness knows.
const SIZE: &str = "text/x.tlog.size";
/// The first wait after an attempt in vain; each further one waits twice as long.
const WAIT_SECONDS: i64 = 5;
const WAIT_SECONDS_MAX: i64 = 15 * 60;
/// Tries of one round: the size that a witness knows may have to be learnt first.
const TRIES: usize = 3;

/// A witness that is asked.
#[derive(Debug, Clone)]
pub struct Witness {
    /// The submission prefix, such as `https://ledger.dezhou.example/witness`.
    pub url: String,
    pub key: WitnessKey,
}

/// What asking needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    pub witnesses: Vec<Witness>,
    pub reach: Reach,
    /// How often a growing book is cosigned.
    pub every: Duration,
    /// How often it is looked whether a book has grown.
    pub poll: Duration,
}

/// Running cosigners. Close them before the kernel stops.
pub struct Cosigners {
    /// Dropped to make them end.
    stop: Vec<Sender<()>>,
    ended: Receiver<()>,
    count: usize,
}

/// Starts to have checkpoints cosigned.
pub fn start(kernel: &Arc<Kernel>, settings: &Settings) -> Result<Cosigners, Error> {
    let (end, ended) = channel();
    let mut stop = Vec::new();
    for witness in &settings.witnesses {
        let (sender, stopped) = channel();
        stop.push(sender);
        let asker = Asker {
            kernel: kernel.clone(),
            witness: witness.clone(),
            outward: Outward::new(&settings.reach)?,
            every_ms: i64::try_from(settings.every.as_millis()).unwrap_or(i64::MAX),
            stopped,
        };
        let (end, poll) = (end.clone(), settings.poll);
        let run = move || {
            asker.run(poll);
            // Nobody may wait for it any more.
            end.send(()).ok();
        };
        let thread = std::thread::Builder::new().name("cosigner".into()).spawn(run);
        thread.map_err(|error| Error::Thread(error.to_string()))?;
    }
    Ok(Cosigners { count: stop.len(), stop, ended })
}

impl Cosigners {
    /// Asks nothing more, and waits a moment for what is under way; what is cut off is asked for again later.
    pub fn close(self) {
        drop(self.stop);
        let until = Instant::now() + STOP_WAIT;
        for _ in 0..self.count {
            if self.ended.recv_timeout(until.saturating_duration_since(Instant::now())).is_err() {
                return;
            }
        }
    }
}

struct Asker {
    kernel: Arc<Kernel>,
    witness: Witness,
    outward: Outward,
    every_ms: i64,
    stopped: Receiver<()>,
}

/// Why a book was not cosigned in this round.
enum Stopped {
    /// The witness said so, or cannot be understood; other books are asked for all the same.
    Fault(CosigningFault, Option<u16>),
    /// The witness cannot be reached: no book is asked for until it is time again.
    Away(Fault),
    /// Something here failed.
    Here(String),
}

impl From<ProofError> for Stopped {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Sizes { .. } => Self::Fault(CosigningFault::Behind, None),
            other => Self::Here(other.to_string()),
        }
    }
}

impl Asker {
    fn run(&self, poll: Duration) {
        while self.stopped.recv_timeout(poll) == Err(RecvTimeoutError::Timeout) {
            let due = match self.kernel.cosigning_due(&self.witness.key) {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, "what is to be cosigned cannot be read");
                    continue;
                }
            };
            for book in due {
                if self.stopped.recv_timeout(Duration::ZERO) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                if !self.attend(&book) {
                    break;
                }
            }
        }
    }

    /// Has one book cosigned; whether the witness can be asked for another.
    fn attend(&self, due: &CosigningDue) -> bool {
        let (book, now) = (&due.book, self.kernel.now());
        let wait = WAIT_SECONDS.saturating_mul(1 << due.attempts.min(16)).min(WAIT_SECONDS_MAX);
        let again = now.plus_ms(wait * 1000);
        let (fault, code, is_there) = match self.ask(due) {
            Ok(()) => return true,
            Err(Stopped::Here(error)) => {
                tracing::error!(%error, %book, "a checkpoint cannot be had cosigned");
                return true;
            }
            Err(Stopped::Fault(fault, code)) => (fault, code, true),
            Err(Stopped::Away(fault)) => (CosigningFault::Notice(fault.kind), fault.code, false),
        };
        let witness = self.witness.key.name();
        tracing::warn!(%book, witness, fault = fault.as_str(), code, "not cosigned");
        let noted = self.kernel.cosigning_failed(book, &self.witness.key, (fault, code), again);
        if let Err(error) = noted {
            tracing::error!(%error, %book, "an attempt to have a book cosigned cannot be noted");
        }
        is_there
    }

    fn ask(&self, due: &CosigningDue) -> Result<(), Stopped> {
        let (book, mut known) = (&due.book, due.known);
        for _ in 0..TRIES {
            let request = self.kernel.cosigning_request(book, known)?;
            let answer = self.post(&request)?;
            match answer.status {
                200 => return self.keep(due, &request, &answer),
                409 => match size_in(&answer) {
                    Some(size) if size != known => known = size,
                    // The sizes agree, so it is the roots that do not.
                    _ => return Err(Stopped::Fault(CosigningFault::Forked, Some(409))),
                },
                422 => {
                    let evidence = self.kernel.cosigning_evidence(book, known)?;
                    self.post(&evidence)?;
                    return Err(Stopped::Fault(CosigningFault::Forked, Some(422)));
                }
                404 => return Err(Stopped::Fault(CosigningFault::LogUnknown, Some(404))),
                403 => return Err(Stopped::Fault(CosigningFault::Refused, Some(403))),
                code => return Err(Stopped::Away(Fault { kind: FaultKind::Refused, code: Some(code) })),
            }
        }
        Err(Stopped::Away(FaultKind::Garbled.into()))
    }

    fn post(&self, request: &AddCheckpoint) -> Result<Answer, Stopped> {
        let address = format!("{}/add-checkpoint", self.witness.url.trim_end_matches('/'));
        let headers = [("content-type", "text/plain; charset=utf-8")];
        let answer = self.outward.exchange(&address, &headers, &request.to_string(), ANSWER_BYTES_MAX);
        answer.map_err(Stopped::Away)
    }

    /// Verifies what the witness gave before it is kept; signatures of others are no concern of ours.
    fn keep(&self, due: &CosigningDue, request: &AddCheckpoint, answer: &Answer) -> Result<(), Stopped> {
        let garbled = || Stopped::Fault(CosigningFault::Notice(FaultKind::Garbled), Some(200));
        let note = format!("{}{}", request.note(), answer.body);
        let found = merkle::cosignatures(&note, std::slice::from_ref(&self.witness.key));
        let found = found.map_err(|_| garbled())?;
        let now = self.kernel.now();
        let until = now.plus_ms(FUTURE_MS_MAX).0.div_euclid(1000);
        let is_past = |seconds: u64| i64::try_from(seconds).is_ok_and(|seconds| seconds <= until);
        let cosignature = found.first().filter(|it| is_past(it.seconds)).ok_or_else(garbled)?;
        let next = now.plus_ms(self.every_ms);
        let kept = self.kernel.keep_cosignature(&due.book, request.claimed().size(), cosignature, next);
        kept.map_err(|error| Stopped::Here(error.to_string()))
    }
}

/// The size that a witness says it knows.
fn size_in(answer: &Answer) -> Option<u64> {
    let media = answer.media.split(';').next()?.trim();
    let text = answer.body.strip_suffix('\n')?;
    let size: u64 = text.parse().ok()?;
    (media == SIZE && size.to_string() == text).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_only_as_the_standard_writes_it() {
        let answer = |media: &str, body: &str| Answer { status: 409, media: media.into(), body: body.into() };
        assert_eq!(size_in(&answer(SIZE, "20852014\n")), Some(20_852_014));
        assert_eq!(size_in(&answer(SIZE, "0\n")), Some(0));
        for body in ["", "7", "07\n", "+7\n", "7\n\n", " 7\n", "18446744073709551616\n"] {
            assert_eq!(size_in(&answer(SIZE, body)), None, "{body:?}");
        }
        assert_eq!(size_in(&answer("text/plain", "7\n")), None);
    }
}
