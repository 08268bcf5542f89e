//! What the forms of a plan record.

use std::collections::BTreeMap;

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use base::BookId;
use ledger::Body;
use serde_json::{Value, json};
use shell::extract::Path;
use shell::viewer::Viewer;
use shell::{App, Both, Problem};

use super::href;
use crate::api::records::record_form;
use crate::plan::api::seen;
use crate::plan::kinds::{Baselined, DeadlineSet, Edited, Overlapped};
use crate::record::Input;

type Typed = BTreeMap<String, String>;

fn text<'t>(typed: &'t Typed, name: &str) -> Option<&'t str> {
    typed.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// Works a plan back from a deadline, or forward to it.
pub async fn deadline(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let (book, project) = seen(&app, &viewer, &book, &name).await?;
    let day = text(&typed, "deadline").map(base::Day::parse).transpose();
    let Ok(day) = day else { return Err(wrong("deadline", "期限不是有效日期", "is no date")) };
    // The project's own deadline is followed, so that the plan goes with it when it moves.
    let own = day.filter(|day| *day != project.planned_finish);
    let backward = text(&typed, "backward").is_some_and(|value| value == "yes");
    let body = json!({ "project": project.project, "deadline": own, "backward": backward });
    record(&app, &viewer, &book, &project.project, DeadlineSet::KIND, body, &typed).await
}

/// Accepts an overlap.
pub async fn overlap(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let (book, project) = seen(&app, &viewer, &book, &name).await?;
    let lag: Option<i64> = text(&typed, "lag_minutes").and_then(|text| text.parse().ok());
    let body = json!({
        "project": project.project,
        "from": typed.get("from"),
        "to": typed.get("to"),
        "lag_minutes": lag,
    });
    record(&app, &viewer, &book, &project.project, Overlapped::KIND, body, &typed).await
}

/// Freezes the plan as a baseline.
pub async fn baseline(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let (book, project) = seen(&app, &viewer, &book, &name).await?;
    let (title, version) = (text(&typed, "title").unwrap_or_default(), text(&typed, "version"));
    let body = json!({ "project": project.project, "title": title, "version": version });
    record(&app, &viewer, &book, &project.project, Baselined::KIND, body, &typed).await
}

/// Gives an activity another duration.
pub async fn duration(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let (book, project) = seen(&app, &viewer, &book, &name).await?;
    let minutes = text(&typed, "days").and_then(workdays);
    let Some(minutes) = minutes else {
        return Err(wrong("days", "工期不是有效的天数", "is no number of days"));
    };
    let activity = text(&typed, "activity").unwrap_or_default();
    let changes = json!([{ "what": "duration", "activity": activity, "minutes": minutes }]);
    let body = json!({ "project": project.project, "changes": changes, "reason": text(&typed, "reason") });
    record(&app, &viewer, &book, &project.project, Edited::KIND, body, &typed).await
}

/// Minutes of workdays typed with up to one decimal, such as `3.5`.
fn workdays(text: &str) -> Option<i64> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(whole) || !is_plain(tenth) || tenth.len() > 1 || whole.len() > 6 {
        return None;
    }
    Some(whole.parse::<i64>().ok()? * 480 + tenth.parse::<i64>().ok()? * 48)
}

fn wrong(field: &str, zh: &str, en: &str) -> Problem {
    Problem::bad_request(field, "form", Both::new(format!("{zh}。"), format!("{field} {en}")))
}

async fn record(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    project: &str,
    kind: &str,
    body: Value,
    typed: &Typed,
) -> Result<Response, Problem> {
    let input = Input { kind: kind.into(), occurred: None, body, evidence: Vec::new() };
    let recorded = record_form(app, viewer, book, input, kind, typed).await?;
    let back = format!("{}?done={}", href(book, project, ""), recorded.entry.seq.0);
    Ok(Redirect::to(&back).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workdays_are_typed_with_a_tenth() {
        for (text, minutes) in [
            ("3", Some(1_440)),
            ("3.5", Some(1_680)),
            ("0", Some(0)),
            ("-1", None),
            ("3.25", None),
            ("", None),
        ] {
            assert_eq!(workdays(text), minutes, "{text:?}");
        }
    }
}
