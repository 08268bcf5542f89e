//! The board: everything on the wall that changes, read in one go, set once, and shown to everybody who may see the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use kernel::{Against, FigureError, Kernel, Value};

use super::figure::{amount_short, target_text, title, unit_of, value_text};
use super::ground::Ground;
use super::matrix::{Matrix, matrix};
use super::reds::{Red, reds};
use super::ticker::{Item, items};
use crate::app::App;
use crate::format;
use crate::problem::Problem;
use crate::texts::T;

/// Headlines that a screen has room for.
const HEADLINES_MAX: usize = 10;
/// How long a board that was set is shown to others.
const FRESH: Duration = Duration::from_secs(1);
/// Boards that are kept; those of other onlookers are set anew.
const BOARDS_MAX: usize = 256;

/// A figure of the year.
#[derive(Debug, Clone)]
pub struct Headline {
    pub figure: &'static str,
    pub title: String,
    pub value: Value,
    pub text: String,
    pub unit: String,
    pub href: Option<String>,
    /// Against the same days of the year before, and against the target.
    pub notes: Vec<String>,
}

#[derive(Template)]
#[template(path = "wall_board.html")]
struct Board {
    t: T,
    as_of: String,
    /// The day, where it is past.
    past: Option<String>,
    headlines: Vec<Headline>,
    matrix: Matrix,
    reds: Vec<Red>,
    ticker: Vec<Item>,
}

type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Arc<str>)>>>;

/// The boards that were set last, by what they are of and who may see them.
#[derive(Default)]
pub struct Boards(Mutex<HashMap<String, Slot>>);

impl Boards {
    fn slot(&self, key: String) -> Slot {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= BOARDS_MAX && !all.contains_key(&key) {
            all.clear();
        }
        all.entry(key).or_default().clone()
    }
}

/// The board of a wall, at most a second old.
pub async fn board(app: &App, ground: &Ground) -> Result<Arc<str>, Problem> {
    let slot = app.wall.boards.slot(ground.key());
    // Whoever comes while it is being set waits for it.
    let mut kept = slot.lock().await;
    if let Some((at, board)) = &*kept
        && at.elapsed() < FRESH
    {
        return Ok(board.clone());
    }
    let (of, asked) = (app.clone(), ground.clone());
    let board = app.blocking(move |kernel| read(&of, kernel, &asked)).await?;
    let markup: Arc<str> = board.render().map(Arc::from).map_err(|error| {
        tracing::error!(%error, "cannot set a board");
        Problem::internal()
    })?;
    *kept = Some((Instant::now(), markup.clone()));
    Ok(markup)
}

fn read(app: &App, kernel: &Kernel, ground: &Ground) -> Result<Board, FigureError> {
    let t = app.texts.t(ground.lang);
    let now = app.moment(kernel.now());
    // What is red now was not read as of a day that is past.
    let (reds, ticker) = match ground.is_today {
        true => (reds(app, kernel, &t, ground)?, items(app, kernel, &t, ground)?),
        false => (Vec::new(), Vec::new()),
    };
    Ok(Board {
        as_of: format::time(now),
        past: (!ground.is_today).then(|| ground.day.to_string()),
        headlines: headlines(app, kernel, &t, ground)?,
        matrix: matrix(app, kernel, ground)?,
        reds,
        ticker,
        t,
    })
}

/// The headlines of the lines in turn, so that each has its say.
fn headlines(app: &App, kernel: &Kernel, t: &T, ground: &Ground) -> Result<Vec<Headline>, FigureError> {
    let period = ground.year();
    let targets = kernel.targets_on(&ground.unit, ground.day)?;
    let mut of_lines = Vec::new();
    for (line, names) in &ground.lines {
        let books = ground.books(app, line.line);
        let values = kernel.figures(names, &books, period)?;
        let before = kernel.figures(names, &books, period.compared(Against::YearAgo))?;
        let set = |((name, value), before): ((&&'static str, Value), Value)| {
            let (text, unit) = apart(short_text(app, t, name, value));
            let mut notes = Vec::new();
            notes.extend(year_on_year(t, value, before));
            let of =
                targets.iter().find(|(figure, target)| figure == name && target.period.from >= period.from);
            if let Some((_, target)) = of {
                let words = [("target", target_text(app, t.lang(), name, target.amount))];
                notes.push(t.with("wall-target", &words));
            }
            let href = ground.href(name, &ground.unit, period, None);
            Headline { figure: name, title: title(app, t.lang(), name), value, text, unit, href, notes }
        };
        of_lines.push(names.iter().zip(values).zip(before).map(set).collect::<Vec<_>>().into_iter());
    }
    let mut all = Vec::new();
    while all.len() < HEADLINES_MAX {
        let before = all.len();
        all.extend(of_lines.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            break;
        }
    }
    all.truncate(HEADLINES_MAX);
    Ok(all)
}

fn short_text(app: &App, t: &T, name: &str, value: Value) -> String {
    match value {
        Value::Sum { amount } => amount_short(t.lang(), unit_of(app, name), amount),
        Value::Ratio { .. } => value_text(app, t.lang(), name, value),
    }
}

/// The number, and the unit behind it.
fn apart(text: String) -> (String, String) {
    let end = text.rfind(|c: char| c.is_ascii_digit() || c == '%').map_or(text.len(), |at| at + 1);
    (text[..end].to_owned(), text[end..].trim().to_owned())
}

fn year_on_year(t: &T, value: Value, before: Value) -> Option<String> {
    match (value, before) {
        (Value::Sum { amount }, Value::Sum { amount: before }) if before != 0 => {
            Some(t.with("wall-year-ago", &[("change", format::change(amount, before))]))
        }
        _ => None,
    }
}
