use std::collections::BTreeMap;

use base::Day;
use schedule::{
    Activity, ActivityId, Calendar, CalendarId, Constraint, LagCalendar, Link, LinkKind, Minutes, Moment,
    Plan, Shift, WorkingTime,
};

/// 2026-01-05, a Monday.
pub const START: Moment = Moment(20_458 * 1440);

/// Chains that meet: every activity follows ones up to 500 before it, as the work of one site follows its own. Calendars
/// are drawn for each activity, so that most links join two.
pub fn plan(activities: u32, links: u32, random: &mut Random) -> Plan {
    let mut plan = Plan::new(calendar(office(6), random));
    plan.calendar(calendar(office(5), random));
    plan.calendar(calendar(WorkingTime::elapsed(), random));
    plan.calendar(calendar(two_shifts(), random));
    for _ in 0..activities {
        let calendar = CalendarId(random.below(4));
        let duration = if random.below(20) == 0 { 0 } else { 60 + random.below(20) * 60 };
        let mut activity = Activity::new(calendar, Minutes(i64::from(duration)));
        if random.below(25) == 0 {
            let at = Moment(START.0 + i64::from(random.below(500_000)));
            activity.constraints.push(match random.below(4) {
                0 => Constraint::StartNoEarlier(at),
                1 => Constraint::StartNoLater(at),
                2 => Constraint::FinishNoEarlier(at),
                _ => Constraint::FinishNoLater(at),
            });
        }
        plan.push(activity);
    }
    for _ in 0..links {
        let successor = 1 + random.below(activities - 1);
        let predecessor = successor - 1 - random.below(successor.min(500));
        let kind = match random.below(10) {
            0 => LinkKind::StartToStart,
            1 => LinkKind::FinishToFinish,
            2 => LinkKind::StartToFinish,
            _ => LinkKind::FinishToStart,
        };
        let lag = if random.below(3) == 0 { i64::from(random.below(1440)) - 480 } else { 0 };
        let lag_calendar = match random.below(3) {
            0 => LagCalendar::Successor,
            1 => LagCalendar::Elapsed,
            _ => LagCalendar::Predecessor,
        };
        let (predecessor, successor) = (ActivityId(predecessor), ActivityId(successor));
        plan.link(Link { predecessor, successor, kind, lag: Minutes(lag), lag_calendar });
    }
    plan
}

fn office(days: usize) -> WorkingTime {
    let mut time = WorkingTime::office();
    let shifts = time.week[0].clone();
    time.week.iter_mut().take(days).for_each(|day| day.clone_from(&shifts));
    time
}

fn two_shifts() -> WorkingTime {
    let day =
        || vec![Shift { from: 0, to: 120 }, Shift { from: 360, to: 720 }, Shift { from: 840, to: 1440 }];
    WorkingTime { week: std::array::from_fn(|_| day()), exceptions: BTreeMap::new() }
}

/// With some thirty holidays and make-up days a year over ten years.
fn calendar(mut time: WorkingTime, random: &mut Random) -> Calendar {
    for _ in 0..300 {
        let day = Day(20_458 + i32::try_from(random.below(3_650)).expect("it is below 3,650"));
        time = if random.below(4) == 0 { time.with_workday(day) } else { time.with_holidays(day, day) };
    }
    Calendar::new(time).expect("most days are worked")
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        u32::try_from(((x >> 32) * u64::from(bound)) >> 32).unwrap_or(0)
    }
}
