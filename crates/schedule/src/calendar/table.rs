use super::Shift;
use crate::moment::DAY_MINUTES;

/// Cumulative working minutes over a run of whole days, counted from its beginning.
#[derive(Debug, Clone)]
pub(super) struct Table {
    shifts: Vec<Run>,
    /// The first shift of each day, and the number of shifts after the last.
    first_of_day: Vec<u32>,
    /// The shift that holds the first minute of each bucket of `1 << bits` working minutes.
    shift_of_bucket: Vec<u32>,
    bits: u32,
    total: i64,
}

/// One shift: where it starts, and how many working minutes lie before it. A last one, after the end, holds the total.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: i64,
    before: i64,
}

impl Table {
    pub(super) fn new<'a>(days: impl Iterator<Item = &'a [Shift]>) -> Self {
        let mut shifts = Vec::new();
        let mut first_of_day = Vec::new();
        let mut total = 0;
        let count = |shifts: &Vec<Run>| u32::try_from(shifts.len()).unwrap_or(u32::MAX);
        let mut midnight = 0;
        for day in days {
            first_of_day.push(count(&shifts));
            for shift in day {
                shifts.push(Run { start: midnight + i64::from(shift.from), before: total });
                total += i64::from(shift.to - shift.from);
            }
            midnight += DAY_MINUTES;
        }
        first_of_day.push(count(&shifts));
        // A bucket about as long as a shift makes both the index and the steps within a bucket short.
        let mean = total.unsigned_abs().checked_div(shifts.len() as u64).unwrap_or(1).max(1);
        let bits = mean.ilog2();
        shifts.push(Run { start: midnight, before: total });
        let mut shift_of_bucket = Vec::new();
        let mut at: u32 = 0;
        let mut minute = 0;
        while minute < total {
            while shifts[at as usize + 1].before <= minute {
                at += 1;
            }
            shift_of_bucket.push(at);
            minute += 1 << bits;
        }
        Self { shifts, first_of_day, shift_of_bucket, bits, total }
    }

    #[inline]
    pub(super) fn total(&self) -> i64 {
        self.total
    }

    /// Working minutes before the offset `t`, which lies within the table.
    #[inline]
    pub(super) fn work(&self, t: i64) -> i64 {
        let day = usize::try_from(t / DAY_MINUTES).unwrap_or(0);
        let first = self.first_of_day[day] as usize;
        let last = self.first_of_day[day + 1] as usize;
        let mut at = last;
        // Days have one or two shifts: stepping back over them beats a search.
        while at > first && self.shifts[at - 1].start > t {
            at -= 1;
        }
        if at == first {
            return self.shifts[at].before;
        }
        let run = self.shifts[at - 1];
        (run.before + (t - run.start)).min(self.shifts[at].before)
    }

    /// The offset at which working minute `w` begins, `0 <= w < total`.
    #[inline]
    pub(super) fn begin(&self, w: i64) -> i64 {
        let bucket = usize::try_from(w >> self.bits).unwrap_or(0);
        let mut at = self.shift_of_bucket[bucket] as usize;
        while self.shifts[at + 1].before <= w {
            at += 1;
        }
        self.shifts[at].start + (w - self.shifts[at].before)
    }
}
