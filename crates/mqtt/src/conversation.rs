use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc::{OwnedPermit, error::TrySendError},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout},
};

use crate::{
    Ack, Incoming, MqttError, QoS, State, TooLong,
    frames::Frames,
    link::Receipt,
    packets::{self, Publish, Received},
    session::{Command, Session},
};

/// CONNACK and SUBACK must come within this time.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);
/// A PUBACK must come within this time, or the connection is given up and the message sent again.
const PUBACK_TIMEOUT: Duration = Duration::from_secs(60);
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);
/// No further publish is taken while this much waits to be written.
const OUT_BYTES_MAX: usize = 256 * 1024;

/// One connection to the broker.
pub(crate) struct Conversation<'a> {
    session: &'a mut Session,
    stream: TcpStream,
    frames: Frames,
    /// What is to be written.
    out: Vec<u8>,
    /// A message for which the receiver has no room; while it is held nothing is read.
    held: Option<Incoming>,
    stage: Stage,
    begun: Instant,
    /// When the broker was last heard, or reading began again.
    heard: Instant,
    /// Since when reading was not held up.
    listening: Instant,
    written: Instant,
}

/// The link is being closed on our side.
struct Farewell;

enum Event {
    Read(io::Result<usize>),
    Written(io::Result<usize>),
    /// The receiver has room for the held message; `None` if it is gone.
    Room(Option<OwnedPermit<Incoming>>),
    Asked(Option<Command>),
    Given(Receipt),
    /// The greeting takes too long.
    Late,
    Tick,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    AwaitsConnack,
    AwaitsSuback { session_present: bool },
    Ready { session_present: bool },
}

impl<'a> Conversation<'a> {
    pub fn new(session: &'a mut Session, stream: TcpStream) -> Self {
        let now = Instant::now();
        Self {
            frames: Frames::new(session.config.payload_bytes_max),
            out: session.connect.clone(),
            session,
            stream,
            held: None,
            stage: Stage::AwaitsConnack,
            begun: now,
            heard: now,
            listening: now,
            written: now,
        }
    }

    /// Runs until the connection ends, and returns why.
    pub async fn run(mut self) -> MqttError {
        match self.converse().await {
            Ok(Farewell) => {
                self.take_leave().await;
                MqttError::Closed
            }
            Err(reason) => reason,
        }
    }

    async fn converse(&mut self) -> Result<Farewell, MqttError> {
        let keep_alive = Duration::from_secs(self.session.config.keep_alive_s.into());
        let mut tick = interval(if keep_alive.is_zero() { PUBACK_TIMEOUT / 4 } else { keep_alive / 2 });
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.read_frames()?;
            if let Stage::AwaitsSuback { session_present } | Stage::Ready { session_present } = self.stage {
                self.session.flights.depart(&mut self.out, session_present);
            }
            match self.next(&mut tick).await {
                Event::Read(read) => match read.map_err(|error| self.broken(&error))? {
                    0 => return Err(self.closed_by_broker()),
                    _ => self.heard = Instant::now(),
                },
                Event::Written(written) => {
                    let written = written.map_err(|error| self.broken(&error))?;
                    self.out.drain(..written);
                    self.written = Instant::now();
                }
                Event::Room(room) => self.release(room),
                Event::Asked(Some(Command::Publish(outgoing))) => {
                    let open = self.stage != Stage::AwaitsConnack;
                    self.session.take(outgoing, open.then_some(&mut self.out));
                }
                Event::Asked(Some(Command::Redeliver)) => return Err(MqttError::Renewed),
                Event::Asked(Some(Command::Close) | None) => return Ok(Farewell),
                Event::Given(receipt) => {
                    self.acknowledge(receipt);
                    self.acknowledge_given();
                }
                Event::Late => {
                    let expected = if self.stage == Stage::AwaitsConnack { "connack" } else { "suback" };
                    return Err(MqttError::Silent { expected, waited_s: GREETING_TIMEOUT.as_secs() });
                }
                Event::Tick => self.keep_alive(keep_alive)?,
            }
        }
    }

    /// Waits for whatever happens next. Every branch may be given up half-way without loss.
    async fn next(&mut self, tick: &mut Interval) -> Event {
        let greeting = !matches!(self.stage, Stage::Ready { .. });
        let listens = self.held.is_none();
        let (mut reader, mut writer) = self.stream.split();
        tokio::select! {
            read = reader.read_buf(self.frames.space()), if listens => Event::Read(read),
            written = writer.write(&self.out), if !self.out.is_empty() => Event::Written(written),
            room = self.session.incoming.clone().reserve_owned(), if !listens => Event::Room(room.ok()),
            asked = self.session.commands.recv(), if self.out.len() < OUT_BYTES_MAX => Event::Asked(asked),
            Some(receipt) = self.session.receipts.recv() => Event::Given(receipt),
            () = sleep_until(self.begun + GREETING_TIMEOUT), if greeting && listens => Event::Late,
            _ = tick.tick() => Event::Tick,
        }
    }

    /// Hands over the held message, and reads on.
    fn release(&mut self, room: Option<OwnedPermit<Incoming>>) {
        match (room, self.held.take()) {
            (Some(room), Some(held)) => drop(room.send(held)),
            _ => tracing::debug!("nobody receives messages any more"),
        }
        self.heard = Instant::now();
        self.listening = self.heard;
    }

    /// Takes what has arrived, as long as the receiver has room.
    fn read_frames(&mut self) -> Result<(), MqttError> {
        while self.held.is_none()
            && let Some(frame) = self.frames.next()?
        {
            match (packets::parse(frame)?, self.stage) {
                (Received::Connected { session_present }, Stage::AwaitsConnack) => {
                    self.connected(session_present)
                }
                (_, Stage::AwaitsConnack) => {
                    return Err(MqttError::Protocol("another packet came before connack".to_owned()));
                }
                (Received::Connected { .. }, _) => {
                    return Err(MqttError::Protocol("a second connack".to_owned()));
                }
                (Received::Publish(publish), _) => self.deliver(publish),
                (Received::PubAck { id }, _) => self.session.flights.land(id),
                (Received::SubAck { granted, .. }, Stage::AwaitsSuback { session_present }) => {
                    self.subscribed(&granted, session_present)?;
                }
                (Received::SubAck { id, .. }, Stage::Ready { .. }) => {
                    return Err(MqttError::Protocol(format!("a suback {id} that was not asked for")));
                }
                (Received::Pong, _) => {}
            }
        }
        Ok(())
    }

    fn connected(&mut self, session_present: bool) {
        match &self.session.subscribe {
            Some(subscribe) => {
                self.out.extend_from_slice(subscribe);
                self.stage = Stage::AwaitsSuback { session_present };
            }
            None => self.ready(session_present),
        }
    }

    fn subscribed(&mut self, granted: &[Option<QoS>], session_present: bool) -> Result<(), MqttError> {
        let asked = &self.session.subscriptions;
        if granted.len() != asked.len() {
            let found = granted.len();
            return Err(MqttError::Protocol(format!(
                "suback for {found} filters instead of {}",
                asked.len()
            )));
        }
        for ((filter, qos), granted) in asked.iter().zip(granted) {
            if granted.is_none_or(|granted| granted < *qos) {
                return Err(MqttError::SubscriptionRefused { filter: filter.clone() });
            }
        }
        self.ready(session_present);
        Ok(())
    }

    fn ready(&mut self, session_present: bool) {
        self.stage = Stage::Ready { session_present };
        tracing::info!(broker = %self.session.address, session_present, "mqtt connected");
        self.session.ready = Some(Instant::now());
        self.session.state.send_replace(State::Connected);
    }

    /// Hands a message to the receiver, or holds it while there is no room.
    fn deliver(&mut self, publish: Publish) {
        let Publish { mut topic, payload, payload_bytes, retain, duplicate, id } = publish;
        let (topic_max, payload_max) =
            (self.session.config.topic_bytes_max, self.session.config.payload_bytes_max);
        let payload = if topic.len() > topic_max {
            let bytes = topic.len();
            let cut = (0..=topic_max).rev().find(|&place| topic.is_char_boundary(place)).unwrap_or(0);
            topic.truncate(cut);
            Err(TooLong::Topic { bytes, bytes_max: topic_max })
        } else if payload_bytes > payload_max {
            Err(TooLong::Payload { bytes: payload_bytes, bytes_max: payload_max })
        } else {
            Ok(payload)
        };
        let ack = Ack(id.map(|id| {
            (Receipt { connection: self.session.connection, id }, self.session.receipts_in.clone())
        }));
        match self.session.incoming.try_send(Incoming { topic, payload, retain, duplicate, ack }) {
            Ok(()) => {}
            Err(TrySendError::Full(incoming)) => self.held = Some(incoming),
            Err(TrySendError::Closed(incoming)) => {
                tracing::debug!(topic = incoming.topic, "nobody receives messages any more");
            }
        }
    }

    fn acknowledge(&mut self, receipt: Receipt) {
        if receipt.connection == self.session.connection {
            self.out.extend_from_slice(&packets::puback(receipt.id));
        }
    }

    fn acknowledge_given(&mut self) {
        while let Ok(receipt) = self.session.receipts.try_recv() {
            self.acknowledge(receipt);
        }
    }

    /// Asks for a sign of life when there was none for half the time, and gives up after one and a half times.
    /// While the receiver is full nothing is read, and silence says nothing.
    fn keep_alive(&mut self, keep_alive: Duration) -> Result<(), MqttError> {
        if self.stage == Stage::AwaitsConnack {
            return Ok(());
        }
        let overdue = self.session.flights.oldest().map(|sent| sent.max(self.listening).elapsed());
        if self.held.is_none() && overdue.is_some_and(|overdue| overdue > PUBACK_TIMEOUT) {
            return Err(MqttError::Silent { expected: "puback", waited_s: PUBACK_TIMEOUT.as_secs() });
        }
        if keep_alive.is_zero() {
            return Ok(());
        }
        let silence = self.heard.elapsed();
        if self.held.is_none() && silence > keep_alive + keep_alive / 2 {
            return Err(MqttError::Silent { expected: "pingresp", waited_s: silence.as_secs() });
        }
        if silence >= keep_alive / 2 || self.written.elapsed() >= keep_alive / 2 {
            self.out.extend_from_slice(&packets::PINGREQ);
        }
        Ok(())
    }

    /// Writes the acknowledgements that were given before the call to close, and DISCONNECT; then waits for the
    /// broker to hang up. Closing earlier could reset the connection, or let a successor with the same client id
    /// overtake it, and the broker would drop the last acknowledgements unread.
    async fn take_leave(&mut self) {
        self.acknowledge_given();
        self.out.extend_from_slice(&packets::DISCONNECT);
        let farewell = async {
            self.stream.write_all(&self.out).await?;
            self.stream.shutdown().await?;
            tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await
        };
        match timeout(FAREWELL_TIMEOUT, farewell).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the broker was gone before the farewell"),
            Err(_) => tracing::debug!("the broker did not take the farewell"),
        }
    }

    fn broken(&self, error: &io::Error) -> MqttError {
        MqttError::Unreachable { address: self.session.address.to_string(), reason: error.to_string() }
    }

    fn closed_by_broker(&self) -> MqttError {
        MqttError::ClosedByBroker { client_id: self.session.config.client_id.clone() }
    }
}
