//! Random plans, small enough for the naive implementation to step through.

use std::collections::BTreeMap;

use base::Day;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use schedule::{
    Activity, ActivityId, Calendar, CalendarId, Constraint, LagCalendar, Link, LinkKind, Minutes, Moment,
    Plan, Progress, Remaining, Shift, WorkingTime,
};

/// Plans lie in the middle of these days, so that no date leaves them.
pub const DAYS: i32 = 80;
pub const START: Moment = Moment(30 * 1440);
pub const STATUS: Moment = Moment(33 * 1440 + 505);

/// Draws from a strategy with a fixed seed.
pub fn draw<T>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).expect("strategies here do not refuse").current()
}

/// Days with few working minutes keep the naive steps few; shifts may touch, cross midnight, or be absent.
fn shifts() -> impl Strategy<Value = Vec<Shift>> {
    let some =
        prop::collection::btree_set(prop_oneof![470_u16..520, 600_u16..640, Just(0), Just(1440)], 2..5)
            .prop_map(|edges| {
                let edges: Vec<u16> = edges.into_iter().collect();
                edges
                    .chunks_exact(2)
                    .map(|pair| Shift { from: pair[0], to: pair[1].min(pair[0] + 30) })
                    .collect()
            });
    prop_oneof![1 => Just(Vec::new()), 4 => some]
}

pub fn calendar() -> impl Strategy<Value = Calendar> {
    let week = prop::array::uniform7(shifts());
    let exceptions = prop::collection::btree_map(28_i32..50, shifts(), 0..5);
    (week, exceptions).prop_map(|(mut week, days)| {
        // Two working days a week keep plans within the days that are stepped through.
        for day in [1, 4] {
            if week[day].is_empty() {
                week[day] = vec![Shift { from: 480, to: 500 }, Shift { from: 500, to: 510 }];
            }
        }
        let exceptions: BTreeMap<Day, Vec<Shift>> = days.into_iter().map(|(d, s)| (Day(d), s)).collect();
        Calendar::new(WorkingTime { week, exceptions }).expect("two days are worked")
    })
}

fn moment() -> impl Strategy<Value = Moment> {
    (29_i64..45, prop_oneof![460_i64..530, 0_i64..1440]).prop_map(|(day, minute)| Moment(day * 1440 + minute))
}

fn constraint() -> impl Strategy<Value = Constraint> {
    (0..6, moment()).prop_map(|(kind, at)| match kind {
        0 => Constraint::StartNoEarlier(at),
        1 => Constraint::StartNoLater(at),
        2 => Constraint::FinishNoEarlier(at),
        3 => Constraint::FinishNoLater(at),
        4 => Constraint::MustStart(at),
        _ => Constraint::MustFinish(at),
    })
}

fn progress() -> impl Strategy<Value = Progress> {
    (0..3, -3_000_i64..0, 0_i64..2_000, 0_u8..=100, 0_i64..30).prop_map(
        |(kind, since, lasted, percent, left)| {
            let at = Moment(STATUS.0 + since);
            match kind {
                0 => Progress::Started { at, remaining: Remaining::Percent(percent) },
                1 => Progress::Started { at, remaining: Remaining::Time(Minutes(left)) },
                _ => Progress::Finished { start: at, finish: Moment(at.0 + lasted.min(-since)) },
            }
        },
    )
}

fn activity(with_progress: bool) -> impl Strategy<Value = Activity> {
    let duration = prop_oneof![1 => Just(0_i64), 4 => 1_i64..40];
    let constraints = prop_oneof![
        6 => Just(Vec::new()).boxed(),
        3 => prop::collection::vec(constraint(), 1).boxed(),
        1 => prop::collection::vec(constraint(), 2).boxed()
    ];
    let deadline = prop_oneof![6 => Just(None), 1 => moment().prop_map(Some)];
    let progress = if with_progress {
        prop_oneof![3 => Just(Progress::NotStarted), 2 => progress()].boxed()
    } else {
        Just(Progress::NotStarted).boxed()
    };
    (0_u32..3, duration, constraints, deadline, progress).prop_map(
        |(calendar, duration, constraints, deadline, progress)| {
            let mut activity = Activity::new(CalendarId(calendar), Minutes(duration));
            activity.constraints = constraints;
            activity.deadline = deadline;
            activity.progress = progress;
            activity
        },
    )
}

pub fn link(activities: u32) -> impl Strategy<Value = Link> {
    let lag = prop_oneof![4 => Just(0_i64), 3 => 1_i64..60, 2 => -60_i64..0];
    (0..activities, 0..activities, 0_usize..4, lag, 0_usize..4).prop_map(|(a, b, kind, lag, calendar)| Link {
        predecessor: ActivityId(a.min(b)),
        successor: ActivityId(a.max(b)),
        kind: [
            LinkKind::FinishToStart,
            LinkKind::StartToStart,
            LinkKind::FinishToFinish,
            LinkKind::StartToFinish,
        ][kind],
        lag: Minutes(lag),
        lag_calendar: [
            LagCalendar::Predecessor,
            LagCalendar::Successor,
            LagCalendar::Project,
            LagCalendar::Elapsed,
        ][calendar],
    })
}

/// Activities and links of a plan on these three calendars.
pub fn plan(calendars: Vec<Calendar>, with_progress: bool) -> impl Strategy<Value = Plan> {
    (2_u32..11).prop_flat_map(move |count| {
        let calendars = calendars.clone();
        let activities = prop::collection::vec(activity(with_progress), count as usize);
        let links = prop::collection::vec(link(count), 0..2 * count as usize);
        (activities, links).prop_map(move |(activities, links)| {
            let links = links.into_iter().filter(|link| link.predecessor != link.successor);
            Plan {
                calendars: calendars.clone(),
                calendar: CalendarId(0),
                activities,
                links: links.map(Some).collect(),
            }
        })
    })
}
