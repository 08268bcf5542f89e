//! The org tree: units, their books, their posts and who holds those; their places stand in a file of their own.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::{AccountId, BookId, Day, SubjectId, UnitCode};
use kernel::{AdminResult, By, Kernel};
use registry::{BookOpened, Level, PostAdded, PostHeld, PostLeft, UnitAdded};
use serde::Deserialize;

use super::choices::{comma, depth_first, given};
use super::{AdminPage, Desk, Form, Once, Posted, page, refused};
use crate::api::accounts::accounts;
use crate::api::refusal::malformed;
use crate::app::App;
use crate::extract::Path;
use crate::problem::Problem;
use crate::table::{Direction, TableSpec};
use crate::view::{Cell, Choice, Column, Empty, Field, FieldKind, TableView};

pub fn router() -> Router<App> {
    Router::new()
        .route("/admin/units", get(list))
        .route("/admin/units/{unit}", get(one))
        .route("/admin/units/{unit}/new-unit", get(new_unit).post(add_unit))
        .route("/admin/units/{unit}/new-book", get(new_book).post(open_book))
        .route("/admin/units/{unit}/new-post", get(new_post).post(add_post))
        .route("/admin/units/{unit}/hold", get(new_holding).post(hold_post))
        .route("/admin/units/{unit}/leave", get(new_leaving).post(leave_post))
}

pub(super) const CHANGE: &str = "kernel.registry.change";
const HOLD: &str = "kernel.post.hold";
const NAME_CHARS: usize = base::limits::NAME_CHARS_MAX;
/// The tree stands in its own order until a column is asked for.
const SPEC: TableSpec =
    TableSpec { sortable: &["code", "level"], sort: ("tree", Direction::Ascending), per_page: 200 };

async fn list(desk: Desk) -> Result<Response, Problem> {
    let scope = desk.viewer.need_somewhere(&desk.app, "kernel.registry.read")?;
    let tree = desk.app.tree();
    let seen = scope.units(&tree, None);
    let columns = vec![
        Column::text("unit", desk.get("admin-unit")),
        Column::text("code", desk.get("admin-unit-code")),
        Column::text("level", desk.get("admin-unit-level")),
        Column::text("books", desk.get("admin-books")),
        Column::number("posts", desk.get("admin-posts")),
    ];
    let empty = Empty { title: desk.get("empty"), hint: desk.get("admin-units-hint"), action: None };
    let mut table = TableView::new("units", desk.get("admin-units"), columns, empty);
    let all = tree.root().map(|root| depth_first(&tree, root)).unwrap_or_default();
    for (code, depth) in all.into_iter().filter(|(code, _)| seen.binary_search(code).is_ok()) {
        let Some(unit) = tree.unit(&code) else { continue };
        let books: Vec<&str> = tree.books_of(&code).map(|it| it.book.as_str()).collect();
        let posts = tree.posts_of_unit(&code).count();
        table.rows.push(vec![
            Cell::text(format!("{}{}", "· ".repeat(depth), desk.unit_title(&code)))
                .link(format!("/admin/units/{code}")),
            Cell::text(code.as_str()),
            Cell::text(desk.get(&format!("level-{}", unit.level.as_str()))),
            Cell::text(books.join(comma(desk.lang))),
            Cell::integer(i64::try_from(posts).unwrap_or(i64::MAX))
                .link(format!("/admin/units/{}", unit.code)),
        ]);
    }
    let mut shown = desk.page(desk.get("admin-units"), "");
    shown.lead = Some(desk.get("admin-units-hint"));
    super::listing::list(&desk.t, &SPEC, &desk.here, table)?.on(&desk.app, shown).await
}

/// The unit of a path, which the viewer may see.
pub(super) fn seen(desk: &Desk, unit: &str) -> Result<UnitCode, Problem> {
    let scope = desk.viewer.need_somewhere(&desk.app, "kernel.registry.read")?;
    let code = UnitCode::new(unit).map_err(|_| Problem::not_found())?;
    let resource = access::Resource::of(&code);
    if scope.allows(&desk.app.tree(), &resource) { Ok(code) } else { Err(Problem::not_found()) }
}

async fn one(Path(unit): Path<String>, desk: Desk) -> Result<Response, Problem> {
    let code = seen(&desk, &unit)?;
    let tree = desk.app.tree();
    let unit = tree.unit(&code).ok_or_else(Problem::not_found)?;
    let mut shown = desk.page(desk.unit_title(&code), "admin-units");
    shown.facts = vec![
        (desk.get("admin-unit-code"), code.to_string()),
        (desk.get("admin-unit-level"), desk.get(&format!("level-{}", unit.level.as_str()))),
        (desk.get("admin-title-zh"), unit.title_zh.clone()),
        (desk.get("admin-title-en"), unit.title_en.clone()),
    ];
    shown
        .facts
        .extend(unit.parent.as_ref().map(|parent| (desk.get("admin-unit-parent"), desk.unit_title(parent))));
    let links = [
        (CHANGE, "admin-unit-new", "new-unit"),
        (CHANGE, "admin-book-new", "new-book"),
        (CHANGE, "admin-place-new", "new-place"),
        (CHANGE, "admin-post-new", "new-post"),
        (HOLD, "admin-post-hold", "hold"),
        (HOLD, "admin-post-leave", "leave"),
    ];
    let posts = tree.posts().any(|post| post.unit == code);
    shown.actions = links
        .into_iter()
        .filter(|(action, ..)| posts || *action != HOLD)
        .filter_map(|(action, key, form)| desk.action(action, key, format!("/admin/units/{code}/{form}")))
        .collect();
    shown.tables = vec![
        books(&desk, &tree, &code),
        posts_of(&desk, &tree, &code),
        super::places::table(&desk, &tree, &code),
    ];
    page(&shown)
}

fn books(desk: &Desk, tree: &registry::Tree, unit: &UnitCode) -> TableView {
    let columns = vec![
        Column::text("title", desk.get("admin-name")),
        Column::text("book", desk.get("admin-book")),
        Column::text("line", desk.get("admin-line")),
    ];
    let empty =
        Empty { title: desk.get("admin-books-none"), hint: desk.get("admin-books-hint"), action: None };
    let mut table = TableView::new("books", desk.get("admin-books"), columns, empty);
    let row = |book: &registry::Book| {
        vec![
            Cell::text(desk.title(&book.title_zh, &book.title_en)),
            Cell::text(book.book.as_str()),
            Cell::text(desk.line_title(&book.line)),
        ]
    };
    table.rows = tree.books().filter(|book| book.unit == *unit).map(row).collect();
    table
}

fn posts_of(desk: &Desk, tree: &registry::Tree, unit: &UnitCode) -> TableView {
    let columns = vec![
        Column::text("title", desk.get("admin-name")),
        Column::text("post", desk.get("admin-post")),
        Column::text("holder", desk.get("admin-post-holder")),
        Column::text("all", desk.get("admin-post-holdings")),
    ];
    let empty =
        Empty { title: desk.get("admin-posts-none"), hint: desk.get("admin-posts-hint"), action: None };
    let mut table = TableView::new("posts", desk.get("admin-posts"), columns, empty);
    let today = desk.app.today();
    for post in tree.posts().filter(|post| post.unit == *unit) {
        let spans: Vec<String> = tree
            .holdings(&post.id)
            .iter()
            .map(|it| {
                let until = it.until.map_or_else(|| desk.get("admin-post-open"), |day| day.to_string());
                format!("{} {}–{until}", it.account, it.from)
            })
            .collect();
        let holder = tree.holder(&post.id, today);
        table.rows.push(vec![
            Cell::text(desk.title(&post.title_zh, &post.title_en)),
            Cell::text(post.id.as_str()),
            holder.map_or_else(|| Cell::text(desk.get("admin-post-vacant")), |it| Cell::text(it.as_str())),
            Cell::text(spans.join(comma(desk.lang))),
        ]);
    }
    table
}

/// Every form of these pages, as it was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    code: String,
    level: String,
    book: String,
    line: String,
    post: String,
    account: String,
    from: String,
    until: String,
    title_zh: String,
    title_en: String,
}

pub(super) fn text(desk: &Desk, name: &'static str, key: &str, value: &str) -> Field {
    Field::new(name, desk.get(key), FieldKind::Text { chars_max: NAME_CHARS }).value(value).required()
}

fn titles(desk: &Desk, typed: &Typed) -> [Field; 2] {
    [
        text(desk, "title_zh", "admin-title-zh", &typed.title_zh),
        text(desk, "title_en", "admin-title-en", &typed.title_en),
    ]
}

/// The page of one of the forms, and where it leads back to.
pub(super) fn form(desk: &Desk, unit: &UnitCode, key: &str, path: &str, fields: Vec<Field>) -> AdminPage {
    let action = format!("/admin/units/{unit}/{path}");
    let form = Form { action, button: desk.get(key), warning: None, error: None, fields };
    let title = format!("{} · {}", desk.get(key), desk.unit_title(unit));
    desk.form(title, "admin-units", form)
}

pub(super) async fn change(
    desk: &Desk,
    unit: &UnitCode,
    action: &str,
    sent: Once,
    work: impl FnOnce(&Kernel, &By) -> AdminResult<kernel::Receipt> + Send + 'static,
    again: AdminPage,
) -> Result<Response, Problem> {
    match desk.act(action, sent, work).await {
        Ok(_) => Ok(Redirect::to(&format!("/admin/units/{unit}")).into_response()),
        Err(problem) => refused(desk, problem, again),
    }
}

fn unit_form(desk: &Desk, unit: &UnitCode, typed: &Typed) -> AdminPage {
    let level = |level: &Level| Choice {
        value: level.as_str().to_owned(),
        title: desk.get(&format!("level-{}", level.as_str())),
    };
    let levels = FieldKind::Choice(Level::ALL.iter().map(level).collect());
    let code = text(desk, "code", "admin-unit-code", &typed.code).hint(desk.get("admin-unit-code-hint"));
    let level = Field::new("level", desk.get("admin-unit-level"), levels).value(&typed.level).required();
    let fields = [code, level].into_iter().chain(titles(desk, typed)).collect();
    form(desk, unit, "admin-unit-new", "new-unit", fields)
}

async fn new_unit(Path(unit): Path<String>, desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, CHANGE)?;
    page(&unit_form(&desk, &seen(&desk, &unit)?, &Typed::default()))
}

async fn add_unit(
    Path(unit): Path<String>,
    desk: Desk,
    Posted { typed, sent }: Posted<Typed>,
) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, CHANGE)?;
    let parent = seen(&desk, &unit)?;
    let again = unit_form(&desk, &parent, &typed);
    let read = || {
        let code = UnitCode::new(typed.code.trim()).map_err(|error| malformed("code", &error))?;
        let level = Level::parse(&typed.level).ok_or_else(|| malformed("level", &"not a level"))?;
        Ok((code, level))
    };
    let (code, level) = match read() {
        Ok(read) => read,
        Err(problem) => return refused(&desk, problem, again),
    };
    let new = UnitAdded {
        code: code.clone(),
        parent: Some(parent),
        level,
        title_zh: typed.title_zh,
        title_en: typed.title_en,
    };
    change(&desk, &code, CHANGE, sent, move |kernel, by| kernel.add_unit(by, new), again).await
}

fn book_form(desk: &Desk, unit: &UnitCode, typed: &Typed) -> AdminPage {
    let line = Field::new("line", desk.get("admin-line"), FieldKind::Choice(desk.line_choices()));
    let book = text(desk, "book", "admin-book", &typed.book).hint(desk.get("admin-book-hint"));
    let fields = [book, line.value(&typed.line).required()].into_iter().chain(titles(desk, typed)).collect();
    form(desk, unit, "admin-book-new", "new-book", fields)
}

async fn new_book(Path(unit): Path<String>, desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, CHANGE)?;
    page(&book_form(&desk, &seen(&desk, &unit)?, &Typed::default()))
}

async fn open_book(
    Path(unit): Path<String>,
    desk: Desk,
    Posted { typed, sent }: Posted<Typed>,
) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, CHANGE)?;
    let unit = seen(&desk, &unit)?;
    let again = book_form(&desk, &unit, &typed);
    let book = match BookId::new(typed.book.trim()) {
        Ok(book) => book,
        Err(error) => return refused(&desk, malformed("book", &error), again),
    };
    let opened = BookOpened {
        book,
        unit: unit.clone(),
        line: typed.line,
        title_zh: typed.title_zh,
        title_en: typed.title_en,
    };
    change(&desk, &unit, CHANGE, sent, move |kernel, by| kernel.open_book(by, opened), again).await
}

fn post_form(desk: &Desk, unit: &UnitCode, typed: &Typed) -> AdminPage {
    let post = text(desk, "post", "admin-post-name", &typed.post).hint(desk.get("admin-post-name-hint"));
    let fields = std::iter::once(post).chain(titles(desk, typed)).collect();
    form(desk, unit, "admin-post-new", "new-post", fields)
}

async fn new_post(Path(unit): Path<String>, desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, CHANGE)?;
    page(&post_form(&desk, &seen(&desk, &unit)?, &Typed::default()))
}

async fn add_post(
    Path(unit): Path<String>,
    desk: Desk,
    Posted { typed, sent }: Posted<Typed>,
) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, CHANGE)?;
    let unit = seen(&desk, &unit)?;
    let again = post_form(&desk, &unit, &typed);
    let post = match SubjectId::new(format!("post:{unit}/{}", typed.post.trim())) {
        Ok(post) => post,
        Err(error) => return refused(&desk, malformed("post", &error), again),
    };
    let added = PostAdded { post, unit: unit.clone(), title_zh: typed.title_zh, title_en: typed.title_en };
    change(&desk, &unit, CHANGE, sent, move |kernel, by| kernel.add_post(by, added), again).await
}

/// The fields of filling a post and of leaving it: the post, the account, and days.
async fn holding_form(
    desk: &Desk,
    unit: &UnitCode,
    typed: &Typed,
    leaving: bool,
) -> Result<AdminPage, Problem> {
    let tree = desk.app.tree();
    let choice = |post: &registry::Post| Choice {
        value: post.id.to_string(),
        title: desk.title(&post.title_zh, &post.title_en).to_owned(),
    };
    let posts = tree.posts().filter(|post| post.unit == *unit).map(choice).collect();
    let known = accounts(&desk.app, &desk.viewer).await?.into_iter().filter(|row| !row.disabled);
    let account = |row: kernel::AccountRow| Choice {
        title: format!("{} {}", row.title, row.account),
        value: row.account.to_string(),
    };
    let day = |name, key: &str, value: &str| Field::new(name, desk.get(key), FieldKind::Date).value(value);
    let mut fields = vec![
        Field::new("post", desk.get("admin-post"), FieldKind::Choice(posts)).value(&typed.post).required(),
        Field::new("account", desk.get("admin-account"), FieldKind::Choice(known.map(account).collect()))
            .value(&typed.account)
            .required(),
    ];
    if leaving {
        fields.push(day("until", "admin-post-last-day", &typed.until).required());
        return Ok(form(desk, unit, "admin-post-leave", "leave", fields));
    }
    fields.push(day("from", "admin-post-first-day", &typed.from).required());
    fields.push(day("until", "admin-post-last-day", &typed.until));
    Ok(form(desk, unit, "admin-post-hold", "hold", fields))
}

async fn new_holding(Path(unit): Path<String>, desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, HOLD)?;
    let typed = Typed { from: desk.app.today().to_string(), ..Typed::default() };
    page(&holding_form(&desk, &seen(&desk, &unit)?, &typed, false).await?)
}

async fn new_leaving(Path(unit): Path<String>, desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, HOLD)?;
    let typed = Typed { until: desk.app.today().to_string(), ..Typed::default() };
    page(&holding_form(&desk, &seen(&desk, &unit)?, &typed, true).await?)
}

fn who(typed: &Typed) -> Result<(SubjectId, AccountId), Problem> {
    let post = SubjectId::new(&typed.post).map_err(|error| malformed("post", &error))?;
    let account = AccountId::new(&typed.account).map_err(|error| malformed("account", &error))?;
    Ok((post, account))
}

fn day(name: &'static str, text: &str) -> Result<Day, Problem> {
    Day::parse(text.trim()).map_err(|error| malformed(name, &error))
}

async fn hold_post(
    Path(unit): Path<String>,
    desk: Desk,
    Posted { typed, sent }: Posted<Typed>,
) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, HOLD)?;
    let unit = seen(&desk, &unit)?;
    let again = holding_form(&desk, &unit, &typed, false).await?;
    let read = || {
        let (post, account) = who(&typed)?;
        let until = given(&typed.until).map(|text| day("until", text)).transpose()?;
        Ok(PostHeld { post, account, from: day("from", &typed.from)?, until })
    };
    match read() {
        Ok(held) => {
            change(&desk, &unit, HOLD, sent, move |kernel, by| kernel.hold_post(by, held), again).await
        }
        Err(problem) => refused(&desk, problem, again),
    }
}

async fn leave_post(
    Path(unit): Path<String>,
    desk: Desk,
    Posted { typed, sent }: Posted<Typed>,
) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, HOLD)?;
    let unit = seen(&desk, &unit)?;
    let again = holding_form(&desk, &unit, &typed, true).await?;
    let read = || {
        let (post, account) = who(&typed)?;
        Ok(PostLeft { post, account, until: day("until", &typed.until)? })
    };
    match read() {
        Ok(left) => {
            change(&desk, &unit, HOLD, sent, move |kernel, by| kernel.leave_post(by, left), again).await
        }
        Err(problem) => refused(&desk, problem, again),
    }
}
