use std::collections::HashMap;

use super::Shift;

const DAY: u32 = 1440;

/// Cumulative working minutes over a run of whole days, counted from its beginning.
///
/// Days with the same shifts share them, so that a table of years stays in the processor's nearest cache; and there are
/// seldom more than three, so that a count becomes a moment, and a moment a count, mostly without a branch.
#[derive(Debug, Clone)]
pub(super) struct Table {
    days: Vec<Counted>,
    kinds: Vec<Kind>,
    /// Fourth and later shifts.
    more: Vec<Part>,
    /// The days with work, in order; then the end of the table, three times.
    worked: Vec<Worked>,
    /// The place in `worked` of the day that holds the first minute of each bucket of `1 << bits` working minutes.
    worked_of_bucket: Vec<u32>,
    bits: u32,
    total: u32,
}

/// A day: how many working minutes lie before it.
#[derive(Debug, Clone, Copy)]
struct Counted {
    before: u32,
    kind: u32,
}

/// A day with work, by its number.
#[derive(Debug, Clone, Copy)]
struct Worked {
    before: u32,
    day: u32,
    kind: u32,
}

/// The shifts of a day.
#[derive(Debug, Clone, Copy)]
struct Kind {
    parts: [Part; PARTS],
    minutes: u32,
    more_from: u32,
    more_to: u32,
}

const PARTS: usize = 3;

/// A shift, with how long the break before it is, and how many minutes of the day's work lie before it.
#[derive(Debug, Clone, Copy)]
struct Part {
    from: u16,
    minutes: u16,
    pause: u16,
    before: u16,
}

impl Part {
    const NONE: Self = Self { from: 0, minutes: 0, pause: 0, before: 0 };

    /// How many of its minutes lie before a minute of the day.
    #[inline(always)]
    fn gone(self, minute: u32) -> u32 {
        minute.saturating_sub(self.from.into()).min(self.minutes.into())
    }

    /// The break before it, if the day's working minute `w` lies after that.
    #[inline(always)]
    fn paused(self, w: u32) -> u32 {
        if w >= self.before.into() { self.pause.into() } else { 0 }
    }
}

impl Table {
    pub(super) fn new<'a>(days: impl Iterator<Item = &'a [Shift]>) -> Self {
        let mut table = Self {
            days: Vec::new(),
            kinds: Vec::new(),
            more: Vec::new(),
            worked: Vec::new(),
            worked_of_bucket: Vec::new(),
            bits: 0,
            total: 0,
        };
        let mut known = HashMap::new();
        for (day, shifts) in (0..).zip(days) {
            let kind = *known.entry(shifts).or_insert_with(|| table.kind(shifts));
            let before = table.total;
            table.days.push(Counted { before, kind });
            if !shifts.is_empty() {
                table.worked.push(Worked { before, day, kind });
                table.total += table.kinds[kind as usize].minutes;
            }
        }
        // A bucket not longer than a day mostly spans two days at most.
        let mean = table.total.checked_div(count(&table.worked)).unwrap_or(1).max(1);
        table.bits = mean.ilog2();
        let end = Worked { before: table.total, day: count(&table.days), kind: 0 };
        table.worked.extend([end, end, end]);
        let mut at = 0;
        for minute in (0..table.total).step_by(1 << table.bits) {
            while table.worked[at as usize + 1].before <= minute {
                at += 1;
            }
            table.worked_of_bucket.push(at);
        }
        table
    }

    /// Adds a kind of day.
    fn kind(&mut self, shifts: &[Shift]) -> u32 {
        let (mut before, mut end) = (0, 0);
        let mut parts = [Part::NONE; PARTS];
        let more_from = count(&self.more);
        for (at, &Shift { from, to }) in shifts.iter().enumerate() {
            let part = Part { from, minutes: to - from, pause: from - end, before };
            match parts.get_mut(at) {
                Some(place) => *place = part,
                None => self.more.push(part),
            }
            before += to - from;
            end = to;
        }
        self.kinds.push(Kind { parts, minutes: before.into(), more_from, more_to: count(&self.more) });
        count(&self.kinds) - 1
    }

    pub(super) fn total(&self) -> i64 {
        self.total.into()
    }

    /// Working minutes before the offset `t`, which lies within the table.
    #[inline]
    pub(super) fn work(&self, t: u32) -> u32 {
        let (day, minute) = (&self.days[(t / DAY) as usize], t % DAY);
        day.before + self.gone(&self.kinds[day.kind as usize], minute)
    }

    /// The offset at which working minute `w` begins, if it lies within the table.
    #[inline]
    pub(super) fn begin(&self, w: u32) -> Option<u32> {
        let at = *self.worked_of_bucket.get((w >> self.bits) as usize)? as usize;
        let near = self.worked.get(at..at + 3)?;
        let day = if near[2].before > w {
            near[usize::from(near[1].before <= w)]
        } else {
            self.worked_later(at + 2, w)?
        };
        Some(day.day * DAY + self.minute(&self.kinds[day.kind as usize], w - day.before))
    }

    /// The last of the worked days from one on that begins at or before working minute `w`.
    #[cold]
    fn worked_later(&self, mut at: usize, w: u32) -> Option<Worked> {
        while self.worked.get(at + 1)?.before <= w {
            at += 1;
        }
        self.worked.get(at).copied()
    }

    /// Where `rest` minutes of work that begin at `t` or later begin and end, if they lie within the table.
    #[inline]
    pub(super) fn forth(&self, t: u32, rest: u32) -> Option<(u32, u32)> {
        let (number, minute) = (t / DAY, t % DAY);
        let day = &self.days[number as usize];
        let kind = &self.kinds[day.kind as usize];
        let gone = self.gone(kind, minute);
        let w = day.before + gone;
        let end = self.begin(w + rest - 1)? + 1;
        let begin = if gone < kind.minutes { number * DAY + self.minute(kind, gone) } else { self.begin(w)? };
        Some((begin, end))
    }

    /// Where `rest` minutes of work that end at `t` or before begin and end, if they lie within the table.
    #[inline]
    pub(super) fn back(&self, t: u32, rest: u32) -> Option<(u32, u32)> {
        let (number, minute) = (t / DAY, t % DAY);
        let day = &self.days[number as usize];
        let kind = &self.kinds[day.kind as usize];
        let gone = self.gone(kind, minute);
        let w = day.before + gone;
        let begin = self.begin(w.checked_sub(rest)?)?;
        let last = if gone > 0 { number * DAY + self.minute(kind, gone - 1) } else { self.begin(w - 1)? };
        Some((begin, last + 1))
    }

    /// How much of a day's work lies before a minute of it.
    #[inline(always)]
    fn gone(&self, kind: &Kind, minute: u32) -> u32 {
        let [a, b, c] = kind.parts;
        let gone = a.gone(minute) + b.gone(minute) + c.gone(minute);
        if kind.more_from == kind.more_to { gone } else { gone + self.gone_of_more(kind, minute) }
    }

    /// The minute of a day at which its working minute `w` begins.
    #[inline(always)]
    fn minute(&self, kind: &Kind, w: u32) -> u32 {
        let [a, b, c] = kind.parts;
        let minute = w + a.paused(w) + b.paused(w) + c.paused(w);
        if kind.more_from == kind.more_to { minute } else { minute + self.paused_by_more(kind, w) }
    }

    #[cold]
    fn gone_of_more(&self, kind: &Kind, minute: u32) -> u32 {
        self.more(kind).iter().map(|part| part.gone(minute)).sum()
    }

    #[cold]
    fn paused_by_more(&self, kind: &Kind, w: u32) -> u32 {
        self.more(kind).iter().map(|part| part.paused(w)).sum()
    }

    fn more(&self, kind: &Kind) -> &[Part] {
        &self.more[kind.more_from as usize..kind.more_to as usize]
    }
}

/// A table spans two hundred years at most, and so does what it counts.
fn count<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}
