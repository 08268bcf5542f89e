//! The kernel's part of the JSON API. Every operation names the action that it needs in `x-action`, and a test walks
//! the document to see that it does.

pub mod accounts;
pub mod contacts;
pub mod credentials;
pub mod figures;
pub mod ledger;
pub mod log;
pub mod matters;
pub mod oversight;
pub mod refusal;
pub mod registry;
pub mod rules;
pub mod witness;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// All operations of the kernel.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(figures::router())
        .merge(ledger::router())
        .merge(log::router())
        .merge(matters::router())
        .merge(rules::router())
        .merge(registry::router())
        .merge(accounts::router())
        .merge(credentials::router())
        .merge(contacts::router())
        .merge(oversight::router())
        .merge(witness::router())
}
