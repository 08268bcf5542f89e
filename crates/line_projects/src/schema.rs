//! The line's tables. All follow from the entries but `projects_view`, since what somebody looks at is no entry, and
//! `projects_of_day`, which counts by the day of recording.

use kernel::{Derived, Rebuilt};
use ledger::Body;
use store::Migration;

use crate::kinds::WorksDone;
use crate::plan::kinds::{Baselined, DeadlineSet, Edited, Imported, Overlapped, PartImported};

pub const MIGRATIONS: &[Migration] = &[
    Migration { owner: "projects", number: 1, sql: include_str!("../migrations/0001_projects.sql") },
    Migration { owner: "projects", number: 2, sql: include_str!("../migrations/0002_plans.sql") },
    Migration { owner: "projects", number: 3, sql: include_str!("../migrations/0003_views.sql") },
    Migration { owner: "projects", number: 4, sql: include_str!("../migrations/0004_tally.sql") },
    Migration { owner: "projects", number: 5, sql: include_str!("../migrations/0005_reports.sql") },
    Migration { owner: "projects", number: 6, sql: include_str!("../migrations/0006_weights.sql") },
    Migration { owner: "projects", number: 7, sql: include_str!("../migrations/0007_items.sql") },
    Migration { owner: "projects", number: 8, sql: include_str!("../migrations/0008_of_day.sql") },
];

/// Step 4 cuts plans that were changed into parts anew, step 6 freezes what activities count for, step 7 counts works.
pub const REBUILT: &[Rebuilt] = &[plans_after(4), plans_after(6), ITEMS];

const ITEMS: Rebuilt = Rebuilt { step: 7, tables: &["projects_item"], kinds: &[WorksDone::KIND] };

const fn plans_after(step: u32) -> Rebuilt {
    const KINDS: &[&str] = &[
        Imported::KIND,
        PartImported::KIND,
        Edited::KIND,
        Overlapped::KIND,
        DeadlineSet::KIND,
        Baselined::KIND,
    ];
    Rebuilt { step, tables: &["projects_plan", "projects_plan_part", "projects_plan_baseline"], kinds: KINDS }
}

const fn derived(table: &'static str, columns: &'static str) -> Derived {
    Derived { table, columns }
}

pub const DERIVED: &[Derived] = &[
    derived("projects_programme", "book, programme, title_zh, title_en, planned_fen"),
    derived("projects_chain", "book, chain, title_zh, title_en, leader"),
    derived(
        "projects_project",
        "book, project, code, title_zh, title_en, industry, chain, programme, unit, address, lat_e7, lon_e7, total_fen, \
         builder, office, team, planned_start, planned_finish, phase, newly_signed, start_due, finish_due, \
         registered_at, changed_at, statistics_at, accepted_at, withdrawn_at",
    ),
    derived("projects_phase", "book, project, phase, at, seq"),
    derived("projects_contract", "book, contract, project, title, party, amount_fen, at, seq"),
    derived("projects_instalment", "book, contract, day, project, amount_fen"),
    derived("projects_required", "book, project, day, amount_fen"),
    derived("projects_tally", "book, project, paid_fen, reports, report_seqs, report_times"),
    derived("projects_month", "book, project, month, planned_fen, fell_due, invested_fen"),
    derived("projects_payment", "book, seq, project, contract, amount_fen, at"),
    derived("projects_report", "book, seq, project, activity, percent_bp, remaining_days, note, photos, at"),
    derived("projects_item", "book, project, item, works"),
    derived("projects_visit", "book, seq, to_what, project, place, by_post, settled, photos, at"),
    derived("projects_assistance", "book, plan, project, title, enterprise, at, seq"),
    derived(
        "projects_proxy",
        "book, item, project, title, enterprise, agent, opened_at, opened_seq, done_at, done_seq",
    ),
    derived("projects_matter", "book, matter, sort, project, name, activity, seq"),
    derived(
        "projects_permit",
        "book, permit, project, title, bureau, agent, term_workdays, applied_at, matter, decided_at, granted, number",
    ),
    derived(
        "projects_plan",
        "book, project, seq, name, format, file, digest, start_at, status_at, deadline, backward, calendars, calendar, \
         imported_at, changed_at",
    ),
    derived("projects_plan_part", "book, project, part, activities"),
    derived("projects_plan_baseline", "book, project, seq, title, finish, at, spans, weights"),
    derived("projects_reversal", "book, entry, seq, reason, at"),
];
