//! The targets of a figure for a unit: what stands, and a form that sets one, sets it anew or lifts it.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::{Day, UnitCode, limits};
use figures::Unit;
use kernel::{By, Kernel, ROOT_BOOK, Target, TargetSet};
use serde::Deserialize;

use super::choices::given;
use super::{AdminPage, Desk, Form, Posted, page, refused};
use crate::api::figures::{line_of, may_read};
use crate::api::refusal::malformed;
use crate::extract::{Path, Query};
use crate::format;
use crate::pages::figure::{target_text, title, unit_of};
use crate::problem::Problem;
use crate::texts::Both;
use crate::view::{Cell, Column, Crumb, Empty, Field, FieldKind, TableView};
use crate::viewer::resource_of_unit;

pub fn router() -> Router<crate::App> {
    Router::new().route("/figures/{name}/target", get(form).post(set))
}

const ACTION: &str = "kernel.target.set";

/// What was typed, or which unit is asked for.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
struct Typed {
    unit: String,
    from: String,
    to: String,
    amount: String,
    basis: String,
}

/// How an amount is typed: decimal places, and the key of the unit beside the field.
fn typing(desk: &Desk, name: &str) -> (u32, &'static str) {
    let lines = desk.app.kernel.lines();
    let sum = match lines.ratio(name) {
        // A share is typed in percent.
        Some(it) if unit_of(&desk.app, it.numerator) == unit_of(&desk.app, it.denominator) => {
            return (2, "target-percent");
        }
        Some(it) => it.numerator,
        None => name,
    };
    match unit_of(&desk.app, sum) {
        Unit::Count => (0, "target-count"),
        Unit::Fen => (2, "target-yuan"),
        Unit::Grams => (3, "target-kilograms"),
        Unit::SquareMetres => (0, "target-square-metres"),
        Unit::Metres => (0, "target-metres"),
        Unit::Milliseconds => (3, "target-seconds"),
    }
}

async fn shown(desk: &Desk, name: &str, typed: &Typed) -> Result<AdminPage, Problem> {
    let line = line_of(&desk.app.kernel, name)?;
    let unit = resource_of_unit(&desk.app, &typed.unit)?.unit;
    desk.viewer.need(&desk.app, ACTION, &access::Resource::of(&unit).in_line(line))?;
    let (of, code) = (name.to_owned(), unit.clone());
    let standing = desk.app.blocking(move |kernel| kernel.targets(&of, &code)).await?;
    let of_figure = title(&desk.app, desk.lang, name);
    let mut page = desk.page(desk.t.with("target-title", &[("figure", &of_figure)]), "");
    // Who sets targets need not be allowed to read the figure.
    let href = may_read(&desk.app, &desk.viewer, name, &unit, "")
        .ok()
        .map(|()| format!("/figures/{name}?unit={unit}"));
    page.frame.crumbs =
        vec![Crumb { title: desk.unit_title(&unit), href: None }, Crumb { title: of_figure, href }];
    let (_, beside) = typing(desk, name);
    let text =
        |name, key: &str, kind, value: &str| Field::new(name, desk.get(key), kind).value(value).required();
    let mut amount = Field::new("amount", desk.get("target-amount"), FieldKind::Number)
        .value(&typed.amount)
        .hint(desk.get("target-amount-hint"));
    amount.unit = Some(desk.get(beside)).filter(|unit| !unit.is_empty());
    let fields = vec![
        text("from", "target-from", FieldKind::Date, &typed.from),
        text("to", "target-to", FieldKind::Date, &typed.to).hint(desk.get("target-to-hint")),
        amount,
        text("basis", "target-basis", FieldKind::Text { chars_max: limits::TEXT_CHARS_MAX }, &typed.basis)
            .hint(desk.get("target-basis-hint")),
    ];
    page.forms.push(Form {
        action: format!("/figures/{name}/target?unit={unit}"),
        button: desk.get("target-set"),
        warning: None,
        error: None,
        fields,
    });
    page.tables.push(table(desk, name, standing));
    Ok(page)
}

fn table(desk: &Desk, name: &str, standing: Vec<Target>) -> TableView {
    let columns = vec![
        Column::text("from", desk.get("target-from")),
        Column::text("to", desk.get("target-to")),
        Column::number("amount", desk.get("target-amount")),
        Column::text("entry", desk.get("entry")),
    ];
    let empty = Empty { title: desk.get("target-none"), hint: desk.get("target-none-hint"), action: None };
    let mut table = TableView::new("targets", desk.get("target-standing"), columns, empty);
    let cells = |target: Target| {
        let href = format!("/ledger/{ROOT_BOOK}/{}", target.seq);
        vec![
            Cell::text(target.period.from.to_string()),
            Cell::text(target.period.to.to_string()),
            Cell::text(target_text(&desk.app, desk.lang, name, target.amount)),
            Cell::text(target.seq.to_string()).link(href),
        ]
    };
    table.rows = standing.into_iter().map(cells).collect();
    table
}

async fn form(Path(name): Path<String>, Query(typed): Query<Typed>, desk: Desk) -> Result<Response, Problem> {
    page(&shown(&desk, &name, &typed).await?)
}

async fn set(
    Path(name): Path<String>,
    Query(asked): Query<Typed>,
    desk: Desk,
    Posted { typed, sent }: Posted<Typed>,
) -> Result<Response, Problem> {
    let typed = Typed { unit: asked.unit, ..typed };
    let (places, _) = typing(&desk, &name);
    let read = || {
        let day = |field, text: &str| Day::parse(text).map_err(|error| malformed(field, &error));
        let amount = |text: &str| {
            format::read_decimal(text, places).ok_or_else(|| {
                let detail =
                    Both::new("请填写数字，小数位数不要超出计量单位。", "is not a number of so many places");
                Problem::bad_request("amount", "format", detail)
            })
        };
        Ok(TargetSet {
            figure: name.clone(),
            unit: UnitCode::new(&typed.unit).map_err(|error| malformed("unit", &error))?,
            from: day("from", &typed.from)?,
            to: day("to", &typed.to)?,
            amount: given(&typed.amount).map(amount).transpose()?,
            basis: typed.basis.clone(),
        })
    };
    let set = match read() {
        Ok(set) => set,
        Err(problem) => return refused(&desk, problem, shown(&desk, &name, &typed).await?),
    };
    let work = move |kernel: &Kernel, by: &By| kernel.set_target(by, set);
    match desk.act(ACTION, sent, work).await {
        Ok(_) => Ok(Redirect::to(&format!("/figures/{name}/target?unit={}", typed.unit)).into_response()),
        Err(problem) => refused(&desk, problem, shown(&desk, &name, &typed).await?),
    }
}
