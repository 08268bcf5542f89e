//! The table of rights, and the log of restricted reads.

use access::Permission;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use base::limits::PAGE_ROWS_MAX;
use serde::Deserialize;

use super::{Desk, page};
use crate::api::oversight;
use crate::app::App;
use crate::extract::Query;
use crate::problem::Problem;
use crate::table::{Direction, TableSpec, with_parameter};
use crate::view::{Badge, Cell, Column, Empty, Mark, Pager, TableView};

pub fn router() -> Router<App> {
    Router::new().route("/admin/policy", get(policy)).route("/admin/reads", get(list_reads))
}

const POLICY: TableSpec =
    TableSpec { sortable: &["action", "name"], sort: ("name", Direction::Ascending), per_page: 200 };

async fn policy(desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, "kernel.policy.read")?;
    let policy = desk.app.kernel.policy();
    let mut columns = vec![
        Column::text("action", desk.get("admin-action")),
        Column::text("name", desk.get("admin-action-name")),
    ];
    columns.extend(
        policy.roles().iter().map(|role| Column::text(role.name, desk.title(role.title_zh, role.title_en))),
    );
    let empty = Empty { title: desk.get("empty"), hint: String::new(), action: None };
    let mut table = TableView::new("policy", desk.get("admin-policy"), columns, empty);
    for row in policy.table() {
        let action = row.action;
        let mut cells =
            vec![Cell::text(desk.title(action.title_zh, action.title_en)), Cell::text(action.name)];
        cells.extend(row.permissions.iter().map(|permission| match permission {
            _ if action.public => {
                Cell::badge(Badge { mark: Mark::Done, text: desk.get("admin-right-public") })
            }
            Permission::All => Cell::badge(Badge { mark: Mark::Done, text: desk.get("admin-right-all") }),
            Permission::Own => Cell::badge(Badge { mark: Mark::Plain, text: desk.get("admin-right-own") }),
            Permission::None => Cell::none(),
        }));
        table.rows.push(cells);
    }
    let mut shown = desk.page(desk.get("admin-policy"), "");
    shown.lead = Some(desk.get("admin-policy-hint"));
    super::listing::list(&desk.t, &POLICY, &desk.here, table)?.on(&desk.app, shown).await
}

/// What was read, in the page's language; an entry is a link to it.
fn what(desk: &Desk, what: &str) -> Cell {
    if let Some(entry) = what.strip_prefix("entry ") {
        return Cell::text(format!("{} {entry}", desk.get("entry"))).link(format!("/ledger/{entry}"));
    }
    let key = format!("read-{what}");
    Cell::text(if desk.t.texts().has(desk.lang, &key) { desk.get(&key) } else { what.to_owned() })
}

#[derive(Debug, Deserialize)]
struct Before {
    /// Where a page of the log goes on.
    before: Option<String>,
}

async fn list_reads(desk: Desk, Query(Before { before }): Query<Before>) -> Result<Response, Problem> {
    let from = before.as_deref().map(oversight::before).transpose()?.unwrap_or_default();
    let rows = oversight::reads(&desk.app, &desk.viewer, from, PAGE_ROWS_MAX).await?;
    let columns = vec![
        Column::text("at", desk.get("admin-read-at")),
        Column::text("actor", desk.get("admin-read-actor")),
        Column::text("unit", desk.get("admin-unit")),
        Column::text("what", desk.get("admin-read-what")),
    ];
    let empty =
        Empty { title: desk.get("admin-reads-none"), hint: desk.get("admin-reads-hint"), action: None };
    let count = desk.t.with("table-count", &[("count", rows.len())]);
    let mut table = TableView::new("reads", count, columns, empty);
    table.rows = rows
        .iter()
        .map(|row| {
            vec![
                Cell::date_time(desk.app.moment(row.place.at)),
                Cell::text(desk.actor_title(row.actor.as_str())),
                Cell::text(desk.unit_title(&row.place.unit)),
                what(&desk, &row.what),
            ]
        })
        .collect();
    let next = rows.last().filter(|_| rows.len() == PAGE_ROWS_MAX).map(|row| row.place.to_string());
    if next.is_some() || before.is_some() {
        table.pager = Some(Pager {
            text: desk.t.with("figure-entries-shown", &[("count", rows.len())]),
            previous: before.map(|_| with_parameter(&desk.here, "before", None)),
            next: next.map(|before| with_parameter(&desk.here, "before", Some(&before))),
        });
    }
    let mut shown = desk.page(desk.get("admin-reads"), "");
    shown.lead = Some(desk.get("admin-reads-hint"));
    shown.tables.push(table);
    page(&shown)
}
