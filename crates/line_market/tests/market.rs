//! The market line over a real kernel and a SQLite file.

#![allow(clippy::unwrap_used, reason = "a test that meets an error should panic")]

#[path = "market/bench.rs"]
mod bench;
#[path = "market/epcis_capture.rs"]
mod epcis_capture;
#[path = "market/epcis_own.rs"]
mod epcis_own;
#[path = "market/epcis_query.rs"]
mod epcis_query;
#[path = "market/mqtt_bridge.rs"]
mod mqtt_bridge;
#[path = "market/recall.rs"]
mod recall;
