//! What is owed for projects: blockers, milestones, measures, and permits with their clocks.

use base::Day;
use matters::{Matter, MatterId, State};
use shell::view::{Badge, Cell, Column, Mark};
use shell::{App, T};

use super::place::post_title;
use super::words;
use crate::state::{Owed, Permit};

/// The page of a matter.
pub fn href(matter: &MatterId) -> String {
    shell::href::matter(matter.subject()).unwrap_or_default()
}

/// The columns of matters.
pub fn columns(t: &T) -> Vec<Column> {
    vec![
        Column::text("title", t.get("projects-field-title")),
        Column::text("colour", t.get("projects-colour")),
        Column::text("owner", t.get("projects-answers")),
        Column::text("due", t.get("projects-due")),
        Column::text("state", t.get("projects-state")),
    ]
}

pub fn row(app: &App, t: &T, owed: &Owed) -> Vec<Cell> {
    let matter = &owed.matter;
    vec![
        Cell::text(&matter.title).link(href(&matter.id)),
        colour(t, matter),
        Cell::text(post_title(app, t.lang(), matter.owner.subject())),
        due(app, t, matter, owed.due),
        state(t, matter),
    ]
}

/// The columns of permits.
pub fn permit_columns(t: &T) -> Vec<Column> {
    vec![
        Column::text("title", t.get("projects-permit")),
        Column::text("colour", t.get("projects-colour")),
        Column::text("bureau", t.get("projects-field-bureau")),
        Column::text("applied", t.get("projects-applied")),
        Column::number("term", t.get("projects-field-term_workdays")),
        Column::text("due", t.get("projects-due")),
        Column::text("state", t.get("projects-state")),
    ]
}

pub fn permit_row(app: &App, t: &T, permit: &Permit) -> Vec<Cell> {
    let matter = &permit.matter;
    vec![
        Cell::text(&permit.title).link(href(&matter.id)),
        colour(t, matter),
        Cell::text(post_title(app, t.lang(), &permit.bureau)),
        Cell::text(app.kernel.zone().day_of(permit.applied_at).to_string()),
        Cell::integer(permit.term_workdays),
        due(app, t, matter, permit.due),
        match (permit.granted, &permit.number) {
            (Some(true), Some(number)) => {
                let text = t.with("projects-granted-as", &[("number", number.as_str())]);
                Cell::badge(Badge { mark: Mark::Done, text })
            }
            (Some(true), None) => Cell::badge(Badge { mark: Mark::Done, text: t.get("projects-granted") }),
            (Some(false), _) => Cell::badge(Badge { mark: Mark::Plain, text: t.get("projects-declined") }),
            (None, _) => state(t, matter),
        },
    ]
}

/// The colour of what is owed; what is closed has none.
fn colour(t: &T, matter: &Matter) -> Cell {
    match matter.colour.filter(|_| matter.closed.is_none()) {
        Some(colour) => Cell::badge(words::colour(t, colour)),
        None => Cell::none(),
    }
}

/// The last day, and how far off or over it is while something is owed; once closed, whether it was in time.
fn due(app: &App, t: &T, matter: &Matter, due: Option<Day>) -> Cell {
    let zone = app.kernel.zone();
    if let Some(closed) = matter.closed {
        let day = zone.day_of(closed).to_string();
        return Cell::text(match matter.in_time {
            Some(true) => t.with("projects-in-time", &[("day", day)]),
            Some(false) => t.with("projects-too-late", &[("day", day)]),
            None => day,
        });
    }
    let Some(day) = due else {
        return Cell::badge(Badge { mark: Mark::Plain, text: t.get("projects-paused") });
    };
    // What was handed in is no longer late by waiting for whoever reviews it.
    let until = matter.effective().filter(|_| matter.state == State::Submitted).unwrap_or(app.today());
    let left = day.0 - until.0;
    let args = [("day", day.to_string()), ("days", left.abs().to_string())];
    match left {
        ..0 => Cell { mark: Some(Mark::Red), ..Cell::text(t.with("projects-late", &args)) },
        0 => Cell { mark: Some(Mark::Yellow), ..Cell::text(t.with("projects-due-today", &args)) },
        1..=7 => Cell::text(t.with("projects-days-left", &args)),
        _ => Cell::text(day.to_string()),
    }
}

fn state(t: &T, matter: &Matter) -> Cell {
    let text = t.get(&format!("projects-matter-{}", matter.state.as_str()));
    match matter.state {
        State::Accepted => Cell::badge(Badge { mark: Mark::Done, text }),
        _ if matter.is_paused() => {
            Cell::badge(Badge { mark: Mark::Plain, text: format!("{text} · {}", t.get("projects-paused")) })
        }
        _ => Cell::text(text),
    }
}
