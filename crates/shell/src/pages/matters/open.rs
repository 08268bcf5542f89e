//! Assigning a task (交办事项) by hand.

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::BookId;
use base::limits::NAME_CHARS_MAX;
use registry::Level;

use super::Visit;
use super::moves::{due, due_fields};
use crate::api::matters::{OpenInput, open_task};
use crate::app::App;
use crate::pages::page;
use crate::problem::Problem;
use crate::typed::{Sent, Typed};
use crate::view::{Choice, Field, FieldKind, Frame};
use crate::viewer::resource_of;
use crate::{docket, once};

pub fn router() -> Router<App> {
    Router::new().route("/matters/new", get(form).post(act))
}

#[derive(Template)]
#[template(path = "matters/open.html")]
struct OpenPage {
    frame: Frame,
    error: Option<String>,
    /// Choosing the book comes first: who may take part depends on it.
    choose: Option<Field>,
    book: String,
    book_title: String,
    fields: Vec<Field>,
}

/// The books in which the viewer may assign tasks.
pub fn books(visit: &Visit) -> impl Iterator<Item = BookId> {
    let tree = visit.app.tree();
    let may = |book: &BookId| {
        resource_of(&visit.app, book)
            .is_ok_and(|resource| visit.viewer.allows(&visit.app, docket::OPEN, &resource))
    };
    let own = |line: &str| line == "kernel";
    let found: Vec<BookId> =
        tree.books().filter(|book| !own(&book.line)).map(|book| book.book.clone()).filter(may).collect();
    found.into_iter()
}

/// The posts near a book: those of its county, and of the units above it.
pub fn posts_near(visit: &Visit, book: &BookId) -> Vec<Choice> {
    let tree = visit.app.tree();
    let Some(unit) = tree.unit_of_book(book) else { return Vec::new() };
    let above = tree.ancestors(unit);
    let is_county = |code: &&base::UnitCode| tree.unit(code).is_some_and(|unit| unit.level == Level::County);
    let county = std::iter::once(unit).chain(&above).find(is_county).or(tree.root()).unwrap_or(unit);
    let is_near = |of: &base::UnitCode| tree.contains(county, of) || above.contains(of);
    let mut posts: Vec<Choice> = tree
        .posts()
        .filter(|post| is_near(&post.unit))
        .map(|post| Choice {
            value: post.id.to_string(),
            title: visit.title(&post.title_zh, &post.title_en).to_owned(),
        })
        .collect();
    posts.sort_by(|a, b| a.title.cmp(&b.title));
    posts
}

async fn form(visit: Visit) -> Result<Response, Problem> {
    let query = visit.here.split_once('?').map_or("", |(_, query)| query);
    let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "book");
    let mut typed = Typed::default().with("due_unit", "workdays");
    if let Some((_, book)) = asked {
        typed.set("book", book.into_owned());
    }
    page(&view(&visit, &typed)?)
}

fn view(visit: &Visit, typed: &Typed) -> Result<OpenPage, Problem> {
    let books: Vec<BookId> = books(visit).collect();
    let frame = visit.frame(visit.get("matter-open"));
    let title = |book: &BookId| crate::said::book_title(&visit.app, visit.lang, book);
    let mut shown = OpenPage {
        frame,
        error: typed.whole.clone(),
        choose: None,
        book: String::new(),
        book_title: String::new(),
        fields: Vec::new(),
    };
    let wanted = books.iter().find(|book| book.as_str() == typed.get("book"));
    let Some(book) = wanted.or(books.first().filter(|_| books.len() == 1)) else {
        if books.is_empty() {
            visit.viewer.need(&visit.app, docket::OPEN, &root(visit)?)?;
        }
        let choices =
            books.iter().map(|book| Choice { value: book.to_string(), title: title(book) }).collect();
        let field = Field::new("book", visit.get("matter-field-book"), FieldKind::Choice(choices)).required();
        shown.choose = Some(field);
        return Ok(shown);
    };
    shown.book = book.to_string();
    shown.book_title = title(book);
    shown.fields = fields(visit, book).into_iter().map(|field| typed.field(field)).collect();
    Ok(shown)
}

fn fields(visit: &Visit, book: &BookId) -> Vec<Field> {
    let label = |key: &str| visit.get(&format!("matter-field-{key}"));
    let choice = |name: &'static str, choices| Field::new(name, label(name), FieldKind::Choice(choices));
    let posts = posts_near(visit, book);
    let mut helpers = posts.clone();
    helpers.insert(0, Choice { value: String::new(), title: visit.get("matter-helper-none") });
    let mut fields = vec![
        Field::new("title", visit.get("matter-title"), FieldKind::Text { chars_max: NAME_CHARS_MAX })
            .required(),
        choice("owner", posts.clone()).required(),
        choice("helper", helpers),
        choice("reviewer", posts).required().hint(visit.get("matter-hint-reviewer")),
    ];
    fields.extend(due_fields(visit));
    fields
}

/// What the form asks for; what is wrong with it is put beside its fields.
fn input(visit: &Visit, typed: &mut Typed) -> Option<OpenInput> {
    let t = &visit.t;
    let title = typed.required(t, "title");
    let (owner, reviewer) = (typed.post(t, "owner"), typed.post(t, "reviewer"));
    let helper = if typed.get("helper").is_empty() { None } else { typed.post(t, "helper") };
    let due = due(visit, typed);
    Some(OpenInput {
        name: None,
        title: title?,
        owner: owner?,
        helpers: helper.into_iter().collect(),
        reviewer: reviewer?,
        due: due?,
        // A task is judged by its deadline alone.
        rule: Some("deadline".into()),
        about: Vec::new(),
    })
}

async fn act(visit: Visit, Sent { mut typed, .. }: Sent) -> Result<Response, Problem> {
    let book = BookId::new(typed.get("book")).map_err(|_| Problem::not_found())?;
    let input = input(&visit, &mut typed).filter(|_| typed.is_good());
    if let Some(input) = input {
        let sent = once::Sent::of("matters/new", typed.values());
        match open_task(&visit.app, &visit.viewer, &book, input, sent).await {
            Ok(done) => {
                let href = crate::href::matter(done.matter.subject()).unwrap_or_default();
                return Ok(Redirect::to(&href).into_response());
            }
            Err(problem) => {
                typed.refused(visit.lang, once::told(problem), &["title", "owner", "helper", "reviewer"])?;
            }
        }
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&view(&visit, &typed)?)?).into_response())
}

fn root(visit: &Visit) -> Result<access::Resource, Problem> {
    let tree = visit.app.tree();
    tree.root().map(access::Resource::of).ok_or_else(Problem::not_found)
}
