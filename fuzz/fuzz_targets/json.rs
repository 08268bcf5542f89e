#![no_main]

#[path = "../memory.rs"]
mod memory;
#[path = "../../crates/epcis/tests/epcis/round_trip.rs"]
mod round_trip;

libfuzzer_sys::fuzz_target!(|text: &[u8]| memory::bounded(text, round_trip::json));
