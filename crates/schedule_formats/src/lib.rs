//! Plans in the files that others keep them in: Microsoft Project XML (MSPDI), tables as XLSX and CSV (all both ways),
//! Primavera P6 XER (in), iCalendar and OC4IDS (out). Bytes in, bytes out; every reader is bounded before it believes a
//! file, and says where what it refuses is.

mod clock_face;
pub mod csv;
mod document;
mod error;
pub mod icalendar;
pub mod mspdi;
pub mod oc4ids;
mod table;
pub mod xer;
pub mod xlsx;
mod xml;

pub use document::{Document, Label, Note};
pub use error::{FormatError, Limits, Place, Words};
pub use table::Columns;
