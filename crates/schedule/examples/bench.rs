//! How long both passes and an edit take, and how that grows. One core, fixed seed:
//! `cargo run --release -p schedule --example bench`.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base::Day;
use schedule::{
    Activity, ActivityId, Calendar, CalendarId, Constraint, Critical, Edit, LagCalendar, Link, LinkKind,
    Minutes, Moment, Plan, Schedule, Shift, Terms, WorkingTime,
};

/// 2026-01-05, a Monday.
const START: Moment = Moment(20_458 * 1440);

fn main() {
    println!(
        "{:>10} {:>9} {:>10} {:>12} {:>12} {:>12} {:>8} {:>14} {:>8}",
        "activities",
        "links",
        "new plan",
        "both passes",
        "ns/activity",
        "edit, mean",
        "reached",
        "edit of finish",
        "reached"
    );
    for activities in [10_000, 50_000, 100_000, 200_000, 500_000, 1_000_000] {
        measure(activities);
        if activities == 50_000 {
            println!("peak resident set at 50,000: {}", peak_memory());
        }
    }
    println!("peak resident set at 1,000,000: {}", peak_memory());
}

fn measure(activities: u32) {
    let mut random = Random(20_260_209);
    let plan = plan(activities, 2 * activities, &mut random);
    let links = plan.links.len();
    let terms = Terms::from_start(START);
    let clock = Clock::start();
    let mut schedule = Schedule::new(plan, terms).expect("the plan is sound");
    let anew = clock.each(1);

    let rounds = 4_000_000 / activities;
    let clock = Clock::start();
    for _ in 0..rounds {
        schedule.set_terms(terms).expect("the terms are sound");
    }
    let passes = clock.each(rounds);

    let edits: Vec<Edit> = (0..400)
        .map(|_| {
            let id = ActivityId(random.below(activities));
            Edit::Duration(id, Minutes(i64::from(60 + random.below(20) * 60)))
        })
        .collect();
    let mut reached = 0;
    let clock = Clock::start();
    for edit in edits {
        let reach = schedule.edit(edit).expect("the edit is sound");
        reached += reach.early + reach.late;
    }
    let mean = clock.each(400);

    // The last of the longest path moves the finish of the project, and with it late dates throughout.
    let id = *schedule.critical(Critical::LongestPath).last().expect("something finishes last");
    let duration = schedule.plan().activities[id.0 as usize].duration;
    let durations = [Minutes(duration.0 + 600), duration];
    let mut reached_by_finish = 0;
    let clock = Clock::start();
    for duration in durations.into_iter().cycle().take(100) {
        let reach = schedule.edit(Edit::Duration(id, duration)).expect("the edit is sound");
        reached_by_finish += reach.early + reach.late;
    }
    let of_finish = clock.each(100);
    println!(
        "{activities:>10} {links:>9} {anew:>10.1?} {passes:>12.2?} {:>12} {mean:>12.2?} {:>8} {of_finish:>14.2?} {:>8}",
        passes.as_nanos() / u128::from(activities),
        reached / 400,
        reached_by_finish / 100,
    );
}

/// Time on the processor where the system tells it, so that what else runs there counts little; else time on the wall.
struct Clock {
    wall: Instant,
    processor: Option<u64>,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), processor: on_processor() }
    }

    fn each(&self, rounds: u32) -> Duration {
        let spent = match (self.processor, on_processor()) {
            (Some(then), Some(now)) => Duration::from_nanos(now - then),
            _ => self.wall.elapsed(),
        };
        spent / rounds
    }
}

fn on_processor() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Chains that meet: every activity follows ones up to 500 before it, as the work of one site follows its own.
fn plan(activities: u32, links: u32, random: &mut Random) -> Plan {
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

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "not known here".to_owned(), |line| line.trim().to_owned())
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        u32::try_from(((x >> 32) * u64::from(bound)) >> 32).unwrap_or(0)
    }
}
