//! What entries say, in words: names of fields, codes, amounts with their units, and who acted.
//!
//! The texts are the line's own: `market-field-quantity_g` names a field, `market-value-zone-wet` a value. What only
//! the database knows (what a product is called) the line tells through its [`Naming`].

mod owed;

use base::{ActorId, BookId, SubjectId, UnitCode};
use serde_json::Value;
use store::{StoreError, Tx};

use crate::app::App;
use crate::format;
use crate::texts::{Lang, T};

/// What a value of a field is called in a book; `None` for what has no other name.
pub type Title =
    fn(&mut dyn Tx, &BookId, Lang, field: &str, value: &str) -> Result<Option<String>, StoreError>;

/// How a line calls the values of its fields, and where it shows its subjects.
#[derive(Clone, Copy)]
pub struct Naming {
    pub line: &'static str,
    pub title: Title,
    /// The page of a subject, for those that have one.
    pub page: fn(&SubjectId) -> Option<String>,
}

/// What a subject that a line shows on a page of its own is called, and that page.
pub fn shown(
    app: &App,
    tx: &mut dyn Tx,
    lang: Lang,
    id: &SubjectId,
) -> Result<Option<(String, String)>, StoreError> {
    let Some((naming, page)) = app.names.iter().find_map(|it| (it.page)(id).map(|page| (it, page))) else {
        return Ok(None);
    };
    let Some(book) = id.home().and_then(|home| BookId::new(home).ok()) else { return Ok(None) };
    let title = (naming.title)(tx, &book, lang, id.scheme(), id.local_part())?;
    Ok(Some((title.unwrap_or_else(|| id.local_part().to_owned()), page)))
}

/// The line that a kind or figure belongs to.
pub fn line(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// A text, or what stands for it where there is none.
pub fn known(t: &T, key: String, otherwise: &str) -> String {
    if t.texts().has(t.lang(), &key) { t.get(&key) } else { otherwise.to_owned() }
}

/// What a value of a field is called in a book.
pub fn value_title(
    app: &App,
    tx: &mut dyn Tx,
    t: &T,
    book: &BookId,
    (line, field): (&str, &str),
    value: &str,
) -> Result<String, StoreError> {
    if let Some(title) = owed::title(app, tx, t.lang(), book, (field, value))? {
        return Ok(title);
    }
    if line == "kernel"
        && let Some(title) = own_title(app, t, field, value)
    {
        return Ok(title);
    }
    if let Some(naming) = app.names.iter().find(|naming| naming.line == line)
        && let Some(title) = (naming.title)(tx, book, t.lang(), field, value)?
    {
        return Ok(title);
    }
    Ok(known(t, format!("{line}-value-{field}-{value}"), value))
}

/// What the kernel's own values are called: units, lines, figures.
fn own_title(app: &App, t: &T, field: &str, value: &str) -> Option<String> {
    let lang = t.lang();
    match field {
        "line" => Some(crate::wall::line_title(app, lang, value)),
        "figure" => Some(crate::pages::figure::title(app, lang, value)),
        "unit" => UnitCode::new(value).ok().map(|unit| crate::pages::figure::unit_title(app, lang, &unit)),
        _ => None,
    }
}

/// The fields of a body of some kind with their names, without those that are empty; nothing of a body that was erased.
///
/// A text for the last word of the kind, such as `kernel-field-coloured-from`, goes before that of the line.
pub fn body(
    app: &App,
    tx: &mut dyn Tx,
    t: &T,
    book: &BookId,
    kind: &str,
    body: Option<&str>,
) -> Result<Vec<(String, String)>, StoreError> {
    let (line, verb) = (line(kind), kind.rsplit('.').next().unwrap_or_default());
    let read = body.and_then(|body| serde_json::from_str::<Value>(body).ok());
    let Some(Value::Object(members)) = read else { return Ok(Vec::new()) };
    let mut said = Vec::new();
    for (field, value) in members {
        if let Some(text) = self::field(app, tx, t, book, line, &field, &value)? {
            let title = known(t, format!("{line}-field-{field}"), &field);
            said.push((known(t, format!("{line}-field-{verb}-{field}"), &title), text));
        }
    }
    Ok(said)
}

/// What one field of a body says; nothing if it is empty.
pub fn field(
    app: &App,
    tx: &mut dyn Tx,
    t: &T,
    book: &BookId,
    line: &str,
    field: &str,
    value: &Value,
) -> Result<Option<String>, StoreError> {
    if let Some(text) = owed::text(t, field, value) {
        return Ok(Some(text));
    }
    let mut name = |text: &str| value_title(app, tx, t, book, (line, field), text);
    value_text(t, line, field, value, &mut name)
}

type Name<'n> = &'n mut dyn FnMut(&str) -> Result<String, StoreError>;

fn value_text(
    t: &T,
    line: &str,
    field: &str,
    value: &Value,
    name: Name<'_>,
) -> Result<Option<String>, StoreError> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(yes) => t.get(if *yes { "yes" } else { "no" }),
        Value::Number(number) => match number.as_i64() {
            Some(amount) => amount_text(t.lang(), field, amount),
            None => number.to_string(),
        },
        Value::String(text) => name(text)?,
        Value::Array(all) => {
            let mut texts = Vec::new();
            for one in all {
                texts.extend(value_text(t, line, field, one, name)?);
            }
            if texts.is_empty() {
                return Ok(None);
            }
            texts.join(if t.lang() == Lang::Zh { "；" } else { "; " })
        }
        Value::Object(members) => {
            // What it is comes before its number.
            let (mut words, mut rest) = (Vec::new(), Vec::new());
            for (inner, value) in members {
                let key = |text: &str| format!("{line}-value-{field}-{inner}-{text}");
                let mut plain = |text: &str| Ok(known(t, key(text), text));
                let said = value_text(t, line, inner, value, &mut plain)?;
                let named = value.as_str().is_some_and(|text| t.texts().has(t.lang(), &key(text)));
                if named { words.extend(said) } else { rest.extend(said) }
            }
            words.extend(rest);
            words.join(" ")
        }
    }))
}

/// An amount in the unit that its field's name ends with.
fn amount_text(lang: Lang, field: &str, amount: i64) -> String {
    let per = |money: String| match lang {
        Lang::Zh => format!("{money}/千克"),
        Lang::En => format!("{money}/kg"),
    };
    match field {
        "fen_per_kg" => per(format::money(amount)),
        "grams" => format::weight(lang, amount),
        "after_ms" => format::duration(lang, amount),
        "area_dm2" => format!("{} m²", format::decimal(amount, 2)),
        "area_m2" => format!("{} m²", format::integer(amount)),
        _ if field.ends_with("_fen") => format::money(amount),
        _ if field.ends_with("_g") => format::weight(lang, amount),
        _ if field.ends_with("_bp") => format!("{}%", format::decimal(amount, 2)),
        _ if field.ends_with("_e7") => format!("{}°", format::decimal(amount, 7)),
        _ => amount.to_string(),
    }
}

/// Who acted, in words.
pub fn actor(t: &T, actor: &ActorId) -> String {
    match actor.as_str().split_once(':') {
        Some(("system", _)) => t.get("actor-system"),
        Some(("public", _)) => t.get("actor-public"),
        Some((scheme @ ("account" | "token" | "device"), name)) => {
            format!("{} {name}", t.get(&format!("actor-{scheme}")))
        }
        _ => actor.to_string(),
    }
}

/// What a book is called.
pub fn book_title(app: &App, lang: Lang, book: &BookId) -> String {
    match (app.tree().book(book), lang) {
        (Some(found), Lang::Zh) => found.title_zh.clone(),
        (Some(found), Lang::En) => found.title_en.clone(),
        (None, _) => book.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_unit_that_its_field_names() {
        assert_eq!(amount_text(Lang::Zh, "quantity_g", 12_500), "12.500千克");
        assert_eq!(amount_text(Lang::Zh, "fen_per_kg", 960), "¥9.60/千克");
        assert_eq!(amount_text(Lang::En, "fee_fen", 60_000), "¥600.00");
        assert_eq!(amount_text(Lang::En, "area_dm2", 650), "6.50 m²");
        assert_eq!(amount_text(Lang::Zh, "percent_bp", 6_250), "62.50%");
        assert_eq!(amount_text(Lang::En, "lat_e7", 377_290_000), "37.7290000°");
        assert_eq!(amount_text(Lang::En, "counter", 4_000_000_001), "4000000001");
    }

    #[test]
    fn a_paper_is_its_sort_and_its_number() {
        let texts = crate::texts::Texts::new(crate::texts::Texts::SHELL).unwrap();
        let t = std::sync::Arc::new(texts).t(Lang::En);
        let paper = serde_json::json!({ "type": "conformity", "number": "HG-1" });
        let mut name = |text: &str| Ok(text.to_owned());
        let said = value_text(&t, "market", "document", &paper, &mut name).unwrap();
        assert_eq!(said.as_deref(), Some("HG-1 conformity"));
        assert_eq!(value_text(&t, "market", "note", &Value::Null, &mut name).unwrap(), None);
    }
}
