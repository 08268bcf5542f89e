//! Named queries: what somebody asks again and again, kept under a name of its own.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base::BookId;
use kernel::Desk;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shell::extract::{Path, body, read_json};
use shell::viewer::Viewer;
use shell::{App, Problem};
use utoipa::ToSchema;

use super::answers::{self, parameter_problem};
use super::discovery::{describe_collection, described};
use super::events::answer_page;
use super::formats::{Form, Media, answer};
use super::paging::List;
use super::requests::{Parameters, answer_type, any_type, book_of, books, need_version, owner, sights};
use super::socket;
use crate::api::failure_problem;
use crate::epcis_events::Sender;
use crate::epcis_events::standing::{self, Named};
use crate::kinds::QueryNamed;
use crate::policy::{QUERY, SUBSCRIBE};

/// Bytes of a named query.
const QUERY_BYTES_MAX: usize = 32 * 1024;

/// A query and its name (`QueryDefinition` of the published OpenAPI document).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryDefinition {
    name: String,
    /// As the published query schema says.
    #[schema(value_type = Object)]
    query: Map<String, Value>,
}

fn view(named: &Named) -> Value {
    json!({ "name": named.name, "query": named.definition })
}

/// The queries that the reader, or whoever asks on behalf of the same, has named.
#[utoipa::path(get, path = "/epcis/queries", tag = "epcis",
    params(("book" = Option<String>, Query, description = "One book instead of all."),
        ("perPage" = Option<usize>, Query, description = "1 to 1,000; 30 if left out."), ("nextPageToken" = Option<String>, Query)),
    responses((status = 200, body = Vec<QueryDefinition>, headers(("Link" = String, description = "The next page, `rel=\"next\"`."))),
        (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 414)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn list_queries(
    State(app): State<App>,
    viewer: Viewer,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(&uri);
    let book = named_book(&app, &viewer, QUERY, &mut parameters)?;
    let list = List::of(&app, &viewer, &uri, &mut parameters);
    parameters.end()?;
    let media = answer_type(&headers)?;
    let owner = owner(&app, &viewer);
    list.answer(
        &app,
        media,
        move |tx, place, count| standing::page(tx, &owner, book.as_ref(), place, count).map(Ok),
        |page, _| page.iter().map(view).collect::<Value>().to_string(),
    )
    .await
}

/// Gives a query a name. It asks all books of whoever named it, or the one that `book` names.
#[utoipa::path(post, path = "/epcis/queries", tag = "epcis",
    params(("book" = Option<String>, Query, description = "The one book that is asked, instead of all."),
        ("GS1-Extensions" = Option<String>, Header, description = "Prefixes for the names of extensions.")),
    request_body(content((QueryDefinition = "application/json"), (QueryDefinition = "application/ld+json"))),
    responses((status = 201, headers(("Location" = String, description = "The query."))), (status = 400), (status = 401),
        (status = 403), (status = 404), (status = 406), (status = 409), (status = 413), (status = 415), (status = 503)),
    extensions(("x-action" = json!("market.epcis.subscribe"))))]
pub async fn name_query(
    State(app): State<App>,
    viewer: Viewer,
    request: Request,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(request.uri());
    let named = parameters.take("book");
    let book = books(&app, &viewer, SUBSCRIBE, named.as_deref())?.remove(0);
    parameters.end()?;
    need_version(request.headers())?;
    Media::of_body(request.headers(), Media::JSON_ALONE)?;
    let prefixes: Vec<&str> = request
        .headers()
        .get_all(answers::EXTENSIONS)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let prefixes = Some(prefixes.join(",")).filter(|prefixes| !prefixes.trim().is_empty());
    let bytes = body(request, QUERY_BYTES_MAX).await.map_err(not_valid)?;
    let definition: QueryDefinition = read_json(&bytes).map_err(not_valid)?;
    let asked = standing::parse(&definition.query, prefixes.as_deref());
    asked.map_err(|error| not_valid(parameter_problem(error)))?;
    let (owner, sender) = (owner(&app, &viewer), Sender { actor: viewer.id(), behalf: None });
    let body = QueryNamed {
        name: definition.name,
        owner,
        definition: Value::Object(definition.query),
        prefixes,
        alone: named.is_some(),
    };
    let location = format!("/epcis/queries/{}", escaped(&body.name));
    let problem = |error| not_valid(failure_problem(error));
    app.append(problem, move |desk| standing::name(desk, &book, &sender, &body)).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)]).into_response())
}

/// A query as it was named.
#[utoipa::path(get, path = "/epcis/queries/{queryName}", tag = "epcis",
    params(("queryName" = String, Path, description = "Percent-encoded."), ("book" = Option<String>, Query)),
    responses((status = 200, body = QueryDefinition), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn query(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(&uri);
    let found = find(&app, &viewer, QUERY, name, &mut parameters).await?;
    parameters.end()?;
    let media = answer_type(&headers)?;
    Ok(answer(media, view(&found).to_string()))
}

/// Removes a query, and ends its subscriptions by webhook and by WebSocket.
#[utoipa::path(delete, path = "/epcis/queries/{queryName}", tag = "epcis",
    params(("queryName" = String, Path, description = "Percent-encoded."), ("book" = Option<String>, Query)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 503)),
    extensions(("x-action" = json!("market.epcis.subscribe"))))]
pub async fn drop_query(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(&uri);
    let found = find(&app, &viewer, SUBSCRIBE, name, &mut parameters).await?;
    parameters.end()?;
    any_type(&headers)?;
    let sender = Sender { actor: viewer.id(), behalf: None };
    let drop = move |desk: &mut Desk<'_>| {
        standing::drop_named(desk, &sender, &found.owner, Some(&found.book), &found.name)
    };
    match app.append(failure_problem, drop).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(no_such_name()),
    }
}

/// The events that a named query finds now, as `GET /epcis/events` would give them to the reader.
///
/// With `Upgrade: websocket` the events come over a WebSocket, as they are recorded (`stream=true`) or by a schedule; those
/// that were recorded from `initialRecordTime` on come first. Every message is an EPCISQueryDocument in the form that the
/// headers ask for.
#[utoipa::path(get, path = "/epcis/queries/{queryName}/events", tag = "epcis",
    params(("queryName" = String, Path, description = "Percent-encoded."),
        ("book" = Option<String>, Query, description = "One book instead of all."),
        ("perPage" = Option<usize>, Query, description = "1 to 1,000; 30 if left out."), ("nextPageToken" = Option<String>, Query),
        ("Upgrade" = Option<String>, Header), ("Connection" = Option<String>, Header),
        ("stream" = Option<bool>, Query), ("reportIfEmpty" = Option<bool>, Query), ("initialRecordTime" = Option<String>, Query),
        ("second" = Option<String>, Query), ("minute" = Option<String>, Query), ("hour" = Option<String>, Query),
        ("dayOfMonth" = Option<String>, Query), ("month" = Option<String>, Query), ("dayOfWeek" = Option<String>, Query)),
    responses((status = 101), (status = 200, body = Object, headers(("Link" = String, description = "The next page, `rel=\"next\"`."))),
        (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 413), (status = 414),
        (status = 503)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn query_results(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let mut parameters = Parameters::of(&parts.uri);
    let narrowed = parameters.clone().take("book");
    let found = find(&app, &viewer, QUERY, name, &mut parameters).await?;
    let book = if found.alone { Some(found.book.to_string()) } else { narrowed };
    let sights = sights(&app, &viewer, QUERY, book.as_deref())?;
    let form = Form::asked(&parts.headers)?;
    if parts.headers.contains_key(header::UPGRADE) {
        return socket::open(app, viewer, found, book, form, parameters, &mut parts).await;
    }
    let list = List::of(&app, &viewer, &parts.uri, &mut parameters).of_definition(&app, &viewer, found.seq);
    parameters.end()?;
    let asked = found.query().map_err(parameter_problem)?;
    answer_page(&app, list, asked, sights, &found.name, form).await
}

/// What the collection of named queries takes.
#[utoipa::path(options, path = "/epcis/queries", tag = "epcis",
    responses((status = 204), (status = 401), (status = 403), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn describe_queries(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    describe_collection(&app, &viewer, QUERY, &headers, "GET, POST, OPTIONS")
}

/// What a named query's address does.
#[utoipa::path(options, path = "/epcis/queries/{queryName}", tag = "epcis",
    params(("queryName" = String, Path), ("book" = Option<String>, Query)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn describe_query(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    describe(&app, &viewer, name, &uri, &headers, "GET, DELETE, OPTIONS").await
}

/// What the events of a named query may be asked.
#[utoipa::path(options, path = "/epcis/queries/{queryName}/events", tag = "epcis",
    params(("queryName" = String, Path), ("book" = Option<String>, Query)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 414)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn describe_results(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    describe(&app, &viewer, name, &uri, &headers, "GET, OPTIONS").await
}

/// Tells what an address below a named query does, to whoever may know of the query.
pub async fn describe(
    app: &App,
    viewer: &Viewer,
    name: String,
    uri: &Uri,
    headers: &HeaderMap,
    allow: &'static str,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri);
    find(app, viewer, QUERY, name, &mut parameters).await?;
    parameters.end()?;
    any_type(headers)?;
    Ok((StatusCode::NO_CONTENT, described(allow)).into_response())
}

/// The query of the viewer that has a name, in the book that `book` names or in any.
pub async fn find(
    app: &App,
    viewer: &Viewer,
    action: &str,
    name: String,
    parameters: &mut Parameters,
) -> Result<Named, Problem> {
    let book = named_book(app, viewer, action, parameters)?;
    let owner = owner(app, viewer);
    let found = app.blocking(move |kernel| kernel.read(|tx| standing::named(tx, &owner, &name))).await?;
    let found = found.filter(|found| book.is_none_or(|book| !found.alone || book == found.book));
    let found = found.ok_or_else(no_such_name)?;
    // What is done with it is written into its book, where the right may have gone since it was named.
    if action == SUBSCRIBE {
        let (_, resource) = crate::api::market(app, found.book.as_str())?;
        viewer.need(app, SUBSCRIBE, &resource)?;
    }
    Ok(found)
}

/// The book that the parameter names, if the action is allowed there; without one, the action must be allowed somewhere.
fn named_book(
    app: &App,
    viewer: &Viewer,
    action: &str,
    parameters: &mut Parameters,
) -> Result<Option<BookId>, Problem> {
    book_of(app, viewer, action, parameters.take("book").as_deref())
}

pub fn no_such_name() -> Problem {
    Problem { type_: "epcisException:NoSuchNameException".into(), ..Problem::not_found() }
}

/// A problem with a query that is to be named.
fn not_valid(problem: Problem) -> Problem {
    match problem.status {
        StatusCode::BAD_REQUEST => {
            Problem { type_: "epcisException:QueryValidationException".into(), ..problem }
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem { type_: "epcisException:QueryTooComplexException".into(), ..problem }
        }
        _ => problem,
    }
}

pub fn escaped(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}
