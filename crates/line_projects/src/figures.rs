//! The line's figures: what each entry adds to them.
//!
//! Every figure of how projects stand is a sum over [`Standing`]s: an entry that changes one adds the new standing and
//! takes the old one away. What falls due by the calendar alone is an entry too, which the clock writes on the day; so
//! a rate of what was due is a ratio of sums of entries on any day.

use base::KindName;
use figures::{Contributions, Figure, Ratio, Unit};
use ledger::{Body, Entry};
use matters::{Accepted as MatterAccepted, Reopened};

use crate::kinds::{
    Amended, AssistancePlanned, BlockerRaised, Change, ContractSigned, DeadlineMoved, DueRestated,
    EntryReversed, FellDue, Heading, Invested, Measured, MonthFellDue, Paid, PermitApplied, Phase,
    PhaseChanged, ProgrammeFounded, ProgrammeReplanned, ProgressReported, ProxyDone, ProxyOpened, Registered,
    Standing, VisitMade, Withdrawn, WorksDone,
};
use crate::{sorts, word};

const BREAKDOWN: &[&str] = &["chain", "industry", "programme"];
const BREAKDOWN_AND_PHASE: &[&str] = &["phase", "chain", "industry", "programme"];

/// The kinds by which a matter is found done, and owed again after that.
const ACCEPTING: &[&str] = &[MatterAccepted::KIND, Reopened::KIND];

/// The kinds that change how a project stands.
const STANDING: &[&str] = &[
    Registered::KIND,
    Amended::KIND,
    PhaseChanged::KIND,
    FellDue::KIND,
    DueRestated::KIND,
    DeadlineMoved::KIND,
    Withdrawn::KIND,
];

const fn standing(name: &'static str, title_zh: &'static str, title_en: &'static str, unit: Unit) -> Figure {
    Figure {
        name,
        title_zh,
        title_en,
        unit,
        kinds: STANDING,
        dimensions: BREAKDOWN,
        state: true,
        needs: None,
    }
}

const fn flow(
    name: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    unit: Unit,
    kinds: &'static [&'static str],
    dimensions: &'static [&'static str],
) -> Figure {
    Figure { name, title_zh, title_en, unit, kinds, dimensions, state: false, needs: None }
}

pub const PROJECTS: &str = "projects.projects";
pub const TOTAL: &str = "projects.total";
pub const SIGNED_LARGE: &str = "projects.signed.large";
pub const SIGNED_LARGE_SUM: &str = "projects.signed.large.sum";
pub const STARTED: &str = "projects.started";
pub const UNDER_WAY: &str = "projects.under_way";
pub const FINISHED: &str = "projects.finished";
pub const PRODUCING: &str = "projects.producing";
pub const START_DUE: &str = "projects.start.due";
pub const START_MET: &str = "projects.start.met";
pub const FINISH_DUE: &str = "projects.finish.due";
pub const FINISH_MET: &str = "projects.finish.met";
pub const PROGRAMME_PLANNED: &str = "projects.programmes.planned";
pub const CONTRACTS: &str = "projects.contracts";
pub const CONTRACTS_SUM: &str = "projects.contracts.sum";
pub const INVESTED: &str = "projects.invested";
pub const INVESTMENT_DUE: &str = "projects.investment.due";
pub const PAID: &str = "projects.paid";
pub const REPORTS: &str = "projects.reports";
pub const WORKS_PIECES: &str = "projects.works.pieces";
pub const WORKS_METRES: &str = "projects.works.metres";
pub const VISITS: &str = "projects.visits";
pub const ASSISTANCE: &str = "projects.assistance";
pub const PROXIES: &str = "projects.proxies";
pub const PROXIES_DONE: &str = "projects.proxies.done";

pub const PERMITS: &str = "projects.permits";
pub const PERMITS_DECIDED: &str = "projects.permits.decided";
pub const PERMITS_IN_TIME: &str = "projects.permits.in_time";
pub const BLOCKERS: &str = "projects.blockers";
pub const SOLVED: &str = "projects.problems.solved";
pub const MEASURES_DONE: &str = "projects.measures.done";
pub const MILESTONES_REACHED: &str = "projects.milestones.reached";

/// From how much on a newly signed project is a large one: a hundred million yuan.
const LARGE_FEN: i64 = 10_000_000_000;

pub const FIGURES: &[Figure] = &[
    Figure {
        dimensions: BREAKDOWN_AND_PHASE, ..standing(PROJECTS, "重点项目", "Key projects", Unit::Count)
    },
    Figure {
        dimensions: BREAKDOWN_AND_PHASE,
        ..standing(TOTAL, "计划总投资", "Total investment", Unit::Fen)
    },
    Figure {
        state: false,
        ..standing(SIGNED_LARGE, "新签约过亿元项目", "Newly signed, 100 million yuan or more", Unit::Count)
    },
    Figure {
        state: false,
        ..standing(SIGNED_LARGE_SUM, "新签约过亿元项目总投资", "Investment of those newly signed", Unit::Fen)
    },
    standing(STARTED, "已开工项目", "Projects started", Unit::Count),
    standing(UNDER_WAY, "在建项目", "Projects under way", Unit::Count),
    standing(FINISHED, "已竣工项目", "Projects finished", Unit::Count),
    standing(PRODUCING, "已投产项目", "Projects producing", Unit::Count),
    standing(START_DUE, "应开工项目", "Due to start", Unit::Count),
    standing(START_MET, "应开工中已开工项目", "Started of those due", Unit::Count),
    standing(FINISH_DUE, "应竣工项目", "Due to finish", Unit::Count),
    standing(FINISH_MET, "应竣工中已竣工项目", "Finished of those due", Unit::Count),
    Figure {
        kinds: &[ProgrammeFounded::KIND, ProgrammeReplanned::KIND],
        dimensions: &["programme"],
        ..standing(PROGRAMME_PLANNED, "专项计划投资", "Planned for programmes", Unit::Fen)
    },
    flow(
        CONTRACTS,
        "签订合同",
        "Contracts signed",
        Unit::Count,
        &[ContractSigned::KIND, EntryReversed::KIND],
        BREAKDOWN,
    ),
    flow(
        CONTRACTS_SUM,
        "合同金额",
        "Contract sums",
        Unit::Fen,
        &[ContractSigned::KIND, EntryReversed::KIND],
        BREAKDOWN,
    ),
    flow(INVESTED, "完成投资", "Invested", Unit::Fen, &[Invested::KIND, EntryReversed::KIND], BREAKDOWN),
    flow(
        INVESTMENT_DUE,
        "序时计划投资",
        "Investment due by plan",
        Unit::Fen,
        &[MonthFellDue::KIND],
        BREAKDOWN,
    ),
    flow(PAID, "资金支付", "Paid", Unit::Fen, &[Paid::KIND, EntryReversed::KIND], BREAKDOWN),
    flow(
        REPORTS,
        "进度上报",
        "Progress reports",
        Unit::Count,
        &[ProgressReported::KIND, EntryReversed::KIND],
        &[],
    ),
    flow(
        WORKS_PIECES,
        "实物工程量（件、座、处）",
        "Works done, pieces",
        Unit::Count,
        &[WorksDone::KIND, EntryReversed::KIND],
        &["item"],
    ),
    flow(
        WORKS_METRES,
        "实物工程量（延米）",
        "Works done, length",
        Unit::Metres,
        &[WorksDone::KIND, EntryReversed::KIND],
        &["item"],
    ),
    flow(VISITS, "现场调研协调", "Visits", Unit::Count, &[VisitMade::KIND, EntryReversed::KIND], &["to"]),
    flow(
        ASSISTANCE,
        "一企一策方案",
        "Assistance plans",
        Unit::Count,
        &[AssistancePlanned::KIND, EntryReversed::KIND],
        &[],
    ),
    flow(PROXIES, "代办事项", "Proxy items", Unit::Count, &[ProxyOpened::KIND, EntryReversed::KIND], &[]),
    flow(
        PROXIES_DONE,
        "办结代办事项",
        "Proxy items done",
        Unit::Count,
        &[ProxyDone::KIND, EntryReversed::KIND],
        &[],
    ),
    flow(PERMITS, "受理审批", "Permits applied for", Unit::Count, &[PermitApplied::KIND], &[]),
    flow(PERMITS_DECIDED, "办结审批", "Permits decided", Unit::Count, ACCEPTING, &[]),
    flow(PERMITS_IN_TIME, "按时办结审批", "Permits decided in time", Unit::Count, ACCEPTING, &[]),
    flow(BLOCKERS, "上报堵点", "Blockers raised", Unit::Count, &[BlockerRaised::KIND], &[]),
    flow(SOLVED, "解决问题", "Problems solved", Unit::Count, ACCEPTING, &[]),
    flow(MEASURES_DONE, "落实帮扶措施", "Measures carried out", Unit::Count, ACCEPTING, &[]),
    flow(MILESTONES_REACHED, "完成节点", "Milestones reached", Unit::Count, ACCEPTING, &[]),
];

pub const START_RATE: &str = "projects.start.rate";
pub const FINISH_RATE: &str = "projects.finish.rate";
pub const INVESTED_RATE: &str = "projects.invested.rate";
pub const PERMIT_RATE: &str = "projects.permits.rate";

pub const RATIOS: &[Ratio] = &[
    Ratio {
        name: START_RATE,
        title_zh: "开工率",
        title_en: "Start rate",
        numerator: START_MET,
        denominator: START_DUE,
    },
    Ratio {
        name: FINISH_RATE,
        title_zh: "竣工率",
        title_en: "Completion rate",
        numerator: FINISH_MET,
        denominator: FINISH_DUE,
    },
    Ratio {
        name: INVESTED_RATE,
        title_zh: "投资完成率",
        title_en: "Invested of planned",
        numerator: INVESTED,
        denominator: INVESTMENT_DUE,
    },
    Ratio {
        name: PERMIT_RATE,
        title_zh: "审批按时办结率",
        title_en: "Permits in time",
        numerator: PERMITS_IN_TIME,
        denominator: PERMITS_DECIDED,
    },
];

/// What an entry adds.
pub fn contribute(entry: &Entry, out: &mut Contributions) {
    let change = match entry.kind.as_str() {
        Registered::KIND => read(entry, |it: &Registered| it.change.clone()),
        Amended::KIND => read(entry, |it: &Amended| it.change.clone()),
        PhaseChanged::KIND => read(entry, |it: &PhaseChanged| it.change.clone()),
        FellDue::KIND => read(entry, |it: &FellDue| it.change.clone()),
        DeadlineMoved::KIND => read(entry, |it: &DeadlineMoved| it.change.clone()),
        Withdrawn::KIND => read(entry, |it: &Withdrawn| it.change.clone()),
        _ => None,
    };
    if let Some(change) = change {
        stand_changed(&change, 1, out);
        return;
    }
    match entry.kind.as_str() {
        DueRestated::KIND => {
            read(entry, |it: &DueRestated| {
                stand_changed(&it.was, -1, out);
                stand_changed(&it.change, 1, out);
            });
            return;
        }
        MatterAccepted::KIND => {
            read(entry, |it: &MatterAccepted| accept(&it.sort, it.in_time, 1, out));
            return;
        }
        Reopened::KIND => {
            read(entry, |it: &Reopened| {
                it.undone.iter().for_each(|undone| accept(&it.sort, undone.in_time, -1, out));
            });
            return;
        }
        _ => {}
    }
    let entry_of = |kind: &str, body: &str, sign| done(kind, body, sign);
    let adds = match entry.kind.as_str() {
        EntryReversed::KIND => {
            read(entry, |it: &EntryReversed| entry_of(&it.kind, &it.body.to_string(), -1)).flatten()
        }
        kind => entry.body.as_deref().and_then(|body| entry_of(kind, body, 1)),
    };
    for add in adds.into_iter().flatten() {
        let dimensions: Vec<(&str, &str)> =
            add.dimensions.iter().map(|(name, value)| (*name, value.as_str())).collect();
        out.add(add.figure, add.amount, &dimensions);
    }
}

/// Reads the body, which was checked when it was recorded.
fn read<B: Body, T>(entry: &Entry, read: impl FnOnce(&B) -> T) -> Option<T> {
    let found = entry.with_body(read);
    debug_assert!(found.is_ok(), "entry {} of {}", entry.seq, entry.book);
    found.ok()
}

fn stand_changed(Change { before, after }: &Change, sign: i64, out: &mut Contributions) {
    before.iter().for_each(|standing| stand(standing, -sign, out));
    after.iter().for_each(|standing| stand(standing, sign, out));
}

/// Adds a project that stands so, or takes it away.
fn stand(it: &Standing, sign: i64, out: &mut Contributions) {
    let mut dimensions = vec![("industry", it.industry.as_str())];
    dimensions.extend(it.chain.iter().map(|chain| ("chain", chain.as_str())));
    dimensions.extend(it.programme.iter().map(|programme| ("programme", programme.as_str())));
    let mut with_phase = dimensions.clone();
    with_phase.push(("phase", it.phase.as_str()));
    out.add(PROJECTS, sign, &with_phase);
    out.add(TOTAL, sign * it.total_fen.0, &with_phase);
    let (started, finished) = (it.phase >= Phase::Started, it.phase >= Phase::Finished);
    let is_large = it.newly_signed && it.total_fen.0 >= LARGE_FEN;
    for (figure, holds, amount) in [
        (SIGNED_LARGE, is_large, 1),
        (SIGNED_LARGE_SUM, is_large, it.total_fen.0),
        (STARTED, started, 1),
        (UNDER_WAY, started && !finished, 1),
        (FINISHED, finished, 1),
        (PRODUCING, it.phase == Phase::Producing, 1),
        (START_DUE, it.start_due, 1),
        (START_MET, it.start_due && started, 1),
        (FINISH_DUE, it.finish_due, 1),
        (FINISH_MET, it.finish_due && finished, 1),
    ] {
        if holds {
            out.add(figure, sign * amount, &dimensions);
        }
    }
}

/// What it means for the line that one of its matters was found done, or is owed again.
fn accept(sort: &KindName, in_time: Option<bool>, sign: i64, out: &mut Contributions) {
    match sort.as_str() {
        sorts::PERMIT => {
            out.add(PERMITS_DECIDED, sign, &[]);
            out.add(PERMITS_IN_TIME, sign * i64::from(in_time == Some(true)), &[]);
        }
        sorts::BLOCKER => out.add(SOLVED, sign, &[]),
        sorts::MEASURE => out.add(MEASURES_DONE, sign, &[]),
        sorts::MILESTONE => out.add(MILESTONES_REACHED, sign, &[]),
        _ => {}
    }
}

/// One sum that an entry of something done adds to.
struct Add {
    figure: &'static str,
    amount: i64,
    dimensions: Vec<(&'static str, String)>,
}

/// What an entry of something done adds, or takes away where it is reversed.
fn done(kind: &str, body: &str, sign: i64) -> Option<Vec<Add>> {
    fn parse<B: Body>(body: &str) -> Option<B> {
        let parsed = serde_json::from_str(body).ok();
        debug_assert!(parsed.is_some(), "{}: {body}", B::KIND);
        parsed
    }
    let one = |figure| Add { figure, amount: sign, dimensions: Vec::new() };
    let money = |figure, fen: base::Fen, heading: &Heading| Add {
        figure,
        amount: sign * fen.0,
        dimensions: headed(heading),
    };
    Some(match kind {
        ProgrammeFounded::KIND => {
            let it: ProgrammeFounded = parse(body)?;
            vec![Add {
                figure: PROGRAMME_PLANNED,
                amount: it.planned_fen.0,
                dimensions: vec![("programme", it.programme)],
            }]
        }
        ProgrammeReplanned::KIND => {
            let it: ProgrammeReplanned = parse(body)?;
            vec![Add {
                figure: PROGRAMME_PLANNED,
                amount: it.planned_fen.0 - it.before_fen.0,
                dimensions: vec![("programme", it.programme)],
            }]
        }
        ContractSigned::KIND => {
            let it: ContractSigned = parse(body)?;
            vec![
                Add { dimensions: headed(&it.heading), ..one(CONTRACTS) },
                money(CONTRACTS_SUM, it.amount_fen, &it.heading),
            ]
        }
        Invested::KIND => {
            let it: Invested = parse(body)?;
            vec![money(INVESTED, it.amount_fen, &it.heading)]
        }
        MonthFellDue::KIND => {
            let it: MonthFellDue = parse(body)?;
            vec![money(INVESTMENT_DUE, it.amount_fen, &it.heading)]
        }
        Paid::KIND => {
            let it: Paid = parse(body)?;
            vec![money(PAID, it.amount_fen, &it.heading)]
        }
        VisitMade::KIND => {
            let it: VisitMade = parse(body)?;
            vec![Add { dimensions: vec![("to", word(&it.to))], ..one(VISITS) }]
        }
        WorksDone::KIND => {
            let it: WorksDone = parse(body)?;
            let figure = match it.measured {
                Measured::Pieces => WORKS_PIECES,
                Measured::Metres => WORKS_METRES,
            };
            vec![Add { figure, amount: sign * it.quantity, dimensions: vec![("item", it.item)] }]
        }
        PermitApplied::KIND => vec![one(PERMITS)],
        BlockerRaised::KIND => vec![one(BLOCKERS)],
        ProgressReported::KIND => vec![one(REPORTS)],
        AssistancePlanned::KIND => vec![one(ASSISTANCE)],
        ProxyOpened::KIND => vec![one(PROXIES)],
        ProxyDone::KIND => vec![one(PROXIES_DONE)],
        _ => return None,
    })
}

fn headed(heading: &Heading) -> Vec<(&'static str, String)> {
    let mut dimensions = vec![("industry", heading.industry.clone())];
    dimensions.extend(heading.chain.iter().map(|chain| ("chain", chain.clone())));
    dimensions.extend(heading.programme.iter().map(|programme| ("programme", programme.clone())));
    dimensions
}
