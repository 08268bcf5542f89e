use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What an entry of one kind carries. The JSON Schema of the type is the kind's published schema.
pub trait Body: Serialize + DeserializeOwned + utoipa::ToSchema + Clone + Send + Sync + 'static {
    /// `line.noun.verb`.
    const KIND: &'static str;

    /// Whether the body may hold personal data, and so may be erased. Such a body contributes to no figure.
    const ERASABLE: bool = false;

    /// Whether entries of the kind may name files as evidence. Those that come by the million do not.
    const BEARS_FILES: bool = true;

    /// Whether entries of the kind are sought by what they are about. Each costs a row more, and they are found at once
    /// whatever else names the same subject, and however often.
    const SOUGHT: bool = false;

    /// Rules beyond the schema that need nothing but the body.
    fn check(&self) -> Result<(), BodyError> {
        Ok(())
    }

    /// The RFC 8785 text, which reads back as a body of the kind: what does not could never be audited or replayed. A body
    /// that comes by the million may have a quicker way to the same text, if each that it lets pass reads back.
    fn canonical(&self) -> Result<String, BodyError> {
        let text = jcs(self)?;
        read::<Self>(&text)?;
        Ok(text)
    }

    /// The canonical text, and the body as it reads back from it: what is applied when it is recorded is what is applied
    /// when it is replayed, numbers beyond those of JSON included.
    fn settled(body: Arc<Self>) -> Result<(String, Arc<Self>), BodyError> {
        let text = jcs(&*body)?;
        let read = read::<Self>(&text)?;
        Ok((text, Arc::new(read)))
    }
}

/// A body that does not fit its kind: which field, which rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct BodyError {
    /// The path of the field, such as `quantity_g` or `items[3].name`; empty for the body itself.
    pub field: String,
    pub rule: Rule,
    /// What is wrong, in English; pages translate by the rule.
    pub detail: String,
}

/// The rules that a field can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Not JSON, or not of the type that the schema says.
    Schema,
    /// A number or time outside its range.
    Range,
    /// A text that is too long, empty, or of the wrong shape.
    Format,
    /// Fields that contradict each other.
    Consistency,
    /// Something named that does not exist or may not be used here.
    Reference,
}

impl BodyError {
    pub fn new(field: impl Into<String>, rule: Rule, detail: impl Into<String>) -> Self {
        Self { field: field.into(), rule, detail: detail.into() }
    }
}

/// Refuses a text that is blank, longer than `max` characters, or holds control characters.
pub fn check_text(field: &str, text: &str, max: usize) -> Result<(), BodyError> {
    if text.trim().is_empty() {
        return Err(BodyError::new(field, Rule::Format, "must not be blank"));
    }
    if text.chars().count() > max {
        return Err(BodyError::new(field, Rule::Format, format!("must not be longer than {max} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(BodyError::new(field, Rule::Format, "must not hold control characters"));
    }
    Ok(())
}

/// The RFC 8785 text of a value.
pub fn jcs<T: Serialize>(value: &T) -> Result<String, BodyError> {
    serde_json_canonicalizer::to_string(value)
        .map_err(|error| BodyError::new("", Rule::Schema, error.to_string()))
}

/// A kind whose entries are sought by what they are about. What is not kept for that cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sought(&'static str);

impl Sought {
    /// # Panics
    /// If entries of the kind are not kept for it; in a constant, at compile time.
    #[must_use]
    pub const fn of<B: Body>() -> Self {
        assert!(B::SOUGHT, "entries of the kind are not sought by subject");
        Self(B::KIND)
    }

    #[must_use]
    pub const fn kind(self) -> &'static str {
        self.0
    }
}

/// Whether a word is among some, for macros that declare bodies.
#[must_use]
pub const fn is_among(words: &[&str], word: &str) -> bool {
    let mut at = 0;
    while at < words.len() {
        if is_same(words[at].as_bytes(), word.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

type Check = fn(&str) -> Result<String, BodyError>;

/// A kind of entry: its name, its titles, its schema, and the check of a body.
#[derive(Clone)]
pub struct Kind {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    pub erasable: bool,
    pub bears_files: bool,
    pub sought: bool,
    check: Check,
    schema: fn() -> serde_json::Value,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Kind {
    pub fn of<B: Body>(title_zh: &'static str, title_en: &'static str) -> Self {
        Self {
            name: B::KIND,
            title_zh,
            title_en,
            erasable: B::ERASABLE,
            bears_files: B::BEARS_FILES,
            sought: B::SOUGHT,
            check: check::<B>,
            schema: schema::<B>,
        }
    }

    /// Checks a body given as JSON and returns its canonical text.
    pub fn canonical_body(&self, json: &str) -> Result<String, BodyError> {
        (self.check)(json)
    }

    /// The JSON Schema (2020-12) of the body.
    pub fn schema(&self) -> serde_json::Value {
        (self.schema)()
    }
}

fn check<B: Body>(json: &str) -> Result<String, BodyError> {
    let body: B = read(json)?;
    body.check()?;
    body.canonical()
}

fn read<B: Body>(json: &str) -> Result<B, BodyError> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let body = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        BodyError::new(
            if path == "." { String::new() } else { path },
            Rule::Schema,
            error.inner().to_string(),
        )
    })?;
    reader.end().map_err(|error| BodyError::new("", Rule::Schema, error.to_string()))?;
    Ok(body)
}

fn schema<B: Body>() -> serde_json::Value {
    let mut parts = Vec::new();
    B::schemas(&mut parts);
    let mut schema = serde_json::to_value(B::schema()).expect("a schema is JSON");
    if let Some(members) = schema.as_object_mut() {
        members.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        members.insert("$id".into(), format!("urn:taizhang:kind:{}", B::KIND).into());
        if !parts.is_empty() {
            let parts: serde_json::Map<_, _> = parts
                .into_iter()
                .map(|(name, part)| (name, serde_json::to_value(part).expect("a schema is JSON")))
                .collect();
            members.insert("components".into(), serde_json::json!({ "schemas": parts }));
        }
    }
    schema
}

/// The closed catalogue of kinds.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(BTreeMap<&'static str, Kind>);

/// Why a kind cannot be used or declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindError {
    #[error("the kind {0:?} is not in the catalogue")]
    Unknown(String),
    #[error("the kind {0:?} is declared twice")]
    Twice(&'static str),
}

impl Catalogue {
    pub fn add(&mut self, kind: Kind) -> Result<(), KindError> {
        match self.0.insert(kind.name, kind) {
            Some(old) => Err(KindError::Twice(old.name)),
            None => Ok(()),
        }
    }

    pub fn get(&self, name: &str) -> Result<&Kind, KindError> {
        self.0.get(name).ok_or_else(|| KindError::Unknown(name.to_owned()))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use base::Day;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
    struct Said {
        count: i64,
        #[schema(value_type = String)]
        day: Day,
    }

    impl Body for Said {
        const KIND: &'static str = "test.day.said";
    }

    #[test]
    fn a_body_that_would_not_read_back_is_no_body() {
        let told = |count, day| Said { count, day }.canonical().map_err(|error| error.field);
        assert_eq!(told(1, Day::LAST).unwrap(), r#"{"count":1,"day":"9999-12-31"}"#);
        assert_eq!(told(1, Day::LAST.plus(1)), Err("day".to_owned()));
        assert_eq!(told(i64::MAX, Day::FIRST), Err("count".to_owned()), "as a double it is one more");
    }
}
