use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use base::{BookId, Day};
use ledger::Body;
use matters::MatterId;
use schedule::{EarnedValue, Minutes};
use serde::Deserialize;
use shell::extract::{Path, Query};
use shell::pages::page;
use shell::view::{Badge, Field, FieldKind, FigureTile, Frame, Link, Mark};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem, T, format};

use super::{frame, gantt, href, scurve, words};
use crate::pages::words::colour as coloured;
use crate::plan::api::{self, Suggestions};
use crate::plan::kinds::{Baselined, DeadlineSet, Edited, Imported, Overlapped};
use crate::plan::state::{Baseline, Source};
use crate::plan::{Held, Outlook, PlanError, export, state, taken};
use crate::sorts::Name;
use crate::state::Project;

#[derive(Template)]
#[template(path = "plan/plan.html")]
struct PlanPage {
    frame: Frame,
    found: Found,
    colour: Option<Badge>,
    import: Option<Link>,
    base: String,
}

/// What there is of a plan.
enum Found {
    /// The project has none yet.
    Nothing,
    Unreckoned(Unreckoned),
    Shown(Box<Shown>),
}

/// A plan that cannot be reckoned with as things stand.
struct Unreckoned {
    said: String,
    duration: Option<Vec<Field>>,
    original: String,
}

struct Shown {
    /// What of the plan does not count as things stand.
    notes: Vec<String>,
    tiles: Vec<FigureTile>,
    gantt: gantt::Gantt,
    curve: shell::curves::Curves,
    value: Vec<Term>,
    overlaps: Option<Overlaps>,
    deadline: Option<DeadlineForm>,
    duration: Option<Vec<Field>>,
    /// The version of the plan that whoever looks at it may freeze.
    freezes: Option<String>,
    baselines: Vec<(String, String, String)>,
    blockers: Vec<Blocker>,
    /// Whether time was not enough for all.
    blockers_left_out: bool,
    source: Vec<(String, String)>,
    original: String,
    files: Vec<Link>,
}

/// A term of earned value, explained.
struct Term {
    name: String,
    value: String,
    said: String,
}

struct Overlaps {
    said: String,
    /// That these are not all.
    notice: Option<String>,
    rows: Vec<OverlapRow>,
    can_accept: bool,
}

struct OverlapRow {
    from: String,
    to: String,
    from_title: String,
    to_title: String,
    lag: i64,
    overlap: String,
    finish: String,
    /// Whether it can be accepted now: what belongs together is accepted in order.
    is_next: bool,
}

struct DeadlineForm {
    field: Field,
    is_backward: bool,
}

struct Blocker {
    title: String,
    activity: String,
    due: String,
    float: String,
    consumed: String,
    moves: String,
}

#[derive(Debug, Deserialize)]
pub struct ShowQuery {
    zoom: Option<String>,
    group: Option<String>,
}

/// What the page reads besides the plan.
struct Beside {
    baselines: Vec<Baseline>,
    holds: api::Holds,
    points: Vec<crate::plan::CurvePoint>,
    value: EarnedValue,
    overlaps: Option<Suggestions>,
}

pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, name)): Path<(String, String)>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, Problem> {
    let (book, project) = api::seen(&app, &viewer, &book, &name).await?;
    let mut frame = frame(&app, &viewer, lang, (&book, &project), "plan-title", &here)?;
    frame.as_of = Some(format::date_time(app.moment(app.kernel.now())));
    let found = {
        let (book, project) = (book.clone(), project.clone());
        let read = move |tx: &mut dyn store::Tx, zone: &base::CityZone| {
            crate::plan::outlook(tx, zone, &book, &project)
        };
        app.blocking(move |kernel| kernel.read(|tx| read(tx, kernel.zone()))).await?
    };
    let import = may(&app, &viewer, &book, &project, Imported::KIND)?.then(|| Link {
        title: frame.t.get(if found.is_some() { "plan-import-again" } else { "plan-import" }),
        href: href(&book, &project.project, "import"),
    });
    let colour = colour(&app, &book, &project, &frame.t).await?;
    let base = href(&book, &project.project, "");
    let (t, here) = (frame.t.clone(), frame.path_and_query.clone());
    let found = match found {
        None => Found::Nothing,
        Some((source, Err(error))) => {
            let seen = Seen { app, viewer, lang, book, project };
            Found::Unreckoned(seen.unreckoned(&t, &source, &error)?)
        }
        Some((source, Ok(outlook))) => {
            let outlook = Arc::new(outlook);
            let beside = beside(&app, &book, &project, &outlook).await?;
            let seen = Seen { app: app.clone(), viewer, lang, book, project };
            // Off the async threads, as all that goes through a whole plan.
            app.blocking(move |_| seen.shown((&t, &here), &query, source, &outlook, beside)).await?
        }
    };
    page(&PlanPage { base, frame, found, colour, import })
}

/// A file of the plan, for a browser.
pub async fn file(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, name)): Path<(String, String)>,
    Query(query): Query<FileQuery>,
) -> Result<Response, Problem> {
    let (book, project, _, outlook) = api::planned(&app, &viewer, &book, &name).await?;
    export::response(&app, book, project, outlook, query.format).await
}

#[derive(Debug, Deserialize)]
pub struct FileQuery {
    format: export::FileFormat,
}

fn notes(t: &T, outlook: &Outlook) -> Vec<String> {
    let unbound = outlook.unbound.iter().map(|id| {
        let label = &outlook.document.labels[id.0 as usize];
        t.with("plan-unbound", &[("code", label.code.as_str()), ("name", label.name.as_str())])
    });
    let missing = outlook.deadline().is_none().then(|| t.get("plan-without-deadline"));
    unbound.chain(missing).collect()
}

/// Whether the viewer may do something to a project.
pub(super) fn may(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    project: &Project,
    action: &str,
) -> Result<bool, Problem> {
    let (_, resource) = crate::api::ledger(app, book.as_str())?;
    Ok(viewer.allows(app, action, &resource)
        || viewer.allows(app, action, &resource.owned_by(project.team.clone())))
}

async fn colour(app: &App, book: &BookId, project: &Project, t: &T) -> Result<Option<Badge>, Problem> {
    let id: MatterId = Name::Project(&project.project).matter(book)?;
    let matter = app.blocking(move |kernel| kernel.matter(&id)).await?;
    Ok(matter.and_then(|matter| matter.colour).map(|colour| coloured(t, colour)))
}

async fn beside(
    app: &App,
    book: &BookId,
    project: &Project,
    outlook: &Arc<Outlook>,
) -> Result<Beside, Problem> {
    let (of, name) = (book.clone(), project.project.clone());
    let baselines = app.blocking(move |kernel| kernel.read(|tx| state::baselines(tx, &of, &name))).await?;
    let holds = api::holds(app, book, project, outlook).await?;
    let (points, value) = taken::value(app, book, project, outlook).await?;
    let missed = outlook.deadline().filter(|deadline| outlook.schedule.finish() > *deadline);
    let overlaps = match missed {
        Some(deadline) => Some(api::suggestions(app, outlook, deadline).await?),
        None => None,
    };
    Ok(Beside { baselines, holds, points, value, overlaps })
}

/// Who looks at whose plan.
struct Seen {
    app: App,
    viewer: Viewer,
    lang: Lang,
    book: BookId,
    project: Project,
}

impl Seen {
    fn may(&self, action: &str) -> Result<bool, Problem> {
        may(&self.app, &self.viewer, &self.book, &self.project, action)
    }

    fn unreckoned(&self, t: &T, source: &Source, error: &PlanError) -> Result<Unreckoned, Problem> {
        let (zh, en) = error.told(None);
        let why = if self.lang == Lang::Zh { zh } else { en };
        Ok(Unreckoned {
            said: t.with("plan-unreckoned", &[("why", why.as_str())]),
            duration: self.duration(t)?,
            original: self.original(source),
        })
    }

    fn shown(
        &self,
        (t, here): (&T, &str),
        query: &ShowQuery,
        source: Source,
        outlook: &Outlook,
        beside: Beside,
    ) -> Result<Found, Problem> {
        let today = self.app.today();
        let drawing = gantt::Drawing {
            outlook,
            lang: self.lang,
            t,
            zoom: gantt::Zoom::parse(query.zoom.as_deref().unwrap_or("month")),
            group: query.group.as_deref(),
            today,
            holds: &beside.holds.each,
            here,
        };
        let is_backward = matches!(outlook.schedule.terms().anchor, schedule::Anchor::Deadline { .. });
        let deadline = outlook.deadline().map_or(self.project.planned_finish, |at| at.closing_day());
        let field =
            Field::new("deadline", t.get("plan-deadline"), FieldKind::Date).value(deadline.to_string());
        let can_accept = self.may(Overlapped::KIND)?;
        let blocker = |(title, activity, due, held): (String, String, Option<Day>, Held)| Blocker {
            title,
            activity,
            due: due.map(|day| day.to_string()).unwrap_or_default(),
            float: words::working(t, held.float),
            consumed: words::working(t, held.consumed),
            moves: words::working(t, held.finish_moves),
        };
        Ok(Found::Shown(Box::new(Shown {
            notes: notes(t, outlook),
            tiles: self.tiles(t, outlook, &beside.value, today),
            gantt: gantt::draw(&drawing),
            curve: scurve::draw(t, &beside.points),
            value: self.terms(t, &beside.value),
            overlaps: beside.overlaps.map(|found| overlaps(t, found, can_accept)),
            deadline: self.may(DeadlineSet::KIND)?.then_some(DeadlineForm { field, is_backward }),
            duration: self.duration(t)?,
            freezes: self.may(Baselined::KIND)?.then(|| source.version.clone()),
            baselines: beside
                .baselines
                .iter()
                .map(|it| {
                    (it.title.clone(), words::last_day(it.finish.0), format::date(self.app.moment(it.at)))
                })
                .collect(),
            blockers_left_out: !beside.holds.complete,
            blockers: beside.holds.each.into_iter().map(blocker).collect(),
            original: self.original(&source),
            source: self.source(t, source, outlook),
            files: self.files(),
        })))
    }

    fn duration(&self, t: &T) -> Result<Option<Vec<Field>>, Problem> {
        Ok(self.may(Edited::KIND)?.then(|| duration_fields(t)))
    }

    /// The address of the file that the plan came in.
    fn original(&self, source: &Source) -> String {
        format!("/api/projects/{}/evidence/{}", self.book, source.digest)
    }

    fn tiles(&self, t: &T, outlook: &Outlook, value: &EarnedValue, today: Day) -> Vec<FigureTile> {
        let tile = |key: &str, value: String, note: Option<String>, badge: Option<Badge>| FigureTile {
            title: t.get(key),
            value,
            unit: None,
            href: Some("#gantt".to_owned()),
            note,
            badge,
        };
        let margin = outlook.schedule.margin();
        let is_missed = margin.is_some_and(|margin| margin.0 < 0);
        let sign = if is_missed { (Mark::Red, "plan-missed") } else { (Mark::Done, "plan-met") };
        let met = margin.map(|_| Badge { mark: sign.0, text: t.get(sign.1) });
        let deadline =
            outlook.deadline().map_or_else(|| self.project.planned_finish.to_string(), words::last_day);
        let percent = |bp: i64| format::percent(bp, 10_000);
        let phased = outlook.phased().map_or(0, |phased| phased.at(today));
        let index = |ratio: Option<schedule::Ratio>| {
            let ratio = ratio.and_then(|ratio| i64::try_from(ratio.ten_thousandths()).ok());
            ratio.map_or_else(|| "—".to_owned(), |it| format::decimal((it + 50).div_euclid(100), 2))
        };
        let consumed = outlook
            .float_consumed_bp()
            .map(|bp| t.with("plan-consumed", &[("percent", percent(bp).as_str())]));
        let mut tiles = vec![
            tile("plan-forecast", words::last_day(outlook.finish()), None, met),
            tile("plan-deadline", deadline, None, None),
            tile(
                "plan-margin",
                margin.map_or_else(|| "—".to_owned(), |it| words::working(t, it)),
                consumed,
                None,
            ),
            tile(
                "plan-latest-start",
                words::day(outlook.schedule.latest_start()),
                Some(t.get("plan-latest-start-said")),
                None,
            ),
            tile(
                "plan-progress",
                percent(outlook.progress_bp()),
                Some(t.with("plan-phased", &[("percent", percent(phased).as_str())])),
                None,
            ),
            tile("plan-spi", index(value.schedule_index()), Some(t.get("plan-spi-short")), None),
            tile("plan-cpi", index(value.cost_index()), Some(t.get("plan-cpi-short")), None),
        ];
        for tile in tiles.iter_mut().rev().take(2) {
            tile.href = Some("#value".to_owned());
        }
        tiles
    }

    fn terms(&self, t: &T, value: &EarnedValue) -> Vec<Term> {
        let money = |fen: i64| format::money_short(self.lang, fen);
        let index = |ratio: Option<schedule::Ratio>| {
            let ratio = ratio.and_then(|ratio| i64::try_from(ratio.ten_thousandths()).ok());
            ratio.map_or_else(|| "—".to_owned(), |it| format::decimal((it + 50).div_euclid(100), 2))
        };
        let estimate = taken::estimate(value).map_or_else(|| "—".to_owned(), |fen| money(fen.0));
        [
            ("bac", money(value.budget.0)),
            ("pv", money(value.planned.0)),
            ("ev", money(value.earned.0)),
            ("ac", money(value.actual.0)),
            ("sv", money(value.schedule_variance().0)),
            ("cv", money(value.cost_variance().0)),
            ("spi", index(value.schedule_index())),
            ("cpi", index(value.cost_index())),
            ("eac", estimate),
        ]
        .into_iter()
        .map(|(key, value)| Term {
            name: t.get(&format!("plan-{key}")),
            value,
            said: t.get(&format!("plan-{key}-said")),
        })
        .collect()
    }

    fn source(&self, t: &T, source: Source, outlook: &Outlook) -> Vec<(String, String)> {
        let plan = &outlook.document.plan;
        let links = plan.links.iter().flatten().count();
        vec![
            (t.get("plan-name"), source.name),
            (t.get("plan-file"), source.file.unwrap_or(source.format)),
            (t.get("plan-imported-at"), format::date_time(self.app.moment(source.imported_at))),
            (t.get("plan-changed-at"), format::date_time(self.app.moment(source.changed_at))),
            (t.get("plan-activities"), format::integer(i64::try_from(plan.activities.len()).unwrap_or(0))),
            (t.get("plan-links"), format::integer(i64::try_from(links).unwrap_or(0))),
        ]
    }

    fn files(&self) -> Vec<Link> {
        let link = |(format, title): (&str, &str)| Link {
            title: title.to_owned(),
            href: format!("{}?format={format}", href(&self.book, &self.project.project, "file")),
        };
        [
            ("mspdi", "Project XML"),
            ("xlsx", "XLSX"),
            ("csv", "CSV"),
            ("ics", "iCalendar"),
            ("oc4ids", "OC4IDS"),
        ]
        .map(link)
        .into()
    }
}

fn overlaps(t: &T, found: Suggestions, can_accept: bool) -> Overlaps {
    let is_alone = !found.alone.is_empty();
    let key = match (is_alone, found.meets_deadline) {
        (false, false) if !found.complete => "plan-overlap-so-far",
        (true, _) => "plan-overlap-alone",
        (false, true) => "plan-overlap-together",
        (false, false) if found.together.is_empty() => "plan-overlap-none",
        (false, false) => "plan-overlap-short",
    };
    let rows = if is_alone { found.alone } else { found.together };
    let row = |(at, it): (usize, api::Suggestion)| OverlapRow {
        from: it.from,
        to: it.to,
        from_title: it.from_name,
        to_title: it.to_name,
        lag: it.lag_minutes,
        overlap: words::working(t, Minutes(it.overlap_minutes)),
        finish: words::last_day(it.finish.0),
        is_next: is_alone || at == 0,
    };
    let said = t.with(key, &[("deadline", words::last_day(found.deadline.0).as_str())]);
    let notice = (!found.complete).then(|| t.get("plan-overlap-cut"));
    Overlaps { said, notice, rows: rows.into_iter().enumerate().map(row).take(10).collect(), can_accept }
}

fn duration_fields(t: &T) -> Vec<Field> {
    let mut days = Field::new("days", t.get("plan-duration"), FieldKind::Number).required();
    days.unit = Some(t.get("plan-workdays"));
    vec![
        Field::new("activity", t.get("plan-code"), FieldKind::Text { chars_max: 60 }).required(),
        days,
        Field::new("reason", t.get("plan-reason"), FieldKind::Text { chars_max: 2_000 }),
    ]
}
