use proptest::prelude::*;
use schedule::{
    ActivityId, Anchor, Calendar, CalendarId, Constraint, Edit, Link, LinkId, LinkKind, Minutes, Moment,
    Plan, Schedule, Terms,
};

use crate::networks::{START, STATUS, calendar, link, plan};

/// The plan read backwards: links turned, calendars mirrored, what bounds a start from before bounds a finish from
/// after.
fn mirrored(plan: &Plan) -> Plan {
    let mut mirror = plan.clone();
    mirror.calendars = plan
        .calendars
        .iter()
        .map(|calendar| Calendar::new(calendar.working_time().mirrored()).unwrap())
        .collect();
    let turn = |at: Moment| Moment(-at.0);
    for activity in &mut mirror.activities {
        for constraint in &mut activity.constraints {
            *constraint = match *constraint {
                Constraint::StartNoEarlier(at) => Constraint::FinishNoLater(turn(at)),
                Constraint::StartNoLater(at) => Constraint::FinishNoEarlier(turn(at)),
                Constraint::FinishNoEarlier(at) => Constraint::StartNoLater(turn(at)),
                Constraint::FinishNoLater(at) => Constraint::StartNoEarlier(turn(at)),
                Constraint::MustStart(at) => Constraint::MustFinish(turn(at)),
                Constraint::MustFinish(at) => Constraint::MustStart(turn(at)),
            };
        }
    }
    for link in mirror.links.iter_mut().flatten() {
        (link.predecessor, link.successor) = (link.successor, link.predecessor);
        link.kind = match link.kind {
            LinkKind::StartToStart => LinkKind::FinishToFinish,
            LinkKind::FinishToFinish => LinkKind::StartToStart,
            same => same,
        };
        link.lag_calendar = match link.lag_calendar {
            schedule::LagCalendar::Predecessor => schedule::LagCalendar::Successor,
            schedule::LagCalendar::Successor => schedule::LagCalendar::Predecessor,
            same => same,
        };
    }
    mirror
}

fn without_deadlines(mut plan: Plan) -> Plan {
    plan.activities.iter_mut().for_each(|activity| activity.deadline = None);
    plan
}

fn any_plan(with_progress: bool) -> impl Strategy<Value = Plan> {
    prop::collection::vec(calendar(), 3).prop_flat_map(move |calendars| plan(calendars, with_progress))
}

fn ids(plan: &Plan) -> impl Iterator<Item = ActivityId> + use<> {
    (0..u32::try_from(plan.activities.len()).unwrap()).map(ActivityId)
}

#[derive(Debug, Clone)]
enum Change {
    Duration(usize, i64),
    Activity(usize, usize),
    Add(Link),
    Remove(usize),
    Relink(usize, usize),
    NewActivity(usize),
    Calendar(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let any = 0_usize..1_000;
    prop_oneof![
        (any.clone(), 0_i64..60).prop_map(|(at, minutes)| Change::Duration(at, minutes)),
        (any.clone(), any.clone()).prop_map(|(at, like)| Change::Activity(at, like)),
        link(12).prop_map(Change::Add),
        // Against the order that the plan was drawn in, so that the order must move.
        link(12).prop_map(|mut link| {
            (link.predecessor, link.successor) = (link.successor, link.predecessor);
            Change::Add(link)
        }),
        any.clone().prop_map(Change::Remove),
        (any.clone(), any.clone()).prop_map(|(at, like)| Change::Relink(at, like)),
        any.clone().prop_map(Change::NewActivity),
        (any.clone(), any).prop_map(|(at, like)| Change::Calendar(at, like)),
    ]
}

fn edit_of(change: &Change, plan: &Plan, donors: &Plan) -> Edit {
    let activity = |at: usize| ActivityId(u32::try_from(at % plan.activities.len()).unwrap());
    let link = |at: usize| LinkId(u32::try_from(at % plan.links.len().max(1)).unwrap());
    let donor = |at: usize| donors.activities[at % donors.activities.len()].clone();
    match *change {
        Change::Duration(at, minutes) => Edit::Duration(activity(at), Minutes(minutes)),
        Change::Activity(at, like) => Edit::Activity(activity(at), donor(like)),
        Change::Add(link) => Edit::AddLink(link),
        Change::Remove(at) => Edit::RemoveLink(link(at)),
        Change::Relink(at, like) => {
            let id = link(at);
            let old = plan.links.get(id.0 as usize).copied().flatten();
            let new = donors.links.get(like % donors.links.len().max(1)).copied().flatten();
            match (old, new) {
                (Some(old), Some(new)) => Edit::ChangeLink(id, Link { kind: new.kind, lag: new.lag, ..old }),
                _ => Edit::RemoveLink(id),
            }
        }
        Change::NewActivity(like) => Edit::AddActivity(donor(like)),
        Change::Calendar(at, like) => {
            let time = donors.calendars[like % 3].working_time().clone();
            Edit::Calendar(CalendarId(u32::try_from(at % 3).unwrap()), time)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_network_read_backwards_has_mirrored_dates(plan in any_plan(false)) {
        let plan = without_deadlines(plan);
        let Ok(forward) = Schedule::new(plan.clone(), Terms::from_start(START)) else { return Ok(()) };
        let backward = Schedule::new(mirrored(&plan), Terms::from_deadline(Moment(-START.0))).unwrap();
        prop_assert_eq!(backward.latest_start().0, -forward.finish().0);
        for id in ids(&plan) {
            let (there, back) = (forward.dates(id), backward.dates(id));
            prop_assert_eq!(there.early.start.0, -back.late.finish.0);
            prop_assert_eq!(there.early.finish.0, -back.late.start.0);
            prop_assert_eq!(there.late.start.0, -back.early.finish.0);
            prop_assert_eq!(there.late.finish.0, -back.early.start.0);
            prop_assert_eq!(forward.total_float(id), backward.total_float(id));
        }
    }

    #[test]
    fn scheduling_back_from_the_finish_gives_the_dates_of_scheduling_forth(plan in any_plan(false)) {
        let mut plan = without_deadlines(plan);
        // A bound that was imposed holds back even what must lie before it; one that follows from the passes does not.
        let is_pin = |c: &Constraint| matches!(c, Constraint::MustStart(_) | Constraint::MustFinish(_));
        plan.activities.iter_mut().for_each(|activity| activity.constraints.retain(|c| !is_pin(c)));
        let Ok(forward) = Schedule::new(plan.clone(), Terms::from_start(START)) else { return Ok(()) };
        let anchor = Anchor::Deadline { deadline: forward.finish().max(START), start: Some(START) };
        let backward = Schedule::new(plan.clone(), Terms::new(anchor)).unwrap();
        // With the same bounds at both ends, which pass came first is of no consequence.
        if forward.finish() >= START && backward.latest_start() <= START {
            for id in ids(&plan) {
                prop_assert_eq!(forward.dates(id), backward.dates(id));
            }
        }
    }

    #[test]
    fn without_upper_bounds_no_float_is_negative_and_something_is_critical(plan in any_plan(false)) {
        let mut plan = without_deadlines(plan);
        for activity in &mut plan.activities {
            activity.constraints.retain(|constraint| {
                matches!(constraint, Constraint::StartNoEarlier(_) | Constraint::FinishNoEarlier(_))
            });
        }
        let schedule = Schedule::new(plan.clone(), Terms::from_start(START)).unwrap();
        for id in ids(&plan) {
            let (total, free) = (schedule.total_float(id), schedule.free_float(id));
            prop_assert!(Minutes(0) <= free && free <= total, "activity {} has {:?} of {:?}", id, free, total);
        }
        prop_assert!(!schedule.critical(schedule::Critical::LongestPath).is_empty());
    }

    #[test]
    fn edits_give_the_dates_of_scheduling_anew(
        plan in any_plan(true),
        donors in any_plan(true),
        changes in prop::collection::vec(change(), 1..20),
        backward: bool,
        deadline: bool,
    ) {
        let end = Moment(START.0 + 9 * 1440);
        let anchor = match (backward, deadline) {
            (false, bounded) => Anchor::Start { start: START, deadline: bounded.then_some(end) },
            (true, bounded) => Anchor::Deadline { deadline: end, start: bounded.then_some(START) },
        };
        let mut terms = Terms::new(anchor);
        terms.status = Some(STATUS);
        let Ok(mut schedule) = Schedule::new(plan, terms) else { return Ok(()) };
        for change in &changes {
            let before = schedule.clone();
            let edit = edit_of(change, schedule.plan(), &donors);
            let was_refused = schedule.edit(edit).is_err();
            let anew = Schedule::new(schedule.plan().clone(), terms).unwrap();
            for id in ids(schedule.plan()) {
                prop_assert_eq!(schedule.dates(id), anew.dates(id), "activity {} after {:?}", id, change);
                if was_refused {
                    prop_assert_eq!(schedule.dates(id), before.dates(id));
                }
            }
            prop_assert_eq!(schedule.finish(), anew.finish());
            prop_assert_eq!(schedule.latest_start(), anew.latest_start());
        }
    }
}
