//! The dimensions of events as resources: what is known of each, and the events behind every value.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base::Seq;
use epcis::Context;
use epcis::format::EpcFormat;
use epcis::query::{Among, Condition, Field, Pattern, Scalar, What, canonical_word};
use epcis::vocabulary::Vocabulary;
use kernel::Page;
use serde_json::{Value, json};
use shell::extract::Path;
use shell::viewer::Viewer;
use shell::{App, Problem};
use store::{StoreError, Tx};

use super::answers::query_problem;
use super::discovery::{describe_collection, described};
use super::events::answer_query;
use super::formats::{Form, answer, answer_value, epc_format, spelled};
use super::paging::List;
use super::parameters::{EventQuery, FormatHeaders};
use super::requests::{Parameters, answer_type, any_type, owner, prefixes, sights};
use crate::epcis_events::values::{has_thing, has_value, things, values};
use crate::epcis_events::{QueryRefusal, Sight, search};
use crate::policy::QUERY;

/// The context of EPCIS 2.0 as published.
const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
/// The standard's types of events, in the order in which they are listed.
const EVENT_TYPES: &[&str] =
    &["AggregationEvent", "AssociationEvent", "ObjectEvent", "TransactionEvent", "TransformationEvent"];

/// The top-level resources.
const TOP: [&str; 9] = [
    "events",
    "eventTypes",
    "epcs",
    "bizSteps",
    "bizLocations",
    "readPoints",
    "dispositions",
    "capture",
    "queries",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    EventTypes,
    Epcs,
    BizSteps,
    BizLocations,
    ReadPoints,
    Dispositions,
}

impl Dimension {
    fn field(self) -> Field {
        match self {
            Self::EventTypes => Field::EventType,
            Self::Epcs => Field::What(What::AnyEpc),
            Self::BizSteps => Field::BizStep,
            Self::BizLocations => Field::BizLocation,
            Self::ReadPoints => Field::ReadPoint,
            Self::Dispositions => Field::Disposition,
        }
    }

    /// The words of the standard, which are known whether or not an event has them.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::EventTypes => EVENT_TYPES,
            Self::BizSteps => Vocabulary::BizStep.words(),
            Self::Dispositions => Vocabulary::Disposition.words(),
            Self::Epcs | Self::BizLocations | Self::ReadPoints => &[],
        }
    }

    /// Whether its values are identifiers, which have more than one spelling in JSON.
    fn is_of_identifiers(self) -> bool {
        matches!(self, Self::Epcs | Self::BizLocations | Self::ReadPoints)
    }

    /// The parameter that says the same, and so must not stand beside it.
    fn parameter(self) -> &'static str {
        match self {
            Self::EventTypes => "eventType",
            Self::Epcs => "MATCH_anyEPC",
            Self::BizSteps => "EQ_bizStep",
            Self::BizLocations => "EQ_bizLocation",
            Self::ReadPoints => "EQ_readPoint",
            Self::Dispositions => "EQ_disposition",
        }
    }

    /// A value as an address writes it, in the form in which it is known; `None` for what can be no value.
    fn value(self, written: &str, context: &Context) -> Option<String> {
        match self {
            Self::EventTypes => canonical_word(written, context, None),
            Self::BizSteps => canonical_word(written, context, Some(Vocabulary::BizStep)),
            Self::Dispositions => canonical_word(written, context, Some(Vocabulary::Disposition)),
            Self::Epcs | Self::BizLocations | Self::ReadPoints => {
                let uri = context.expand(written);
                uri.contains(':').then(|| epcis::urn::canonical(&uri).into_owned())
            }
        }
    }

    /// That an event has the value.
    fn condition(self, value: &str) -> Condition {
        match self {
            Self::Epcs => Condition::Matches(What::AnyEpc, vec![Pattern::Exactly(value.to_owned())]),
            _ => {
                Condition::Among(Among { field: self.field(), values: vec![Scalar::Text(value.to_owned())] })
            }
        }
    }

    fn is_known(self, tx: &mut dyn Tx, sights: &[Sight], value: &str) -> Result<bool, StoreError> {
        match self {
            Self::Epcs => has_thing(tx, sights, &self.condition(value)),
            _ if self.words().contains(&value) => Ok(true),
            _ => has_value(tx, sights, &self.field(), value),
        }
    }

    /// A page of what is known, from a place on.
    fn page(
        self,
        tx: &mut dyn Tx,
        sights: &[Sight],
        place: Option<&str>,
        count: usize,
    ) -> Result<Result<Page<String>, QueryRefusal>, StoreError> {
        if self == Self::Epcs {
            let Some(from) = place.map_or(Some((0, Seq(0), 0)), read_spot) else {
                return Ok(Err(QueryRefusal::Token));
            };
            let page = things(tx, sights, from, count)?;
            let next = page.next.map(|(at, seq, given)| format!("{at}.{seq}.{given}"));
            return Ok(Ok(Page { items: page.ids, next }));
        }
        // Words first, then what others brought; one more tells whether there is a next page.
        let words = self.words();
        let at = words.iter().position(|word| Some(*word) == place);
        let in_words = place.is_none() || at.is_some();
        let from = at.map_or(0, |at| at + 1);
        let mut page: Vec<String> = words
            .iter()
            .skip(if in_words { from } else { words.len() })
            .map(|word| (*word).to_owned())
            .collect();
        page.truncate(count + 1);
        if page.len() <= count {
            let behind = place.filter(|_| !in_words).unwrap_or_default();
            let wanted = count + 1 - page.len();
            let found = values(tx, sights, &self.field(), behind, wanted + words.len())?;
            page.extend(found.into_iter().filter(|value| !words.contains(&value.as_str())).take(wanted));
        }
        let next = (page.len() > count).then(|| page[count - 1].clone());
        page.truncate(count);
        Ok(Ok(Page { items: page, next }))
    }
}

fn read_spot(place: &str) -> Option<(usize, Seq, usize)> {
    let mut fields = place.split('.');
    let spot =
        (fields.next()?.parse().ok()?, Seq(fields.next()?.parse().ok()?), fields.next()?.parse().ok()?);
    (fields.next().is_none() && i64::try_from(spot.1.0).is_ok()).then_some(spot)
}

fn collection(members: &[impl AsRef<str>]) -> Value {
    let members: Vec<&str> = members.iter().map(AsRef::as_ref).collect();
    json!({ "@context": STANDARD, "type": "Collection", "member": members })
}

/// The top-level resources.
#[utoipa::path(get, path = "/epcis", tag = "epcis",
    responses((status = 200, content((Object = "application/json"), (Object = "application/ld+json"), (String = "application/xml"), (String = "text/xml"))), (status = 401), (status = 403), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn top(State(app): State<App>, viewer: Viewer, headers: HeaderMap) -> Result<Response, Problem> {
    viewer.need_somewhere(&app, QUERY)?;
    let media = any_type(&headers)?;
    Ok(answer_value(media, &collection(&TOP), epcis::xml::top_level))
}

async fn list(
    dimension: Dimension,
    app: App,
    viewer: Viewer,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(&uri);
    let sights = sights(&app, &viewer, QUERY, parameters.take("book").as_deref())?;
    let pages = List::of(&app, &viewer, &uri, &mut parameters);
    parameters.end()?;
    let media = answer_type(&headers)?;
    let asked = epc_format(&headers)?;
    let format = if dimension.is_of_identifiers() { asked } else { EpcFormat::AsWritten };
    pages
        .answer(
            &app,
            media,
            move |tx, place, count| dimension.page(tx, &sights, place, count),
            move |page, _| collection(&spelled(page, format)).to_string(),
        )
        .await
}

/// The value of an address that the viewer may know of, or the problem that there is none.
async fn known(
    dimension: Dimension,
    app: &App,
    viewer: &Viewer,
    sights: &[Sight],
    written: &str,
    headers: &HeaderMap,
) -> Result<String, Problem> {
    let value = dimension.value(written, &prefixes(headers)).ok_or_else(Problem::not_found)?;
    let (asked, sights) = (value.clone(), sights.to_vec());
    let is_known = app
        .search(&owner(app, viewer), move |kernel| {
            search(kernel, |tx| dimension.is_known(tx, &sights, &asked).map(Ok))
        })
        .await?
        .map_err(|refusal| query_problem(&refusal))?;
    if is_known { Ok(value) } else { Err(Problem::not_found()) }
}

async fn item(
    dimension: Dimension,
    app: App,
    viewer: Viewer,
    written: String,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let media = answer_type(&headers);
    find(dimension, &app, &viewer, &written, &uri, &headers).await?;
    Ok(answer(media?, collection(&["events"]).to_string()))
}

/// Refuses an address whose value the viewer may not know of, or that there is not.
async fn find(
    dimension: Dimension,
    app: &App,
    viewer: &Viewer,
    written: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let mut parameters = Parameters::of(uri);
    let sights = sights(app, viewer, QUERY, parameters.take("book").as_deref())?;
    parameters.end()?;
    any_type(headers)?;
    known(dimension, app, viewer, &sights, written, headers).await.map(|_| ())
}

async fn events(
    dimension: Dimension,
    app: App,
    viewer: Viewer,
    written: String,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(&uri);
    let sights = sights(&app, &viewer, QUERY, parameters.take("book").as_deref())?;
    parameters.refuse(dimension.parameter())?;
    Form::asked(&headers)?;
    let value = known(dimension, &app, &viewer, &sights, &written, &headers).await?;
    answer_query(&app, &viewer, &uri, &headers, parameters, sights, Some(dimension.condition(&value))).await
}

async fn describe_list(app: App, viewer: Viewer, headers: HeaderMap) -> Result<Response, Problem> {
    describe_collection(&app, &viewer, QUERY, &headers, "GET, OPTIONS")
}

async fn describe_item(
    dimension: Dimension,
    app: App,
    viewer: Viewer,
    written: String,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    find(dimension, &app, &viewer, &written, &uri, &headers).await?;
    Ok((StatusCode::NO_CONTENT, described("GET, OPTIONS")).into_response())
}

/// Operations of one dimension: its list, one value, the events behind it, and what each address does.
macro_rules! dimension {
    ($name:ident, $dimension:expr, $list:literal, $item:literal, $events:literal, $value:literal, $what:literal) => {
        pub mod $name {
            use super::*;

            #[doc = concat!("The ", $what, " that are known, with those of the standard.")]
            #[utoipa::path(get, path = $list, tag = "epcis",
                params(("book" = Option<String>, Query, description = "One book instead of all."),
                    ("perPage" = Option<usize>, Query, description = "1 to 1,000; 30 if left out.", minimum = 1, maximum = 1_000),
                    ("nextPageToken" = Option<String>, Query),
                    ("GS1-EPC-Format" = Option<String>, Header, description = "How identifiers are spelled; see `GET /epcis/events`.")),
                responses((status = 200, content((Object = "application/json"), (Object = "application/ld+json")), headers(("Link" = String, description = "The next page, `rel=\"next\"`."))),
                    (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 414)),
                extensions(("x-action" = json!("market.epcis.query"))))]
            pub async fn list(
                State(app): State<App>,
                viewer: Viewer,
                uri: Uri,
                headers: HeaderMap,
            ) -> Result<Response, Problem> {
                super::list($dimension, app, viewer, uri, headers).await
            }

            #[doc = concat!("What stands below one of the ", $what, ": its events.")]
            #[utoipa::path(get, path = $item, tag = "epcis",
                params(($value = String, Path, description = "Percent-encoded."), ("book" = Option<String>, Query)),
                responses((status = 200, content((Object = "application/json"), (Object = "application/ld+json"))), (status = 400), (status = 401), (status = 403), (status = 404),
                    (status = 406), (status = 414)),
                extensions(("x-action" = json!("market.epcis.query"))))]
            pub async fn item(
                State(app): State<App>,
                viewer: Viewer,
                Path(value): Path<String>,
                uri: Uri,
                headers: HeaderMap,
            ) -> Result<Response, Problem> {
                super::item($dimension, app, viewer, value, uri, headers).await
            }

            #[doc = concat!("The events with one of the ", $what, ", narrowed by the parameters of `GET /epcis/events`.")]
            #[utoipa::path(get, path = $events, tag = "epcis",
                params(($value = String, Path, description = "Percent-encoded."), EventQuery, FormatHeaders),
                responses((status = 200, content((Object = "application/json"), (Object = "application/ld+json"), (String = "application/xml"), (String = "text/xml")),
                        headers(("Link" = String, description = "The next page, `rel=\"next\"`."))),
                    (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 413), (status = 414)),
                extensions(("x-action" = json!("market.epcis.query"))))]
            pub async fn events(
                State(app): State<App>,
                viewer: Viewer,
                Path(value): Path<String>,
                uri: Uri,
                headers: HeaderMap,
            ) -> Result<Response, Problem> {
                super::events($dimension, app, viewer, value, uri, headers).await
            }

            #[doc = concat!("What the list of ", $what, " does.")]
            #[utoipa::path(options, path = $list, tag = "epcis",
                responses((status = 204), (status = 401), (status = 403), (status = 406)),
                extensions(("x-action" = json!("market.epcis.query"))))]
            pub async fn describe_list(
                State(app): State<App>,
                viewer: Viewer,
                headers: HeaderMap,
            ) -> Result<Response, Problem> {
                super::describe_list(app, viewer, headers).await
            }

            #[doc = concat!("What the address of one of the ", $what, " does.")]
            #[utoipa::path(options, path = $item, tag = "epcis", params(($value = String, Path), ("book" = Option<String>, Query)),
                responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
                extensions(("x-action" = json!("market.epcis.query"))))]
            pub async fn describe_item(
                State(app): State<App>,
                viewer: Viewer,
                Path(value): Path<String>,
                uri: Uri,
                headers: HeaderMap,
            ) -> Result<Response, Problem> {
                super::describe_item($dimension, app, viewer, value, uri, headers).await
            }

            #[doc = concat!("What the events with one of the ", $what, " may be asked.")]
            #[utoipa::path(options, path = $events, tag = "epcis", params(($value = String, Path), ("book" = Option<String>, Query)),
                responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406), (status = 414)),
                extensions(("x-action" = json!("market.epcis.query"))))]
            pub async fn describe_events(
                State(app): State<App>,
                viewer: Viewer,
                Path(value): Path<String>,
                uri: Uri,
                headers: HeaderMap,
            ) -> Result<Response, Problem> {
                super::describe_item($dimension, app, viewer, value, uri, headers).await
            }
        }
    };
}

dimension!(
    event_types,
    Dimension::EventTypes,
    "/epcis/eventTypes",
    "/epcis/eventTypes/{eventType}",
    "/epcis/eventTypes/{eventType}/events",
    "eventType",
    "types of events"
);
dimension!(
    epcs,
    Dimension::Epcs,
    "/epcis/epcs",
    "/epcis/epcs/{epc}",
    "/epcis/epcs/{epc}/events",
    "epc",
    "things"
);
dimension!(
    biz_steps,
    Dimension::BizSteps,
    "/epcis/bizSteps",
    "/epcis/bizSteps/{bizStep}",
    "/epcis/bizSteps/{bizStep}/events",
    "bizStep",
    "business steps"
);
dimension!(
    biz_locations,
    Dimension::BizLocations,
    "/epcis/bizLocations",
    "/epcis/bizLocations/{bizLocation}",
    "/epcis/bizLocations/{bizLocation}/events",
    "bizLocation",
    "business locations"
);
dimension!(
    read_points,
    Dimension::ReadPoints,
    "/epcis/readPoints",
    "/epcis/readPoints/{readPoint}",
    "/epcis/readPoints/{readPoint}/events",
    "readPoint",
    "read points"
);
dimension!(
    dispositions,
    Dimension::Dispositions,
    "/epcis/dispositions",
    "/epcis/dispositions/{disposition}",
    "/epcis/dispositions/{disposition}/events",
    "disposition",
    "dispositions"
);
