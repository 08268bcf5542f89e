//! Plans in the files that others keep them in: Microsoft Project XML (MSPDI, both ways), Primavera P6 XER (in), CSV
//! (both ways) and iCalendar (out). Texts in, texts out; every reader is bounded before it believes a file.

mod clock_face;
pub mod csv;
mod document;
mod error;
pub mod icalendar;
pub mod mspdi;
pub mod xer;

pub use document::{Document, Label};
pub use error::{FormatError, Limits};
