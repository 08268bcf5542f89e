use std::time::{SystemTime, UNIX_EPOCH};

use base::Time;

use crate::Counters;
use crate::dice::Dice;

const HOUR_MS: i64 = 3_600_000;
/// 2020-01-01T00:00:00Z in seconds.
const COUNTING_FROM_S: i64 = 1_577_836_800;
const COUNTERS_PER_S: i64 = 4;

/// The machine's clock, which the simulation takes for the true one.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_millis()).expect("milliseconds since 1970 fit 63 bits"))
}

/// A scale's clock, which runs wrong by its own measure and is set from the server's answers.
#[derive(Debug)]
pub(crate) struct Timepiece {
    error_ms: i64,
    set_at: Time,
    drift_ms_per_hour: i64,
}

impl Timepiece {
    pub fn switched_on(dice: &mut Dice, drift_ms_max: u32, now: Time) -> Self {
        let (error_ms, drift_ms_per_hour) = (dice.around_zero(drift_ms_max), dice.around_zero(drift_ms_max));
        Self { error_ms, set_at: now, drift_ms_per_hour }
    }

    pub fn reading(&self, now: Time) -> Time {
        now.plus_ms(self.error_ms + now.since_ms(self.set_at) * self.drift_ms_per_hour / HOUR_MS)
    }

    /// Sets the clock, and tells by how many milliseconds.
    pub fn set(&mut self, right: Time, now: Time) -> i64 {
        let correction = right.since_ms(self.reading(now));
        self.error_ms = right.since_ms(now);
        self.set_at = now;
        correction
    }
}

/// The numbers that one scale gives its sales.
#[derive(Debug)]
pub(crate) struct Counter {
    next: Option<u32>,
    follows_clock: bool,
}

impl Counter {
    pub fn new(counters: Counters, now: Time) -> Self {
        match counters {
            Counters::From(first) => Self { next: Some(first), follows_clock: false },
            // The second that has begun may be an earlier run's.
            Counters::FromClock => Self { next: first_of(now.plus_ms(1000)), follows_clock: true },
        }
    }

    /// The next number; none while the clock has not come to it, and none for ever once they are used up.
    pub fn take(&mut self, now: Time) -> Option<u32> {
        let taken = self.next?;
        if self.follows_clock && first_of(now.plus_ms(1000)).is_none_or(|ahead| taken >= ahead) {
            return None;
        }
        self.next = taken.checked_add(1);
        Some(taken)
    }

    /// The number after the last one taken.
    pub fn next(&self) -> u32 {
        self.next.unwrap_or(u32::MAX)
    }
}

/// The first number of the second that a moment lies in.
fn first_of(time: Time) -> Option<u32> {
    u32::try_from((time.0.div_euclid(1000) - COUNTING_FROM_S) * COUNTERS_PER_S).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time(1_791_201_600_250);

    #[test]
    fn runs_one_after_another_never_share_a_counter() {
        let mut used = std::collections::HashSet::new();
        let mut now = NOON;
        for _ in 0..20 {
            // A run of 700 ms that sells as much as it may.
            let mut counter = Counter::new(Counters::FromClock, now);
            for _ in 0..70 {
                now = now.plus_ms(10);
                while let Some(taken) = counter.take(now) {
                    assert!(used.insert(taken), "{taken} was used twice");
                }
            }
        }
        assert!(used.len() > 20, "{}", used.len());
    }

    #[test]
    fn given_counters_run_to_the_last_and_stop() {
        let mut counter = Counter::new(Counters::From(u32::MAX - 1), NOON);
        assert_eq!(
            [counter.take(NOON), counter.take(NOON), counter.take(NOON)],
            [Some(u32::MAX - 1), Some(u32::MAX), None]
        );
    }

    #[test]
    fn a_clock_that_was_set_is_right_and_then_goes_wrong_again() {
        let mut dice = Dice::new(3, "clock");
        let mut clock = Timepiece::switched_on(&mut dice, 60_000, NOON);
        let error = clock.reading(NOON).since_ms(NOON);
        assert!(error != 0 && error.abs() <= 60_000);
        assert_eq!(clock.set(NOON, NOON), -error);
        assert_eq!(clock.reading(NOON), NOON);
        let later = clock.reading(NOON.plus_ms(HOUR_MS)).since_ms(NOON.plus_ms(HOUR_MS));
        assert!(later != 0 && later.abs() <= 60_000);
        assert_eq!(
            Timepiece::switched_on(&mut dice, 0, NOON).reading(NOON.plus_ms(HOUR_MS)),
            NOON.plus_ms(HOUR_MS)
        );
    }
}
