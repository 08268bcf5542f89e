//! What projects are grouped by: programmes with their plan of money, and industry chains with who answers for them.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use base::Fen;
use kernel::{FigureError, Period, Value};
use shell::extract::Path;
use shell::pages::page;
use shell::rows::{self, ListPage};
use shell::table::{Direction, TableSpec};
use shell::view::{Cell, Column, Empty, FigureTile, Frame, Link, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Problem, T};

use super::place::{Names, Place, post_title};
use super::portfolio::{columns, project_row};
use super::{amounts, forms};
use crate::api::Sight;
use crate::figures as of;
use crate::kinds::Phase;
use crate::policy::READ;
use crate::state::{self, Chain, Listed, Programme, Project};

pub fn router() -> Router<App> {
    Router::new()
        .route("/projects/{book}/programmes", get(programmes))
        .route("/projects/{book}/programme/{programme}", get(programme))
        .route("/projects/{book}/chains", get(chains))
        .route("/projects/{book}/chain/{chain}", get(chain))
}

/// The figures of a group, the same for both sorts.
const TILES: [&str; 8] = [
    of::PROJECTS,
    of::TOTAL,
    of::UNDER_WAY,
    of::FINISHED,
    of::START_RATE,
    of::FINISH_RATE,
    of::INVESTED,
    of::PAID,
];

const BY_TITLE: TableSpec = TableSpec {
    sortable: &["title", "planned", "invested", "share", "projects", "under_way", "finished", "total"],
    sort: ("title", Direction::Ascending),
    per_page: 50,
};

#[derive(Template)]
#[template(path = "group.html")]
struct GroupPage {
    frame: Frame,
    actions: Vec<Link>,
    /// Who answers.
    leader: Option<String>,
    tiles: Vec<FigureTile>,
    table: TableView,
}

/// What a page of groups is read from.
struct Read {
    names: Names,
    listed: Vec<Listed>,
    programmes: Vec<Programme>,
    chains: Vec<Chain>,
    of_programmes: HashMap<String, Sums>,
    of_chains: HashMap<String, Sums>,
}

async fn read(app: &App, place: &Place, lang: shell::Lang) -> Result<Read, Problem> {
    let book = place.book.clone();
    app.blocking(move |kernel| {
        kernel.read(|tx| {
            let books = [book.clone()];
            let listed = state::listed(tx, &books, None, None)?;
            Ok::<_, store::StoreError>(Read {
                names: Names::read(tx, &books, lang)?,
                of_programmes: Sums::by(&listed, |project| project.programme.as_ref()),
                of_chains: Sums::by(&listed, |project| project.chain.as_ref()),
                listed,
                programmes: state::programmes(tx, &book)?,
                chains: state::chains(tx, &book)?,
            })
        })
    })
    .await
}

/// A book of which the viewer sees every project: a team's few say nothing of a group.
fn whole(app: &App, viewer: &Viewer, lang: shell::Lang, book: &str) -> Result<Place, Problem> {
    let place = Place::of(app, viewer, lang, book, READ)?;
    if place.sight != Sight::All {
        viewer.need(app, READ, &place.resource)?;
    }
    Ok(place)
}

/// Counts and sums of the projects of one group.
#[derive(Default, Clone, Copy)]
struct Sums {
    projects: i64,
    under_way: i64,
    finished: i64,
    total: Fen,
    invested: Fen,
}

impl Sums {
    /// Those of all groups, in one pass.
    fn by(listed: &[Listed], group: fn(&Project) -> Option<&String>) -> HashMap<String, Self> {
        let mut all: HashMap<String, Self> = HashMap::new();
        for it in listed {
            let Some(group) = group(&it.project) else { continue };
            let sums = all.entry(group.clone()).or_default();
            let phase = it.project.phase;
            sums.projects += 1;
            sums.under_way += i64::from((Phase::Started..Phase::Finished).contains(&phase));
            sums.finished += i64::from(phase >= Phase::Finished);
            sums.total += it.project.total_fen;
            sums.invested += it.course.invested;
        }
        all
    }
}

fn counts(t: &T) -> [Column; 5] {
    [
        Column::number("projects", t.get("projects-count")),
        Column::number("under_way", t.get("projects-under-way")),
        Column::number("finished", t.get("projects-finished")),
        amounts::sum_column(t, "total", "projects-total"),
        amounts::sum_column(t, "invested", "projects-invested"),
    ]
}

fn count_cells(lang: shell::Lang, sums: &Sums, page: &str) -> [Cell; 5] {
    [
        Cell::integer(sums.projects).link(page),
        Cell::integer(sums.under_way).link(page),
        Cell::integer(sums.finished).link(page),
        amounts::round_sum(lang, sums.total).link(page),
        amounts::round_sum(lang, sums.invested).link(page),
    ]
}

async fn programmes(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let place = whole(&app, &viewer, lang, &book)?;
    let read = read(&app, &place, lang).await?;
    let t = app.texts.t(lang);
    let mut columns = vec![
        Column::text("title", t.get("projects-field-programme")),
        amounts::sum_column(&t, "planned", "projects-field-planned_fen"),
    ];
    columns.extend(counts(&t));
    columns.push(Column::number("share", t.get("projects-share")));
    let cells = |it: &Programme| {
        let sums = read.of_programmes.get(&it.programme).copied().unwrap_or_default();
        let page = place.href(&format!("programme/{}", it.programme));
        let title = read.names.or_chinese(&it.title_zh, it.title_en.as_deref());
        let mut cells =
            vec![Cell::text(title).link(&page), amounts::round_sum(lang, it.planned_fen).link(&page)];
        cells.extend(count_cells(lang, &sums, &page));
        cells.push(amounts::share(sums.invested, it.planned_fen));
        cells
    };
    let all = read.programmes.iter().map(cells).collect();
    let list = List { key: "programmes", columns, rows: all, forms: &["programme", "replan"] };
    list.answer(&app, &viewer, &t, &place, &here).await
}

async fn chains(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let place = whole(&app, &viewer, lang, &book)?;
    let read = read(&app, &place, lang).await?;
    let t = app.texts.t(lang);
    let mut columns = vec![
        Column::text("title", t.get("projects-field-chain")),
        Column::text("leader", t.get("projects-field-leader")),
    ];
    columns.extend(counts(&t));
    let cells = |it: &Chain| {
        let sums = read.of_chains.get(&it.chain).copied().unwrap_or_default();
        let page = place.href(&format!("chain/{}", it.chain));
        let title = read.names.or_chinese(&it.title_zh, it.title_en.as_deref());
        let mut cells = vec![Cell::text(title).link(&page), Cell::text(post_title(&app, lang, &it.leader))];
        cells.extend(count_cells(lang, &sums, &page));
        cells
    };
    let all = read.chains.iter().map(cells).collect();
    let list = List { key: "chains", columns, rows: all, forms: &["chain", "hand-over"] };
    list.answer(&app, &viewer, &t, &place, &here).await
}

/// A page that is one list of groups.
struct List {
    key: &'static str,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// The forms that fill it, the first where it is empty.
    forms: &'static [&'static str],
}

impl List {
    async fn answer(
        self,
        app: &App,
        viewer: &Viewer,
        t: &T,
        place: &Place,
        here: &str,
    ) -> Result<Response, Problem> {
        let asked = rows::asked(&BY_TITLE, here)?;
        let actions = forms::links(app, viewer, place, t, self.forms, "");
        let empty = Empty {
            title: t.get(&format!("projects-no-{}", self.key)),
            hint: t.get(&format!("projects-no-{}-hint", self.key)),
            action: actions.first().cloned(),
        };
        let columns = self.columns.into_iter().map(|column| column.sorted(&asked)).collect();
        let title = t.get(&format!("projects-{}", self.key));
        let mut table = TableView::new(self.key, &title, columns, empty);
        rows::fill(&mut table, &asked, t, self.rows);
        let frame = place.frame(app, viewer, t.lang(), format!("{} · {title}", place.title), here);
        rows::answer(app, &asked, ListPage { frame, actions, table }).await
    }
}

async fn programme(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, code)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let place = whole(&app, &viewer, lang, &book)?;
    let read = read(&app, &place, lang).await?;
    let found = read.programmes.iter().find(|it| it.programme == code).ok_or_else(Problem::not_found)?;
    let group = Group {
        title: read.names.or_chinese(&found.title_zh, found.title_en.as_deref()),
        dimension: format!("programme={code}"),
        leader: None,
        planned: Some(found.planned_fen),
        form: ("replan", format!("?programme={code}")),
        new: format!("?programme={code}"),
        listed: read.listed.iter().filter(|it| it.project.programme.as_ref() == Some(&code)).collect(),
    };
    group.answer(&app, &viewer, lang, &here, &place, &read.names).await
}

async fn chain(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, code)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let place = whole(&app, &viewer, lang, &book)?;
    let read = read(&app, &place, lang).await?;
    let found = read.chains.iter().find(|it| it.chain == code).ok_or_else(Problem::not_found)?;
    let group = Group {
        title: read.names.or_chinese(&found.title_zh, found.title_en.as_deref()),
        dimension: format!("chain={code}"),
        leader: Some(post_title(&app, lang, &found.leader)),
        planned: None,
        form: ("hand-over", format!("?chain={code}")),
        new: format!("?chain={code}"),
        listed: read.listed.iter().filter(|it| it.project.chain.as_ref() == Some(&code)).collect(),
    };
    group.answer(&app, &viewer, lang, &here, &place, &read.names).await
}

/// One programme or chain.
struct Group<'g> {
    title: String,
    dimension: String,
    leader: Option<String>,
    /// The plan of money of a programme.
    planned: Option<Fen>,
    form: (&'static str, String),
    /// What a project that is registered from here belongs to.
    new: String,
    listed: Vec<&'g Listed>,
}

impl Group<'_> {
    async fn answer(
        mut self,
        app: &App,
        viewer: &Viewer,
        lang: shell::Lang,
        here: &str,
        place: &Place,
        names: &Names,
    ) -> Result<Response, Problem> {
        let t = app.texts.t(lang);
        let today = app.today();
        let (book, dimension) = (place.book.clone(), self.dimension.clone());
        let (from, values) = app
            .blocking(move |kernel| {
                let books = [book];
                let from = kernel.read(|tx| state::first_month(tx, &books, kernel.zone(), today))?;
                let period = Period { from, to: today };
                let values = TILES.iter().map(|name| kernel.figure(name, &books, period, &dimension));
                Ok::<_, FigureError>((from, values.collect::<Result<Vec<_>, _>>()?))
            })
            .await?;
        let days = (from.to_string(), today.to_string());
        let unit = place.resource.unit.to_string();
        let href = |name: &str| amounts::href(name, &unit, (&days.0, &days.1), &self.dimension);
        let mut tiles: Vec<FigureTile> = TILES
            .iter()
            .zip(&values)
            .map(|(name, value)| amounts::tile(app, lang, name, *value, href(name)))
            .collect();
        if let Some(planned) = self.planned {
            let value = Value::Sum { amount: planned.0 };
            let page = href(of::PROGRAMME_PLANNED);
            tiles.insert(0, amounts::tile(app, lang, of::PROGRAMME_PLANNED, value, page));
        }
        self.listed.sort_by_key(|it| std::cmp::Reverse((it.course.colour, it.project.total_fen)));
        let empty = Empty {
            title: t.get("projects-none"),
            hint: t.get("projects-group-none-hint"),
            action: forms::links(app, viewer, place, &t, &["project"], &self.new).pop(),
        };
        let mut table = TableView::new("projects", t.get("projects-list"), columns(&t), empty);
        table.rows = self.listed.iter().map(|it| project_row(app, &t, names, it)).collect();
        let frame = place.frame(app, viewer, lang, self.title, here);
        let actions = forms::links(app, viewer, place, &t, &[self.form.0], &self.form.1);
        page(&GroupPage { frame, actions, leader: self.leader, tiles, table })
    }
}
