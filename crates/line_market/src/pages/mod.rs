//! The market's pages: for its operator and merchants, for inspectors, for shoppers, and for the county.

mod balance;
mod office;
mod photo;
mod safety;

use axum::Router;
use base::{BookId, SubjectId};
use shell::{App, Lang};
use store::{StoreError, Tx};

use crate::state;

pub fn router() -> Router<App> {
    Router::new().merge(office::router()).merge(safety::router())
}

/// Pages' live lists: routes that stay open.
pub fn streams() -> Router<App> {
    Router::new().merge(office::streams()).merge(safety::streams())
}

/// The page of a subject of the line.
pub fn page_of(id: &SubjectId) -> Option<String> {
    let book = id.home().filter(|_| id.scheme() == "lot")?;
    Some(format!("/market/{book}/lots/{}", shell::href::segment(id.local_part())))
}

/// What a value of an entry's field is called, where the market's own registers say.
pub fn title(
    tx: &mut dyn Tx,
    book: &BookId,
    lang: Lang,
    field: &str,
    value: &str,
) -> Result<Option<String>, StoreError> {
    match field {
        "product" => {
            let found = state::products(tx, book)?.into_iter().find(|it| it.product == value);
            Ok(found.map(|it| if lang == Lang::Zh { it.title_zh } else { it.title_en }))
        }
        "merchant" | "to_merchant" => Ok(state::merchant(tx, book, value)?
            .and_then(|it| it.title)
            .map(|title| format!("{title} {value}"))),
        _ => Ok(None),
    }
}
