//! A plan in memory, between what entries say, what files hold, and what the schedule engine reckons with.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use base::Day;
use schedule::{
    Activity, ActivityId, Anchor, Calendar, CalendarId, Constraint, LagCalendar, Link, LinkKind, Minutes,
    Moment, Plan, Progress, Remaining, Schedule, Shift, Terms, Wish, WorkingTime,
};
use schedule_formats::{Document, Label};

use super::change::ChangeError;
use super::clock::{Clock, ShiftText};
use super::explain::PlanError;
use super::kinds::{After, Bound, Exception, Kind, LagIn, Placed, PlanActivity, PlanCalendar};
use super::outlook::{Frozen, done};

/// A project's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub name: String,
    pub start: Clock,
    pub status: Option<Clock>,
    pub deadline: Option<Day>,
    pub backward: bool,
    pub calendars: Vec<PlanCalendar>,
    pub calendar: usize,
    /// Activities, as their entries hold them.
    parts: Vec<Vec<PlanActivity>>,
    places: HashMap<String, (usize, usize)>,
    /// Parts that are no longer as they were read.
    touched: BTreeSet<usize>,
}

/// Bytes of the activities of one part, well below what an entry holds.
const PART_BYTES_MAX: usize = 36 * 1024;

impl Model {
    pub fn activities(&self) -> impl Iterator<Item = &PlanActivity> {
        self.parts.iter().flatten()
    }

    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.activities().map(|activity| activity.code.as_str())
    }

    pub fn count(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    pub fn links(&self) -> usize {
        self.activities().map(|activity| activity.after.len()).sum()
    }

    pub fn parts(&self) -> &[Vec<PlanActivity>] {
        &self.parts
    }

    /// How many entries it would be taken over by, and the bytes of the largest of its activities.
    pub fn extent(&self) -> (usize, usize) {
        let (mut entries, mut filled, mut largest) = (0, PART_BYTES_MAX, 0);
        for own in self.activities().map(bytes) {
            if filled + own > PART_BYTES_MAX {
                (entries, filled) = (entries + 1, 0);
            }
            filled += own;
            largest = largest.max(own);
        }
        (entries, largest)
    }

    /// The parts that changes have touched.
    pub fn touched(&self) -> impl Iterator<Item = (usize, &[PlanActivity])> {
        self.touched.iter().map(|&part| (part, self.parts[part].as_slice()))
    }

    /// With these activities.
    #[must_use]
    pub fn with_parts(mut self, parts: Vec<Vec<PlanActivity>>) -> Self {
        self.parts = parts;
        self.find_places();
        self
    }

    fn find_places(&mut self) {
        let each = self.parts.iter().enumerate();
        let each = each.flat_map(|(part, all)| all.iter().enumerate().map(move |(at, it)| (part, at, it)));
        self.places = each.map(|(part, at, it)| (it.code.clone(), (part, at))).collect();
    }

    /// Refuses a plan two of whose activities have one code, in whatever parts: reports, links and baselines name them by it.
    pub fn need_codes(&self) -> Result<(), PlanError> {
        let mut codes = HashSet::new();
        match self.codes().find(|code| !codes.insert(*code)) {
            Some(code) => Err(PlanError::Twice(code.to_owned())),
            None => Ok(()),
        }
    }

    pub fn find(&self, code: &str) -> Option<&PlanActivity> {
        self.places.get(code).map(|&(part, at)| &self.parts[part][at])
    }

    /// An activity that is about to change.
    pub(super) fn activity(&mut self, code: &str) -> Result<&mut PlanActivity, ChangeError> {
        let place = self.places.get(code).copied();
        let (part, at) = place.ok_or_else(|| ChangeError::UnknownActivity(code.to_owned()))?;
        self.touched.insert(part);
        Ok(&mut self.parts[part][at])
    }

    /// Adds an activity to the last part, or to a new one where that is full: a part is written whole.
    pub(super) fn add(&mut self, activity: PlanActivity) {
        let last: usize = self.parts.last().map_or(PART_BYTES_MAX, |part| part.iter().map(bytes).sum());
        if last + bytes(&activity) > PART_BYTES_MAX {
            self.parts.push(Vec::new());
        }
        let part = self.parts.len() - 1;
        self.places.insert(activity.code.clone(), (part, self.parts[part].len()));
        self.parts[part].push(activity);
        self.touched.insert(part);
    }

    /// Takes an activity out, and every link from it.
    pub(super) fn remove(&mut self, code: &str) {
        for (number, part) in self.parts.iter_mut().enumerate() {
            let links = |part: &[PlanActivity]| part.iter().map(|it| it.after.len()).sum::<usize>();
            let before = (part.len(), links(part));
            part.retain(|activity| activity.code != code);
            part.iter_mut().for_each(|activity| activity.after.retain(|after| after.code != code));
            if (part.len(), links(part)) != before {
                self.touched.insert(number);
            }
        }
        self.find_places();
    }

    /// A plan as a file has it. Calendars that nothing uses stay behind.
    pub fn of(document: &Document, start: Moment) -> Self {
        let plan = &document.plan;
        let used: BTreeSet<u32> = plan
            .activities
            .iter()
            .map(|activity| activity.calendar.0)
            .chain(std::iter::once(plan.calendar.0))
            .collect();
        let numbers: BTreeMap<u32, usize> = used.iter().enumerate().map(|(to, from)| (*from, to)).collect();
        let calendar = |from: &u32| {
            let name = document.calendar_names.get(*from as usize).map_or("", String::as_str);
            PlanCalendar::of(name, plan.calendars[*from as usize].working_time())
        };
        let mut activities: Vec<PlanActivity> = plan
            .activities
            .iter()
            .zip(&document.labels)
            .map(|(activity, label)| activity_of(activity, label, numbers[&activity.calendar.0]))
            .collect();
        for link in plan.links.iter().flatten() {
            let code = document.labels[link.predecessor.0 as usize].code.clone();
            activities[link.successor.0 as usize].after.push(After::of(code, link));
        }
        let model = Self {
            name: document.name.clone(),
            start: Clock(start),
            status: document.status.map(Clock),
            deadline: None,
            backward: false,
            calendars: used.iter().map(calendar).collect(),
            calendar: numbers[&plan.calendar.0],
            parts: Vec::new(),
            places: HashMap::new(),
            touched: BTreeSet::new(),
        };
        model.with_parts(parted(activities))
    }

    /// The head of a plan whose activities follow.
    pub fn head(
        name: String,
        (start, status): (Clock, Option<Clock>),
        (deadline, backward): (Option<Day>, bool),
        (calendars, calendar): (Vec<PlanCalendar>, usize),
    ) -> Self {
        Self {
            name,
            start,
            status,
            deadline,
            backward,
            calendars,
            calendar,
            parts: Vec::new(),
            places: HashMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// The plan for the schedule engine and for files.
    pub fn document(&self) -> Result<Document, PlanError> {
        let mut plan = Plan::new(Calendar::elapsed());
        plan.calendars.clear();
        for calendar in &self.calendars {
            plan.calendar(Calendar::new(calendar.working_time()).map_err(PlanError::Schedule)?);
        }
        plan.calendar = CalendarId(number(self.calendar));
        let mut document = Document::new(self.name.clone(), plan);
        document.calendar_names = self.calendars.iter().map(|calendar| calendar.name.clone()).collect();
        document.start = Some(self.start.0);
        document.status = self.status.map(|status| status.0);
        let ids: HashMap<&str, ActivityId> =
            (0..).map(ActivityId).zip(self.activities()).map(|(id, it)| (it.code.as_str(), id)).collect();
        for activity in self.activities() {
            document.plan.push(activity.scheduled());
            document.labels.push(Label {
                code: activity.code.clone(),
                name: activity.name.clone(),
                group: activity.group.clone(),
                budget: activity.budget_fen,
            });
        }
        for (successor, activity) in (0..).map(ActivityId).zip(self.activities()) {
            for after in &activity.after {
                let Some(&predecessor) = ids.get(after.code.as_str()) else {
                    let (activity, predecessor) = (activity.code.clone(), after.code.clone());
                    return Err(PlanError::MissingPredecessor { activity, predecessor });
                };
                document.plan.link(after.link(predecessor, successor));
            }
        }
        Ok(document)
    }

    /// The dates to work by as the plan has them, without what was reported meanwhile: a baseline is a plan. `finish` is the
    /// deadline of the project.
    pub fn frozen(&self, finish: Day) -> Result<Frozen, PlanError> {
        let document = self.document()?;
        let done: Vec<i64> = document.plan.activities.iter().map(|it| done(it).into()).collect();
        let schedule = Schedule::new(document.plan, self.terms(finish, None)).map_err(PlanError::Schedule)?;
        let spans = schedule.planned();
        let finish = spans.iter().map(|span| span.finish).max();
        let codes = || self.activities().map(|activity| activity.code.clone());
        let weights = codes().zip(self.weights().into_iter().zip(done)).collect();
        Ok(Frozen { spans: codes().zip(spans).collect(), finish, weights })
    }

    /// What each activity counts for in the whole: its budget, or where the plan has none its working time.
    fn weights(&self) -> Vec<i64> {
        let budgets: Vec<i64> = self.activities().map(|it| it.budget_fen.map_or(0, |fen| fen.0)).collect();
        let minutes: Vec<i64> = self.activities().map(|activity| activity.minutes).collect();
        match [budgets, minutes].into_iter().find(|each| each.iter().any(|it| *it > 0)) {
            Some(weights) => weights,
            // Milestones alone.
            None => vec![1; self.count()],
        }
    }

    /// What the plan is reckoned from; `finish` is the deadline of the project.
    pub fn terms(&self, finish: Day, status: Option<Moment>) -> Terms {
        let deadline = Clock::end_of(self.deadline.unwrap_or(finish));
        let start = self.start.0;
        let anchor = match self.backward {
            true => Anchor::Deadline { deadline, start: Some(start) },
            false => Anchor::Start { start, deadline: Some(deadline) },
        };
        let status = [self.status.map(|status| status.0), status].into_iter().flatten().max();
        Terms { status, ..Terms::new(anchor) }
    }
}

/// Cuts activities into parts that each fit into an entry.
fn parted(activities: Vec<PlanActivity>) -> Vec<Vec<PlanActivity>> {
    let mut parts: Vec<Vec<PlanActivity>> = Vec::new();
    let mut bytes = PART_BYTES_MAX;
    for activity in activities {
        let own = self::bytes(&activity);
        if bytes + own > PART_BYTES_MAX {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += own;
        if let Some(part) = parts.last_mut() {
            part.push(activity);
        }
    }
    parts
}

/// What an activity takes of its part.
fn bytes(activity: &PlanActivity) -> usize {
    serde_json::to_vec(activity).map_or(PART_BYTES_MAX, |text| text.len() + 1)
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn activity_of(activity: &Activity, label: &Label, calendar: usize) -> PlanActivity {
    let (started, finished, left) = match activity.progress {
        Progress::NotStarted => (None, None, None),
        Progress::Started { at, .. } => (Some(at), None, Some(activity.remaining().0)),
        Progress::Finished { start, finish } => (Some(start), Some(finish), None),
    };
    PlanActivity {
        code: label.code.clone(),
        // A plan without names is still one; its codes are what people call the activities.
        name: if label.name.trim().is_empty() { label.code.clone() } else { label.name.clone() },
        group: label.group.clone(),
        calendar,
        minutes: activity.duration.0,
        after: Vec::new(),
        bounds: activity.constraints.iter().map(|constraint| Bound::of(*constraint)).collect(),
        deadline: activity.deadline.map(Clock),
        placed: activity.wish.map(|wish| match wish {
            Wish::AsSoonAsPossible => Placed::Early,
            Wish::AsLateAsPossible => Placed::Late,
        }),
        budget_fen: label.budget,
        started: started.map(Clock),
        finished: finished.map(Clock),
        left_minutes: left,
    }
}

impl PlanActivity {
    fn scheduled(&self) -> Activity {
        let mut activity = Activity::new(CalendarId(number(self.calendar)), Minutes(self.minutes));
        activity.constraints = self.bounds.iter().map(|bound| bound.constraint()).collect();
        activity.deadline = self.deadline.map(|deadline| deadline.0);
        activity.wish = self.placed.map(|placed| match placed {
            Placed::Early => Wish::AsSoonAsPossible,
            Placed::Late => Wish::AsLateAsPossible,
        });
        activity.progress = match (self.started, self.finished) {
            (Some(start), Some(finish)) => Progress::Finished { start: start.0, finish: finish.0 },
            (Some(at), None) => {
                let left = Minutes(self.left_minutes.unwrap_or(self.minutes));
                Progress::Started { at: at.0, remaining: Remaining::Time(left) }
            }
            _ => Progress::NotStarted,
        };
        activity
    }
}

impl After {
    fn of(code: String, link: &Link) -> Self {
        let kind = match link.kind {
            LinkKind::FinishToStart => Kind::FinishToStart,
            LinkKind::StartToStart => Kind::StartToStart,
            LinkKind::FinishToFinish => Kind::FinishToFinish,
            LinkKind::StartToFinish => Kind::StartToFinish,
        };
        let lag_in = match link.lag_calendar {
            LagCalendar::Predecessor => LagIn::Predecessor,
            LagCalendar::Successor => LagIn::Successor,
            LagCalendar::Project => LagIn::Project,
            LagCalendar::Elapsed => LagIn::Elapsed,
        };
        // No lag is counted nowhere.
        let lag_in = if link.lag.0 == 0 { LagIn::default() } else { lag_in };
        Self { code, kind, lag_minutes: link.lag.0, lag_in }
    }

    fn link(&self, predecessor: ActivityId, successor: ActivityId) -> Link {
        let kind = match self.kind {
            Kind::FinishToStart => LinkKind::FinishToStart,
            Kind::StartToStart => LinkKind::StartToStart,
            Kind::FinishToFinish => LinkKind::FinishToFinish,
            Kind::StartToFinish => LinkKind::StartToFinish,
        };
        let lag_calendar = match self.lag_in {
            LagIn::Predecessor => LagCalendar::Predecessor,
            LagIn::Successor => LagCalendar::Successor,
            LagIn::Project => LagCalendar::Project,
            LagIn::Elapsed => LagCalendar::Elapsed,
        };
        Link { predecessor, successor, kind, lag: Minutes(self.lag_minutes), lag_calendar }
    }
}

impl Bound {
    fn of(constraint: Constraint) -> Self {
        match constraint {
            Constraint::StartNoEarlier(at) => Self::StartNoEarlier(Clock(at)),
            Constraint::StartNoLater(at) => Self::StartNoLater(Clock(at)),
            Constraint::FinishNoEarlier(at) => Self::FinishNoEarlier(Clock(at)),
            Constraint::FinishNoLater(at) => Self::FinishNoLater(Clock(at)),
            Constraint::MustStart(at) => Self::MustStart(Clock(at)),
            Constraint::MustFinish(at) => Self::MustFinish(Clock(at)),
        }
    }

    fn constraint(self) -> Constraint {
        match self {
            Self::StartNoEarlier(at) => Constraint::StartNoEarlier(at.0),
            Self::StartNoLater(at) => Constraint::StartNoLater(at.0),
            Self::FinishNoEarlier(at) => Constraint::FinishNoEarlier(at.0),
            Self::FinishNoLater(at) => Constraint::FinishNoLater(at.0),
            Self::MustStart(at) => Constraint::MustStart(at.0),
            Self::MustFinish(at) => Constraint::MustFinish(at.0),
        }
    }
}

impl PlanCalendar {
    /// Days in a row with the same hours are one run.
    fn of(name: &str, time: &WorkingTime) -> Self {
        let exceptions = runs(time.exceptions.iter().map(|(&day, shifts)| Exception {
            from: day,
            to: day,
            shifts: shifts.iter().copied().map(ShiftText).collect(),
        }));
        let week = std::array::from_fn(|day| time.week[day].iter().copied().map(ShiftText).collect());
        Self { name: name.to_owned(), week, exceptions }
    }

    fn working_time(&self) -> WorkingTime {
        let shifts = |shifts: &[ShiftText]| shifts.iter().map(|shift| shift.0).collect::<Vec<Shift>>();
        let week = std::array::from_fn(|day| shifts(&self.week[day]));
        let runs = self.exceptions.iter();
        let days = runs.flat_map(|run| (run.from.0..=run.to.0).map(|day| (Day(day), shifts(&run.shifts))));
        WorkingTime { week, exceptions: days.collect() }
    }

    /// Gives days other hours. The runs are cut where these days lie, and never spread over theirs.
    pub(super) fn except(&mut self, days: BTreeMap<Day, Vec<ShiftText>>) {
        let mut all: Vec<Exception> = Vec::new();
        for run in std::mem::take(&mut self.exceptions) {
            let mut from = run.from;
            for (&day, _) in days.range(run.from..=run.to) {
                if from < day {
                    all.push(Exception { from, to: day.plus(-1), shifts: run.shifts.clone() });
                }
                from = day.plus(1);
            }
            if from <= run.to {
                all.push(Exception { from, ..run });
            }
        }
        all.extend(days.into_iter().map(|(day, shifts)| Exception { from: day, to: day, shifts }));
        all.sort_by_key(|run| run.from);
        self.exceptions = runs(all);
    }
}

/// Runs in the order of their days, those that follow on each other with the same hours as one.
fn runs(all: impl IntoIterator<Item = Exception>) -> Vec<Exception> {
    let mut runs: Vec<Exception> = Vec::new();
    for next in all {
        match runs.last_mut() {
            Some(run) if run.to.plus(1) == next.from && run.shifts == next.shifts => run.to = next.to,
            _ => runs.push(next),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Clock::try_from(text.to_owned()).unwrap().0
    }

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn document() -> Document {
        let time = WorkingTime::office()
            .with_holidays(day("2026-02-15"), day("2026-02-23"))
            .with_workday(day("2026-02-14"));
        let mut plan = Plan::new(Calendar::elapsed());
        let office = plan.calendar(Calendar::new(time).unwrap());
        plan.calendar = office;
        let mut ids = Vec::new();
        for number in 0..400 {
            let id = plan.activity(Minutes(60 * (1 + number % 30)));
            if let Some(&before) = ids.last().filter(|_| number % 7 > 0) {
                plan.link(Link::new(before, id, LinkKind::StartToStart, Minutes(120)));
            }
            ids.push(id);
        }
        plan.activities[3].constraints.push(Constraint::FinishNoLater(moment("2026-03-01T17:00")));
        plan.activities[4].progress =
            Progress::Started { at: moment("2026-02-09T09:00"), remaining: Remaining::Time(Minutes(30)) };
        let mut document = Document::new("计划", plan);
        for (number, label) in document.labels.iter_mut().enumerate() {
            label.code = number.to_string();
            label.name = format!("第 {number} 道工序，{}", "名称".repeat(20));
        }
        document
    }

    #[test]
    fn a_plan_that_goes_through_entries_has_the_same_dates() {
        let document = document();
        let model = Model::of(&document, moment("2026-02-09T08:00"));
        assert!(model.parts().len() > 1, "it does not fit into one entry");
        assert!(
            model.parts().iter().all(|part| serde_json::to_vec(part).unwrap().len() <= PART_BYTES_MAX + 10)
        );
        assert_eq!(model.calendars.len(), 1, "the calendar that nothing uses stays behind");
        assert_eq!(model.calendars[0].exceptions.len(), 2, "a holiday is one run");
        let text = serde_json::to_string(model.parts()).unwrap();
        let read = model.clone().with_parts(serde_json::from_str(&text).unwrap());
        assert_eq!(read, model);
        let back = read.document().unwrap();
        let terms = Terms::from_start(moment("2026-02-09T08:00"));
        let (then, now) =
            (Schedule::new(document.plan, terms).unwrap(), Schedule::new(back.plan, terms).unwrap());
        for id in (0..400).map(ActivityId) {
            assert_eq!(then.dates(id), now.dates(id), "activity {id}");
        }
    }

    #[test]
    fn changes_touch_their_parts_alone_and_what_is_not_there_is_refused() {
        let mut model = Model::of(&document(), moment("2026-02-09T08:00"));
        let last = model.count() - 1;
        let change = |what: &str, model: &mut Model| {
            let changes = [serde_json::from_str::<super::super::Change>(what).unwrap()];
            super::super::Change::make_all(&changes, model).map_err(|(_, error)| error)
        };
        change(&format!(r#"{{"what":"duration","activity":"{last}","minutes":5}}"#), &mut model).unwrap();
        assert_eq!(model.touched().map(|(part, _)| part).collect::<Vec<_>>(), [model.parts().len() - 1]);
        let unlink = r#"{"what":"unlink","from":"0","to":"1","kind":"SS"}"#;
        change(unlink, &mut model).unwrap();
        let again = change(unlink, &mut model);
        assert_eq!(again, Err(ChangeError::UnknownLink("0".into(), "1".into())));
        change(r#"{"what":"remove","activity":"2"}"#, &mut model).unwrap();
        assert!(model.find("2").is_none() && model.find("3").unwrap().after.is_empty());
        let gone = change(r#"{"what":"name","activity":"2","name":"x"}"#, &mut model);
        assert_eq!(gone, Err(ChangeError::UnknownActivity("2".into())));
        let links = model.links();
        change(r#"{"what":"link","to":"5","after":{"code":"4","kind":"SS","lag_minutes":7}}"#, &mut model)
            .unwrap();
        assert_eq!((model.links(), model.find("5").unwrap().after[0].lag_minutes), (links, 7));
        change(r#"{"what":"day","calendar":0,"day":"2026-02-16","shifts":["08:00-12:00"]}"#, &mut model)
            .unwrap();
        assert_eq!(model.calendars[0].exceptions.len(), 4);
    }

    #[test]
    fn what_is_added_begins_a_new_part_where_the_last_is_full() {
        let mut model = Model::of(&document(), moment("2026-02-09T08:00"));
        let parts = model.parts().len();
        let add = |number: usize| {
            let (code, name) = (format!("N{number}"), "名".repeat(250));
            serde_json::from_value(serde_json::json!({
                "what": "add", "activity": { "code": code, "name": name, "minutes": 60 },
            }))
            .unwrap()
        };
        let changes: Vec<super::super::Change> = (0..200).map(add).collect();
        super::super::Change::make_all(&changes, &mut model).unwrap();
        assert!(model.parts().len() > parts + 3, "150 KB were added");
        assert!(
            model.parts().iter().all(|part| serde_json::to_vec(part).unwrap().len() <= PART_BYTES_MAX + 10)
        );
        assert_eq!(model.touched().count(), model.parts().len() + 1 - parts, "those before the last stay");
        assert_eq!(model.find("N199").map(|it| it.minutes), Some(60));
    }

    #[test]
    fn days_that_change_cut_the_runs_where_they_lie() {
        let office =
            PlanCalendar::of("", &WorkingTime::office().with_holidays(day("2026-02-10"), day("2026-02-20")));
        let half: Vec<ShiftText> = vec![ShiftText::try_from("08:00-12:00".to_owned()).unwrap()];
        for (days, runs) in [
            (vec![("2026-02-15", vec![])], 1),
            (vec![("2026-02-21", vec![]), ("2026-02-09", vec![])], 1),
            (vec![("2026-02-10", half.clone()), ("2026-02-20", half.clone())], 3),
            (
                vec![
                    ("2026-02-12", half.clone()),
                    ("2026-02-13", half.clone()),
                    ("2026-03-01", half.clone()),
                ],
                4,
            ),
        ] {
            let days: BTreeMap<Day, Vec<ShiftText>> =
                days.into_iter().map(|(at, it)| (day(at), it)).collect();
            let mut calendar = office.clone();
            calendar.except(days.clone());
            let mut time = office.working_time();
            time.exceptions.extend(days.iter().map(|(at, it)| (*at, it.iter().map(|it| it.0).collect())));
            assert_eq!(calendar, PlanCalendar::of("", &time), "{days:?}");
            assert_eq!(calendar.exceptions.len(), runs, "{days:?}");
        }
        // Each run stands for 160 years: nobody could spread two hundred of them.
        let run = |number: i32| Exception {
            from: Day::FIRST.plus(60_000 * number),
            to: Day::FIRST.plus(60_000 * number + 59_000),
            shifts: Vec::new(),
        };
        let mut long = PlanCalendar { exceptions: (0..50).map(run).collect(), ..office };
        long.except((0..50).map(|number| (Day::FIRST.plus(60_000 * number + 7), half.clone())).collect());
        assert_eq!(long.exceptions.len(), 150);
    }
}
