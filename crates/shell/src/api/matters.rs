//! Matters: what is owed, by whom, in which colour, and what people do about it.

mod opening;

use ::matters::{
    Accepted, Assessment, Cancelled, Colour, Due, Event, Evidence, Excused, Extended, Extension, HandedOver,
    HelperAdded, Input, Matter, MatterError, MatterId, Paused, PostId, Reopened, Resumed, Returned,
    Submitted, Taken, Verb, Version,
};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base::limits::{EVIDENCE_BYTES_MAX, PAGE_ROWS_MAX};
use base::{BookId, Day, KindName, Time};
use kernel::{AppendError, Desk, DocketError, Listed, MatterFilter, ROOT_BOOK, Receipt, Standing, Verdict};
use ledger::Entry;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ledger::{lacking, may_read};
use crate::app::{App, append_problem};
use crate::docket;
use crate::evidence::{self, Kept};
use crate::extract::{Json, Path, Query, body};
use crate::once::Sent;
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::{Viewer, resource_of};

pub use opening::{OpenInput, open_task};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(opening::open))
        .routes(routes!(one))
        .routes(routes!(step))
        .routes(routes!(keep_evidence))
        .routes(routes!(file))
}

/// Which matters to list. What is left out does not narrow the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    pub book: Option<String>,
    /// Those that this post takes part in.
    pub post: Option<String>,
    /// Those that the posts take part in which the viewer holds today.
    #[serde(default)]
    pub mine: bool,
    /// Such as `kernel.task`.
    pub sort: Option<String>,
    #[param(value_type = Option<String>)]
    pub colour: Option<Colour>,
    #[param(value_type = Option<String>)]
    pub state: Option<::matters::State>,
    /// `open`, by deadline (the default), or `closed`, the latest first. Lists of posts are of open matters.
    #[param(value_type = Option<String>)]
    pub standing: Option<Standing>,
    pub cursor: Option<String>,
    /// Rows of the page, 50 if it is left out.
    pub count: Option<usize>,
}

/// A matter in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatterRow {
    pub matter: MatterId,
    #[schema(value_type = String)]
    pub sort: KindName,
    pub sort_zh: String,
    pub sort_en: String,
    pub title: String,
    pub state: ::matters::State,
    pub version: Version,
    pub owner: PostId,
    pub reviewer: PostId,
    /// None before the first look, and once it is closed.
    pub colour: Option<Colour>,
    pub paused: bool,
    /// The last day on which it is in time; none while its clock stands.
    #[schema(value_type = Option<String>, format = Date)]
    pub due: Option<Day>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed: Option<Time>,
    pub in_time: Option<bool>,
}

/// A page of matters.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatterPage {
    pub items: Vec<MatterRow>,
    /// For the next page; null at the end.
    pub next: Option<String>,
}

impl MatterRow {
    fn of(app: &App, Listed { matter, due }: Listed) -> Self {
        let (sort_zh, sort_en) = docket::sort_titles(&app.kernel, matter.sort.as_str());
        Self {
            sort_zh,
            sort_en,
            paused: matter.is_paused(),
            matter: matter.id,
            sort: matter.sort,
            title: matter.title,
            state: matter.state,
            version: matter.version,
            owner: matter.owner,
            reviewer: matter.reviewer,
            colour: matter.colour,
            due: due.filter(|_| matter.closed.is_none()),
            closed: matter.closed,
            in_time: matter.in_time,
        }
    }
}

/// Matters of the books that the viewer may read, or of the posts that the viewer holds.
#[utoipa::path(get, path = "/api/matters", tag = "matters", params(ListQuery),
    responses((status = 200, body = MatterPage), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.matter.read"))))]
async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<ListQuery>,
) -> Result<axum::Json<MatterPage>, Problem> {
    let count = query.count.unwrap_or(50);
    if !(1..=PAGE_ROWS_MAX).contains(&count) {
        let detail = Both::new(
            format!("每页应为 1 至 {PAGE_ROWS_MAX} 行。"),
            format!("must lie in 1 to {PAGE_ROWS_MAX}"),
        );
        return Err(Problem::bad_request("count", "range", detail));
    }
    let filter = filter(&app, &viewer, &query)?;
    if query.mine && filter.posts.is_empty() {
        viewer.actor().ok_or_else(Problem::unauthorized)?;
        return Ok(axum::Json(MatterPage { items: Vec::new(), next: None }));
    }
    let page = app.blocking(move |kernel| kernel.matters(&filter, query.cursor.as_deref(), count)).await?;
    let items = page.items.into_iter().map(|listed| MatterRow::of(&app, listed)).collect();
    Ok(axum::Json(MatterPage { items, next: page.next }))
}

/// What the viewer may see of what was asked for.
fn filter(app: &App, viewer: &Viewer, query: &ListQuery) -> Result<MatterFilter, Problem> {
    let tree = app.tree();
    let held = docket::posts_of(app, viewer);
    let mut posts = match &query.post {
        Some(post) => vec![parse::<PostId>("post", post)?],
        None if query.mine => held.clone(),
        None => Vec::new(),
    };
    if query.mine {
        posts.retain(|post| held.contains(post));
    }
    let all = || tree.books().map(|book| book.book.clone());
    // Whoever holds a post sees what it takes part in, wherever that is kept.
    let is_own = !posts.is_empty() && posts.iter().all(|post| held.contains(post));
    let books: Vec<BookId> = match &query.book {
        Some(book) => {
            let book = BookId::new(book).map_err(|_| Problem::not_found())?;
            if !is_own {
                may_read(app, viewer, &book)?;
            }
            vec![book]
        }
        // With no post there is nothing that is one's own, whatever is read.
        None if is_own || query.mine => all().collect(),
        None => all().filter(|book| may_read(app, viewer, book).is_ok()).collect(),
    };
    if books.is_empty() {
        viewer.need_somewhere(app, docket::READ)?;
    }
    Ok(MatterFilter {
        books,
        posts,
        part: None,
        sort: query.sort.as_deref().map(|sort| parse("sort", sort)).transpose()?,
        lines: Vec::new(),
        colour: query.colour,
        state: query.state,
        standing: query.standing.unwrap_or_default(),
    })
}

/// A parameter as its type.
fn parse<T: DeserializeOwned>(field: &str, text: &str) -> Result<T, Problem> {
    serde_json::from_value(text.into()).map_err(|error| {
        let detail = Both::new(format!("“{text}”格式有误。"), error.to_string());
        Problem::bad_request(field, "format", detail)
    })
}

/// A matter with what the rules say of it today.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatterView {
    pub matter: Matter,
    pub sort_zh: String,
    pub sort_en: String,
    #[schema(value_type = Option<String>, format = Date)]
    pub due: Option<Day>,
    /// The deadline rests on holidays that are not published yet.
    pub due_provisional: bool,
    pub assessment: Option<Assessment>,
    /// The assessment in words: every input with its value, the decisive ones first.
    pub explanation_zh: Option<String>,
    pub explanation_en: Option<String>,
    /// What the viewer may do with it now.
    pub moves: Vec<Verb>,
    /// The entries about it, newest first.
    pub history: Vec<HistoryView>,
}

/// An entry about a matter.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryView {
    #[schema(value_type = String)]
    pub book: BookId,
    pub seq: u64,
    pub kind: String,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    #[schema(value_type = String, format = DateTime)]
    pub occurred: Time,
    #[schema(value_type = String, format = DateTime)]
    pub recorded: Time,
    pub actor: String,
    /// Null once erased, or where the viewer may not read it.
    #[schema(value_type = Option<Object>)]
    pub body: Option<serde_json::Value>,
}

impl HistoryView {
    fn of(app: &App, viewer: &Viewer, entry: &Entry) -> Result<Self, Problem> {
        let kind = app.kernel.catalogue().get(entry.kind.as_str());
        let (title_zh, title_en) = kind.map_or(("", ""), |kind| (kind.title_zh, kind.title_en));
        let withheld = lacking(app, viewer, entry)?.is_some();
        let body = entry.body.as_deref().filter(|_| !withheld);
        Ok(Self {
            book: entry.book.clone(),
            seq: entry.seq.0,
            kind: entry.kind.to_string(),
            title_zh,
            title_en,
            occurred: entry.occurred,
            recorded: entry.recorded,
            actor: entry.actor.to_string(),
            body: body.and_then(|body| serde_json::from_str(body).ok()),
        })
    }
}

/// One matter, its colour explained, and its history.
#[utoipa::path(get, path = "/api/matters/{book}/{name}", tag = "matters",
    params(("book" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = MatterView), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.matter.read"))))]
async fn one(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name)): Path<(String, String)>,
) -> Result<axum::Json<MatterView>, Problem> {
    let matter = docket::readable(&app, &viewer, &docket::id_of(&book, &name)?).await?;
    let (asked, id) = (matter.clone(), matter.id.clone());
    let (verdict, history) = app
        .blocking(move |kernel| {
            let history = kernel.matter_history(&id, PAGE_ROWS_MAX)?;
            Ok::<_, store::StoreError>((kernel.judge(&asked)?, history))
        })
        .await?;
    let Verdict { deadline, assessment } = verdict;
    let (sort_zh, sort_en) = docket::sort_titles(&app.kernel, matter.sort.as_str());
    let history: Result<_, Problem> =
        history.iter().map(|entry| HistoryView::of(&app, &viewer, entry)).collect();
    Ok(axum::Json(MatterView {
        sort_zh,
        sort_en,
        due: deadline.map(|deadline| deadline.value),
        due_provisional: deadline.is_some_and(|deadline| deadline.provisional),
        explanation_zh: assessment.as_ref().map(Assessment::text_zh),
        explanation_en: assessment.as_ref().map(Assessment::text_en),
        assessment,
        moves: docket::moves_of(&app, &viewer, &matter),
        history: history?,
        matter,
    }))
}

/// A matter that was opened or moved, and the entry that says so.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Done {
    pub matter: MatterId,
    pub state: ::matters::State,
    /// What the next move has to expect.
    pub version: Version,
    pub entry: Receipt,
}

/// Does something with a matter once, whatever is sent again under the same key.
pub(crate) async fn once<F>(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    sent: Option<Sent>,
    mut work: F,
) -> Result<Done, Problem>
where
    F: FnMut(&mut Desk<'_>, &BookId) -> Result<Done, AppendError<DocketError>> + Send + 'static,
{
    let of = book.clone();
    let problem = |error| append_problem(error, |refusal| docket::refused(&refusal));
    app.append_once((book.clone(), viewer.id()), sent, problem, move |desk| work(desk, &of)).await
}

/// A move, by whoever looked at the matter at a version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveInput {
    /// The version that was looked at. Where somebody else was faster, the answer is 409 and nothing is recorded.
    pub expected: Version,
    #[serde(rename = "move")]
    pub step: Step,
}

/// What is to happen to a matter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    Taken {
        by: PostId,
    },
    Submitted {
        by: PostId,
        evidence: Vec<FileInput>,
        note: Option<String>,
    },
    Returned {
        reason: String,
    },
    Accepted {},
    Cancelled {
        reason: String,
        approver: PostId,
    },
    Reopened {
        reason: String,
        approver: PostId,
        due: Due,
    },
    HandedOver {
        to: PostId,
        reviewer: Option<PostId>,
        reason: String,
    },
    HelperAdded {
        helper: PostId,
    },
    Paused {
        reason: String,
        approver: PostId,
    },
    Resumed {},
    Extended {
        extension: Extension,
        reason: String,
        approver: PostId,
    },
    Excused {
        inputs: Vec<Input>,
        reason: String,
        approver: PostId,
        #[schema(value_type = String, format = Date)]
        from: Day,
        #[schema(value_type = String, format = Date)]
        until: Day,
    },
}

/// A file that was uploaded before.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileInput {
    /// SHA-256 in lower-case hexadecimal digits.
    pub digest: String,
    pub title: String,
    /// When what it proves took effect: this says whether the matter was done in time.
    #[schema(value_type = String, format = Date)]
    pub effective: Day,
}

impl Step {
    /// The body of the entry; what follows from the matter is filled in from it.
    pub fn event(self, of: &Matter, today: Day) -> Event {
        let (matter, sort) = (of.id.clone(), of.sort.clone());
        match self {
            Self::Taken { by } => Taken { matter, by }.into(),
            Self::Submitted { by, evidence, note } => {
                let file = |FileInput { digest, title, effective }| Evidence {
                    digest,
                    title,
                    effective,
                    uploaded: today,
                };
                Submitted { matter, by, evidence: evidence.into_iter().map(file).collect(), note }.into()
            }
            Self::Returned { reason } => Returned { matter, by: of.reviewer.clone(), reason }.into(),
            Self::Accepted {} => Accepted { matter, sort, by: of.reviewer.clone(), in_time: None }.into(),
            Self::Cancelled { reason, approver } => Cancelled { matter, sort, reason, approver }.into(),
            Self::Reopened { reason, approver, due } => {
                Reopened { matter, sort, reason, approver, due, undone: None }.into()
            }
            Self::HandedOver { to, reviewer, reason } => {
                HandedOver { matter, to, reviewer, colour: of.colour, reason }.into()
            }
            Self::HelperAdded { helper } => HelperAdded { matter, helper }.into(),
            Self::Paused { reason, approver } => Paused { matter, reason, approver }.into(),
            Self::Resumed {} => Resumed { matter }.into(),
            Self::Extended { extension, reason, approver } => {
                Extended { matter, extension, reason, approver }.into()
            }
            Self::Excused { inputs, reason, approver, from, until } => {
                Excused { matter, inputs, reason, approver, from, until }.into()
            }
        }
    }
}

/// Moves a matter: whoever acts holds the post that makes the move. It counts from now on.
///
/// A retry with the same `Idempotency-Key` and content gets the first answer.
#[utoipa::path(post, path = "/api/matters/{book}/{name}/moves", tag = "matters",
    params(("book" = String, Path), ("name" = String, Path)), request_body = MoveInput,
    responses((status = 201, body = Done), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 503)),
    extensions(("x-action" = json!("kernel.matter.work"))))]
async fn step(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name)): Path<(String, String)>,
    headers: HeaderMap,
    Json(input): Json<MoveInput>,
) -> Result<(StatusCode, axum::Json<Done>), Problem> {
    let matter = docket::readable(&app, &viewer, &docket::id_of(&book, &name)?).await?;
    let sent = Sent::asked(&headers, &(&matter.id, &input))?;
    let done = move_matter(&app, &viewer, &matter, input.expected, input.step, sent).await?;
    Ok((StatusCode::CREATED, axum::Json(done)))
}

/// Decides the right, then moves a matter that the viewer looked at.
pub async fn move_matter(
    app: &App,
    viewer: &Viewer,
    matter: &Matter,
    expected: Version,
    step: Step,
    sent: Option<Sent>,
) -> Result<Done, Problem> {
    let event = step.event(matter, app.today());
    docket::need_move(app, viewer, matter, &event)?;
    if matter.id.book().as_str() == ROOT_BOOK {
        app.limits.act(&viewer.id())?;
    }
    let mut turn = None;
    for _ in 1..RECKONED_TIMES_MAX {
        match moved(app, viewer, matter, expected, &event, sent.clone()).await {
            Err(problem) if problem.rule.as_deref() == Some(docket::NOT_RECKONED) => {}
            done => return done,
        }
        // Whoever records of what it is judged by, one entry after the other, keeps nobody from moving it.
        if turn.is_none() {
            let id = matter.id.clone();
            let judged = app.blocking(move |kernel| kernel.judged_with(&id)).await?;
            turn = Some(app.limits.turns.to_reckon(&judged, &docket::party(app, viewer, matter)).await?);
        }
    }
    moved(app, viewer, matter, expected, &event, sent).await
}

/// How often what a move is judged by is reckoned, where it changes meanwhile.
const RECKONED_TIMES_MAX: usize = 3;

async fn moved(
    app: &App,
    viewer: &Viewer,
    matter: &Matter,
    expected: Version,
    event: &Event,
    sent: Option<Sent>,
) -> Result<Done, Problem> {
    let id = matter.id.clone();
    app.blocking(move |kernel| kernel.prepare_move(&id)).await?;
    let (actor, seen, event) = (viewer.id(), matter.version, event.clone());
    once(app, viewer, &matter.id.book(), sent, move |desk, _| {
        desk.need_reckoned(event.matter(), desk.now())?;
        // The right was decided about the matter as it was seen.
        if expected > seen {
            let conflict = MatterError::Conflict { expected, found: seen };
            return Err(AppendError::Refused(DocketError::from(conflict)));
        }
        let now = desk.now();
        let moved = desk.move_matter(expected, &actor, now, event.clone())?;
        let matter = moved.matter;
        Ok(Done { matter: matter.id, state: matter.state, version: matter.version, entry: moved.receipt })
    })
    .await
}

/// Keeps a file as evidence for a matter, by whoever works on it: a JPEG, PNG or WebP image, or a PDF.
#[utoipa::path(post, path = "/api/matters/{book}/{name}/evidence", tag = "matters",
    params(("book" = String, Path), ("name" = String, Path)),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 201, body = Kept), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 413), (status = 429)),
    extensions(("x-action" = json!("kernel.matter.work"))))]
async fn keep_evidence(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let matter = docket::readable(&app, &viewer, &docket::id_of(&book, &name)?).await?;
    docket::need_work(&app, &viewer, &matter)?;
    let bytes = body(request, EVIDENCE_BYTES_MAX).await?;
    let digest = evidence::keep(&app, &viewer, &matter.id.book(), bytes.to_vec()).await?;
    Ok((StatusCode::CREATED, axum::Json(Kept { digest })).into_response())
}

/// A file that was submitted for a matter; 410 if it was erased. The reading is noted.
#[utoipa::path(get, path = "/api/matters/{book}/{name}/evidence/{digest}", tag = "matters",
    params(("book" = String, Path), ("name" = String, Path), ("digest" = String, Path)),
    responses((status = 200, content((String = "image/jpeg"), (String = "image/png"), (String = "image/webp"), (String = "application/pdf"))),
        (status = 401), (status = 403), (status = 404), (status = 410)),
    extensions(("x-action" = json!("kernel.matter.read"))))]
async fn file(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name, digest)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let matter = docket::readable(&app, &viewer, &docket::id_of(&book, &name)?).await?;
    let (id, wanted, book) = (matter.id.clone(), digest.clone(), matter.id.book());
    let found = app
        .blocking(move |kernel| {
            let is_borne = kernel.matter_bears(&id, &wanted)?;
            is_borne.then(|| kernel.evidence(&id.book(), &wanted)).transpose()
        })
        .await?
        .ok_or_else(Problem::not_found)?;
    let found = found.ok_or_else(|| {
        let zh = "该文件已随所附记录的正文一并删除，不再提供查阅。";
        let en = "The file was erased along with the body of the entry that it came with.";
        Problem::erased(Both::new(zh, en))
    })?;
    viewer.note_read_of(&app, &resource_of(&app, &book)?.unit, &format!("evidence {book}/{digest}")).await?;
    Ok(evidence::shown(found, &digest))
}
