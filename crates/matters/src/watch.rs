use base::{ActorId, CityZone, Day, Time};

use crate::MatterError;
use crate::calendar::Calendar;
use crate::colour::{Assessment, Colour, RATIO_MAX_BP, Reason};
use crate::event::{Event, Move};
use crate::id::PostId;
use crate::input::{Facts, Input};
use crate::kinds::{Coloured, Escalated, REVIEW_OVERDUE, REVIEW_WORKDAYS};
use crate::ladder::Step;
use crate::matter::Matter;
use crate::phased::Phased;
use crate::rule::{ColourRule, Dimension};
use crate::state::State;
use crate::term::{DayUnit, Stop, running_days, running_workdays};

/// Days that are looked ahead, from a deadline that lies ahead: beyond every term.
const HORIZON_DAYS: i32 = 2 * 3_660;

/// The clock's view of matters: what should happen to one by itself, and when. It takes the time as an argument, so an
/// hour's silence and forty days' give the same entries.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    pub rule: &'a ColourRule,
    pub calendar: &'a Calendar,
    pub zone: &'a CityZone,
}

/// A matter on any day, as long as nobody moves it or reports anything.
struct Reading<'a> {
    watch: Watch<'a>,
    matter: &'a Matter,
    facts: &'a Facts,
    stops: Vec<Stop>,
    begun: Day,
    deadline: Option<Day>,
    provisional: bool,
}

impl Watch<'_> {
    /// The colour that the rule gives a matter on a day, with its explanation. A matter that is paused or closed is not
    /// given colours: it keeps, or has lost, its own.
    pub fn assess(&self, matter: &Matter, facts: &Facts, day: Day) -> Assessment {
        Reading::new(*self, matter, facts).assess(day)
    }

    /// What should have happened to a matter from `from` through `now`, in order, with the moment of each. `from` is the
    /// moment of the last look, or of what changed since: a move, a report, a calendar, a rule. Whatever changed works
    /// from then on and never changes the past: no step that fired is taken back or fires again.
    pub fn falls_due(
        &self,
        matter: &Matter,
        facts: &Facts,
        actor: &ActorId,
        from: Time,
        now: Time,
    ) -> Result<Vec<Move>, MatterError> {
        let mut matter = matter.clone();
        let mut moves = Vec::new();
        let mut from = from;
        while let Some((at, event)) = self.first(&matter, facts, from).filter(|(at, _)| *at <= now) {
            let step = Move { at, actor: actor.clone(), event };
            matter = matter.after(&step)?;
            moves.push(step);
            from = at;
        }
        Ok(moves)
    }

    /// The next moment, from `from` on, at which something changes by itself; none if nothing does for twenty years beyond the
    /// deadline. After [`Watch::falls_due`] it lies in the future, and until then the matter need not be looked at.
    pub fn next(&self, matter: &Matter, facts: &Facts, from: Time) -> Option<Time> {
        self.first(matter, facts, from).map(|(at, _)| at)
    }

    fn first(&self, matter: &Matter, facts: &Facts, from: Time) -> Option<(Time, Event)> {
        if matter.state.is_closed() {
            return matter.colour.is_some().then(|| (from, coloured(matter, from, None)));
        }
        if matter.is_paused() {
            return None;
        }
        let colour = self.first_colour(matter, facts, from);
        let step = self.first_step(matter, from);
        // A new colour goes first: it may be one in which the step does not fire.
        match (colour, step) {
            (Some(colour), Some(step)) if step.0 < colour.0 => Some(step),
            (Some(colour), _) => Some(colour),
            (None, step) => step,
        }
    }

    fn first_colour(&self, matter: &Matter, facts: &Facts, from: Time) -> Option<(Time, Event)> {
        let reading = Reading::new(*self, matter, facts);
        let today = self.zone.day_of(from);
        let now = reading.assess(today);
        if Some(now.colour) != matter.colour {
            return Some((from, coloured(matter, from, Some(now))));
        }
        let day = reading.next_colour_day(today)?;
        let at = self.zone.start_of(day);
        Some((at, coloured(matter, at, Some(reading.assess(day)))))
    }

    /// No step of the ladder fires while the reviewer has the matter: it is not the owner who keeps it then. What would have fired meanwhile
    /// does so when the matter is returned, whatever the hour: else whoever hands something in before each hour of the ladder
    /// would never hear from it.
    fn first_step(&self, matter: &Matter, from: Time) -> Option<(Time, Event)> {
        if matter.state == State::Submitted {
            return self.review_overdue(matter, from);
        }
        let stops = matter.stops(self.zone);
        let ladder = &self.rule.ladder;
        let handed_in =
            matter.submission.as_ref().filter(|_| matter.state == State::Returned).map(|it| it.at);
        let waiting = ladder.steps.iter().filter(|step| !matter.fired.contains(&step.level));
        let firing = waiting.filter_map(|step| {
            let since = match step.colour {
                Colour::Blue => None,
                Colour::Yellow => matter.yellow_since,
                Colour::Red => matter.red_since,
            };
            let since = since?;
            let fires = |from| ladder.fires(step, since, from, self.calendar, self.zone, &stops);
            let was_due = handed_in.is_some_and(|handed_in| fires(handed_in) < matter.moved);
            Some((if was_due { from } else { fires(from) }, step))
        });
        let (since, step) = firing.min_by_key(|(at, step)| (*at, step.level))?;
        Some((since, self.escalated(matter, step, since, &matter.owner)))
    }

    /// What was handed in waits for its reviewer, who answers for it meanwhile: once, at the hour of the ladder. Whoever reviews it
    /// from a handover on has as long from then.
    fn review_overdue(&self, matter: &Matter, from: Time) -> Option<(Time, Event)> {
        if matter.fired.contains(&REVIEW_OVERDUE) {
            return None;
        }
        let overdue = Step {
            level: REVIEW_OVERDUE,
            colour: Colour::Yellow,
            after: REVIEW_WORKDAYS,
            unit: DayUnit::Workdays,
            title_zh: "审核超期".into(),
            title_en: "review overdue".into(),
        };
        let since = matter.submission.as_ref()?.waits_since();
        let at = self.rule.ladder.fires(&overdue, since, from, self.calendar, self.zone, &[]);
        Some((at, self.escalated(matter, &overdue, at, &matter.reviewer)))
    }

    fn escalated(&self, matter: &Matter, step: &Step, since: Time, post: &PostId) -> Event {
        let escalated = Escalated {
            matter: matter.id.clone(),
            sort: matter.sort.clone(),
            level: step.level,
            since,
            post: post.clone(),
            title_zh: step.title_zh.clone(),
            title_en: step.title_en.clone(),
            rule: self.rule.name.clone(),
            rule_version: self.rule.version,
        };
        escalated.into()
    }
}

fn coloured(matter: &Matter, since: Time, assessment: Option<Assessment>) -> Event {
    let to = assessment.as_ref().map(|assessment| assessment.colour);
    let (id, sort) = (matter.id.clone(), matter.sort.clone());
    Coloured { matter: id, sort, from: matter.colour, to, since, assessment }.into()
}

impl<'a> Reading<'a> {
    fn new(watch: Watch<'a>, matter: &'a Matter, facts: &'a Facts) -> Self {
        let deadline = matter.deadline(watch.calendar, watch.zone);
        Self {
            watch,
            matter,
            facts,
            stops: matter.stops(watch.zone),
            begun: watch.zone.day_of(matter.begun),
            deadline: deadline.map(|answer| answer.value),
            provisional: deadline.is_some_and(|answer| answer.provisional),
        }
    }

    fn assess(&self, day: Day) -> Assessment {
        let day = self.effective_day(day);
        let reasons: Vec<Reason> =
            self.watch.rule.dimensions.iter().map(|dimension| self.reason(dimension, day)).collect();
        let is_known = |reason: &Reason| reason.value.is_some() || reason.colour.is_some();
        let colour = if reasons.iter().any(is_known) {
            let counting = reasons.iter().filter(|reason| !reason.excused);
            counting.filter_map(|reason| reason.colour).max().unwrap_or(Colour::Blue)
        } else {
            self.watch.rule.without_inputs
        };
        Assessment {
            colour,
            rule: self.watch.rule.name.clone(),
            rule_version: self.watch.rule.version,
            day,
            provisional: self.provisional,
            reasons,
        }
    }

    fn reason(&self, dimension: &Dimension, day: Day) -> Reason {
        let input = dimension.input;
        let value = self.value(input, day);
        let (colour, when) = dimension.colour(value);
        let excused = self
            .matter
            .excuses
            .iter()
            .any(|excuse| excuse.inputs.contains(&input) && excuse.from <= day && day <= excuse.until);
        Reason { input, value, when, colour, excused }
    }

    /// While the reviewer has it, the owner's clock stands at the day of submission.
    fn effective_day(&self, day: Day) -> Day {
        match &self.matter.submission {
            Some(submission) if self.matter.state == State::Submitted => {
                day.min(self.watch.zone.day_of(submission.at))
            }
            _ => day,
        }
    }

    /// The first day after `today` on which the colour differs from today's.
    fn next_colour_day(&self, today: Day) -> Option<Day> {
        if self.matter.state == State::Submitted {
            return None;
        }
        let colour = self.assess(today).colour;
        let mut day = today;
        loop {
            day = self.next_turn(day)?;
            if self.assess(day).colour != colour {
                return Some(day);
            }
        }
    }

    /// The first day after `day` on which any condition or excuse turns. An input moves one way only, so a condition
    /// turns at most once, and a search by halves finds the day.
    fn next_turn(&self, day: Day) -> Option<Day> {
        let end = self.deadline.map_or(day, |deadline| deadline.max(day)).plus(HORIZON_DAYS).min(Day::LAST);
        let conditions = self
            .watch
            .rule
            .dimensions
            .iter()
            .flat_map(|dimension| dimension.bands.iter().map(|band| (dimension.input, band.when)));
        let turns = conditions.filter_map(|(input, when)| {
            let holds = |day| self.value(input, day).is_some_and(|value| when.holds(value));
            let now = holds(day);
            if holds(end) == now {
                return None;
            }
            let (mut before, mut after) = (day, end);
            while before.plus(1) < after {
                let middle = before.plus((after.0 - before.0) / 2);
                if holds(middle) == now { before = middle } else { after = middle }
            }
            Some(after)
        });
        let excuses = self.matter.excuses.iter().flat_map(|excuse| [excuse.from, excuse.until.plus(1)]);
        turns.chain(excuses.filter(|turn| *turn > day)).min()
    }

    fn value(&self, input: Input, day: Day) -> Option<i64> {
        let facts = self.facts;
        let calendar = self.watch.calendar;
        let ratio = |done: Option<i64>, plan: &Option<Phased>| Some(ratio_bp(done?, plan.as_ref()?.at(day)));
        match input {
            Input::DaysToDeadline => Some(i64::from(self.deadline?.0 - day.0)),
            Input::WorkdaysToDeadline => Some(calendar.workdays_between(day, self.deadline?).value),
            Input::DaysOverdue => {
                let deadline = self.deadline?;
                Some(if day > deadline { running_days(deadline, day, &self.stops) } else { 0 })
            }
            Input::WorkdaysOverdue => {
                let deadline = self.deadline?;
                Some(if day > deadline { running_workdays(deadline, day, calendar, &self.stops) } else { 0 })
            }
            Input::ProgressMinusPlanBp => {
                Some(facts.progress_bp?.saturating_sub(facts.planned_progress_bp.as_ref()?.at(day)))
            }
            Input::NegativeFloatDays => Some(i64::from((facts.forecast_finish?.0 - self.deadline?.0).max(0))),
            Input::FloatConsumedMinusTimeBp => {
                Some(facts.float_consumed_bp?.saturating_sub(self.time_bp(day)?))
            }
            Input::OpenBlockers => facts.open_blockers.map(i64::from),
            Input::OverduePermits => {
                let late = facts.permits_due.as_ref()?.iter().filter(|due| **due < day).count();
                Some(i64::try_from(late).unwrap_or(i64::MAX))
            }
            Input::MonthsWithoutStart => {
                let planned = facts.planned_start?;
                let late = facts.started.is_none() && day > planned;
                Some(if late { month(day) - month(planned.plus(1)) + 1 } else { 0 })
            }
            Input::MonthsWithoutStatistics => {
                let started = facts.started?;
                let missing = !facts.is_in_statistics? && day > started;
                Some(if missing { begun_months(started, day) } else { 0 })
            }
            Input::PaidToRequiredBp => ratio(facts.paid.map(|fen| fen.0), &facts.required_fen),
            Input::InvestedToPlannedBp => ratio(facts.invested.map(|fen| fen.0), &facts.planned_fen),
            Input::DaysSinceReport => {
                let last = facts.reported.unwrap_or_else(|| self.watch.zone.day_of(self.matter.moved));
                Some(i64::from((day.0 - last.0).max(0)))
            }
        }
    }

    /// The share of the time from the beginning to the deadline that has elapsed.
    fn time_bp(&self, day: Day) -> Option<i64> {
        let whole = i64::from(self.deadline?.0 - self.begun.0).max(1);
        let elapsed = i64::from(day.0 - self.begun.0).clamp(0, whole);
        Some(elapsed * 10_000 / whole)
    }
}

/// Nothing asked for is more than fulfilled.
fn ratio_bp(done: i64, plan: i64) -> i64 {
    if plan == 0 {
        return RATIO_MAX_BP;
    }
    let ratio = i128::from(done) * 10_000 / i128::from(plan);
    i64::try_from(ratio.clamp(0, i128::from(RATIO_MAX_BP))).expect("clamped to a small range")
}

fn month(day: Day) -> i64 {
    let (year, month, _) = day.civil();
    year * 12 + month
}

/// Months since a day, begun ones among them: 1 through the same day of the next month, then 2.
fn begun_months(since: Day, day: Day) -> i64 {
    let ((_, _, first), (_, _, last)) = (since.civil(), day.civil());
    month(day) - month(since) + i64::from(last > first)
}
