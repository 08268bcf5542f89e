//! Entries, kinds and their canonical form. No I/O.
//!
//! An entry is *what happened*: somebody recorded, at some time, that something of a kind occurred to some subjects at
//! a place; an office answers for it. Its **head** is RFC 8785 (JCS) JSON and is the leaf of the book's Merkle tree.
//! The **body** enters the head only as a salted commitment, so that it can be erased later and every proof still holds.

pub mod canonical;
mod entry;
mod kind;

pub use entry::{Commitment, Draft, Entry, EntryError, Role, Subject, Typed, commit};
pub use kind::{Body, BodyError, Catalogue, Kind, KindError, Rule, Sought, check_text, is_among, jcs};
