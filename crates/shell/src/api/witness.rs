//! The witness of other installations' logs: the public protocol (C2SP tlog-witness), and what administrators set and see.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{BookId, Seq, Time};
use kernel::witness::{
    ForkAcknowledged, ForkFound, FoundFork, LogTrusted, Refusal, TrustedLog, WitnessError, WitnessedLog,
};
use kernel::{By, CosigningStand, Kernel, ROOT_BOOK, Receipt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::act;
use crate::app::{App, append_problem};
use crate::extract::{Json, Path, body};
use crate::pages::From as Caller;
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::{Public, Viewer};

/// Bytes of a request for a cosignature: a proof of at most 63 lines, and a checkpoint with the signatures of a few.
const REQUEST_BYTES_MAX: usize = 32 * 1024;
/// The media type of a tree's size.
const SIZE: &str = "text/x.tlog.size";
/// The action that sees what is witnessed: with the whole installation, which the witness answers for.
pub const READ: &str = "kernel.witness.read";
const TEXT: &str = "text/plain; charset=utf-8";

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(key))
        .routes(routes!(add_checkpoint))
        .routes(routes!(list, trust))
        .routes(routes!(drop_log))
        .routes(routes!(list_forks))
        .routes(routes!(evidence))
        .routes(routes!(acknowledge))
        .routes(routes!(list_stands))
}

/// The public key that this installation cosigns the checkpoints of others with (C2SP tlog-cosignature).
#[utoipa::path(get, path = "/witness/key", tag = "witness",
    responses((status = 200, content_type = "text/plain", body = String), (status = 429)),
    extensions(("x-action" = json!("public"))))]
async fn key(State(app): State<App>, _: Public) -> String {
    format!("{}\n", app.kernel.witness_key())
}

/// Cosigns a checkpoint (C2SP tlog-witness): `old`, the size that was cosigned last; the consistency proof, a line a hash;
/// an empty line; the checkpoint. Nobody signs in: what counts is the signature of a log that is trusted here. Answers the
/// signature line; 409 with the size that was cosigned last where `old` is another.
#[utoipa::path(post, path = "/witness/add-checkpoint", tag = "witness",
    request_body(content = String, content_type = "text/plain"),
    responses((status = 200, content_type = "text/plain", body = String), (status = 400), (status = 403), (status = 404),
        (status = 409, content_type = "text/x.tlog.size", body = String), (status = 413), (status = 415), (status = 422),
        (status = 429), (status = 503)),
    extensions(("x-action" = json!("public"))))]
async fn add_checkpoint(
    State(app): State<App>,
    Extension(Caller(address)): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    app.limits.witness(address)?;
    let bytes = body(request, REQUEST_BYTES_MAX).await?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| malformed("the request is not valid UTF-8"))?;
    let cosigned = app.blocking(move |kernel| Ok::<_, Problem>(kernel.cosign(&text))).await?;
    match cosigned {
        Ok(line) => Ok(([(header::CONTENT_TYPE, TEXT)], line).into_response()),
        Err(WitnessError::Refused(Refusal::Conflict { size })) => {
            Ok((StatusCode::CONFLICT, [(header::CONTENT_TYPE, SIZE)], format!("{size}\n")).into_response())
        }
        Err(error) => Err(refused(error)),
    }
}

fn malformed(reason: impl Into<String>) -> Problem {
    Problem::bad_request("", "format", Both::new("见证请求格式不符合 C2SP tlog-witness。", reason.into()))
}

fn refused(error: WitnessError) -> Problem {
    let refusal = match error {
        WitnessError::Malformed(error) => return malformed(error.to_string()),
        WitnessError::Store(error) => return error.into(),
        WitnessError::Append(error) => return append_problem(error, |()| Problem::internal()),
        WitnessError::Refused(refusal) => refusal,
    };
    let said = |zh: &str| Both::new(zh.to_owned(), refusal.to_string());
    match refusal {
        Refusal::UnknownLog => Problem {
            detail: said("本系统未见证此日志，请联系管理员登记。"),
            ..Problem::not_found()
        },
        Refusal::Untrusted => Problem::forbidden(said("检查点上没有该日志受信密钥的签名。")),
        Refusal::Held => Problem::forbidden(said("该日志已出现分叉，管理员处置前不再联署。")),
        Refusal::OldTooLarge => Problem::bad_request("old", "range", said("原记录数大于检查点的记录数。")),
        Refusal::Conflict { .. } => Problem::conflict("state", said("原记录数与上次联署的不一致。")),
        Refusal::Inconsistent => {
            let title = Both::new("证明不成立", "The proof does not hold");
            let detail = said("一致性证明不成立，检查点未予联署。");
            Problem::new("/problems/inconsistent", StatusCode::UNPROCESSABLE_ENTITY, title, detail)
        }
        Refusal::Full => {
            Problem { detail: said("见证的日志数已达上限。"), ..Problem::too_many_requests(3_600) }
        }
    }
}

/// What a witness sees of one log of those that it trusts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WitnessedView {
    pub origin: String,
    /// Entries of the checkpoint that was cosigned last, and the checkpoint.
    pub size: u64,
    pub note: String,
    #[schema(value_type = String, format = DateTime)]
    pub cosigned: Time,
    /// No cosignature was asked for in three hours.
    pub lags: bool,
    /// A fork was found that nobody has acknowledged; nothing is cosigned.
    pub held: bool,
    /// When a proof did not hold since, and the checkpoint that it was for. It is no evidence: anybody may send it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub refused: Option<Time>,
    pub refused_note: Option<String>,
}

/// A log that is trusted, or an installation with all of its books, and what was cosigned of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrustedView {
    /// The number of the entry that trusts it.
    pub log: u64,
    pub origin: String,
    pub vkey: String,
    pub title: String,
    pub owner: Option<String>,
    pub reviewer: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
    pub witnessed: Vec<WitnessedView>,
}

/// All that the witness knows.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub trusted: Vec<TrustedLog>,
    pub witnessed: Vec<WitnessedLog>,
    pub forks: Vec<FoundFork>,
    pub held: BTreeSet<String>,
    /// How our own books stand with their witnesses.
    pub stands: Vec<CosigningStand>,
}

impl Seen {
    pub fn is_held(&self, origin: &str) -> bool {
        self.held.contains(origin)
    }
}

/// What the witness knows, for whoever may see it.
pub async fn seen(app: &App, viewer: &Viewer) -> Result<Seen, Problem> {
    viewer.need_at_root(app, READ)?;
    let read = |kernel: &std::sync::Arc<Kernel>| {
        Ok::<_, store::StoreError>(Seen {
            trusted: kernel.trusted_logs()?,
            witnessed: kernel.witnessed_logs()?,
            forks: kernel.forks()?,
            held: kernel.held_logs()?,
            stands: kernel.cosigning_stands()?,
        })
    };
    app.blocking(read).await
}

/// The logs that are trusted, and what was cosigned of them.
#[utoipa::path(get, path = "/api/witness/logs", tag = "witness",
    responses((status = 200, body = Vec<TrustedView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.witness.read"))))]
async fn list(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<Vec<TrustedView>>, Problem> {
    let seen = seen(&app, &viewer).await?;
    let now = app.kernel.now();
    let witnessed = |log: &WitnessedLog| WitnessedView {
        origin: log.origin.clone(),
        size: log.size,
        note: log.note.clone(),
        cosigned: log.cosigned,
        lags: log.lags(now),
        held: seen.is_held(&log.origin),
        refused: log.refused,
        refused_note: log.refused_note.clone(),
    };
    let view = |log: &TrustedLog| TrustedView {
        log: log.log,
        origin: log.origin.clone(),
        vkey: log.vkey.clone(),
        title: log.title.clone(),
        owner: log.owner.as_ref().map(ToString::to_string),
        reviewer: log.reviewer.as_ref().map(ToString::to_string),
        since: log.since,
        witnessed: seen.witnessed.iter().filter(|it| log.covers(&it.origin)).map(witnessed).collect(),
    };
    Ok(axum::Json(seen.trusted.iter().map(view).collect()))
}

/// Trusts a log, whose checkpoints are cosigned from now on.
#[utoipa::path(post, path = "/api/witness/logs", tag = "witness", request_body = LogTrusted,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 409)),
    extensions(("x-action" = json!("kernel.witness.trust"))))]
async fn trust(
    State(app): State<App>,
    viewer: Viewer,
    Json(trusted): Json<LogTrusted>,
) -> Result<(StatusCode, axum::Json<Receipt>), Problem> {
    let work = move |kernel: &Kernel, by: &By| kernel.trust_log(by, trusted);
    let receipt = act(&app, &viewer, "kernel.witness.trust", work).await?;
    Ok((StatusCode::CREATED, axum::Json(receipt)))
}

/// Trusts a log no more.
#[utoipa::path(delete, path = "/api/witness/logs/{log}", tag = "witness", params(("log" = u64, Path)),
    responses((status = 200, body = Receipt), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.witness.trust"))))]
async fn drop_log(
    State(app): State<App>,
    viewer: Viewer,
    Path(log): Path<u64>,
) -> Result<axum::Json<Receipt>, Problem> {
    let work = move |kernel: &Kernel, by: &By| kernel.drop_log(by, log);
    act(&app, &viewer, "kernel.witness.trust", work).await.map(axum::Json)
}

/// A log that has contradicted itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ForkView {
    /// The number of the entry that holds the evidence.
    pub fork: u64,
    pub origin: String,
    /// Entries of the checkpoint that was cosigned, and of the one that contradicts it.
    pub first_size: u64,
    pub second_size: u64,
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
    /// The number of the entry that acknowledged it.
    pub acknowledged: Option<u64>,
}

/// The forks that were found, the latest first.
#[utoipa::path(get, path = "/api/witness/forks", tag = "witness",
    responses((status = 200, body = Vec<ForkView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.witness.read"))))]
async fn list_forks(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<Vec<ForkView>>, Problem> {
    let view = |fork: FoundFork| ForkView {
        fork: fork.fork,
        origin: fork.origin,
        first_size: fork.first_size,
        second_size: fork.second_size,
        since: fork.since,
        acknowledged: fork.acknowledged,
    };
    Ok(axum::Json(seen(&app, &viewer).await?.forks.into_iter().map(view).collect()))
}

/// The evidence of a fork, for whoever may see it.
pub async fn fork(app: &App, viewer: &Viewer, number: u64) -> Result<ForkFound, Problem> {
    viewer.need_at_root(app, READ)?;
    if number > i64::MAX as u64 {
        return Err(Problem::not_found());
    }
    let book = BookId::new(ROOT_BOOK).map_err(|_| Problem::internal())?;
    let read = move |kernel: &std::sync::Arc<Kernel>| {
        kernel.read(|tx| kernel::entries::entry(tx, &book, Seq(number)))
    };
    let entry = app.blocking(read).await?.ok_or_else(Problem::not_found)?;
    if entry.kind.as_str() != <ForkFound as ledger::Body>::KIND {
        return Err(Problem::not_found());
    }
    entry.body().map_err(|error| {
        tracing::error!(%error, "a fork cannot be read");
        Problem::internal()
    })
}

/// One part of the evidence: the signed checkpoint that was cosigned (`first`), the one that contradicts it (`second`), or the
/// hashes that lead from another beginning to the root of the second (`proof`; empty where the sizes are one).
#[utoipa::path(get, path = "/api/witness/forks/{fork}/{part}", tag = "witness",
    params(("fork" = u64, Path), ("part" = String, Path)),
    responses((status = 200, content_type = "text/plain", body = String), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.witness.read"))))]
async fn evidence(
    State(app): State<App>,
    viewer: Viewer,
    Path((number, part)): Path<(u64, String)>,
) -> Result<Response, Problem> {
    let found = fork(&app, &viewer, number).await?;
    let text = match part.as_str() {
        "first" => found.first,
        "second" => found.second,
        "proof" => found.proof.iter().map(|hash| format!("{hash}\n")).collect(),
        _ => return Err(Problem::not_found()),
    };
    let name = format!("attachment; filename=\"fork-{number}-{part}.txt\"");
    let headers = [(header::CONTENT_TYPE, TEXT.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, text).into_response())
}

/// What was found out about a fork.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkReason {
    pub reason: String,
}

/// Says that a fork was seen to. The log is cosigned again, as far as it extends what was cosigned before.
#[utoipa::path(post, path = "/api/witness/forks/{fork}/acknowledge", tag = "witness", params(("fork" = u64, Path)),
    request_body = ForkReason,
    responses((status = 200, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)),
    extensions(("x-action" = json!("kernel.witness.acknowledge"))))]
async fn acknowledge(
    State(app): State<App>,
    viewer: Viewer,
    Path(fork): Path<u64>,
    Json(ForkReason { reason }): Json<ForkReason>,
) -> Result<axum::Json<Receipt>, Problem> {
    let body = ForkAcknowledged { fork, reason };
    let work = move |kernel: &Kernel, by: &By| kernel.acknowledge_fork(by, body);
    act(&app, &viewer, "kernel.witness.acknowledge", work).await.map(axum::Json)
}

/// How a book of this installation stands with one of its witnesses.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StandView {
    pub book: String,
    pub witness: String,
    /// Entries of the checkpoint that was cosigned last; 0 if none was.
    pub size: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cosigned: Option<Time>,
    /// Attempts in vain since, what stood in the way last, and the status of a refusal.
    pub attempts: u32,
    pub fault: Option<String>,
    pub code: Option<u16>,
    #[schema(value_type = String, format = DateTime)]
    pub next: Time,
}

/// How the books of this installation stand with the witnesses that the configuration names.
#[utoipa::path(get, path = "/api/witness/witnesses", tag = "witness",
    responses((status = 200, body = Vec<StandView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.witness.read"))))]
async fn list_stands(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<Vec<StandView>>, Problem> {
    let view = |stand: CosigningStand| StandView {
        book: stand.book.to_string(),
        witness: stand.witness.to_string(),
        size: stand.size,
        cosigned: stand.cosigned,
        attempts: stand.attempts,
        fault: stand.fault.map(|fault| fault.as_str().to_owned()),
        code: stand.code,
        next: stand.next,
    };
    Ok(axum::Json(seen(&app, &viewer).await?.stands.into_iter().map(view).collect()))
}
