//! The market run: overview, stalls, merchants, fees, scales, lots and prices.

mod amounts;
mod forms;
mod live;
mod lots;
mod market;
mod mine;
mod overview;
pub mod place;
mod receive;
mod registers;
mod rows;
mod typed;

use axum::Router;
use shell::App;

pub fn router() -> Router<App> {
    Router::new()
        .merge(overview::router())
        .merge(market::router())
        .merge(lots::router())
        .merge(receive::router())
        .merge(mine::router())
        .merge(registers::router())
        .merge(forms::router())
}

pub fn streams() -> Router<App> {
    live::router()
}
