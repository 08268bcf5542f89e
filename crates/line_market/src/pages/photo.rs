//! The photo that comes with a form, kept as evidence of the market.

use access::Resource;
use base::BookId;
use shell::{App, Problem, T, Viewer, evidence};

use crate::api::records::need_somewhere;
use crate::policy::KEEP_EVIDENCE;

pub use shell::photo::{FIELD, field, read};

/// Keeps a photo and tells its digest, or what is wrong with it.
pub async fn kept(
    app: &App,
    viewer: &Viewer,
    (book, resource): (&BookId, &Resource),
    t: &T,
    bytes: Vec<u8>,
) -> Result<Result<String, String>, Problem> {
    need_somewhere(app, viewer, KEEP_EVIDENCE, book, resource)?;
    shell::photo::kept(t, evidence::keep(app, viewer, book, bytes).await)
}
