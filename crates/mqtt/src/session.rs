use std::{future::Future, pin::pin, time::Duration};

use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, mpsc, oneshot, watch},
    time::{Instant, sleep, timeout},
};

use crate::{
    Address, Config, Incoming, MqttError, QoS, State,
    conversation::Conversation,
    flights::{Flights, SUBSCRIBE_ID},
    link::{Message, Receipt},
    packets,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A connection that stood this long was a success; one that breaks sooner counts as another failure, so that
/// two clients that drive each other out, or a broker that drops us after each CONNACK, do so ever more slowly.
const STEADY: Duration = Duration::from_secs(10);

/// What the handles ask of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Publish(Outgoing),
    Redeliver,
    Close,
}

#[derive(Debug)]
pub(crate) struct Outgoing {
    pub message: Message,
    pub qos: QoS,
    pub reply: oneshot::Sender<Result<(), MqttError>>,
    pub place: OwnedSemaphorePermit,
}

/// Everything that outlives a connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub config: Config,
    pub address: Address,
    pub subscriptions: Vec<(String, QoS)>,
    pub connect: Vec<u8>,
    pub subscribe: Option<Vec<u8>>,
    pub commands: mpsc::Receiver<Command>,
    pub incoming: mpsc::Sender<Incoming>,
    pub state: watch::Sender<State>,
    pub flights: Flights,
    /// Acknowledgements that callers have given.
    pub receipts: mpsc::UnboundedReceiver<Receipt>,
    pub receipts_in: mpsc::UnboundedSender<Receipt>,
    /// Counts connections, so that an acknowledgement cannot reach another one.
    pub connection: u64,
    /// When the present connection, or the last one, became ready.
    pub ready: Option<Instant>,
}

impl Session {
    pub fn new(
        config: &Config,
        subscriptions: Vec<(String, QoS)>,
        commands: mpsc::Receiver<Command>,
        incoming: mpsc::Sender<Incoming>,
        state: watch::Sender<State>,
    ) -> Result<Self, MqttError> {
        let address = config.check()?;
        let connect = packets::connect(config)?;
        let subscribe = packets::subscribe(SUBSCRIBE_ID, &subscriptions)?;
        let (receipts_in, receipts) = mpsc::unbounded_channel();
        Ok(Self {
            config: config.clone(),
            address,
            subscriptions,
            connect,
            subscribe,
            commands,
            incoming,
            state,
            flights: Flights::new(),
            receipts,
            receipts_in,
            connection: 0,
            ready: None,
        })
    }

    /// Connects again and again, until asked to close.
    pub async fn run(mut self) {
        let mut failures = 0;
        loop {
            self.state.send_replace(State::Connecting);
            self.ready = None;
            let reason = self.attempt().await;
            if reason == MqttError::Closed {
                break;
            }
            failures =
                if self.ready.is_some_and(|ready| ready.elapsed() >= STEADY) { 0 } else { failures + 1 };
            let pause = backoff(failures, getrandom::u32().unwrap_or(u32::MAX));
            tracing::warn!(broker = %self.address, %reason, pause_ms = pause.as_millis(), "mqtt disconnected");
            self.state.send_replace(State::Disconnected { reason });
            if self.meanwhile(sleep(pause)).await.is_err() {
                break;
            }
        }
        tracing::info!(broker = %self.address, "mqtt closed");
        self.state.send_replace(State::Disconnected { reason: MqttError::Closed });
    }

    /// One connection from beginning to end; returns why it ended.
    async fn attempt(&mut self) -> MqttError {
        let (host, port) = (self.address.host.clone(), self.address.port);
        let dial = timeout(CONNECT_TIMEOUT, async move { TcpStream::connect((host.as_str(), port)).await });
        let address = self.address.to_string();
        let unreachable = |reason: String| MqttError::Unreachable { address, reason };
        let stream = match self.meanwhile(dial).await {
            Err(closed) => return closed,
            Ok(Err(_)) => return unreachable(format!("no answer for {} s", CONNECT_TIMEOUT.as_secs())),
            Ok(Ok(Err(error))) => return unreachable(error.to_string()),
            Ok(Ok(Ok(stream))) => stream,
        };
        if let Err(error) = stream.set_nodelay(true) {
            return unreachable(error.to_string());
        }
        self.connection += 1;
        self.flights.reset();
        Conversation::new(self, stream).run().await
    }

    /// Does `work` without a connection. Publishes of QoS 1 are kept for the next one.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T, MqttError> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return Ok(result),
                command = self.commands.recv() => match command {
                    Some(Command::Publish(outgoing)) => self.take(outgoing, None),
                    Some(Command::Redeliver) => {}
                    Some(Command::Close) | None => return Err(MqttError::Closed),
                },
            }
        }
    }

    /// Takes a message to publish. QoS 0 goes straight to `out`, the present connection, and fails without one.
    pub fn take(&mut self, outgoing: Outgoing, out: Option<&mut Vec<u8>>) {
        let Outgoing { message, qos, reply, place } = outgoing;
        let Message { topic, payload, retain } = message;
        let id = (qos == QoS::AtLeastOnce).then(|| self.flights.free_id());
        let answer = match (packets::publish_out(&topic, &payload, retain, id), id, out) {
            (Err(error), _, _) => Err(error),
            (Ok(bytes), Some(id), _) => return self.flights.board(id, bytes, reply, place),
            (Ok(bytes), None, Some(out)) => {
                out.extend_from_slice(&bytes);
                Ok(())
            }
            (Ok(_), None, None) => Err(MqttError::NotConnected { topic }),
        };
        if reply.send(answer).is_err() {
            tracing::debug!("the publisher gave up before the message was taken");
        }
    }
}

/// Doubles from 0.2 s to 30 s with each failure in a row; chance takes away up to half.
fn backoff(failures: u32, chance: u32) -> Duration {
    let full = BACKOFF_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(BACKOFF_MAX);
    full / 2 + (full / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_from_a_fifth_of_a_second_to_half_a_minute_and_is_never_nothing() {
        assert_eq!(backoff(0, u32::MAX), BACKOFF_MIN);
        assert_eq!(backoff(1, u32::MAX), BACKOFF_MIN);
        assert_eq!(backoff(2, u32::MAX), BACKOFF_MIN * 2);
        for failures in [9, 100, u32::MAX] {
            assert_eq!(backoff(failures, u32::MAX), BACKOFF_MAX);
        }
        for failures in 0..20 {
            assert_eq!(backoff(failures, 0), backoff(failures, u32::MAX) / 2);
        }
    }
}
