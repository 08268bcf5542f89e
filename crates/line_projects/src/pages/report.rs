//! A report of progress from the site: one tap says how far, one sends.

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use ledger::Body;
use serde_json::{Map, Value};
use shell::extract::Path;
use shell::pages::page;
use shell::view::{Field, FieldKind, Frame};
use shell::viewer::{Asked, FORM_BYTES_MAX, Here, Viewer};
use shell::{App, Lang, Problem, T, photo};

use super::amounts;
use super::forms::{Sending, Typed, Wrong, submit};
use super::place::Place;
use crate::api::Sight;
use crate::kinds::ProgressReported;
use crate::plan::WHOLE_BP;
use crate::state::{self, Project, Report};

pub fn router() -> Router<App> {
    let limit = DefaultBodyLimit::max(FORM_BYTES_MAX);
    Router::new().route("/projects/{book}/project/{project}/report", get(show).post(send).layer(limit))
}

/// How many points more than last time are offered.
const STEPS_BP: [i64; 5] = [100, 200, 500, 1_000, 2_000];
/// What is offered the first time.
const FIRST_BP: [i64; 5] = [0, 500, 1_000, 2_000, 3_000];
/// Reports among which the last of the whole project is looked for.
const REPORTS: usize = 50;

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    frame: Frame,
    error: Option<String>,
    /// What was reported last.
    last: Option<String>,
    options: Vec<Choose>,
    other: Field,
    fields: Vec<Field>,
    back: String,
}

/// A share to tap.
struct Choose {
    /// Per cent, as it would be typed.
    value: String,
    title: String,
    /// What it means: as last time, five points more.
    note: String,
    is_chosen: bool,
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, project)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let place = Place::of(&app, &viewer, lang, &book, ProgressReported::KIND)?;
    let project = place.project(&app, &project).await?;
    set(&app, &viewer, lang, &here, &place, &project, &Typed::new(), &Wrong::new()).await
}

async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, project)): Path<(String, String)>,
    form: Multipart,
) -> Result<Response, Problem> {
    let place = Place::of(&app, &viewer, lang, &book, ProgressReported::KIND)?;
    let project = place.project(&app, &project).await?;
    let (mut typed, file) = photo::read(form).await?;
    let (t, chosen) = (app.texts.t(lang), file.is_some());
    let outcome = match body(&t, &project, &typed) {
        Err(wrong) => Err(wrong),
        Ok(body) => {
            let sending = Sending { kind: ProgressReported::KIND, form: "report", body };
            submit(&app, &viewer, lang, &place, &typed, file, sending).await?
        }
    };
    match outcome {
        Ok(seq) => Ok(Redirect::to(&format!("{}?done={seq}", back(&place, &project))).into_response()),
        Err(wrong) => {
            if chosen {
                typed.insert(photo::FIELD.into(), String::new());
            }
            let refused = set(&app, &viewer, lang, &here, &place, &project, &typed, &wrong).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, refused).into_response())
        }
    }
}

fn back(place: &Place, project: &Project) -> String {
    match place.sight {
        Sight::All => place.of_project(&project.project, ""),
        Sight::Teams(_) => "/my/projects".to_owned(),
    }
}

/// The body; what was typed wins over what was tapped.
fn body(t: &T, project: &Project, typed: &Typed) -> Result<Map<String, Value>, Wrong> {
    let text = |name: &str| typed.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let (mut body, mut wrong) = (Map::new(), Wrong::new());
    body.insert("project".into(), project.project.clone().into());
    let percent = text("other").or(text("percent"));
    match percent.map(|text| shell::format::read_decimal(text.trim_end_matches(['%', '％']), 2)) {
        Some(Some(bp)) => drop(body.insert("percent_bp".into(), bp.into())),
        Some(None) => drop(wrong.insert("other".into(), t.get("form-not-a-number"))),
        None if text("remaining_days").is_none() => {
            drop(wrong.insert("other".into(), t.get("projects-choose-percent")));
        }
        None => {}
    }
    match text("remaining_days").map(|text| shell::format::read_decimal(text, 0)) {
        Some(Some(days)) => drop(body.insert("remaining_days".into(), days.into())),
        Some(None) => drop(wrong.insert("remaining_days".into(), t.get("form-not-a-number"))),
        None => {}
    }
    body.extend(text("note").map(|note| ("note".to_owned(), note.into())));
    if wrong.is_empty() { Ok(body) } else { Err(wrong) }
}

#[expect(clippy::too_many_arguments, reason = "what a request brings and what the form is about")]
async fn set(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    here: &str,
    place: &Place,
    project: &Project,
    typed: &Typed,
    wrong: &Wrong,
) -> Result<Response, Problem> {
    let (book, name) = (place.book.clone(), project.project.clone());
    let reports =
        app.blocking(move |kernel| kernel.read(|tx| state::reports(tx, &book, &name, REPORTS))).await?;
    let last = reports.iter().find(|it| it.activity.is_none() && it.percent_bp.is_some());
    let t = app.texts.t(lang);
    let title = if lang == Lang::Zh {
        &project.title_zh
    } else {
        project.title_en.as_ref().unwrap_or(&project.title_zh)
    };
    let mut frame = place.frame(app, viewer, lang, title.clone(), here);
    frame.sections = Vec::new();
    let value = |name: &str| typed.get(name).cloned().unwrap_or_default();
    // What the record says of the share stands beside where it can be corrected.
    let mistake = |name: &str| match name {
        "other" => wrong.get("other").or(wrong.get("percent_bp")).cloned(),
        _ => wrong.get(name).cloned(),
    };
    let field = |name: &'static str, key: &str, kind: FieldKind| {
        Field::new(name, t.get(key), kind).value(value(name)).error(mistake(name))
    };
    let mut other = field("other", "projects-other-percent", FieldKind::Number);
    other.unit = Some("%".to_owned());
    let fields = vec![
        photo::field(&t, "projects-field-photo", typed.contains_key(photo::FIELD))
            .error(mistake(photo::FIELD)),
        field("note", "projects-field-note", FieldKind::Area { chars_max: 1_000 }),
        field("remaining_days", "projects-field-remaining_days", FieldKind::Number),
    ];
    let beside = ["other", "percent_bp", "note", "remaining_days", photo::FIELD];
    let error = wrong.iter().find(|(name, _)| !beside.contains(&name.as_str()));
    page(&ReportPage {
        frame,
        error: error
            .map(|(_, message)| message.clone())
            .or((!wrong.is_empty()).then(|| t.get("form-refused"))),
        last: last.map(|it| last_text(app, &t, it)),
        options: options(&t, last.and_then(|it| it.percent_bp), &value("percent")),
        other,
        fields,
        back: back(place, project),
    })
}

fn last_text(app: &App, t: &T, last: &Report) -> String {
    let day = app.kernel.zone().day_of(last.at).to_string();
    t.with(
        "projects-last-report",
        &[("day", day), ("percent", amounts::percent(last.percent_bp.unwrap_or_default()))],
    )
}

/// What may be tapped: as last time, some points more, or all done. As last time is chosen until another is.
fn options(t: &T, last: Option<i64>, chosen: &str) -> Vec<Choose> {
    let mut offered: Vec<(i64, String)> = Vec::new();
    match last {
        Some(last) => {
            offered.push((last, t.get("projects-as-last-time")));
            let more = STEPS_BP.iter().map(|step| (last + step, *step)).filter(|(bp, _)| *bp < WHOLE_BP);
            offered.extend(more.map(|(bp, step)| (bp, format!("+{}", amounts::percent(step)))));
        }
        None => offered.extend(FIRST_BP.map(|bp| (bp, String::new()))),
    }
    if last != Some(WHOLE_BP) {
        offered.push((WHOLE_BP, t.get("projects-all-done")));
    }
    let usual = last.map_or_else(String::new, plain);
    let chosen = if chosen.is_empty() { usual.as_str() } else { chosen };
    offered
        .into_iter()
        .map(|(bp, note)| {
            let value = plain(bp);
            Choose { is_chosen: value == chosen, title: amounts::percent(bp), value, note }
        })
        .collect()
}

fn plain(bp: i64) -> String {
    amounts::percent(bp).trim_end_matches('%').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t() -> T {
        let texts = shell::Texts::new(shell::Texts::SHELL.into_iter().chain(crate::TEXTS)).unwrap();
        std::sync::Arc::new(texts).t(Lang::En)
    }

    fn offered(last: Option<i64>, chosen: &str) -> Vec<(String, bool)> {
        options(&t(), last, chosen).into_iter().map(|it| (it.value, it.is_chosen)).collect()
    }

    #[test]
    fn as_last_time_is_chosen_until_another_share_is() {
        let value = |text: &str, chosen: bool| (text.to_owned(), chosen);
        let first = offered(Some(6_250), "");
        assert_eq!(first[..3], [value("62.5", true), value("63.5", false), value("64.5", false)]);
        assert_eq!(first.last(), Some(&value("100", false)));
        assert_eq!(offered(Some(6_250), "67.5")[3], value("67.5", true));
    }

    #[test]
    fn nothing_beyond_the_whole_is_offered() {
        assert_eq!(offered(Some(9_900), "").len(), 2);
        assert_eq!(offered(Some(10_000), ""), [("100".to_owned(), true)]);
        assert!(offered(None, "").iter().all(|(_, chosen)| !chosen));
    }
}
