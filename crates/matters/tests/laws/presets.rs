//! The presets, each as a table of known answers.

use base::Fen;
use matters::*;

use crate::support::*;

/// The colour on a day of a matter that was opened on 2 March 2026 and is due on 31 March.
fn colour(preset: Preset, today: &str, facts: Facts) -> &'static str {
    let (rule, calendar, zone) = (preset.rule(), Calendar::embedded(), zone());
    let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
    let due = Due::On { day: day("2026-03-31") };
    let matter = Matter::open(&opened(due), at("2026-03-02T08:30")).unwrap();
    let assessment = watch.assess(&matter, &facts, day(today));
    for reason in &assessment.reasons {
        assert!(assessment.text_zh().contains(reason.input.title_zh()));
        assert!(assessment.text_en().contains(reason.input.title_en()));
    }
    assessment.colour.as_str()
}

fn flat(amount: i64) -> Option<Phased> {
    let points = vec![Point { day: day("2026-01-01"), amount }];
    Phased::new(Between::Steps, points).ok()
}

/// Facts with some of them set.
fn known(set: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = Facts::default();
    set(&mut facts);
    facts
}

fn progress(done: i64, plan: i64) -> Facts {
    known(|facts| (facts.progress_bp, facts.planned_progress_bp) = (Some(done), flat(plan)))
}

fn invested(done: i64) -> Facts {
    known(|facts| (facts.invested, facts.planned_fen) = (Some(Fen(done)), flat(1_000_000)))
}

#[test]
fn every_preset_is_read_under_its_name() {
    let names = Preset::ALL.map(|preset| preset.rule().name);
    assert_eq!(names, ["default", "leling-suqian", "yinchuan-2025", "sanya-2022", "wuhan", "deadline"]);
}

#[test]
fn leling_and_suqian_are_blue_on_course_yellow_behind_and_red_overdue() {
    let table = [
        ("2026-03-10", progress(4_000, 4_000), "blue"),
        ("2026-03-31", progress(9_900, 9_900), "blue"), // Near the deadline, in order.
        ("2026-03-10", progress(3_999, 4_000), "yellow"),
        ("2026-03-10", known(|facts| facts.forecast_finish = Some(day("2026-04-01"))), "yellow"),
        ("2026-04-01", progress(9_900, 9_900), "red"),
    ];
    for (today, facts, expected) in table {
        assert_eq!(colour(Preset::LelingSuqian, today, facts.clone()), expected, "{today} {facts:?}");
    }
}

#[test]
fn yinchuan_lights_by_start_progress_payment_and_statistics() {
    let start = |planned: &str| known(|facts| facts.planned_start = Some(day(planned)));
    let paid = |fen| known(|facts| (facts.paid, facts.required_fen) = (Some(Fen(fen)), flat(10_000)));
    let unlisted = |started: &str| {
        known(|facts| (facts.started, facts.is_in_statistics) = (Some(day(started)), Some(false)))
    };
    let table = [
        ("2026-03-20", start("2026-03-20"), "blue"),
        ("2026-03-21", start("2026-03-20"), "yellow"), // Due this month and not started.
        ("2026-04-30", start("2026-03-20"), "yellow"),
        ("2026-05-01", start("2026-03-20"), "red"), // The third month running.
        ("2026-03-20", progress(4_001, 5_000), "blue"),
        ("2026-03-20", progress(4_000, 5_000), "yellow"), // Ten points.
        ("2026-03-20", progress(2_000, 5_000), "yellow"), // Thirty points.
        ("2026-03-20", progress(1_999, 5_000), "red"),
        ("2026-03-20", paid(10_000), "blue"),
        ("2026-03-20", paid(9_999), "red"),
        ("2026-04-10", unlisted("2026-03-10"), "blue"),
        ("2026-04-11", unlisted("2026-03-10"), "yellow"), // More than a month.
        ("2026-05-10", unlisted("2026-03-10"), "yellow"),
        ("2026-05-11", unlisted("2026-03-10"), "red"), // More than two.
        ("2026-03-20", Facts::default(), "yellow"),    // Nothing is known.
    ];
    for (today, facts, expected) in table {
        assert_eq!(colour(Preset::Yinchuan2025, today, facts.clone()), expected, "{today} {facts:?}");
    }
}

#[test]
fn sanya_and_wuhan_measure_what_is_invested_against_plan() {
    for (done, sanya, wuhan) in [
        (1_200_000, "blue", "blue"),
        (1_000_000, "blue", "blue"),
        (999_999, "yellow", "blue"),
        (800_000, "yellow", "blue"),
        (799_999, "yellow", "yellow"),
        (600_000, "yellow", "yellow"),
        (599_999, "yellow", "red"),
        (500_000, "yellow", "red"), // Fifty per cent below plan.
        (499_999, "red", "red"),
        (0, "red", "red"),
    ] {
        assert_eq!(colour(Preset::Sanya2022, "2026-03-10", invested(done)), sanya, "{done}");
        assert_eq!(colour(Preset::Wuhan, "2026-03-10", invested(done)), wuhan, "{done}");
    }
    let nothing_due = known(|facts| (facts.invested, facts.planned_fen) = (Some(Fen(0)), flat(0)));
    assert_eq!(colour(Preset::Sanya2022, "2026-03-10", nothing_due), "blue");
}

#[test]
fn by_the_deadline_the_last_two_workdays_are_yellow_and_what_is_overdue_is_red() {
    // 27 March is a Friday, 31 March a Tuesday.
    for (today, expected) in [
        ("2026-03-26", "blue"),
        ("2026-03-27", "yellow"),
        ("2026-03-29", "yellow"),
        ("2026-03-31", "yellow"),
        ("2026-04-01", "red"),
    ] {
        assert_eq!(colour(Preset::Deadline, today, Facts::default()), expected, "{today}");
    }
}

#[test]
fn by_default_the_worst_dimension_counts_and_a_stale_report_is_never_blue() {
    let fine = |facts: &mut Facts| {
        facts.reported = Some(day("2026-03-09"));
        (facts.progress_bp, facts.planned_progress_bp) = (Some(5_000), flat(5_000));
        (facts.open_blockers, facts.permits_due) = (Some(0), Some(vec![]));
        (facts.float_consumed_bp, facts.forecast_finish) = (Some(0), Some(day("2026-03-20")));
    };
    let but = |set: fn(&mut Facts)| {
        let mut facts = known(fine);
        set(&mut facts);
        colour(Preset::Default, "2026-03-10", facts)
    };
    assert_eq!(but(|_| {}), "blue");
    assert_eq!(but(|facts| facts.progress_bp = Some(4_000)), "yellow");
    assert_eq!(but(|facts| facts.progress_bp = Some(1_999)), "red");
    assert_eq!(but(|facts| facts.forecast_finish = Some(day("2026-04-01"))), "yellow");
    assert_eq!(but(|facts| facts.forecast_finish = Some(day("2026-05-01"))), "red");
    // Eight of twenty-nine days have elapsed: 27.58 per cent.
    assert_eq!(but(|facts| facts.float_consumed_bp = Some(3_757)), "blue");
    assert_eq!(but(|facts| facts.float_consumed_bp = Some(3_758)), "yellow");
    assert_eq!(but(|facts| facts.float_consumed_bp = Some(5_758)), "red");
    assert_eq!(but(|facts| facts.open_blockers = Some(1)), "yellow");
    assert_eq!(but(|facts| facts.open_blockers = Some(3)), "red");
    assert_eq!(but(|facts| facts.permits_due = Some(vec![day("2026-03-10")])), "blue");
    assert_eq!(but(|facts| facts.permits_due = Some(vec![day("2026-03-09")])), "yellow");
    assert_eq!(but(|facts| facts.reported = Some(day("2026-02-08"))), "blue");
    assert_eq!(but(|facts| facts.reported = Some(day("2026-02-07"))), "yellow");
    assert_eq!(colour(Preset::Default, "2026-04-01", known(fine)), "red");
}

#[test]
fn a_proper_reason_counts_while_it_lasts_and_for_the_inputs_that_it_names() {
    let (rule, calendar, zone) = (Preset::Yinchuan2025.rule(), Calendar::embedded(), zone());
    let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
    let matter = Matter::open(&opened(Due::On { day: day("2026-12-31") }), at("2026-03-02T08:30")).unwrap();
    let reason = excused(vec![Input::MonthsWithoutStart], day("2026-03-21"), day("2026-04-05"));
    let matter = matter.after(&step(at("2026-03-21T09:00"), "li", reason)).unwrap();
    let mut facts = known(|facts| facts.planned_start = Some(day("2026-03-20")));
    let on = |facts: &Facts, today: &str| watch.assess(&matter, facts, day(today));
    assert_eq!(on(&facts, "2026-04-05").colour, Colour::Blue);
    assert!(on(&facts, "2026-04-05").text_zh().contains("有正当理由"));
    assert_eq!(on(&facts, "2026-04-06").colour, Colour::Yellow);
    (facts.paid, facts.required_fen) = (Some(Fen(0)), flat(1));
    assert_eq!(on(&facts, "2026-04-05").colour, Colour::Red);
}
