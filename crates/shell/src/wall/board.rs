//! The board: everything on the wall that changes, read in one go, set once, and shown to everybody who may see the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use kernel::{Against, FigureError, Kernel, Period, Target, Value};

use super::figure::{amount_short, target_text, title, unit_of, value_text};
use super::ground::Ground;
use super::late::{Late, late};
use super::line_title;
use super::matrix::{Counts, Matrix, matrix};
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
    /// The line, at the first of its headlines.
    pub line: Option<String>,
    pub figure: &'static str,
    pub title: String,
    pub value: Value,
    pub text: String,
    pub unit: String,
    pub href: Option<String>,
    /// Against the same days of the year before, and against the target.
    pub notes: Vec<Note>,
}

/// What a headline is compared with, and where that opens into its entries.
#[derive(Debug, Clone)]
pub struct Note {
    pub text: String,
    pub figure: &'static str,
    pub against: NotedAmount,
    pub href: Option<String>,
}

/// What stands behind a note's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotedAmount {
    /// What the figure came to in the same days of the year before.
    Before(i64),
    Target(i64),
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
    late: Vec<Late>,
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
            // One that is being set, or waited for, stays.
            all.retain(|_, slot| Arc::strong_count(slot) > 1);
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
    Ok(Board {
        as_of: format::time(now),
        past: (!ground.is_today).then(|| ground.day.to_string()),
        headlines: headlines(app, kernel, &t, ground)?,
        matrix: matrix(app, kernel, ground)?,
        late: late(app, kernel, &t, ground)?,
        ticker: items(app, kernel, &t, ground)?,
        t,
    })
}

/// The headlines line by line: as many of each that every line has its say.
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
            let target = targets.iter().find(|(figure, it)| figure == name && it.period.from >= period.from);
            let notes = [
                year_on_year(t, ground, name, value, before),
                target.map(|(_, target)| to_reach(app, t, ground, name, target)),
            ];
            let href = ground.href(name, &ground.unit, period, None);
            let notes = notes.into_iter().flatten().collect();
            Headline {
                line: None,
                figure: name,
                title: title(app, t.lang(), name),
                value,
                text,
                unit,
                href,
                notes,
            }
        };
        of_lines.push(names.iter().zip(values).zip(before).map(set).collect::<Vec<_>>());
    }
    let shares = shares(&of_lines.iter().map(Vec::len).collect::<Vec<_>>());
    let mut all = Vec::new();
    for (((line, _), mut headlines), share) in ground.lines.iter().zip(of_lines).zip(shares) {
        headlines.truncate(share);
        if let Some(first) = headlines.first_mut() {
            first.line = Some(line_title(app, t.lang(), line.line));
        }
        all.extend(headlines);
    }
    Ok(all)
}

/// How many headlines each line gets of those that it has: one in turn until there is no more room.
fn shares(of_lines: &[usize]) -> Vec<usize> {
    let mut shares = vec![0; of_lines.len()];
    let mut left = HEADLINES_MAX.min(of_lines.iter().sum());
    while left > 0 {
        for (share, all) in shares.iter_mut().zip(of_lines) {
            if left > 0 && *share < *all {
                *share += 1;
                left -= 1;
            }
        }
    }
    shares
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

fn year_on_year(t: &T, ground: &Ground, figure: &'static str, value: Value, before: Value) -> Option<Note> {
    match (value, before) {
        (Value::Sum { amount }, Value::Sum { amount: before }) if before != 0 => Some(Note {
            text: t.with("wall-year-ago", &[("change", format::change(amount, before))]),
            figure,
            against: NotedAmount::Before(before),
            href: ground.href(figure, &ground.unit, ground.year().compared(Against::YearAgo), None),
        }),
        _ => None,
    }
}

/// The target, which opens into what has been reached of it and the entry that set it.
fn to_reach(app: &App, t: &T, ground: &Ground, figure: &'static str, target: &Target) -> Note {
    let amount = target.amount;
    Note {
        text: t.with("wall-target", &[("target", target_text(app, t.lang(), figure, amount))]),
        figure,
        against: NotedAmount::Target(amount),
        href: ground.href(figure, &ground.unit, Period::new(target.period.from, ground.day), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_say_while_there_is_room() {
        assert_eq!(shares(&[2, 8, 8]), [2, 4, 4]);
        assert_eq!(shares(&[2, 3]), [2, 3]);
        assert_eq!(shares(&[2, 1, 20]), [2, 1, 7]);
        assert_eq!(shares(&[]), Vec::<usize>::new());
    }
}
