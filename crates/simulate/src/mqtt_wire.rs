//! A scale's way over MQTT: sales and acknowledgements go up, receipts and states come down.

use std::sync::Arc;
use std::time::Duration;

use base::limits::REQUEST_BYTES_MAX;
use line_market::intake::{BatchReceipt, SaleBatch};
use mqtt::{Config, Incoming, Link, MqttError, Publisher, QoS, State};
use serde::Deserialize;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::http::{Problem, Trouble};
use crate::till::counter_of;
use crate::view::View;
use crate::wire::Views;
use crate::{ScaleCredential, SimulateError};

/// A receipt that takes longer is taken for lost, and the batch goes out again.
const RECEIPT_WITHIN: Duration = Duration::from_secs(10);
/// Receipts that nobody has looked at; more are dropped, as their batches go out again.
const RECEIPTS_MAX: usize = 16;

pub(crate) struct MqttLine {
    link: Link,
    publisher: Publisher,
    topic: String,
    incoming: Mutex<mpsc::Receiver<Incoming>>,
    receipts: Mutex<mpsc::Receiver<Vec<u8>>>,
    receipts_in: mpsc::Sender<Vec<u8>>,
}

/// What the server publishes in answer to a batch.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Receipt(BatchReceipt),
    Problem {
        counters: Vec<u32>,
        #[serde(flatten)]
        problem: Problem,
    },
}

impl MqttLine {
    pub fn new(url: &str, username_prefix: &str, scale: &ScaleCredential) -> Result<Self, SimulateError> {
        let name = format!("{}.{}", scale.book, scale.scale);
        let topic = format!("taizhang/v1/{}/{}", scale.book, scale.scale);
        let config = Config {
            username: Some(format!("{username_prefix}{name}")),
            password: Some(scale.credential.clone()),
            payload_bytes_max: REQUEST_BYTES_MAX,
            // Batches go out again by themselves, so nothing needs to wait at the broker after a run.
            clean_session: true,
            ..Config::new(url, name)
        };
        let filters = ["receipt", "state"].map(|leaf| (format!("{topic}/{leaf}"), QoS::AtLeastOnce));
        let (link, incoming) = Link::connect(&config, filters.to_vec())?;
        let (receipts_in, receipts) = mpsc::channel(RECEIPTS_MAX);
        let (incoming, receipts) = (Mutex::new(incoming), Mutex::new(receipts));
        Ok(Self { publisher: link.publisher(), link, topic, incoming, receipts, receipts_in })
    }

    pub async fn sales(&self, batch: &SaleBatch, json: Vec<u8>) -> Result<BatchReceipt, Trouble> {
        let mut receipts = self.receipts.lock().await;
        while receipts.try_recv().is_ok() {}
        self.publish("sales", json).await?;
        let until = Instant::now() + RECEIPT_WITHIN;
        loop {
            let answer = timeout_at(until, receipts.recv()).await;
            let Ok(Some(answer)) = answer else {
                return Err(Trouble::Unreachable("no receipt in time".into()));
            };
            match serde_json::from_slice(&answer) {
                Ok(Answer::Receipt(receipt)) if same(batch, receipt.lines.iter().map(counter_of)) => {
                    return Ok(receipt);
                }
                Ok(Answer::Problem { counters, problem }) if same(batch, counters.iter().copied()) => {
                    let status = problem.status;
                    return Err(problem.trouble(status, None));
                }
                // Nothing is read of a scale that is not let in.
                Ok(Answer::Problem { counters, problem }) if counters.is_empty() && problem.status == 403 => {
                    return Err(problem.trouble(403, None));
                }
                // An answer to an earlier batch that we gave up waiting for.
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a receipt cannot be read"),
            }
        }
    }

    pub async fn acknowledge(&self, json: Vec<u8>) -> Result<(), Trouble> {
        self.publish("acks", json).await
    }

    async fn publish(&self, leaf: &str, json: Vec<u8>) -> Result<(), Trouble> {
        let topic = format!("{}/{leaf}", self.topic);
        let published = self.publisher.publish(&topic, json, QoS::AtLeastOnce, false).await;
        published.map_err(|error| Trouble::Unreachable(error.to_string()))
    }

    /// Sorts what arrives; returns only when the broker does not let the scale in.
    pub async fn follow(&self, views: &Views) -> Trouble {
        let mut incoming = self.incoming.lock().await;
        let mut state = self.link.state();
        loop {
            tokio::select! {
                message = incoming.recv() => match message {
                    Some(message) => self.sort(message, views),
                    None => return shut(&MqttError::Closed),
                },
                changed = state.changed() => {
                    if changed.is_err() {
                        return shut(&MqttError::Closed);
                    }
                    if let State::Disconnected { reason: reason @ MqttError::Unauthorized { .. } } = &*state.borrow_and_update() {
                        return shut(reason);
                    }
                }
            }
        }
    }

    fn sort(&self, message: Incoming, views: &Views) {
        match message.payload {
            Ok(payload) if message.topic.ends_with("/receipt") => {
                if self.receipts_in.try_send(payload).is_err() {
                    tracing::debug!("a receipt was dropped");
                }
            }
            Ok(payload) => match serde_json::from_slice::<View>(&payload) {
                Ok(view) => {
                    views.send_replace(Some(Arc::new(view)));
                }
                Err(error) => tracing::warn!(%error, "the state of a scale cannot be read"),
            },
            Err(error) => tracing::warn!(%error, topic = message.topic, "a message was dropped"),
        }
        message.ack.done();
    }

    pub async fn close(self) {
        self.link.close().await;
    }
}

fn same(batch: &SaleBatch, counters: impl Iterator<Item = u32>) -> bool {
    batch.sales.iter().map(|line| line.counter).eq(counters)
}

fn shut(reason: &MqttError) -> Trouble {
    let problem = Problem { detail: Some(reason.to_string()), ..Problem::default() };
    Trouble::Refused { status: 401, problem }
}
