//! Scales that share a broker: whatever one of them sends, the others sell on.

use std::time::Duration;

use base::limits::REQUEST_BYTES_MAX;
use harness::Engine;
use mqtt::{Config, Incoming, Link, QoS};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::crash::broker::Broker;
use crate::crash::{LINES, Server, batch, found};

/// Of each sort of costly message.
const COSTLY: usize = 3;
/// How long a receipt is waited for: each of the others' messages takes seconds to read on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// What they may take together of the server's memory. Each would take hundreds of megabytes as values.
const COSTLY_MIB_MAX: u64 = 192;

fn topic(scale: u32, leaf: &str) -> String {
    format!("taizhang/v1/beiyuan/{scale}/{leaf}")
}

/// A message of the most bytes there are, filled with as many small values as fit.
fn filled(head: &str, value: &str, tail: &str) -> String {
    let count = (REQUEST_BYTES_MAX - head.len() - tail.len()) / value.len();
    head.to_owned() + &value.repeat(count) + tail
}

/// Messages that are costly to whoever makes values of them, of a scale that is enrolled and of one that is not.
fn costly() -> Vec<(String, String)> {
    let objects = filled(r#"{"sales":[{"counter":1,"":["#, r#"{"":0},"#, "0]}]}");
    let lines = filled(r#"{"sales":["#, r#"{"":0},"#, r#"{"counter":1}]}"#);
    let name = filled(r#"{""#, "x", r#"":1}"#);
    let deep = filled("", "[", "");
    let mut all: Vec<_> = [objects, lines.clone(), name, deep].map(|it| (topic(2, "sales"), it)).into();
    all.push((topic(9, "sales"), lines.clone()));
    all.push((topic(2, "acks"), lines));
    all
}

struct Scale {
    link: Link,
    receipts: mpsc::Receiver<Incoming>,
    next: u32,
}

impl Scale {
    /// Sells the first batch, again and again until the server hears of it: it may serve before it has subscribed.
    async fn sell_at_last(&mut self) {
        loop {
            let (body, topic) = (batch(self.next).to_string(), topic(1, "sales"));
            self.link.publisher().publish(&topic, body, QoS::AtLeastOnce, false).await.unwrap();
            if let Ok(answer) = timeout(Duration::from_secs(1), self.receipts.recv()).await {
                answer.unwrap().ack.done();
                self.next += LINES;
                return;
            }
        }
    }

    /// Sells a batch, and has the receipt.
    async fn sell(&mut self) {
        let first = self.next;
        self.next += LINES;
        let body = batch(first).to_string();
        self.link.publisher().publish(&topic(1, "sales"), body, QoS::AtLeastOnce, false).await.unwrap();
        loop {
            let answer = timeout(PATIENCE, self.receipts.recv()).await.expect("the scale waits for nobody");
            let answer = answer.unwrap();
            let receipt: Value = serde_json::from_slice(&answer.payload.unwrap()).unwrap();
            answer.ack.done();
            // What was sent twice is answered twice.
            if receipt["lines"][0]["counter"] == first {
                assert_eq!(receipt["lines"][0]["outcome"], "recorded", "{receipt}");
                return;
            }
        }
    }
}

#[test]
fn a_scale_whose_messages_are_costly_to_read_takes_little_memory_and_the_others_sell_on() {
    let broker = Broker::start_with(|_| "allow_anonymous true\nmax_inflight_messages 256\n".to_owned());
    let Some(broker) = broker else { return };
    let (place, _) = found(Engine::Sqlite.place().unwrap());
    let mut server = Server::configured(&place, &format!("[mqtt]\nurl = {:?}\n", broker.url()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let receipts = vec![(topic(1, "receipt"), QoS::AtLeastOnce)];
        let (link, receipts) = Link::connect(&broker.config("beiyuan.1"), receipts).unwrap();
        let mut scale = Scale { link, receipts, next: 1 };
        scale.sell_at_last().await;
        let before = server.memory_mib("VmHWM");

        let hostile = broker.config("beiyuan.2");
        let hostile = Config { payload_bytes_max: REQUEST_BYTES_MAX, inflight_max: 4, ..hostile };
        let (hostile, _) = Link::connect(&hostile, Vec::new()).unwrap();
        let mut sending = JoinSet::new();
        for (topic, body) in costly().into_iter().cycle().take(6 * COSTLY) {
            let publisher = hostile.publisher();
            sending.spawn(async move { publisher.publish(&topic, body, QoS::AtLeastOnce, false).await });
        }
        let mut sold = 0;
        while !sending.is_empty() {
            scale.sell().await;
            sold += 1;
            while let Some(sent) = sending.try_join_next() {
                sent.unwrap().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Behind the last of them.
        scale.sell().await;
        let most = server.memory_mib("VmHWM");
        eprintln!("{before} MiB before, {most} MiB at most, {sold} batches meanwhile");
        assert!(most < before + COSTLY_MIB_MAX, "{before} MiB before, {most} MiB at most");
    });
    server.kill();
}
