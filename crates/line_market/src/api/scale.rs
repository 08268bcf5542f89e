//! The scale contract over HTTP. Which market and scale a request is about is told by its credential alone.

use std::convert::Infallible;
use std::time::Duration;

use access::Resource;
use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use base::BookId;
use base::limits::REQUEST_BYTES_MAX;
use kernel::Desk;
use serde::Serialize;
use shell::extract::Json;
use shell::viewer::{Viewer, resource_of};
use shell::{App, Problem};
use tokio_stream::Stream;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::failure_problem;
use crate::downlink;
use crate::intake::{
    Acknowledgement, BYTES_PER_SALE, BatchReceipt, Prepared, SaleBatch, ScaleState, acknowledge, scale_state,
};
use crate::kinds::scale_number;
use crate::policy::WEIGH;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(sales)).routes(routes!(state)).routes(routes!(acks))
}

pub fn streams() -> Router<App> {
    Router::new().route("/scale/v1/stream", get(stream))
}

/// The scale that a credential stands for: its grant's subject is `scale:<book>/<number>`.
fn scale_of(app: &App, viewer: &Viewer) -> Result<(BookId, u32), Problem> {
    let actor = viewer.actor().ok_or_else(Problem::unauthorized)?;
    // Slips show by whom a sale was recorded: an account has no scale, whatever was granted to it.
    let is_program = viewer.session().is_none();
    let subjects = actor.grants.iter().filter_map(|grant| grant.subject.as_ref());
    let subject = subjects.clone().find(|subject| is_program && subject.scheme() == "scale");
    let found = subject
        .and_then(|subject| Some((BookId::new(subject.home()?).ok()?, scale_number(subject.local_part())?)));
    let Some((book, scale)) = found else {
        let root = app.tree().root().cloned().ok_or_else(Problem::not_found)?;
        viewer.need(app, WEIGH, &Resource::of(&root))?;
        return Err(Problem::not_found());
    };
    let mut resource = resource_of(app, &book)?;
    if let Some(subject) = subject {
        resource = resource.owned_by(subject.clone());
    }
    viewer.need(app, WEIGH, &resource)?;
    Ok((book, scale))
}

/// Records a batch of sales; the answer comes when its entries are on disk.
///
/// A batch is all or nothing unless it asks to skip refused lines. A line that was recorded before, with the same
/// counter and content, is answered as known.
#[utoipa::path(post, path = "/scale/v1/sales", tag = "scale", request_body = SaleBatch,
    responses((status = 200, body = BatchReceipt), (status = 400), (status = 401), (status = 403), (status = 409),
        (status = 413), (status = 415), (status = 429), (status = 503)),
    extensions(("x-action" = json!("market.scale.weigh"))))]
async fn sales(
    State(app): State<App>,
    viewer: Viewer,
    Json(batch): Json<SaleBatch, REQUEST_BYTES_MAX>,
) -> Result<axum::Json<BatchReceipt>, Problem> {
    let (book, scale) = scale_of(&app, &viewer)?;
    let actor = viewer.id();
    // A scale has one queue: what it has in hand at a time is a whole batch.
    let turn = app.limits.turns.to_send(&actor, batch.sales.len() * BYTES_PER_SALE).await?;
    let prepared = Prepared::new(&book, scale, &actor, &batch).map_err(failure_problem)?;
    let of_day_max = app.site.device_entries_of_day_max;
    let decide = move |desk: &mut Desk<'_>| {
        // Until it is recorded, whether or not anybody still waits for it.
        let _turn = &turn;
        prepared.record(desk, of_day_max)
    };
    app.append(failure_problem, decide).await.map(axum::Json)
}

/// What the scale sells, at what price, out of which lots, and what it must not sell.
#[utoipa::path(get, path = "/scale/v1/state", tag = "scale",
    responses((status = 200, body = ScaleState), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("market.scale.weigh"))))]
async fn state(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<ScaleState>, Problem> {
    let (book, scale) = scale_of(&app, &viewer)?;
    let state = app
        .blocking(move |kernel| {
            let now = kernel.now();
            kernel.read(|tx| scale_state(tx, &book, scale, now))
        })
        .await?;
    state.map(axum::Json).ok_or_else(Problem::not_found)
}

/// The confirmations that were recorded now.
#[derive(Debug, Serialize, ToSchema)]
struct Acknowledged {
    recorded: Vec<u64>,
}

/// Confirms that the scale no longer sells the lots of these holds.
#[utoipa::path(post, path = "/scale/v1/acks", tag = "scale", request_body = Acknowledgement,
    responses((status = 200, body = Acknowledged), (status = 400), (status = 401), (status = 403), (status = 503)),
    extensions(("x-action" = json!("market.scale.weigh"))))]
async fn acks(
    State(app): State<App>,
    viewer: Viewer,
    Json(ack): Json<Acknowledgement>,
) -> Result<axum::Json<Acknowledged>, Problem> {
    let (book, scale) = scale_of(&app, &viewer)?;
    let actor = viewer.id();
    let decide = move |desk: &mut Desk<'_>| acknowledge(desk, &book, scale, &actor, &ack);
    let recorded = app.append(failure_problem, decide).await?;
    Ok(axum::Json(Acknowledged { recorded: recorded.into_iter().map(|seq| seq.0).collect() }))
}

/// The state at once, and again whenever something changes that concerns the scale.
async fn stream(
    State(app): State<App>,
    viewer: Viewer,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let (book, scale) = scale_of(&app, &viewer)?;
    let states = downlink::states(&app, viewer.id(), book, scale);
    let events = tokio_stream::StreamExt::map(states, |state| {
        Ok(Event::default().event("state").json_data(&state).unwrap_or_else(|error| {
            tracing::error!(%error, "a scale's state cannot be written");
            Event::default().comment("error")
        }))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}
