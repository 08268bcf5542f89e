//! What is recorded of plans: the plan itself, in parts that each fit into an entry, and what is done to it.

use std::collections::BTreeSet;

use base::limits::TEXT_CHARS_MAX;
use base::{Day, Fen};
use ledger::{BodyError, Rule, check_text};
use serde::{Deserialize, Serialize};

use super::Change;
use super::clock::{Clock, ShiftText};
use crate::kinds::{FEN_MAX, body, check_code, check_each, check_range};

/// Activities of one plan, and links into one activity.
pub const ACTIVITIES_MAX: usize = 10_000;
pub const LINKS_MAX: usize = 40_000;
const PREDECESSORS_MAX: usize = 400;
/// Bounds on the dates of one activity.
const BOUNDS_MAX: usize = 6;
pub const CALENDARS_MAX: usize = 40;
/// Runs of days of a calendar that differ from its week.
const EXCEPTIONS_MAX: usize = 600;
pub const SHIFTS_MAX: usize = 8;
/// Entries that a plan is taken over by: a file that repeats long names comes to much more than it has bytes.
pub const PARTS_MAX: usize = 200;
/// Plans of one project that are taken over within a day, and that are frozen.
pub const PLANS_A_DAY_MAX: usize = 10;
/// Changes of the plan of one project on a day of the city. Its team leaves the office a fifth.
pub const CHANGES_A_DAY_MAX: usize = 250;
pub const CHANGES_A_DAY_BY_TEAM_MAX: usize = 200;
/// Days that differ from the week in all calendars of a plan.
pub const EXCEPTED_DAYS_MAX: usize = 20_000;
/// Days between the first and the last of them, over all calendars: ten with forty years each are enough.
pub const SPAN_DAYS_MAX: usize = 150_000;
/// Minutes of a duration or lag: about 190 years.
const MINUTES_MAX: i64 = 100_000_000;
/// Characters of an activity's code, and of its name or group.
pub const CODE_CHARS_MAX: usize = 60;
pub const NAME_CHARS_MAX: usize = 255;
const CHANGES_MAX: usize = 200;

/// The kind of file that a plan came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Microsoft Project XML.
    Mspdi,
    Xlsx,
    Csv,
    /// Primavera P6.
    Xer,
}

/// A run of days that differ from the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    #[schema(value_type = String, format = Date)]
    pub from: Day,
    /// The last day, included.
    #[schema(value_type = String, format = Date)]
    pub to: Day,
    /// None: nobody works.
    pub shifts: Vec<ShiftText>,
}

/// When work is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanCalendar {
    pub name: String,
    /// Monday first.
    pub week: [Vec<ShiftText>; 7],
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
}

/// How two activities are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Kind {
    #[serde(rename = "FS")]
    FinishToStart,
    #[serde(rename = "SS")]
    StartToStart,
    #[serde(rename = "FF")]
    FinishToFinish,
    #[serde(rename = "SF")]
    StartToFinish,
}

/// Whose working time a lag is counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LagIn {
    #[default]
    Predecessor,
    Successor,
    Project,
    Elapsed,
}

/// What an activity comes after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// The code of the predecessor.
    pub code: String,
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lag_minutes: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub lag_in: LagIn,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A bound on the dates of an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    StartNoEarlier(Clock),
    StartNoLater(Clock),
    FinishNoEarlier(Clock),
    FinishNoLater(Clock),
    MustStart(Clock),
    MustFinish(Clock),
}

/// Where within its float an activity is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Placed {
    Early,
    Late,
}

/// An activity of a plan (工作), with what it comes after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanActivity {
    /// Unique in the plan; reports and blockers name it.
    pub code: String,
    pub name: String,
    /// The part of the work that it belongs to (分部).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The number of its calendar, from 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub calendar: usize,
    /// Working time; 0 is a milestone.
    pub minutes: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<Bound>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Clock>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<Placed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub budget_fen: Option<Fen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Clock>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Clock>,
    /// Working time that was left when the plan was drawn up, of one that had started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_minutes: Option<i64>,
}

impl PlanActivity {
    pub(crate) fn check(&self, field: &str) -> Result<(), BodyError> {
        let at = |name: &str| format!("{field}.{name}");
        check_activity(&at("code"), &self.code)?;
        check_text(&at("name"), &self.name, NAME_CHARS_MAX)?;
        if !self.group.is_empty() {
            check_text(&at("group"), &self.group, NAME_CHARS_MAX)?;
        }
        check_minutes(&at("minutes"), self.minutes)?;
        check_each(&self.left_minutes, |minutes| check_minutes(&at("left_minutes"), *minutes))?;
        check_each(&self.budget_fen, |fen| check_range(&at("budget_fen"), fen.0, 0, FEN_MAX, "fen"))?;
        check_count(&at("after"), self.after.len(), 0, PREDECESSORS_MAX, "predecessors")?;
        check_bounds(&at("bounds"), &self.bounds)?;
        for (number, after) in self.after.iter().enumerate() {
            after.check(&at(&format!("after[{number}]")))?;
        }
        if self.finished.is_some() && self.started.is_none()
            || self.left_minutes.is_some() && self.started.is_none()
        {
            return Err(BodyError::new(at("started"), Rule::Consistency, "must be given for what has begun"));
        }
        Ok(())
    }
}

impl After {
    pub(crate) fn check(&self, field: &str) -> Result<(), BodyError> {
        check_activity(&format!("{field}.code"), &self.code)?;
        let lag = format!("{field}.lag_minutes");
        check_range(&lag, self.lag_minutes, -MINUTES_MAX, MINUTES_MAX, "minutes")
    }
}

impl PlanCalendar {
    pub(crate) fn check(&self, field: &str) -> Result<(), BodyError> {
        if !self.name.is_empty() {
            check_text(&format!("{field}.name"), &self.name, NAME_CHARS_MAX)?;
        }
        check_count(&format!("{field}.exceptions"), self.exceptions.len(), 0, EXCEPTIONS_MAX, "exceptions")?;
        let lengths = self.week.iter().map(Vec::len).chain(self.exceptions.iter().map(|it| it.shifts.len()));
        let most = lengths.max().unwrap_or(0);
        check_shifts(&format!("{field}.week"), most)?;
        for exception in &self.exceptions {
            let days = i64::from(exception.to.0) - i64::from(exception.from.0) + 1;
            check_range(&format!("{field}.exceptions"), days, 1, 3_660, "days in a run")?;
        }
        Ok(())
    }
}

/// How far calendars reach, whether they came from a file or by changes: reckoning takes memory and time for each day.
pub(crate) fn check_calendars(field: &str, calendars: &[PlanCalendar]) -> Result<(), BodyError> {
    let (mut excepted, mut spans) = (0_i64, 0_i64);
    for calendar in calendars {
        let days = |from: Day, to: Day| i64::from(to.0) - i64::from(from.0) + 1;
        excepted += calendar.exceptions.iter().map(|it| days(it.from, it.to)).sum::<i64>();
        let ends = calendar.exceptions.iter().map(|it| it.from).min();
        spans +=
            ends.zip(calendar.exceptions.iter().map(|it| it.to).max()).map_or(0, |(from, to)| days(from, to));
    }
    let most = |max: usize| i64::try_from(max).unwrap_or(i64::MAX);
    check_range(field, excepted, 0, most(EXCEPTED_DAYS_MAX), "days that differ from the week")?;
    check_range(field, spans, 0, most(SPAN_DAYS_MAX), "days from the first to the last of them")
}

/// How much a plan holds, whether it came from a file or by changes.
pub(crate) fn check_size(at: [&str; 2], activities: usize, links: usize) -> Result<(), BodyError> {
    check_count(at[0], activities, 1, ACTIVITIES_MAX, "activities")?;
    check_count(at[1], links, 0, LINKS_MAX, "links")
}

pub(crate) fn check_bounds(field: &str, bounds: &[Bound]) -> Result<(), BodyError> {
    check_count(field, bounds.len(), 0, BOUNDS_MAX, "bounds")
}

pub(crate) fn check_shifts(field: &str, count: usize) -> Result<(), BodyError> {
    check_count(field, count, 0, SHIFTS_MAX, "shifts of a day")
}

/// The code of an activity, as the file has it.
pub(crate) fn check_activity(field: &str, code: &str) -> Result<(), BodyError> {
    check_text(field, code, CODE_CHARS_MAX)
}

pub(crate) fn check_minutes(field: &str, minutes: i64) -> Result<(), BodyError> {
    check_range(field, minutes, 0, MINUTES_MAX, "minutes")
}

fn check_count(field: &str, count: usize, min: i64, max: usize, what: &str) -> Result<(), BodyError> {
    let to = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    check_range(field, to(count), min, to(max), what)
}

body! {
    /// A plan was taken over from a file, which is the entry's evidence; it replaces the plan that the project had. Its
    /// activities follow in parts.
    Imported = "projects.plan.imported", sought {
        pub project: String,
        pub format: Format,
        /// What the file was called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub file: Option<String>,
        pub name: String,
        /// Nothing starts earlier.
        pub start: Clock,
        /// The data date of the file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub status: Option<Clock>,
        pub calendars: Vec<PlanCalendar>,
        /// The number of the project's calendar, from 0.
        #[serde(default)]
        pub calendar: usize,
        pub activities: usize,
        pub links: usize,
        /// Entries of activities that follow.
        pub parts: usize,
        /// When it is finished by this plan.
        pub finish: Clock,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_each(&this.file, |file| check_text("file", file, NAME_CHARS_MAX))?;
        check_text("name", &this.name, NAME_CHARS_MAX)?;
        check_count("calendars", this.calendars.len(), 1, CALENDARS_MAX, "calendars")?;
        check_count("calendar", this.calendar, 0, this.calendars.len() - 1, "calendars")?;
        check_size(["activities", "links"], this.activities, this.links)?;
        for (at, calendar) in this.calendars.iter().enumerate() {
            calendar.check(&format!("calendars[{at}]"))?;
        }
        check_calendars("calendars", &this.calendars)
    }
}

body! {
    /// Activities of the plan that was taken over last.
    PartImported = "projects.plan.part" {
        pub project: String,
        /// From 0.
        pub part: usize,
        pub activities: Vec<PlanActivity>,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_count("part", this.part, 0, ACTIVITIES_MAX, "parts")?;
        check_count("activities", this.activities.len(), 1, ACTIVITIES_MAX, "activities")?;
        for (at, activity) in this.activities.iter().enumerate() {
            activity.check(&format!("activities[{at}]"))?;
        }
        let codes: BTreeSet<&str> = this.activities.iter().map(|activity| activity.code.as_str()).collect();
        if codes.len() < this.activities.len() {
            return Err(BodyError::new("activities", Rule::Consistency, "name one code twice"));
        }
        Ok(())
    }
}

body! {
    /// A plan was changed.
    Edited = "projects.plan.edited" {
        pub project: String,
        /// In this order.
        pub changes: Vec<Change>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
        /// When it was finished by the plan before; written by the recorder.
        #[serde(default)]
        pub before: Option<Clock>,
        /// And by the plan after.
        #[serde(default)]
        pub after: Option<Clock>,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_count("changes", this.changes.len(), 1, CHANGES_MAX, "changes")?;
        check_each(&this.reason, |reason| check_text("reason", reason, TEXT_CHARS_MAX))?;
        this.changes.iter().enumerate().try_for_each(|(at, change)| change.check(&format!("changes[{at}]")))
    }
}

body! {
    /// An overlap (压茬推进) was accepted: the successor no longer waits for its predecessor's end, but starts so long
    /// after its start.
    Overlapped = "projects.plan.overlapped" {
        pub project: String,
        /// The predecessor and the successor of the finish to start link that changes.
        pub from: String,
        pub to: String,
        /// Working time of the predecessor.
        pub lag_minutes: i64,
        #[serde(default)]
        pub before: Option<Clock>,
        #[serde(default)]
        pub after: Option<Clock>,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_activity("from", &this.from)?;
        check_activity("to", &this.to)?;
        check_minutes("lag_minutes", this.lag_minutes)
    }
}

body! {
    /// The plan's dates were frozen as a baseline (基准计划), by which progress and earned value are judged from now on.
    Baselined = "projects.plan.baselined", sought {
        pub project: String,
        pub title: String,
        /// The plan as it was seen: the `version` of its source.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub version: Option<String>,
        /// When it is finished by this baseline; written by the recorder.
        #[serde(default)]
        pub finish: Option<Clock>,
        /// The deadline of the project then; written by the recorder.
        #[serde(default)]
        #[schema(value_type = Option<String>, format = Date)]
        pub deadline: Option<Day>,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_text("title", &this.title, NAME_CHARS_MAX)
    }
}

body! {
    /// A plan is to meet a day, and is worked back from it (倒排工期) or forward to it.
    DeadlineSet = "projects.plan.deadline_set" {
        pub project: String,
        /// None: the deadline of the project.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = Date)]
        pub deadline: Option<Day>,
        /// Whether it is worked back from the deadline.
        pub backward: bool,
        /// When what is left has to start at the latest; written by the recorder.
        #[serde(default)]
        pub latest_start: Option<Clock>,
        /// When it is finished by the plan.
        #[serde(default)]
        pub finish: Option<Clock>,
    }
    check(this) {
        check_code("project", &this.project)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendars_reach_so_far_together() {
        let day = |text: &str| Day::parse(text).unwrap();
        let off = |from: &str, to: &str| Exception { from: day(from), to: day(to), shifts: Vec::new() };
        let calendar = |exceptions: Vec<Exception>| {
            let (name, week) = (String::new(), std::array::from_fn(|_| Vec::new()));
            PlanCalendar { name, week, exceptions }
        };
        let of = |calendars: &[PlanCalendar]| {
            check_calendars("calendars", calendars).map_err(|error| error.detail)
        };
        // Two days, a hundred years apart.
        let far = calendar(vec![off("1950-01-01", "1950-01-01"), off("2049-12-31", "2049-12-31")]);
        assert_eq!(of(&vec![far.clone(); 4]), Ok(()));
        assert!(of(&vec![far; 5]).unwrap_err().contains("from the first to the last"));
        let long = calendar(vec![off("2020-01-01", "2029-12-31")]);
        assert_eq!(of(&vec![long.clone(); 5]), Ok(()));
        assert!(of(&vec![long; 6]).unwrap_err().contains("differ from the week"));
    }
}
