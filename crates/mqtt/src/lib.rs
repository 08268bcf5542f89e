//! The channel to devices: an MQTT 3.1.1 client in which **a message is acknowledged only when the caller says so**.
//!
//! A QoS 1 message is taken off the receiver of [`Link::connect`], its entries are written to disk, and only then
//! [`Ack::done`] sends the PUBACK. Whatever was not acknowledged when the connection, this process or the broker
//! went down is delivered again, so a reader sees every message at least once and must know its doubles.
//!
//! What is absent: QoS 2, wills, MQTT 5, and TLS (the broker stands beside the server, or behind a tunnel).
//! Packets are built and parsed by `mqtt-protocol-core`; sockets, time and the session are kept here.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod conversation;
mod error;
mod flights;
mod frames;
mod link;
mod packets;
mod session;

pub use config::{Address, Config};
pub use error::MqttError;
pub use link::{Ack, Incoming, Link, Publisher, State, TooLong};

/// How hard a message is delivered (MQTT 3.1.1, section 4.3). The third level is not spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QoS {
    /// Sent once and forgotten: lost when a connection breaks.
    AtMostOnce,
    /// Sent until acknowledged: may arrive twice, is never lost.
    AtLeastOnce,
}
