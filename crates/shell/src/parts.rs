//! The parts of a form with files, so many of them.

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;

use crate::problem::Problem;
use crate::texts::Both;
use crate::typed::{FIELDS_MAX, nul, too_many_fields};

/// A form that is read part by part.
pub struct Parts {
    form: Multipart,
    /// What the form may come to.
    bytes_max: usize,
    read: usize,
}

impl Parts {
    pub fn of(form: Multipart, bytes_max: usize) -> Self {
        Self { form, bytes_max, read: 0 }
    }

    pub async fn next(&mut self) -> Result<Option<Part<'_>>, Problem> {
        let bytes_max = self.bytes_max;
        let next = self.form.next_field().await;
        self.read += 1;
        if self.read > FIELDS_MAX {
            return Err(too_many_fields());
        }
        Ok(next.map_err(|error| unreadable(&error, bytes_max))?.map(|field| Part { field, bytes_max }))
    }
}

/// A field, or a file with its name.
pub struct Part<'f> {
    field: Field<'f>,
    bytes_max: usize,
}

impl Part<'_> {
    pub fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    pub fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    pub async fn text(self) -> Result<String, Problem> {
        let text = self.field.text().await.map_err(|error| unreadable(&error, self.bytes_max))?;
        if text.contains('\0') {
            return Err(nul());
        }
        // Browsers end the lines of a text so.
        Ok(text.replace("\r\n", "\n"))
    }

    pub async fn bytes(self) -> Result<Vec<u8>, Problem> {
        let bytes = self.field.bytes().await;
        bytes.map(Into::into).map_err(|error| unreadable(&error, self.bytes_max))
    }
}

fn unreadable(error: &MultipartError, bytes_max: usize) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(bytes_max as u64),
        _ => broken(error.body_text()),
    }
}

pub(crate) fn broken(reason: String) -> Problem {
    Problem::bad_request("form", "multipart", Both::new("表单内容不完整，请重新提交。", reason))
}
