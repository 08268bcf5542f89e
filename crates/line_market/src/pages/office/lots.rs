//! The lots of a market as a table.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use base::BookId;
use shell::extract::{Path, Query};
use shell::table::{Direction, TableQuery, TableSpec};
use shell::view::{Badge, Cell, Column, Empty, Link, Mark, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Problem, T};
use store::{Param, StoreError, Tx, placeholders};

use super::forms::links;
use super::place::{Names, Place, Reach};
use super::rows::{ListPage, answer, asked};
use crate::balance::ToldLot;
use crate::pages::balance::{left_cell, left_column};
use crate::policy::{READ, READ_TAKINGS};
use crate::state::{self, Flag, LOT, Lot, lot_of};

pub fn router() -> Router<App> {
    Router::new().route("/market/{book}/lots", get(lots))
}

const SPEC: TableSpec = TableSpec {
    sortable: &["received_at", "lot", "product", "stall", "supplier", "received_g", "left_g"],
    sort: ("received_at", Direction::Descending),
    per_page: 50,
};

/// What the table may be sorted by: what is left, which is the last, only where the viewer is told that of every lot.
fn spec(tells_left: bool) -> TableSpec {
    match SPEC.sortable {
        [others @ .., _left] if !tells_left => TableSpec { sortable: others, ..SPEC },
        _ => SPEC,
    }
}

/// Rows of a file.
const EXPORT_ROWS_MAX: usize = 100_000;

async fn lots(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let place = Place::of(&app, lang, &book)?;
    let reach = place.reach(&app, &viewer, READ)?;
    let takings = place.reach(&app, &viewer, READ_TAKINGS).ok();
    let tells_left = takings.as_ref().is_some_and(|told| *told == Reach::All || *told == reach);
    let asked = asked(&spec(tells_left), &here)?;
    let (of, wanted) = (place.book.clone(), asked.clone());
    let books = viewer.books(&app, READ, "market")?;
    let (set_by, at) = (app.clone(), place.clone());
    let (mut table, found, more) = app
        .blocking(move |kernel| {
            let (names, mut found, flags) = kernel.read(|tx| {
                let names = Names::read(tx, &of, lang)?;
                let found =
                    Search { names: &names, reach: &reach, asked: &wanted, narrowed: &query }.run(tx, &of)?;
                let tells = |lot: &Lot| takings.as_ref().is_some_and(|told| told.covers(Some(&lot.merchant)));
                let told = |lot: Lot| {
                    let takings = tells(&lot);
                    ToldLot::of(lot, takings)
                };
                let found: Vec<ToldLot> = found.into_iter().map(told).collect();
                let flags = state::flags(tx, &books, &of, &found)?;
                Ok::<_, StoreError>((names, found, flags))
            })?;
            let shown = wanted.per_page as usize;
            let more = wanted.export.is_none() && found.len() > shown;
            if more {
                found.truncate(shown);
            }
            let table = table(&set_by, &set_by.texts.t(lang), &at, &names, &found, &flags);
            Ok::<_, StoreError>((table, found.len(), more))
        })
        .await?;
    let t = app.texts.t(lang);
    if asked.export.is_some() {
        viewer.note_read_of(&app, &place.resource.unit, &format!("lots {} as a file", place.book)).await?;
    }
    table.columns = table.columns.into_iter().map(|column| column.sorted(&asked)).collect();
    table.filter = Some(asked.filter_form());
    table.exports = asked.export_links(&t);
    table.pager = Some(asked.pager(&t, found, None, more));
    let title = format!("{} · {}", place.title, t.get("office-lots"));
    let frame = place.frame(&app, &viewer, lang, title, &here);
    let mut actions = Vec::new();
    if place.reach(&app, &viewer, "market.lot.received").is_ok() {
        actions.push(Link { title: t.get("office-receive"), href: place.href("lots/new") });
    }
    actions.extend(links(&app, &viewer, &place, &t, "lots"));
    answer(&app, &asked, ListPage { frame, actions, table }).await
}

/// A table of lots.
fn table(
    app: &App,
    t: &T,
    place: &Place,
    names: &Names,
    lots: &[ToldLot],
    flags: &BTreeMap<String, Flag>,
) -> TableView {
    let columns = vec![
        Column::text("lot", t.get("office-field-lot")),
        Column::text("product", t.get("office-field-product")),
        Column::text("stall", t.get("office-field-stall")),
        Column::text("merchant", t.get("office-field-merchant")),
        Column::text("supplier", t.get("office-field-supplier")),
        Column::text("origin", t.get("office-field-origin")),
        Column::number("received_g", t.get("office-received-kg")),
        left_column(t, "left_g", lots),
        Column::text("state", t.get("office-state")),
        Column::text("received_at", t.get("office-received-at")),
    ];
    let action = Link { title: t.get("office-receive"), href: place.href("lots/new") };
    let empty =
        Empty { title: t.get("office-no-lots"), hint: t.get("office-no-lots-hint"), action: Some(action) };
    let mut table = TableView::new("lots", t.get("office-lots"), columns, empty);
    table.rows = lots
        .iter()
        .map(|lot| {
            let page = place.href(&format!("lots/{}", lot.lot));
            vec![
                Cell::text(&lot.lot).link(&page),
                Cell::text(names.product(&lot.product)),
                Cell::text(&lot.stall),
                Cell::text(names.merchant(&lot.merchant)),
                Cell::text(&lot.supplier),
                Cell::text(&lot.origin),
                Cell::kilograms(lot.received_g.0).link(format!("/ledger/{}/{}", place.book, lot.seq)),
                left_cell(t, lot, &page),
                flags.get(&lot.lot).map_or_else(|| state_cell(t, lot), |flag| flag_cell(t, flag)),
                Cell::date_time(app.moment(lot.received_at)),
            ]
        })
        .collect();
    table
}

/// Leads to the lot of the same supplier that failed.
fn flag_cell(t: &T, flag: &Flag) -> Cell {
    Cell::badge(Badge { mark: Mark::Yellow, text: t.get("safety-flagged") })
        .link(format!("/market/{}/lots/{}", flag.book, flag.lot))
}

/// Held before tested before untested.
pub fn state_cell(t: &T, lot: &Lot) -> Cell {
    let (mark, key) = match (lot.hold, lot.verdict.as_deref()) {
        (Some(_), _) => (Mark::Red, "office-event-held"),
        (None, Some("pass")) => (Mark::Done, "office-verdict-pass"),
        (None, Some(_)) => (Mark::Yellow, "office-verdict-fail"),
        (None, None) => (Mark::Plain, "office-untested"),
    };
    Cell::badge(Badge { mark, text: t.get(key) })
}

/// What a page of lots is asked for.
struct Search<'a> {
    names: &'a Names,
    reach: &'a Reach,
    asked: &'a TableQuery,
    /// `stall`, `merchant`, `supplier`, `product` and `held` of the address.
    narrowed: &'a BTreeMap<String, String>,
}

impl Search<'_> {
    /// The rows of the page and one more, if there is one; of a file, all.
    fn run(&self, tx: &mut dyn Tx, book: &BookId) -> Result<Vec<Lot>, StoreError> {
        let products =
            self.asked.filter.as_deref().map_or_else(Vec::new, |text| self.names.products_like(text));
        let pattern = self.asked.filter.as_deref().map(pattern);
        let mut sql = format!("select {LOT} from market_lot where book = $1");
        let mut params = vec![Param::Text(book.as_str())];
        for column in ["stall", "merchant", "supplier", "product"] {
            if let Some(value) = self.narrowed.get(column).filter(|value| !value.is_empty()) {
                params.push(Param::Text(value));
                sql.push_str(&format!(" and {column} = ${}", params.len()));
            }
        }
        if self.narrowed.get("held").is_some_and(|held| held == "true") {
            sql.push_str(" and hold is not null");
        }
        if let Reach::Own(own) = self.reach {
            sql.push_str(&format!(" and merchant in ({})", placeholders(params.len() + 1, own.len())));
            params.extend(own.iter().map(|merchant| Param::Text(merchant)));
        }
        if let Some(pattern) = &pattern {
            params.push(Param::Text(pattern));
            let at = params.len();
            let like = ["lot", "stall", "merchant", "supplier", "origin"]
                .map(|it| format!("lower({it}) like ${at} escape '!'"));
            sql.push_str(&format!(" and ({}", like.join(" or ")));
            if !products.is_empty() {
                sql.push_str(&format!(" or product in ({})", placeholders(at + 1, products.len())));
                params.extend(products.iter().map(|product| Param::Text(product)));
            }
            sql.push(')');
        }
        sql.push_str(&order(self.asked));
        let (count, offset) = match self.asked.export {
            Some(_) => (EXPORT_ROWS_MAX, 0),
            None => (self.asked.per_page as usize + 1, self.asked.offset()),
        };
        sql.push_str(&format!(" limit {count} offset {offset}"));
        tx.query(&sql, &params)?.iter().map(lot_of).collect()
    }
}

/// The order asked for, made total by the lot's code.
fn order(asked: &TableQuery) -> String {
    let (column, direction) = asked.sort;
    let column = if column == "left_g" { "received_g - sold_g - moved_g - lost_g" } else { column };
    let direction = if direction == Direction::Descending { "desc" } else { "asc" };
    format!(" order by {column} {direction}, lot {direction}")
}

/// A text anywhere in a column, whatever its case; its own wildcards stand for themselves.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_of_a_filter_stand_for_themselves() {
        assert_eq!(pattern("50%_A!"), "%50!%!_a!!%");
    }

    #[test]
    fn lots_are_ordered_by_what_is_left_and_then_by_code() {
        let asked = TableQuery::parse(&SPEC, "/x?sort=-left_g").unwrap();
        assert_eq!(order(&asked), " order by received_g - sold_g - moved_g - lost_g desc, lot desc");
    }
}
