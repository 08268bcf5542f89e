//! Tasks, which people open by hand.

use ::matters::{Due, MatterId, Opened, PostId, Version};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base::{BookId, KindName, SubjectId};
use kernel::TASK_SORT;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Done, once};
use crate::api::ledger;
use crate::app::App;
use crate::docket;
use crate::extract::{Json, Path};
use crate::once::Sent;
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::Viewer;

/// What the names of tasks begin with, so that none takes the name of a matter that follows from something else.
const TASK: &str = "task-";

/// A matter to open by hand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenInput {
    /// Its name in its book, which begins with `task-`; one is made if it is left out.
    pub name: Option<String>,
    pub title: String,
    pub owner: PostId,
    #[serde(default)]
    pub helpers: Vec<PostId>,
    pub reviewer: PostId,
    pub due: Due,
    /// The name of the colour rule; `default` if it is left out.
    pub rule: Option<String>,
    /// Subjects that it is about.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub about: Vec<SubjectId>,
}

/// Assigns a task (交办事项). A retry with the same `Idempotency-Key` and content gets the first answer.
#[utoipa::path(post, path = "/api/matters/{book}", tag = "matters", params(("book" = String, Path)),
    request_body = OpenInput,
    responses((status = 201, body = Done), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 503)),
    extensions(("x-action" = json!("kernel.matter.open"))))]
pub(super) async fn open(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
    headers: HeaderMap,
    Json(input): Json<OpenInput>,
) -> Result<(StatusCode, axum::Json<Done>), Problem> {
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    let sent = Sent::asked(&headers, &input)?;
    let done = open_task(&app, &viewer, &book, input, sent).await?;
    Ok((StatusCode::CREATED, axum::Json(done)))
}

/// Decides the right, then opens a task.
pub async fn open_task(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    input: OpenInput,
    sent: Option<Sent>,
) -> Result<Done, Problem> {
    let parts = input.helpers.iter().chain([&input.owner]);
    docket::need_open(app, viewer, book, parts, &input.reviewer)?;
    // After each entry of it every node looks at units, posts and rights anew.
    if app.tree().book(book).is_some_and(|book| book.line == "kernel") {
        let detail = Both::new(
            "登记簿只记载机构、账号与权限，交办事项应记入某条业务线的账册。",
            "the registry tells of units, accounts and rights alone; a task belongs in the book of a line",
        );
        return Err(Problem::bad_request("book", "reference", detail));
    }
    if input.about.iter().any(|subject| MatterId::try_from(subject.clone()).is_ok()) {
        let detail = Both::new(
            "交办事项不能以其他事项为对象：每个事项的经过只由其自身的记录构成。",
            "a task is about no other matter: the history of that one is its own",
        );
        return Err(Problem::bad_request("about", "reference", detail));
    }
    for home in input.about.iter().filter_map(SubjectId::home) {
        ledger::may_read(app, viewer, &BookId::new(home).map_err(|_| Problem::not_found())?)?;
    }
    let name = input.name.unwrap_or_else(|| format!("{TASK}{}-{:08x}", app.today(), rand::random::<u32>()));
    if !name.starts_with(TASK) {
        let detail = Both::new(
            format!("交办事项的名称应以“{TASK}”开头，其他名称留给系统自行立项的事项。"),
            format!("must begin with {TASK:?}: other names belong to matters that the system opens itself"),
        );
        return Err(Problem::bad_request("name", "format", detail));
    }
    let matter = MatterId::local(book, &name).map_err(|error| {
        Problem::bad_request("name", "format", Both::new("事项名称格式有误。", error.to_string()))
    })?;
    let opened = Opened {
        matter,
        sort: KindName::new(TASK_SORT).expect("a valid name"),
        title: input.title,
        owner: input.owner,
        helpers: input.helpers,
        reviewer: input.reviewer,
        due: input.due,
        rule: input.rule.unwrap_or_else(|| "default".into()),
    };
    let actor = viewer.id();
    once(app, viewer, book, sent, move |desk, book| {
        let now = desk.now();
        desk.need_ahead(&actor, now, &opened.due)?;
        let entry = desk.open_matter(book, &actor, now, opened.clone(), input.about.clone())?;
        let (matter, state) = (opened.matter.clone(), ::matters::State::Open);
        Ok(Done { matter, state, version: Version(0), entry })
    })
    .await
}
