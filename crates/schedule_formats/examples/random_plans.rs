//! Writes random plans with their dates as Microsoft Project XML, for other schedulers to check:
//! `cargo run -p schedule_formats --example random_plans -- FOLDER COUNT`.
#![allow(clippy::print_stdout, reason = "it says what it wrote")]

use std::path::PathBuf;

use base::Day;
use schedule::{
    Activity, Calendar, CalendarId, Constraint, LagCalendar, Link, LinkKind, Minutes, Moment, Plan, Schedule,
    Terms, WorkingTime,
};
use schedule_formats::{Document, mspdi};

/// 2026-02-02, a Monday, at 8:00.
const START: Moment = Moment(20_486 * 1440 + 480);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("a folder is missing")?);
    let count: u64 = arguments.next().ok_or("a count is missing")?.parse()?;
    std::fs::create_dir_all(&folder)?;
    for number in 0..count {
        let mut random = Random(number);
        let plan = plan(&mut random, number)?;
        let Ok(schedule) = Schedule::new(plan.clone(), Terms::from_start(START)) else { continue };
        let document = Document::new(format!("plan {number}"), plan);
        std::fs::write(folder.join(format!("{number:05}.xml")), mspdi::write(&document, &schedule))?;
    }
    println!("wrote {count} plans to {}", folder.display());
    Ok(())
}

/// The plans grow richer with their number: plain links, then lags, then constraints, then a second calendar.
fn plan(random: &mut Random, number: u64) -> Result<Plan, Box<dyn std::error::Error>> {
    let day = |number: i32| Day(20_486 + number);
    let time =
        WorkingTime::office().with_holidays(day(13), day(21)).with_workday(day(12)).with_workday(day(26));
    let mut six_days = time.clone();
    six_days.week[5] = six_days.week[4].clone();
    let mut plan = Plan::new(Calendar::new(time)?);
    plan.calendar(Calendar::new(six_days)?);
    let richness = number % 4;
    let count = 5 + random.below(20);
    for _ in 0..count {
        let calendar = CalendarId(if richness == 3 { u32::try_from(random.below(2))? } else { 0 });
        let hours = if random.below(10) == 0 { 0 } else { 1 + random.below(40) };
        let mut activity = Activity::new(calendar, Minutes(60 * hours));
        if richness >= 2 && random.below(6) == 0 {
            // Mornings, when work begins whatever the constraint bounds.
            let at = Moment(START.0 + 1440 * (7 * random.below(5) + random.below(5)));
            activity.constraints.push(match random.below(4) {
                0 => Constraint::StartNoEarlier(at),
                1 => Constraint::FinishNoEarlier(Moment(at.0 + 540)),
                2 => Constraint::StartNoLater(at),
                _ => Constraint::FinishNoLater(Moment(at.0 + 540)),
            });
        }
        plan.push(activity);
    }
    for successor in 1..count {
        for _ in 0..random.below(3) {
            let predecessor = random.below(successor);
            let kind = match if number % 8 < 4 { 9 } else { random.below(8) } {
                0 => LinkKind::StartToStart,
                1 => LinkKind::FinishToFinish,
                2 => LinkKind::StartToFinish,
                _ => LinkKind::FinishToStart,
            };
            let lag =
                if richness >= 1 { 60 * [0, 0, 4, 12, -3][usize::try_from(random.below(5))?] } else { 0 };
            let [predecessor, successor] =
                [predecessor, successor].map(|id| schedule::ActivityId(u32::try_from(id).unwrap_or(0)));
            let is_double = plan
                .links
                .iter()
                .flatten()
                .any(|link| (link.predecessor, link.successor) == (predecessor, successor));
            if !is_double {
                let lag_calendar = LagCalendar::Successor;
                plan.link(Link { predecessor, successor, kind, lag: Minutes(lag), lag_calendar });
            }
        }
    }
    Ok(plan)
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        i64::try_from(x >> 33).unwrap_or(0) % bound.max(1)
    }
}
