//! The kernel on a real database: the root book, accounts and rights, and what follows from them.

#![allow(clippy::unwrap_used)]

mod access;
mod house;
mod registry;
