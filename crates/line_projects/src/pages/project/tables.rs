//! The tables of a project's page.

use std::collections::{BTreeMap, BTreeSet};

use base::{Day, Fen, Seq, Time};
use shell::view::{Badge, Cell, Column, Empty, Link, Mark, Pager, TableView};
use shell::{App, T, said};

use super::Read;
use crate::kinds::{EntryReversed, Phase};
use crate::pages::place::{Place, post_title};
use crate::pages::{amounts, owed, words};
use crate::record::REVERSIBLE;
use crate::state::Project;

/// What the parts of the page are set from.
pub struct With<'w> {
    pub app: &'w App,
    pub t: &'w T,
    pub place: &'w Place,
    pub project: &'w Project,
    pub read: &'w Read,
    /// Whether the viewer may send a form.
    pub may: &'w dyn Fn(&str) -> bool,
}

impl With<'_> {
    pub fn day(&self, at: Time) -> String {
        self.app.kernel.zone().day_of(at).to_string()
    }

    pub fn entry(&self, seq: Seq) -> String {
        format!("/ledger/{}/{seq}", self.place.book)
    }

    /// A form about the project.
    pub fn form(&self, name: &str) -> String {
        match name {
            "report" => self.place.of_project(&self.project.project, "report"),
            _ => self.place.href(&format!("record/{name}?project={}", self.project.project)),
        }
    }

    pub fn industry(&self) -> String {
        let industry = &self.project.industry;
        let section = industry.get(..1).unwrap_or_default();
        format!("{} {industry}", self.t.get(&format!("projects-industry-{section}")))
    }

    pub fn is_finished(&self) -> bool {
        self.project.phase >= Phase::Finished
    }

    /// How far the work is against the time-phased plan of today; nothing once it is finished.
    pub fn against_plan(&self, percent_bp: Option<i64>) -> Option<Badge> {
        let planned = crate::facts::course(self.project)?.at(self.app.today());
        let behind = planned - percent_bp?;
        if self.is_finished() {
            return None;
        }
        let (mark, key) = match behind {
            ..=0 => (Mark::Done, "projects-on-plan"),
            _ => (Mark::Plain, "projects-behind-plan"),
        };
        let args = [("plan", amounts::percent(planned)), ("behind", amounts::percent(behind))];
        Some(Badge { mark, text: self.t.with(key, &args) })
    }

    /// An empty list with the form that fills it.
    fn empty(&self, key: &str, form: Option<&str>) -> Empty {
        Empty {
            title: self.t.get(&format!("projects-no-{key}")),
            hint: self.t.get(&format!("projects-no-{key}-hint")),
            action: form.filter(|form| (self.may)(form)).map(|form| Link {
                title: self.t.get(&format!("projects-form-{form}")),
                href: self.form(form),
            }),
        }
    }

    fn field(&self, name: &str) -> String {
        self.t.get(&format!("projects-field-{name}"))
    }

    fn table(
        &self,
        id: &'static str,
        columns: Vec<Column>,
        form: Option<&str>,
        rows: Vec<Vec<Cell>>,
    ) -> TableView {
        let mut table =
            TableView::new(id, self.t.get(&format!("projects-{id}")), columns, self.empty(id, form));
        table.rows = rows;
        table
    }
}

/// What was paid under each contract.
fn paid(with: &With<'_>) -> BTreeMap<String, Fen> {
    let mut paid: BTreeMap<String, Fen> = BTreeMap::new();
    for payment in &with.read.payments {
        if let Some(contract) = &payment.contract {
            let sum = paid.entry(contract.clone()).or_default();
            *sum = Fen(sum.0 + payment.amount_fen.0);
        }
    }
    paid
}

/// The matters of a sort.
pub fn owed(with: &With<'_>, id: &'static str, sort: &str, form: Option<&str>) -> TableView {
    let of_sort = with.read.owed.iter().filter(|it| it.matter.sort.as_str() == sort);
    let rows = of_sort.map(|it| owed::row(with.app, with.t, it)).collect();
    with.table(id, owed::columns(with.t), form, rows)
}

pub fn permits(with: &With<'_>) -> TableView {
    let rows = with.read.permits.iter().map(|it| owed::permit_row(with.app, with.t, it)).collect();
    with.table("permits", owed::permit_columns(with.t), Some("permit"), rows)
}

pub fn contracts(with: &With<'_>) -> TableView {
    let (t, lang) = (with.t, with.t.lang());
    let columns = vec![
        Column::text("title", with.field("title")),
        Column::text("contract", with.field("contract")),
        Column::text("party", with.field("party")),
        Column::text("signed", t.get("projects-signed-on")),
        amounts::sum_column(t, "amount", "projects-field-amount_fen"),
        amounts::sum_column(t, "paid", "projects-paid"),
        Column::number("share", t.get("projects-paid-share")),
    ];
    let paid = paid(with);
    let rows = with.read.contracts.iter().map(|it| {
        let so_far = paid.get(&it.contract).copied().unwrap_or_default();
        let about = shell::table::with_parameter(
            &format!("/ledger/{}", with.place.book),
            "about",
            Some(&format!("project:{}/{}", with.place.book, with.project.project)),
        );
        vec![
            Cell::text(&it.title).link(with.entry(it.seq)),
            Cell::text(&it.contract),
            Cell::text(&it.party),
            Cell::text(with.day(it.at)),
            amounts::sum(lang, it.amount_fen).link(with.entry(it.seq)),
            amounts::sum(lang, so_far).link(about),
            amounts::share(so_far, it.amount_fen),
        ]
    });
    with.table("contracts", columns, Some("contract"), rows.collect())
}

/// What has to be paid by when, and whether it was: what is paid under a contract settles its parts in order.
pub fn parts(with: &With<'_>) -> TableView {
    let (t, lang) = (with.t, with.t.lang());
    let columns = vec![
        Column::text("day", t.get("projects-pay-by")),
        Column::text("contract", with.field("contract")),
        amounts::sum_column(t, "amount", "projects-field-amount_fen"),
        Column::text("state", t.get("projects-state")),
    ];
    let mut left = paid(with);
    let mut rows: Vec<(Day, Vec<Cell>)> = Vec::new();
    for part in &with.read.parts {
        let left = left.entry(part.contract.clone()).or_default();
        let settled = left.0.min(part.amount_fen.0);
        left.0 -= settled;
        let state = state_of_part(t, part.day, with.app.today(), Fen(settled), part.amount_fen);
        let seq = with.read.contracts.iter().find(|it| it.contract == part.contract).map(|it| it.seq);
        let amount = amounts::sum(lang, part.amount_fen);
        rows.push((
            part.day,
            vec![
                Cell::text(part.day.to_string()),
                Cell::text(&part.contract),
                match seq {
                    Some(seq) => amount.link(with.entry(seq)),
                    None => amount,
                },
                Cell::badge(state),
            ],
        ));
    }
    rows.sort_by_key(|(day, _)| *day);
    with.table("parts", columns, None, rows.into_iter().map(|(_, row)| row).collect())
}

fn state_of_part(t: &T, day: Day, today: Day, settled: Fen, amount: Fen) -> Badge {
    let (mark, key) = match (settled == amount, day < today) {
        (true, _) => (Mark::Done, "projects-part-paid"),
        (false, true) => (Mark::Red, "projects-part-late"),
        (false, false) => (Mark::Plain, "projects-part-ahead"),
    };
    let text = match settled.0 > 0 && settled != amount {
        true => t.with(
            "projects-part-so-far",
            &[("state", t.get(key)), ("share", shell::format::percent(settled.0, amount.0))],
        ),
        false => t.get(key),
    };
    Badge { mark, text }
}

pub fn reports(with: &With<'_>) -> TableView {
    let t = with.t;
    let columns = vec![
        Column::text("day", t.get("day")),
        Column::number("percent", t.get("projects-progress")),
        Column::number("remaining", with.field("remaining_days")),
        Column::text("activity", with.field("activity")),
        Column::text("note", with.field("note")),
        Column::number("photos", t.get("projects-photos")),
    ];
    let rows = with.read.reports.iter().map(|it| {
        let entry = with.entry(it.seq);
        vec![
            Cell::text(with.day(it.at)).link(&entry),
            it.percent_bp.map_or_else(Cell::none, |bp| amounts::percent_cell(bp).link(&entry)),
            it.remaining_days.map_or_else(Cell::none, |days| Cell::integer(days).link(&entry)),
            Cell::text(it.activity.clone().unwrap_or_else(|| t.get("projects-whole"))),
            Cell::text(it.note.clone().unwrap_or_default()),
            if it.photos > 0 { Cell::integer(it.photos).link(&entry) } else { Cell::none() },
        ]
    });
    with.table("reports", columns, Some("report"), rows.collect())
}

pub fn visits(with: &With<'_>) -> TableView {
    let t = with.t;
    let columns = vec![
        Column::text("day", t.get("day")),
        Column::text("by", with.field("by")),
        Column::text("place", with.field("place")),
        Column::text("settled", with.field("settled")),
    ];
    let rows = with.read.visits.iter().map(|it| {
        vec![
            Cell::text(with.day(it.at)).link(with.entry(it.seq)),
            Cell::text(post_title(with.app, t.lang(), &it.by)),
            Cell::text(&it.place),
            Cell::text(&it.settled),
        ]
    });
    with.table("visits", columns, Some("visit"), rows.collect())
}

pub fn proxies(with: &With<'_>) -> TableView {
    let t = with.t;
    let columns = vec![
        Column::text("title", with.field("title")),
        Column::text("agent", with.field("agent")),
        Column::text("opened", t.get("projects-opened")),
        Column::text("state", t.get("projects-state")),
    ];
    let rows = with.read.proxies.iter().map(|it| {
        vec![
            Cell::text(&it.title).link(with.entry(it.opened_seq)),
            Cell::text(post_title(with.app, t.lang(), &it.agent)),
            Cell::text(with.day(it.opened_at)),
            Cell::badge(match it.done_at {
                Some(at) => {
                    Badge { mark: Mark::Done, text: t.with("projects-done-on", &[("day", with.day(at))]) }
                }
                None => Badge { mark: Mark::Plain, text: t.get("projects-open") },
            }),
        ]
    });
    with.table("proxies", columns, Some("proxy"), rows.collect())
}

pub fn assistance(with: &With<'_>) -> TableView {
    let t = with.t;
    let columns = vec![
        Column::text("title", with.field("title")),
        Column::text("enterprise", with.field("enterprise")),
        Column::text("day", t.get("day")),
    ];
    let rows = with.read.assistance.iter().map(|it| {
        vec![
            Cell::text(&it.title).link(with.entry(it.seq)),
            Cell::text(&it.enterprise),
            Cell::text(with.day(it.at)),
        ]
    });
    with.table("assistance", columns, Some("assistance"), rows.collect())
}

pub fn history(with: &With<'_>) -> TableView {
    let t = with.t;
    let mut columns = vec![
        Column::text("occurred", t.get("entry-occurred")),
        Column::text("kind", t.get("entry-kind")),
        Column::text("said", t.get("entry-body")),
        Column::text("actor", t.get("entry-actor")),
    ];
    let may_reverse = (with.may)("reverse");
    if may_reverse {
        columns.push(Column::text("reverse", t.get("projects-correction")));
    }
    let bodies = with.read.entries.iter().filter_map(|entry| entry.body::<EntryReversed>().ok());
    let reversed: BTreeSet<u64> = bodies.map(|body| body.entry).collect();
    let rows = with.read.entries.iter().zip(&with.read.said).map(|(entry, said)| {
        let mut cells = vec![
            Cell::date_time(with.app.moment(entry.occurred)).link(with.entry(entry.seq)),
            Cell::text(words::kind_title(with.app, t.lang(), entry.kind.as_str())),
            Cell::text(said),
            Cell::text(said::actor(t, &entry.actor)),
        ];
        if may_reverse {
            let seq = entry.seq.0;
            cells.push(match REVERSIBLE.contains(&entry.kind.as_str()) {
                true if reversed.contains(&seq) => Cell::text(t.get("projects-reversed")),
                true => Cell::text(t.get("projects-form-reverse"))
                    .link(with.place.href(&format!("record/reverse?entry={seq}"))),
                false => Cell::none(),
            });
        }
        cells
    });
    let mut table = with.table("history", columns, None, rows.collect());
    let subject = format!("project:{}/{}", with.place.book, with.project.project);
    if with.read.entries.len() > table.rows.len() {
        let all =
            shell::table::with_parameter(&format!("/ledger/{}", with.place.book), "about", Some(&subject));
        let text = t.with("projects-latest", &[("count", table.rows.len().to_string())]);
        table.pager = Some(Pager { text, previous: None, next: Some(all) });
    }
    table
}
