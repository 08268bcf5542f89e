//! The product as its users meet it: over HTTP, on both databases.

#![allow(clippy::unwrap_used)]

mod access;
mod binary;
mod crash;
mod faults;
mod forms;
mod proofs;
mod refusals;
mod story;
