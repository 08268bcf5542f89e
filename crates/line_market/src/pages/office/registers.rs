//! The registers of a market: stalls, merchants, fees, scales, products and prices.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use base::BookId;
use shell::extract::Path;
use shell::table::{Direction, TableSpec};
use shell::view::{Badge, Cell, Column, Empty, Link, Mark, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Problem, T};
use store::{StoreError, Tx};

use super::forms::FORMS;
use super::place::{Names, Place};
use super::rows::{ListPage, answer, asked, day_cell, fill, until_cell};
use crate::policy::READ;
use crate::state::{self, FeeRow, Merchant, Price, Product, Scale, Stall};

/// Fees read at once: the stalls of a large market over ten years.
const FEES_MAX: usize = 50_000;

pub fn router() -> Router<App> {
    let mut router = Router::new();
    for register in REGISTERS {
        let handler = move |app: State<App>, viewer: Viewer, lang: Asked, here: Here, book: Path<String>| {
            show(register, app, viewer, lang, here, book)
        };
        router = router.route(&format!("/market/{{book}}/{}", register.name), get(handler));
    }
    router
}

/// One register: its columns, of which those of numbers are set to the right, and its forms.
struct Register {
    name: &'static str,
    columns: &'static [(&'static str, &'static str, bool)],
    spec: TableSpec,
    forms: &'static [&'static str],
    read: fn(&mut dyn Tx, &BookId) -> Result<Rows, StoreError>,
}

/// What a register holds.
enum Rows {
    Stalls(Vec<Stall>),
    Merchants(Vec<Merchant>),
    Fees(Vec<FeeRow>),
    Scales(Vec<Scale>),
    Products(Vec<Product>),
    Prices(Vec<Price>),
}

const fn by(sortable: &'static [&'static str], column: &'static str) -> TableSpec {
    TableSpec { sortable, sort: (column, Direction::Ascending), per_page: 50 }
}

const REGISTERS: &[Register] = &[
    Register {
        name: "stalls",
        columns: &[
            ("stall", "office-field-stall", false),
            ("zone", "office-field-zone", false),
            ("food", "office-field-food", false),
            ("area", "office-area-m2", true),
            ("merchant", "office-field-merchant", false),
            ("from", "office-field-from", false),
            ("until", "office-field-until", false),
            ("fee", "office-field-fee_fen", true),
            ("end", "office-action", false),
        ],
        spec: by(&["stall", "zone", "food", "area", "merchant", "until", "fee"], "stall"),
        forms: &["stall", "lease"],
        read: |tx, book| state::stalls(tx, book).map(Rows::Stalls),
    },
    Register {
        name: "merchants",
        columns: &[
            ("merchant", "office-field-merchant", false),
            ("title", "office-field-title", false),
            ("licence", "office-field-licence", false),
            ("licence_until", "office-word-certificate-licence", false),
            ("food_until", "office-word-certificate-food_permit", false),
            ("health_until", "office-word-certificate-health", false),
        ],
        spec: by(&["merchant", "title", "licence_until", "food_until", "health_until"], "merchant"),
        forms: &["merchant", "certificate"],
        read: |tx, book| state::merchants(tx, book).map(Rows::Merchants),
    },
    Register {
        name: "fees",
        columns: &[
            ("month", "office-field-month", false),
            ("stall", "office-field-stall", false),
            ("charged", "office-charged", true),
            ("paid", "office-paid", true),
            ("open", "office-open", true),
            ("state", "office-state", false),
        ],
        spec: TableSpec {
            sortable: &["month", "stall", "charged", "paid", "open"],
            sort: ("month", Direction::Descending),
            per_page: 50,
        },
        forms: &["charge", "payment"],
        read: |tx, book| state::fees(tx, book, None, FEES_MAX).map(Rows::Fees),
    },
    Register {
        name: "scales",
        columns: &[
            ("scale", "office-field-scale", true),
            ("stall", "office-field-stall", false),
            ("serial", "office-field-serial", false),
            ("seal", "office-field-seal", false),
            ("until", "office-field-verified_until", false),
            ("verify", "office-action", false),
        ],
        spec: by(&["scale", "stall", "until"], "scale"),
        forms: &["scale", "move"],
        read: |tx, book| state::scales(tx, book).map(Rows::Scales),
    },
    Register {
        name: "products",
        columns: &[
            ("product", "office-product-code", false),
            ("title_zh", "office-field-title_zh", false),
            ("title_en", "office-field-title_en", false),
            ("category", "office-category", false),
        ],
        spec: by(&["product", "title_zh", "title_en", "category"], "product"),
        forms: &["product"],
        read: |tx, book| state::products(tx, book).map(Rows::Products),
    },
    Register {
        name: "prices",
        columns: &[
            ("product", "office-field-product", false),
            ("stall", "office-field-stall", false),
            ("price", "office-price-kg", true),
            ("change", "office-action", false),
        ],
        spec: by(&["product", "stall", "price"], "product"),
        forms: &["price"],
        read: |tx, book| state::prices(tx, book, None).map(Rows::Prices),
    },
];

/// The registers that name persons: their reading is noted.
const OF_PERSONS: [&str; 2] = ["merchants", "stalls"];

async fn show(
    register: &'static Register,
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let place = Place::of(&app, lang, &book)?;
    viewer.need(&app, READ, &place.resource)?;
    let asked = asked(&register.spec, &here)?;
    if OF_PERSONS.contains(&register.name) {
        let mut what = format!("{} {}", register.name, place.book);
        what.extend(asked.filter.iter().map(|filter| format!(" ({filter})")));
        what.push_str(if asked.export.is_some() { " as a file" } else { "" });
        viewer.note_read_of(&app, &place.resource.unit, &what).await?;
    }
    let t = app.texts.t(lang);
    let actions: Vec<Link> = FORMS
        .iter()
        .filter(|form| register.forms.contains(&form.name) && viewer.allows(&app, form.kind, &place.resource))
        .map(|form| Link {
            title: t.get(&format!("office-form-{}", form.name)),
            href: place.href(&format!("record/{}", form.name)),
        })
        .collect();
    let columns = register.columns.iter().map(|(key, title, number)| {
        let title = t.get(title);
        if *number { Column::number(key, title) } else { Column::text(key, title) }.sorted(&asked)
    });
    let hint = t.get("office-register-empty-hint");
    let empty = Empty { title: t.get("empty-entries"), hint, action: actions.first().cloned() };
    let mut table =
        TableView::new(register.name, t.get(&format!("office-{}", register.name)), columns.collect(), empty);
    let (set_by, of, wanted) = (app.clone(), place.clone(), asked.clone());
    let table = app
        .blocking(move |kernel| {
            let (names, found) = kernel.read(|tx| {
                Ok::<_, StoreError>((Names::read(tx, &of.book, lang)?, (register.read)(tx, &of.book)?))
            })?;
            let t = set_by.texts.t(lang);
            let cells = Cells { app: &set_by, t: &t, place: &of, names: &names };
            fill(&mut table, &wanted, &t, cells.of(found));
            Ok::<_, StoreError>(table)
        })
        .await?;
    let title = format!("{} · {}", place.title, table.caption);
    let frame = place.frame(&app, &viewer, lang, title, &here);
    answer(&app, &asked, ListPage { frame, actions, table }).await
}

/// A category in words; the ledger takes any code.
fn category(t: &T, code: &str) -> String {
    let key = format!("market-value-category-{code}");
    if t.texts().has(t.lang(), &key) { t.get(&key) } else { code.to_owned() }
}

struct Cells<'a> {
    app: &'a App,
    t: &'a T,
    place: &'a Place,
    names: &'a Names,
}

impl Cells<'_> {
    fn of(&self, rows: Rows) -> Vec<Vec<Cell>> {
        match rows {
            Rows::Stalls(all) => all.iter().map(|it| self.stall(it)).collect(),
            Rows::Merchants(all) => all.iter().map(|it| self.merchant(it)).collect(),
            Rows::Fees(all) => all.iter().map(|it| self.fee(it)).collect(),
            Rows::Scales(all) => all.iter().map(|it| self.scale(it)).collect(),
            Rows::Products(all) => all.iter().map(|it| self.product(it)).collect(),
            Rows::Prices(all) => all.iter().map(|it| self.price(it)).collect(),
        }
    }

    /// The entries about something of the market.
    fn about(&self, cell: Cell, scheme: &'static str, code: &str) -> Cell {
        cell.link(format!("/ledger/{0}?about={scheme}%3A{0}%2F{code}", self.place.book))
    }

    fn form(&self, key: &str, form: &str) -> Cell {
        Cell::text(self.t.get(key)).link(self.place.href(&format!("record/{form}")))
    }

    fn stall(&self, it: &Stall) -> Vec<Cell> {
        let word = |name: &str, word: &str| Cell::text(self.t.get(&format!("office-word-{name}-{word}")));
        let area = shell::format::decimal(it.area_dm2, 2);
        let tenant = match &it.merchant {
            Some(merchant) => Cell::text(self.names.merchant(merchant)),
            None => Cell::badge(Badge { mark: Mark::Plain, text: self.t.get("office-vacant") }),
        };
        let end = if it.merchant.is_some() { "lease-end" } else { "lease" };
        vec![
            Cell::text(&it.stall).link(self.place.href(&format!("lots?stall={}", it.stall))),
            word("zone", &it.zone),
            word("food", &it.food),
            self.about(
                Cell {
                    value: shell::view::Value::Decimal { units: it.area_dm2, places: 2 },
                    ..Cell::text(area)
                },
                "stall",
                &it.stall,
            ),
            tenant,
            day_cell(it.lease_from),
            until_cell(self.app, self.t, it.lease_until),
            it.fee_fen.map_or_else(Cell::none, |fee| self.about(Cell::money(fee), "stall", &it.stall)),
            self.form(&format!("office-form-{end}"), &format!("{end}?stall={}", it.stall)),
        ]
    }

    fn merchant(&self, it: &Merchant) -> Vec<Cell> {
        let title = it.title.clone().unwrap_or_else(|| self.t.get("entry-erased"));
        vec![
            Cell::text(&it.merchant).link(self.place.href(&format!("lots?merchant={}", it.merchant))),
            self.about(Cell::text(title), "merchant", &it.merchant),
            Cell::text(it.licence.clone().unwrap_or_default()),
            until_cell(self.app, self.t, it.licence_until),
            until_cell(self.app, self.t, it.food_until),
            until_cell(self.app, self.t, it.health_until),
        ]
    }

    fn fee(&self, it: &FeeRow) -> Vec<Cell> {
        let open = it.charged_fen.0 - it.paid_fen.0;
        let badge = match open {
            ..=0 => Badge { mark: Mark::Done, text: self.t.get("office-settled") },
            _ => Badge { mark: Mark::Plain, text: self.t.get("office-outstanding") },
        };
        let amount = shell::format::decimal_plain(open.max(0), 2);
        let form = format!("payment?stall={}&month={}&amount_fen={amount}", it.stall, it.month);
        let state = Cell::badge(badge);
        vec![
            Cell::text(&it.month),
            Cell::text(&it.stall),
            self.about(Cell::money(it.charged_fen.0), "stall", &it.stall),
            self.about(Cell::money(it.paid_fen.0), "stall", &it.stall),
            self.about(Cell::money(open), "stall", &it.stall),
            if open > 0 { state.link(self.place.href(&format!("record/{form}"))) } else { state },
        ]
    }

    fn scale(&self, it: &Scale) -> Vec<Cell> {
        let stall = match &it.stall {
            Some(stall) => Cell::text(stall),
            None => Cell::text(self.t.get("office-fair-scale")),
        };
        vec![
            self.about(Cell::integer(i64::from(it.scale)), "scale", &it.scale.to_string()),
            stall,
            Cell::text(&it.serial),
            Cell::text(&it.seal),
            until_cell(self.app, self.t, Some(it.verified_until)),
            self.form(
                "office-form-verification",
                &format!("verification?scale={}&seal={}", it.scale, it.seal),
            ),
        ]
    }

    fn product(&self, it: &Product) -> Vec<Cell> {
        let lots = self.place.href(&format!("lots?product={}", it.product));
        vec![
            Cell::text(&it.product).link(lots),
            Cell::text(&it.title_zh),
            Cell::text(&it.title_en),
            Cell::text(category(self.t, &it.category)),
        ]
    }

    fn price(&self, it: &Price) -> Vec<Cell> {
        let form = format!("price?stall={}&product={}", it.stall, it.product);
        let product = Cell::text(self.names.product(&it.product));
        let price = self.about(Cell::money(it.fen_per_kg.0), "stall", &it.stall);
        vec![product, Cell::text(&it.stall), price, self.form("office-change", &form)]
    }
}
