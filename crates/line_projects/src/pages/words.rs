//! How a project's state is said: its colour, its phase, its days.

use base::Day;
use matters::Colour;
use shell::view::{Badge, Cell, Mark};
use shell::{App, Lang, T};

use crate::kinds::Phase;
use crate::state::Listed;

pub fn mark(colour: Colour) -> Mark {
    match colour {
        Colour::Blue => Mark::Blue,
        Colour::Yellow => Mark::Yellow,
        Colour::Red => Mark::Red,
    }
}

pub fn colour(t: &T, colour: Colour) -> Badge {
    Badge { mark: mark(colour), text: t.get(&format!("state-{}", colour.as_str())) }
}

/// The colour of a project; those that are through are done, and the others without a matter have none.
pub fn colour_cell(t: &T, listed: &Listed) -> Cell {
    match listed.course.colour {
        Some(it) => Cell::badge(colour(t, it)),
        None if listed.project.accepted_at.is_some() => {
            Cell::badge(Badge { mark: Mark::Done, text: t.get("projects-accepted") })
        }
        None => Cell::none(),
    }
}

pub fn phase(t: &T, phase: Phase) -> String {
    t.get(&format!("projects-value-phase-{}", phase.as_str()))
}

/// A day, and how it lies to today where something is still owed by it.
pub fn deadline(t: &T, day: Day, today: Day, is_done: bool) -> Cell {
    let late = today.0 - day.0;
    match is_done || late <= 0 {
        true => Cell::text(day.to_string()),
        false => Cell {
            mark: Some(Mark::Red),
            ..Cell::text(t.with("projects-late", &[("day", day.to_string()), ("days", late.to_string())]))
        },
    }
}

/// The title of a kind of entry.
pub fn kind_title(app: &App, lang: Lang, kind: &str) -> String {
    app.kernel
        .catalogue()
        .get(kind)
        .map_or_else(|_| kind.to_owned(), |kind| super::place::in_lang(lang, kind.title_zh, kind.title_en))
}
