//! The market run: overview, stalls, merchants, fees, scales, lots and prices.

use axum::Router;
use shell::App;

pub fn router() -> Router<App> {
    Router::new()
}

pub fn streams() -> Router<App> {
    Router::new()
}
