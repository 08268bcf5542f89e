//! What the market reads from forms besides texts.

use axum::http::StatusCode;
use base::Grams;
use shell::typed::Typed;
use shell::{Lang, Problem, T};

/// A weight in kilograms, to the gram.
pub fn kilograms(typed: &mut Typed, t: &T, name: &str) -> Option<Grams> {
    let value = typed.optional(name)?;
    let grams = scaled(&value, 3).map(Grams);
    if grams.is_none() {
        typed.error(name, t.get("form-not-a-number"));
    }
    grams
}

/// A sum in yuan, to the fen; nothing is zero.
pub fn yuan(typed: &mut Typed, t: &T, name: &str) -> i64 {
    let Some(value) = typed.optional(name) else { return 0 };
    scaled(&value, 2).unwrap_or_else(|| {
        typed.error(name, t.get("form-not-a-number"));
        0
    })
}

/// Takes a refusal of the market into the form; any other problem is handed on.
pub fn refused(typed: &mut Typed, lang: Lang, problem: Problem, shown: &[&str]) -> Result<(), Problem> {
    if !matches!(problem.status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT) {
        return Err(problem);
    }
    let text = plain(problem.detail.get(lang)).to_owned();
    let field = problem.field.as_deref().and_then(|field| field.strip_prefix("body."));
    match field.filter(|field| shown.contains(field)) {
        Some(field) => typed.error(field, text),
        None => typed.whole = Some(text),
    }
    Ok(())
}

/// A refusal without the path of the field, which the form shows by its place.
fn plain(text: &str) -> &str {
    let text = text.split_once("（字段 ").map_or(text, |(before, _)| before);
    match text.split_once(": ") {
        Some((path, rest)) if path.starts_with("body.") => rest,
        _ => text,
    }
}

/// A decimal of at most so many places, in units of the last of them.
fn scaled(text: &str, places: usize) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || part.len() > places || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_read_to_the_gram_and_nothing_else_is() {
        assert_eq!(scaled("1.25", 3), Some(1250));
        assert_eq!(scaled("0.005", 3), Some(5));
        assert_eq!(scaled("12", 2), Some(1200));
        for text in ["", ".5", "-1", "1.2345", "1,2", "1e3", "一斤", "9999999999"] {
            assert_eq!(scaled(text, 3), None, "{text:?}");
        }
    }

    #[test]
    fn a_refusal_is_shown_without_the_path_of_its_field() {
        assert_eq!(plain("批次已停售（字段 body.lot）。"), "批次已停售");
        assert_eq!(plain("body.lot: lot L1 is held"), "lot L1 is held");
        assert_eq!(plain("something else: really"), "something else: really");
    }
}
