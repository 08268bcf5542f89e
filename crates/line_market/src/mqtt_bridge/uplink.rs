//! Up from the scales: many messages in work at once, so that their entries are committed together, and
//! acknowledgements in the order of arrival.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use access::{Resource, decide};
use base::limits::REQUEST_BYTES_MAX;
use base::{ActorId, SubjectId};
use kernel::{AppendError, Kernel};
use mqtt::{Ack, Incoming, Link, Publisher, QoS, TooLong};
use serde_json::Value;
use shell::extract::read_json;
use shell::{App, Both, Lang, Problem};
use store::{Param, StoreError};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::FAREWELL;
use super::topic::{self, At, Matter};
use crate::api::failure_problem;
use crate::intake::{Acknowledgement, BYTES_PER_SALE, Prepared, SaleBatch, acknowledge};
use crate::policy::WEIGH;
use crate::record::Failure;

/// Messages in work at a time; what follows waits at the broker.
const IN_WORK_MAX: usize = 256;
/// Receipts on their way at a time. More are dropped: a scale that gets none sends its batch again.
const RECEIPTS_MAX: usize = 1_024;
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Works until it is stopped, and closes the link.
pub async fn run(app: App, link: Link, incoming: mpsc::Receiver<Incoming>, stopped: watch::Receiver<bool>) {
    let publisher = link.publisher();
    let clerk = Clerk { app, stopped: stopped.clone() };
    let mut desk = Uplink { clerk, publisher, in_work: VecDeque::new(), receipts: JoinSet::new() };
    desk.take_messages(incoming, stopped).await;
    desk.finish().await;
    link.close().await;
}

struct Uplink {
    clerk: Clerk,
    publisher: Publisher,
    /// In the order of arrival.
    in_work: VecDeque<InWork>,
    receipts: JoinSet<()>,
}

struct InWork {
    topic: String,
    ack: Ack,
    task: JoinHandle<Result<Option<Answer>, Stopping>>,
}

/// What goes down to a scale.
struct Answer {
    topic: String,
    json: Vec<u8>,
}

/// The bridge is being closed, and nothing is known of the entries.
struct Stopping;

impl Uplink {
    async fn take_messages(
        &mut self,
        mut incoming: mpsc::Receiver<Incoming>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            tokio::select! {
                _ = stopped.changed() => return,
                settled = first(&mut self.in_work), if !self.in_work.is_empty() => {
                    if !self.settle(settled) {
                        return;
                    }
                }
                message = incoming.recv(), if self.in_work.len() < IN_WORK_MAX => match message {
                    Some(message) => self.take(message),
                    None => return,
                },
            }
        }
    }

    fn take(&mut self, message: Incoming) {
        let Incoming { topic, payload, ack, .. } = message;
        let task = tokio::spawn(self.clerk.clone().work(topic.clone(), payload));
        self.in_work.push_back(InWork { topic, ack, task });
    }

    /// Acknowledges the oldest message and sends its answer; false if it must come again.
    fn settle(&mut self, settled: Result<Result<Option<Answer>, Stopping>, JoinError>) -> bool {
        let Some(InWork { topic, ack, .. }) = self.in_work.pop_front() else { return true };
        let answer = match settled {
            Ok(Ok(answer)) => answer,
            Ok(Err(Stopping)) => return false,
            // It would panic again if it came again. The scale keeps its sales, and learns that something is wrong.
            Err(error) => {
                tracing::error!(%error, topic, "a message of a scale cannot be worked on");
                topic::parse(&topic).map(|(at, _)| refusal(&at, &[], Problem::internal(), "counters"))
            }
        };
        ack.done();
        if let Some(answer) = answer {
            self.send(answer);
        }
        true
    }

    /// Publishes without waiting: the broker's acknowledgement comes in the stream that we drain.
    fn send(&mut self, Answer { topic, json }: Answer) {
        while self.receipts.try_join_next().is_some() {}
        if self.receipts.len() >= RECEIPTS_MAX {
            tracing::warn!(topic, "a receipt was dropped: {RECEIPTS_MAX} are on their way");
            return;
        }
        let publisher = self.publisher.clone();
        self.receipts.spawn(async move {
            if let Err(error) = publisher.publish(&topic, json, QoS::AtLeastOnce, false).await {
                tracing::warn!(%error, topic, "a receipt was not delivered");
            }
        });
    }

    async fn finish(&mut self) {
        let until = Instant::now() + FAREWELL;
        while !self.in_work.is_empty() {
            // An acknowledgement must not overtake an older one (MQTT-4.6.0-2).
            let Ok(settled) = timeout_at(until, first(&mut self.in_work)).await else { break };
            if !self.settle(settled) {
                break;
            }
        }
        let receipts = std::mem::take(&mut self.receipts);
        if timeout(FAREWELL, receipts.join_all()).await.is_err() {
            tracing::warn!("some receipts were not delivered before the end");
        }
    }
}

/// The end of the oldest work. May be given up and called again.
async fn first(in_work: &mut VecDeque<InWork>) -> Result<Result<Option<Answer>, Stopping>, JoinError> {
    match in_work.front_mut() {
        Some(first) => (&mut first.task).await,
        None => std::future::pending().await,
    }
}

/// Works on one message.
#[derive(Clone)]
struct Clerk {
    app: App,
    stopped: watch::Receiver<bool>,
}

/// Why nothing was recorded.
enum Trouble {
    /// For good.
    Refused(Box<Problem>),
    /// For reasons of the machine: the same attempt may succeed later.
    Machine(String),
}

impl Clerk {
    /// `Ok` when the message is done with: recorded, or refused for good.
    async fn work(
        self,
        topic: String,
        payload: Result<Vec<u8>, TooLong>,
    ) -> Result<Option<Answer>, Stopping> {
        let Some((at, matter)) = topic::parse(&topic) else {
            tracing::warn!(topic, "a message on a topic that is no scale's");
            return Ok(None);
        };
        let named = match matter {
            Matter::Sales => "counters",
            Matter::Acks => "holds",
        };
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => {
                tracing::warn!(%error, topic, "a message of a scale is too long");
                return Ok(Some(refusal(&at, &[], Problem::too_large(REQUEST_BYTES_MAX as u64), named)));
            }
        };
        let done = match matter {
            Matter::Sales => self.sales(&at, &payload).await,
            Matter::Acks => self.acks(&at, &payload).await,
        };
        done.map(|done| match done {
            Ok(json) => json.map(|json| Answer { topic: at.receipt(), json }),
            Err(problem) => {
                tracing::info!(
                    topic,
                    detail = problem.detail.get(Lang::En),
                    "a message of a scale was refused"
                );
                Some(refusal(&at, &payload, *problem, named))
            }
        })
    }

    async fn sales(
        &self,
        at: &At,
        payload: &[u8],
    ) -> Result<Result<Option<Vec<u8>>, Box<Problem>>, Stopping> {
        let batch: Arc<SaleBatch> = match read_json(payload) {
            Ok(batch) => Arc::new(batch),
            Err(problem) => return Ok(Err(Box::new(problem))),
        };
        let recorded = self.until_settled(at, || async {
            let actor = self.actor(at).await?;
            let (batch, At { book, scale }) = (batch.clone(), at.clone());
            let prepared = Prepared::new(&book, scale, &actor, &batch).map_err(Trouble::of)?;
            // As much of one scale is in hand as over HTTP; what waits longer comes again.
            let bytes = batch.sales.len() * BYTES_PER_SALE;
            let turn = self.app.limits.turns.to_send(&actor, bytes).await;
            let turn = turn.map_err(|problem| Trouble::Refused(Box::new(problem)))?;
            let record = self.app.kernel.append(move |desk| {
                let _turn = &turn;
                prepared.record(desk)
            });
            let receipt = record.await.map_err(Trouble::of)?;
            serde_json::to_vec(&receipt).map(Some).map_err(|error| Trouble::internal(&error))
        });
        recorded.await
    }

    /// What was recorded shows in the scale's state, so there is no receipt.
    async fn acks(&self, at: &At, payload: &[u8]) -> Result<Result<Option<Vec<u8>>, Box<Problem>>, Stopping> {
        let ack: Arc<Acknowledgement> = match read_json(payload) {
            Ok(ack) => Arc::new(ack),
            Err(problem) => return Ok(Err(Box::new(problem))),
        };
        let recorded = self.until_settled(at, || async {
            let actor = self.actor(at).await?;
            let (ack, At { book, scale }) = (ack.clone(), at.clone());
            let record = self.app.kernel.append(move |desk| acknowledge(desk, &book, scale, &actor, &ack));
            record.await.map(|_| None).map_err(Trouble::of)
        });
        recorded.await
    }

    /// Tries again, ever more slowly, for as long as only the machine is in the way.
    async fn until_settled<T, F>(
        &self,
        at: &At,
        attempt: impl Fn() -> F,
    ) -> Result<Result<T, Box<Problem>>, Stopping>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let mut stopped = self.stopped.clone();
        let mut pause = PAUSE_MIN;
        loop {
            let reason = match attempt().await {
                Ok(done) => return Ok(Ok(done)),
                Err(Trouble::Refused(problem)) => return Ok(Err(problem)),
                Err(Trouble::Machine(reason)) => reason,
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
    async fn actor(&self, at: &At) -> Result<ActorId, Trouble> {
        let (kernel, at) = (self.app.kernel.clone(), at.clone());
        let found = tokio::task::spawn_blocking(move || device(&kernel, &at)).await;
        let found = found.map_err(|error| Trouble::internal(&error))?;
        let found = found.map_err(|error| Trouble::of(AppendError::Store(error)))?;
        found.ok_or_else(|| Trouble::Refused(Box::new(Problem::forbidden(Both::new(
            "本秤未登记为设备，或其凭证已注销；未作任何记录。请联系市场管理方。",
            "This scale is not enrolled as a device, or its credential was revoked; nothing was recorded. Ask the market's operator.",
        )))))
    }
}

/// The enrolled device whose subject is the scale, if it is neither revoked nor without the right to weigh.
fn device(kernel: &Kernel, at: &At) -> Result<Option<ActorId>, StoreError> {
    const FIND: &str =
        "select device from device where book = $1 and subject = $2 and revoked = 0 order by device";
    let Ok(subject) = SubjectId::local("scale", &at.book, &at.scale.to_string()) else { return Ok(None) };
    let find = [Param::Text(at.book.as_str()), Param::Text(subject.as_str())];
    let Some(row) = kernel.read(|tx| tx.query_one(FIND, &find))? else { return Ok(None) };
    let Ok(id) = ActorId::new(format!("device:{}/{}", at.book, row.text(0)?)) else { return Ok(None) };
    let (tree, actor) = (kernel.tree()?, kernel.actor(&id)?);
    let (Some(book), Some(actor)) = (tree.book(&at.book), actor) else { return Ok(None) };
    let resource = Resource::of(&book.unit).in_line(book.line.clone()).owned_by(subject);
    let allowed = decide(kernel.policy(), &tree, &actor, WEIGH, &resource).is_allowed();
    Ok(allowed.then_some(id))
}

impl Trouble {
    fn of(failure: Failure) -> Self {
        match failure {
            // The database holds what this version cannot read, which waiting does not change.
            AppendError::Store(StoreError::Schema(_) | StoreError::Shape { .. }) => {
                Self::Refused(Box::new(failure_problem(failure)))
            }
            AppendError::Busy | AppendError::Stopped | AppendError::Store(_) => {
                Self::Machine(failure.to_string())
            }
            final_ => Self::Refused(Box::new(failure_problem(final_))),
        }
    }

    fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a message of a scale met a fault");
        Self::Refused(Box::new(Problem::internal()))
    }
}

/// The problem document for a message, which names the sales or holds it was about, so that the scale knows which.
fn refusal(at: &At, payload: &[u8], problem: Problem, named: &'static str) -> Answer {
    let mut problem = problem.member("counters", Vec::<u64>::new());
    problem = problem.member(named, numbers(payload, named));
    Answer { topic: at.receipt(), json: problem.json(Lang::default()).to_string().into_bytes() }
}

/// Counters or holds, as far as they can be read from a message that is perhaps not valid otherwise.
fn numbers(payload: &[u8], named: &str) -> Vec<u64> {
    let value: Value = serde_json::from_slice(payload).unwrap_or_default();
    let found: Vec<&Value> = match named {
        "counters" => value["sales"].as_array().into_iter().flatten().map(|line| &line["counter"]).collect(),
        _ => value["holds"].as_array().into_iter().flatten().collect(),
    };
    found.into_iter().filter_map(Value::as_u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_in_messages_that_are_not_valid_otherwise() {
        let batch = br#"{"sales":[{"counter":7,"grams":"many"},{"counter":-1},{"counter":8}],"more":1}"#;
        assert_eq!(numbers(batch, "counters"), [7, 8]);
        assert_eq!(numbers(br#"{"holds":[3,"x",4]}"#, "holds"), [3, 4]);
        assert_eq!(numbers(b"{\"sales\":[{\"counter\":7", "counters"), [0_u64; 0]);
        assert_eq!(numbers(b"[]", "counters"), [0_u64; 0]);
    }
}
