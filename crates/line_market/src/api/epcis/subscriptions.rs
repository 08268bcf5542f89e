//! Subscriptions to named queries by webhook.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base::Time;
use epcis::format::EpcFormat;
use kernel::notices::check_webhook;
use kernel::{AdminError, AppendError, Desk, Page, SessionState, session_state};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shell::api::refusal::admin_problem;
use shell::extract::{Path, body, read_json};
use shell::viewer::Viewer;
use shell::{App, Both, Problem};
use store::StoreError;
use utoipa::ToSchema;

use super::discovery::described;
use super::formats::{Media, answer, cbv_format, epc_format};
use super::paging::List;
use super::queries::{describe, escaped, find, no_such_name};
use super::requests::{Parameters, answer_type, any_type, books, need_version};
use crate::api::failure_problem;
use crate::epcis_events::standing::delivery::{self, State as Delivery};
use crate::epcis_events::standing::{self, NewSubscription, Schedule, Subscription};
use crate::kinds::EndReason;
use crate::policy::{QUERY, SUBSCRIBE};

/// Bytes of a subscription.
const SUBSCRIPTION_BYTES_MAX: usize = 8 * 1024;
/// Characters of what a receiver knows our requests by. A shorter one can be guessed.
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 16..=256;

/// Where and when somebody wants to be told (`QueryStreamSubscription` or `QueryScheduleSubscription`).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubscriptionRequest {
    /// The address of a webhook, without account, query or fragment.
    dest: String,
    /// A secret of 16 to 256 characters, with which `GS1-Signature` is made: HMAC-SHA256 over the body, in hexadecimal
    /// digits. Without it nothing is signed.
    signature_token: Option<String>,
    /// Whether to tell as well, at the moments of a schedule, that there is nothing to tell.
    report_if_empty: Option<bool>,
    /// Events that were recorded from then on; from now on, if left out.
    initial_record_time: Option<String>,
    /// Either this or `stream`.
    schedule: Option<Schedule>,
    /// True for being told at once.
    stream: Option<bool>,
}

/// A subscription, never with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionView {
    #[serde(rename = "subscriptionID")]
    subscription_id: String,
    query_name: String,
    dest: String,
    created_at: String,
    /// When the receiver took something last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_notified_at: Option<String>,
    initial_record_time: String,
    /// When the query was run for the subscription last; `initialRecordTime`, if it was not.
    min_record_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_if_empty: Option<bool>,
    /// How identifiers are spelled in what is sent.
    epc_format: &'static str,
    /// When it was stopped because the receiver had taken nothing for 30 days; it can be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_at: Option<String>,
    /// While the receiver does not take what is sent: attempts in vain, what stood in the way, and when it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    delivery: Option<Value>,
}

impl SubscriptionView {
    fn of(subscription: Subscription, delivery: Option<Delivery>) -> Self {
        let is_stream = subscription.schedule.is_none();
        let trouble = delivery.as_ref().and_then(|delivery| {
            let fault = delivery.fault?;
            let mut trouble = json!({ "attempts": delivery.attempts, "fault": fault });
            if subscription.stopped.is_none() {
                trouble["nextAttemptAt"] = delivery.next.to_string().into();
            }
            Some(trouble)
        });
        let executed = delivery.as_ref().map_or(subscription.initial, |delivery| delivery.executed);
        Self {
            subscription_id: subscription.id,
            query_name: subscription.query,
            dest: subscription.dest,
            created_at: subscription.created.to_string(),
            last_notified_at: delivery.and_then(|delivery| delivery.notified).map(|at| at.to_string()),
            initial_record_time: subscription.initial.to_string(),
            min_record_time: executed.to_string(),
            schedule: subscription.schedule,
            stream: is_stream.then_some(true),
            report_if_empty: (!is_stream).then_some(subscription.report_if_empty),
            epc_format: subscription.epc_format.name(),
            stopped_at: subscription.stopped.map(|at| at.to_string()),
            delivery: trouble,
        }
    }
}

/// The subscriptions to a query.
#[utoipa::path(get, path = "/epcis/queries/{queryName}/subscriptions", tag = "epcis",
    params(("queryName" = String, Path, description = "Percent-encoded."), ("book" = Option<String>, Query),
        ("perPage" = Option<usize>, Query, description = "1 to 1,000; 30 if left out."), ("nextPageToken" = Option<String>, Query)),
    responses((status = 200, body = Vec<SubscriptionView>, headers(("Link" = String, description = "The next page, `rel=\"next\"`."))),
        (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn list_subscriptions(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(&uri);
    let query = find(&app, &viewer, QUERY, name, &mut parameters).await?;
    let list = List::of(&app, &viewer, &uri, &mut parameters).of_definition(&app, &viewer, query.seq);
    parameters.end()?;
    let media = answer_type(&headers)?;
    list.answer(
        &app,
        media,
        move |tx, place, count| {
            let page = standing::subscriptions(tx, &query, place, count)?;
            let view = |subscription| {
                let state = delivery::state(tx, &delivery::Key::of(&subscription))?;
                Ok(SubscriptionView::of(subscription, state))
            };
            let items = page.items.into_iter().map(view).collect::<Result<_, StoreError>>()?;
            Ok(Ok(Page { items, next: page.next }))
        },
        |page, _| json!(page).to_string(),
    )
    .await
}

/// Subscribes to a query: its events are posted to `dest` as EPCISQueryDocuments, in the order of recording, each until it
/// is taken with a 2xx.
#[utoipa::path(post, path = "/epcis/queries/{queryName}/subscriptions", tag = "epcis",
    params(("queryName" = String, Path, description = "Percent-encoded."), ("book" = Option<String>, Query),
        ("GS1-EPC-Format" = Option<String>, Header, description = "How identifiers are spelled in what is sent.")),
    request_body(content((SubscriptionRequest = "application/json"), (SubscriptionRequest = "application/ld+json"))),
    responses((status = 201, body = SubscriptionView, headers(("Location" = String, description = "The subscription."))),
        (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 413), (status = 415),
        (status = 503)),
    extensions(("x-action" = json!("market.epcis.subscribe"))))]
pub async fn subscribe(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(request.uri());
    let query = find(&app, &viewer, SUBSCRIBE, name, &mut parameters).await?;
    parameters.end()?;
    need_version(request.headers())?;
    let media = answer_type(request.headers())?;
    let epc_format = epc_format(request.headers())?;
    // What is sent is JSON, which has one spelling of words.
    cbv_format(request.headers())?;
    Media::of_body(request.headers(), Media::JSON_ALONE)?;
    let bytes = body(request, SUBSCRIPTION_BYTES_MAX).await?;
    let asked: SubscriptionRequest = read_json(&bytes).map_err(without_token)?;
    let new = checked(asked, epc_format)?;
    let asks = query.query().map_err(super::answers::parameter_problem)?;
    if asks.event_count_limit.is_some() || asks.max_event_count.is_some() {
        let zh = "含 eventCountLimit 或 maxEventCount 的查询不能订阅：订阅会逐一送达全部符合条件的事件。";
        let en = "a query with eventCountLimit or maxEventCount cannot be subscribed to: every event that fits is told";
        return Err(controls("query", "count", Both::new(zh, en)));
    }
    let actor = viewer.id();
    let books = books(&app, &viewer, QUERY, None)?;
    let session = viewer.session().map(|session| session.hash.clone());
    let of = app.clone();
    let open = move |desk: &mut Desk<'_>| {
        if let Err(problem) = confirmed(&of, desk, session.as_deref())? {
            return Ok(Err(problem));
        }
        Ok(standing::open(desk, &actor, &query, &books, &new)?.ok_or_else(no_such_name))
    };
    let subscription = app.append(failure_problem, open).await??;
    let location =
        format!("/epcis/queries/{}/subscriptions/{}", escaped(&subscription.query), subscription.id);
    let view = SubscriptionView::of(subscription, None);
    let headers = [(header::LOCATION, location), (header::CONTENT_TYPE, media.name().to_owned())];
    Ok((StatusCode::CREATED, headers, axum::Json(view).into_response().into_body()).into_response())
}

/// What goes on by itself is begun from a session only shortly after the password was given: it goes on where the session was
/// ended because somebody else had it.
fn confirmed(
    app: &App,
    desk: &mut Desk<'_>,
    session: Option<&str>,
) -> Result<Result<(), Problem>, StoreError> {
    let now = desk.now();
    let Some(session) = session else { return Ok(Ok(())) };
    let refusal = match session_state(desk.read()?, session, now)? {
        SessionState::Confirmed => return Ok(Ok(())),
        SessionState::Open => AdminError::Unconfirmed,
        SessionState::Ended => AdminError::SessionEnded,
    };
    Ok(Err(admin_problem(app, AppendError::Refused(refusal))))
}

/// What is wrong with a secret is told without the secret.
fn without_token(problem: Problem) -> Problem {
    match problem.field.as_deref() {
        Some("signatureToken") => wrong_token(),
        _ => problem,
    }
}

fn wrong_token() -> Problem {
    let both = Both::new("签名密钥应为 16 至 256 个字符。", "must be a text of 16 to 256 characters");
    Problem::bad_request("signatureToken", "format", both)
}

/// What a subscriber asks for, if it can be had.
fn checked(asked: SubscriptionRequest, epc_format: EpcFormat) -> Result<NewSubscription, Problem> {
    check_webhook("dest", &asked.dest)?;
    if let Some(token) = &asked.signature_token
        && !(TOKEN_CHARS.contains(&token.chars().count()) && token.chars().all(|c| !c.is_control()))
    {
        return Err(wrong_token());
    }
    check_controls(asked.schedule.as_ref(), asked.stream, asked.report_if_empty)?;
    let initial = asked.initial_record_time.as_deref().map(record_time).transpose()?;
    Ok(NewSubscription {
        dest: asked.dest,
        token: asked.signature_token,
        schedule: asked.schedule,
        report_if_empty: asked.report_if_empty.unwrap_or(false),
        initial,
        epc_format,
    })
}

/// Refuses unless there is either a schedule that some moment fits, or a stream.
pub fn check_controls(
    schedule: Option<&Schedule>,
    stream: Option<bool>,
    report_if_empty: Option<bool>,
) -> Result<(), Problem> {
    match (schedule, stream) {
        (Some(_), Some(_)) => {
            let both = Both::new("schedule 与 stream 只能选其一。", "schedule and stream exclude each other");
            Err(controls("stream", "excludes", both))
        }
        (None, Some(true)) if report_if_empty == Some(true) => {
            let zh = "reportIfEmpty 仅适用于按时间表的订阅。";
            Err(controls(
                "reportIfEmpty",
                "excludes",
                Both::new(zh, "goes with a schedule: a stream is never empty"),
            ))
        }
        (None, Some(true)) => Ok(()),
        (None, _) => {
            let both = Both::new(
                "须给出 schedule，或将 stream 设为 true。",
                "needs a schedule, or stream set to true",
            );
            Err(controls("stream", "missing", both))
        }
        (Some(schedule), None) => schedule.read().map(drop).map_err(|error| {
            let zh = format!("字段 {} 不是有效的时间表。", error.field);
            controls(&error.field, "format", Both::new(zh, error.detail))
        }),
    }
}

/// `initialRecordTime`
pub fn record_time(text: &str) -> Result<Time, Problem> {
    Time::parse(text).map_err(|error| {
        let zh = "应为带时区的日期时间（RFC 3339）。";
        Problem::bad_request("initialRecordTime", "format", Both::new(zh, error.to_string()))
    })
}

/// 400: when and how somebody wants to be told cannot be.
pub fn controls(field: &str, rule: &'static str, detail: Both) -> Problem {
    let problem = Problem::bad_request(field.to_owned(), rule, detail);
    Problem { type_: "epcisException:SubscriptionControlsException".into(), ..problem }
}

/// One subscription, and whether its receiver takes what is sent.
#[utoipa::path(get, path = "/epcis/queries/{queryName}/subscriptions/{subscriptionID}", tag = "epcis",
    params(("queryName" = String, Path, description = "Percent-encoded."), ("subscriptionID" = String, Path),
        ("book" = Option<String>, Query)),
    responses((status = 200, body = SubscriptionView), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn subscription(
    State(app): State<App>,
    viewer: Viewer,
    Path((name, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (subscription, state) = find_subscription(&app, &viewer, QUERY, name, id, &uri).await?;
    let media = answer_type(&headers)?;
    let view = SubscriptionView::of(subscription, state);
    Ok(answer(media, json!(view).to_string()))
}

/// Ends a subscription.
#[utoipa::path(delete, path = "/epcis/queries/{queryName}/subscriptions/{subscriptionID}", tag = "epcis",
    params(("queryName" = String, Path, description = "Percent-encoded."), ("subscriptionID" = String, Path),
        ("book" = Option<String>, Query)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 503)),
    extensions(("x-action" = json!("market.epcis.subscribe"))))]
pub async fn unsubscribe(
    State(app): State<App>,
    viewer: Viewer,
    Path((name, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (subscription, _) = find_subscription(&app, &viewer, SUBSCRIBE, name, id, &uri).await?;
    any_type(&headers)?;
    let actor = viewer.id();
    let end = move |desk: &mut Desk<'_>| standing::end(desk, &actor, &subscription, EndReason::Unsubscribed);
    done(app.append(failure_problem, end).await?)
}

/// Goes on with a subscription that was stopped, where it was. One that was not stopped stays as it is.
#[utoipa::path(post, path = "/epcis/queries/{queryName}/subscriptions/{subscriptionID}/resume", tag = "epcis",
    params(("queryName" = String, Path, description = "Percent-encoded."), ("subscriptionID" = String, Path),
        ("book" = Option<String>, Query)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 406), (status = 503)),
    extensions(("x-action" = json!("market.epcis.subscribe"))))]
pub async fn resume_subscription(
    State(app): State<App>,
    viewer: Viewer,
    Path((name, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (subscription, _) = find_subscription(&app, &viewer, SUBSCRIBE, name, id, &uri).await?;
    any_type(&headers)?;
    let (actor, of) = (viewer.id(), app.clone());
    let session = viewer.session().map(|session| session.hash.clone());
    let resume = move |desk: &mut Desk<'_>| {
        if let Err(problem) = confirmed(&of, desk, session.as_deref())? {
            return Ok(Err(problem));
        }
        standing::resume(desk, &actor, &subscription).map(Ok)
    };
    done(app.append(failure_problem, resume).await??)
}

/// Nothing more to say of a subscription, if it was still there.
fn done(was_there: bool) -> Result<Response, Problem> {
    if was_there { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(Problem::not_found()) }
}

async fn find_subscription(
    app: &App,
    viewer: &Viewer,
    action: &str,
    name: String,
    id: String,
    uri: &Uri,
) -> Result<(Subscription, Option<Delivery>), Problem> {
    let mut parameters = Parameters::of(uri);
    let query = find(app, viewer, action, name, &mut parameters).await?;
    parameters.end()?;
    let found = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let Some(found) = standing::found_subscription(tx, &query, &id)? else { return Ok(None) };
                let state = delivery::state(tx, &delivery::Key::of(&found))?;
                Ok(Some((found, state)))
            })
        })
        .await?;
    found.ok_or_else(Problem::not_found)
}

/// What the subscriptions to a query take.
#[utoipa::path(options, path = "/epcis/queries/{queryName}/subscriptions", tag = "epcis",
    params(("queryName" = String, Path), ("book" = Option<String>, Query)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn describe_subscriptions(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    describe(&app, &viewer, name, &uri, &headers, "GET, POST, OPTIONS").await
}

/// What a subscription's address does.
#[utoipa::path(options, path = "/epcis/queries/{queryName}/subscriptions/{subscriptionID}", tag = "epcis",
    params(("queryName" = String, Path), ("subscriptionID" = String, Path), ("book" = Option<String>, Query)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn describe_subscription(
    State(app): State<App>,
    viewer: Viewer,
    Path((name, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (subscription, state) = find_subscription(&app, &viewer, QUERY, name, id, &uri).await?;
    any_type(&headers)?;
    let since = state.map_or(subscription.initial, |state| state.executed).to_string();
    let mut headers = described("GET, DELETE, OPTIONS");
    headers.extend(since.parse().map(|since| (super::answers::MIN_RECORD_TIME, since)));
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}
