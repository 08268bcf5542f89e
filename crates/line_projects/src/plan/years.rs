//! The years that plans lie in: those that entries can write. A calendar that works a minute a week puts a short plan
//! thousands of years off.

use schedule::{ActivityId, Schedule, Span};
use schedule_formats::Document;

use super::clock::Clock;
use super::explain::PlanError;

/// Refuses a plan of which a planned, early or late date cannot be written.
pub fn check(document: &Document, schedule: &Schedule, planned: &[Span]) -> Result<(), PlanError> {
    for ((id, label), span) in (0..).map(ActivityId).zip(&document.labels).zip(planned) {
        let dates = schedule.dates(id);
        check_spans(&label.code, [*span, dates.early, dates.late])?;
    }
    Ok(())
}

/// Refuses dates of an activity that cannot be written.
pub fn check_spans(code: &str, spans: impl IntoIterator<Item = Span>) -> Result<(), PlanError> {
    let mut moments = spans.into_iter().flat_map(|span| [span.start, span.finish]);
    match moments.find(|at| !Clock(*at).is_written()) {
        Some(at) => Err(PlanError::Years { activity: code.to_owned(), at }),
        None => Ok(()),
    }
}
