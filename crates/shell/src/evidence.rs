//! Files that somebody hands in as evidence.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use base::BookId;
use base::limits::{EVIDENCE_BYTES_MAX, PLAN_BYTES_MAX};
use kernel::{EvidenceError, NewFile, StoredEvidence, UNNAMED_FILES_MAX};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, append_problem};
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::Viewer;

/// Where a file is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kept {
    /// SHA-256 in lower-case hexadecimal digits: how entries name it.
    pub digest: String,
}

/// Keeps a file in a book's evidence, if it is one and the viewer has not sent too many.
pub async fn keep(app: &App, viewer: &Viewer, book: &BookId, bytes: Vec<u8>) -> Result<String, Problem> {
    app.limits.evidence(&viewer.id())?;
    kept(app, viewer, book, move || NewFile::evidence(bytes), EVIDENCE_BYTES_MAX).await
}

/// Keeps a plan that a line has read.
pub async fn keep_plan(app: &App, viewer: &Viewer, book: &BookId, bytes: Vec<u8>) -> Result<String, Problem> {
    kept(app, viewer, book, move || NewFile::plan(bytes), PLAN_BYTES_MAX).await
}

async fn kept(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    file: impl FnOnce() -> Result<NewFile, EvidenceError> + Send + 'static,
    bytes_max: usize,
) -> Result<String, Problem> {
    let (by, book) = (viewer.id(), book.clone());
    let file = app.blocking(move |_| file().map_err(|error| refused(error, bytes_max))).await?;
    let problem = |error| append_problem(error, |refusal| refused(refusal, bytes_max));
    app.append(problem, move |desk| desk.keep_file(&by, &book, &file)).await
}

/// Why a file of at most so many bytes was not kept.
fn refused(error: EvidenceError, bytes_max: usize) -> Problem {
    match error {
        EvidenceError::TooLarge => Problem::too_large(bytes_max as u64),
        EvidenceError::TooMany => {
            let zh = format!(
                "尚未被引用的文件过多（不超过 {UNNAMED_FILES_MAX} 个，合计不超过 512 MiB），请先登记引用；24 小时内未被引用的文件自动清除。"
            );
            let detail = Both::new(zh, error.to_string());
            Problem { detail, ..Problem::too_many_requests(3_600) }
        }
        other => Problem::bad_request(
            "file",
            "not-evidence",
            Both::new("文件须为 JPEG、PNG、WebP 图片或 PDF 文档，且不得为空。", other.to_string()),
        ),
    }
}

/// The answer with a file: shown as what it was found to be, and never run.
pub fn shown(file: StoredEvidence, digest: &str) -> Response {
    let disposition = format!("inline; filename=\"{digest}\"");
    ([(header::CONTENT_TYPE, file.media_type), (header::CONTENT_DISPOSITION, disposition)], file.bytes)
        .into_response()
}
