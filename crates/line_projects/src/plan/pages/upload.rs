//! A file on its way in: chosen, shown with what is wrong with it, accepted.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Form, Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::BookId;
use base::limits::PLAN_BYTES_MAX;
use schedule::Minutes;
use shell::extract::Path;
use shell::once::Sent;
use shell::pages::page;
use shell::parts::Parts;
use shell::view::{Field, FieldKind, Frame};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem, once};

use super::{frame, href, words};
use crate::plan::api::{may_take, refused};
use crate::plan::taken::{self, Preview, Taken, Unfit};
use crate::state::Project;

/// What may be chosen.
const ACCEPT: &str = ".xml,.xlsx,.csv,.xer";
const FILE: &str = "file";

#[derive(Template)]
#[template(path = "plan/import.html")]
struct ImportPage {
    frame: Frame,
    field: Field,
    /// What is wrong with the file that was sent.
    wrong: Vec<String>,
    back: String,
}

#[derive(Template)]
#[template(path = "plan/preview.html")]
struct PreviewPage {
    frame: Frame,
    digest: String,
    file: String,
    facts: Vec<(String, String)>,
    is_missed: bool,
    notes: Vec<String>,
    rows: Vec<[String; 6]>,
    more: Option<String>,
    accept: String,
    again: String,
}

pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (book, project) = may_take(&app, &viewer, &book, &name).await?;
    let frame = frame(&app, &viewer, lang, (&book, &project), "plan-import", &here)?;
    chosen(frame, &book, &project, Vec::new())
}

fn chosen(frame: Frame, book: &BookId, project: &Project, wrong: Vec<String>) -> Result<Response, Problem> {
    let field = Field::new(FILE, frame.t.get("plan-file"), FieldKind::File { accept: ACCEPT });
    let megabytes = PLAN_BYTES_MAX / (1024 * 1024);
    let hint = frame.t.with("plan-file-hint", &[("max", megabytes)]);
    let field = field.required().hint(hint);
    page(&ImportPage { field, wrong, back: href(book, &project.project, ""), frame })
}

/// Shows what a file holds, or what is wrong with it. Only a file that could be taken over is kept.
pub async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, name)): Path<(String, String)>,
    form: Multipart,
) -> Result<Response, Problem> {
    let (book, project) = may_take(&app, &viewer, &book, &name).await?;
    app.limits.evidence(&viewer.id())?;
    let frame = frame(&app, &viewer, lang, (&book, &project), "plan-import", &here)?;
    let (file, bytes) = match file_of(form).await {
        Ok(Some(sent)) => sent,
        Ok(None) => return again(frame, &book, &project, vec![app.texts.t(lang).get("form-required")]),
        Err(problem) if problem.status == StatusCode::PAYLOAD_TOO_LARGE => {
            let megabytes = PLAN_BYTES_MAX / (1024 * 1024);
            let large = frame.t.with("form-file-large", &[("max", megabytes)]);
            return again(frame, &book, &project, vec![large]);
        }
        Err(problem) => return Err(problem),
    };
    match taken::read(&app, &viewer, &book, &project, Some(&file), bytes).await? {
        Err(Unfit { chinese, english }) => {
            let wrong = if lang == Lang::Zh { chinese } else { english };
            again(frame, &book, &project, wrong)
        }
        Ok(Taken { bytes, preview, .. }) => {
            let digest = shell::evidence::keep_plan(&app, &viewer, &book, bytes).await?;
            page(&previewed(frame, &book, &project, digest, file, preview))
        }
    }
}

fn again(frame: Frame, book: &BookId, project: &Project, wrong: Vec<String>) -> Result<Response, Problem> {
    let shown = chosen(frame, book, project, wrong)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
}

/// The file of a form, with its name.
async fn file_of(form: Multipart) -> Result<Option<(String, Vec<u8>)>, Problem> {
    let mut parts = Parts::of(form, PLAN_BYTES_MAX);
    while let Some(part) = parts.next().await? {
        if part.name() != FILE {
            continue;
        }
        let name: String =
            part.file_name().unwrap_or("plan").chars().filter(|c| !c.is_control()).take(120).collect();
        let bytes = part.bytes().await?;
        if bytes.len() > PLAN_BYTES_MAX {
            return Err(Problem::too_large(PLAN_BYTES_MAX as u64));
        }
        return Ok((!bytes.is_empty()).then_some((name, bytes)));
    }
    Ok(None)
}

fn previewed(
    frame: Frame,
    book: &BookId,
    project: &Project,
    digest: String,
    file: String,
    preview: Preview,
) -> PreviewPage {
    let t = &frame.t;
    let count = |count: usize| shell::format::integer(i64::try_from(count).unwrap_or(0));
    let margin = preview.margin_minutes.map(Minutes);
    let mut facts = vec![
        (t.get("plan-file"), file.clone()),
        (t.get("plan-name"), preview.name.clone()),
        (t.get("plan-activities"), count(preview.activities)),
        (t.get("plan-links"), count(preview.links)),
        (t.get("plan-calendars"), count(preview.calendars)),
        (t.get("plan-start"), words::day(preview.start.0)),
        (t.get("plan-finish"), words::last_day(preview.finish.0)),
    ];
    facts.extend(margin.map(|margin| (t.get("plan-margin"), words::working(t, margin))));
    let note = |key: &str, count: usize| (count > 0).then(|| t.with(key, &[("count", count)]));
    let notes =
        [note("plan-left-out", preview.left_out), note("plan-links-left-out", preview.links_left_out)];
    let row = |row: &taken::PreviewRow| {
        let critical = if row.critical { t.get("plan-critical") } else { String::new() };
        [
            row.code.clone(),
            row.name.clone(),
            words::working(t, Minutes(row.minutes)),
            words::day(row.start.0),
            words::last_day(row.finish.0),
            critical,
        ]
    };
    let hidden = preview.activities - preview.first.len();
    PreviewPage {
        digest,
        file,
        facts,
        is_missed: margin.is_some_and(|margin| margin.0 < 0),
        notes: notes.into_iter().flatten().collect(),
        rows: preview.first.iter().map(row).collect(),
        more: (hidden > 0).then(|| t.with("plan-more", &[("count", hidden)])),
        accept: href(book, &project.project, "accept"),
        again: href(book, &project.project, "import"),
        frame,
    }
}

/// Takes over a plan whose file was shown and kept.
pub async fn accept(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name)): Path<(String, String)>,
    Form(typed): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let (book, project) = may_take(&app, &viewer, &book, &name).await?;
    let digest = typed.get("digest").cloned().unwrap_or_default();
    let file = typed.get(FILE).map(|file| file.chars().take(120).collect::<String>());
    let kept = {
        let (by, book, digest) = (viewer.id(), book.clone(), digest.clone());
        let kept = app.blocking(move |kernel| kernel.sent_file(&by, &book, &digest)).await?;
        kept.ok_or_else(Problem::not_found)?
    };
    let read = taken::read(&app, &viewer, &book, &project, file.as_deref(), kept.bytes).await?;
    let Taken { import, place, .. } = read.map_err(|error| refused(&error))?;
    let sent = Sent::of("plan", &typed);
    let recorded = taken::record(&app, &viewer, &book, &project, digest, (import, place), sent)
        .await
        .map_err(once::told)?;
    let back = format!("{}?done={}", href(&book, &project.project, ""), recorded.entry.seq.0);
    Ok(Redirect::to(&back).into_response())
}
