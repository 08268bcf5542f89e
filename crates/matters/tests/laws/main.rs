//! The laws of matters, over whole lives of matters.

#![allow(clippy::unwrap_used)]

mod clock;
mod presets;
mod story;
mod support;
