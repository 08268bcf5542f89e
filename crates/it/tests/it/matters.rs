//! Matters from their opening to their end, by people and by the clock.

use std::sync::Arc;

use base::{BookId, Day};
use harness::Engine;
use kernel::{AppendError, DocketError, MatterFilter, Part, Period, Standing};
use matters::{
    Calendar, Cancelled, Colour, DayUnit, Due, HandedOver, HelperAdded, MatterError, NoticeDay, Opened,
    Paused, Preset, Resumed, Returned, State, Term, Version, YearNotice,
};
use store::fault::{FaultStore, Faults};

use crate::office::*;

/// The smallest PDF that is one by its first and last bytes.
const FILE: &[u8] = b"%PDF-1.4\n%%EOF\n";

fn keep(office: &Office) -> String {
    office.kernel.keep_evidence(&actor("wei"), &BookId::new("works").unwrap(), FILE.to_vec()).unwrap()
}

fn figure(office: &Office, name: &str, dimension: &str) -> i64 {
    let period = Period { from: Day(0), to: day("2027-12-31") };
    office.kernel.sum(name, &office.kernel.books().unwrap(), period, dimension).unwrap()
}

#[test]
fn a_matter_lives_from_its_opening_to_its_acceptance_with_two_people() {
    on_each_engine(|office| {
        let id = office.open(due_on("road", "2026-03-31")).unwrap();
        office.tend();
        assert_eq!(office.matter(&id).colour, Some(Colour::Blue));
        assert_eq!(office.inbox("owner"), ["road"]);
        assert_eq!(office.inbox("helper"), ["road"]);
        assert_eq!(office.inbox("reviewer"), ["road"]);
        assert_eq!(office.inbox("leader"), Vec::<String>::new());

        office.go_to("2026-03-03T09:00");
        office.step("wei", taken(&id)).unwrap();
        let digest = keep(&office);
        office.go_to("2026-03-20T09:00");
        office.step("wei", submitted(&id, &digest, "2026-03-19")).unwrap();
        let returned = Returned { matter: id.clone(), by: post("reviewer"), reason: "照片不清".into() };
        office.step("li", returned).unwrap();
        office.go_to("2026-04-02T10:00");
        office.step("wei", submitted(&id, &digest, "2026-03-30")).unwrap();
        let moved = office.step("li", accepted(&id)).unwrap();
        assert_eq!((moved.matter.state, moved.matter.version), (State::Accepted, Version(5)));
        assert_eq!(moved.matter.in_time, Some(true), "uploaded late, but done in time");
        assert_eq!(office.inbox("owner"), Vec::<String>::new());
        let closed = office.list(MatterFilter { standing: Standing::Closed, ..MatterFilter::default() });
        assert_eq!(closed.len(), 1);
        let of_posts = |names: &[&str]| {
            let posts = names.iter().map(|name| post(name)).collect();
            office.list(MatterFilter { standing: Standing::Closed, posts, ..MatterFilter::default() }).len()
        };
        assert_eq!(
            [&["owner"][..], &["reviewer"], &["owner", "reviewer"], &["helper"]].map(of_posts),
            [1, 1, 1, 0]
        );
        assert_eq!(
            office.told(),
            [
                "2026-03-02 08:00 road blue",
                "2026-03-03 09:00 road taken",
                "2026-03-20 09:00 road returned",
                "2026-03-20 09:00 road submitted",
                "2026-04-01 00:00 road red",
                "2026-04-01 09:00 road level 1",
                "2026-04-01 09:00 road level 2",
                "2026-04-02 10:00 road accepted",
                "2026-04-02 10:00 road none",
                "2026-04-02 10:00 road submitted",
            ]
        );
        for (name, amount) in [
            ("kernel.matters.opened", 1),
            ("kernel.matters.open", 0),
            ("kernel.matters.accepted", 1),
            ("kernel.matters.accepted.in_time", 1),
            ("kernel.matters.blue", 0),
            ("kernel.matters.red", 0),
            ("kernel.matters.escalated", 2),
            // The line of the sort counts it too.
            ("works.matters.done", 1),
        ] {
            assert_eq!(figure(&office, name, ""), amount, "{name}");
        }
        assert_eq!(figure(&office, "kernel.matters.opened", "sort=works.work"), 1);
        assert_eq!(figure(&office, "kernel.matters.opened", "owner=post:371481/owner"), 1);
        assert_eq!(office.kernel.matter_history(&id, 50).unwrap().len(), 11);
        assert_eq!(office.tend(), 0, "nothing is left to do for the clock");
        office.check();
    });
}

#[test]
fn of_two_people_who_move_a_matter_at_once_the_second_gets_a_conflict_and_nothing_is_lost() {
    on_each_engine(|office| {
        let id = office.open(due_on("road", "2026-03-31")).unwrap();
        office.tend();
        let seen = office.matter(&id).version;
        let now = office.kernel.now();
        office.move_at(seen, "wei", taken(&id).into(), now).unwrap();
        let before = office.told();
        let helper = HelperAdded { matter: id.clone(), helper: post("other") };
        let second = office.move_at(seen, "li", helper.clone().into(), now).unwrap_err();
        let conflict = MatterError::Conflict { expected: seen, found: Version(1) };
        assert!(matches!(second, AppendError::Refused(DocketError::Matter(error)) if error == conflict));
        assert_eq!(office.told(), before);
        office.move_at(Version(1), "li", helper.into(), now).unwrap();
        assert_eq!(office.matter(&id).helpers, [post("helper"), post("other")]);
        assert_eq!(office.inbox("other"), ["road"]);
        office.check();
    });
}

#[test]
fn what_may_not_happen_to_a_matter_changes_nothing() {
    on_each_engine(|office| {
        let id = office.open(due_on("road", "2026-03-31")).unwrap();
        office.step("wei", taken(&id)).unwrap();
        let digest = keep(&office);
        office.tend();
        let before = (office.told(), office.matter(&id));
        let opened = |change: fn(&mut Opened)| {
            let mut opened = due_on("bridge", "2026-03-31");
            change(&mut opened);
            office.open(opened).unwrap_err().to_string()
        };
        let word = |name: &str| base::KindName::new(name).unwrap();
        for (told, error) in [
            ("reviewer", opened(|it| it.reviewer = post("owner"))),
            ("reviewer", opened(|it| it.reviewer = post("helper"))),
            ("UnknownPost", opened(|it| it.owner = post("nobody"))),
            ("UnknownRule", opened(|it| it.rule = "moon".into())),
            ("UnknownSort", opened(|it| it.sort = base::KindName::new("works.moon").unwrap())),
            ("Exists", opened(|it| it.matter = due_on("road", "2026-03-31").matter)),
        ] {
            assert!(error.contains(told), "{error}");
        }
        let mut unseen = submitted(&id, &"ab".repeat(32), "2026-03-02");
        for (told, error) in [
            ("UnknownEvidence", office.step("wei", unseen.clone()).unwrap_err()),
            ("NoEvidence", {
                unseen.evidence.clear();
                office.step("wei", unseen).unwrap_err()
            }),
            // Nothing was submitted, so nothing can be accepted.
            ("Forbidden", office.step("li", accepted(&id)).unwrap_err()),
            ("UnknownPost", {
                let (matter, sort) = (id.clone(), word("works.work"));
                office
                    .step("li", Cancelled { matter, sort, reason: "撤销".into(), approver: post("nobody") })
                    .unwrap_err()
            }),
        ] {
            let error = format!("{error:?}");
            assert!(error.contains(told), "{error}");
        }
        office.step("wei", submitted(&id, &digest, "2026-03-02")).unwrap();
        let own = office.step("wei", accepted(&id)).unwrap_err();
        assert!(matches!(own, AppendError::Refused(DocketError::Matter(MatterError::OwnWork))), "{own:?}");
        assert_eq!(office.told().len(), before.0.len() + 1, "the submission alone");
        assert_eq!(office.matter(&id).state, State::Submitted);
        office.check();
    });
}

/// Some matters that are reported on, paused, handed over and closed over forty days; `live` tells what comes between.
fn forty_days(office: &Office, mut live: impl FnMut(&str)) {
    let mut when = |text: &str| {
        live(text);
        at(text)
    };
    let start = when("2026-02-08T10:00");
    let term = Due::Within { term: Term::statutory(10, DayUnit::Workdays), from: day("2026-02-08") };
    let permit = office.open_at(owed("permit", term), start).unwrap();
    let road = office.open_at(due_on("road", "2026-03-05"), start).unwrap();
    let bridge = office.open_at(due_on("bridge", "2026-03-30"), start).unwrap();
    let now = when("2026-02-09T16:00");
    office.report(&bridge, 1_000, now);
    let now = when("2026-02-10T15:30");
    let pause = Paused { matter: road.clone(), reason: "等待批复".into(), approver: post("leader") };
    office.load(Version(0), pause.into(), now).unwrap();
    let now = when("2026-02-25T09:00");
    let resumed = Resumed { matter: road.clone() };
    office.load(Version(1), resumed.into(), now).unwrap();
    let now = when("2026-03-02T11:00");
    let to = HandedOver {
        matter: permit.clone(),
        to: post("other"),
        reviewer: None,
        colour: None,
        reason: "职责调整".into(),
    };
    office.load(Version(0), to.into(), now).unwrap();
    // A month without a report has made it yellow by now.
    let now = when("2026-03-16T09:30");
    office.report(&bridge, 2_000, now);
    let now = when("2026-03-17T09:00");
    let sort = base::KindName::new("works.work").unwrap();
    let cancelled = Cancelled { matter: permit, sort, reason: "撤销".into(), approver: post("leader") };
    office.load(Version(1), cancelled.into(), now).unwrap();
    when("2026-03-20T10:00");
    office.tend();
}

#[test]
fn history_that_is_loaded_and_a_clock_that_slept_give_the_entries_of_a_clock_that_ran() {
    on_each_engine(|office| {
        // Loaded: the server's clock stands at the end of it all from the beginning.
        office.clock.set(at("2026-03-20T10:00"));
        forty_days(&office, |_| {});
        let loaded = office.told();
        assert!(loaded.contains(&"2026-02-28 09:00 permit level 2".to_owned()), "{loaded:#?}");
        assert!(loaded.contains(&"2026-03-12 00:00 bridge yellow".to_owned()), "{loaded:#?}");
        assert!(loaded.contains(&"2026-03-16 09:30 bridge blue".to_owned()), "{loaded:#?}");
        let rows = figure(&office, "kernel.matters.yellow", "");
        office.check();

        // Running: the clock ticks every half hour.
        let place = office.place.engine.place().unwrap();
        let store = place.store();
        let running = Office::on(place, store);
        running.clock.set(at("2026-02-08T10:00"));
        forty_days(&running, |until| {
            while running.kernel.now() < at(until) {
                running.clock.advance_ms(30 * 60_000);
                running.tend();
            }
        });
        assert_eq!(running.told(), loaded);
        assert_eq!(figure(&running, "kernel.matters.yellow", ""), rows);
        running.check();

        // Asleep: it looks only when somebody moves something.
        let place = running.place.engine.place().unwrap();
        let store = place.store();
        let asleep = Office::on(place, store);
        forty_days(&asleep, |until| asleep.clock.set(at(until)));
        assert_eq!(asleep.told(), loaded);
    });
}

/// The notice for 2026 with further days off.
fn amended(off: &[&str]) -> YearNotice {
    let embedded = Calendar::embedded();
    let named = |date: Day| NoticeDay { name: "调整".into(), date, is_off_day: true };
    let mut days: Vec<NoticeDay> = off.iter().map(|text| named(day(text))).collect();
    let kept = (day("2026-01-01").0..=day("2026-12-31").0).map(Day).filter_map(|date| {
        match embedded.kind_of(date).value {
            matters::DayKind::Holiday { name } => Some(NoticeDay { name, date, is_off_day: true }),
            matters::DayKind::MakeUp { name } => Some(NoticeDay { name, date, is_off_day: false }),
            _ => None,
        }
    });
    days.extend(kept);
    days.sort_by_key(|named| named.date);
    YearNotice { year: 2026, papers: vec!["调整通知".into()], days }
}

#[test]
fn an_edit_of_the_calendar_recomputes_open_deadlines_and_leaves_the_past_alone() {
    on_each_engine(|office| {
        let within = |name: &str, days: u32, book: &str| {
            let term = Term::statutory(days, DayUnit::Workdays);
            let mut opened = owed(name, Due::Within { term, from: day("2026-03-02") });
            opened.matter = matters::MatterId::local(&BookId::new(book).unwrap(), name).unwrap();
            office.open(opened).unwrap()
        };
        // One book comes before the book of the calendar when everything is replayed, the other after it.
        let soon = within("soon", 3, "works");
        let later = within("later", 10, "works");
        let other = within("other", 10, "zworks");
        let fixed = office.open(due_on("fixed", "2026-03-17")).unwrap();
        let due = || {
            let listed = office.list(MatterFilter::default());
            listed
                .iter()
                .map(|it| format!("{} {}", it.matter.id.subject().local_part(), it.due.unwrap()))
                .collect::<Vec<_>>()
        };
        office.go_to("2026-03-06T08:00");
        assert_eq!(due(), ["soon 2026-03-05", "later 2026-03-16", "other 2026-03-16", "fixed 2026-03-17"]);
        assert_eq!(office.matter(&soon).colour, Some(Colour::Red));

        office.kernel.load_calendar(&system(), amended(&["2026-03-12", "2026-03-13"])).unwrap();
        assert_eq!(due(), ["soon 2026-03-05", "fixed 2026-03-17", "later 2026-03-18", "other 2026-03-18"]);
        assert_eq!(office.inbox("owner"), ["soon", "fixed", "later", "other"]);
        let as_part = |part| {
            let filter = MatterFilter {
                posts: vec![post("owner"), post("reviewer")],
                part: Some(part),
                ..MatterFilter::default()
            };
            office.list(filter).len()
        };
        assert_eq!([Part::Owner, Part::Reviewer, Part::Helper].map(as_part), [4, 4, 0]);
        let counts = office.kernel.count_matters(&[post("owner"), post("reviewer"), post("leader")]).unwrap();
        assert_eq!(counts, [(Part::Owner, 4), (Part::Reviewer, 4)]);
        office.check();

        office.go_to("2026-03-18T23:00");
        assert_eq!(office.matter(&fixed).colour, Some(Colour::Red));
        assert_eq!(office.matter(&later).colour, Some(Colour::Blue));
        // Days that were off work again: the deadline lies in the past now, and the matter is red from now on.
        office.kernel.load_calendar(&system(), amended(&[])).unwrap();
        office.tend();
        assert_eq!(office.matter(&other).red_since, Some(at("2026-03-18T23:00")));
        assert!(
            !office.told().iter().any(|told| told.starts_with("2026-03-17") && told.contains("later red"))
        );
        office.check();
    });
}

#[test]
fn a_rule_works_from_its_adoption_on_and_a_clock_that_slept_judges_by_what_was_in_force() {
    on_each_engine(|office| {
        let id = office.open(due_on("road", "2026-03-31")).unwrap();
        let mut rule = Preset::Default.rule();
        let version = |version| format!("version {version}");
        let old = office.kernel.adopt_rule(&system(), rule.clone()).unwrap_err();
        assert!(old.to_string().contains(&version(1)), "{old}");
        // Under the second version a matter is yellow thirty days before its deadline.
        office.clock.set(at("2026-03-04T08:00"));
        rule.version = 2;
        let days = rule.dimensions.iter_mut().find(|it| it.input == matters::Input::DaysToDeadline);
        let band = matters::Band { when: matters::When::AtMost(30), colour: Colour::Yellow };
        match days {
            Some(dimension) => dimension.bands.insert(0, band),
            None => rule.dimensions.push(matters::Dimension {
                input: matters::Input::DaysToDeadline,
                bands: vec![band],
                unknown: None,
            }),
        }
        office.kernel.adopt_rule(&system(), rule).unwrap();
        office.clock.set(at("2026-03-09T08:00"));
        office.tend();
        assert_eq!(
            office.told(),
            ["2026-03-02 08:00 road blue", "2026-03-04 08:00 road yellow", "2026-03-04 09:00 road level 1",]
        );
        let verdict = office.kernel.judge(&office.matter(&id)).unwrap();
        assert_eq!(verdict.assessment.unwrap().rule_version, 2);
        office.check();
    });
}

#[test]
fn the_figures_of_colours_add_up_to_the_lists() {
    on_each_engine(|office| {
        for at in 0..12 {
            let name = format!("m{at:02}");
            let due = format!("2026-03-{:02}", 3 + 2 * at);
            office.open(due_on(&name, &due)).unwrap();
        }
        for date in ["2026-03-05T12:00", "2026-03-13T12:00", "2026-03-21T12:00"] {
            office.go_to(date);
            let mut all = 0;
            for (colour, figure_name) in [
                (Colour::Blue, "kernel.matters.blue"),
                (Colour::Yellow, "kernel.matters.yellow"),
                (Colour::Red, "kernel.matters.red"),
            ] {
                let listed = office.list(MatterFilter { colour: Some(colour), ..MatterFilter::default() });
                assert!(listed.windows(2).all(|two| two[0].due <= two[1].due));
                let count = i64::try_from(listed.len()).unwrap();
                assert_eq!(figure(&office, figure_name, ""), count, "{date} {colour:?}");
                assert_eq!(figure(&office, figure_name, "owner=post:371481/owner"), count);
                all += count;
            }
            assert_eq!(all, figure(&office, "kernel.matters.open", ""));
            assert_eq!(office.list(MatterFilter::default()).len(), 12);
            // Whoever holds several of its posts sees a matter once.
            let posts = vec![post("owner"), post("reviewer"), post("helper")];
            assert_eq!(office.list(MatterFilter { posts, ..MatterFilter::default() }).len(), 12);
        }
        // A matter that changes hands takes its colour along.
        let (id, version) = {
            let first = &office.list(MatterFilter::default())[0].matter;
            (first.id.clone(), first.version)
        };
        let to = HandedOver {
            matter: id,
            to: post("other"),
            reviewer: None,
            colour: None,
            reason: "职责调整".into(),
        };
        office.move_at(version, "li", to.into(), office.kernel.now()).unwrap();
        let other = MatterFilter { posts: vec![post("other")], ..MatterFilter::default() };
        assert_eq!(office.list(other).len(), 1);
        assert_eq!(figure(&office, "kernel.matters.red", "owner=post:371481/other"), 1);
        assert_eq!(figure(&office, "kernel.matters.open", "owner=post:371481/owner"), 11);
        office.check();
    });
}

#[test]
fn a_clock_that_breaks_at_any_step_or_is_begun_anew_fires_nothing_twice() {
    let place = Engine::Sqlite.place().unwrap();
    let faults = Faults::none();
    let store = Arc::new(FaultStore::new(place.store(), faults.clone()));
    let office = Office::on(place, store);
    for name in ["a", "b", "c"] {
        office.open(due_on(name, "2026-03-05")).unwrap();
    }
    office.clock.set(at("2026-03-06T12:00"));
    let expected = |name: &str| {
        [
            format!("2026-03-02 08:00 {name} blue"),
            format!("2026-03-06 00:00 {name} red"),
            format!("2026-03-06 09:00 {name} level 1"),
            format!("2026-03-06 09:00 {name} level 2"),
        ]
    };
    let mut broken = 0;
    for persist in [false, true] {
        for step in 0..40 {
            let before = faults.breaks();
            faults.break_at(faults.steps() + step, persist);
            let _tended_or_not = office.kernel.tend_matters(1_000);
            faults.heal();
            broken += faults.breaks() - before;
        }
    }
    assert!(broken > 0, "no step was broken");
    office.tend();
    let office = office.reopened();
    office.tend();
    let mut all: Vec<String> = ["a", "b", "c"].into_iter().flat_map(expected).collect();
    all.sort();
    assert_eq!(office.told(), all);
    office.check();
}
