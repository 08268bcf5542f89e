use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use schedule::{ActivityId, Anchor, Moment, OutOfSequence, Plan, Schedule, ScheduleError, Terms};

use crate::naive::{Minutely, Naive};
use crate::networks::{START, STATUS, calendar, draw, plan};

fn runner() -> TestRunner {
    TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn terms(number: usize, with_progress: bool) -> Terms {
    let deadline = Moment(START.0 + 9 * 1440 + 490);
    let anchor = match number % 4 {
        0 => Anchor::Start { start: START, deadline: None },
        1 => Anchor::Start { start: START, deadline: Some(deadline) },
        2 => Anchor::Deadline { deadline, start: None },
        _ => Anchor::Deadline { deadline, start: Some(START) },
    };
    let out_of_sequence =
        if number % 8 < 4 { OutOfSequence::RetainedLogic } else { OutOfSequence::ProgressOverride };
    Terms { anchor, status: with_progress.then_some(STATUS), out_of_sequence }
}

/// Compares both implementations on a plan; false if it says nothing because a constraint contradicts another or a
/// date leaves the days that are stepped through.
fn agrees(plan: &Plan, terms: Terms, minutely: &[Minutely], elapsed: &Minutely) -> bool {
    let schedule = match Schedule::new(plan.clone(), terms) {
        Err(ScheduleError::ContradictoryConstraints { .. }) => return false,
        other => other.unwrap(),
    };
    let Some(naive) = Naive::new(plan, terms, minutely, elapsed).schedule() else { return false };
    for (at, (early, late)) in naive.into_iter().enumerate() {
        let dates = schedule.dates(ActivityId(u32::try_from(at).unwrap()));
        let found = [dates.early.start, dates.early.finish, dates.late.start, dates.late.finish].map(|m| m.0);
        assert_eq!(
            found,
            [early.0, early.1, late.0, late.1],
            "activity {at} under {terms:?}\n{:#?}\n{:#?}",
            plan.activities,
            plan.links
        );
    }
    true
}

fn compare(count: usize, with_progress: bool) {
    let mut runner = runner();
    let elapsed = Minutely::elapsed();
    let (mut compared, mut number) = (0, 0);
    while compared < count {
        let calendars = draw(&mut runner, &prop::collection::vec(calendar(), 3));
        let minutely: Vec<Minutely> = calendars.iter().map(Minutely::new).collect();
        let plans = plan(calendars, with_progress);
        for _ in 0..50 {
            let plan = draw(&mut runner, &plans);
            compared += usize::from(agrees(&plan, terms(number, with_progress), &minutely, &elapsed));
            number += 1;
        }
        assert!(number < 4 * count + 200, "only {compared} of {number} plans said anything");
    }
}

#[test]
fn ten_thousand_random_networks_get_the_dates_that_stepping_finds() {
    compare(10_000, false);
}

#[test]
fn five_thousand_networks_with_progress_get_the_dates_that_stepping_finds() {
    compare(5_000, true);
}
