//! What belongs to matters, in words: posts, sorts, deadlines, colours and why.

use base::{BookId, SubjectId};
use matters::{Assessment, DayUnit, Due, MatterId};
use serde_json::Value;
use store::{StoreError, Tx};

use crate::app::App;
use crate::texts::{Lang, T};

/// What a post, the matter that an entry of the book is of, or a sort of matters is called; `None` for anything else. Whoever
/// reads an entry may not read every book, nor every matter, that somebody named in it.
pub fn title(
    app: &App,
    tx: &mut dyn Tx,
    lang: Lang,
    book: &BookId,
    (field, value): (&str, &str),
) -> Result<Option<String>, StoreError> {
    let pick = |zh: &str, en: &str| match lang {
        Lang::Zh => zh.to_owned(),
        Lang::En => en.to_owned(),
    };
    if let Ok(subject) = SubjectId::new(value) {
        let tree = app.tree();
        if let Some(post) = tree.post(&subject) {
            return Ok(Some(pick(&post.title_zh, &post.title_en)));
        }
        if field == "matter"
            && let Ok(id) = MatterId::try_from(subject)
            && id.book() == *book
        {
            return Ok(kernel::matter(tx, &id)?.map(|matter| matter.title));
        }
    }
    let sorts = || app.kernel.lines().iter().flat_map(|line| line.sorts());
    Ok(sorts().find(|sort| sort.name == value).map(|sort| pick(sort.title_zh, sort.title_en)))
}

/// A deadline or an assessment; `None` for anything else.
pub fn text(t: &T, field: &str, value: &Value) -> Option<String> {
    match field {
        "due" => due(t, &serde_json::from_value(value.clone()).ok()?),
        "assessment" => {
            let assessment: Assessment = serde_json::from_value(value.clone()).ok()?;
            Some(match t.lang() {
                Lang::Zh => assessment.text_zh(),
                Lang::En => assessment.text_en(),
            })
        }
        _ => None,
    }
}

fn due(t: &T, due: &Due) -> Option<String> {
    Some(match (due, t.lang()) {
        (Due::On { day }, _) => day.to_string(),
        (Due::Within { term, from }, Lang::Zh) => {
            let unit = if term.unit == DayUnit::Workdays { "个工作日" } else { "日" };
            format!("自{from}起{}{unit}", term.days)
        }
        (Due::Within { term, from }, Lang::En) => {
            let unit = if term.unit == DayUnit::Workdays { "workdays" } else { "days" };
            format!("{} {unit} from {from}", term.days)
        }
    })
}
