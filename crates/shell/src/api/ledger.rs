//! Entries and their proofs, traces, and the catalogue of kinds.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base::{BookId, Seq, SubjectId};
use kernel::Lines;
use ledger::Entry;
use serde::{Deserialize, Serialize};
use trace::Direction;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::{Public, Viewer, resource_of};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(entry))
        .routes(routes!(proof))
        .routes(routes!(leaf))
        .routes(routes!(walk))
        .routes(routes!(kinds))
        .routes(routes!(kind))
}

/// An entry as its head says, with its body unless that was erased or the viewer may not read it.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryView {
    /// The canonical head; subjects that the viewer is not told stand in it as `slip:beiyuan/…`.
    #[schema(value_type = Object)]
    pub head: serde_json::Value,
    /// The action that the viewer would need to be told every subject, where one is left out. The leaf is that of the
    /// whole head, and the proof holds for it.
    pub masked: Option<&'static str>,
    /// The body; null once erased, or where it is withheld.
    #[schema(value_type = Option<Object>)]
    pub body: Option<serde_json::Value>,
    /// The action that the viewer would need to read the body, where it is withheld. The head, the leaf and the proof
    /// hold without it.
    pub withheld: Option<&'static str>,
    /// The salt of the body's commitment in hexadecimal digits.
    pub salt: Option<String>,
    /// The leaf of the tree in hexadecimal digits.
    pub leaf: String,
}

impl EntryView {
    pub fn of(entry: &Entry) -> Self {
        Self {
            head: serde_json::from_str(&entry.head()).unwrap_or_default(),
            body: entry.body.as_deref().and_then(|body| serde_json::from_str(body).ok()),
            masked: None,
            withheld: None,
            salt: entry.salt.map(hex::encode),
            leaf: entry.leaf().to_string(),
        }
    }

    /// An entry whose body is withheld from whoever may not do `needs`. Its salt goes with it: knowing that, one could
    /// try which body fits the commitment.
    pub fn withholding(entry: &Entry, needs: Option<&'static str>) -> Self {
        let view = Self::of(entry);
        match needs.filter(|_| entry.body.is_some()) {
            Some(_) => Self { body: None, salt: None, withheld: needs, ..view },
            None => view,
        }
    }

    /// The same without the subjects that need an action which the viewer lacks.
    #[must_use]
    pub fn masking(mut self, lines: &Lines, entry: &Entry, needs: Option<&'static str>) -> Self {
        let Some(needs) = needs else { return self };
        let Some(named) = self.head.get_mut("subjects").and_then(|it| it.as_array_mut()) else { return self };
        for (subject, told) in entry.subjects.iter().zip(named) {
            if lines.subject_needs(subject.id.scheme()) == Some(needs) {
                told[1] = mask(&subject.id).into();
                self.masked = Some(needs);
            }
        }
        self
    }
}

/// What stands for a subject that somebody is not told: its scheme and home.
pub fn mask(subject: &SubjectId) -> String {
    format!("{}:{}/…", subject.scheme(), subject.home().unwrap_or_default())
}

/// The action that the viewer lacks to be told every subject of an entry, if there is one.
pub fn lacking_names(app: &App, viewer: &Viewer, entry: &Entry) -> Result<Option<&'static str>, Problem> {
    let needs = |subject: &ledger::Subject| app.kernel.lines().subject_needs(subject.id.scheme());
    let Some(needs) = entry.subjects.iter().find_map(needs) else { return Ok(None) };
    Ok((!viewer.allows(app, needs, &resource_of(app, &entry.book)?)).then_some(needs))
}

/// The action that the viewer lacks to read the body of an entry, if there is one.
pub fn lacking(app: &App, viewer: &Viewer, entry: &Entry) -> Result<Option<&'static str>, Problem> {
    let Some(needs) = app.kernel.lines().body_needs(entry.kind.as_str()) else { return Ok(None) };
    let resource = resource_of(app, &entry.book)?;
    Ok((!viewer.allows(app, needs, &resource)).then_some(needs))
}

/// An entry that the viewer may read.
pub async fn readable(app: &App, viewer: &Viewer, book: &str, seq: u64) -> Result<Entry, Problem> {
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    may_read(app, viewer, &book)?;
    if seq > i64::MAX as u64 {
        return Err(Problem::not_found());
    }
    let entry =
        app.blocking(move |kernel| kernel.entry(&book, Seq(seq))).await?.ok_or_else(Problem::not_found)?;
    note_if_restricted(app, viewer, &entry).await?;
    Ok(entry)
}

/// Notes who reads an entry that may name a person.
async fn note_if_restricted(app: &App, viewer: &Viewer, entry: &Entry) -> Result<(), Problem> {
    let erasable = app.kernel.catalogue().get(entry.kind.as_str()).is_ok_and(|kind| kind.erasable);
    if !erasable || entry.body.is_none() {
        return Ok(());
    }
    let unit = resource_of(app, &entry.book)?.unit;
    viewer.note_read_of(app, &unit, &format!("entry {}/{}", entry.book, entry.seq)).await
}

/// Entries of a book are read with its line's `records.read`, or with the kernel's right.
pub fn may_read(app: &App, viewer: &Viewer, book: &BookId) -> Result<(), Problem> {
    let resource = resource_of(app, book)?;
    let own = format!("{}.records.read", resource.line.as_deref().unwrap_or("kernel"));
    viewer.need_any(app, &["kernel.entry.read", &own], &resource)
}

/// The books whose entries the viewer may read.
fn books(app: &App, viewer: &Viewer) -> BTreeSet<BookId> {
    let (tree, Some(actor)) = (app.tree(), viewer.actor()) else { return BTreeSet::new() };
    let scope = |action: &str| access::scope(app.kernel.policy(), &tree, actor, action);
    let lines: BTreeSet<&str> = tree.books().map(|book| book.line.as_str()).collect();
    let own = lines.iter().flat_map(|line| scope(&format!("{line}.records.read")).books(&tree, Some(line)));
    own.chain(scope("kernel.entry.read").books(&tree, None)).collect()
}

/// One entry.
#[utoipa::path(get, path = "/api/ledger/{book}/{seq}", tag = "ledger",
    params(("book" = String, Path), ("seq" = u64, Path)),
    responses((status = 200, body = EntryView), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.entry.read"))))]
async fn entry(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, seq)): Path<(String, u64)>,
) -> Result<Json<EntryView>, Problem> {
    let entry = readable(&app, &viewer, &book, seq).await?;
    let lacking = lacking(&app, &viewer, &entry)?;
    let names = lacking_names(&app, &viewer, &entry)?;
    Ok(Json(EntryView::withholding(&entry, lacking).masking(app.kernel.lines(), &entry, names)))
}

/// The proof that the entry stands in its book, as a C2SP tlog-proof file.
#[utoipa::path(get, path = "/api/ledger/{book}/{seq}/proof", tag = "ledger",
    params(("book" = String, Path), ("seq" = u64, Path)),
    responses((status = 200, content_type = "text/plain", body = String), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.entry.read"))))]
async fn proof(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, seq)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let entry = readable(&app, &viewer, &book, seq).await?;
    let proved = app.blocking(move |kernel| kernel.prove(&entry.book, entry.seq)).await?;
    Ok(text(format!("{book}-{seq}.tlog-proof"), proved.proof.to_string()))
}

/// The bytes whose hash is the leaf: the canonical head. They are given whole or not at all: with a subject left out their
/// hash would be another, and prove nothing.
#[utoipa::path(get, path = "/api/ledger/{book}/{seq}/leaf", tag = "ledger",
    params(("book" = String, Path), ("seq" = u64, Path)),
    responses((status = 200, content_type = "text/plain", body = String), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.entry.read"))))]
async fn leaf(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, seq)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let entry = readable(&app, &viewer, &book, seq).await?;
    if let Some(needs) = lacking_names(&app, &viewer, &entry)? {
        viewer.need(&app, needs, &resource_of(&app, &entry.book)?)?;
    }
    Ok(text(format!("{book}-{seq}.leaf.json"), entry.head()))
}

fn text(name: String, content: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, content).into_response()
}

/// Where to walk from.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WalkQuery {
    /// The subject, such as `lot:beiyuan/L1` or an EPC URI.
    pub subject: String,
    /// `backward` to the origin, or `forward` to the destination.
    pub direction: String,
    /// The book whose records give the right to walk from here.
    pub book: String,
}

/// A step of a walk.
#[derive(Debug, Serialize, ToSchema)]
pub struct WalkStep {
    pub subject: String,
    pub depth: usize,
    /// The entry that led here, `book/seq`.
    pub via: Option<String>,
    pub from: Option<String>,
}

/// A walk along entries.
#[derive(Debug, Serialize, ToSchema)]
pub struct WalkView {
    /// Along the books that the viewer may read.
    pub steps: Vec<WalkStep>,
    /// Whether steps in these books are left out, for they lead to subjects that the viewer is not told; how many would tell
    /// how often goods were sold.
    pub withheld: bool,
    /// `depth`, `subjects` or `time` where the walk was cut; null if it is complete.
    pub cut: Option<String>,
}

/// Walks from a subject to its origin or destination, along the books that the viewer may read.
#[utoipa::path(get, path = "/api/trace", tag = "ledger", params(WalkQuery),
    responses((status = 200, body = WalkView), (status = 400), (status = 401), (status = 403), (status = 404), (status = 503)),
    extensions(("x-action" = json!("kernel.trace.walk"))))]
async fn walk(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<WalkQuery>,
) -> Result<Json<WalkView>, Problem> {
    let book = BookId::new(&query.book).map_err(|_| Problem::not_found())?;
    let resource = resource_of(&app, &book)?;
    let own = format!("{}.records.read", resource.line.as_deref().unwrap_or("kernel"));
    viewer.need_any(&app, &["kernel.trace.walk", &own], &resource)?;
    let subject = SubjectId::new(&query.subject).map_err(|error| {
        let detail = Both::new("追溯对象的标识有误。", error.to_string());
        Problem::bad_request("subject", "format", detail)
    })?;
    let direction = match query.direction.as_str() {
        "backward" => Direction::Backward,
        "forward" => Direction::Forward,
        _ => {
            let detail = Both::new("方向应为 backward 或 forward。", "must be backward or forward");
            return Err(Problem::bad_request("direction", "format", detail));
        }
    };
    // A subject born in another book is walked from with the right to read that book.
    if let Some(home) = subject.home().and_then(|home| BookId::new(home).ok()).filter(|home| *home != book) {
        may_read(&app, &viewer, &home)?;
    }
    let walk = app.walk(&viewer.id(), subject, direction, books(&app, &viewer)).await?;
    let all = walk.steps.len();
    let mut told = BTreeMap::new();
    let mut may_tell = |subject: &SubjectId| {
        let Some(needs) = app.kernel.lines().subject_needs(subject.scheme()) else { return true };
        let home = subject.home().unwrap_or_default().to_owned();
        *told.entry((needs, home)).or_insert_with_key(|(needs, home)| {
            let resource = BookId::new(home).ok().and_then(|home| resource_of(&app, &home).ok());
            resource.is_some_and(|resource| viewer.allows(&app, needs, &resource))
        })
    };
    let shown: Vec<_> =
        walk.steps.into_iter().filter(|step| step.via.is_none() || may_tell(&step.subject)).collect();
    let withheld = shown.len() < all;
    let steps = shown.into_iter().map(|step| WalkStep {
        subject: step.subject.to_string(),
        depth: step.depth,
        via: step.via.as_ref().map(|via| format!("{}/{}", via.book, via.seq)),
        from: step.via.map(|via| via.from.to_string()),
    });
    let cut =
        walk.cut.and_then(|cut| serde_json::to_value(cut).ok()).and_then(|v| v.as_str().map(str::to_owned));
    Ok(Json(WalkView { steps: steps.collect(), withheld, cut }))
}

/// A kind of entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct KindView {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    /// Whether a body can be erased.
    pub erasable: bool,
    /// The JSON Schema (2020-12) of the body.
    #[schema(value_type = Object)]
    pub schema: serde_json::Value,
}

fn view(kind: &ledger::Kind) -> KindView {
    KindView {
        name: kind.name,
        title_zh: kind.title_zh,
        title_en: kind.title_en,
        erasable: kind.erasable,
        schema: kind.schema(),
    }
}

/// The closed catalogue of kinds, with the schemas of their bodies.
#[utoipa::path(get, path = "/api/kinds", tag = "ledger",
    responses((status = 200, body = Vec<KindView>), (status = 429)),
    extensions(("x-action" = json!("public"))))]
async fn kinds(State(app): State<App>, _: Public) -> Json<Vec<KindView>> {
    Json(app.kernel.catalogue().iter().map(view).collect())
}

/// One kind.
#[utoipa::path(get, path = "/api/kinds/{kind}", tag = "ledger", params(("kind" = String, Path)),
    responses((status = 200, body = KindView), (status = 404), (status = 429)), extensions(("x-action" = json!("public"))))]
async fn kind(
    State(app): State<App>,
    _: Public,
    Path(name): Path<String>,
) -> Result<Json<KindView>, Problem> {
    app.kernel.catalogue().get(&name).map(|kind| Json(view(kind))).map_err(|_| Problem::not_found())
}
