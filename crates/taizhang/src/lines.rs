//! The explicit list of lines: the one place that knows them all.

use axum::Router;
use axum::middleware::from_fn;
use base::CityZone;
use kernel::Line;
use shell::said::Naming;
use shell::texts::TextsError;
use shell::wall::WallLine;
use shell::{App, Lang, NavEntry, Texts};
use utoipa::openapi::OpenApi;

pub fn lines(zone: &CityZone) -> Vec<Box<dyn Line>> {
    vec![Box::new(line_market::Market), Box::new(line_projects::Projects::new(zone.clone()))]
}

/// The texts of shell and lines.
pub fn texts() -> Result<Texts, TextsError> {
    let mut all: Vec<(Lang, &'static str)> = Texts::SHELL.to_vec();
    all.extend(line_market::TEXTS);
    all.extend(line_projects::TEXTS);
    Texts::new(all)
}

pub fn nav() -> Vec<NavEntry> {
    let mut all = line_market::NAV.to_vec();
    all.extend(line_projects::NAV);
    all.extend(shell::pages::NAV);
    all
}

/// What the lines show on the wall, in the order in which it is read.
pub fn wall() -> Vec<WallLine> {
    vec![line_projects::wall::WALL, line_market::wall::WALL]
}

pub fn names() -> Vec<Naming> {
    vec![line_market::NAMING, line_projects::NAMING]
}

pub fn router(app: App) -> Router {
    shell::site::site(
        app,
        vec![line_market::api::router(), line_projects::api::router()],
        vec![line_market::pages::router(), line_projects::pages::router()],
        vec![line_market::api::streams(), line_market::pages::streams()],
    )
    .layer(from_fn(line_market::api::epcis::in_the_standards_words))
}

/// The OpenAPI document of the whole API.
pub fn document() -> OpenApi {
    shell::site::routes(vec![line_market::api::router(), line_projects::api::router()]).1
}
