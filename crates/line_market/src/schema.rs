//! The line's tables. All follow from the entries, but for some: `market_capture`, which like the kernel's `answered` keeps
//! what a request was told, where what was refused or known before is told without an entry; how much of a sender, a scale, a
//! stall, a lot, a merchant or a slip was recorded, or an owner of queries opened, on the last day; page tokens that their readers ended, led by
//! whose they are; and how far subscriptions were told, with what their requests are signed with.

use kernel::{Derived, Rebuilt};
use ledger::Body;
use store::Migration;

use crate::kinds::{
    CertificateRecorded, ComplaintFiled, ComplaintSettled, EpcisCaptured, EpcisDescribed, InspectionRecorded,
    JobsChanged, LeaseEnded, MerchantRegistered, ProductRegistered, ScaleEnrolled, ScaleMoved, ScaleVerified,
    StallLeased, StallOpened,
};

pub const MIGRATIONS: &[Migration] = &[
    Migration { owner: "market", number: 1, sql: include_str!("../migrations/0001_market.sql") },
    Migration { owner: "market", number: 2, sql: include_str!("../migrations/0002_holds.sql") },
    Migration { owner: "market", number: 3, sql: include_str!("../migrations/0003_recalls.sql") },
    Migration { owner: "market", number: 4, sql: include_str!("../migrations/0004_flags.sql") },
    Migration { owner: "market", number: 5, sql: include_str!("../migrations/0005_capture.sql") },
    Migration { owner: "market", number: 6, sql: include_str!("../migrations/0006_events.sql") },
    Migration { owner: "market", number: 7, sql: include_str!("../migrations/0007_tokens.sql") },
    Migration { owner: "market", number: 8, sql: include_str!("../migrations/0008_duties.sql") },
    Migration { owner: "market", number: 9, sql: include_str!("../migrations/0009_standing.sql") },
    Migration { owner: "market", number: 10, sql: include_str!("../migrations/0010_forms.sql") },
    Migration { owner: "market", number: 11, sql: include_str!("../migrations/0011_scale_places.sql") },
    Migration { owner: "market", number: 13, sql: include_str!("../migrations/0013_spans.sql") },
    Migration { owner: "market", number: 14, sql: include_str!("../migrations/0014_event_ids.sql") },
    Migration { owner: "market", number: 16, sql: include_str!("../migrations/0016_at_places.sql") },
    Migration { owner: "market", number: 17, sql: include_str!("../migrations/0017_no_entry.sql") },
    Migration { owner: "market", number: 18, sql: include_str!("../migrations/0018_jobs.sql") },
    Migration { owner: "market", number: 19, sql: include_str!("../migrations/0019_complaints.sql") },
    Migration { owner: "market", number: 20, sql: include_str!("../migrations/0020_told.sql") },
    Migration { owner: "market", number: 21, sql: include_str!("../migrations/0021_arrivals.sql") },
    Migration { owner: "market", number: 22, sql: include_str!("../migrations/0022_failures.sql") },
    Migration { owner: "market", number: 23, sql: include_str!("../migrations/0023_places_counted.sql") },
    Migration { owner: "market", number: 24, sql: include_str!("../migrations/0024_foreign.sql") },
    Migration { owner: "market", number: 25, sql: include_str!("../migrations/0025_of_day.sql") },
    Migration { owner: "market", number: 26, sql: include_str!("../migrations/0026_told_of_lots.sql") },
    Migration { owner: "market", number: 27, sql: include_str!("../migrations/0027_slips_of_lots.sql") },
    Migration { owner: "market", number: 28, sql: include_str!("../migrations/0028_values_of_senders.sql") },
    Migration { owner: "market", number: 29, sql: include_str!("../migrations/0029_told_by_senders.sql") },
    Migration {
        owner: "market",
        number: 30,
        sql: include_str!("../migrations/0030_slips_of_complaints.sql"),
    },
];

pub const DERIVED: &[Derived] = &[
    Derived { table: "market_market", columns: "book, title_zh, title_en, area_m2, opened, slip_gtin" },
    Derived {
        table: "market_duties",
        columns: "book, answering, supervising, failed_test_workdays, breach_workdays",
    },
    Derived { table: "market_jobs", columns: "book, jobs, changed" },
    Derived {
        table: "market_merchant",
        columns: "book, merchant, title, licence, licence_until, food_until, health_until",
    },
    Derived {
        table: "market_stall",
        columns: "book, stall, zone, food, area_dm2, merchant, lease_from, lease_until, fee_fen, let_changed",
    },
    Derived { table: "market_fee", columns: "book, stall, month, charged_fen, paid_fen" },
    Derived { table: "market_scale", columns: "book, scale, stall, serial, seal, verified_until, fair" },
    Derived { table: "market_scale_place", columns: "book, scale, seq, at, stall" },
    Derived { table: "market_product", columns: "book, product, title_zh, title_en, category" },
    Derived { table: "market_product_name", columns: "book, product, seq, title_zh, title_en" },
    Derived { table: "market_price", columns: "book, stall, product, fen_per_kg, seq" },
    Derived {
        table: "market_lot",
        columns: "book, lot, product, merchant, stall, supplier, origin, document, source, received_at, seq, \
                  received_g, sold_g, moved_g, lost_g, hold, hold_reason, held_at, verdict, inspection, arrived_at, slips",
    },
    Derived { table: "market_descent", columns: "book, parent, lot, seq" },
    Derived {
        table: "market_hold",
        columns: "book, hold, lot, reason, ancestor, ancestor_hold, occurred, recorded, released_seq, released_at, retest",
    },
    Derived {
        table: "market_inspection",
        columns: "book, seq, lot, method, item, reading, verdict, retest_of, at",
    },
    Derived { table: "market_failure", columns: "book, lot, test, supplier, product, received_at" },
    Derived {
        table: "market_block",
        columns: "book, hold, scale, lot, held_at, acked_at, after_ms, released_at",
    },
    Derived { table: "market_breach", columns: "book, seq, breach, lot, scale, counter, grams, hold, at" },
    Derived { table: "market_recall", columns: "book, seq, lot, hold, at, notice_zh, notice_en" },
    Derived { table: "market_recall_end", columns: "book, recall, seq, at, outcome" },
    Derived {
        table: "market_complaint",
        columns: "book, seq, slip, has_body, at, settled_seq, outcome, settled_at",
    },
    Derived {
        table: "market_event",
        columns: "book, seq, event_id, event_type, event_time, recorded, sender, action, biz_step, disposition, read_point, \
                  biz_location",
    },
    Derived { table: "market_event_fact", columns: "book, seq, at, field, held, number, moment" },
    Derived { table: "market_event_run", columns: "book, field, held, sender, block" },
    Derived { table: "market_event_span", columns: "book, span, first_time, last_time" },
    Derived { table: "market_lot_told", columns: "book, lot, sender, events" },
    Derived { table: "market_element", columns: "book, id, vocabulary, sender, seq" },
    Derived { table: "market_element_child", columns: "book, id, vocabulary, sender, child" },
    Derived {
        table: "market_element_attribute",
        columns: "book, id, vocabulary, sender, at, name, held, number, moment",
    },
    Derived { table: "market_query", columns: "book, owner, name, seq, definition, prefixes, alone" },
    Derived {
        table: "market_subscription",
        columns: "book, subscription, owner, query, seq, actor, dest, schedule, report_if_empty, initial, past, created, \
            epc_format, stopped",
    },
];

/// Step 6 finds events by their facts, which only their entries tell, and says whose each is; step 11 tells where scales
/// stood before; step 18 adds up jobs, and gives merchants the days of papers back that went when an older one was erased;
/// step 20 tells what products were called before, and
/// when stalls were let or given back; step 22 tells which failed tests stand; step 23 tells where scales
/// stood from when that was recorded.
pub const REBUILT: &[Rebuilt] = &[
    Rebuilt {
        step: 6,
        tables: &[
            "market_event",
            "market_event_fact",
            "market_event_run",
            "market_event_span",
            "market_element",
            "market_element_child",
            "market_element_attribute",
        ],
        kinds: &[EpcisCaptured::KIND, EpcisDescribed::KIND],
    },
    Rebuilt {
        step: 11,
        tables: &["market_scale", "market_scale_place"],
        kinds: &[ScaleEnrolled::KIND, ScaleVerified::KIND, ScaleMoved::KIND],
    },
    Rebuilt {
        step: 18,
        tables: &["market_jobs", "market_merchant"],
        kinds: &[JobsChanged::KIND, MerchantRegistered::KIND, CertificateRecorded::KIND],
    },
    Rebuilt {
        step: 20,
        tables: &["market_product", "market_product_name", "market_stall"],
        kinds: &[ProductRegistered::KIND, StallOpened::KIND, StallLeased::KIND, LeaseEnded::KIND],
    },
    Rebuilt {
        step: 22,
        tables: &["market_inspection", "market_failure"],
        kinds: &[InspectionRecorded::KIND],
    },
    Rebuilt {
        step: 23,
        tables: &["market_scale", "market_scale_place"],
        kinds: &[ScaleEnrolled::KIND, ScaleVerified::KIND, ScaleMoved::KIND],
    },
    Rebuilt {
        step: 30,
        tables: &["market_complaint"],
        kinds: &[ComplaintFiled::KIND, ComplaintSettled::KIND],
    },
];
