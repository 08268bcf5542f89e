//! What is red: since when it is overdue, and the post that answers for it.

use kernel::{FigureError, Kernel, MatterFilter, Standing};
use matters::Colour;

use super::figure::{in_lang, unit_title};
use super::ground::Ground;
use super::line_title;
use crate::app::App;
use crate::said;
use crate::texts::T;

/// Reds that are read; as many are shown as the screen has room for.
pub const REDS_MAX: usize = 24;

/// A red matter.
#[derive(Debug, Clone)]
pub struct Red {
    pub title: String,
    pub href: Option<String>,
    /// What it is, and in which line.
    pub sort: String,
    pub unit: String,
    pub post: String,
    /// Days that it is overdue; none for one that is red for another reason, or whose clock stands.
    pub days: Option<i32>,
    /// The same in words.
    pub late: String,
}

/// The reds of a wall that are owed longest.
pub fn reds(app: &App, kernel: &Kernel, t: &T, ground: &Ground) -> Result<Vec<Red>, FigureError> {
    let tree = app.tree();
    let books = ground.books(app, super::OWN.line);
    let filter = MatterFilter {
        books,
        colour: Some(Colour::Red),
        standing: Standing::Open,
        ..MatterFilter::default()
    };
    let page = kernel.matters(&filter, None, REDS_MAX)?;
    let shown = |line: &str| ground.lines.iter().any(|(it, _)| it.line == line);
    let red = |listed: kernel::Listed| {
        let matter = listed.matter;
        let line = said::line(matter.sort.as_str()).to_owned();
        if !shown(&line) {
            return None;
        }
        let days = listed.due.map(|due| ground.day.0 - due.0).filter(|days| *days > 0);
        let book = matter.id.book();
        let post = tree.post(matter.owner.subject());
        let href = crate::table::with_parameter(
            &format!("/ledger/{book}"),
            "about",
            Some(matter.id.subject().as_str()),
        );
        Some(Red {
            title: matter.title,
            href: ground.links.then_some(href),
            sort: format!(
                "{} · {}",
                line_title(app, t.lang(), &line),
                sort_title(app, t, matter.sort.as_str())
            ),
            unit: tree.unit_of_book(&book).map(|unit| unit_title(app, t.lang(), unit)).unwrap_or_default(),
            post: post.map_or_else(
                || matter.owner.to_string(),
                |post| in_lang(t.lang(), &post.title_zh, &post.title_en),
            ),
            late: days
                .map_or_else(|| t.get("wall-red-early"), |days| t.with("wall-red-late", &[("days", days)])),
            days,
        })
    };
    Ok(page.items.into_iter().filter_map(red).collect())
}

/// What a sort of matters is called.
pub fn sort_title(app: &App, t: &T, sort: &str) -> String {
    let lines = app.kernel.lines();
    let found = lines.iter().flat_map(|line| line.sorts()).find(|it| it.name == sort);
    found.map_or_else(|| sort.to_owned(), |it| in_lang(t.lang(), it.title_zh, it.title_en))
}
