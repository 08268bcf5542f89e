//! The photo or paper that comes with a form: read with its fields, and refused beside its field.

use std::collections::BTreeMap;

use axum::extract::Multipart;
use axum::http::StatusCode;
use base::limits::EVIDENCE_BYTES_MAX;

use crate::problem::Problem;
use crate::texts::{Both, T};
use crate::typed::nul;
use crate::view::{Field, FieldKind};

/// The field's name.
pub const FIELD: &str = "photo";

/// What may be chosen; phones that keep photos in another format convert them when these are asked for.
const ACCEPT: &str = "image/jpeg,image/png,image/webp,application/pdf";

/// The fields of a form, and its photo if one was chosen.
pub async fn read(mut form: Multipart) -> Result<(BTreeMap<String, String>, Option<Vec<u8>>), Problem> {
    let unreadable = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(EVIDENCE_BYTES_MAX as u64),
        _ => Problem::bad_request(
            "form",
            "multipart",
            Both::new("表单内容不完整，请重新提交。", error.body_text()),
        ),
    };
    let (mut typed, mut photo) = (BTreeMap::new(), None);
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == FIELD {
            let bytes = part.bytes().await.map_err(unreadable)?;
            photo = (!bytes.is_empty()).then(|| bytes.to_vec());
        } else {
            let text = part.text().await.map_err(unreadable)?;
            if text.contains('\0') {
                return Err(nul());
            }
            typed.insert(name, text);
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
