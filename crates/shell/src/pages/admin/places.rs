//! The places of a unit: a table on the unit's page, and the form that enters one.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use base::{SubjectId, UnitCode};
use registry::{Place, PlaceAdded, PlaceKind, Position};
use serde::Deserialize;

use super::choices::given;
use super::units::{CHANGE, change, form, seen, text};
use super::{AdminPage, Desk, Posted, page, refused};
use crate::api::refusal::malformed;
use crate::app::App;
use crate::extract::Path;
use crate::problem::Problem;
use crate::view::{Cell, Choice, Column, Empty, Field, FieldKind, TableView};

pub fn router() -> Router<App> {
    Router::new().route("/admin/units/{unit}/new-place", get(new_place).post(add_place))
}

/// The places of a unit.
pub fn table(desk: &Desk, tree: &registry::Tree, unit: &UnitCode) -> TableView {
    let columns = vec![
        Column::text("title", desk.get("admin-name")),
        Column::text("place", desk.get("admin-place")),
        Column::text("kind", desk.get("admin-place-kind")),
        Column::text("position", desk.get("admin-place-position")),
        Column::text("gln", desk.get("admin-place-gln")),
    ];
    let empty =
        Empty { title: desk.get("admin-places-none"), hint: desk.get("admin-places-hint"), action: None };
    let mut table = TableView::new("places", desk.get("admin-places"), columns, empty);
    let row = |place: &Place| {
        let position = place.position.map(|it| {
            format!("{}, {}", Position::print_degrees(it.lat_e7), Position::print_degrees(it.lon_e7))
        });
        vec![
            Cell::text(desk.title(&place.title_zh, &place.title_en)),
            Cell::text(place.id.as_str()),
            Cell::text(desk.get(&format!("place-{}", place.kind.as_str()))),
            position.map_or_else(Cell::none, Cell::text),
            place.gln.as_deref().map_or_else(Cell::none, Cell::text),
        ]
    };
    table.rows = tree.places_of(unit).map(row).collect();
    table
}

/// The form as it was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    place: String,
    kind: String,
    title_zh: String,
    title_en: String,
    latitude: String,
    longitude: String,
    gln: String,
}

fn place_form(desk: &Desk, unit: &UnitCode, typed: &Typed) -> AdminPage {
    let kind = |kind: PlaceKind| Choice {
        value: kind.as_str().to_owned(),
        title: desk.get(&format!("place-{}", kind.as_str())),
    };
    let kinds = FieldKind::Choice(PlaceKind::ALL.into_iter().map(kind).collect());
    let optional = |name, key: &str, chars_max, value: &str| {
        Field::new(name, desk.get(key), FieldKind::Text { chars_max }).value(value)
    };
    let fields = vec![
        text(desk, "place", "admin-place-name", &typed.place).hint(desk.get("admin-post-name-hint")),
        Field::new("kind", desk.get("admin-place-kind"), kinds).value(&typed.kind).required(),
        text(desk, "title_zh", "admin-title-zh", &typed.title_zh),
        text(desk, "title_en", "admin-title-en", &typed.title_en),
        optional("latitude", "admin-place-latitude", 12, &typed.latitude)
            .hint(desk.get("admin-place-degrees-hint")),
        optional("longitude", "admin-place-longitude", 12, &typed.longitude),
        optional("gln", "admin-place-gln", 13, &typed.gln).hint(desk.get("admin-place-gln-hint")),
    ];
    form(desk, unit, "admin-place-new", "new-place", fields)
}

async fn new_place(Path(unit): Path<String>, desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, CHANGE)?;
    page(&place_form(&desk, &seen(&desk, &unit)?, &Typed::default()))
}

/// The place that a form describes.
fn read(unit: &UnitCode, typed: &Typed) -> Result<PlaceAdded, Problem> {
    let place = SubjectId::new(format!("place:{unit}/{}", typed.place.trim()));
    let degrees = |field: &'static str, text: &str| {
        let read = |text: &str| {
            Position::parse_degrees(text).ok_or_else(|| malformed(field, &"is not decimal degrees"))
        };
        given(text).map(read).transpose()
    };
    let (lat, lon) = (degrees("latitude", &typed.latitude)?, degrees("longitude", &typed.longitude)?);
    let position = match (lat, lon) {
        (Some(lat_e7), Some(lon_e7)) => Some(Position { lat_e7, lon_e7 }),
        (None, None) => None,
        (Some(_), None) => return Err(malformed("longitude", &"belongs to the latitude")),
        (None, Some(_)) => return Err(malformed("latitude", &"belongs to the longitude")),
    };
    Ok(PlaceAdded {
        place: place.map_err(|error| malformed("place", &error))?,
        unit: unit.clone(),
        kind: PlaceKind::parse(&typed.kind).ok_or_else(|| malformed("kind", &"is not a kind of place"))?,
        title_zh: typed.title_zh.clone(),
        title_en: typed.title_en.clone(),
        position,
        gln: given(&typed.gln).map(str::to_owned),
    })
}

async fn add_place(
    Path(unit): Path<String>,
    desk: Desk,
    Posted { typed, sent }: Posted<Typed>,
) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, CHANGE)?;
    let unit = seen(&desk, &unit)?;
    let again = place_form(&desk, &unit, &typed);
    match read(&unit, &typed) {
        Ok(added) => {
            change(&desk, &unit, CHANGE, sent, move |kernel, by| kernel.add_place(by, added), again).await
        }
        Err(problem) => refused(&desk, problem, again),
    }
}
