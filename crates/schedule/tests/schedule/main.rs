//! The schedule engine against known answers, laws and a second implementation.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agreement;
mod golden;
mod laws;
mod naive;
mod networks;
mod psplib;
