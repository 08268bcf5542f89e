use std::collections::VecDeque;

use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};

use crate::{MqttError, packets};

/// The packet id of SUBSCRIBE, which no publish takes.
pub(crate) const SUBSCRIBE_ID: u16 = 1;

/// A QoS 1 message on its way out.
#[derive(Debug)]
pub(crate) struct Flight {
    /// The packet, ready to be sent again.
    bytes: Vec<u8>,
    id: u16,
    /// When it was written to the present connection, if it was.
    sent: Option<Instant>,
    /// Whether any connection may have carried it.
    tried: bool,
    reply: oneshot::Sender<Result<(), MqttError>>,
    /// Its place among those in flight, given back when it lands.
    _place: OwnedSemaphorePermit,
}

/// Our QoS 1 messages that the broker has not acknowledged, oldest first. They outlive connections.
#[derive(Debug)]
pub(crate) struct Flights {
    waiting: VecDeque<Flight>,
    last_id: u16,
}

impl Flights {
    pub fn new() -> Self {
        Self { waiting: VecDeque::new(), last_id: SUBSCRIBE_ID }
    }

    /// A packet id that nothing in flight holds. There are far fewer places than ids.
    pub fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(SUBSCRIBE_ID + 1);
            if self.waiting.iter().all(|flight| flight.id != self.last_id) {
                return self.last_id;
            }
        }
    }

    /// Takes in a message; [`Flights::depart`] hands it to a connection.
    pub fn board(
        &mut self,
        id: u16,
        bytes: Vec<u8>,
        reply: oneshot::Sender<Result<(), MqttError>>,
        place: OwnedSemaphorePermit,
    ) {
        self.waiting.push_back(Flight { bytes, id, sent: None, tried: false, reply, _place: place });
    }

    /// Prepares for a new connection: everything is to be sent again, except what nobody waits for any more.
    pub fn reset(&mut self) {
        self.waiting.retain(|flight| !flight.reply.is_closed());
        for flight in &mut self.waiting {
            flight.sent = None;
        }
    }

    /// Writes what this connection has not carried yet, in the order of publishing. A copy is marked as a
    /// duplicate when the broker still knows the session in which the first one was sent.
    pub fn depart(&mut self, out: &mut Vec<u8>, session_present: bool) {
        let unsent = self.waiting.iter().rev().take_while(|flight| flight.sent.is_none()).count();
        let carried = self.waiting.len() - unsent;
        for flight in self.waiting.iter_mut().skip(carried) {
            let from = out.len();
            out.extend_from_slice(&flight.bytes);
            if flight.tried && session_present {
                packets::mark_duplicate(&mut out[from..]);
            }
            flight.sent = Some(Instant::now());
            flight.tried = true;
        }
    }

    /// The broker has it. An id that is not in flight belongs to a message given up long ago.
    pub fn land(&mut self, id: u16) {
        let Some(place) = self.waiting.iter().position(|flight| flight.id == id && flight.sent.is_some())
        else {
            return tracing::debug!(id, "acknowledgement of nothing in flight");
        };
        if let Some(flight) = self.waiting.remove(place)
            && flight.reply.send(Ok(())).is_err()
        {
            tracing::debug!(id, "acknowledged after the publisher gave up");
        }
    }

    /// When the oldest message that awaits acknowledgement was sent.
    pub fn oldest(&self) -> Option<Instant> {
        self.waiting.iter().find_map(|flight| flight.sent)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    type Reply = oneshot::Receiver<Result<(), MqttError>>;

    fn board(flights: &mut Flights, places: &Arc<Semaphore>) -> Option<(u16, Reply)> {
        let place = Arc::clone(places).try_acquire_owned().ok()?;
        let (reply, answer) = oneshot::channel();
        let id = flights.free_id();
        flights.board(id, packets::publish_out("a", b"b", false, Some(id)).unwrap(), reply, place);
        Some((id, answer))
    }

    #[test]
    fn a_flight_is_sent_again_as_a_duplicate_until_it_lands_and_then_gives_its_place_back() {
        let places = Arc::new(Semaphore::new(1));
        let mut flights = Flights::new();
        let (id, mut answer) = board(&mut flights, &places).unwrap();
        assert!(board(&mut flights, &places).is_none());

        let mut out = Vec::new();
        flights.depart(&mut out, false);
        flights.depart(&mut out, false);
        assert_eq!(out.first(), Some(&0x32));
        assert_eq!(out.len(), 8, "sent once a connection");

        flights.reset();
        flights.land(id);
        assert!(answer.try_recv().is_err(), "nothing was sent on this connection that could land");
        let mut again = Vec::new();
        flights.depart(&mut again, true);
        assert_eq!(again.first(), Some(&0x3a));
        assert_eq!(again[1..], out[1..]);

        flights.land(id);
        assert_eq!(answer.try_recv(), Ok(Ok(())));
        assert_eq!(places.available_permits(), 1);
        assert_eq!(flights.oldest(), None);
    }

    #[test]
    fn a_flight_that_nobody_waits_for_is_not_sent_again() {
        let places = Arc::new(Semaphore::new(2));
        let mut flights = Flights::new();
        drop(board(&mut flights, &places));
        let (_, _answer) = board(&mut flights, &places).unwrap();
        flights.reset();
        let mut out = Vec::new();
        flights.depart(&mut out, true);
        assert_eq!(out.len(), 8);
        assert_eq!(places.available_permits(), 1);
    }

    #[test]
    fn packet_ids_wrap_around_and_pass_over_those_in_flight() {
        let places = Arc::new(Semaphore::new(4));
        let mut flights = Flights::new();
        let (first, _answer) = board(&mut flights, &places).unwrap();
        assert_eq!(first, 2);
        flights.last_id = u16::MAX;
        assert_eq!(flights.free_id(), 3);
    }
}
