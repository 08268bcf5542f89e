use schedule::ScheduleError;

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("exceeds {max} {what}")]
    Limit { what: &'static str, max: usize },
    #[error("is not XML: {0}")]
    Xml(String),
    #[error("a document type is refused")]
    Doctype,
    #[error("is not a project: {0} is missing")]
    Missing(&'static str),
    #[error("{place}: {found:?} is not {expected}")]
    Value { place: String, found: String, expected: &'static str },
    #[error("{place} names {found:?}, which is not in the file")]
    Reference { place: String, found: String },
    #[error("{place}: {what} is not supported")]
    Unsupported { place: String, what: &'static str },
    #[error("{place} stands twice")]
    Twice { place: String },
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

impl FormatError {
    pub(crate) fn value(place: impl Into<String>, found: &str, expected: &'static str) -> Self {
        // What is quoted back is cut, so that a hostile file cannot fill a page with itself.
        let found = found.chars().take(80).collect();
        Self::Value { place: place.into(), found, expected }
    }
}

/// How much of a file is read before it is refused.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub bytes_max: usize,
    pub activities_max: usize,
    pub links_max: usize,
    /// Days that differ from the week, over all calendars.
    pub exceptions_max: usize,
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 256 * 1024 * 1024,
            activities_max: 100_000,
            links_max: 400_000,
            exceptions_max: 100_000,
            depth_max: 32,
        }
    }
}

impl Limits {
    pub(crate) fn check(what: &'static str, count: usize, max: usize) -> Result<(), FormatError> {
        if count > max { Err(FormatError::Limit { what, max }) } else { Ok(()) }
    }
}
