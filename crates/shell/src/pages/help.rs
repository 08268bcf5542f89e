//! The documentation of the API, set from the OpenAPI document that this server answers with, and from its catalogue
//! of kinds.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use super::figure::kind_title;
use super::page;
use crate::app::App;
use crate::problem::Problem;
use crate::said;
use crate::texts::Lang;
use crate::view::{Frame, Sheet};
use crate::viewer::{Asked, Here, Public, Viewer};

/// The page of this document. It is open to everybody, as the document is.
pub fn help(document: &OpenApi) -> Router<App> {
    let read = serde_json::to_value(document).expect("an OpenAPI document is JSON");
    let read = Arc::new(Described::of(&read));
    Router::new().route(
        "/help/api",
        get(
            move |State(app): State<App>, _: Public, viewer: Viewer, Asked(lang): Asked, Here(here): Here| {
                let read = read.clone();
                async move { show(&app, &viewer, lang, &here, &read) }
            },
        ),
    )
}

/// What the page says of the document.
struct Described {
    /// Operations by tag.
    tags: BTreeMap<String, Vec<Operation>>,
    types: Vec<Type>,
}

struct Operation {
    method: String,
    path: String,
    summary: String,
    action: String,
    parameters: Vec<Member>,
    takes: Option<TypeName>,
    responses: Vec<Answer>,
}

struct Answer {
    status: String,
    gives: Option<TypeName>,
}

/// A type as words, and the name to look it up by where it has one.
#[derive(Clone)]
struct TypeName {
    text: String,
    link: Option<String>,
}

/// A parameter or a field.
struct Member {
    name: String,
    /// Where a parameter stands; empty for a field.
    place: String,
    of: TypeName,
    required: bool,
    says: String,
}

struct Type {
    name: String,
    says: String,
    fields: Vec<Member>,
    /// The values, of a type that is one of some words.
    values: Vec<String>,
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

impl Described {
    fn of(document: &Value) -> Self {
        let mut tags: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
        for (path, methods) in members(document.get("paths")) {
            for (method, operation) in members(Some(methods)) {
                let tag = items(operation.get("tags")).next().and_then(Value::as_str).unwrap_or("-");
                tags.entry(tag.to_owned()).or_default().push(Operation::of(method, path, operation));
            }
        }
        let schemas = document.get("components").and_then(|it| it.get("schemas"));
        Self { tags, types: members(schemas).map(|(name, schema)| Type::of(name, schema)).collect() }
    }
}

impl Operation {
    fn of(method: &str, path: &str, operation: &Value) -> Self {
        let body = operation.get("requestBody").and_then(|body| body.get("content"));
        let parameter = |it: &Value| Member {
            name: text(it, "name"),
            place: text(it, "in"),
            of: TypeName::of(it.get("schema").unwrap_or(&Value::Null)),
            required: it.get("required").and_then(Value::as_bool).unwrap_or_default(),
            says: text(it, "description"),
        };
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(operation, "summary"),
            action: text(operation, "x-action"),
            parameters: items(operation.get("parameters")).map(parameter).collect(),
            takes: content(body),
            responses: members(operation.get("responses"))
                .map(|(status, it)| Answer { status: status.clone(), gives: content(it.get("content")) })
                .collect(),
        }
    }
}

/// The type of a body: its schema, or its media type where that says more.
fn content(content: Option<&Value>) -> Option<TypeName> {
    let (media, body) = members(content).next()?;
    let of = TypeName::of(body.get("schema").unwrap_or(&Value::Null));
    let json = media.contains("json");
    Some(if json { of } else { TypeName { text: media.clone(), link: None } })
}

impl TypeName {
    fn of(schema: &Value) -> Self {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|it| it.rsplit('/').next()) {
            return Self { text: name.to_owned(), link: Some(name.to_owned()) };
        }
        let options: Vec<&Value> = items(schema.get("oneOf").or(schema.get("anyOf")))
            .filter(|option| option.get("type").and_then(Value::as_str) != Some("null"))
            .collect();
        if let [only] = options[..] {
            return Self::of(only);
        }
        let of = match schema.get("type") {
            Some(Value::String(of)) => of.as_str(),
            Some(Value::Array(all)) => {
                all.iter().filter_map(Value::as_str).find(|it| *it != "null").unwrap_or("")
            }
            _ => "",
        };
        if of == "array" {
            let item = Self::of(schema.get("items").unwrap_or(&Value::Null));
            return Self { text: format!("{}[]", item.text), link: item.link };
        }
        let format = text(schema, "format");
        let of = if of.is_empty() { "any" } else { of };
        Self { text: if format.is_empty() { of.to_owned() } else { format!("{of} ({format})") }, link: None }
    }
}

impl Type {
    fn of(name: &str, schema: &Value) -> Self {
        let values = items(schema.get("enum")).filter_map(Value::as_str).map(str::to_owned).collect();
        Self { name: name.to_owned(), says: text(schema, "description"), fields: fields(schema), values }
    }
}

/// The fields of an object.
fn fields(schema: &Value) -> Vec<Member> {
    let required = |name: &str| items(schema.get("required")).any(|it| it == name);
    members(schema.get("properties"))
        .map(|(name, field)| Member {
            name: name.clone(),
            place: String::new(),
            of: TypeName::of(field),
            required: required(name),
            says: text(field, "description"),
        })
        .collect()
}

/// The fields of a kind. Its schema brings its types with it, and they stand in place: the page lists those of the API.
fn kind_fields(schema: &Value) -> Vec<Member> {
    let own = schema.get("components").and_then(|it| it.get("schemas"));
    let mut all = Vec::new();
    for mut member in fields(schema) {
        let of = member.of.link.take().and_then(|name| own.and_then(|own| own.get(&name)).cloned());
        let Some(of) = of else {
            all.push(member);
            continue;
        };
        let values: Vec<&str> = items(of.get("enum")).filter_map(Value::as_str).collect();
        let inner = kind_fields(&json!({ "properties": of.get("properties"), "required": of.get("required"),
            "components": schema.get("components") }));
        if !values.is_empty() {
            member.of.text = values.join(" | ");
        }
        if member.says.is_empty() {
            member.says = text(&of, "description");
        }
        let name = member.name.clone();
        all.push(member);
        all.extend(inner.into_iter().map(|it| Member { name: format!("{name}.{}", it.name), ..it }));
    }
    all
}

struct KindShown {
    name: &'static str,
    title: String,
    erasable: bool,
    fields: Vec<Member>,
}

#[derive(Template)]
#[template(path = "help_api.html")]
struct HelpPage<'a> {
    frame: Frame,
    base_url: &'a str,
    read: &'a Described,
    kinds: Vec<KindShown>,
}

impl HelpPage<'_> {
    /// What a group of operations is called.
    fn tag(&self, tag: &str) -> String {
        said::known(&self.frame.t, format!("help-tag-{tag}"), tag)
    }
}

fn show(app: &App, viewer: &Viewer, lang: Lang, here: &str, read: &Described) -> Result<Response, Problem> {
    let t = app.texts.t(lang);
    let mut frame = viewer.frame(app, lang, t.get("help-api"), here);
    if viewer.session().is_none() {
        frame.sheet = Sheet::Public;
    }
    let kinds = app.kernel.catalogue().iter().map(|kind| KindShown {
        name: kind.name,
        title: kind_title(app, lang, kind.name),
        erasable: kind.erasable,
        fields: kind_fields(&kind.schema()),
    });
    page(&HelpPage { frame, base_url: &app.site.base_url, read, kinds: kinds.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_by_its_reference_and_an_option_by_what_it_may_hold() {
        let named = |schema: Value| TypeName::of(&schema).text;
        assert_eq!(named(json!({ "$ref": "#/components/schemas/Receipt" })), "Receipt");
        assert_eq!(
            named(json!({ "type": "array", "items": { "$ref": "#/components/schemas/Receipt" } })),
            "Receipt[]"
        );
        assert_eq!(named(json!({ "oneOf": [{ "type": "null" }, { "$ref": "#/x/Grant" }] })), "Grant");
        assert_eq!(named(json!({ "type": ["string", "null"], "format": "date" })), "string (date)");
        assert_eq!(named(json!({})), "any");
    }

    #[test]
    fn a_kind_shows_the_words_and_the_fields_of_its_own_types_in_place() {
        let schema = json!({
            "properties": { "zone": { "$ref": "#/components/schemas/Zone" }, "paper": { "$ref": "#/components/schemas/Paper" } },
            "components": { "schemas": {
                "Zone": { "type": "string", "enum": ["wet", "dry"] },
                "Paper": { "type": "object", "properties": { "number": { "type": "string" } } },
            } },
        });
        let shown = kind_fields(&schema);
        let said: Vec<(&str, &str)> = shown.iter().map(|it| (&*it.name, &*it.of.text)).collect();
        assert_eq!(said, [("paper", "Paper"), ("paper.number", "string"), ("zone", "wet | dry")]);
        assert!(shown.iter().all(|it| it.of.link.is_none()));
    }

    #[test]
    fn every_operation_of_the_kernel_is_on_the_page_with_its_action() {
        let document = crate::site::routes(Vec::new()).1;
        let read = Described::of(&serde_json::to_value(&document).unwrap());
        let operations: Vec<&Operation> = read.tags.values().flatten().collect();
        let named = |path: &str| operations.iter().filter(|operation| operation.path == path).count();
        assert_eq!((named("/api/grants"), named("/api/grants/{seq}")), (2, 1));
        for operation in operations {
            assert!(!operation.action.is_empty(), "{} {}", operation.method, operation.path);
            assert!(!operation.summary.is_empty(), "{} {}", operation.method, operation.path);
        }
    }
}
