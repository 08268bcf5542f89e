//! Forms that keep what was typed when they are refused, with the message beside the field.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use base::Day;
use base::limits::EVIDENCE_BYTES_MAX;
use matters::PostId;

use crate::app::App;
use crate::parts::{Parts, broken};
use crate::problem::Problem;
use crate::texts::{Both, Lang, T};
use crate::view::Field;

/// What came with a form, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    values: BTreeMap<String, String>,
    errors: BTreeMap<String, String>,
    /// What is wrong with no field in particular.
    pub whole: Option<String>,
}

/// A form, and the files that came with it by the names of their fields.
pub struct Sent {
    pub typed: Typed,
    pub files: Vec<File>,
}

/// A file that somebody chose.
pub struct File {
    pub field: String,
    /// As it is called where it comes from.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Typed {
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self { values, ..Self::default() }
    }

    /// A form that is shown for the first time with a field filled in.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| value.trim())
    }

    pub fn set(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// All that was typed.
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    pub fn is_ticked(&self, name: &str) -> bool {
        self.get(name) == "on"
    }

    /// A field that may be left empty.
    pub fn optional(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// A field that must be filled in.
    pub fn required(&mut self, t: &T, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.error(name, t.get("form-required"));
        }
        value
    }

    /// A post that was chosen.
    pub fn post(&mut self, t: &T, name: &str) -> Option<PostId> {
        let text = self.required(t, name)?;
        let post = base::SubjectId::new(text).ok().and_then(|id| PostId::try_from(id).ok());
        if post.is_none() {
            self.error(name, t.get("form-choose"));
        }
        post
    }

    /// A day, if one was given.
    pub fn day(&mut self, t: &T, name: &str) -> Option<Day> {
        let text = self.optional(name)?;
        let day = Day::parse(&text).ok();
        if day.is_none() {
            self.error(name, t.get("matter-not-a-day"));
        }
        day
    }

    /// A number of days, if one was given.
    pub fn days(&mut self, t: &T, name: &str) -> Option<u32> {
        let text = self.optional(name)?;
        let days = text.parse().ok().filter(|days| (1..=matters::TERM_DAYS_MAX).contains(days));
        if days.is_none() {
            self.error(name, t.with("matter-not-days", &[("max", i64::from(matters::TERM_DAYS_MAX))]));
        }
        days
    }

    pub fn error(&mut self, name: &str, text: String) {
        self.errors.entry(name.to_owned()).or_insert(text);
    }

    pub fn is_good(&self) -> bool {
        self.errors.is_empty() && self.whole.is_none()
    }

    /// A field with what was typed and what is wrong with it.
    pub fn field(&self, field: Field) -> Field {
        let error = self.errors.get(field.name).cloned();
        let value = self.get(field.name).to_owned();
        field.value(value).error(error)
    }

    /// Takes a refusal into the form, beside a field that is shown or above them; what is no fault of the form is handed on.
    pub fn refused(&mut self, lang: Lang, problem: Problem, shown: &[&str]) -> Result<(), Problem> {
        let is_ours = [StatusCode::BAD_REQUEST, StatusCode::CONFLICT, StatusCode::FORBIDDEN];
        if !is_ours.contains(&problem.status) {
            return Err(problem);
        }
        let text = sentence(lang, problem.detail.get(lang));
        match problem.field.as_deref().filter(|field| shown.contains(field)) {
            Some(field) => self.error(field, text),
            None => self.whole = Some(text),
        }
        Ok(())
    }
}

/// A reason as a page sets it: errors begin in lower case and end without a full stop, sentences do not.
pub(crate) fn sentence(lang: Lang, reason: &str) -> String {
    let mut letters = reason.chars();
    match (lang, letters.next()) {
        (Lang::En, Some(first)) => {
            format!("{}{}.", first.to_uppercase(), letters.as_str().trim_end_matches('.'))
        }
        _ => reason.to_owned(),
    }
}

impl FromRequest<App> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if crate::extract::is_multipart(request.headers()) {
            return read_parts(request, app).await;
        }
        let bytes = fields(crate::extract::body(request, 64 * 1024).await?)?;
        let values = form_urlencoded::parse(&bytes).into_owned().collect();
        Ok(Self { typed: Typed::new(values), files: Vec::new() })
    }
}

async fn read_parts(request: axum::http::Request<Body>, app: &App) -> Result<Sent, Problem> {
    let form = Multipart::from_request(request, app).await.map_err(|error| broken(error.body_text()))?;
    let mut parts = Parts::of(form, EVIDENCE_BYTES_MAX);
    let (mut values, mut files) = (BTreeMap::new(), Vec::new());
    while let Some(part) = parts.next().await? {
        let (field, name) = (part.name().to_owned(), part.file_name().map(str::to_owned));
        let Some(name) = name else {
            values.insert(field, part.text().await?);
            continue;
        };
        let bytes = part.bytes().await?;
        if !bytes.is_empty() {
            files.push(File { field, name, bytes });
        }
    }
    Ok(Sent { typed: Typed::new(values), files })
}

/// Fields of a form: each takes some twenty times its bytes in memory.
pub(crate) const FIELDS_MAX: usize = 5_000;

/// A form without files, whose lines end as those of texts do: browsers end them by CR LF. Refuses one that holds U+0000.
pub(crate) fn fields(bytes: Bytes) -> Result<Bytes, Problem> {
    const BREAK: &[u8] = b"%0D%0A";
    let is_break = |window: &[u8]| window.eq_ignore_ascii_case(BREAK);
    if bytes.windows(3).any(|window| window == b"%00") || bytes.contains(&0) {
        return Err(nul());
    }
    if bytes.iter().filter(|byte| **byte == b'&').count() >= FIELDS_MAX {
        return Err(too_many_fields());
    }
    if !bytes.windows(BREAK.len()).any(is_break) {
        return Ok(bytes);
    }
    let (mut kept, mut rest) = (Vec::with_capacity(bytes.len()), &bytes[..]);
    while let Some((first, others)) = rest.split_first() {
        if rest.get(..BREAK.len()).is_some_and(is_break) {
            rest = &rest[BREAK.len() / 2..];
            continue;
        }
        kept.push(*first);
        rest = others;
    }
    Ok(kept.into())
}

pub(crate) fn too_many_fields() -> Problem {
    let zh = format!("表单字段过多，不得超过 {FIELDS_MAX} 个。");
    let en = format!("a form may have {FIELDS_MAX} fields at most");
    Problem::bad_request("form", "length", Both::new(zh, en))
}

/// No database takes U+0000 in a text.
pub(crate) fn nul() -> Problem {
    Problem::bad_request(
        "form",
        "format",
        Both::new("表单不得含有空字符（U+0000）。", "a form must not hold U+0000"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_form_end_as_those_of_texts_do() {
        let read = |form: &'static str| fields(Bytes::from_static(form.as_bytes())).unwrap();
        assert_eq!(&read("a=1%0D%0A2%0d%0a&b=%0D%0A%0D%0A")[..], b"a=1%0A2%0a&b=%0A%0A");
        for kept in ["a=1&b=2%0A", "a=%250D%250A", "a=%0D", "a=%0D%0", ""] {
            assert_eq!(&read(kept)[..], kept.as_bytes());
        }
        assert!(fields(Bytes::from_static(b"a=%00%0D%0A")).is_err());
    }
}
