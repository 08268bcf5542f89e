//! Works on one message of a scale: whether the device is let in comes first, and nothing is read before.

use std::sync::Arc;
use std::time::Duration;

use access::{Resource, decide};
use base::{ActorId, SubjectId};
use kernel::{AppendError, Desk, Kernel, LetIn};
use serde::Serialize;
use shell::extract::read_json;
use shell::{App, Both, Lang, Problem};
use store::{Param, StoreError, Tx};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use super::hand::{AnswerPlace, Place};
use super::numbers;
use super::topic::{At, Matter};
use crate::api::failure_problem;
use crate::intake::{Acknowledgement, BYTES_PER_SALE, Prepared, SaleBatch, acknowledge};
use crate::policy::WEIGH;
use crate::record::Failure;

/// Messages that are looked at at a time, each on a thread of those that may block.
const READ_MAX: usize = 8;
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a message is tried of which the database refuses a statement, in some six seconds. That may be for what the message
/// holds, and is then refused for ever; whatever follows at the broker waits meanwhile.
const STATEMENT_TRIES_MAX: u32 = 8;

/// What goes down to a scale.
pub struct Answer {
    pub topic: String,
    pub json: Vec<u8>,
    pub place: AnswerPlace,
}

/// The bridge is being closed, and nothing is known of the entries.
pub struct Stopping;

/// Works on messages.
#[derive(Clone)]
pub struct Clerk {
    app: App,
    stopped: watch::Receiver<bool>,
    reading: Arc<Semaphore>,
}

/// Why nothing was recorded.
enum Trouble {
    /// The scale is no device that may weigh.
    Unknown,
    /// For good.
    Refused(Box<Problem>),
    /// For reasons of the machine: the same attempt may succeed later.
    Machine(String),
    /// The database refused a statement, and does not say whether for a reason that passes.
    Statement(Failure),
}

/// An answer for good that is no receipt.
struct Refusal {
    problem: Box<Problem>,
    /// Whether the message may be read for what it was about.
    is_let_in: bool,
}

impl Clerk {
    pub fn new(app: App, stopped: watch::Receiver<bool>) -> Self {
        Self { app, stopped, reading: Arc::new(Semaphore::new(READ_MAX)) }
    }

    /// `Ok` when the message is done with: recorded, or refused for good.
    pub async fn work(
        self,
        at: At,
        matter: Matter,
        payload: Vec<u8>,
        place: Place,
    ) -> Result<Option<Answer>, Stopping> {
        let payload: Arc<[u8]> = payload.into();
        let done = match matter {
            Matter::Sales => self.until_settled(&at, || self.sales(&at, &payload, &place)).await?,
            Matter::Acks => self.until_settled(&at, || self.acks(&at, &payload, &place)).await?,
        };
        let Refusal { problem, is_let_in } = match done {
            Ok(json) => {
                return Ok(json.map(|json| Answer { topic: at.receipt(), json, place: place.answered() }));
            }
            Err(refusal) => refusal,
        };
        place.refused(Instant::now());
        let detail = problem.detail.get(Lang::En);
        tracing::info!(book = %at.book, scale = at.scale, detail, "a message of a scale was refused");
        let numbers = match is_let_in {
            true => self.read(move |_| Ok(numbers::read(&payload, matter))).await.unwrap_or_default(),
            false => Vec::new(),
        };
        Ok(Some(refusal((&at, matter), place.answered(), *problem, numbers)))
    }

    async fn sales(&self, at: &At, payload: &Arc<[u8]>, place: &Place) -> Result<Option<Vec<u8>>, Trouble> {
        let in_order = place.turn().await;
        let let_in = self.let_in(at).await?;
        let actor = let_in.actor.id.clone();
        let (whose, payload, by) = (at.clone(), payload.clone(), actor.clone());
        let prepared = self.read(move |_| {
            let batch: SaleBatch = read_json(&payload)?;
            let prepared = Prepared::new(&whose.book, whose.scale, &by, &batch).map_err(failure_problem)?;
            Ok((prepared, batch.sales.len() * BYTES_PER_SALE))
        });
        let (prepared, bytes) = prepared.await.map_err(Trouble::refused)?;
        // As much of one scale is in hand as over HTTP. Whoever sends both ways waits for nothing here.
        let turn = self.app.limits.turns.to_send_now(&actor, bytes).map_err(Trouble::refused)?;
        // Given back one after the other, so that whoever is next here finds a turn.
        let turns = (turn, in_order);
        let (whose, of_day_max) = (at.clone(), self.app.site.device_entries_of_day_max);
        let record = self.app.kernel.append(move |desk| {
            let _turns = &turns;
            desk.take(&whose.book)?;
            match is_still(desk, &whose, &let_in)? {
                true => prepared.record(desk, of_day_max).map(Some),
                false => Ok(None),
            }
        });
        let receipt = record.await.map_err(Trouble::of)?.ok_or(Trouble::Unknown)?;
        written(&receipt).map(Some)
    }

    /// What was recorded shows in the scale's state, so there is no receipt.
    async fn acks(&self, at: &At, payload: &Arc<[u8]>, place: &Place) -> Result<Option<Vec<u8>>, Trouble> {
        let _in_order = place.turn().await;
        let let_in = self.let_in(at).await?;
        let payload = payload.clone();
        let ack = self.read(move |_| read_json::<Acknowledgement>(&payload));
        let ack = ack.await.map_err(Trouble::refused)?;
        let whose = at.clone();
        let record = self.app.kernel.append(move |desk| {
            desk.take(&whose.book)?;
            match is_still(desk, &whose, &let_in)? {
                true => acknowledge(desk, &whose.book, whose.scale, &let_in.actor.id, &ack).map(Some),
                false => Ok(None),
            }
        });
        record.await.map_err(Trouble::of)?.map(|_| None).ok_or(Trouble::Unknown)
    }

    /// Tries again, ever more slowly, for as long as only the machine is in the way, and some times where the database refuses a
    /// statement.
    async fn until_settled<T, F>(
        &self,
        at: &At,
        attempt: impl Fn() -> F,
    ) -> Result<Result<T, Refusal>, Stopping>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let mut stopped = self.stopped.clone();
        let mut pause = PAUSE_MIN;
        let mut refused = 0;
        loop {
            let reason = match attempt().await {
                Ok(done) => return Ok(Ok(done)),
                Err(Trouble::Unknown) => {
                    return Ok(Err(Refusal { problem: Box::new(unknown()), is_let_in: false }));
                }
                Err(Trouble::Refused(problem)) => return Ok(Err(Refusal { problem, is_let_in: true })),
                Err(Trouble::Machine(reason)) => reason,
                Err(Trouble::Statement(failure)) => {
                    refused += 1;
                    if refused == STATEMENT_TRIES_MAX {
                        let problem = Box::new(failure_problem(failure));
                        return Ok(Err(Refusal { problem, is_let_in: true }));
                    }
                    failure.to_string()
                }
            };
            tracing::warn!(book = %at.book, scale = at.scale, reason, pause_ms = pause.as_millis(), "a scale must wait");
            if *stopped.borrow() {
                return Err(Stopping);
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
                _ = stopped.changed() => return Err(Stopping),
            }
        }
    }

    /// The device that the scale is, if it may weigh now.
    async fn let_in(&self, at: &At) -> Result<LetIn, Trouble> {
        let at = at.clone();
        let found = self.read(move |kernel| Ok(device(kernel, &at))).await.map_err(Trouble::refused)?;
        match found.map_err(|error| Trouble::of(AppendError::Store(error))) {
            // For nothing of the message: that was not asked for.
            Err(Trouble::Statement(failure)) => Err(Trouble::Machine(failure.to_string())),
            found => found?.ok_or(Trouble::Unknown),
        }
    }

    /// Looks at a message off the async threads, when few others are looked at.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Kernel) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let reading = self.reading.clone().acquire_owned().await.expect("nobody closes it");
        self.app
            .blocking(move |kernel| {
                let _reading = reading;
                work(kernel)
            })
            .await
    }
}

/// Devices of one scale that are asked about: one, but where another took its place and it was not revoked.
const DEVICES_MAX: usize = 8;

fn subject(at: &At) -> Option<SubjectId> {
    SubjectId::local("scale", &at.book, &at.scale.to_string()).ok()
}

/// The enrolled devices whose subject is the scale, without those that are revoked.
fn enrolled(tx: &mut dyn Tx, at: &At) -> Result<Vec<ActorId>, StoreError> {
    let find = format!(
        "select device from device where book = $1 and subject = $2 and revoked = 0 order by device limit {DEVICES_MAX}"
    );
    let Some(subject) = subject(at) else { return Ok(Vec::new()) };
    let rows = tx.query(&find, &[Param::Text(at.book.as_str()), Param::Text(subject.as_str())])?;
    let devices =
        rows.iter().map(|row| Ok(ActorId::new(format!("device:{}/{}", at.book, row.text(0)?)).ok()));
    devices.filter_map(Result::transpose).collect()
}

/// The first of them that has the right to weigh: one that took another's place, whose right was withdrawn, is it.
pub(super) fn device(kernel: &Kernel, at: &At) -> Result<Option<LetIn>, StoreError> {
    let root = kernel.root_known()?;
    let (tree, day) = (kernel.tree()?, kernel.zone().day_of(kernel.now()));
    let (Some(book), Some(subject)) = (tree.book(&at.book), subject(at)) else { return Ok(None) };
    let resource = Resource::of(&book.unit).in_line(book.line.clone()).owned_by(subject);
    for id in kernel.read(|tx| enrolled(tx, at))? {
        let Some(actor) = kernel.actor(&id)? else { continue };
        if decide(kernel.policy(), &tree, &actor, WEIGH, &resource).is_allowed() {
            return Ok(Some(LetIn { actor, session: None, credential: None, root, day }));
        }
    }
    Ok(None)
}

/// Whether the device was not revoked, nor its right withdrawn, while its message waited for the writer.
fn is_still(desk: &mut Desk<'_>, at: &At, by: &LetIn) -> Result<bool, StoreError> {
    let is_enrolled = enrolled(desk.read()?, at)?.contains(&by.actor.id);
    Ok(is_enrolled && desk.still_lets_in(by)?)
}

fn written(receipt: &impl Serialize) -> Result<Vec<u8>, Trouble> {
    serde_json::to_vec(receipt).map_err(|error| {
        tracing::error!(%error, "a message of a scale met a fault");
        Trouble::refused(Problem::internal())
    })
}

impl Trouble {
    fn refused(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }

    fn of(failure: Failure) -> Self {
        match failure {
            // The database holds what this version cannot read, which waiting does not change.
            AppendError::Store(StoreError::Schema(_) | StoreError::Shape { .. }) => {
                Self::refused(failure_problem(failure))
            }
            AppendError::Store(StoreError::Statement { .. }) => Self::Statement(failure),
            AppendError::Busy | AppendError::Stopped | AppendError::Store(_) => {
                Self::Machine(failure.to_string())
            }
            final_ => Self::refused(failure_problem(final_)),
        }
    }
}

fn unknown() -> Problem {
    Problem::forbidden(Both::new(
        "本秤未登记为设备，或其凭证已注销；未作任何记录。请联系市场管理方。",
        "This scale is not enrolled as a device, or its credential was revoked; nothing was recorded. Ask the market's operator.",
    ))
}

/// The problem document for a message, which names the sales or holds it was about, so that the scale knows which.
pub fn refusal(
    (at, matter): (&At, Matter),
    place: AnswerPlace,
    problem: Problem,
    numbers: Vec<u64>,
) -> Answer {
    let problem = problem.member("counters", Vec::<u64>::new()).member(numbers::member(matter), numbers);
    Answer { topic: at.receipt(), json: problem.json(Lang::default()).to_string().into_bytes(), place }
}
