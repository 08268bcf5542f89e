use base::Day;
use schedule::{
    Activity, ActivityId, Anchor, Calendar, CalendarId, Constraint, Critical, Edit, Link, LinkId, LinkKind,
    Minutes, Moment, Plan, Progress, Schedule, ScheduleError, Terms, Wish, WorkingTime,
};

fn at(day: &str, hour: i64) -> Moment {
    Moment::at(Day::parse(day).unwrap(), hour * 60)
}

fn spring_festival() -> Calendar {
    let day = |text| Day::parse(text).unwrap();
    let time = WorkingTime::office()
        .with_holidays(day("2026-02-15"), day("2026-02-23"))
        .with_workday(day("2026-02-14"))
        .with_workday(day("2026-02-28"));
    Calendar::new(time).unwrap()
}

fn office() -> Plan {
    Plan::new(Calendar::new(WorkingTime::office()).unwrap())
}

#[test]
fn ten_workdays_over_the_spring_festival_of_2026_finish_on_27_february() {
    let mut plan = Plan::new(spring_festival());
    let work = plan.activity(Minutes::workdays(10));
    let forward = Schedule::new(plan.clone(), Terms::from_start(at("2026-02-09", 0))).unwrap();
    assert_eq!(forward.dates(work).early.start, at("2026-02-09", 8));
    assert_eq!(forward.finish(), at("2026-02-27", 17));

    let backward = Schedule::new(plan, Terms::from_deadline(at("2026-02-27", 24))).unwrap();
    assert_eq!(backward.latest_start(), at("2026-02-09", 8));
    assert_eq!(backward.dates(work), forward.dates(work));
}

/// 2026-03-02 is a Monday.
#[test]
fn floats_and_the_critical_path_of_a_diamond() {
    let mut plan = office();
    let [a, b, c, d] = [2, 3, 1, 1].map(|days| plan.activity(Minutes::workdays(days)));
    for (from, to) in [(a, b), (a, c), (b, d), (c, d)] {
        plan.link(Link::finish_to_start(from, to));
    }
    let schedule = Schedule::new(plan, Terms::from_start(at("2026-03-02", 8))).unwrap();
    assert_eq!(schedule.finish(), at("2026-03-09", 17));
    assert_eq!([a, b, c, d].map(|id| schedule.total_float(id)), [0, 0, 2, 0].map(Minutes::workdays));
    assert_eq!([a, b, c, d].map(|id| schedule.free_float(id)), [0, 0, 2, 0].map(Minutes::workdays));
    assert_eq!(schedule.critical(Critical::Float(Minutes(0))), [a, b, d]);
    assert_eq!(schedule.critical(Critical::LongestPath), [a, b, d]);
    assert_eq!([0, 1, 2, 3].map(|link| schedule.is_driving(LinkId(link))), [true, true, true, false]);
}

#[test]
fn a_deadline_moves_no_date_and_shows_as_negative_float() {
    let mut plan = office();
    let work = plan.activity(Minutes::workdays(5));
    let free = Schedule::new(plan.clone(), Terms::from_start(at("2026-03-02", 8))).unwrap();
    plan.activities[0].deadline = Some(at("2026-03-04", 17));
    let bound = Schedule::new(plan.clone(), Terms::from_start(at("2026-03-02", 8))).unwrap();
    assert_eq!(bound.dates(work).early, free.dates(work).early);
    assert_eq!(bound.total_float(work), Minutes::workdays(-2));

    plan.activities[0].deadline = None;
    let anchor = Anchor::Start { start: at("2026-03-02", 8), deadline: Some(at("2026-03-05", 17)) };
    let bound = Schedule::new(plan, Terms::new(anchor)).unwrap();
    assert_eq!(bound.total_float(work), Minutes::workdays(-1));
    assert_eq!(bound.margin(), Some(Minutes::workdays(-1)));
}

#[test]
fn a_milestone_stands_on_friday_evening_and_its_successor_starts_on_monday() {
    let mut plan = office();
    let [work, milestone, next] = [5, 0, 1].map(|days| plan.activity(Minutes::workdays(days)));
    plan.link(Link::finish_to_start(work, milestone));
    plan.link(Link::finish_to_start(milestone, next));
    let schedule = Schedule::new(plan, Terms::from_start(at("2026-03-02", 8))).unwrap();
    assert_eq!(schedule.dates(milestone).early.start, at("2026-03-06", 17));
    assert_eq!(schedule.dates(next).early.start, at("2026-03-09", 8));
    assert_eq!(schedule.dates(milestone).late.start, at("2026-03-09", 8));
    assert_eq!(schedule.total_float(milestone), Minutes(0));
}

#[test]
fn a_start_to_finish_link_without_lag_joins_friday_evening_to_monday_morning() {
    let mut plan = office();
    let [shift, handover] = [2, 1].map(|days| plan.activity(Minutes::workdays(days)));
    plan.activities[0].constraints.push(Constraint::MustStart(at("2026-03-09", 8)));
    plan.link(Link::new(shift, handover, LinkKind::StartToFinish, Minutes(0)));
    let schedule = Schedule::new(plan, Terms::from_start(at("2026-03-02", 8))).unwrap();
    assert_eq!(schedule.dates(handover).early.finish, at("2026-03-06", 17));
}

#[test]
fn an_activity_as_late_as_possible_delays_no_successor() {
    let mut plan = office();
    let [a, b, c] = [1, 4, 1].map(|days| plan.activity(Minutes::workdays(days)));
    plan.link(Link::finish_to_start(a, c));
    plan.link(Link::finish_to_start(b, c));
    plan.activities[0].wish = Some(Wish::AsLateAsPossible);
    let schedule = Schedule::new(plan, Terms::from_start(at("2026-03-02", 8))).unwrap();
    let planned = schedule.planned();
    assert_eq!(planned[0].start, at("2026-03-05", 8));
    assert_eq!(planned[1].start, at("2026-03-02", 8));
    assert_eq!(planned[2].start, at("2026-03-06", 8));
    assert_eq!(schedule.dates(a).early.start, at("2026-03-02", 8));
    let _ = (b, c);
}

#[test]
fn what_is_wrong_with_a_plan_is_named() {
    let start = Terms::from_start(at("2026-03-02", 8));
    let refused = |plan: &Plan| Schedule::new(plan.clone(), start).unwrap_err();
    let mut plan = office();
    let [a, b, c, d, e] = [1; 5].map(|days| plan.activity(Minutes::workdays(days)));
    for (from, to) in [(a, b), (b, c), (c, b), (c, d), (d, e), (e, d)] {
        plan.link(Link::finish_to_start(from, to));
    }
    let error = refused(&plan);
    assert_eq!(error, ScheduleError::Cycle { cycles: vec![vec![c, b], vec![e, d]] });
    assert_eq!(error.to_string(), "activities wait for each other in a cycle: 2 -> 1; 4 -> 3");

    let mut plan = office();
    let work = plan.activity(Minutes(-1));
    assert_eq!(refused(&plan), ScheduleError::NegativeDuration { activity: work });
    plan.activities[0].duration = Minutes(1);
    let link = plan.link(Link::finish_to_start(work, ActivityId(7)));
    assert_eq!(refused(&plan), ScheduleError::MissingActivity { link, activity: ActivityId(7) });
    plan.links.clear();
    plan.activities[0].calendar = CalendarId(3);
    assert_eq!(refused(&plan), ScheduleError::MissingCalendar { calendar: CalendarId(3) });

    let days = ["2026-03-05", "2026-03-06"].map(|day| at(day, 8));
    for constraints in [
        [Constraint::StartNoEarlier(days[1]), Constraint::StartNoLater(days[0])],
        [Constraint::MustStart(days[0]), Constraint::MustStart(days[1])],
        [Constraint::MustStart(days[1]), Constraint::FinishNoLater(days[1])],
    ] {
        let mut plan = office();
        let mut activity = Activity::new(plan.calendar, Minutes(60));
        activity.constraints = constraints.to_vec();
        let work = plan.push(activity);
        assert_eq!(refused(&plan), ScheduleError::ContradictoryConstraints { activity: work });
    }

    let (start, deadline) = (days[1], days[0]);
    let terms = Terms::new(Anchor::Start { start, deadline: Some(deadline) });
    let error = Schedule::new(office(), terms).unwrap_err();
    assert_eq!(error, ScheduleError::DeadlineBeforeStart { start, deadline });
}

#[test]
fn an_edit_that_would_close_a_cycle_is_refused_and_changes_nothing() {
    let mut plan = office();
    let [a, b, c] = [1; 3].map(|days| plan.activity(Minutes::workdays(days)));
    plan.link(Link::finish_to_start(a, b));
    plan.link(Link::finish_to_start(b, c));
    let mut schedule = Schedule::new(plan, Terms::from_start(at("2026-03-02", 8))).unwrap();
    let refused = schedule.edit(Edit::AddLink(Link::finish_to_start(c, a))).unwrap_err();
    assert_eq!(refused, ScheduleError::Cycle { cycles: vec![vec![a, b, c]] });
    assert_eq!(schedule.plan().links.len(), 2);
    assert_eq!(schedule.finish(), at("2026-03-04", 17));
}

#[test]
fn progress_out_of_sequence_waits_under_retained_logic_and_goes_on_under_override() {
    let mut plan = office();
    let [first, second] = [4, 2].map(|days| plan.activity(Minutes::workdays(days)));
    plan.link(Link::finish_to_start(first, second));
    let remaining = schedule::Remaining::Percent(50);
    plan.activities[1].progress = Progress::Started { at: at("2026-03-02", 8), remaining };
    let mut terms = Terms::from_start(at("2026-03-02", 8));
    terms.status = Some(at("2026-03-03", 8));
    let mut schedule = Schedule::new(plan, terms).unwrap();
    assert_eq!(schedule.dates(second).early.finish, at("2026-03-09", 17));
    terms.out_of_sequence = schedule::OutOfSequence::ProgressOverride;
    schedule.set_terms(terms).unwrap();
    assert_eq!(schedule.dates(second).early.finish, at("2026-03-03", 17));
    assert_eq!(schedule.dates(first).early.start, at("2026-03-03", 8));
}

#[test]
fn overlaps_are_suggested_least_first_and_together_where_one_is_not_enough() {
    let mut plan = office();
    let [a, b, c] = [10, 6, 8].map(|days| plan.activity(Minutes::workdays(days)));
    let first = plan.link(Link::finish_to_start(a, b));
    let second = plan.link(Link::finish_to_start(b, c));
    let schedule = Schedule::new(plan, Terms::from_start(at("2026-03-02", 8))).unwrap();
    assert_eq!(schedule.finish(), at("2026-04-02", 17));
    let overlaps = |deadline: &str, asked_max: usize| {
        let asked = std::cell::Cell::new(0);
        let is_over = || asked.replace(asked.get() + 1) >= asked_max;
        schedule.overlaps(&schedule::OverlapTerms::to_meet(at(deadline, 17)), is_over).unwrap()
    };

    let one = overlaps("2026-03-31", usize::MAX);
    assert!(one.meets_deadline);
    assert_eq!(one.alone.iter().map(|o| o.link).collect::<Vec<_>>(), [first, second]);
    assert_eq!(one.alone[0].overlap, Minutes::workdays(2));
    assert_eq!(one.alone[0].becomes, Link::new(a, b, LinkKind::StartToStart, Minutes::workdays(8)));

    let both = overlaps("2026-03-27", usize::MAX);
    assert!(both.meets_deadline && both.alone.is_empty());
    let made: Vec<_> = both.together.iter().map(|o| (o.link, o.overlap)).collect();
    assert_eq!(made, [(first, Minutes::workdays(3)), (second, Minutes::workdays(1))]);
    assert_eq!(both.together[1].finish, at("2026-03-27", 17));

    let none = overlaps("2026-03-09", usize::MAX);
    assert!(!none.meets_deadline);
    assert!([one, both, none].iter().all(|found| found.complete));

    // Whoever has no time left is told what was found until then.
    assert_eq!(overlaps("2026-03-31", 0), schedule::Overlaps::default());
    let begun = overlaps("2026-03-31", 1);
    assert!(begun.meets_deadline && !begun.complete);
    assert_eq!(begun.alone.iter().map(|o| o.link).collect::<Vec<_>>(), [first]);
    assert!(begun.alone[0].finish <= at("2026-03-31", 17));
    let part = overlaps("2026-03-27", 1);
    assert!(!part.meets_deadline && !part.complete);
    assert_eq!(part.together.iter().map(|o| o.link).collect::<Vec<_>>(), [first]);
}

#[test]
fn a_baseline_stays_as_it_was_frozen() {
    let mut plan = office();
    let [a, b] = [2, 3].map(|days| plan.activity(Minutes::workdays(days)));
    plan.link(Link::finish_to_start(a, b));
    let mut schedule = Schedule::new(plan, Terms::from_start(at("2026-03-02", 8))).unwrap();
    let baseline = schedule.freeze();
    schedule.edit(Edit::Duration(a, Minutes::workdays(4))).unwrap();
    assert_eq!(baseline.finish(), Some(at("2026-03-06", 17)));
    let late = |activity, start, finish| schedule::Variance {
        activity,
        start: Minutes::workdays(start),
        finish: Minutes::workdays(finish),
    };
    assert_eq!(schedule.variances(&baseline).unwrap(), [late(a, 0, 2), late(b, 2, 2)]);
    let kept = serde_json::to_string(&baseline).unwrap();
    assert_eq!(serde_json::from_str::<schedule::Baseline>(&kept).unwrap(), baseline);
}
