//! What entries about matters add to figures.

use base::KindName;
use figures::{Contributions, Figure, Ratio, Unit};
use ledger::{Body, Entry, EntryError};
use matters::{Accepted, Cancelled, Colour, Coloured, Escalated, HandedOver, Opened, Reopened};

const OPENED: &str = "kernel.matters.opened";
const OPEN: &str = "kernel.matters.open";
const ACCEPTED: &str = "kernel.matters.accepted";
const IN_TIME: &str = "kernel.matters.accepted.in_time";
const BLUE: &str = "kernel.matters.blue";
const YELLOW: &str = "kernel.matters.yellow";
const RED: &str = "kernel.matters.red";
const ESCALATED: &str = "kernel.matters.escalated";

const DIMENSIONS: &[&str] = &["line", "sort", "owner"];
const ACCEPTING: &[&str] = &[Accepted::KIND, Reopened::KIND];
const COLOURING: &[&str] = &[Coloured::KIND, HandedOver::KIND];

pub const FIGURES: &[Figure] = &[
    figure(OPENED, "立项事项", "Matters opened", false, &[Opened::KIND]),
    figure(
        OPEN,
        "未办结事项",
        "Open matters",
        true,
        &[Opened::KIND, Reopened::KIND, Accepted::KIND, Cancelled::KIND, HandedOver::KIND],
    ),
    figure(ACCEPTED, "办结事项", "Matters accepted", false, ACCEPTING),
    figure(IN_TIME, "按期办结事项", "Matters accepted in time", false, ACCEPTING),
    figure(BLUE, "蓝色事项", "Blue matters", true, COLOURING),
    figure(YELLOW, "黄色事项", "Yellow matters", true, COLOURING),
    figure(RED, "红色事项", "Red matters", true, COLOURING),
    figure(ESCALATED, "事项升级", "Escalations", false, &[Escalated::KIND]),
];

pub const RATIOS: &[Ratio] = &[Ratio {
    name: "kernel.matters.in_time_rate",
    title_zh: "按期办结率",
    title_en: "Accepted in time",
    numerator: IN_TIME,
    denominator: ACCEPTED,
}];

const fn figure(
    name: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    state: bool,
    kinds: &'static [&'static str],
) -> Figure {
    Figure { name, title_zh, title_en, unit: Unit::Count, kinds, dimensions: DIMENSIONS, state, needs: None }
}

fn of_colour(colour: Colour) -> &'static str {
    match colour {
        Colour::Blue => BLUE,
        Colour::Yellow => YELLOW,
        Colour::Red => RED,
    }
}

/// What an entry adds. The post that answers for the entry is the matter's owner.
pub fn contribute(entry: &Entry, out: &mut Contributions) {
    let owner = entry.answers.as_ref().map_or("", |post| post.as_str());
    let add = |out: &mut Contributions, figure, amount, sort: &KindName| {
        let line = sort.as_str().split('.').next().unwrap_or_default();
        out.add(figure, amount, &[("line", line), ("sort", sort.as_str()), ("owner", owner)]);
    };
    let accept = |out: &mut Contributions, amount, sort: &KindName, in_time: Option<bool>| {
        add(out, ACCEPTED, amount, sort);
        if in_time == Some(true) {
            add(out, IN_TIME, amount, sort);
        }
    };
    read(match entry.kind.as_str() {
        Opened::KIND => entry.with_body(|it: &Opened| {
            add(out, OPENED, 1, &it.sort);
            add(out, OPEN, 1, &it.sort);
        }),
        Reopened::KIND => entry.with_body(|it: &Reopened| {
            add(out, OPEN, 1, &it.sort);
            it.undone.iter().for_each(|undone| accept(out, -1, &it.sort, undone.in_time));
        }),
        Cancelled::KIND => entry.with_body(|it: &Cancelled| add(out, OPEN, -1, &it.sort)),
        Accepted::KIND => entry.with_body(|it: &Accepted| {
            add(out, OPEN, -1, &it.sort);
            accept(out, 1, &it.sort, it.in_time);
        }),
        Coloured::KIND => entry.with_body(|it: &Coloured| {
            for (colour, amount) in [(it.from, -1), (it.to, 1)] {
                if let Some(colour) = colour {
                    add(out, of_colour(colour), amount, &it.sort);
                }
            }
        }),
        Escalated::KIND => entry.with_body(|it: &Escalated| add(out, ESCALATED, 1, &it.sort)),
        HandedOver::KIND => entry.with_body(|it: &HandedOver| {
            let figures = [Some(OPEN), it.colour.map(of_colour)];
            for figure in figures.into_iter().flatten() {
                out.add(figure, -1, &[("owner", owner)]);
                out.add(figure, 1, &[("owner", it.to.subject().as_str())]);
            }
        }),
        _ => Ok(()),
    });
}

/// The sort of the matter that an entry is about, where the entry says it.
pub fn sort_of(entry: &Entry) -> Option<KindName> {
    let sort = match entry.kind.as_str() {
        Opened::KIND => entry.with_body(|it: &Opened| it.sort.clone()),
        Reopened::KIND => entry.with_body(|it: &Reopened| it.sort.clone()),
        Cancelled::KIND => entry.with_body(|it: &Cancelled| it.sort.clone()),
        Accepted::KIND => entry.with_body(|it: &Accepted| it.sort.clone()),
        Coloured::KIND => entry.with_body(|it: &Coloured| it.sort.clone()),
        Escalated::KIND => entry.with_body(|it: &Escalated| it.sort.clone()),
        _ => return None,
    };
    sort.inspect_err(unreadable).ok()
}

/// The body was checked when it was recorded, and cannot be erased.
fn read(body: Result<(), EntryError>) {
    if let Err(error) = body {
        unreadable(&error);
    }
}

fn unreadable(error: &EntryError) {
    debug_assert!(false, "an entry about a matter: {error}");
}
