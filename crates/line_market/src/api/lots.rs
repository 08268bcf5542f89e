//! Lists of what the market holds, and the account of a lot.

use axum::Json;
use axum::extract::State;
use base::BookId;
use base::limits::PAGE_ROWS_MAX;
use serde::{Deserialize, Serialize};
use shell::extract::{Path, Query};
use shell::viewer::Viewer;
use shell::{App, Problem};
use store::{StoreError, Tx};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{market, note_lot, readable};
use crate::balance::ToldLot;
use crate::policy::{READ, READ_TAKINGS};
use crate::recall::{Recall, recall};
use crate::state::{
    self, Block, Blocks, BreachRow, ComplaintRow, Flag, Inspection, LotFilter, Merchant, Price, Product,
    Scale, Stall,
};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(lots))
        .routes(routes!(lot))
        .routes(routes!(lot_recall))
        .routes(routes!(scales))
        .routes(routes!(stalls))
        .routes(routes!(merchants))
        .routes(routes!(products))
        .routes(routes!(prices))
        .routes(routes!(inspections))
        .routes(routes!(breaches))
        .routes(routes!(complaints))
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LotQuery {
    stall: Option<String>,
    merchant: Option<String>,
    supplier: Option<String>,
    product: Option<String>,
    /// Only lots on hold.
    held: Option<bool>,
    /// 1 to 200; 50 if left out.
    count: Option<usize>,
    offset: Option<usize>,
}

/// A list that names merchants, who are persons mostly: the reading is noted.
async fn list_of_persons<T: Send + 'static>(
    app: &App,
    viewer: &Viewer,
    book: &str,
    what: &str,
    read: impl FnOnce(&mut dyn Tx, &BookId) -> Result<T, StoreError> + Send + 'static,
) -> Result<Json<T>, Problem> {
    let (of, resource) = market(app, book)?;
    viewer.need(app, READ, &resource)?;
    viewer.note_read_of(app, &resource.unit, &format!("{what} {of}")).await?;
    list(app, viewer, book, read).await
}

async fn list<T: Send + 'static>(
    app: &App,
    viewer: &Viewer,
    book: &str,
    read: impl FnOnce(&mut dyn Tx, &BookId) -> Result<T, StoreError> + Send + 'static,
) -> Result<Json<T>, Problem> {
    let book = readable(app, viewer, book, READ)?;
    app.blocking(move |kernel| kernel.read(|tx| read(tx, &book))).await.map(Json)
}

/// Lots, the latest first. What was sold of those that are not held is told with the right to takings. The reading is noted.
#[utoipa::path(get, path = "/api/market/{book}/lots", tag = "market", params(("book" = String, Path), LotQuery),
    responses((status = 200, body = Vec<ToldLot>), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("market.records.read"))))]
async fn lots(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
    Query(query): Query<LotQuery>,
) -> Result<Json<Vec<ToldLot>>, Problem> {
    let takings = viewer.allows(&app, READ_TAKINGS, &market(&app, &book)?.1);
    list_of_persons(&app, &viewer, &book, "lots", move |tx, book| {
        let filter = LotFilter {
            stall: query.stall.as_deref(),
            merchant: query.merchant.as_deref(),
            supplier: query.supplier.as_deref(),
            product: query.product.as_deref(),
            held: query.held.unwrap_or(false),
            ..LotFilter::default()
        };
        let count = query.count.unwrap_or(50).clamp(1, PAGE_ROWS_MAX);
        let found = state::list_lots(tx, book, &filter, count, query.offset.unwrap_or(0).min(1_000_000))?;
        Ok(found.into_iter().map(|lot| ToldLot::of(lot, takings)).collect())
    })
    .await
}

/// A lot with its tests, blocks and breaches.
#[derive(Debug, Serialize, ToSchema)]
struct LotAccount {
    lot: ToldLot,
    inspections: Vec<Inspection>,
    blocks: Vec<Block>,
    breaches: Vec<BreachRow>,
    /// The lot of the same supplier and product that failed, in a market whose records the viewer may read.
    flag: Option<Flag>,
}

/// One lot. Who stands before it needs its balance; reading it without the right to takings is noted.
#[utoipa::path(get, path = "/api/market/{book}/lots/{lot}", tag = "market",
    params(("book" = String, Path), ("lot" = String, Path)),
    responses((status = 200, body = LotAccount), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("market.records.read"))))]
async fn lot(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, lot)): Path<(String, String)>,
) -> Result<Json<LotAccount>, Problem> {
    let (book, resource) = market(&app, &book)?;
    viewer.need(&app, READ, &resource)?;
    let books = viewer.books(&app, READ, "market")?;
    let of = book.clone();
    let account = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let Some(found) = state::lot(tx, &book, &lot)? else { return Ok(None) };
                let found = ToldLot::of(found, true);
                Ok(Some(LotAccount {
                    inspections: state::inspections(tx, &book, Some(&lot), PAGE_ROWS_MAX)?,
                    blocks: state::blocks(tx, &book, Blocks::OfLot(&lot))?,
                    breaches: state::breaches(tx, &book, Some(&lot), PAGE_ROWS_MAX)?,
                    flag: state::flags(tx, &books, &book, std::slice::from_ref(&found))?.remove(&lot),
                    lot: found,
                }))
            })
        })
        .await?
        .ok_or_else(Problem::not_found)?;
    if !viewer.allows(&app, READ_TAKINGS, &resource) {
        note_lot(&app, &viewer, &resource, "balance", (&of, &account.lot.lot)).await?;
    }
    Ok(Json(account))
}

/// What a recall of the lot reaches, and how much of it is accounted for. Reading it without the right to takings is noted.
#[utoipa::path(get, path = "/api/market/{book}/lots/{lot}/recall", tag = "market",
    params(("book" = String, Path), ("lot" = String, Path)),
    responses((status = 200, body = Recall), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("market.records.read"))))]
async fn lot_recall(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, lot)): Path<(String, String)>,
) -> Result<Json<Recall>, Problem> {
    let (book, resource) = market(&app, &book)?;
    viewer.need(&app, READ, &resource)?;
    let (of, takings) = (book.clone(), viewer.allows(&app, READ_TAKINGS, &resource));
    let found = app.blocking(move |kernel| recall(kernel, &book, &lot, takings)).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    if !takings {
        note_lot(&app, &viewer, &resource, "recall", (&of, &found.lot.lot)).await?;
    }
    Ok(Json(found))
}

/// Merchants. They are persons mostly, so that the reading is noted.
#[utoipa::path(get, path = "/api/market/{book}/merchants", tag = "market", params(("book" = String, Path)),
    responses((status = 200, body = Vec<Merchant>), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("market.records.read"))))]
async fn merchants(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
) -> Result<Json<Vec<Merchant>>, Problem> {
    list_of_persons(&app, &viewer, &book, "merchants", state::merchants).await
}

/// Stalls and who has them; the reading is noted.
#[utoipa::path(get, path = "/api/market/{book}/stalls", tag = "market", params(("book" = String, Path)),
    responses((status = 200, body = Vec<Stall>), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("market.records.read"))))]
async fn stalls(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
) -> Result<Json<Vec<Stall>>, Problem> {
    list_of_persons(&app, &viewer, &book, "stalls", state::stalls).await
}

macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident, $path:literal, $row:ty, $read:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(get, path = $path, tag = "market", params(("book" = String, Path)),
            responses((status = 200, body = Vec<$row>), (status = 401), (status = 403), (status = 404)),
            extensions(("x-action" = json!("market.records.read"))))]
        async fn $name(State(app): State<App>, viewer: Viewer, Path(book): Path<String>) -> Result<Json<Vec<$row>>, Problem> {
            list(&app, &viewer, &book, $read).await
        }
    )*};
}

lists! {
    /// Scales of the network.
    scales, "/api/market/{book}/scales", Scale, state::scales;
    /// Products.
    products, "/api/market/{book}/products", Product, state::products;
    /// Posted prices.
    prices, "/api/market/{book}/prices", Price, |tx, book| state::prices(tx, book, None);
    /// Tests, the latest first.
    inspections, "/api/market/{book}/inspections", Inspection, |tx, book| state::inspections(tx, book, None, PAGE_ROWS_MAX);
    /// Sales that broke a rule, the latest first.
    breaches, "/api/market/{book}/breaches", BreachRow, |tx, book| state::breaches(tx, book, None, PAGE_ROWS_MAX);
    /// Complaints, the latest first.
    complaints, "/api/market/{book}/complaints", ComplaintRow, |tx, book| state::complaints(tx, book, PAGE_ROWS_MAX);
}
