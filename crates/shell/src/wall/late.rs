//! What is red, and what is yellow where there is room: since when it is overdue, and the post that answers for it.

use base::BookId;
use kernel::{FigureError, Kernel, Listed, MatterFilter, Standing};
use matters::Colour;

use super::figure::{in_lang, unit_title};
use super::ground::Ground;
use super::line_title;
use super::matrix::shape;
use crate::app::App;
use crate::said;
use crate::texts::T;

/// Matters that a screen has room for.
pub const LATE_MAX: usize = 12;

/// A red or yellow matter.
#[derive(Debug, Clone)]
pub struct Late {
    pub colour: &'static str,
    pub shape: &'static str,
    pub title: String,
    pub href: Option<String>,
    /// What it is, and in which line.
    pub sort: String,
    pub unit: String,
    pub post: String,
    /// Days that it is overdue, less than none where there are some left; none while its clock stands.
    pub days: Option<i32>,
    /// The same in words.
    pub late: String,
}

/// The reds of a wall that are owed longest, then the yellows.
pub fn late(app: &App, kernel: &Kernel, t: &T, ground: &Ground) -> Result<Vec<Late>, FigureError> {
    // Of other lines nothing is shown, so nothing of them takes the room of what is.
    let books: Vec<BookId> = match ground.whole {
        true => ground.books(app, super::OWN.line),
        false => ground.lines.iter().flat_map(|(line, _)| ground.books(app, line.line)).collect(),
    };
    let mut all = Vec::new();
    for colour in [Colour::Red, Colour::Yellow] {
        let found = of_colour(kernel, ground, &books, colour)?;
        all.extend(found.into_iter().map(|it| set(app, t, ground, it, colour)));
    }
    all.truncate(LATE_MAX);
    Ok(all)
}

fn of_colour(
    kernel: &Kernel,
    ground: &Ground,
    books: &[BookId],
    colour: Colour,
) -> Result<Vec<Listed>, FigureError> {
    let lines: Vec<&str> = ground.lines.iter().map(|(line, _)| line.line).collect();
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    if !ground.is_today {
        return kernel.coloured_on(books, &lines, ground.day, colour, LATE_MAX);
    }
    let (books, lines) = (books.to_vec(), lines.into_iter().map(str::to_owned).collect());
    let filter = MatterFilter {
        books,
        lines,
        colour: Some(colour),
        standing: Standing::Open,
        ..MatterFilter::default()
    };
    Ok(kernel.matters(&filter, None, LATE_MAX)?.items)
}

fn set(app: &App, t: &T, ground: &Ground, listed: Listed, colour: Colour) -> Late {
    let (tree, matter) = (app.tree(), listed.matter);
    let (sort, book) = (matter.sort.as_str(), matter.id.book());
    let days = listed.due.map(|due| ground.day.0 - due.0);
    let post = tree.post(matter.owner.subject());
    let post = post.map(|post| in_lang(t.lang(), &post.title_zh, &post.title_en));
    Late {
        colour: colour.as_str(),
        shape: shape(colour.as_str()),
        href: crate::href::matter(matter.id.subject()).filter(|_| ground.links),
        sort: format!("{} · {}", line_title(app, t.lang(), said::line(sort)), sort_title(app, t, sort)),
        unit: tree.unit_of_book(&book).map(|unit| unit_title(app, t.lang(), unit)).unwrap_or_default(),
        post: post.unwrap_or_else(|| matter.owner.to_string()),
        late: match days {
            None => t.get("wall-late-paused"),
            Some(0) => t.get("wall-late-today"),
            Some(days) if days > 0 => t.with("wall-late", &[("days", days)]),
            Some(days) => t.with("wall-late-left", &[("days", -days)]),
        },
        days,
        title: matter.title,
    }
}

/// What a sort of matters is called.
pub fn sort_title(app: &App, t: &T, sort: &str) -> String {
    let lines = app.kernel.lines();
    let found = lines.iter().flat_map(|line| line.sorts()).find(|it| it.name == sort);
    found.map_or_else(|| sort.to_owned(), |it| in_lang(t.lang(), it.title_zh, it.title_en))
}
