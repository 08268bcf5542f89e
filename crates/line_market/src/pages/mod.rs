//! The market's pages: for its operator and merchants, for inspectors, for shoppers, and for the county.

mod office;
mod safety;

use axum::Router;
use shell::App;

pub fn router() -> Router<App> {
    Router::new().merge(office::router()).merge(safety::router())
}

/// Pages' live lists: routes that stay open.
pub fn streams() -> Router<App> {
    Router::new().merge(office::streams()).merge(safety::streams())
}
