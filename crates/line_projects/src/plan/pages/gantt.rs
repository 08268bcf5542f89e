//! The bar chart of a plan (横道图), drawn on the server: a list of names that stays, and beside it a picture in pixels
//! that scrolls within its own box.

use std::collections::BTreeMap;

use askama::Template;
use base::Day;
use schedule::{ActivityId, Moment, Progress, Span};
use shell::{Lang, T};

use super::words;
use crate::plan::{Clock, Held, Outlook};

/// How wide a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zoom {
    Week,
    Month,
}

impl Zoom {
    pub fn parse(text: &str) -> Self {
        if text == "week" { Self::Week } else { Self::Month }
    }

    fn day_px(self) -> i64 {
        match self {
            Self::Week => 16,
            Self::Month => 4,
        }
    }
}

/// Rows that are drawn; of a longer plan its groups are, and each opens by itself.
pub const ROWS_MAX: usize = 2_000;
const ROW_PX: i64 = 28;
const HEAD_PX: i64 = 40;
/// Wider pictures are too much for some browsers.
const WIDTH_MAX_PX: i64 = 24_000;
/// What the name of a month takes.
const MONTH_PX: i64 = 72;
/// Pixels of a hundred days from which on single days are told apart.
const DAYS_TOLD_APART: i64 = 300;
/// Days before the first and after the last.
const MARGIN_DAYS: i64 = 4;

#[derive(Debug, Clone, Template)]
#[template(path = "plan/gantt.html")]
pub struct Gantt {
    pub t: T,
    pub zoom: Zoom,
    width: i64,
    height: i64,
    months: Vec<Tick>,
    weeks: Vec<Tick>,
    idle: Vec<Strip>,
    today: Option<i64>,
    deadline: Option<i64>,
    rows: Vec<Row>,
    /// The page without a group, where one is shown.
    pub whole: Option<String>,
    pub by_week: String,
    pub by_month: String,
}

#[derive(Debug, Clone)]
struct Tick {
    x: i64,
    text: String,
}

#[derive(Debug, Clone)]
struct Strip {
    x: i64,
    width: i64,
}

#[derive(Debug, Clone)]
struct Row {
    y: i64,
    code: String,
    name: String,
    href: Option<String>,
    /// What the picture says, in words.
    said: String,
    class: &'static str,
    bar: Strip,
    done: i64,
    /// The baseline below the bar.
    base: Option<Strip>,
    is_milestone: bool,
    deadline: Option<i64>,
    /// Until when a blocker holds it, and what it is called.
    blocked: Option<(i64, String)>,
    start: String,
    finish: String,
    float: String,
    percent: String,
}

/// What the chart is made of.
pub struct Drawing<'a> {
    pub outlook: &'a Outlook,
    pub lang: Lang,
    pub t: &'a T,
    pub zoom: Zoom,
    /// The group that is shown, if one is.
    pub group: Option<&'a str>,
    pub today: Day,
    /// Blockers by the activity that they hold, with the day by which they are to be gone.
    pub holds: &'a [(String, String, Option<Day>, Held)],
    /// The page's address.
    pub here: &'a str,
}

/// Minutes of a hundred days.
const HUNDRED_DAYS: i64 = 100 * 1440;

/// Where things lie, in pixels.
struct Scale {
    first: Moment,
    /// Pixels of a hundred days.
    per_hundred_days: i64,
}

impl Scale {
    fn x(&self, at: Moment) -> i64 {
        (at.0 - self.first.0) * self.per_hundred_days / HUNDRED_DAYS
    }

    /// The first moment that lies so far to the right.
    fn at(&self, x: i64) -> Moment {
        Moment(self.first.0 + (x * HUNDRED_DAYS + self.per_hundred_days - 1) / self.per_hundred_days)
    }

    fn tells_days_apart(&self) -> bool {
        self.per_hundred_days >= DAYS_TOLD_APART
    }

    fn strip(&self, span: Span) -> Strip {
        let x = self.x(span.start);
        Strip { x, width: (self.x(span.finish) - x).max(2) }
    }
}

pub fn draw(drawing: &Drawing<'_>) -> Gantt {
    let outlook = drawing.outlook;
    let (first, last) = outlook.days();
    let first = Moment::at(first.min(drawing.today), 0).0 - MARGIN_DAYS * 1440;
    let ends = [Some(Clock::end_of(last)), outlook.deadline(), Some(Clock::end_of(drawing.today))];
    let last = ends.into_iter().flatten().max().map_or(first, |at| at.0) + MARGIN_DAYS * 1440;
    let days = (last - first) / 1440 + 1;
    let per_hundred_days = (100 * drawing.zoom.day_px()).min(100 * WIDTH_MAX_PX / days).max(1);
    let scale = Scale { first: Moment(first), per_hundred_days };
    let rows = rows(drawing, &scale);
    let width = scale.x(Moment(last));
    let with = |name: &str, value: Option<&str>| shell::table::with_parameter(drawing.here, name, value);
    Gantt {
        t: drawing.t.clone(),
        zoom: drawing.zoom,
        width,
        height: HEAD_PX + ROW_PX * i64::try_from(rows.len()).unwrap_or(0),
        months: months(drawing, &scale, last),
        weeks: weeks(drawing, &scale, last),
        idle: if drawing.zoom == Zoom::Week { idle(outlook, &scale, first, last) } else { Vec::new() },
        today: Some(scale.x(Moment::at(drawing.today, 720))),
        deadline: outlook.deadline().map(|at| scale.x(at)),
        rows,
        whole: drawing.group.map(|_| with("group", None)),
        by_week: with("zoom", Some("week")),
        by_month: with("zoom", Some("month")),
    }
}

/// The names of months, as many as there is room for, whatever the years: those that would lie under another are passed over.
fn months(drawing: &Drawing<'_>, scale: &Scale, last: i64) -> Vec<Tick> {
    let mut ticks: Vec<Tick> = Vec::new();
    let next = |month: Day| month.plus(31).first_of_month();
    let mut month = scale.first.day().first_of_month();
    // A month that is cut at the left edge would lie under its neighbour.
    let second = Moment::at(next(month), 0);
    if second.0 < last && scale.x(second) < MONTH_PX {
        month = next(month);
    }
    while Moment::at(month, 0).0 < last {
        let (year, number, _) = month.civil();
        let text = match drawing.lang {
            Lang::Zh => format!("{year}年{number}月"),
            Lang::En => format!("{year}-{number:02}"),
        };
        let x = scale.x(Moment::at(month, 0)).max(0);
        ticks.push(Tick { x, text });
        let free = scale.at(x + MONTH_PX);
        let first = free.day().first_of_month();
        month = next(month).max(if Moment::at(first, 0) < free { next(first) } else { first });
    }
    ticks
}

/// Mondays, with the day of the month where there is room.
fn weeks(drawing: &Drawing<'_>, scale: &Scale, last: i64) -> Vec<Tick> {
    if !scale.tells_days_apart() {
        return Vec::new();
    }
    let mut ticks = Vec::new();
    let first = scale.first.day();
    let mut day = first.plus((4 - first.0).rem_euclid(7));
    while Moment::at(day, 0).0 < last {
        let (_, _, date) = day.civil();
        let text = if drawing.zoom == Zoom::Week { date.to_string() } else { String::new() };
        ticks.push(Tick { x: scale.x(Moment::at(day, 0)), text });
        day = day.plus(7);
    }
    ticks
}

/// Days on which the project's calendar knows no work, where they can be seen.
fn idle(outlook: &Outlook, scale: &Scale, first: i64, last: i64) -> Vec<Strip> {
    if !scale.tells_days_apart() {
        return Vec::new();
    }
    let plan = &outlook.document.plan;
    let time = plan.calendars[plan.calendar.0 as usize].working_time();
    let mut strips: Vec<Strip> = Vec::new();
    let (from, to) = (Moment(first).day(), Moment(last).day());
    for day in (from.0..to.0).map(Day).filter(|day| time.shifts(*day).is_empty()) {
        let strip = scale.strip(Span { start: Moment::at(day, 0), finish: Clock::end_of(day) });
        match strips.last_mut() {
            Some(run) if run.x + run.width >= strip.x => run.width = strip.x + strip.width - run.x,
            _ => strips.push(strip),
        }
    }
    strips
}

fn rows(drawing: &Drawing<'_>, scale: &Scale) -> Vec<Row> {
    let labels = &drawing.outlook.document.labels;
    let shown: Vec<usize> =
        (0..labels.len()).filter(|&at| drawing.group.is_none_or(|group| labels[at].group == group)).collect();
    if shown.len() <= ROWS_MAX {
        let each = shown.into_iter().enumerate();
        return each.map(|(row, at)| activity(drawing, scale, row, at)).collect();
    }
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for at in shown {
        let name = labels[at].group.as_str();
        let place = *places.entry(name).or_insert_with(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(at);
    }
    let each = groups.into_iter().take(ROWS_MAX).enumerate();
    each.map(|(row, (name, members))| group(drawing, scale, row, name, &members)).collect()
}

fn activity(drawing: &Drawing<'_>, scale: &Scale, row: usize, at: usize) -> Row {
    let Drawing { outlook, t, .. } = drawing;
    let (label, span) = (&outlook.document.labels[at], outlook.planned[at]);
    let id = ActivityId(u32::try_from(at).unwrap_or(u32::MAX));
    let activity = &outlook.document.plan.activities[at];
    let bar = scale.strip(span);
    let done = i64::from(outlook.done[at]);
    let hold = drawing.holds.iter().find(|(_, activity, ..)| *activity == label.code);
    let is_critical = outlook.critical[at] && !matches!(activity.progress, Progress::Finished { .. });
    let float = words::working(t, outlook.schedule.total_float(id));
    let (start, finish) = (words::day(span.start), words::last_day(span.finish));
    let frozen = outlook.frozen.as_ref().and_then(|frozen| frozen.spans.get(&label.code));
    let percent = shell::format::percent(done, 10_000);
    let said = t.with(
        "plan-said",
        &[
            ("name", label.name.as_str()),
            ("start", &start),
            ("finish", &finish),
            ("float", &float),
            ("done", &percent),
        ],
    );
    Row {
        y: HEAD_PX + ROW_PX * i64::try_from(row).unwrap_or(0),
        code: label.code.clone(),
        name: label.name.clone(),
        href: None,
        said,
        class: if is_critical { "critical" } else { "usual" },
        done: bar.width * done / 10_000,
        base: frozen.map(|span| scale.strip(*span)),
        is_milestone: activity.duration.0 == 0,
        deadline: activity.deadline.map(|at| scale.x(at)),
        blocked: hold.map(|(title, _, due, _)| {
            let until = Clock::end_of(due.unwrap_or(drawing.today).max(drawing.today));
            (scale.x(until), title.clone())
        }),
        bar,
        start,
        finish,
        float,
        percent,
    }
}

/// A group of activities as one bar, from its first start to its last finish.
fn group(drawing: &Drawing<'_>, scale: &Scale, row: usize, name: &str, members: &[usize]) -> Row {
    let Drawing { outlook, t, .. } = drawing;
    let over = |spans: &dyn Fn(usize) -> Option<Span>| {
        let spans = || members.iter().filter_map(|&at| spans(at));
        let start = spans().map(|span| span.start).min()?;
        Some(Span { start, finish: spans().map(|span| span.finish).max()? })
    };
    let planned = over(&|at| Some(outlook.planned[at]));
    let span = planned.unwrap_or(Span { start: scale.first, finish: scale.first });
    let frozen = outlook.frozen.as_ref();
    let labels = &outlook.document.labels;
    let base = over(&|at| frozen.and_then(|frozen| frozen.spans.get(&labels[at].code)).copied());
    let budget: i128 = members.iter().map(|&at| i128::from(outlook.budgets[at].0)).sum();
    let earned = members.iter().map(|&at| i128::from(outlook.budgets[at].0) * i128::from(outlook.done[at]));
    let done = i64::try_from(earned.sum::<i128>() / budget.max(1)).unwrap_or(0);
    let ids = || members.iter().map(|&at| ActivityId(u32::try_from(at).unwrap_or(u32::MAX)));
    let least = ids().map(|id| outlook.schedule.total_float(id)).min().unwrap_or_default();
    let bar = scale.strip(span);
    let title = if name.is_empty() { t.get("plan-ungrouped") } else { name.to_owned() };
    let (start, finish) = (words::day(span.start), words::last_day(span.finish));
    let (float, percent) = (words::working(t, least), shell::format::percent(done, 10_000));
    let said = t.with(
        "plan-said",
        &[
            ("name", title.as_str()),
            ("start", &start),
            ("finish", &finish),
            ("float", &float),
            ("done", &percent),
        ],
    );
    Row {
        y: HEAD_PX + ROW_PX * i64::try_from(row).unwrap_or(0),
        code: members.len().to_string(),
        name: title,
        href: Some(shell::table::with_parameter(drawing.here, "group", Some(name))),
        said,
        class: if members.iter().any(|&at| outlook.critical[at]) { "group critical" } else { "group" },
        done: bar.width * done / 10_000,
        base: base.map(|span| scale.strip(span)),
        is_milestone: false,
        deadline: None,
        blocked: None,
        bar,
        start,
        finish,
        float,
        percent,
    }
}
