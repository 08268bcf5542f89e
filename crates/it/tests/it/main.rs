//! The product as its users meet it: over HTTP, on both databases.

#![allow(clippy::unwrap_used)]

mod access;
mod binary;
mod crash;
mod epcis;
mod faults;
mod proofs;
mod refusals;
mod story;
