//! The photo or paper that comes with a form: read with its fields, and refused beside its field.

use std::collections::BTreeMap;

use axum::extract::Multipart;
use axum::http::StatusCode;
use base::limits::EVIDENCE_BYTES_MAX;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::texts::T;
use crate::view::{Field, FieldKind};

/// The field's name.
pub const FIELD: &str = "photo";

/// What may be chosen; phones that keep photos in another format convert them when these are asked for.
const ACCEPT: &str = "image/jpeg,image/png,image/webp,application/pdf";

/// The fields of a form, and its photo if one was chosen.
pub async fn read(form: Multipart) -> Result<(BTreeMap<String, String>, Option<Vec<u8>>), Problem> {
    let mut parts = Parts::of(form, EVIDENCE_BYTES_MAX);
    let (mut typed, mut photo) = (BTreeMap::new(), None);
    while let Some(part) = parts.next().await? {
        let name = part.name().to_owned();
        if name == FIELD {
            photo = Some(part.bytes().await?).filter(|bytes| !bytes.is_empty());
        } else {
            typed.insert(name, part.text().await?);
        }
    }
    Ok((typed, photo))
}

/// The digest of a file that was kept, or what is wrong with it.
pub fn kept(t: &T, kept: Result<String, Problem>) -> Result<Result<String, String>, Problem> {
    match kept {
        Ok(digest) => Ok(Ok(digest)),
        Err(problem) if problem.status == StatusCode::PAYLOAD_TOO_LARGE => {
            let megabytes = EVIDENCE_BYTES_MAX / (1024 * 1024);
            Ok(Err(t.with("form-file-large", &[("max", megabytes)])))
        }
        Err(problem) if problem.status == StatusCode::BAD_REQUEST => Ok(Err(t.get("form-file-refused"))),
        Err(problem) => Err(problem),
    }
}

/// The field. A browser does not keep a chosen file, so a form that comes back says that it must be chosen again.
pub fn field(t: &T, label: &str, chosen: bool) -> Field {
    let field = Field::new(FIELD, t.get(label), FieldKind::File { accept: ACCEPT });
    if chosen { field.hint(t.get("form-file-again")) } else { field }
}
