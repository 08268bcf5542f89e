//! Colour rules: what is in force, shown readably, and the adoption of a version.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use kernel::{By, Kernel};
use matters::{Colour, ColourRule, DayUnit, Dimension, MatterError, Preset, Rulebook};
use serde::Deserialize;

use super::{AdminPage, Desk, Form, Posted, page, refused};
use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::table::{Direction, TableSpec};
use crate::texts::{Both, Lang};
use crate::view::{Badge, Cell, Column, Empty, Field, FieldKind, Mark, TableView};

const READ: &str = "kernel.policy.read";
const ADOPT: &str = "kernel.rule.adopt";
/// Characters of a rule's text; the longest preset has a tenth of them.
const RULE_CHARS_MAX: usize = 40_000;

pub fn router() -> Router<App> {
    Router::new()
        .route("/admin/rules", get(list))
        .route("/admin/rules/new", get(new).post(adopt))
        .route("/admin/rules/{name}", get(one))
}

const SPEC: TableSpec = TableSpec {
    sortable: &["title", "name", "version", "since"],
    sort: ("title", Direction::Ascending),
    per_page: 50,
};

async fn rulebook(desk: &Desk) -> Result<std::sync::Arc<Rulebook>, Problem> {
    desk.viewer.need_somewhere(&desk.app, READ)?;
    desk.app.blocking(|kernel| kernel.rulebook()).await
}

fn since(desk: &Desk, rulebook: &Rulebook, rule: &ColourRule) -> Cell {
    let version = rulebook.versions(&rule.name).find(|(_, it)| it.version == rule.version);
    match version.and_then(|(since, _)| since) {
        Some(at) => Cell::date_time(desk.app.moment(at)).order(at.0),
        None => Cell::text(desk.get("rule-preset")).order(i64::MIN),
    }
}

async fn list(desk: Desk) -> Result<Response, Problem> {
    let rulebook = rulebook(&desk).await?;
    let columns = vec![
        Column::text("title", desk.get("admin-name")),
        Column::text("name", desk.get("rule-name")),
        Column::number("version", desk.get("kernel-field-rule_version")),
        Column::text("since", desk.get("rule-since")),
        Column::text("source", desk.get("rule-source")),
    ];
    let empty = Empty { title: desk.get("empty"), hint: String::new(), action: None };
    let mut table = TableView::new("rules", desk.get("admin-rules"), columns, empty);
    let row = |rule: &ColourRule| {
        vec![
            Cell::text(desk.title(&rule.title_zh, &rule.title_en))
                .link(format!("/admin/rules/{}", rule.name)),
            Cell::text(&rule.name),
            Cell::integer(rule.version.into()),
            since(&desk, &rulebook, rule),
            Cell::text(&rule.source),
        ]
    };
    table.rows = rulebook.rules().map(row).collect();
    let mut shown = desk.page(desk.get("admin-rules"), "");
    shown.lead = Some(desk.get("admin-rules-hint"));
    shown.actions.extend(desk.action(ADOPT, "rule-adopt", "/admin/rules/new"));
    super::listing::list(&desk.t, &SPEC, &desk.here, table)?.on(&desk.app, shown).await
}

async fn one(Path(name): Path<String>, desk: Desk) -> Result<Response, Problem> {
    let rulebook = rulebook(&desk).await?;
    let rule = rulebook.newest(&name).ok_or_else(Problem::not_found)?;
    let mut shown = desk.page(desk.title(&rule.title_zh, &rule.title_en), "admin-rules");
    shown.facts = vec![
        (desk.get("rule-name"), rule.name.clone()),
        (desk.get("kernel-field-rule_version"), rule.version.to_string()),
        (desk.get("rule-source"), rule.source.clone()),
        (desk.get("rule-without"), word(&desk, rule.without_inputs)),
    ];
    let best = if desk.lang == Lang::Zh { &rule.best_zh } else { &rule.best_en };
    shown.facts.extend(best.iter().map(|best| (desk.get("rule-best"), best.clone())));
    shown.tables = vec![dimensions(&desk, rule), ladder(&desk, rule), versions(&desk, &rulebook, rule)];
    shown.actions.extend(desk.action(ADOPT, "rule-next", format!("/admin/rules/new?from={}", rule.name)));
    page(&shown)
}

fn word(desk: &Desk, colour: Colour) -> String {
    desk.get(&format!("matter-colour-{}", colour.as_str()))
}

fn badge(desk: &Desk, colour: Colour) -> Badge {
    let mark = match colour {
        Colour::Blue => Mark::Blue,
        Colour::Yellow => Mark::Yellow,
        Colour::Red => Mark::Red,
    };
    Badge { mark, text: word(desk, colour) }
}

/// What each input means: one line an input, one column a colour.
fn dimensions(desk: &Desk, rule: &ColourRule) -> TableView {
    let columns = vec![
        Column::text("input", desk.get("matter-input")),
        Column::text("red", word(desk, Colour::Red)),
        Column::text("yellow", word(desk, Colour::Yellow)),
        Column::text("blue", word(desk, Colour::Blue)),
        Column::text("unknown", desk.get("rule-unknown")),
    ];
    let empty = Empty { title: desk.get("empty"), hint: String::new(), action: None };
    let mut table = TableView::new("dimensions", desk.get("rule-dimensions"), columns, empty);
    let row = |dimension: &Dimension| {
        let input = dimension.input;
        let when = |colour: Colour| {
            let bands = dimension.bands.iter().filter(|band| band.colour == colour);
            let texts: Vec<String> = bands
                .map(|band| match desk.lang {
                    Lang::Zh => band.when.text_zh(input),
                    Lang::En => band.when.text_en(input),
                })
                .collect();
            texts.join(desk.get("rule-or").as_str())
        };
        let otherwise = match when(Colour::Blue) {
            text if text.is_empty() => desk.get("rule-otherwise"),
            text => text,
        };
        vec![
            Cell::text(desk.title(input.title_zh(), input.title_en())),
            Cell::text(when(Colour::Red)),
            Cell::text(when(Colour::Yellow)),
            Cell::text(otherwise),
            dimension
                .unknown
                .map_or_else(|| Cell::text(desk.get("rule-no-word")), |it| Cell::badge(badge(desk, it))),
        ]
    };
    table.rows = rule.dimensions.iter().map(row).collect();
    table
}

fn ladder(desk: &Desk, rule: &ColourRule) -> TableView {
    let columns = vec![
        Column::number("level", desk.get("rule-level")),
        Column::text("title", desk.get("rule-step")),
        Column::text("colour", desk.get("matter-colour")),
        Column::text("after", desk.get("rule-after")),
    ];
    let empty = Empty { title: desk.get("rule-no-ladder"), hint: String::new(), action: None };
    let on = match rule.ladder.on {
        DayUnit::Workdays => "rule-ladder-workdays",
        DayUnit::CalendarDays => "rule-ladder-days",
    };
    let caption = desk.t.with(on, &[("at", rule.ladder.at.to_string())]);
    let mut table = TableView::new("ladder", caption, columns, empty);
    let row = |step: &matters::Step| {
        let unit = match step.unit {
            DayUnit::Workdays => "matter-step-workdays",
            DayUnit::CalendarDays => "matter-step-calendar",
        };
        let args = [("colour", word(desk, step.colour)), ("days", step.after.to_string())];
        vec![
            Cell::integer(step.level.into()),
            Cell::text(desk.title(&step.title_zh, &step.title_en)),
            Cell::badge(badge(desk, step.colour)),
            Cell::text(desk.t.with(if step.after == 0 { "matter-step-at-once" } else { unit }, &args)),
        ]
    };
    table.rows = rule.ladder.steps.iter().map(row).collect();
    table
}

fn versions(desk: &Desk, rulebook: &Rulebook, rule: &ColourRule) -> TableView {
    let columns = vec![
        Column::number("version", desk.get("kernel-field-rule_version")),
        Column::text("since", desk.get("rule-since")),
        Column::text("source", desk.get("rule-source")),
    ];
    let empty = Empty { title: desk.get("empty"), hint: String::new(), action: None };
    let mut table = TableView::new("versions", desk.get("rule-versions"), columns, empty);
    let mut versions: Vec<_> = rulebook.versions(&rule.name).map(|(_, it)| it).collect();
    versions.reverse();
    let row = |rule: &&ColourRule| {
        vec![Cell::integer(rule.version.into()), since(desk, rulebook, rule), Cell::text(&rule.source)]
    };
    table.rows = versions.iter().map(row).collect();
    table
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    rule: String,
}

/// The rule that a version begins from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct From {
    from: String,
}

fn form(desk: &Desk, typed: &Typed) -> AdminPage {
    let area = FieldKind::Area { chars_max: RULE_CHARS_MAX };
    let field = Field::new("rule", desk.get("rule-text"), area)
        .value(&typed.rule)
        .required()
        .hint(desk.get("rule-text-hint"));
    let form = Form {
        action: "/admin/rules/new".into(),
        button: desk.get("rule-adopt"),
        warning: Some(desk.get("rule-adopt-warning")),
        error: None,
        fields: vec![field],
    };
    desk.form(desk.get("rule-adopt"), "admin-rules", form)
}

async fn new(desk: Desk, Query(From { from }): Query<From>) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, ADOPT)?;
    let rulebook = rulebook(&desk).await?;
    let mut rule = rulebook.newest(&from).cloned().unwrap_or_else(|| Preset::Default.rule());
    rule.version += 1;
    let rule = serde_json::to_string_pretty(&rule).map_err(|_| Problem::internal())?;
    page(&form(&desk, &Typed { rule }))
}

async fn adopt(desk: Desk, Posted { typed, sent }: Posted<Typed>) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, ADOPT)?;
    let again = form(&desk, &typed);
    let rule = match ColourRule::parse(&typed.rule) {
        Ok(rule) => rule,
        Err(error) => return refused(&desk, misread(&error), again),
    };
    let name = rule.name.clone();
    match desk.act(ADOPT, sent, move |kernel: &Kernel, by: &By| kernel.adopt_rule(by, rule)).await {
        Ok(_) => Ok(Redirect::to(&format!("/admin/rules/{}", crate::href::segment(&name))).into_response()),
        Err(problem) => {
            // Wherever in the rule it is, the form has one field for it.
            let field =
                problem.field.clone().filter(|field| field.starts_with("rule")).map(|_| "rule".into());
            refused(&desk, Problem { field: field.or(problem.field.clone()), ..problem }, again)
        }
    }
}

/// What is wrong with a text that should be a rule: where, and what.
fn misread(error: &MatterError) -> Problem {
    let (place, reason) = match error {
        MatterError::Rule { field, detail } => (field.as_str(), detail.clone()),
        other => ("", other.to_string()),
    };
    let detail = match place {
        "" | "." => Both::new(format!("规则文本有误：{reason}。"), reason),
        place => Both::new(format!("{place} 有误：{reason}。"), format!("{place}: {reason}")),
    };
    Problem::bad_request("rule", "schema", detail)
}
