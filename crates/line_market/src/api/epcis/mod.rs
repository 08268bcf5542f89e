//! EPCIS 2.0 over HTTP (ISO/IEC 19987, its REST interface): capture and the simple event query, for outside systems.
//!
//! The addresses name no market: a credential's grants do. An outside system of one market needs to say nothing
//! more, one of several names the book when it captures.

mod answers;
mod capture;
mod dimensions;
mod discovery;
mod events;
mod formats;
mod paging;
mod parameters;
mod queries;
mod requests;
mod room;
mod socket;
mod subscriptions;

pub use requests::{as_of_now, books, has_been_able, sights};
pub use socket::concerns;

pub use answers::{VERSION, implementation_problem, in_the_standards_words, query_problem};
use axum::middleware::from_fn;
use axum::routing::get;
pub use formats::Form;
use shell::App;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn router() -> OpenApiRouter<App> {
    use dimensions::{biz_locations, biz_steps, dispositions, epcs, event_types, read_points};
    macro_rules! of_dimension {
        ($($name:ident),*) => {
            OpenApiRouter::new()$(
                .routes(routes!($name::list, $name::describe_list))
                .routes(routes!($name::item, $name::describe_item))
                .routes(routes!($name::events, $name::describe_events))
            )*
        };
    }
    OpenApiRouter::new()
        .routes(routes!(dimensions::top, discovery::describe_top))
        .route("/epcis/", get(dimensions::top).options(discovery::describe_top))
        .routes(routes!(capture::capture_document, capture::capture_jobs, discovery::describe_capture))
        .routes(routes!(capture::capture_job, discovery::describe_job))
        .routes(routes!(events::capture_event, events::query_events, discovery::describe_events))
        .routes(routes!(events::event, discovery::describe_event))
        .merge(of_dimension!(event_types, epcs, biz_steps, biz_locations, read_points, dispositions))
        .routes(routes!(paging::end_token))
        .routes(routes!(queries::list_queries, queries::name_query, queries::describe_queries))
        .routes(routes!(queries::query, queries::drop_query, queries::describe_query))
        .routes(routes!(queries::query_results, queries::describe_results))
        .routes(routes!(
            subscriptions::list_subscriptions,
            subscriptions::subscribe,
            subscriptions::describe_subscriptions
        ))
        .routes(routes!(
            subscriptions::subscription,
            subscriptions::unsubscribe,
            subscriptions::describe_subscription
        ))
        .routes(routes!(subscriptions::resume_subscription))
        .layer(from_fn(answers::of_bounded_address))
}
