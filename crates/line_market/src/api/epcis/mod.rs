//! EPCIS 2.0 over HTTP (ISO/IEC 19987, its REST interface): capture and the simple event query, for outside systems.
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
        .routes(routes!(capture::capture_document, capture::capture_jobs, discovery::describe_capture))
        .routes(routes!(capture::capture_job, discovery::describe_job))
        .routes(routes!(events::capture_event, events::query_events, discovery::describe_events))
        .routes(routes!(events::event, discovery::describe_event))
        .layer(from_fn(answers::in_the_standards_words))
}
