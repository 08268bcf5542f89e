#![no_main]

#[path = "../../crates/epcis/tests/epcis/round_trip.rs"]
mod round_trip;

libfuzzer_sys::fuzz_target!(|text: &[u8]| round_trip::json(text));
