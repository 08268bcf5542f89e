//! The list of key projects: its figures as of a day, and every project on it.

mod search;
mod views;

use access::{Resource, scope};
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::limits::FIGURE_DAYS_MAX;
use base::{BookId, Day, SubjectId, UnitCode};
use kernel::{FigureError, Period, Value};
use shell::extract::{Path, Query};
use shell::pages::page;
use shell::rows;
use shell::table::{Direction, TableSpec};
use shell::view::{Cell, Column, Empty, Field, FigureTile, Frame, Link, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Both, Lang, Problem, T};

use super::place::{Names, Place, crumbs, flash, unit_title};
use super::{amounts, forms};
use crate::api::Sight;
use crate::figures as of;
use crate::policy::READ;
use crate::state::{self, AsOf, Listed};
use search::{Choices, Wanted};
use views::View;

pub fn router() -> Router<App> {
    Router::new()
        .route("/projects", get(of_unit))
        .route("/projects/{book}", get(of_book))
        .merge(views::router())
}

/// The figures of the head, in the order in which they are read.
const TILES: [&str; 12] = [
    of::PROJECTS,
    of::TOTAL,
    of::START_RATE,
    of::FINISH_RATE,
    of::INVESTED,
    of::INVESTED_RATE,
    of::SIGNED_LARGE,
    of::SIGNED_LARGE_SUM,
    of::PROXIES,
    of::SOLVED,
    of::VISITS,
    of::ASSISTANCE,
];

/// The forms that are reached from the list.
const ACTIONS: [&str; 6] = ["project", "visit", "proxy", "assistance", "programme", "chain"];

const SPEC: TableSpec = TableSpec {
    sortable: &[
        "title", "colour", "phase", "chain", "unit", "total", "invested", "rate", "percent", "finish",
        "reported",
    ],
    sort: ("colour", Direction::Descending),
    per_page: 25,
};

#[derive(Template)]
#[template(path = "portfolio.html")]
struct PortfolioPage {
    frame: Frame,
    actions: Vec<Link>,
    /// Code and name of the units to choose from; none where the page is of one book.
    units: Vec<(String, String)>,
    unit: String,
    on: String,
    /// Whether the sums run from the beginning of the year.
    this_year: bool,
    tiles: Vec<FigureTile>,
    /// Below the tiles: which days the sums are of.
    span: String,
    colours: Vec<search::ColourLink>,
    views: Vec<View>,
    /// What would be kept as a view; none for a program.
    address: Option<String>,
    filters: Vec<Field>,
    text: String,
    clear: Option<String>,
    path: String,
    kept: Vec<(String, String)>,
    table: TableView,
}

/// What a list is of.
struct Scope {
    unit: UnitCode,
    books: Vec<BookId>,
    /// None for all projects.
    teams: Option<Vec<SubjectId>>,
    units: Vec<UnitCode>,
    place: Option<Place>,
}

async fn of_unit(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let units = units(&app, &viewer)?;
    let Some(first) = units.first() else { return own_projects(&app, &viewer) };
    let unit = match wanted.unit.as_deref().filter(|unit| !unit.is_empty()) {
        Some(asked) => {
            units.iter().find(|unit| unit.as_str() == asked).ok_or_else(Problem::not_found)?.clone()
        }
        None => first.clone(),
    };
    let books = app.tree().books_of_subtree(&unit, Some("projects"));
    let scope = Scope { unit, books, teams: None, units, place: None };
    set(&app, &viewer, lang, &here, &wanted, scope).await
}

async fn of_book(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let place = Place::of(&app, &viewer, lang, &book, READ)?;
    if let Sight::Teams(_) = place.sight {
        return Ok(Redirect::to("/my/projects").into_response());
    }
    let scope = Scope {
        unit: place.resource.unit.clone(),
        books: vec![place.book.clone()],
        teams: place.sight.teams().map(<[_]>::to_vec),
        units: Vec::new(),
        place: Some(place),
    };
    set(&app, &viewer, lang, &here, &wanted, scope).await
}

/// The units whose projects the viewer may read, the highest first.
fn units(app: &App, viewer: &Viewer) -> Result<Vec<UnitCode>, Problem> {
    let Some(actor) = viewer.actor() else { return Err(Problem::unauthorized()) };
    let tree = app.tree();
    let mut units = scope(app.kernel.policy(), &tree, actor, READ).units(&tree, Some("projects"));
    units.retain(|unit| {
        !tree.books_of_subtree(unit, Some("projects")).is_empty()
            && viewer.allows(app, READ, &Resource::of(unit).in_line("projects"))
    });
    units.sort_by_key(|unit| tree.ancestors(unit).len());
    Ok(units)
}

/// A team's only place is the page of its own projects.
fn own_projects(app: &App, viewer: &Viewer) -> Result<Response, Problem> {
    viewer.need_somewhere(app, READ)?;
    Ok(Redirect::to("/my/projects").into_response())
}

struct Read {
    from: Day,
    values: Vec<Value>,
    names: Names,
    listed: Vec<Listed>,
    views: Vec<View>,
}

async fn read(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    scope: &Scope,
    on: Day,
    this_year: bool,
) -> Result<Read, Problem> {
    let actor = viewer.id();
    let (books, teams) = (scope.books.clone(), scope.teams.clone());
    let as_of = past(app, on);
    app.blocking(move |kernel| {
        let (names, listed, first, views) = kernel.read(|tx| {
            let names = Names::read(tx, &books, lang)?;
            let listed = state::listed(tx, &books, teams.as_deref(), as_of)?;
            let views = views::views(tx, &actor)?;
            Ok::<_, store::StoreError>((
                names,
                listed,
                state::first_month(tx, &books, kernel.zone(), on)?,
                views,
            ))
        })?;
        let year = if this_year { on } else { first }.civil().0;
        let from = Day::parse(&format!("{year:04}-01-01")).unwrap_or(first);
        let from = from.max(Day(on.0 - FIGURE_DAYS_MAX));
        let period = Period { from, to: on };
        let values = TILES.iter().map(|name| kernel.figure(name, &books, period, ""));
        Ok::<_, FigureError>(Read { from, values: values.collect::<Result<_, _>>()?, names, listed, views })
    })
    .await
}

async fn set(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    here: &str,
    wanted: &Wanted,
    scope: Scope,
) -> Result<Response, Problem> {
    let asked = rows::asked(&SPEC, here)?;
    let (on, this_year) = (as_of(app, wanted.on.as_deref())?, wanted.span.as_deref() == Some("year"));
    let read = read(app, viewer, lang, &scope, on, this_year).await?;
    let t = app.texts.t(lang);
    let days = (read.from.to_string(), on.to_string());
    let choices = Choices::of(app, &t, &read.names, &read.listed);
    let mut found: Vec<&Listed> = read.listed.iter().filter(|it| wanted.takes(&t, &read.names, it)).collect();

    let mut table = table(&t, &scope, wanted, here, past(app, on));
    table.columns = table.columns.into_iter().map(|column| column.sorted(&asked)).collect();
    let is_ordered = search::order(&mut found, &asked);
    let all = found.iter().map(|it| search::row(app, &t, &read.names, it, on)).collect();
    // The text was looked for in more than the cells hold.
    let sort = if is_ordered { ("", asked.sort.1) } else { asked.sort };
    let mut of_rows = asked.clone();
    (of_rows.filter, of_rows.sort) = (None, sort);
    rows::fill(&mut table, &of_rows, &t, all);
    table.filter = None;
    table.exports = asked.export_links(&t);
    if let Some(file) = rows::file(app, &mut table, &asked).await? {
        return Ok(file);
    }

    let frame = frame(app, viewer, lang, here, &scope);
    let tiles = TILES.iter().zip(&read.values).map(|(name, value)| {
        let href = amounts::href(name, scope.unit.as_str(), (&days.0, &days.1), "");
        amounts::tile(app, lang, name, *value, href)
    });
    let path = here.split('?').next().unwrap_or_default().to_owned();
    page(&PortfolioPage {
        actions: scope
            .place
            .as_ref()
            .map_or_else(Vec::new, |it| forms::links(app, viewer, it, &t, &ACTIONS, "")),
        units: scope
            .units
            .iter()
            .map(|code| (code.to_string(), unit_title(app, lang, code.as_str())))
            .collect(),
        unit: if scope.place.is_some() { String::new() } else { scope.unit.to_string() },
        on: on.to_string(),
        this_year,
        tiles: tiles.collect(),
        span: t.with("projects-span", &[("from", days.0.as_str()), ("to", days.1.as_str())]),
        colours: choices.colours(&t, wanted, here),
        views: read.views,
        address: viewer.session().map(|_| views::address(here)),
        filters: choices.fields(&t, wanted),
        text: wanted.q.clone().unwrap_or_default(),
        clear: wanted.is_narrowed().then(|| wanted.cleared(here)),
        kept: wanted.kept(),
        path,
        table,
        frame,
    })
}

fn frame(app: &App, viewer: &Viewer, lang: Lang, here: &str, scope: &Scope) -> Frame {
    let mut frame = match &scope.place {
        Some(place) => place.frame(app, viewer, lang, place.title.clone(), here),
        None => {
            let t = app.texts.t(lang);
            let title = t.with("projects-of", &[("unit", unit_title(app, lang, scope.unit.as_str()))]);
            let mut frame = viewer.frame(app, lang, title, here);
            frame.crumbs = crumbs(app, viewer, lang, &scope.unit);
            frame.flash = flash(&frame, here);
            frame
        }
    };
    frame.as_of = Some(shell::format::date_time(app.moment(app.kernel.now())));
    frame
}

/// Today is not over, and is shown as things are now.
fn past(app: &App, on: Day) -> Option<AsOf> {
    let end = app.kernel.zone().start_of(on.plus(1)).plus_ms(-1);
    (on < app.today()).then_some(AsOf { day: on, end })
}

/// The columns of a project in a list.
pub fn columns(t: &T) -> Vec<Column> {
    vec![
        Column::text("title", t.get("projects-project")),
        Column::text("colour", t.get("projects-colour")),
        Column::text("phase", t.get("projects-field-phase")),
        Column::text("chain", t.get("projects-field-chain")),
        Column::text("unit", t.get("projects-place")),
        amounts::sum_column(t, "total", "projects-total"),
        amounts::sum_column(t, "invested", "projects-invested"),
        Column::number("rate", t.get("projects-rate")),
        Column::number("percent", t.get("projects-progress")),
        Column::text("finish", t.get("projects-field-planned_finish")),
        Column::text("reported", t.get("projects-reported")),
    ]
}

/// The cells of a project as it stands now.
pub fn project_row(app: &App, t: &T, names: &Names, listed: &Listed) -> Vec<Cell> {
    search::row(app, t, names, listed, app.today())
}

fn table(t: &T, scope: &Scope, wanted: &Wanted, here: &str, past: Option<AsOf>) -> TableView {
    let empty = match wanted.is_narrowed() {
        true => Empty {
            title: t.get("projects-none-found"),
            hint: t.get("projects-none-found-hint"),
            action: Some(Link { title: t.get("table-show-all"), href: wanted.cleared(here) }),
        },
        false => Empty {
            title: t.get("projects-none"),
            hint: t.get("projects-none-hint"),
            action: scope.place.as_ref().map(|place| Link {
                title: t.get("projects-form-project"),
                href: place.href("record/project"),
            }),
        },
    };
    let caption = match past {
        Some(AsOf { day, .. }) => t.with("projects-then", &[("day", day.to_string())]),
        None => t.get("projects-now"),
    };
    TableView::new("projects", caption, columns(t), empty)
}

/// The day asked for, or today.
fn as_of(app: &App, text: Option<&str>) -> Result<Day, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(app.today()) };
    let day = Day::parse(text).map_err(|error| {
        let detail = Both::new(format!("“{text}”不是日期，应形如 2021-12-10。"), error.to_string());
        Problem::bad_request("on", "format", detail)
    })?;
    if day > app.today() {
        let detail = Both::new("截至日期不能晚于今天。", "the day lies in the future");
        return Err(Problem::bad_request("on", "range", detail));
    }
    Ok(day)
}
