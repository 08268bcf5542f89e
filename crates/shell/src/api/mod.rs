//! The kernel's part of the JSON API. Every operation names the action that it needs in `x-action`, and a test walks
//! the document to see that it does.

pub mod figures;
pub mod ledger;
pub mod log;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// All operations of the kernel.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(figures::router()).merge(ledger::router()).merge(log::router())
}
