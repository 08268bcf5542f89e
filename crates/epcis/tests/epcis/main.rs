//! Everything that needs the published examples, and the laws that hold for any input.

mod corpora;
mod examples;
mod formats;
mod hostile;
mod laws;
mod queries;
