//! Where a figure comes from: its definition, who may read it, its sum added up anew, the books in it, and how anybody
//! checks all that.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use figures::Unit;
use kernel::{FigureError, Period, Recomputed};

use super::words::{amount_text, kind_title, title, unit_of, unit_title};
use super::{Wanted, crumbs_of, dimension_title, page, tiles};
use crate::api::figures::{Question, actions_of, roles_of, sums_of};
use crate::app::App;
use crate::extract::{Path, Query};
use crate::format;
use crate::problem::Problem;
use crate::said;
use crate::table::with_parameter;
use crate::texts::{Lang, T};
use crate::view::{Badge, Cell, Column, Empty, Frame, Link, Mark, TableView};
use crate::viewer::{Asked, Here, Viewer};

pub fn router() -> Router<App> {
    Router::new().route("/figures/{name}/provenance", get(provenance))
}

/// Books that are listed.
const BOOKS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "provenance.html")]
struct ProvenancePage {
    frame: Frame,
    back: Link,
    /// Names and values of the definition.
    definition: Vec<(String, String)>,
    /// The two sums of a ratio, each with its own page of this sort.
    formula: Option<[Link; 2]>,
    kinds: Vec<Link>,
    /// Actions that open it, each with the roles that may do it.
    rights: Vec<(String, String)>,
    checks: Vec<Check>,
    books: TableView,
    key: String,
}

/// A sum added up anew.
struct Check {
    title: String,
    badge: Badge,
    facts: Vec<(String, String)>,
    entries: String,
    /// The days that were too many to be read now.
    rest: Option<Link>,
}

async fn provenance(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let question = wanted.question(&app, &viewer, &name)?;
    let t = app.texts.t(lang);
    let sums = sums_of(&app.kernel, &name);
    let (asked, of) = (question.clone(), sums.clone());
    let (found, sizes) = app
        .blocking(move |kernel| {
            let books = &asked.books;
            let anew = |name: &&'static str| kernel.recomputed(name, books, asked.period, &asked.dimension);
            let found = of.iter().map(anew).collect::<Result<Vec<_>, FigureError>>()?;
            Ok::<_, FigureError>((found, kernel.book_sizes(&books[..books.len().min(BOOKS_MAX)])?))
        })
        .await?;
    let of_figure = title(&app, lang, &name);
    let query = here.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
    let mut frame = viewer.frame(&app, lang, t.with("provenance-title", &[("figure", &of_figure)]), &here);
    frame.crumbs = crumbs_of(&app, &viewer, &t, &name, &here, &question);
    let to = |name: &str, end: &str| format!("/figures/{name}{end}{query}");
    let formula = match sums.as_slice() {
        [numerator, denominator] => Some(
            [*numerator, *denominator]
                .map(|name| Link { title: title(&app, lang, name), href: to(name, "/provenance") }),
        ),
        _ => None,
    };
    let mut kinds: Vec<&str> = sums
        .iter()
        .filter_map(|name| app.kernel.lines().figure(name))
        .flat_map(|figure| figure.kinds)
        .copied()
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let kind = |kind: &str| Link {
        title: format!("{}（{kind}）", kind_title(&app, lang, kind)),
        href: format!("/api/kinds/{kind}"),
    };
    let check =
        |(name, found): (&&'static str, Option<Recomputed>)| check(&app, &t, name, &here, &question, found);
    page(&ProvenancePage {
        frame,
        back: Link { title: of_figure, href: to(&name, "") },
        definition: definition(&app, &t, &name, &question),
        formula,
        kinds: kinds.into_iter().map(kind).collect(),
        rights: rights(&app, &t, &name, question.line),
        checks: sums.iter().zip(found).map(check).collect(),
        books: books(&app, &t, sizes, question.books.len()),
        key: app.kernel.verifier().to_string(),
    })
}

fn definition(app: &App, t: &T, name: &str, question: &Question) -> Vec<(String, String)> {
    let lang = t.lang();
    let mut facts = vec![
        (t.get("provenance-name"), name.to_owned()),
        (t.get("provenance-unit"), t.get(measure(app, name))),
    ];
    if let Some(figure) = app.kernel.lines().figure(name) {
        facts.push((
            t.get("provenance-sort"),
            t.get(if figure.state { "provenance-state" } else { "provenance-flow" }),
        ));
        if !figure.dimensions.is_empty() {
            let of = |dimension: &&str| dimension_title(t, question.line, dimension);
            let all: Vec<String> = figure.dimensions.iter().map(of).collect();
            facts
                .push((t.get("provenance-dimensions"), all.join(if lang == Lang::Zh { "；" } else { "; " })));
        }
    }
    facts.push((t.get("provenance-org-unit"), unit_title(app, lang, &question.unit)));
    let (from, to) = (question.period.from.to_string(), question.period.to.to_string());
    facts.push((t.get("provenance-days"), t.with("figure-days", &[("from", &from), ("to", &to)])));
    facts
}

/// The key of the words for what a figure is measured in.
fn measure(app: &App, name: &str) -> &'static str {
    if app.kernel.lines().ratio(name).is_some() {
        return "measure-ratio";
    }
    match unit_of(app, name) {
        Unit::Count => "measure-count",
        Unit::Fen => "measure-fen",
        Unit::Grams => "measure-grams",
        Unit::SquareMetres => "measure-square-metres",
        Unit::Metres => "measure-metres",
        Unit::Milliseconds => "measure-milliseconds",
    }
}

/// The actions that open a figure, each with the roles that may do it.
fn rights(app: &App, t: &T, name: &str, line: &str) -> Vec<(String, String)> {
    let lang = t.lang();
    let action_title = |action: &str| {
        let known = app.kernel.policy().action(action);
        known.map_or_else(|| action.to_owned(), |it| super::in_lang(lang, it.title_zh, it.title_en))
    };
    let roles = |action: &str| {
        let titles: Vec<String> = roles_of(app, action)
            .iter()
            .map(|role| super::in_lang(lang, role.title_zh, role.title_en))
            .collect();
        titles.join(if lang == Lang::Zh { "、" } else { ", " })
    };
    let (any, needs) = actions_of(app, line, name);
    let mut rights: Vec<(String, String)> = any
        .iter()
        .map(|action| (t.with("provenance-any", &[("action", action_title(action))]), roles(action)))
        .collect();
    if let Some(action) = needs {
        rights.push((t.with("provenance-needs", &[("action", action_title(action))]), roles(action)));
    }
    rights
}

fn check(
    app: &App,
    t: &T,
    name: &'static str,
    here: &str,
    question: &Question,
    found: Option<Recomputed>,
) -> Check {
    let lang = t.lang();
    let amount = |amount: i64| amount_text(lang, unit_of(app, name), amount);
    let query = with_parameter(here, "cursor", None);
    let query = query.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
    let entries = format!("/figures/{name}{query}#entries");
    let title = title(app, lang, name);
    let Some(found) = found else {
        let badge = Badge { mark: Mark::Plain, text: t.get("provenance-too-many") };
        return Check { title, badge, facts: Vec::new(), entries, rest: None };
    };
    let badge = match found.sum == found.kept {
        true => Badge { mark: Mark::Done, text: t.get("provenance-agrees") },
        false => Badge { mark: Mark::Red, text: t.get("provenance-differs") },
    };
    let (from, to) = (found.period.from.to_string(), found.period.to.to_string());
    let mut facts = vec![
        (t.get("provenance-read-days"), t.with("figure-days", &[("from", &from), ("to", &to)])),
        (t.get("provenance-read-entries"), format::integer(i64::try_from(found.entries).unwrap_or(i64::MAX))),
    ];
    if app.kernel.lines().is_state(name) {
        facts.push((t.get("provenance-opening"), amount(found.opening)));
    }
    facts.push((t.get("provenance-sum"), amount(found.sum)));
    facts.push((t.get("provenance-kept"), amount(found.kept)));
    let rest = (found.period.to < question.period.to).then(|| {
        let rest = Period::new(found.period.to.plus(1), question.period.to);
        Link {
            title: t.with("provenance-rest", &[("from", rest.from.to_string())]),
            href: tiles::at(here, rest),
        }
    });
    Check { title, badge, facts, entries, rest }
}

fn books(app: &App, t: &T, sizes: Vec<kernel::BookSize>, all: usize) -> TableView {
    let lang = t.lang();
    let columns = vec![
        Column::text("book", t.get("entry-book")),
        Column::text("unit", t.get("provenance-keeper")),
        Column::number("entries", t.get("provenance-entries")),
        Column::number("signed", t.get("provenance-signed")),
        Column::text("checkpoint", t.get("provenance-checkpoint")),
    ];
    let empty =
        Empty { title: t.get("provenance-no-books"), hint: t.get("provenance-no-books-hint"), action: None };
    let caption = t.with("provenance-books", &[("count", all)]);
    let mut table = TableView::new("books", caption, columns, empty);
    let count = |count: u64| Cell::integer(i64::try_from(count).unwrap_or(i64::MAX));
    table.rows = sizes
        .into_iter()
        .map(|it| {
            let unit = app.tree().unit_of_book(&it.book).map(|unit| unit_title(app, lang, unit));
            vec![
                Cell::text(said::book_title(app, lang, &it.book)).link(format!("/ledger/{}", it.book)),
                unit.map_or_else(Cell::none, Cell::text),
                count(it.entries),
                it.signed.map_or_else(|| Cell::text(format::NONE), count),
                Cell::text(format!("/log/{}/checkpoint", it.book))
                    .link(format!("/log/{}/checkpoint", it.book)),
            ]
        })
        .collect();
    table
}
