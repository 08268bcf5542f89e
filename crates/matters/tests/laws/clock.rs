//! What falls due by itself: looking once after a long silence gives what looking all the time would have given.

use std::collections::BTreeSet;

use base::{CityZone, Day, Time};
use matters::*;
use proptest::prelude::*;

use crate::support::*;

const MINUTE_MS: i64 = 60_000;

/// What happened, short.
fn told(moves: &[Move], zone: &CityZone) -> Vec<String> {
    let tell = |step: &Move| {
        let what = match &step.event {
            Event::Coloured(coloured) => coloured.to.map_or("none".to_owned(), |to| to.as_str().to_owned()),
            Event::Escalated(escalated) => format!("level {}", escalated.level),
            other => other.kind().to_owned(),
        };
        format!("{} {what}", &zone.local_text(step.at)[..16])
    };
    moves.iter().map(tell).collect()
}

/// Levels whose hour came while the reviewer had the matter, and since when its colour had stood.
type Missed = BTreeSet<(u8, Time)>;

/// Looks at a matter at every tick and does what is plain to see then; asks nothing about other moments.
fn tick(
    watch: Watch,
    matter: &mut Matter,
    facts: &Facts,
    now: Time,
    missed: &mut Missed,
    out: &mut Vec<Move>,
) {
    if matter.is_paused() || matter.state.is_closed() {
        return;
    }
    let (zone, calendar) = (watch.zone, watch.calendar);
    let today = zone.day_of(now);
    let assessment = watch.assess(matter, facts, today);
    let mut happen = |matter: &mut Matter, event: Event| {
        let step = Move { at: now, actor: actor("clock"), event };
        *matter = matter.after(&step).unwrap();
        out.push(step);
    };
    if Some(assessment.colour) != matter.colour {
        let (from, to) = (matter.colour, Some(assessment.colour));
        let coloured =
            Coloured { matter: id(), sort: sort(), from, to, since: now, assessment: Some(assessment) };
        happen(matter, coloured.into());
    }
    let is_slot = zone.local_text(now).ends_with(&format!("{}:00", watch.rule.ladder.at))
        && calendar.is_workday(today).value;
    if !matches!(matter.state, State::Submitted | State::Returned) {
        missed.clear();
    }
    if matter.state == State::Submitted && !matter.fired.contains(&REVIEW_OVERDUE) {
        let handed_in = zone.day_of(matter.submission.as_ref().unwrap().waits_since());
        let waited = (handed_in.0 + 1..=today.0).map(Day).filter(|day| calendar.is_workday(*day).value);
        if is_slot && waited.count() >= REVIEW_WORKDAYS as usize {
            let escalated = Escalated {
                matter: id(),
                sort: sort(),
                level: REVIEW_OVERDUE,
                since: now,
                post: matter.reviewer.clone(),
                title_zh: "审核超期".into(),
                title_en: "review overdue".into(),
                rule: watch.rule.name.clone(),
                rule_version: watch.rule.version,
            };
            happen(matter, escalated.into());
        }
    }
    for step in &watch.rule.ladder.steps {
        let since = if step.colour == Colour::Red { matter.red_since } else { matter.yellow_since };
        let Some(since) = since.filter(|_| !matter.fired.contains(&step.level)) else { continue };
        let stops = matter.stops(zone);
        let counts = |day: &Day| {
            calendar.is_workday(*day).value
                && !stops.iter().any(|stop| stop.from <= *day && *day < stop.until)
        };
        let waited = (zone.day_of(since).0 + 1..=today.0).map(Day).filter(counts).count();
        let due = is_slot && waited >= step.after as usize;
        if due && matter.state == State::Submitted {
            missed.insert((step.level, since));
        }
        if matter.state != State::Submitted && (due || missed.remove(&(step.level, since))) {
            let escalated = Escalated {
                matter: id(),
                sort: sort(),
                level: step.level,
                since: now,
                post: matter.owner.clone(),
                title_zh: step.title_zh.clone(),
                title_en: step.title_en.clone(),
                rule: watch.rule.name.clone(),
                rule_version: watch.rule.version,
            };
            happen(matter, escalated.into());
        }
    }
}

#[test]
fn after_forty_days_of_silence_the_clock_writes_what_every_minute_would_have_written() {
    let (rule, calendar, zone) = (Preset::Default.rule(), Calendar::embedded(), zone());
    let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
    let term = Term::statutory(10, DayUnit::Workdays);
    let start = at("2026-02-08T10:00");
    let matter = Matter::open(&opened(Due::Within { term, from: day("2026-02-08") }), start).unwrap();
    let facts = Facts { reported: Some(day("2026-01-20")), ..Facts::default() };
    let end = start.plus_ms(40 * 24 * 60 * MINUTE_MS);

    let at_once = watch.falls_due(&matter, &facts, &actor("clock"), start, end).unwrap();
    let (mut ticked, mut now, mut every_minute) = (matter.clone(), start, Vec::new());
    while now <= end {
        tick(watch, &mut ticked, &facts, now, &mut Missed::new(), &mut every_minute);
        now = now.plus_ms(MINUTE_MS);
    }
    assert_eq!(at_once, every_minute);
    assert_eq!(
        told(&at_once, &zone),
        [
            "2026-02-08 10:00 blue",
            "2026-02-20 00:00 yellow",  // Thirty-one days without a report.
            "2026-02-24 09:00 level 1", // The first workday after the Spring Festival.
            "2026-02-28 00:00 red",     // The tenth workday was the 27th.
            "2026-02-28 09:00 level 2", // A made-up Saturday.
            "2026-03-13 09:00 level 3", // Ten workdays of red.
        ]
    );
}

#[test]
fn what_is_handed_in_before_each_hour_and_returned_behind_it_is_escalated() {
    let (rule, calendar, zone) = (Preset::Default.rule(), Calendar::embedded(), zone());
    let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
    let (start, facts) = (at("2026-03-02T10:00"), Facts::default());
    let mut matter = Matter::open(&opened(Due::On { day: day("2026-03-05") }), start).unwrap();
    let returned = || Returned { matter: id(), by: post("reviewer"), reason: "不实".into() };
    let mut deeds = vec![("2026-03-02T10:30".to_owned(), Event::from(taken()))];
    for day in ["2026-03-06", "2026-03-09", "2026-03-10"] {
        deeds.push((format!("{day}T08:30"), submitted("2026-03-02").into()));
        deeds.push((format!("{day}T11:00"), returned().into()));
    }
    let (mut from, mut all) = (start, Vec::new());
    let mut catch_up = |matter: &mut Matter, from: Time, to: Time| {
        for due in watch.falls_due(matter, &facts, &actor("clock"), from, to).unwrap() {
            *matter = matter.after(&due).unwrap();
            all.push(due);
        }
    };
    for (when, event) in deeds {
        let when = at(&when);
        catch_up(&mut matter, from, when);
        matter = matter
            .after(&step(when, if event.verb() == Verb::Returned { "li" } else { "wang" }, event))
            .unwrap();
        from = when;
    }
    catch_up(&mut matter, from, at("2026-03-10T12:00"));
    let expected = [
        "2026-03-02 10:00 blue",
        "2026-03-06 00:00 red",
        "2026-03-06 11:00 level 1",
        "2026-03-06 11:00 level 2",
    ];
    assert_eq!(told(&all, &zone), expected);
}

#[test]
fn a_closed_matter_loses_its_colour_once_and_is_left_alone() {
    let (rule, calendar, zone) = (Preset::Default.rule(), Calendar::embedded(), zone());
    let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
    let (start, end) = (at("2026-03-02T10:00"), at("2026-09-01T00:00"));
    let facts = Facts::default();
    let mut matter = Matter::open(&opened(Due::On { day: day("2026-03-05") }), start).unwrap();
    let cancelled =
        Cancelled { matter: id(), sort: sort(), reason: "项目撤销".into(), approver: post("leader") };
    let mut all = Vec::new();
    for (from, event) in [(start, None), (at("2026-03-09T08:00"), Some(cancelled))] {
        if let Some(event) = event {
            matter = matter.after(&step(from, "li", event)).unwrap();
        }
        let until = if matter.state.is_closed() { end } else { at("2026-03-09T08:00") };
        for due in watch.falls_due(&matter, &facts, &actor("clock"), from, until).unwrap() {
            matter = matter.after(&due).unwrap();
            all.push(due);
        }
    }
    let expected = [
        "2026-03-02 10:00 blue",
        "2026-03-06 00:00 red",
        "2026-03-06 09:00 level 1",
        "2026-03-06 09:00 level 2",
        "2026-03-09 08:00 none",
    ];
    assert_eq!(told(&all, &zone), expected);
    assert_eq!(watch.next(&matter, &facts, end), None);
}

#[test]
fn days_for_which_a_late_matter_was_paused_are_not_overdue() {
    let (rule, calendar, zone) = (Preset::Default.rule(), Calendar::embedded(), zone());
    let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
    let matter = Matter::open(&opened(Due::On { day: day("2026-03-05") }), at("2026-03-02T10:00")).unwrap();
    let pause = [
        step(at("2026-03-09T10:00"), "li", paused()),
        step(at("2026-03-12T10:00"), "li", Resumed { matter: id() }),
    ];
    let matter = pause.iter().fold(matter, |matter, step| matter.after(step).unwrap());
    let assessment = watch.assess(&matter, &Facts::default(), day("2026-03-12"));
    let overdue = assessment.reasons.iter().find(|reason| reason.input == Input::DaysOverdue).unwrap();
    assert_eq!(overdue.value, Some(4), "the 6th to the 8th, and the 12th");
}

fn rules() -> impl Strategy<Value = ColourRule> {
    let wait = prop_oneof![Just(0), Just(1), Just(3), Just(10)];
    (prop::sample::select(Preset::ALL.to_vec()), wait).prop_map(|(preset, wait)| {
        let mut rule = preset.rule();
        rule.ladder.steps[2].after = wait;
        rule
    })
}

fn dues() -> impl Strategy<Value = Due> {
    let days = day("2026-01-05").0..day("2026-03-20").0;
    let unit = prop_oneof![Just(DayUnit::Workdays), Just(DayUnit::CalendarDays)];
    prop_oneof![
        days.prop_map(|day| Due::On { day: Day(day) }),
        (1..30_u32, unit).prop_map(|(days, unit)| {
            Due::Within { term: Term::statutory(days, unit), from: day("2026-01-12") }
        }),
    ]
}

fn plan(amounts: Vec<i64>, between: Between) -> Phased {
    let mut sum = 0;
    let mut at = day("2026-01-01");
    let points = amounts.into_iter().map(|amount| {
        (sum, at) = (sum + amount, at.plus(9));
        Point { day: at, amount: sum }
    });
    Phased::new(between, points.collect()).unwrap()
}

fn facts() -> impl Strategy<Value = Facts> {
    let days = || day("2025-12-01").0..day("2026-03-20").0;
    let one_day = move || prop::option::of(days().prop_map(Day));
    let amounts = || prop::collection::vec(0..3_000_i64, 1..8);
    let counts =
        (prop::option::of(0..5_u32), prop::option::of(prop::collection::vec(days().prop_map(Day), 0..4)));
    let shares =
        (prop::option::of(0..9_000_i64), prop::option::of(amounts()), prop::option::of(0..9_000_i64));
    let money = (prop::option::of(0..9_000_i64), amounts(), prop::option::of(0..9_000_i64), amounts());
    let dates = (one_day(), one_day(), one_day(), one_day(), prop::option::of(any::<bool>()));
    (counts, shares, money, dates).prop_map(|(counts, shares, money, dates)| Facts {
        reported: dates.0,
        progress_bp: shares.0,
        planned_progress_bp: shares.1.map(|amounts| plan(amounts, Between::Line)),
        forecast_finish: dates.1,
        float_consumed_bp: shares.2,
        open_blockers: counts.0,
        permits_due: counts.1,
        planned_start: dates.2,
        started: dates.3,
        is_in_statistics: dates.4,
        paid: money.0.map(base::Fen),
        required_fen: Some(plan(money.1, Between::Steps)),
        invested: money.2.map(base::Fen),
        planned_fen: Some(plan(money.3, Between::Steps)),
    })
}

/// What people do meanwhile; what cannot be done then is left undone.
fn deed(choice: u8, today: Day) -> Event {
    match choice {
        0 => taken().into(),
        1 => submitted("2026-01-12").into(),
        2 => Returned { matter: id(), by: post("reviewer"), reason: "不实".into() }.into(),
        3 => paused().into(),
        4 => Resumed { matter: id() }.into(),
        5 => {
            let extension = Extension::Days { days: 3 };
            Extended { matter: id(), extension, reason: "暴雨".into(), approver: post("leader") }.into()
        }
        6 => excused(Input::ALL.to_vec(), today.plus(2), today.plus(9)).into(),
        _ => excused(vec![Input::DaysOverdue, Input::InvestedToPlannedBp], today, today.plus(4)).into(),
    }
}

/// The notice for 2026 with some days turned.
fn amended(turned: &[i32]) -> YearNotice {
    let mut days: std::collections::BTreeMap<Day, bool> =
        turned.iter().map(|&ahead| (day("2026-01-05").plus(ahead), ahead % 2 == 0)).collect();
    days.insert(day("2026-10-01"), true);
    let named = |(date, is_off_day)| NoticeDay { name: "调整".into(), date, is_off_day };
    YearNotice { year: 2026, papers: vec!["调整".into()], days: days.into_iter().map(named).collect() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn catching_up_equals_ticking_whatever_people_do_meanwhile(
        rule in rules(), due in dues(), facts in facts(),
        deeds in prop::collection::vec((0..600_u32, 0..8_u8), 0..6),
    ) {
        let (calendar, zone) = (Calendar::embedded(), zone());
        let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
        let (start, half_hour) = (at("2026-01-12T10:00"), 30 * MINUTE_MS);
        let end = start.plus_ms(45 * 48 * half_hour);
        let mut deeds: Vec<(Time, u8)> = deeds.iter()
            .map(|&(when, what)| (start.plus_ms(i64::from(when) * 3 * half_hour), what)).collect();
        deeds.sort_unstable();

        let opened = Matter::open(&opened(due), start).unwrap();
        let (mut ticked, mut now, mut by_ticks, mut missed) = (opened.clone(), start, Vec::new(), Missed::new());
        let mut waiting = deeds.iter().peekable();
        while now <= end {
            tick(watch, &mut ticked, &facts, now, &mut missed, &mut by_ticks);
            while let Some((_, what)) = waiting.next_if(|(when, _)| *when == now) {
                if let Ok(next) = ticked.after(&step(now, "li", deed(*what, zone.day_of(now)))) {
                    ticked = next;
                    tick(watch, &mut ticked, &facts, now, &mut missed, &mut by_ticks);
                }
            }
            now = now.plus_ms(half_hour);
        }

        let (mut caught_up, mut from, mut at_once) = (opened, start, Vec::new());
        let mut catch_up = |matter: &mut Matter, from: Time, to: Time| {
            for due in watch.falls_due(matter, &facts, &actor("clock"), from, to).unwrap() {
                *matter = matter.after(&due).unwrap();
                at_once.push(due);
            }
            assert!(watch.next(matter, &facts, to).is_none_or(|next| next > to));
        };
        for (when, what) in deeds {
            catch_up(&mut caught_up, from, when);
            if let Ok(next) = caught_up.after(&step(when, "li", deed(what, zone.day_of(when)))) {
                caught_up = next;
            }
            from = when;
        }
        catch_up(&mut caught_up, from, end);
        prop_assert_eq!(told(&at_once, &zone), told(&by_ticks, &zone));
        prop_assert_eq!(at_once, by_ticks);
        prop_assert_eq!(caught_up, ticked);
    }

    #[test]
    fn a_catch_up_may_be_cut_anywhere_and_nothing_changes_before_the_next_moment(
        rule in rules(), due in dues(), facts in facts(), cuts in prop::collection::vec(0..100_000_i64, 0..8),
    ) {
        let (calendar, zone) = (Calendar::embedded(), zone());
        let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
        let start = at("2026-01-12T10:00");
        let end = start.plus_ms(100_000 * MINUTE_MS);
        let opened = Matter::open(&opened(due), start).unwrap();
        let whole = watch.falls_due(&opened, &facts, &actor("clock"), start, end).unwrap();
        let mut cuts: Vec<Time> = cuts.into_iter().map(|cut| start.plus_ms(cut * MINUTE_MS)).collect();
        cuts.sort_unstable();
        cuts.push(end);
        let (mut matter, mut from, mut pieces) = (opened, start, Vec::new());
        for to in cuts {
            let next = watch.next(&matter, &facts, from);
            let piece = watch.falls_due(&matter, &facts, &actor("clock"), from, to).unwrap();
            prop_assert_eq!(piece.first().map(|first| first.at), next.filter(|next| *next <= to));
            for due in &piece {
                matter = matter.after(due).unwrap();
            }
            pieces.extend(piece);
            from = to;
        }
        prop_assert_eq!(&pieces, &whole);
        let colours: Vec<_> = whole.iter().filter(|step| step.event.verb() == Verb::Coloured).collect();
        for two in colours.windows(2) {
            prop_assert!(two[0].at < two[1].at, "one colour a day at most");
        }
    }

    #[test]
    fn an_edit_of_the_calendar_moves_open_deadlines_and_no_step_fires_twice_or_is_taken_back(
        rule in rules(), days in 1..30_u32, facts in facts(),
        edits in prop::collection::vec((1..1_200_i64, prop::collection::vec(0..90_i32, 0..30)), 1..5),
    ) {
        let zone = zone();
        let mut calendar = Calendar::embedded();
        let term = Term::statutory(days, DayUnit::Workdays);
        let due = Due::Within { term, from: day("2026-01-12") };
        let start = at("2026-01-12T10:00");
        let mut matter = Matter::open(&opened(due), start).unwrap();
        let (mut from, mut all) = (start, Vec::<Move>::new());
        let mut edits: Vec<_> = edits.into_iter().map(|(when, turned)| (start.plus_ms(when * 60 * MINUTE_MS), turned)).collect();
        edits.sort_unstable();
        edits.push((start.plus_ms(3_000 * 60 * MINUTE_MS), vec![]));
        for (edit, turned) in edits {
            let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
            for due in watch.falls_due(&matter, &facts, &actor("clock"), from, edit).unwrap() {
                prop_assert!(from <= due.at && due.at <= edit, "the past is left alone");
                let before = matter.fired.clone();
                matter = matter.after(&due).unwrap();
                prop_assert!(before.is_subset(&matter.fired), "what fired stays fired");
                all.push(due);
            }
            calendar.load(amended(&turned)).unwrap();
            let deadline = matter.deadline(&calendar, &zone).unwrap().value;
            prop_assert_eq!(calendar.workdays_between(day("2026-01-12"), deadline).value, i64::from(days));
            from = edit;
        }
        let mut levels: Vec<u8> = all.iter().filter_map(|step| match &step.event {
            Event::Escalated(escalated) => Some(escalated.level),
            _ => None,
        }).collect();
        let fired = levels.len();
        levels.sort_unstable();
        levels.dedup();
        prop_assert_eq!(levels.len(), fired);
        prop_assert!(all.windows(2).all(|two| two[0].at <= two[1].at));
    }
}

#[test]
fn what_waits_long_with_its_reviewer_is_told_to_the_reviewer_once_each_time() {
    let (rule, calendar, zone) = (Preset::Default.rule(), Calendar::embedded(), zone());
    let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
    let due = Due::On { day: day("2026-12-31") };
    let mut matter = Matter::open(&opened(due), at("2026-03-02T08:30")).unwrap();
    let mut all = Vec::new();
    let mut go_on = |matter: &mut Matter, until: &str, event: Option<Event>| {
        let facts = Facts::default();
        let fell = watch.falls_due(matter, &facts, &actor("clock"), matter.moved, at(until)).unwrap();
        for step in &fell {
            *matter = matter.after(step).unwrap();
        }
        all.extend(fell);
        if let Some(event) = event {
            *matter = matter.after(&step(at(until), "wei", event)).unwrap();
        }
    };
    let returned = || Returned { matter: id(), by: post("reviewer"), reason: "照片不清".into() };
    go_on(&mut matter, "2026-03-02T09:00", Some(taken().into()));
    go_on(&mut matter, "2026-03-03T10:00", Some(submitted("2026-03-03").into()));
    // The ladder does not fire for the owner meanwhile, nor again for the reviewer.
    go_on(&mut matter, "2026-04-30T10:00", None);
    assert!(watch.next(&matter, &Facts::default(), at("2026-04-30T10:00")).is_none());
    matter = matter.after(&step(at("2026-04-30T10:00"), "li", returned())).unwrap();
    go_on(&mut matter, "2026-05-06T10:00", Some(submitted("2026-05-06").into()));
    go_on(&mut matter, "2026-05-31T10:00", None);
    // Whoever it is laid before instead has as long, and is told once as well; who keeps it is not told again.
    let handed_over = |to: &str| {
        let (to, reviewer) = (post(to), Some(post("judge")));
        HandedOver { matter: id(), to, reviewer, colour: None, reason: "职责调整".into() }
    };
    go_on(&mut matter, "2026-06-01T10:00", Some(handed_over("other").into()));
    go_on(&mut matter, "2026-06-12T10:00", Some(handed_over("third").into()));
    go_on(&mut matter, "2026-06-30T10:00", None);
    let overdue = all.iter().filter_map(|step| match &step.event {
        Event::Escalated(it) if it.level == REVIEW_OVERDUE => Some((&it.post, zone.local_text(step.at))),
        _ => None,
    });
    let (reviewer, judge) = (post("reviewer"), post("judge"));
    let told = [
        (&reviewer, "2026-03-10 09:00:00"),
        (&reviewer, "2026-05-12 09:00:00"),
        (&judge, "2026-06-08 09:00:00"),
    ]
    .map(|(post, at)| (post, at.to_owned()));
    assert_eq!(overdue.collect::<Vec<_>>(), told);
}

#[test]
fn a_deadline_beyond_the_horizon_wakes_the_clock_and_no_pause_puts_it_beyond_what_can_be_written() {
    let (calendar, zone) = (Calendar::embedded(), zone());
    let mut rule = Preset::Default.rule();
    rule.dimensions.retain(|dimension| dimension.input == Input::DaysOverdue);
    if rule.dimensions.is_empty() {
        let bands = vec![Band { when: When::Above(0), colour: Colour::Red }];
        rule.dimensions = vec![Dimension { input: Input::DaysOverdue, bands, unknown: None }];
    }
    let watch = Watch { rule: &rule, calendar: &calendar, zone: &zone };
    let matter = |due| Matter::open(&opened(Due::On { day: due }), at("2026-03-02T08:30")).unwrap();
    let wakes = |due: &str| {
        let mut matter = matter(day(due));
        let facts = Facts::default();
        let start = matter.begun;
        for step in watch.falls_due(&matter, &facts, &actor("clock"), start, start).unwrap() {
            matter = matter.after(&step).unwrap();
        }
        watch.next(&matter, &facts, start).map(|at| zone.day_of(at))
    };
    for due in ["2027-01-01", "2049-12-31", "2399-12-31"] {
        assert_eq!(wakes(due), Some(day(due).plus(1)));
    }
    assert_eq!(wakes("9999-12-31"), None);
    let mut paused = matter(Day::LAST);
    for (at, event) in [
        (at("2026-03-03T08:30"), Event::from(crate::support::paused())),
        (at("2026-03-09T08:30"), Resumed { matter: id() }.into()),
    ] {
        paused = paused.after(&step(at, "li", event)).unwrap();
    }
    assert_eq!(paused.deadline(&calendar, &zone).unwrap().value, Day::LAST);
}
