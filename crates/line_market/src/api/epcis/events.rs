//! Single events, and the simple event query.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use epcis::query::Condition;
use epcis::{DocumentKind, Query};
use kernel::Desk;
use serde_json::Value;
use shell::extract::Path;
use shell::viewer::{Viewer, still_let_in};
use shell::{App, Problem};

use super::answers::{capture_problem, parameter_problem, query_problem};
use super::capture::{other_type, prepared, sift};
use super::formats::{Form, Media};
use super::paging::List;
use super::parameters::{EventQuery, FormatHeaders};
use super::requests::{Parameters, answer_type, book_to_capture, owner, prefixes, sender, sights};
use super::room;
use crate::api::market;
use crate::epcis_events::{self, Answered, EventOutcome, Found, Mode, Sight, own_id};
use crate::policy::{QUERY, READ};

/// Captures one event. A retry with the same content gets the first answer; the ID of another event is refused with 409.
#[utoipa::path(post, path = "/epcis/events", tag = "epcis",
    params(("book" = Option<String>, Query, description = "The book, where the credential may capture into several.")),
    request_body(content((Object = "application/json"), (Object = "application/ld+json"))),
    responses((status = 201, content((Object = "application/json"), (Object = "application/ld+json")), headers(("Location" = String, description = "The event."))), (status = 400),
        (status = 401), (status = 403), (status = 404), (status = 406), (status = 409), (status = 413), (status = 415),
        (status = 429), (status = 503)),
    extensions(("x-action" = json!("market.epcis.capture"))))]
pub async fn capture_event(
    State(app): State<App>,
    viewer: Viewer,
    request: Request,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(request.uri());
    let book = book_to_capture(&app, &viewer, parameters.take("book").as_deref())?;
    parameters.end()?;
    let media = answer_type(request.headers())?;
    // XML has documents alone.
    let sent_as = Media::of_body(request.headers(), Media::JSON_ALONE)?;
    let (bytes, room) = room::document(&app, &viewer, sent_as, request).await?;
    let (sender, tree) = (sender(&app, &viewer, &book)?, app.tree());
    let (mut event, prepared, room) = app
        .blocking(move |_| {
            let sifted = sift(&bytes, sent_as)?;
            if sifted.document.kind != DocumentKind::Event {
                return Err(other_type("the type of an event"));
            }
            let event = sifted.document.to_value();
            Ok((event, prepared(&book, &sender, sifted, Mode::Rollback, &tree)?, room))
        })
        .await?;
    let record = move |desk: &mut Desk<'_>| {
        let _until_it_is_recorded = &room;
        prepared.record(desk, Mode::Rollback)
    };
    let outcome =
        app.append(|failure| capture_problem(&app.kernel, failure), record).await?.events.into_iter().next();
    let Some(EventOutcome::Recorded { event_id, .. } | EventOutcome::Known { event_id, .. }) = outcome else {
        tracing::error!("an event was neither recorded nor refused");
        return Err(Problem::internal());
    };
    let encoded: String = form_urlencoded::byte_serialize(event_id.as_bytes()).collect();
    event["eventID"] = Value::String(event_id);
    let headers =
        [(header::LOCATION, format!("/epcis/events/{encoded}")), (header::CONTENT_TYPE, media.name().into())];
    Ok((StatusCode::CREATED, headers, event.to_string()).into_response())
}

/// The simple event query, over every market book that the viewer may query.
///
/// Parameters are those of EPCIS 2.0, lists written `a|b`; what is not served is refused by name. The answer is an
/// EPCISQueryDocument with the events, `eventID` and `recordTime` added, in JSON or XML.
#[utoipa::path(get, path = "/epcis/events", tag = "epcis", params(EventQuery, FormatHeaders),
    responses((status = 200, content((Object = "application/json"), (Object = "application/ld+json"), (String = "application/xml"), (String = "text/xml")),
        headers(("Link" = String, description = "The next page, `rel=\"next\"`."))),
        (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 413), (status = 414)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn query_events(
    State(app): State<App>,
    viewer: Viewer,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(&uri);
    let sights = sights(&app, &viewer, QUERY, parameters.take("book").as_deref())?;
    answer_query(&app, &viewer, &uri, &headers, parameters, sights, None).await
}

/// The events that the parameters of an address ask for, and a condition that the address itself sets.
pub async fn answer_query(
    app: &App,
    viewer: &Viewer,
    uri: &Uri,
    headers: &HeaderMap,
    mut parameters: Parameters,
    sights: Vec<Sight>,
    condition: Option<Condition>,
) -> Result<Response, Problem> {
    let list = List::of(app, viewer, uri, &mut parameters);
    let form = Form::asked(headers)?;
    let mut asked = Query::parse(parameters.pairs(), &prefixes(headers)).map_err(parameter_problem)?;
    asked.conditions.extend(condition);
    answer_page(app, list, asked, sights, "SimpleEventQuery", form).await
}

/// One page of the answer to a query.
pub async fn answer_page(
    app: &App,
    list: List,
    mut asked: Query,
    sights: Vec<Sight>,
    name: &str,
    form: Form,
) -> Result<Response, Problem> {
    let name = name.to_owned();
    list.answer(
        app,
        form.media(),
        move |tx, place, count| {
            asked.per_page = Some(count);
            asked.next_page_token = place.map(str::to_owned);
            epcis_events::query(tx, &sights, &asked, &|found| form.weight(found))
        },
        move |page, now| form.print(page, Answered::to(&name), now),
    )
    .await
}

/// The event with an ID, and the declarations of its error.
///
/// `entry:{book}/{seq}` is an entry of the market itself, where it speaks of goods: who reads it needs the right to read
/// the market's records.
#[utoipa::path(get, path = "/epcis/events/{eventID}", tag = "epcis",
    params(("eventID" = String, Path, description = "Percent-encoded."), ("book" = Option<String>, Query), FormatHeaders),
    responses((status = 200, content((Object = "application/json"), (Object = "application/ld+json"), (String = "application/xml"), (String = "text/xml"))), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn event(
    State(app): State<App>,
    viewer: Viewer,
    Path(event_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (found, form) = find_event(&app, &viewer, event_id, &uri, &headers).await?;
    Ok(form.answer(form.print(found, Answered::to("SimpleEventQuery"), app.kernel.now())))
}

/// An event that the viewer may see, with the declarations of its error, and the form to tell it in.
pub async fn find_event(
    app: &App,
    viewer: &Viewer,
    event_id: String,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(Vec<Found>, Form), Problem> {
    let mut parameters = Parameters::of(uri);
    let sights = sights(app, viewer, QUERY, parameters.take("book").as_deref())?;
    parameters.end()?;
    let form = Form::asked(headers)?;
    let own = own_id(&event_id).filter(|(book, _)| app.tree().book(book).is_some());
    let resource = own.as_ref().map(|(book, _)| market(app, book.as_str())).transpose()?;
    if let Some((_, resource)) = &resource {
        viewer.need(app, READ, resource)?;
    }
    let (found, needs) = app
        .search(&owner(app, viewer), move |kernel| {
            epcis_events::search(kernel, |tx| match &own {
                Some((book, seq)) => {
                    let found: Vec<Found> =
                        epcis_events::own(tx, book, *seq, kernel.zone())?.into_iter().collect();
                    let entry = kernel::entries::entry(tx, book, *seq)?;
                    let needs = entry.and_then(|entry| kernel.lines().body_needs(entry.kind.as_str()));
                    Ok(Ok((found, needs)))
                }
                None => {
                    let weigh = |found: &Found| form.weight(found);
                    let found = epcis_events::with_id(tx, &sights, &event_id, &weigh)?;
                    Ok(found.map(|found| (found, None)))
                }
            })
        })
        .await?
        .map_err(|refusal| query_problem(&refusal))?;
    still_let_in().await?;
    // The event says what the entry's body says.
    if let (Some(needs), Some((_, resource))) = (needs, &resource) {
        viewer.need(app, needs, resource)?;
    }
    if found.is_empty() { Err(Problem::not_found()) } else { Ok((found, form)) }
}
