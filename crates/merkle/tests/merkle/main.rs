//! The tree against its definition, against the public vectors, and against every single changed byte.

#![allow(clippy::unwrap_used)]

mod changes;
mod laws;
mod tree;
mod vectors;
mod witness;
