//! Everything that needs the published examples, and the laws that hold for any input.

mod corpora;
mod examples;
mod formats;
mod formats_hostile;
mod found;
mod generated;
mod hostile;
mod laws;
mod mutated;
mod queries;
mod round_trip;
mod xsd;
