//! What each command does.

pub mod demo;
pub mod proof;
pub mod ready;
pub mod serve;
pub mod simulate;
pub mod upkeep;
pub mod verify;

use std::io::Write;
use std::process::ExitCode;

use taizhang::Error;

/// Writes a line to standard output; a reader that went away is no error of ours.
pub fn say(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

pub fn openapi() -> Result<ExitCode, Error> {
    say(taizhang::document().to_pretty_json().map_err(|error| Error::Refused(error.to_string()))?);
    Ok(ExitCode::SUCCESS)
}
