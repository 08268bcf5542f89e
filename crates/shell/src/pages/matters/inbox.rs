//! The inbox (待办): what waits for the posts that somebody holds, and what their units owe for those who may see it.

use std::hash::{DefaultHasher, Hash, Hasher};

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use base::{BookId, Day, KindName};
use kernel::{Listed, MatterFilter, Part, Standing};
use ledger::Entry;
use matters::{Answer, Colour, Matter, PostId, State};
use serde::Deserialize;

use super::Visit;
use crate::api::ledger::may_read;
use crate::app::App;
use crate::docket;
use crate::extract::Query;
use crate::live::{Events, PAUSE, follow};
use crate::pages::admin::listing::{Listing, list};
use crate::pages::page;
use crate::problem::Problem;
use crate::table::{Direction, TableSpec, with_parameter};
use crate::view::{Cell, Choice, Column, Empty, Frame, Link, TableView};

/// Matters that a list holds, the most urgent ones: beyond, it says that it was cut.
const LISTED_MAX: usize = 1_000;

pub fn router() -> Router<App> {
    Router::new().route("/matters", get(inbox))
}

pub fn streams() -> Router<App> {
    Router::new().route("/matters/live", get(live))
}

const SPEC: TableSpec = TableSpec {
    sortable: &["colour", "title", "sort", "state", "owner", "reviewer", "due", "left"],
    sort: ("due", Direction::Ascending),
    per_page: 50,
};

const CLOSED: TableSpec = TableSpec {
    sortable: &["colour", "title", "sort", "owner", "reviewer", "closed"],
    sort: ("closed", Direction::Descending),
    per_page: 50,
};

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tab {
    /// By the posts that the viewer holds.
    Owed,
    Review,
    Helping,
    Closed,
    /// In the books that the viewer may read.
    Unit,
    Past,
}

impl Tab {
    const ALL: [Self; 6] = [Self::Owed, Self::Review, Self::Helping, Self::Closed, Self::Unit, Self::Past];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Owed => "owed",
            Self::Review => "review",
            Self::Helping => "helping",
            Self::Closed => "closed",
            Self::Unit => "unit",
            Self::Past => "past",
        }
    }

    const fn part(self) -> Option<Part> {
        match self {
            Self::Owed => Some(Part::Owner),
            Self::Review => Some(Part::Reviewer),
            Self::Helping => Some(Part::Helper),
            _ => None,
        }
    }

    const fn is_closed(self) -> bool {
        matches!(self, Self::Closed | Self::Past)
    }

    const fn is_of_units(self) -> bool {
        matches!(self, Self::Unit | Self::Past)
    }
}

/// What the address asks for. An empty choice does not narrow the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    tab: Option<Tab>,
    colour: String,
    state: String,
    of: String,
    /// What the page of a stream shows already.
    shown: Option<String>,
}

/// A tab with its link and how many matters it holds.
struct TabView {
    title: String,
    href: String,
    count: Option<u64>,
    current: bool,
}

/// A choice by which a list is narrowed.
struct Narrowing {
    name: &'static str,
    label: String,
    value: String,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "matters/inbox.html")]
struct InboxPage {
    frame: Frame,
    tabs: Vec<TabView>,
    narrowings: Vec<Narrowing>,
    tab: &'static str,
    cut: Option<String>,
    table: TableView,
    actions: Vec<Link>,
    source: String,
}

/// What the viewer may list.
struct Reach {
    posts: Vec<PostId>,
    /// The books that the viewer may read for other reasons than a post.
    books: Vec<BookId>,
}

impl Reach {
    fn of(visit: &Visit) -> Result<Self, Problem> {
        let tree = visit.app.tree();
        let posts = docket::posts_of(&visit.app, &visit.viewer);
        let known = tree.books().map(|book| &book.book);
        let books: Vec<BookId> =
            known.filter(|book| may_read(&visit.app, &visit.viewer, book).is_ok()).cloned().collect();
        if posts.is_empty() && books.is_empty() {
            visit.viewer.need_somewhere(&visit.app, docket::READ)?;
        }
        Ok(Self { posts, books })
    }

    fn tabs(&self) -> impl Iterator<Item = Tab> {
        let (of_posts, of_units) = (!self.posts.is_empty(), !self.books.is_empty());
        Tab::ALL.into_iter().filter(move |tab| if tab.is_of_units() { of_units } else { of_posts })
    }

    /// The tab that is asked for; else the first in which something waits, or what the units owe.
    fn tab(&self, asked: Option<Tab>, counts: &[(Part, u64)]) -> Tab {
        let waits = |tab: &Tab| counts.iter().any(|(part, _)| Some(*part) == tab.part());
        let wanted = self.tabs().find(|tab| Some(*tab) == asked);
        let found = wanted.or_else(|| self.tabs().find(waits));
        found
            .or_else(|| self.tabs().find(|tab| tab.is_of_units()))
            .or_else(|| self.tabs().next())
            .unwrap_or(Tab::Owed)
    }

    fn filter(&self, visit: &Visit, tab: Tab, asked: &Asked) -> MatterFilter {
        let (books, posts) = if tab.is_of_units() {
            (self.books.clone(), Vec::new())
        } else if self.posts.is_empty() {
            // No post narrows nothing down, and nothing is one's own without.
            (Vec::new(), Vec::new())
        } else {
            // Whoever holds a post sees what it takes part in, wherever that is kept.
            (visit.app.tree().books().map(|book| book.book.clone()).collect(), self.posts.clone())
        };
        MatterFilter {
            books,
            posts,
            part: tab.part(),
            sort: KindName::new(&asked.of).ok(),
            lines: Vec::new(),
            colour: Colour::ALL.into_iter().find(|it| it.as_str() == asked.colour),
            state: State::ALL.into_iter().find(|it| it.as_str() == asked.state),
            standing: if tab.is_closed() { Standing::Closed } else { Standing::Open },
        }
    }
}

/// The matters of a tab, and whether there are more.
async fn listed(visit: &Visit, filter: MatterFilter) -> Result<(Vec<Listed>, bool), Problem> {
    if filter.books.is_empty() {
        return Ok((Vec::new(), false));
    }
    let page = visit.app.blocking(move |kernel| kernel.matters(&filter, None, LISTED_MAX)).await?;
    Ok((page.items, page.next.is_some()))
}

async fn inbox(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let reach = Reach::of(&visit)?;
    let posts = reach.posts.clone();
    let (counts, rulebook) = visit
        .app
        .blocking(move |kernel| {
            Ok::<_, store::StoreError>((kernel.count_matters(&posts)?, kernel.rulebook()?))
        })
        .await?;
    let tab = reach.tab(asked.tab, &counts);
    let (items, cut) = listed(&visit, reach.filter(&visit, tab, &asked)).await?;
    let zone = visit.app.kernel.zone();
    let provisional = |matter: &Matter| {
        matter.deadline(rulebook.calendar(), zone).is_some_and(|deadline| deadline.provisional)
    };
    let best = |matter: &Matter| {
        let rule = rulebook.newest(&matter.rule)?;
        let best = (rule.best_zh.as_deref(), rule.best_en.as_deref());
        if visit.lang == crate::texts::Lang::Zh { best.0 } else { best.1 }
    };
    let mut table = TableView::new("matters", caption(&visit, tab), columns(&visit, tab), empty(&visit, tab));
    table.rows = items
        .iter()
        .map(|Listed { matter, due }| row(&visit, tab, matter, *due, provisional(matter), best(matter)))
        .collect();
    let spec = if tab.is_closed() { &CLOSED } else { &SPEC };
    let table = match list(&visit.t, spec, &visit.here, table)? {
        Listing::File(wanted) => return wanted.response(&visit.app).await,
        Listing::Table(table) => *table,
    };
    let tabs = reach.tabs().map(|it| TabView {
        title: visit.get(&format!("matters-tab-{}", it.as_str())),
        href: format!("/matters?tab={}", it.as_str()),
        count: it.part().map(|part| counts.iter().find(|(of, _)| *of == part).map_or(0, |(_, count)| *count)),
        current: it == tab,
    });
    let can_open = super::open::books(&visit).next().is_some();
    let mut frame = visit.viewer.frame(&visit.app, visit.lang, visit.get("nav-matters"), &visit.here);
    frame.as_of = None;
    let view = InboxPage {
        tabs: tabs.collect(),
        narrowings: narrowings(&visit, tab, &asked),
        tab: tab.as_str(),
        cut: cut
            .then(|| visit.t.with("matters-cut", &[("count", crate::format::integer(LISTED_MAX as i64))])),
        table,
        actions: can_open
            .then(|| Link { title: visit.get("matter-open"), href: "/matters/new".into() })
            .into_iter()
            .collect(),
        source: source(tab, &visit.here, &items),
        frame,
    };
    page(&view)
}

/// The stream that follows what the address lists.
fn source(tab: Tab, here: &str, items: &[Listed]) -> String {
    let query = here.split_once('?').map_or("", |(_, query)| query);
    let source = with_parameter(&format!("/matters/live?{query}"), "lang", None);
    let source = with_parameter(&source, "tab", Some(tab.as_str()));
    with_parameter(&source, "shown", Some(&stamp(items)))
}

fn caption(visit: &Visit, tab: Tab) -> String {
    visit.get(&format!("matters-tab-{}", tab.as_str()))
}

fn columns(visit: &Visit, tab: Tab) -> Vec<Column> {
    let text = |key: &'static str, text: &str| Column::text(key, visit.get(text));
    let mut columns = vec![
        text("title", "matter-title"),
        text("colour", if tab.is_closed() { "matter-outcome" } else { "matter-colour" }),
        text("sort", "matter-sort"),
    ];
    if !tab.is_closed() {
        columns.push(text("state", "matter-state"));
    }
    columns.extend([text("owner", "matter-owner"), text("reviewer", "matter-reviewer")]);
    match tab.is_closed() {
        true => columns.push(text("closed", "matter-closed")),
        false => columns.extend([text("due", "matter-due"), text("left", "matter-left")]),
    }
    columns
}

fn row(
    visit: &Visit,
    tab: Tab,
    matter: &Matter,
    due: Option<Day>,
    provisional: bool,
    best: Option<&str>,
) -> Vec<Cell> {
    let href = crate::href::matter(matter.id.subject()).unwrap_or_default();
    // The worst first where a table is sorted down.
    let rank = matter.colour.map_or(-1, |colour| colour as i64);
    let mut cells = vec![
        Cell::text(&matter.title).link(href),
        Cell::badge(visit.standing(matter, best)).order(rank),
        Cell::text(visit.sort(matter.sort.as_str())),
    ];
    if !tab.is_closed() {
        let state = if matter.is_paused() { visit.get("matter-paused") } else { visit.state(matter.state) };
        cells.push(Cell::text(state));
    }
    cells.extend([Cell::text(visit.post(&matter.owner)), Cell::text(visit.post(&matter.reviewer))]);
    if tab.is_closed() {
        cells.push(matter.closed.map_or_else(Cell::none, |at| Cell::date_time(visit.app.moment(at))));
        return cells;
    }
    let day = due.map(|value| visit.deadline(Answer { value, provisional }));
    let order = due.map_or(i64::MAX, |due| i64::from(due.0));
    cells.extend([day.map_or_else(Cell::none, Cell::text).order(order), visit.left(matter, due)]);
    cells
}

fn empty(visit: &Visit, tab: Tab) -> Empty {
    let key = format!("matters-none-{}", tab.as_str());
    Empty { title: visit.get(&key), hint: visit.get(&format!("{key}-hint")), action: None }
}

fn narrowings(visit: &Visit, tab: Tab, asked: &Asked) -> Vec<Narrowing> {
    let all = || Choice { value: String::new(), title: visit.get("matters-all") };
    let narrowing = |name, key: &str, value: &str, choices: Vec<Choice>| Narrowing {
        name,
        label: visit.get(key),
        value: value.to_owned(),
        choices: std::iter::once(all()).chain(choices).collect(),
    };
    let sorts = visit.app.kernel.lines().iter().flat_map(kernel::Line::sorts);
    let sorts = sorts.map(|sort| Choice {
        value: sort.name.to_owned(),
        title: visit.title(sort.title_zh, sort.title_en).to_owned(),
    });
    let mut all = vec![narrowing("of", "matter-sort", &asked.of, sorts.collect())];
    if tab.is_closed() {
        return all;
    }
    let colours = Colour::ALL.into_iter().rev().map(|colour| Choice {
        value: colour.as_str().to_owned(),
        title: visit.get(&format!("matter-colour-{}", colour.as_str())),
    });
    let states = State::ALL
        .into_iter()
        .filter(|state| !state.is_closed())
        .map(|state| Choice { value: state.as_str().to_owned(), title: visit.state(state) });
    all.insert(0, narrowing("colour", "matter-colour", &asked.colour, colours.collect()));
    all.push(narrowing("state", "matter-state", &asked.state, states.collect()));
    all
}

/// Says that what a page lists has changed; the page then asks for its rows anew.
async fn live(visit: Visit, Query(asked): Query<Asked>) -> Result<Events, Problem> {
    let reach = Reach::of(&visit)?;
    let tab = reach.tab(asked.tab, &[]);
    let filter = reach.filter(&visit, tab, &asked);
    let concerns = |entry: &Entry| entry.kind.as_str().starts_with("kernel.matter.");
    let (app, viewer) = (visit.app.clone(), visit.viewer.clone());
    Ok(follow((&app, &viewer), ("changed", asked.shown), PAUSE, concerns, move || {
        let (visit, filter) = (visit.clone(), filter.clone());
        async move { listed(&visit, filter).await.ok().map(|(items, _)| stamp(&items)) }
    }))
}

/// Tells one list from another.
fn stamp(items: &[Listed]) -> String {
    let mut hash = DefaultHasher::new();
    for Listed { matter, due } in items {
        (matter.id.subject().as_str(), matter.version, matter.colour, due).hash(&mut hash);
    }
    format!("{:016x}", hash.finish())
}
