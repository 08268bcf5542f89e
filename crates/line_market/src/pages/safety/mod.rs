//! Food safety: tests, holds, recalls, slips and complaints.

mod blocks;
mod complaint;
mod file;
mod ground;
mod holds;
mod inspect;
mod lists;
mod lot;
mod orders;
mod recall;
mod slip;
mod tables;
mod typed;
mod words;

use axum::Router;
use shell::{App, rows};

pub fn router() -> Router<App> {
    Router::new()
        .merge(slip::router())
        .merge(complaint::router())
        .merge(lot::router())
        .merge(inspect::router())
        .merge(orders::router())
        .merge(holds::router())
        .merge(lists::router())
        .merge(recall::router())
        .merge(file::router())
}

pub fn streams() -> Router<App> {
    blocks::router()
}
