//! EPCIS documents: kept as they came, with typed access on top.

mod event;
mod limits;
mod members;
mod shape;

use serde_json::{Map, Value};

pub use event::{Action, Event, EventType, Quantity, Role, What};
pub use limits::Limits;
pub(crate) use limits::has_control;
pub(crate) use shape::carried as carried_version;

use crate::context::Context;
use crate::error::{EpcisError, Rule};
use crate::json;
use crate::moment::Moment;
use crate::path::Path;
use crate::xml::Style;
use shape::Shape;

/// What a document is at its outermost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// `EPCISDocument`.
    Events,
    /// `EPCISQueryDocument`.
    QueryResults,
    /// One event that stands alone.
    Event,
    /// `EPCISMasterDataDocument`, which XML alone has: in JSON, a document whose header holds the vocabularies.
    MasterData,
}

/// A parsed and checked document (EPCIS 2.0, section 10, JSON and JSON-LD).
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub kind: DocumentKind,
    pub context: Context,
    pub schema_version: Option<String>,
    pub creation_date: Option<Moment>,
    /// The vocabularies of `epcisHeader.epcisMasterData`, as they came.
    pub master_data: Vec<Value>,
    pub events: Vec<Event>,
    /// Everything around the events, as it came; the list of events in it is empty.
    envelope: Map<String, Value>,
}

/// A document whose events were each checked by themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Sifted {
    /// The document with those of its events that keep the rules.
    pub document: Document,
    /// The others: the place of each in the document, from 0, ascending, and the first rule that it breaks.
    pub refused: Vec<(usize, EpcisError)>,
}

impl Sifted {
    /// The document, if none of its events was refused.
    fn whole(self) -> Result<Document, EpcisError> {
        match self.refused.into_iter().next() {
            Some((_, first)) => Err(first),
            None => Ok(self.document),
        }
    }
}

impl Document {
    /// Reads JSON text, and keeps on where a single event breaks a rule.
    pub fn sift(json: &[u8], limits: &Limits) -> Result<Sifted, EpcisError> {
        Self::sift_value(json::parse(json, limits)?, None, limits)
    }

    /// Reads XML text of EPCIS 1.0 to 2.0, and keeps on where a single event breaks a rule.
    pub fn sift_xml(xml: &[u8], limits: &Limits) -> Result<Sifted, EpcisError> {
        let (value, kind) = crate::xml::read(xml, limits)?;
        limits.check(&value)?;
        Self::sift_value(value, Some(kind), limits)
    }

    /// Reads XML text of EPCIS 1.0 to 2.0.
    pub fn parse_xml(xml: &[u8], limits: &Limits) -> Result<Self, EpcisError> {
        Self::sift_xml(xml, limits).and_then(Sifted::whole)
    }

    /// Reads JSON text. The error names the path of the first member that breaks a rule, and the rule.
    pub fn parse(json: &[u8], limits: &Limits) -> Result<Self, EpcisError> {
        Self::sift(json, limits).and_then(Sifted::whole)
    }

    /// Reads a JSON value.
    pub fn from_value(value: Value, limits: &Limits) -> Result<Self, EpcisError> {
        limits.check(&value)?;
        Self::sift_value(value, None, limits).and_then(Sifted::whole)
    }

    /// Reads a value that is within the limits, but for the number of its events.
    fn sift_value(value: Value, kind: Option<DocumentKind>, limits: &Limits) -> Result<Sifted, EpcisError> {
        let Value::Object(mut envelope) = value else {
            return Err(EpcisError::at("", Rule::Kind("an object")));
        };
        let kind = kind.unwrap_or_else(|| match envelope.get("type").and_then(Value::as_str) {
            Some("EPCISDocument") => DocumentKind::Events,
            Some("EPCISQueryDocument") => DocumentKind::QueryResults,
            _ => DocumentKind::Event,
        });
        let context = Context::read(check_context(&envelope)?);
        if kind == DocumentKind::Event {
            let event = Event::read(envelope, &context, &Path::Root, limits)?;
            let document = Self {
                kind,
                context,
                schema_version: None,
                creation_date: None,
                master_data: Vec::new(),
                events: vec![event],
                envelope: Map::new(),
            };
            return Ok(Sifted { document, refused: Vec::new() });
        }
        check_envelope(&envelope, kind, &context)?;
        let creation_date = envelope.get("creationDate").and_then(Value::as_str).and_then(Moment::parse);
        let schema_version = envelope.get("schemaVersion").and_then(Value::as_str).map(str::to_owned);
        let master_data = master_data(&envelope)?;
        let list = take_event_list(&mut envelope, kind)?;
        if list.len() > limits.events_max {
            let rule = Rule::Limit { what: "events in a document", max: limits.events_max };
            return Err(EpcisError::at(list_path(kind), rule));
        }
        let base = Path::Text(list_path(kind));
        let read = |(i, value)| match value {
            Value::Object(raw) => Event::read(raw, &context, &base.item(i), limits),
            _ => Err(EpcisError::at(base.item(i).to_string(), Rule::Kind("an object"))),
        };
        let (mut events, mut refused) = (Vec::with_capacity(list.len()), Vec::new());
        for (i, value) in list.into_iter().enumerate() {
            match read((i, value)) {
                Ok(event) => events.push(event),
                Err(error) => refused.push((i, error)),
            }
        }
        let document = Self { kind, context, schema_version, creation_date, master_data, events, envelope };
        Ok(Sifted { document, refused })
    }

    /// The `@context` as it came, for [`crate::event_hash`]; null for an event that stands alone and carries its own.
    pub fn context_value(&self) -> &Value {
        self.envelope.get("@context").unwrap_or(&Value::Null)
    }

    /// The document as XML of EPCIS 2.0.
    pub fn to_xml(&self, style: &Style) -> String {
        let events = self.events.iter().map(|event| &event.raw);
        crate::xml::print(self.kind, &self.envelope, &self.context, events, style)
    }

    /// The document as it came: the same members with the same values.
    pub fn to_value(&self) -> Value {
        self.clone().into_value()
    }

    /// The document as it came, without a copy.
    pub fn into_value(mut self) -> Value {
        let events = self.events.into_iter().map(|event| Value::Object(event.raw));
        if self.kind == DocumentKind::Event {
            return events.into_iter().next().unwrap_or(Value::Null);
        }
        if let Some(list) = event_list(&mut self.envelope, self.kind) {
            *list = events.collect();
        }
        Value::Object(self.envelope)
    }
}

fn list_path(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::QueryResults => "epcisBody.queryResults.resultsBody.eventList",
        _ => "epcisBody.eventList",
    }
}

fn event_list(envelope: &mut Map<String, Value>, kind: DocumentKind) -> Option<&mut Vec<Value>> {
    let mut names = list_path(kind).split('.');
    let mut value = envelope.get_mut(names.next()?)?;
    for name in names {
        value = value.get_mut(name)?;
    }
    value.as_array_mut()
}

fn take_event_list(envelope: &mut Map<String, Value>, kind: DocumentKind) -> Result<Vec<Value>, EpcisError> {
    let rule = || EpcisError::at(list_path(kind), Rule::Kind("a list of events"));
    event_list(envelope, kind).map(std::mem::take).ok_or_else(rule)
}

fn check_context(envelope: &Map<String, Value>) -> Result<&Value, EpcisError> {
    let shape = Shape { map: envelope, path: &Path::Root };
    let context = shape.need("@context")?;
    crate::context::check(context).map_err(|rule| shape.refuse("@context", rule))?;
    Ok(context)
}

fn check_envelope(
    envelope: &Map<String, Value>,
    kind: DocumentKind,
    context: &Context,
) -> Result<(), EpcisError> {
    const EVENTS: &[&str] = &[
        "@context",
        "id",
        "type",
        "schemaVersion",
        "creationDate",
        "instanceIdentifier",
        "sender",
        "receiver",
        "epcisHeader",
        "epcisBody",
    ];
    const RESULTS: &[&str] = &["@context", "id", "type", "schemaVersion", "creationDate", "epcisBody"];
    let document = Shape { map: envelope, path: &Path::Root };
    let is_events = kind != DocumentKind::QueryResults;
    document.known(if is_events { EVENTS } else { RESULTS }, context)?;
    if is_events {
        document.need("schemaVersion")?;
        document.need("creationDate")?;
    }
    document.check("id", shape::uri)?;
    document.check("schemaVersion", shape::version)?;
    document.check("creationDate", shape::time)?;
    for name in ["instanceIdentifier", "sender", "receiver"] {
        document.check(name, |value| shape::text(value).map(|_| ()))?;
    }
    let body_path = Path::Root.member("epcisBody");
    let body = document.object("epcisBody", &body_path)?;
    if is_events {
        body.known(&["eventList"], context)?;
        body.need("eventList")?;
        return Ok(());
    }
    body.known(&["queryResults"], context)?;
    let results_path = body_path.member("queryResults");
    let results = body.object("queryResults", &results_path)?;
    results.known(&["queryName", "subscriptionID", "resultsBody"], context)?;
    results.need("queryName")?;
    for name in ["queryName", "subscriptionID"] {
        results.check(name, |value| shape::text(value).map(|_| ()))?;
    }
    let inner_path = results_path.member("resultsBody");
    let inner = results.object("resultsBody", &inner_path)?;
    inner.known(&["eventList", "vocabularyList"], context)?;
    inner.need("eventList")?;
    Ok(())
}

fn master_data(envelope: &Map<String, Value>) -> Result<Vec<Value>, EpcisError> {
    let Some(header) = envelope.get("epcisHeader") else { return Ok(Vec::new()) };
    let at = |path: &str, rule| EpcisError::at(format!("epcisHeader{path}"), rule);
    let header = header.as_object().ok_or_else(|| at("", Rule::Kind("an object")))?;
    let Some(data) = header.get("epcisMasterData") else { return Ok(Vec::new()) };
    let data = data.as_object().ok_or_else(|| at(".epcisMasterData", Rule::Kind("an object")))?;
    let Some(list) = data.get("vocabularyList") else { return Ok(Vec::new()) };
    let path = ".epcisMasterData.vocabularyList";
    let list = list.as_array().ok_or_else(|| at(path, Rule::Kind("a list")))?;
    for (i, vocabulary) in list.iter().enumerate() {
        members::check_vocabulary(vocabulary, &Path::Text(&format!("epcisHeader{path}[{i}]")))?;
    }
    Ok(list.clone())
}
