//! Food safety: tests, holds, recalls, slips and complaints.

use axum::Router;
use shell::App;

pub fn router() -> Router<App> {
    Router::new()
}

pub fn streams() -> Router<App> {
    Router::new()
}
