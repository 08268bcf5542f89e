//! Capture of documents, and the jobs that tell what became of them.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base::limits::{BODY_BYTES_MAX, EVENTS_PER_CAPTURE_MAX};
use base::{BookId, UnitCode};
use epcis::{Document, DocumentKind, EpcisError, Limits, Rule, Sifted};
use kernel::{Desk, ROOT_BOOK};
use registry::Tree;
use serde::Serialize;
use serde_json::{Value, json};
use shell::extract::Path;
use shell::viewer::{Asked, Viewer};
use shell::{App, Both, Lang, Problem};
use utoipa::ToSchema;

use super::answers::{
    CAPTURE_ERROR_BEHAVIOUR, capture_problem, job_error, rule_problem, too_many_elements, too_many_events,
};
use super::formats::{Media, answer_value};
use super::paging::List;
use super::requests::{
    Parameters, answer_type, any_type, book_to_capture, need_version_of_body, sender, sights,
};
use super::room;
use crate::apply::word;
use crate::epcis_events::{
    self, CaptureJob, ELEMENTS_MAX, Mode, Prepared, QueryRefusal, Sender, capture_as_job, prepare_sifted,
};
use crate::policy::CAPTURE;

/// What became of a document (`CaptureJob` of the published OpenAPI document).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaptureJobView {
    #[serde(rename = "captureID")]
    capture_id: String,
    created_at: String,
    finished_at: String,
    /// Always false: a document is recorded before it is answered.
    running: bool,
    /// Whether every event is in the ledger.
    success: bool,
    /// `rollback` or `proceed`.
    capture_error_behaviour: String,
    /// A problem document for each event that is not, with its `index` in the document from 0.
    #[schema(value_type = Vec<Object>)]
    errors: Vec<Value>,
}

impl CaptureJobView {
    fn of(job: CaptureJob, lang: Lang) -> Self {
        Self {
            capture_id: job.capture,
            created_at: job.created.to_string(),
            finished_at: job.finished.to_string(),
            running: false,
            success: job.refused.is_empty(),
            capture_error_behaviour: word(&job.mode),
            errors: job.refused.into_iter().map(|refusal| job_error(lang, refusal)).collect(),
        }
    }
}

/// Captures an EPCISDocument or EPCISQueryDocument. The answer comes when its events are on disk.
///
/// With `GS1-Capture-Error-Behaviour: rollback`, the default, one refused event refuses the document: the problem
/// names it, and nothing is recorded. With `proceed` the other events are recorded, and the capture job names those
/// that were refused. An event that was captured before with the same content is left as it is.
#[utoipa::path(post, path = "/epcis/capture", tag = "epcis",
    params(("book" = Option<String>, Query, description = "The book, where the credential may capture into several."),
        ("GS1-Capture-Error-Behaviour" = Option<String>, Header, description = "`rollback` or `proceed`.")),
    request_body(content((Object = "application/json"), (Object = "application/ld+json"), (String = "application/xml"),
        (String = "text/xml"))),
    responses((status = 202, headers(("Location" = String, description = "The capture job."))), (status = 400), (status = 401),
        (status = 403), (status = 404), (status = 406), (status = 409), (status = 413), (status = 415), (status = 429), (status = 503)),
    extensions(("x-action" = json!("market.epcis.capture"))))]
pub async fn capture_document(
    State(app): State<App>,
    viewer: Viewer,
    request: Request,
) -> Result<Response, Problem> {
    let created = app.kernel.now();
    let mut parameters = Parameters::of(request.uri());
    let book = book_to_capture(&app, &viewer, parameters.take("book").as_deref())?;
    parameters.end()?;
    let media = Media::of_body(request.headers(), Media::ALL)?;
    need_version_of_body(request.headers(), media)?;
    let mode = mode(request.headers())?;
    let (bytes, room) = room::document(&app, &viewer, media, request).await?;
    let (sender, tree) = (sender(&app, &viewer, &book)?, app.tree());
    let (prepared, room) = app
        .blocking(move |_| {
            let sifted = sift(&bytes, media)?;
            if sifted.document.kind == DocumentKind::Event {
                return Err(other_type("EPCISDocument or EPCISQueryDocument"));
            }
            Ok((prepared(&book, &sender, sifted, mode, &tree)?, room))
        })
        .await?;
    let record = move |desk: &mut Desk<'_>| {
        let _until_it_is_recorded = &room;
        capture_as_job(desk, &prepared, mode, created)
    };
    let job = app.append(|failure| capture_problem(&app.kernel, failure), record).await?;
    let location = [(header::LOCATION, format!("/epcis/capture/{}", job.capture))];
    Ok((StatusCode::ACCEPTED, location).into_response())
}

/// Reads a document of at most so many events as the interface takes.
pub fn sift(bytes: &[u8], media: Media) -> Result<Sifted, Problem> {
    // The number of events has a problem of its own.
    let limits = Limits { events_max: usize::MAX, event_bytes_max: BODY_BYTES_MAX, ..Limits::default() };
    let read = if media.is_xml() { Document::sift_xml } else { Document::sift };
    let sifted = read(bytes, &limits).map_err(rule_problem)?;
    let described = epcis_events::count_elements(&sifted.document);
    match (sifted.document.events.len() + sifted.refused.len(), described) {
        (count, _) if count > EVENTS_PER_CAPTURE_MAX => Err(too_many_events(count)),
        (_, count) if count > ELEMENTS_MAX => Err(too_many_elements(count)),
        _ => Ok(sifted),
    }
}

/// What can be known of a document before its turn to be recorded.
pub fn prepared(
    book: &BookId,
    sender: &Sender,
    sifted: Sifted,
    mode: Mode,
    tree: &Tree,
) -> Result<Prepared, Problem> {
    let is_kept = |home: &BookId| {
        let is_unit = || UnitCode::new(home.as_str()).is_ok_and(|unit| tree.unit(&unit).is_some());
        home.as_str() == ROOT_BOOK || tree.book(home).is_some() || is_unit()
    };
    let prepared = prepare_sifted(book, sender, &sifted, &is_kept);
    match (mode, sifted.refused.into_iter().next()) {
        (Mode::Rollback, Some((index, error))) => Err(rule_problem(error).at(index)),
        _ => Ok(prepared),
    }
}

/// The problem of a document where an event is wanted, or the other way round.
pub fn other_type(wanted: &'static str) -> Problem {
    rule_problem(EpcisError { path: "type".into(), rule: Rule::Kind(wanted) })
}

fn mode(headers: &HeaderMap) -> Result<Mode, Problem> {
    match headers.get(CAPTURE_ERROR_BEHAVIOUR).map(HeaderValue::as_bytes) {
        None | Some(b"rollback") => Ok(Mode::Rollback),
        Some(b"proceed") => Ok(Mode::Proceed),
        Some(_) => {
            let detail = Both::new("应为 rollback 或 proceed。", "must be rollback or proceed");
            Err(Problem::bad_request("GS1-Capture-Error-Behaviour", "format", detail))
        }
    }
}

/// The capture jobs of the books that the viewer may capture into, newest first; an outside system sees its own.
#[utoipa::path(get, path = "/epcis/capture", tag = "epcis",
    params(("book" = Option<String>, Query), ("perPage" = Option<usize>, Query, description = "1 to 1,000; 30 if left out.", minimum = 1, maximum = 1_000),
        ("nextPageToken" = Option<String>, Query)),
    responses((status = 200, content((Vec<CaptureJobView> = "application/json"), (Vec<CaptureJobView> = "application/ld+json")),
        headers(("Link" = String, description = "The next page, `rel=\"next\"`."))),
        (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.capture"))))]
pub async fn capture_jobs(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(&uri);
    let sights = sights(&app, &viewer, CAPTURE, parameters.take("book").as_deref())?;
    let list = List::of(&app, &viewer, &uri, &mut parameters);
    parameters.end()?;
    let media = answer_type(&headers)?;
    list.answer(
        &app,
        media,
        move |tx, place, count| Ok(epcis_events::jobs(tx, &sights, place, count)?.ok_or(QueryRefusal::Token)),
        move |page, _| {
            // Printed one by one: the refusals of a page take some times more as values than as text.
            let view = |job| json!(CaptureJobView::of(job, lang)).to_string();
            format!("[{}]", page.into_iter().map(view).collect::<Vec<_>>().join(","))
        },
    )
    .await
}

/// One capture job.
#[utoipa::path(get, path = "/epcis/capture/{captureID}", tag = "epcis",
    params(("captureID" = String, Path), ("book" = Option<String>, Query)),
    responses((status = 200, content((CaptureJobView = "application/json"), (CaptureJobView = "application/ld+json"),
        (String = "application/xml"), (String = "text/xml"))), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.capture"))))]
pub async fn capture_job(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Path(capture): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (job, media) = find_job(&app, &viewer, capture, &uri, &headers).await?;
    let view = serde_json::to_value(CaptureJobView::of(job, lang)).map_err(|_| Problem::internal())?;
    Ok(answer_value(media, &view, epcis::xml::capture_job))
}

/// A job that the viewer may know of, and the media type to tell it in.
pub async fn find_job(
    app: &App,
    viewer: &Viewer,
    capture: String,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(CaptureJob, Media), Problem> {
    let mut parameters = Parameters::of(uri);
    let sights = sights(app, viewer, CAPTURE, parameters.take("book").as_deref())?;
    parameters.end()?;
    let media = any_type(headers)?;
    let job = app.blocking(move |kernel| kernel.read(|tx| epcis_events::job(tx, &sights, &capture))).await?;
    Ok((job.ok_or_else(Problem::not_found)?, media))
}
