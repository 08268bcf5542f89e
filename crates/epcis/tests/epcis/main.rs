//! Everything that needs the published examples, and the laws that hold for any input.

mod corpora;
mod examples;
mod formats;
mod generated;
mod hostile;
mod laws;
mod queries;
mod xsd;
