//! EPCIS 2.0 over HTTP (ISO/IEC 19987, section 12): capture and the simple event query, for outside systems.
//!
//! The addresses name no market: a credential's grants do. An outside system of one market needs to say nothing
//! more, one of several names the book when it captures.

mod answers;
mod capture;
mod discovery;
mod events;
mod requests;

use axum::middleware::from_fn;
use shell::App;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(capture::capture, capture::jobs, discovery::capture))
        .routes(routes!(capture::job, discovery::job))
        .routes(routes!(events::create, events::query, discovery::events))
        .routes(routes!(events::event, discovery::event))
        .layer(from_fn(answers::in_the_standards_words))
}
