//! Recording entries, and the evidence that goes with them.

use std::collections::BTreeMap;
use std::time::Duration;

use access::Resource;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base::limits::EVIDENCE_BYTES_MAX;
use base::{ActorId, BookId, Seq, SubjectId, Time};
use kernel::{AppendError, Desk};
use ledger::Body;
use sha2::{Digest, Sha256};
use shell::evidence::{self, Kept};
use shell::extract::{Entry, Path, body};
use shell::once::{self, Sent};
use shell::viewer::Viewer;
use shell::{App, Both, Problem};
use store::{StoreError, Tx};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{failure_problem, ledger, sight};
use crate::kinds::EntryReversed;
use crate::plan::{Turn, prepare, reckoned_with, turn};
use crate::policy;
use crate::record::{Ahead, Failure, Input, Recorded, record_ahead};
use crate::refusal::{Code, Refusal};
use crate::state;

/// Projects of a team among whose entries a file is looked for, and for how long.
const PROJECTS_MAX: usize = 1_000;
const NAMED_MAX: Duration = Duration::from_secs(10);

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(append)).routes(routes!(keep_evidence)).routes(routes!(evidence))
}

/// Records one entry of any of the line's kinds. The right needed has the kind's name.
///
/// A retry with the same `Idempotency-Key` and content gets the first answer.
#[utoipa::path(post, path = "/api/projects/{book}/entries", tag = "projects", params(("book" = String, Path)),
    request_body = Input,
    responses((status = 201, body = Recorded), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 413), (status = 415), (status = 503)),
    extensions(("x-action" = json!("projects.progress.reported"))))]
async fn append(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
    headers: HeaderMap,
    Entry(input, _turn): Entry<Input>,
) -> Result<Response, Problem> {
    let key = headers.get("idempotency-key").map(|value| value.to_str().unwrap_or_default().to_owned());
    if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > 128) {
        let detail = Both::new("幂等键应为 1 至 128 个可见字符。", "must be 1 to 128 visible characters");
        return Err(Problem::bad_request("Idempotency-Key", "format", detail));
    }
    let digest = hex::encode(Sha256::digest(serde_json::to_vec(&input).unwrap_or_default()));
    let recorded = record_as(&app, &viewer, &book, input, key.map(|key| Sent { key, digest })).await?;
    Ok((StatusCode::CREATED, axum::Json(recorded)).into_response())
}

/// Records what a form asks for: once, however often the form that was shown comes back.
pub(crate) async fn record_form(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    input: Input,
    form: &str,
    typed: &BTreeMap<String, String>,
) -> Result<Recorded, Problem> {
    record_as(app, viewer, book.as_str(), input, Sent::of(form, typed)).await.map_err(once::told)
}

/// Decides the right, then records; what was sent before is answered as it was.
async fn record_as(
    app: &App,
    viewer: &Viewer,
    book: &str,
    input: Input,
    sent: Option<Sent>,
) -> Result<Recorded, Problem> {
    let (book, resource) = ledger(app, book)?;
    if app.kernel.policy().action(&input.kind).is_none() || app.kernel.catalogue().get(&input.kind).is_err() {
        // Somebody unknown learns nothing, somebody known learns that there is no such kind.
        sight(app, viewer, book.as_str(), policy::READ)?;
        let detail = Both::new(
            format!("没有可由此登记的记录种类“{}”。", input.kind),
            format!("the kind {:?} is not in the catalogue, or cannot be recorded here", input.kind),
        );
        return Err(Problem::bad_request("kind", "unknown-kind", detail));
    }
    let team = need_kind(app, viewer, &book, resource, &input).await?;
    let actor = viewer.id();
    let about = about(app, &book, &input).await?;
    let turn = match &about {
        Some(about) => {
            let team = team.as_ref().and_then(Option::as_ref);
            turn(app, &book, &about.project, (&actor, team)).await?
        }
        None => None,
    };
    let at = about.and_then(|about| about.at);
    reckoned_with(|| decided(app, &book, &actor, (&input, &team), (turn.as_ref(), at), sent.clone())).await
}

/// Reckons with what takes long, then decides.
async fn decided(
    app: &App,
    book: &BookId,
    actor: &ActorId,
    (input, team): (&Input, &Option<Option<SubjectId>>),
    (turn, at): (Option<&Turn>, Option<Time>),
    sent: Option<Sent>,
) -> Result<Recorded, Problem> {
    prepare(app, turn).await?;
    let (find, about) = (book.clone(), input.clone());
    let ahead =
        app.blocking(move |kernel| kernel.read(|tx| Ahead::of(tx, kernel.zone(), &find, &about))).await?;
    let (book, actor, input, team) = (book.clone(), actor.clone(), input.clone(), team.clone());
    let of = (book.clone(), actor.clone());
    let matter = turn.map(|turn| turn.matter.clone());
    let decide = move |desk: &mut Desk<'_>| {
        if let Some(was) = &team {
            need_same_team(was.as_ref(), team_of(desk.read()?, &book, &input)?.as_ref())?;
        }
        if let Some(matter) = &matter {
            desk.need_reckoned(matter, at.unwrap_or(desk.now()))?;
        }
        record_ahead(desk, &book, &actor, &input, ahead.as_ref())
    };
    app.append_once(of, sent, failure_problem, decide).await
}

/// The project that an input is about, and the moment of which it is.
struct About {
    project: String,
    at: Option<Time>,
}

/// What an input is about: a permit is decided by its own name, and an entry taken back by its number.
async fn about(app: &App, book: &BookId, input: &Input) -> Result<Option<About>, Problem> {
    let text = |field| input.body.get(field).and_then(|value| value.as_str()).map(str::to_owned);
    let (book, at) = (book.clone(), input.occurred);
    if input.kind == EntryReversed::KIND {
        let seq = input.body.get("entry").and_then(serde_json::Value::as_u64);
        let Some(seq) = seq.filter(|seq| i64::try_from(*seq).is_ok()) else { return Ok(None) };
        let entry = app.blocking(move |kernel| kernel.entry(&book, Seq(seq))).await?;
        return Ok(entry.and_then(|entry| {
            let project = entry.subjects.iter().find(|subject| subject.id.scheme() == "project")?;
            Some(About { project: project.id.local_part().to_owned(), at: Some(entry.occurred) })
        }));
    }
    let project = match (text("project"), text("permit")) {
        (None, Some(permit)) => {
            let permit = app.blocking(move |kernel| kernel.read(|tx| state::permit(tx, &book, &permit)));
            permit.await?.map(|permit| permit.project)
        }
        (project, _) => project,
    };
    Ok(project.map(|project| About { project, at }))
}

/// Refuses a kind that the viewer may not record, of the book or of the project that the input names; tells the team by which
/// it is theirs to record, if it is by that.
async fn need_kind(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    resource: Resource,
    input: &Input,
) -> Result<Option<Option<SubjectId>>, Problem> {
    if viewer.allows(app, &input.kind, &resource) {
        return Ok(None);
    }
    let (book, about) = (book.clone(), input.clone());
    let team = app.blocking(move |kernel| kernel.read(|tx| team_of(tx, &book, &about))).await?;
    let resource = match team.clone() {
        Some(team) => resource.owned_by(team),
        None => resource,
    };
    viewer.need(app, &input.kind, &resource)?;
    Ok(Some(team))
}

/// The team of the project that an input names.
fn team_of(tx: &mut dyn Tx, book: &BookId, input: &Input) -> Result<Option<SubjectId>, StoreError> {
    let Some(name) = input.body.get("project").and_then(|value| value.as_str()) else { return Ok(None) };
    Ok(state::project(tx, book, name)?.map(|project| project.team))
}

/// Refuses what somebody was let do for a team that the project is no more with.
pub(crate) fn need_same_team(was: Option<&SubjectId>, is: Option<&SubjectId>) -> Result<(), Failure> {
    match was == is {
        true => Ok(()),
        false => {
            let detail = "the project has gone to another team";
            Err(AppendError::Refused(Refusal::new(Code::OtherOwner, "", detail)))
        }
    }
}

/// Keeps a file as evidence: a JPEG, PNG or WebP image, or a PDF, by what its bytes say.
#[utoipa::path(post, path = "/api/projects/{book}/evidence", tag = "projects", params(("book" = String, Path)),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 201, body = Kept), (status = 400), (status = 401), (status = 403), (status = 404), (status = 413),
        (status = 429)),
    extensions(("x-action" = json!("projects.evidence.keep"))))]
async fn keep_evidence(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (book, ..) = sight(&app, &viewer, &book, policy::KEEP_EVIDENCE)?;
    let bytes = body(request, EVIDENCE_BYTES_MAX).await?;
    let digest = evidence::keep(&app, &viewer, &book, bytes.to_vec()).await?;
    Ok((StatusCode::CREATED, axum::Json(Kept { digest })).into_response())
}

/// A file by its digest. A team opens those that entries about its own projects name. The reading is noted.
#[utoipa::path(get, path = "/api/projects/{book}/evidence/{digest}", tag = "projects",
    params(("book" = String, Path), ("digest" = String, Path)),
    responses((status = 200, content((String = "image/jpeg"), (String = "image/png"), (String = "image/webp"), (String = "application/pdf"))),
        (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("projects.evidence.read"))))]
async fn evidence(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, digest)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (book, resource, sight) = sight(&app, &viewer, &book, policy::READ_EVIDENCE)?;
    let (of, name) = (book.clone(), digest.clone());
    let found = app.blocking(move |kernel| {
        if let Some(teams) = sight.teams() {
            let filter = state::Filter { teams: Some(teams), withdrawn: true, ..state::Filter::default() };
            let own = kernel.read(|tx| state::projects(tx, &book, &filter, "", PROJECTS_MAX))?;
            let own = own.iter().filter_map(|it| SubjectId::local("project", &book, &it.project).ok());
            if !kernel.evidence_about(&book, &digest, &own.collect::<Vec<_>>(), NAMED_MAX)? {
                return Ok(None);
            }
        }
        kernel.evidence(&book, &digest)
    });
    let found = found.await?.ok_or_else(Problem::not_found)?;
    viewer.note_read_of(&app, &resource.unit, &format!("evidence {of}/{name}")).await?;
    Ok(evidence::shown(found, &name))
}
