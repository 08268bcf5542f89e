//! What a plan says once it is reckoned through: dates, floats, what is forecast, and what is earned.

use std::collections::HashMap;

use base::{CityZone, Day, Fen, Time};
use matters::{Between, Phased, Point};
use schedule::{
    ActivityId, Anchor, Critical, EarnedValue, Edit, Minutes, Moment, Progress, Remaining, Schedule,
    ScheduleError, Span, Terms, Work,
};
use schedule_formats::Document;

use super::clock::Clock;
use super::explain::PlanError;
use super::model::Model;
use super::years;
use crate::facts::phased;

/// A report on one activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityReport {
    pub activity: String,
    pub percent_bp: Option<i64>,
    /// Calendar days that it will still take.
    pub remaining_days: Option<i64>,
    pub at: Time,
}

/// Dates that were frozen, by the codes of activities, and what each of these counts for: whoever changes the plan since changes
/// nothing of how much is to be done by when, nor of how much is. When that will be finished, and the float it leaves, is the
/// team's own forecast, by the durations and links of the plan as it stands; what is not done yet stays in that plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frozen {
    pub spans: HashMap<String, Span>,
    pub finish: Option<Moment>,
    /// What each counts for, and how much of it was done then, in ten-thousandths.
    pub weights: HashMap<String, (i64, i64)>,
}

impl Frozen {
    /// The activities that it judges by: what is reported of them counts, whether or not the plan still has them.
    pub fn codes(frozen: Option<&Self>) -> impl Iterator<Item = &str> {
        frozen.into_iter().flat_map(|frozen| frozen.weights.keys().map(String::as_str))
    }

    /// What all activities count for together; nothing if none does.
    fn whole(&self) -> Option<i128> {
        Some(self.weights.values().map(|(weight, _)| i128::from(*weight)).sum()).filter(|whole| *whole > 0)
    }

    /// How much of the whole is done, in hundredths of a per cent, by what was done when it was frozen and reported since: whatever
    /// else the plan says of it.
    fn progress_bp(&self, reports: &[ActivityReport], whole: i128) -> i64 {
        let done = self.reported(reports);
        let each = self.weights.iter().map(|(code, (weight, then))| {
            i128::from(*weight) * i128::from(done.get(code.as_str()).copied().unwrap_or(*then))
        });
        i64::try_from(each.sum::<i128>() / whole).unwrap_or(WHOLE_BP)
    }

    /// How much is done of each activity of which something was reported.
    fn reported<'r>(&self, reports: &'r [ActivityReport]) -> HashMap<&'r str, i64> {
        let mut done = HashMap::new();
        for report in reports {
            let left = report.remaining_days.zip(self.spans.get(&report.activity)).map(|(days, span)| {
                let length = (span.finish.0 - span.start.0).max(1);
                let left = days.saturating_mul(DAY_MINUTES).clamp(0, length);
                share_bp(length - left, length)
            });
            let told = match (report.percent_bp, left) {
                (Some(whole @ WHOLE_BP..), _) => Some(whole.min(WHOLE_BP)),
                (percent, left) => left.or(percent),
            };
            if let Some(told) = told {
                done.insert(report.activity.as_str(), told.clamp(0, WHOLE_BP));
            }
        }
        done
    }

    /// The first activity, by its code, that a plan is to have no longer though it is not said to be done; that no days remain says
    /// so of no more than the day.
    pub fn taken_out(&self, reports: &[ActivityReport], before: &Model, after: &Model) -> Option<&str> {
        let told = |code: &str| reports.iter().rfind(|report| report.activity == code);
        let is_left = |code: &str, then: i64| {
            told(code).map_or(then, |report| report.percent_bp.unwrap_or_default()) < WHOLE_BP
        };
        let each = self.weights.iter().map(|(code, (_, then))| (code.as_str(), *then));
        let gone = each.filter(|(code, _)| before.find(code).is_some() && after.find(code).is_none());
        gone.filter(|(code, then)| is_left(code, *then)).map(|(code, _)| code).min()
    }

    /// How much of the whole is to be done at a moment, in hundredths of a per cent: of each activity by the time that has gone
    /// of it, so that no calendar of the plan counts.
    fn planned_bp(&self, status: Moment, whole: i128) -> i64 {
        let each = self.spans.iter().map(|(code, span)| {
            let weight = i128::from(self.weights.get(code).map_or(0, |(weight, _)| *weight));
            let (gone, length) = (status.0 - span.start.0, span.finish.0 - span.start.0);
            match length {
                ..=0 => weight * i128::from(i64::from(status >= span.finish)),
                _ => weight * i128::from(gone.clamp(0, length)) / i128::from(length),
            }
        });
        i64::try_from(each.sum::<i128>() * i128::from(WHOLE_BP) / whole).unwrap_or(WHOLE_BP)
    }

    /// The same from the first start to the last finish, a week apart or more.
    fn phased(&self) -> Option<Phased> {
        let whole = self.whole()?;
        let first = written(self.spans.values().map(|span| span.start).min()?.day());
        let last = self.spans.values().map(|span| span.finish).max()?.closing_day().max(first);
        let mut points = vec![Point { day: first.plus(-1), amount: 0 }];
        points.extend(days_between(first, last).into_iter().map(|day| {
            let amount = self.planned_bp(Clock::end_of(day), whole);
            Point { day, amount }
        }));
        phased(Between::Line, points)
    }
}

/// The days of a curve: each where there are few, else a week apart or more, and the last. None lies in a year that is not
/// written, wherever the plan ends.
fn days_between(first: Day, last: Day) -> Vec<Day> {
    let (first, last) = (written(first), written(last));
    let length = i64::from(last.0) - i64::from(first.0);
    let step = length / POINTS_MAX + 1;
    let step = if length > 60 { step.max(7) } else { step };
    let mut days: Vec<Day> = (first.0..last.0).step_by(usize::try_from(step).unwrap_or(7)).map(Day).collect();
    days.push(last);
    days
}

/// The day itself, or the nearest of the years that are written.
fn written(day: Day) -> Day {
    day.clamp(Day::FIRST, Day::LAST)
}

/// A part of a whole in hundredths of a per cent, however long both are.
fn share_bp(part: i64, whole: i64) -> i64 {
    let share = i128::from(part) * i128::from(WHOLE_BP) / i128::from(whole);
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// A plan with its dates.
#[derive(Debug, Clone)]
pub struct Outlook {
    pub document: Document,
    pub schedule: Schedule,
    /// Dates to work by.
    pub planned: Vec<Span>,
    /// Dates by which progress is judged: the baseline's, or those of the plan itself.
    pub baseline: Vec<Span>,
    pub frozen: Option<Frozen>,
    pub critical: Vec<bool>,
    /// What each activity is to cost.
    pub budgets: Vec<Fen>,
    /// Work physically done of each, in ten-thousandths.
    pub done: Vec<u16>,
    /// Activities whose constraints bind nothing, since they contradict each other by what was reported.
    pub unbound: Vec<ActivityId>,
    /// How much is done by the baseline, in hundredths of a per cent.
    pub judged_bp: Option<i64>,
}

/// Everything that an outlook follows from.
pub struct Known<'a> {
    pub model: &'a Model,
    /// In the order of their times; those that others have made up for may be left out.
    pub reports: &'a [ActivityReport],
    pub frozen: Option<Frozen>,
    /// The deadline of the project, and what it is to cost.
    pub finish: Day,
    pub total: Fen,
    pub zone: &'a CityZone,
}

impl Known<'_> {
    /// The plan with what was reported, and how it is scheduled.
    fn put_together(&self) -> Result<(Document, Terms), PlanError> {
        let mut document = self.model.document()?;
        let status = progress(&mut document, self.reports, self.zone);
        Ok((document, self.model.terms(self.finish, status)))
    }
}

/// All of it, in hundredths of a per cent.
pub const WHOLE_BP: i64 = 10_000;
const DAY_MINUTES: i64 = 1_440;
/// Points of a curve at most.
const POINTS_MAX: i64 = 390;

impl Outlook {
    /// A plan as somebody wants it to be.
    pub fn of(known: Known<'_>) -> Result<Self, PlanError> {
        let (document, terms) = known.put_together()?;
        let schedule = Schedule::new(document.plan.clone(), terms).map_err(PlanError::Schedule)?;
        Ok(Self::through(known, document, schedule, Vec::new()))
    }

    /// A plan as things stand, which must be reckoned with whatever was reported and however its project's deadline was
    /// moved: constraints that came to contradict each other by that bind nothing, nor does a deadline before the start. It may
    /// end in a year that nobody writes: [`Outlook::need_years`] comes before what shows its dates.
    pub fn standing(known: Known<'_>) -> Result<Self, PlanError> {
        let (document, terms) = known.put_together()?;
        let mut plan = document.plan.clone();
        let unbound = plan.contradictions();
        for id in &unbound {
            plan.activities[id.0 as usize].constraints.clear();
        }
        let schedule = Schedule::new(plan.clone(), terms).or_else(|_| {
            let anchor = Anchor::Start { start: known.model.start.0, deadline: None };
            Schedule::new(plan, Terms { anchor, ..terms })
        });
        let schedule = schedule.map_err(PlanError::Schedule)?;
        Ok(Self::through(known, document, schedule, unbound))
    }

    fn through(known: Known<'_>, document: Document, schedule: Schedule, unbound: Vec<ActivityId>) -> Self {
        let planned = schedule.planned();
        let mut critical = vec![false; planned.len()];
        let path = schedule.critical(Critical::LongestPath).into_iter();
        for id in path.chain(schedule.critical(Critical::Float(Minutes(0)))) {
            critical[id.0 as usize] = true;
        }
        let kept = |(label, span): (&schedule_formats::Label, &Span)| {
            let then = known.frozen.as_ref().and_then(|frozen| frozen.spans.get(&label.code));
            then.copied().unwrap_or(*span)
        };
        let baseline = document.labels.iter().zip(&planned).map(kept).collect();
        let budgets = budgets(&document, known.total);
        let done = document.plan.activities.iter().map(done).collect();
        let (frozen, reports) = (known.frozen, known.reports);
        let judged_bp = frozen.as_ref().and_then(|it| Some(it.progress_bp(reports, it.whole()?)));
        Self { schedule, planned, baseline, frozen, critical, budgets, done, unbound, document, judged_bp }
    }

    /// Refuses a plan of which a date cannot be written.
    pub fn need_years(&self) -> Result<(), PlanError> {
        years::check(&self.document, &self.schedule, &self.planned)?;
        let mut baseline = self.document.labels.iter().zip(&self.baseline);
        baseline.try_for_each(|(label, span)| years::check_spans(&label.code, [*span]))
    }

    /// When everything is finished as things stand.
    pub fn finish(&self) -> Moment {
        self.planned
            .iter()
            .map(|span| span.finish)
            .max()
            .unwrap_or(self.schedule.finish())
            .max(self.schedule.finish())
    }

    /// The day on which everything is finished as things stand, or the last that is written.
    pub fn forecast(&self) -> Day {
        written(self.finish().closing_day())
    }

    /// What the project is by the end of a day, as far as work is reported.
    pub fn earned(&self, day: Day, actual: Fen) -> EarnedValue {
        let status = Clock::end_of(day);
        let parts = (0..self.budgets.len()).map(|at| self.part(at, status));
        EarnedValue { actual, ..parts.sum() }
    }

    fn part(&self, at: usize, status: Moment) -> EarnedValue {
        let plan = &self.document.plan;
        let calendar = &plan.calendars[plan.activities[at].calendar.0 as usize];
        let work = Work {
            budget: self.budgets[at],
            baseline: self.baseline[at],
            done: self.done[at],
            actual_cost: Fen(0),
        };
        EarnedValue::of(&work, calendar, status)
    }

    /// The days that curves are drawn over: from the first start to the last finish.
    pub fn days(&self) -> (Day, Day) {
        let spans = || self.baseline.iter().chain(&self.planned);
        let first = spans().map(|span| span.start).min().map_or(Day(0), Moment::day);
        let last = spans().map(|span| span.finish).max().map_or(Day(0), Moment::closing_day);
        (written(first), written(last.max(first)))
    }

    /// The planned value at the end of days that lie a week apart, or more where the plan is long.
    pub fn planned_value(&self) -> Vec<(Day, Fen)> {
        let (first, last) = self.days();
        let days = days_between(first, last);
        // An activity is reckoned with on the days that it takes; on those after them it counts whole.
        let mut planned = vec![Fen(0); days.len()];
        let mut finished = planned.clone();
        for (at, span) in self.baseline.iter().enumerate() {
            let begun = days.partition_point(|day| Clock::end_of(*day) <= span.start);
            let done = days.partition_point(|day| Clock::end_of(*day) < span.finish);
            for point in begun..done {
                planned[point] += self.part(at, Clock::end_of(days[point])).planned;
            }
            if let Some(sum) = finished.get_mut(done) {
                *sum += self.budgets[at];
            }
        }
        let mut before = Fen(0);
        let sums = planned.into_iter().zip(finished).map(|(part, whole)| {
            before += whole;
            before + part
        });
        days.iter().copied().zip(sums).collect()
    }

    /// The time-phased plan (序时进度) in hundredths of a per cent: the baseline's, if there is one.
    pub fn phased(&self) -> Option<Phased> {
        if let Some(phased) = self.frozen.as_ref().and_then(Frozen::phased) {
            return Some(phased);
        }
        let whole = self.budgets.iter().copied().sum::<Fen>().0.max(1);
        let share = |fen: Fen| i64::try_from(i128::from(fen.0) * i128::from(WHOLE_BP) / i128::from(whole));
        let mut points = vec![Point { day: self.days().0.plus(-1), amount: 0 }];
        for (day, fen) in self.planned_value() {
            points.push(Point { day, amount: share(fen).unwrap_or(WHOLE_BP) });
        }
        phased(Between::Line, points)
    }

    /// How much of the whole is done, in hundredths of a per cent: of the baseline's activities, by what they counted for then and
    /// what was reported of them, if there is one.
    pub fn progress_bp(&self) -> i64 {
        if let Some(progress) = self.judged_bp {
            return progress;
        }
        let value = self.earned(self.days().1, Fen(0));
        let (earned, whole) = (i128::from(value.earned.0), i128::from(value.budget.0.max(1)));
        i64::try_from(earned * i128::from(WHOLE_BP) / whole).unwrap_or(WHOLE_BP)
    }

    /// How much of the margin that the baseline left before the deadline is used up, in hundredths of a per cent;
    /// nothing is known where it left none.
    pub fn float_consumed_bp(&self) -> Option<i64> {
        let deadline = self.deadline()?;
        // By the time that lies between, so that no calendar of the plan counts.
        let at_first = deadline.0 - self.frozen.as_ref()?.finish?.0;
        let left = deadline.0 - self.finish().0;
        (at_first > 0).then(|| share_bp(at_first - left, at_first).max(0))
    }

    pub fn deadline(&self) -> Option<Moment> {
        match self.schedule.terms().anchor {
            Anchor::Start { deadline, .. } => deadline,
            Anchor::Deadline { deadline, .. } => Some(deadline),
        }
    }

    pub fn find(&self, code: &str) -> Option<ActivityId> {
        let at = self.document.labels.iter().position(|label| label.code == code)?;
        u32::try_from(at).ok().map(ActivityId)
    }

    /// What it costs if the rest of an activity cannot be done before a moment.
    pub fn held(&self, id: ActivityId, until: Moment) -> Result<Held, ScheduleError> {
        let at = id.0 as usize;
        let activity = &self.schedule.plan().activities[at];
        let calendar = &self.document.plan.calendars[activity.calendar.0 as usize];
        let bound = match activity.progress {
            Progress::NotStarted => schedule::Constraint::StartNoEarlier(until),
            Progress::Started { .. } => {
                schedule::Constraint::FinishNoEarlier(calendar.add(until, activity.remaining()))
            }
            Progress::Finished { .. } => return Ok(Held::default()),
        };
        let mut constraints = activity.constraints.clone();
        constraints.push(bound);
        let mut then = self.schedule.clone();
        // What must lie where it lies cannot wait, and what may not start later is late: both show without it.
        if then.edit(Edit::Constraints(id, constraints)).is_err() {
            return Ok(Held::default());
        }
        let (before, after) = (self.schedule.dates(id).early.finish, then.dates(id).early.finish);
        let project = &self.document.plan.calendars[self.document.plan.calendar.0 as usize];
        Ok(Held {
            float: self.schedule.total_float(id),
            consumed: calendar.between(before, after),
            finish_moves: project.between(self.schedule.finish(), then.finish()),
        })
    }
}

/// What a blocker holds up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// What the activity has before the deadline, without the blocker.
    pub float: Minutes,
    /// How much later it is done.
    pub consumed: Minutes,
    /// How much later the project is finished, in its calendar.
    pub finish_moves: Minutes,
}

/// Puts what was reported over what the file knew; the data date is the time of the last report.
fn progress(document: &mut Document, reports: &[ActivityReport], zone: &CityZone) -> Option<Moment> {
    let ids: HashMap<String, usize> =
        document.labels.iter().enumerate().map(|(at, label)| (label.code.clone(), at)).collect();
    let mut status = None;
    for report in reports {
        let Some(&at) = ids.get(&report.activity) else { continue };
        let now = Clock::of(report.at, zone);
        status = status.max(Some(now));
        let plan = &mut document.plan;
        // A plan with a calendar that is not there is refused as soon as it is scheduled.
        let Some(calendar) = plan.calendars.get(plan.activities[at].calendar.0 as usize) else { continue };
        let begun = match plan.activities[at].progress {
            Progress::NotStarted => now,
            Progress::Started { at, .. } => at,
            Progress::Finished { start, .. } => start,
        };
        let remaining = match report.remaining_days {
            Some(days) => {
                let until = Clock::end_of(now.day().plus(i32::try_from(days).unwrap_or(i32::MAX) - 1));
                Some(Remaining::Time(calendar.between(now, until.max(now))))
            }
            None => report.percent_bp.map(|bp| Remaining::Percent(u8::try_from(bp / 100).unwrap_or(100))),
        };
        plan.activities[at].progress = match (report.percent_bp, remaining) {
            (Some(WHOLE_BP..), _) => Progress::Finished { start: begun.min(now), finish: now },
            (Some(0), None | Some(Remaining::Percent(_))) => Progress::NotStarted,
            (_, Some(remaining)) => Progress::Started { at: begun.min(now), remaining },
            (_, None) => continue,
        };
    }
    status
}

/// Work done, in ten-thousandths; what is nearly done is not done.
pub(super) fn done(activity: &schedule::Activity) -> u16 {
    let (whole, left) = (activity.duration.0, activity.remaining().0);
    let part = match activity.progress {
        Progress::NotStarted => 0,
        Progress::Finished { .. } => WHOLE_BP,
        Progress::Started { remaining: Remaining::Percent(percent), .. } => i64::from(percent) * 100,
        Progress::Started { .. } => ((whole - left).max(0) * WHOLE_BP).checked_div(whole).unwrap_or(0),
    };
    u16::try_from(part).unwrap_or(10_000)
}

/// What activities cost by the plan; where it says nothing, the project's sum goes by working time.
fn budgets(document: &Document, total: Fen) -> Vec<Fen> {
    if document.labels.iter().any(|label| label.budget.is_some()) {
        return document.labels.iter().map(|label| label.budget.unwrap_or_default()).collect();
    }
    let minutes: Vec<i128> = document.plan.activities.iter().map(|it| i128::from(it.duration.0)).collect();
    let whole: i128 = minutes.iter().sum::<i128>().max(1);
    let mut gone = 0;
    let mut given = 0;
    let each = minutes.iter().map(|minutes| {
        gone += minutes;
        let until = i128::from(total.0) * gone / whole;
        let own = until - given;
        given = until;
        Fen(i64::try_from(own).unwrap_or(0))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use base::CityZone;
    use schedule::WorkingTime;

    use super::super::Model;
    use super::super::import::read;
    use super::*;

    fn outlook(table: &str, reports: &[ActivityReport]) -> Outlook {
        reckoned(table, reports, "2030-12-31", Outlook::of).unwrap()
    }

    fn reckoned(
        table: &str,
        reports: &[ActivityReport],
        finish: &str,
        of: fn(Known<'_>) -> Result<Outlook, PlanError>,
    ) -> Result<Outlook, PlanError> {
        let start = Moment::at(Day::parse("2026-03-16").unwrap(), 480);
        let import = read(table.as_bytes(), None, WorkingTime::office(), start).unwrap();
        let model = Model::of(&import.document, start);
        let zone = CityZone::named("Asia/Shanghai").unwrap();
        let finish = Day::parse(finish).unwrap();
        of(Known { model: &model, reports, frozen: None, finish, total: Fen(1_000_001), zone: &zone })
    }

    #[test]
    fn a_deadline_that_no_plan_can_have_does_not_count() {
        let table = "code,name,duration,predecessors\nA,某工序,3d,\n";
        let usual = reckoned(table, &[], "2026-12-31", Outlook::standing).unwrap();
        for finish in ["2026-03-01", "9999-12-31"] {
            let error = reckoned(table, &[], finish, Outlook::of).unwrap_err();
            assert!(matches!(error, PlanError::Schedule(_)), "{error}");
            let outlook = reckoned(table, &[], finish, Outlook::standing).unwrap();
            assert_eq!((outlook.deadline(), &outlook.planned), (None, &usual.planned), "{finish}");
        }
    }

    #[test]
    fn the_curve_is_what_each_of_its_days_says_alone() {
        let mut chains = String::from("code,name,duration,predecessors\n");
        for number in 0..60 {
            let before =
                if number % 20 == 0 { String::new() } else { format!("{} SS+{}d", number - 1, number % 7) };
            chains.push_str(&format!("{number},某工序,{}d,{before}\n", number % 13));
        }
        let one = "code,name,duration,predecessors\nA,某工序,3d,\n";
        let milestone = "code,name,duration,predecessors\nA,开工,0d,\n";
        let late = "code,name,duration,predecessors\nA,某工序,400d,\nB,某工序,900d,A\nC,竣工,0d,B\n";
        for table in [chains.as_str(), one, milestone, late] {
            let outlook = outlook(table, &[]);
            let curve = outlook.planned_value();
            assert!(curve.last().unwrap().1 == outlook.budgets.iter().copied().sum(), "{table}");
            for (day, planned) in curve {
                assert_eq!(planned, outlook.earned(day, Fen(0)).planned, "{day} of {table}");
            }
        }
    }

    #[test]
    fn what_a_project_is_judged_by_stays_as_it_was_frozen_whatever_its_team_makes_of_the_plan() {
        let head = "code,name,duration,predecessors,budget (CNY)\n";
        let plan = |rows: &str| {
            let start = Moment::at(Day::parse("2026-03-16").unwrap(), 480);
            let import =
                read(format!("{head}{rows}").as_bytes(), None, WorkingTime::office(), start).unwrap();
            Model::of(&import.document, start)
        };
        let finish = Day::parse("2030-12-31").unwrap();
        let first = plan("A,a,10d,,100\nB,b,90d,A,900\n");
        let frozen = first.frozen(finish).unwrap();
        let reports = [ActivityReport {
            activity: "A".into(),
            at: Time::parse("2026-03-27T17:00:00+08:00").unwrap(),
            percent_bp: Some(10_000),
            remaining_days: None,
        }];
        let zone = CityZone::named("Asia/Shanghai").unwrap();
        let judged = |model: &Model, frozen: Option<&Frozen>| {
            let (frozen, total) = (frozen.cloned(), Fen(1_000));
            let known = Known { model, reports: &reports, frozen, finish, total, zone: &zone };
            let outlook = Outlook::of(known).unwrap();
            let planned = outlook.phased().unwrap();
            let at = |day: &str| planned.at(Day::parse(day).unwrap());
            (outlook.progress_bp(), [at("2026-03-20"), at("2026-06-30"), at("2027-01-01")])
        };
        let as_frozen = judged(&first, Some(&frozen));
        assert_eq!((as_frozen.0, as_frozen.1[2]), (1_000, 10_000));
        assert!((4_000..8_000).contains(&as_frozen.1[1]), "{as_frozen:?}");
        // What is done made the whole, what is not done made nothing, and put off.
        for rows in [
            "A,a,10d,,100\nB,b,90d,A,0\n",
            "A,a,10d,,1000000\nB,b,900d,A,1\n",
            "A,a,10d,,100\n",
            "A,a,10d,,\nC,c,90d,A,\n",
        ] {
            let changed = plan(rows);
            assert_eq!(judged(&changed, Some(&frozen)), as_frozen, "{rows}");
            assert_ne!(judged(&changed, None), as_frozen, "{rows}");
        }
        // Nor does what its calendars leave of the days before the deadline.
        let consumed = |model: &Model| {
            let frozen = Some(frozen.clone());
            let late = Day::parse("2026-12-31").unwrap();
            let known =
                Known { model, reports: &reports, frozen, finish: late, total: Fen(1_000), zone: &zone };
            Outlook::of(known).unwrap().float_consumed_bp()
        };
        let later = plan("A,a,10d,,100\nB,b,120d,A,900\n");
        let mut idle = later.clone();
        let mut off = idle.calendars[0].clone();
        let end = frozen.finish.unwrap().day().plus(60);
        off.exceptions.push(super::super::kinds::Exception {
            from: end,
            to: end.plus(60),
            shifts: Vec::new(),
        });
        idle.calendars.push(off);
        idle.calendar = idle.calendars.len() - 1;
        assert!(consumed(&later).unwrap() > 1_000);
        assert_eq!(consumed(&idle), consumed(&later));
        // Nor do other names, nor what it says of itself that nobody reported, nor how long it is to take.
        assert_eq!(judged(&plan("A-2,a,10d,,100\nB-2,b,90d,A-2,900\n"), Some(&frozen)), as_frozen);
        let mut told = first.clone();
        let mut parts = told.parts().to_vec();
        parts[0][1].started = Some(Clock(Moment::at(Day::parse("2026-03-16").unwrap(), 480)));
        parts[0][1].finished = Some(Clock(Moment::at(Day::parse("2026-03-17").unwrap(), 480)));
        told = told.with_parts(parts);
        assert_eq!(judged(&told, Some(&frozen)), as_frozen);
        let last = ActivityReport {
            activity: "B".into(),
            percent_bp: None,
            remaining_days: Some(60),
            ..reports[0].clone()
        };
        let left = |model: &Model| {
            let reports = [reports[0].clone(), last.clone()];
            let (frozen, total) = (Some(frozen.clone()), Fen(1_000));
            Outlook::of(Known { model, reports: &reports, frozen, finish, total, zone: &zone })
                .unwrap()
                .progress_bp()
        };
        assert!((4_000..7_000).contains(&left(&first)), "{}", left(&first));
        assert_eq!(left(&plan("A,a,10d,,100\nB,b,9000d,A,900\n")), left(&first));
    }
}
