use std::collections::HashMap;

use super::Shift;

const DAY: u32 = 1440;
/// A table has about so many slots of two to the `bits` minutes at most, and so many for each of its days, which bounds its memory
/// and the time in which it is made.
const SLOTS_MAX: u32 = 1 << 17;
const SLOTS_OF_DAY_MAX: u32 = 8;

/// Cumulative working minutes over a run of whole days, counted from its beginning.
///
/// Days with the same shifts share them, and have seldom more than three, so that a moment becomes a count mostly without
/// a branch. A count becomes a moment by the slot it lies in, which seldom holds more than one break.
#[derive(Debug, Clone)]
pub(super) struct Table {
    days: Vec<Counted>,
    kinds: Vec<Kind>,
    /// The shifts of one kind of day after those of another.
    parts: Vec<Part>,
    /// Working minutes, `1 << bits` at a time.
    slots: Vec<Slot>,
    bits: u32,
    total: u32,
}

/// A day: how many working minutes lie before it.
#[derive(Debug, Clone, Copy)]
struct Counted {
    before: u32,
    kind: u32,
}

/// The shifts of a day.
#[derive(Debug, Clone, Copy)]
struct Kind {
    first: [Part; FIRST],
    /// All of them, and those after the first.
    parts: (u32, u32),
    later: (u32, u32),
}

const FIRST: usize = 3;

/// A shift of a day.
#[derive(Debug, Clone, Copy)]
struct Part {
    from: u16,
    minutes: u16,
}

impl Part {
    const NONE: Self = Self { from: 0, minutes: 0 };

    /// How many of its minutes lie before a minute of the day.
    #[inline(always)]
    fn gone(self, minute: u32) -> u32 {
        minute.saturating_sub(self.from.into()).min(self.minutes.into())
    }
}

/// Working minutes that follow each other: where the first begins, and the break that those from `after` on lie behind.
#[derive(Debug, Clone, Copy)]
struct Slot {
    from: u32,
    after: u32,
    pause: u32,
}

impl Slot {
    /// It holds more than one break, or does not lie wholly within the table.
    const OPEN: Self = Self { from: 0, after: 0, pause: u32::MAX };
}

impl Table {
    pub(super) fn new<'a>(days: impl Iterator<Item = &'a [Shift]>) -> Self {
        let mut table = Self {
            days: Vec::new(),
            kinds: Vec::new(),
            parts: Vec::new(),
            slots: Vec::new(),
            bits: 0,
            total: 0,
        };
        let mut known = HashMap::new();
        for shifts in days {
            let kind = *known.entry(shifts).or_insert_with(|| table.kind(shifts));
            table.days.push(Counted { before: table.total, kind });
            table.total += shifts.iter().map(|shift| u32::from(shift.to - shift.from)).sum::<u32>();
        }
        // A slot no longer than the shortest shift holds one break at most.
        let shortest = table.parts.iter().map(|part| u32::from(part.minutes)).min().unwrap_or(1);
        let most = SLOTS_MAX.min(count(&table.days).saturating_mul(SLOTS_OF_DAY_MAX)).max(1);
        table.bits = shortest.max(table.total / most).max(1).ilog2();
        let size = 1 << table.bits;
        table.slots =
            (0..table.total).step_by(size).map(|first| table.slot(first).unwrap_or(Slot::OPEN)).collect();
        table
    }

    /// Adds a kind of day.
    fn kind(&mut self, shifts: &[Shift]) -> u32 {
        let from = count(&self.parts);
        self.parts.extend(shifts.iter().map(|&Shift { from, to }| Part { from, minutes: to - from }));
        let to = count(&self.parts);
        let mut first = [Part::NONE; FIRST];
        first.iter_mut().zip(&self.parts[from as usize..]).for_each(|(place, part)| *place = *part);
        let later = (to.min(from + count(&first)), to);
        self.kinds.push(Kind { first, parts: (from, to), later });
        count(&self.kinds) - 1
    }

    /// The slot whose first minute is given, unless it is an open one.
    fn slot(&self, first: u32) -> Option<Slot> {
        let size = 1 << self.bits;
        if self.total - first < size {
            return None;
        }
        let (from, after) = self.locate(first)?;
        if after >= size {
            return Some(Slot { from, after, pause: 0 });
        }
        let (next, minutes) = self.locate(first + after)?;
        (after + minutes >= size).then_some(Slot { from, after, pause: next - from - after })
    }

    pub(super) fn total(&self) -> i64 {
        self.total.into()
    }

    /// Working minutes before the offset `t`, which lies within the table.
    #[inline]
    pub(super) fn work(&self, t: u32) -> u32 {
        let (day, minute) = (&self.days[(t / DAY) as usize], t % DAY);
        let kind = &self.kinds[day.kind as usize];
        let [a, b, c] = kind.first;
        let gone = day.before + a.gone(minute) + b.gone(minute) + c.gone(minute);
        if kind.later.0 == kind.later.1 { gone } else { gone + self.gone_later(kind, minute) }
    }

    #[cold]
    fn gone_later(&self, kind: &Kind, minute: u32) -> u32 {
        self.those(kind.later).iter().map(|part| part.gone(minute)).sum()
    }

    fn those(&self, (from, to): (u32, u32)) -> &[Part] {
        &self.parts[from as usize..to as usize]
    }

    /// The offset at which working minute `w` begins, if it lies within the table.
    #[inline]
    pub(super) fn begin(&self, w: u32) -> Option<u32> {
        let slot = self.slots.get((w >> self.bits) as usize)?;
        if slot.pause == Slot::OPEN.pause {
            return self.locate(w).map(|(from, _)| from);
        }
        let minute = w & ((1 << self.bits) - 1);
        Some(slot.from + minute + if minute < slot.after { 0 } else { slot.pause })
    }

    /// The same without the slots, and how many minutes of the shift begin there or later.
    #[cold]
    fn locate(&self, w: u32) -> Option<(u32, u32)> {
        if w >= self.total {
            return None;
        }
        // The last day before whose end it lies: days without work have the same count as the one after them.
        let number = self.days.partition_point(|day| day.before <= w).checked_sub(1)?;
        let day = self.days[number];
        let mut left = w - day.before;
        for part in self.those(self.kinds[day.kind as usize].parts) {
            let minutes = u32::from(part.minutes);
            if left < minutes {
                let midnight = u32::try_from(number).ok()? * DAY;
                return Some((midnight + u32::from(part.from) + left, minutes - left));
            }
            left -= minutes;
        }
        None
    }
}

/// A table spans two hundred years at most, and so does what it counts.
fn count<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}
