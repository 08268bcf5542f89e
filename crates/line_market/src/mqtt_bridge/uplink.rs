//! Up from the scales: messages of many in work at once, so that their entries are committed together, acknowledgements
//! in the order of arrival, and answers as soon as there are any.

use std::collections::VecDeque;
use std::sync::Arc;

use mqtt::{Ack, Incoming, Link, Publisher, QoS};
use shell::{App, Both, Problem};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};

use super::clerk::{Answer, Clerk, Stopping, refusal};
use super::hand::{Hand, REFUSALS_MAX, REFUSALS_WITHIN};
use super::topic::{self, At, Matter};
use super::{FAREWELL, RECEIPTS_PUBLISHED_MAX};

/// Messages that the broker waits to have acknowledged; what follows waits there. More than a broker has under way at a
/// time (20 in Mosquitto, unless `max_inflight_messages` says otherwise), so that the link never stops reading.
const UNACKNOWLEDGED_MAX: usize = 1_024;
/// Receipts on their way at a time. More are dropped: a scale that gets none sends its batch again.
const RECEIPTS_MAX: usize = 1_024;
/// What a scale is told to wait whose messages are not taken.
const RETRY_AFTER_S: u64 = 5;

/// Works until it is stopped, and closes the link.
pub async fn run(app: App, link: Link, incoming: mpsc::Receiver<Incoming>, stopped: watch::Receiver<bool>) {
    let (answers_in, answers) = mpsc::unbounded_channel();
    let mut desk = Uplink {
        clerk: Clerk::new(app, stopped.clone()),
        publisher: link.publisher(),
        hand: Hand::default(),
        arrived: VecDeque::new(),
        answers,
        answers_in,
        receipts: JoinSet::new(),
        places: Arc::new(Semaphore::new(RECEIPTS_PUBLISHED_MAX)),
    };
    desk.take_messages(incoming, stopped).await;
    desk.finish().await;
    link.close().await;
}

struct Uplink {
    clerk: Clerk,
    publisher: Publisher,
    hand: Hand,
    /// In the order of arrival.
    arrived: VecDeque<Arrived>,
    /// Of what is done with, whether or not it is acknowledged yet. As many at most as have arrived.
    answers: mpsc::UnboundedReceiver<Answer>,
    answers_in: mpsc::UnboundedSender<Answer>,
    receipts: JoinSet<()>,
    /// For receipts among what may await the broker's acknowledgement.
    places: Arc<Semaphore>,
}

struct Arrived {
    ack: Ack,
    work: Option<Work>,
}

struct Work {
    at: At,
    matter: Matter,
    task: JoinHandle<Result<(), Stopping>>,
}

type Settled = Result<Result<(), Stopping>, JoinError>;

impl Uplink {
    async fn take_messages(
        &mut self,
        mut incoming: mpsc::Receiver<Incoming>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            tokio::select! {
                _ = stopped.changed() => return,
                Some(answer) = self.answers.recv() => self.send(answer),
                settled = first(&mut self.arrived), if !self.arrived.is_empty() => {
                    if !self.settle(settled) {
                        return;
                    }
                }
                message = incoming.recv(), if self.arrived.len() < UNACKNOWLEDGED_MAX => match message {
                    Some(message) => self.take(message),
                    None => return,
                },
            }
        }
    }

    fn take(&mut self, message: Incoming) {
        let Incoming { topic, payload, ack, .. } = message;
        let work = match topic::parse(&topic) {
            Some((at, matter)) => self.work(at, matter, payload.ok()),
            None => {
                tracing::warn!(topic, "a message on a topic that is no scale's");
                None
            }
        };
        self.arrived.push_back(Arrived { ack, work });
    }

    /// Begins to work on a message, or refuses it unread.
    fn work(&mut self, at: At, matter: Matter, payload: Option<Vec<u8>>) -> Option<Work> {
        let sender = (at.clone(), matter);
        let Some(payload) = payload.filter(|payload| payload.len() <= matter.bytes_max()) else {
            self.refuse(&at, matter, Problem::too_large(matter.bytes_max() as u64));
            return None;
        };
        if self.hand.has_refused_often(&sender, Instant::now()) {
            self.refuse(&at, matter, refused_often());
            return None;
        }
        let Some(place) = self.hand.take(&sender, payload.len()) else {
            self.refuse(&at, matter, too_many());
            return None;
        };
        let (clerk, answers) = (self.clerk.clone(), self.answers_in.clone());
        let task = tokio::spawn(async move {
            let answer = clerk.work(sender.0, matter, payload, place).await?;
            if let Some(answer) = answer
                && answers.send(answer).is_err()
            {
                tracing::debug!("a receipt came after the bridge was closed");
            }
            Ok(())
        });
        Some(Work { at, matter, task })
    }

    fn refuse(&mut self, at: &At, matter: Matter, problem: Problem) {
        let status = problem.status.as_u16();
        tracing::debug!(book = %at.book, scale = at.scale, status, "a message of a scale was refused unread");
        if let Some(place) = self.hand.refuse(&(at.clone(), matter)) {
            self.send(refusal((at, matter), place, problem, Vec::new()));
        }
    }

    /// Acknowledges the oldest message; false if it must come again.
    fn settle(&mut self, settled: Settled) -> bool {
        let Some(Arrived { ack, work }) = self.arrived.pop_front() else { return true };
        match (settled, work) {
            (Ok(Ok(())), _) => {}
            (Ok(Err(Stopping)), _) => return false,
            // It would panic again if it came again. The scale keeps its sales, and learns that something is wrong.
            (Err(error), work) => {
                tracing::error!(%error, "a message of a scale cannot be worked on");
                if let Some(Work { at, matter, .. }) = work {
                    self.refuse(&at, matter, Problem::internal());
                }
            }
        }
        self.send_answers();
        ack.done();
        true
    }

    fn send_answers(&mut self) {
        while let Ok(answer) = self.answers.try_recv() {
            self.send(answer);
        }
    }

    /// Publishes without waiting: the broker's acknowledgement comes in the stream that we drain.
    fn send(&mut self, Answer { topic, json, place }: Answer) {
        while self.receipts.try_join_next().is_some() {}
        if self.receipts.len() >= RECEIPTS_MAX {
            tracing::warn!(topic, "a receipt was dropped: {RECEIPTS_MAX} are on their way");
            return;
        }
        let (publisher, places) = (self.publisher.clone(), self.places.clone());
        self.receipts.spawn(async move {
            let _place = (place, places.acquire().await);
            if let Err(error) = publisher.publish(&topic, json, QoS::AtLeastOnce, false).await {
                tracing::warn!(%error, topic, "a receipt was not delivered");
            }
        });
    }

    async fn finish(&mut self) {
        let until = Instant::now() + FAREWELL;
        while !self.arrived.is_empty() {
            // An acknowledgement must not overtake an older one (MQTT-4.6.0-2).
            let Ok(settled) = timeout_at(until, first(&mut self.arrived)).await else { break };
            if !self.settle(settled) {
                break;
            }
        }
        self.send_answers();
        let receipts = std::mem::take(&mut self.receipts);
        if timeout(FAREWELL, receipts.join_all()).await.is_err() {
            tracing::warn!("some receipts were not delivered before the end");
        }
    }
}

/// The end of the work on the oldest message. May be given up and called again.
async fn first(arrived: &mut VecDeque<Arrived>) -> Settled {
    match arrived.front_mut() {
        Some(Arrived { work: Some(work), .. }) => (&mut work.task).await,
        Some(Arrived { work: None, .. }) => Ok(Ok(())),
        None => std::future::pending().await,
    }
}

fn too_many() -> Problem {
    let detail = Both::new(
        format!("本秤尚有报文在办理，本报文未被读取，未作任何记录。请在 {RETRY_AFTER_S} 秒后原样重发。"),
        format!(
            "Too many messages of this scale are in hand, and this one was not read; nothing was recorded. Send the same again in {RETRY_AFTER_S} s."
        ),
    );
    Problem { detail, ..Problem::too_many_requests(RETRY_AFTER_S) }
}

fn refused_often() -> Problem {
    let within = REFUSALS_WITHIN.as_secs();
    let detail = Both::new(
        format!(
            "本秤近 {within} 秒内被退回的报文已达 {REFUSALS_MAX} 件，本报文未被读取，未作任何记录。请核对报文，在 {RETRY_AFTER_S} 秒后重发。"
        ),
        format!(
            "As many as {REFUSALS_MAX} messages of this scale were refused within {within} s, and this one was not read; nothing was recorded. Check what it sends, and send it again in {RETRY_AFTER_S} s."
        ),
    );
    Problem { detail, ..Problem::too_many_requests(RETRY_AFTER_S) }
}
