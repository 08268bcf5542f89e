//! What was done for projects, list by list: visits, assistance, errands; and the permit desk with its clocks.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use base::{BookId, SubjectId, Time};
use kernel::{FigureError, Period};
use shell::extract::Path;
use shell::pages::page;
use shell::rows::{self, ListPage};
use shell::table::{Direction, TableSpec};
use shell::view::{Badge, Cell, Column, Empty, FigureTile, Frame, Link, Mark, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem, T};
use store::{StoreError, Tx};

use super::place::{Names, Place, post_title};
use super::{amounts, forms, owed};
use crate::api::Sight;
use crate::figures as of;
use crate::policy::READ;
use crate::state::{self, Assistance, Permit, Project, Proxy, Visit};

pub fn router() -> Router<App> {
    let mut router = Router::new().route("/projects/{book}/permits", get(desk));
    for register in REGISTERS {
        let handler = move |app: State<App>, viewer: Viewer, lang: Asked, here: Here, book: Path<String>| {
            show(register, app, viewer, lang, here, book)
        };
        router = router.route(&format!("/projects/{{book}}/{}", register.name), get(handler));
    }
    router
}

/// Rows that are looked through.
const ROWS: usize = 20_000;

/// One register: its columns, and the forms that fill it.
struct Register {
    name: &'static str,
    columns: &'static [(&'static str, &'static str)],
    spec: TableSpec,
    forms: &'static [&'static str],
    read: fn(&mut dyn Tx, &BookId) -> Result<Rows, StoreError>,
}

/// What a register holds.
enum Rows {
    Visits(Vec<Visit>),
    Assistance(Vec<Assistance>),
    Proxies(Vec<Proxy>),
}

const fn latest(sortable: &'static [&'static str], column: &'static str) -> TableSpec {
    TableSpec { sortable, sort: (column, Direction::Descending), per_page: 50 }
}

const REGISTERS: &[Register] = &[
    Register {
        name: "visits",
        columns: &[
            ("day", "day"),
            ("by", "projects-field-by"),
            ("to", "projects-form-visit-to"),
            ("place", "projects-field-place"),
            ("settled", "projects-field-settled"),
            ("project", "projects-project"),
        ],
        spec: latest(&["day", "by", "to", "place", "project"], "day"),
        forms: &["visit"],
        read: |tx, book| state::visits(tx, book, None, ROWS).map(Rows::Visits),
    },
    Register {
        name: "assistance",
        columns: &[
            ("day", "day"),
            ("title", "projects-field-title"),
            ("enterprise", "projects-field-enterprise"),
            ("project", "projects-project"),
        ],
        spec: latest(&["day", "title", "enterprise", "project"], "day"),
        forms: &["assistance"],
        read: |tx, book| state::assistance(tx, book, None, ROWS).map(Rows::Assistance),
    },
    Register {
        name: "proxies",
        columns: &[
            ("day", "projects-opened"),
            ("title", "projects-field-title"),
            ("enterprise", "projects-field-enterprise"),
            ("project", "projects-project"),
            ("agent", "projects-field-agent"),
            ("state", "projects-state"),
        ],
        spec: latest(&["day", "title", "enterprise", "project", "state"], "day"),
        forms: &["proxy", "proxy-done"],
        read: |tx, book| state::proxies(tx, book, None, ROWS).map(Rows::Proxies),
    },
];

/// What the cells are set from.
struct With<'w> {
    app: &'w App,
    t: &'w T,
    place: &'w Place,
    titles: std::collections::BTreeMap<String, String>,
}

impl With<'_> {
    fn day(&self, at: Time) -> String {
        self.app.kernel.zone().day_of(at).to_string()
    }

    fn entry(&self, seq: base::Seq) -> String {
        format!("/ledger/{}/{seq}", self.place.book)
    }

    fn post(&self, post: &SubjectId) -> Cell {
        Cell::text(post_title(self.app, self.t.lang(), post))
    }

    fn project(&self, project: Option<&String>) -> Cell {
        project.map_or_else(Cell::none, |name| {
            let title = self.titles.get(name).unwrap_or(name);
            Cell::text(title).link(self.place.of_project(name, ""))
        })
    }

    fn visit(&self, it: &Visit) -> Vec<Cell> {
        vec![
            Cell::text(self.day(it.at)).link(self.entry(it.seq)),
            self.post(&it.by),
            Cell::text(self.t.get(&format!("projects-value-to-{}", it.to))),
            Cell::text(&it.place),
            Cell::text(&it.settled),
            self.project(it.project.as_ref()),
        ]
    }

    fn assistance(&self, it: &Assistance) -> Vec<Cell> {
        vec![
            Cell::text(self.day(it.at)).link(self.entry(it.seq)),
            Cell::text(&it.title),
            Cell::text(&it.enterprise),
            self.project(it.project.as_ref()),
        ]
    }

    fn proxy(&self, it: &Proxy) -> Vec<Cell> {
        let form = self.place.href(&format!("record/proxy-done?item={}", it.item));
        vec![
            Cell::text(self.day(it.opened_at)).link(self.entry(it.opened_seq)),
            Cell::text(&it.title),
            Cell::text(&it.enterprise),
            self.project(it.project.as_ref()),
            self.post(&it.agent),
            match it.done_at {
                Some(at) => {
                    let text = self.t.with("projects-done-on", &[("day", self.day(at))]);
                    Cell::badge(Badge { mark: Mark::Done, text })
                }
                None => {
                    Cell::badge(Badge { mark: Mark::Plain, text: self.t.get("projects-open") }).link(form)
                }
            },
        ]
    }
}

/// A book of which the viewer may read everything.
fn whole(app: &App, viewer: &Viewer, lang: Lang, book: &str) -> Result<Place, Problem> {
    let place = Place::of(app, viewer, lang, book, READ)?;
    if place.sight != Sight::All {
        viewer.need(app, READ, &place.resource)?;
    }
    Ok(place)
}

fn titles(names: &Names, projects: &[Project]) -> std::collections::BTreeMap<String, String> {
    projects.iter().map(|it| (it.project.clone(), names.project(it))).collect()
}

/// The projects that rows may name, those that left the list among them.
fn all_projects(tx: &mut dyn Tx, book: &BookId) -> Result<Vec<Project>, StoreError> {
    let filter = state::Filter { withdrawn: true, ..state::Filter::default() };
    state::projects(tx, book, &filter, "", ROWS)
}

async fn show(
    register: &'static Register,
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let place = whole(&app, &viewer, lang, &book)?;
    let asked = rows::asked(&register.spec, &here)?;
    let of = place.book.clone();
    let (found, projects, names) = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let names = Names::read(tx, std::slice::from_ref(&of), lang)?;
                Ok::<_, StoreError>(((register.read)(tx, &of)?, all_projects(tx, &of)?, names))
            })
        })
        .await?;
    let t = app.texts.t(lang);
    let with = With { app: &app, t: &t, place: &place, titles: titles(&names, &projects) };
    let all = match &found {
        Rows::Visits(all) => all.iter().map(|it| with.visit(it)).collect(),
        Rows::Assistance(all) => all.iter().map(|it| with.assistance(it)).collect(),
        Rows::Proxies(all) => all.iter().map(|it| with.proxy(it)).collect(),
    };
    let actions = forms::links(&app, &viewer, &place, &t, register.forms, "");
    let empty = Empty {
        title: t.get(&format!("projects-no-{}", register.name)),
        hint: t.get(&format!("projects-no-{}-hint", register.name)),
        action: actions.first().cloned(),
    };
    let columns = register.columns.iter().map(|(key, title)| Column::text(key, t.get(title)).sorted(&asked));
    let title = t.get(&format!("projects-{}", register.name));
    let mut table = TableView::new(register.name, &title, columns.collect(), empty);
    rows::fill(&mut table, &asked, &t, all);
    let frame = place.frame(&app, &viewer, lang, format!("{} · {title}", place.title), &here);
    rows::answer(&app, &asked, ListPage { frame, actions, table }).await
}

/// The figures of the permit desk.
const TILES: [&str; 5] = [of::PERMITS, of::PERMITS_DECIDED, of::PERMIT_RATE, of::PROXIES, of::PROXIES_DONE];

/// Decided permits that are shown; the figures open into all.
const DECIDED: usize = 20;

#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage {
    frame: Frame,
    actions: Vec<Link>,
    counts: Vec<FigureTile>,
    tiles: Vec<FigureTile>,
    tables: Vec<TableView>,
}

/// The permit desk (审批台): what is due, what is late, what stands, and what was decided.
async fn desk(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let place = whole(&app, &viewer, lang, &book)?;
    let (of, today) = (place.book.clone(), app.today());
    let (from, values, permits, proxies, projects, names) = app
        .blocking(move |kernel| {
            let books = [of.clone()];
            let from = kernel.read(|tx| state::first_month(tx, &books, kernel.zone(), today))?;
            let period = Period { from, to: today };
            let values = TILES.iter().map(|name| kernel.figure(name, &books, period, ""));
            let values = values.collect::<Result<Vec<_>, FigureError>>()?;
            let (permits, proxies, projects, names) = kernel.read(|tx| {
                Ok::<_, StoreError>((
                    state::permits(tx, &of, None, ROWS)?,
                    state::proxies(tx, &of, None, ROWS)?,
                    all_projects(tx, &of)?,
                    Names::read(tx, &books, lang)?,
                ))
            })?;
            Ok::<_, FigureError>((from, values, permits, proxies, projects, names))
        })
        .await?;
    let t = app.texts.t(lang);
    let with = With { app: &app, t: &t, place: &place, titles: titles(&names, &projects) };
    let days = (from.to_string(), today.to_string());
    let tiles = TILES.iter().zip(&values).map(|(name, value)| {
        let href = amounts::href(name, place.resource.unit.as_str(), (&days.0, &days.1), "");
        amounts::tile(&app, lang, name, *value, href)
    });
    let heaps = heaps(&permits, today);
    let count = |key: &str, heap: &[&Permit]| {
        FigureTile::new(t.get(key), &shell::format::integer(heap.len() as i64)).link("#permits")
    };
    let open: Vec<&Permit> =
        heaps.late.iter().chain(&heaps.today).chain(&heaps.running).chain(&heaps.paused).copied().collect();
    let errands: Vec<Vec<Cell>> =
        proxies.iter().filter(|it| it.done_at.is_none()).map(|it| with.proxy(it)).collect();
    let table = |id: &'static str, columns: Vec<Column>, rows: Vec<Vec<Cell>>, form: Option<&str>| {
        let empty = Empty {
            title: t.get(&format!("projects-desk-no-{id}")),
            hint: t.get(&format!("projects-desk-no-{id}-hint")),
            action: form.and_then(|form| forms::links(&app, &viewer, &place, &t, &[form], "").pop()),
        };
        let mut table = TableView::new(id, t.get(&format!("projects-desk-{id}")), columns, empty);
        table.rows = rows;
        table
    };
    let proxy_columns = [
        ("day", "projects-opened"),
        ("title", "projects-field-title"),
        ("enterprise", "projects-field-enterprise"),
        ("project", "projects-project"),
        ("agent", "projects-field-agent"),
        ("state", "projects-state"),
    ];
    let tables = vec![
        table(
            "permits",
            permit_columns(&t),
            open.iter().map(|it| permit_row(&with, it)).collect(),
            Some("permit"),
        ),
        table(
            "errands",
            proxy_columns.map(|(key, title)| Column::text(key, t.get(title))).to_vec(),
            errands,
            Some("proxy"),
        ),
        table(
            "decided",
            permit_columns(&t),
            heaps.closed.iter().take(DECIDED).map(|it| permit_row(&with, it)).collect(),
            None,
        ),
    ];
    let title = format!("{} · {}", place.title, t.get("projects-desk"));
    let frame = place.frame(&app, &viewer, lang, title, &here);
    let names = ["permit", "permit-decided", "proxy", "proxy-done"];
    page(&DeskPage {
        actions: forms::links(&app, &viewer, &place, &t, &names, ""),
        counts: vec![
            count("projects-desk-today", &heaps.today),
            count("projects-desk-late", &heaps.late),
            count("projects-desk-running", &heaps.running),
            count("projects-desk-paused", &heaps.paused),
        ],
        tiles: tiles.collect(),
        tables,
        frame,
    })
}

fn permit_columns(t: &T) -> Vec<Column> {
    let mut columns = owed::permit_columns(t);
    columns.insert(1, Column::text("project", t.get("projects-project")));
    columns
}

fn permit_row(with: &With<'_>, permit: &Permit) -> Vec<Cell> {
    let mut cells = owed::permit_row(with.app, with.t, permit);
    cells.insert(1, with.project(Some(&permit.project)));
    cells
}

/// Permits by how they stand today.
#[derive(Default)]
struct Heaps<'p> {
    late: Vec<&'p Permit>,
    today: Vec<&'p Permit>,
    running: Vec<&'p Permit>,
    paused: Vec<&'p Permit>,
    closed: Vec<&'p Permit>,
}

fn heaps(permits: &[Permit], today: base::Day) -> Heaps<'_> {
    let mut heaps = Heaps::default();
    for permit in permits {
        let heap = match (permit.matter.closed, permit.due) {
            (Some(_), _) => &mut heaps.closed,
            (None, None) => &mut heaps.paused,
            // What was handed in waits for its review, and is not late by that.
            (None, Some(due)) => match permit.matter.effective().unwrap_or(today).cmp(&due) {
                std::cmp::Ordering::Greater => &mut heaps.late,
                std::cmp::Ordering::Equal => &mut heaps.today,
                std::cmp::Ordering::Less => &mut heaps.running,
            },
        };
        heap.push(permit);
    }
    heaps
}
