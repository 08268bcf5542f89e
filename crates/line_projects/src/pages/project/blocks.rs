//! The head of a project's page: its phases, its colour with the reasons, what it is, and its papers.

use base::Fen;
use kernel::Verdict;
use ledger::Entry;
use matters::{Assessment, Matter};
use shell::view::{Badge, Empty, FigureTile, Link, Mark, TableView};
use shell::{App, Lang, T, format, said};
use store::{StoreError, Tx};

use super::tables::With;
use crate::kinds::Phase;
use crate::pages::place::{post_title, unit_title};
use crate::pages::{amounts, words};

/// A phase in the strip.
pub struct Step {
    pub title: String,
    /// The day that it was reached on, and the entry that says so.
    pub day: Option<String>,
    pub href: Option<String>,
    /// `done`, `now` or `ahead`.
    pub class: &'static str,
    pub is_now: bool,
}

pub fn steps(with: &With<'_>) -> Vec<Step> {
    let step = |phase: Phase| {
        let reached = with.read.phases.iter().find(|reached| reached.phase == phase);
        let now = with.project.phase;
        Step {
            title: words::phase(with.t, phase),
            day: reached.map(|it| with.day(it.at)),
            href: reached.map(|it| with.entry(it.seq)),
            class: if phase == now {
                "now"
            } else if phase < now {
                "done"
            } else {
                "ahead"
            },
            is_now: phase == now,
        }
    };
    Phase::ALL.map(step).into_iter().collect()
}

/// The colour by its rule now; where the rule says none, whether it is through or stands.
pub fn colour(t: &T, matter: &Matter, verdict: &Verdict) -> Badge {
    let now =
        verdict.assessment.as_ref().map(|it| it.colour).or(matter.colour.filter(|_| matter.closed.is_none()));
    match now {
        Some(it) => words::colour(t, it),
        None if matter.closed.is_some() => Badge { mark: Mark::Done, text: t.get("state-done") },
        None => Badge { mark: Mark::Plain, text: t.get("projects-paused") },
    }
}

/// What each dimension of the rule says, the decisive ones first.
pub fn reasons(lang: Lang, assessment: &Assessment) -> Vec<Badge> {
    let mut reasons: Vec<_> = assessment.reasons.iter().collect();
    reasons.sort_by_key(|it| std::cmp::Reverse(it.colour.filter(|_| !it.excused)));
    reasons
        .into_iter()
        .map(|reason| Badge {
            mark: reason.colour.filter(|_| !reason.excused).map_or(Mark::Plain, words::mark),
            text: match lang {
                // Beside Chinese the page sets full-width marks.
                Lang::Zh => reason.text_zh().replace(',', "，").replace('(', "（").replace(')', "）"),
                Lang::En => reason.text_en(),
            },
        })
        .collect()
}

pub fn rule(t: &T, assessment: &Assessment) -> String {
    let (version, day) = (assessment.rule_version.to_string(), assessment.day.to_string());
    let args = [("rule", assessment.rule.as_str()), ("version", &version), ("day", &day)];
    t.with("projects-by-rule", &args)
}

/// The project in four numbers, each leading to where it is made up.
pub fn tiles(with: &With<'_>) -> Vec<FigureTile> {
    let (t, read, project) = (with.t, with.read, with.project);
    let lang = t.lang();
    let money = |key: &str, fen: Fen| FigureTile::new(t.get(key), &format::money_short(lang, fen.0));
    let invested: Fen = read.months.iter().map(|month| month.invested_fen).sum();
    let due: Fen = read.months.iter().filter(|month| month.fell_due).map(|month| month.planned_fen).sum();
    let paid: Fen = read.payments.iter().map(|payment| payment.amount_fen).sum();
    let signed: Fen = read.contracts.iter().map(|contract| contract.amount_fen).sum();
    let percent = match project.phase {
        Phase::Finished | Phase::Producing => Some(10_000),
        _ => read.reports.iter().find(|it| it.activity.is_none()).and_then(|it| it.percent_bp),
    };
    let share = |part: Fen, whole: Fen, key: &str| {
        (whole.0 > 0).then(|| {
            let share = format::percent(part.0, whole.0);
            t.with(key, &[("share", share), ("of", format::money_short(lang, whole.0))])
        })
    };
    let mut progress = FigureTile::new(
        t.get("projects-progress"),
        &percent.map_or_else(|| format::NONE.to_owned(), amounts::percent),
    )
    .link("#reports");
    progress.badge = with.against_plan(percent);
    progress.note =
        read.reports.first().map(|it| t.with("projects-reported-on", &[("day", with.day(it.at))]));
    let mut total = money("projects-total", project.total_fen).link("#facts");
    total.note = Some(with.industry());
    let mut done = money("projects-invested", invested).link("#money");
    done.note = share(invested, due, "projects-share-of-due");
    let mut spent = money("projects-paid", paid).link("#contracts");
    spent.note = share(paid, signed, "projects-share-of-signed");
    vec![progress, total, done, spent]
}

/// What the project is: name, value, and where that leads.
pub fn facts(with: &With<'_>) -> Vec<(String, String, Option<String>)> {
    let (app, t, project, names) = (with.app, with.t, with.project, &with.read.names);
    let lang = t.lang();
    let field = |name: &str| t.get(&format!("projects-field-{name}"));
    let mut facts = vec![(field("project"), project.project.clone(), None)];
    let mut add = |name: &str, value: String, href: Option<String>| facts.push((field(name), value, href));
    if let Some(code) = &project.code {
        add("code", code.clone(), None);
    }
    add("builder", project.builder.clone(), None);
    add("industry", with.industry(), None);
    if let Some(chain) = &project.chain {
        let href = with.place.href(&format!("chain/{chain}"));
        add("chain", names.chain(&with.place.book, chain), Some(href));
    }
    if let Some(programme) = &project.programme {
        let href = with.place.href(&format!("programme/{programme}"));
        add("programme", names.programme(&with.place.book, programme), Some(href));
    }
    add("site", format!("{} · {}", unit_title(app, lang, &project.unit), project.address), None);
    if let (Some(lat), Some(lon)) = (project.lat_e7, project.lon_e7) {
        let (lat, lon) = (degrees(lat), degrees(lon));
        add("position", format!("{lat}, {lon}"), Some(format!("geo:{lat},{lon}")));
    }
    add("team", post_title(app, lang, &project.team), None);
    add("office", post_title(app, lang, &project.office), None);
    add("planned_start", project.planned_start.to_string(), None);
    add(
        "planned_finish",
        words::deadline(t, project.planned_finish, app.today(), with.is_finished()).text,
        None,
    );
    for (key, at) in
        [("projects-statistics", project.statistics_at), ("projects-accepted", project.accepted_at)]
    {
        if let Some(at) = at {
            facts.push((t.get(key), with.day(at), None));
        }
    }
    facts
}

/// Ten-millionths of a degree as maps write them.
fn degrees(e7: i64) -> String {
    let text = format::decimal_plain(e7, 7);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub fn no_curve(with: &With<'_>) -> Empty {
    let t = with.t;
    let link = Link { title: t.get("projects-form-plan"), href: with.form("plan") };
    let action = (with.may)("plan").then_some(link);
    Empty { title: t.get("projects-no-money"), hint: t.get("projects-no-money-hint"), action }
}

/// A list that has nothing in it: what it would hold, what to do for that, and the form.
pub struct Missing {
    pub title: String,
    pub hint: String,
    pub action: Option<Link>,
}

/// Parts what has rows from what has none.
pub fn part(tables: Vec<TableView>) -> (Vec<TableView>, Vec<Missing>) {
    let (empty, filled): (Vec<_>, Vec<_>) = tables.into_iter().partition(|table| table.rows.is_empty());
    let missing = |table: TableView| Missing {
        title: table.caption,
        hint: table.empty.hint,
        action: table.empty.action,
    };
    (filled, empty.into_iter().map(missing).collect())
}

/// A photo or paper.
pub struct File {
    pub href: String,
    pub picture: bool,
    pub title: String,
    pub entry: String,
}

pub fn files(with: &With<'_>) -> Vec<File> {
    let file = |(at, digest, picture): &(usize, String, bool)| {
        let entry = &with.read.entries[*at];
        let kind = words::kind_title(with.app, with.t.lang(), entry.kind.as_str());
        File {
            href: format!("/api/projects/{}/evidence/{digest}", with.place.book),
            picture: *picture,
            title: format!("{} {kind}", with.day(entry.occurred)),
            entry: with.entry(entry.seq),
        }
    };
    with.read.files.iter().map(file).collect()
}

/// What an entry says in one line: what the page's own heading says already is left out.
pub fn said(app: &App, tx: &mut dyn Tx, t: &T, entry: &Entry) -> Result<String, StoreError> {
    let body = entry.body.as_deref().map(without_bookkeeping);
    let parts = said::body(app, tx, t, &entry.book, entry.kind.as_str(), body.as_deref())?;
    let between = if t.lang() == Lang::Zh { "：" } else { ": " };
    let parts: Vec<String> = parts.iter().map(|(name, value)| format!("{name}{between}{value}")).collect();
    Ok(parts.join(if t.lang() == Lang::Zh { "；" } else { "; " }))
}

/// A body without the project's id and what the recorder wrote for the figures.
fn without_bookkeeping(body: &str) -> String {
    let Ok(serde_json::Value::Object(mut members)) = serde_json::from_str(body) else {
        return body.to_owned();
    };
    for name in ["project", "change", "heading", "body", "kind"] {
        members.remove(name);
    }
    serde_json::Value::Object(members).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_have_no_more_places_than_they_need() {
        assert_eq!([377_290_000, -5_000_000, 0].map(degrees), ["37.729", "-0.5", "0"]);
    }

    #[test]
    fn what_the_figures_need_is_not_said() {
        let body = r#"{"amount_fen":5,"heading":{"industry":"C35"},"project":"p"}"#;
        assert_eq!(without_bookkeeping(body), r#"{"amount_fen":5}"#);
    }
}
