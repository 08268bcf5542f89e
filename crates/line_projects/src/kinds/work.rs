//! What is done for projects: reports, visits, assistance, items handled by proxy.

use base::Day;
use base::limits::TEXT_CHARS_MAX;
use ledger::{BodyError, Rule, check_text};
use matters::PostId;
use serde::{Deserialize, Serialize};

use crate::plan::kinds::check_activity;

use super::{body, check_code, check_each, check_name, check_range};

/// Reports on the activities of one project: its S-curve reads them all. Ten thousand activities that are reported on every
/// day of a month each come to what its team may tell; the rest is left to the office.
pub const REPORTS_MAX: usize = 400_000;
pub const REPORTS_BY_TEAM_MAX: usize = 300_000;
/// Reports of one day on one activity, or on the whole project.
pub const REPORTS_A_DAY_MAX: usize = 48;
pub const REPORTS_A_DAY_BY_TEAM_MAX: usize = 24;

/// Visits of one day to one project, or for it: whoever records them says who went.
pub const VISITS_A_DAY_MAX: usize = 24;
pub const VISITS_A_DAY_BY_TEAM_MAX: usize = 8;

/// Parts of the physical work of one project that are told of, and the sorts of things that they are of: each sort is a value by
/// which its figures are broken down. Its team leaves the office a fifth.
pub const WORKS_MAX: usize = 20_000;
pub const WORKS_BY_TEAM_MAX: usize = 16_000;
pub const WORK_ITEMS_MAX: usize = 200;
pub const WORK_ITEMS_BY_TEAM_MAX: usize = 160;

/// Plans of assistance that are recorded on a day of the city, of one project, and in a book of those that have none; measures of the
/// latter: each is a matter of its own.
pub const ASSISTANCE_OF_PROJECT_A_DAY_MAX: usize = 20;
pub const ASSISTANCE_A_DAY_MAX: usize = 50;
pub const MEASURES_A_DAY_MAX: usize = 300;

body! {
    /// The team reports how far the work has come. Photos are the entry's evidence.
    ProgressReported = "projects.progress.reported" {
        pub project: String,
        /// The activity of the plan that it is about; the whole project, if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub activity: Option<String>,
        /// How much is done, in hundredths of a per cent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub percent_bp: Option<i64>,
        /// Calendar days that it will still take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub remaining_days: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub note: Option<String>,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_each(&this.activity, |activity| check_activity("activity", activity))?;
        check_each(&this.percent_bp, |bp| check_range("percent_bp", *bp, 0, 10_000, "hundredths of a per cent"))?;
        check_each(&this.remaining_days, |days| check_range("remaining_days", *days, 0, 3_660, "days"))?;
        check_each(&this.note, |note| check_text("note", note, TEXT_CHARS_MAX))?;
        if this.percent_bp.is_none() && this.remaining_days.is_none() {
            return Err(BodyError::new("percent_bp", Rule::Consistency, "must be given, or the days that remain"));
        }
        if this.remaining_days == Some(0) && this.percent_bp.is_some_and(|bp| bp < 10_000) {
            return Err(BodyError::new("remaining_days", Rule::Consistency, "is none, though not all is done"));
        }
        Ok(())
    }
}

/// What the work of a project is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// Bridges, culverts, foundation pits.
    Pieces,
    /// Roads, pipes.
    Metres,
}

body! {
    /// A part of the physical work was done (实物工程量): so many pieces or metres of something.
    WorksDone = "projects.works.done" {
        pub project: String,
        /// What was built, a short code such as `culvert`.
        pub item: String,
        pub title: String,
        pub measured: Measured,
        pub quantity: i64,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_code("item", &this.item)?;
        check_name("title", &this.title)?;
        check_range("quantity", this.quantity, 1, 100_000_000, "pieces or metres")
    }
}

/// What was visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visited {
    Project,
    Town,
    Enterprise,
}

body! {
    /// Somebody went there to look and to settle things (现场调研、协调解决).
    VisitMade = "projects.visit.made" {
        pub to: Visited,
        /// The project that was visited, or that the visit was for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub project: Option<String>,
        /// The project's site, the town, or the enterprise.
        pub place: String,
        /// The post that went.
        pub by: PostId,
        pub settled: String,
    }
    check(this) {
        check_each(&this.project, |project| check_code("project", project))?;
        check_name("place", &this.place)?;
        check_text("settled", &this.settled, TEXT_CHARS_MAX)?;
        if this.to == Visited::Project && this.project.is_none() {
            return Err(BodyError::new("project", Rule::Consistency, "must say which project was visited"));
        }
        Ok(())
    }
}

/// One thing that a plan of assistance promises, a matter of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    pub title: String,
    /// The post that owes it.
    pub owner: PostId,
    #[schema(value_type = String, format = Date)]
    pub due: Day,
}

body! {
    /// A plan to help one enterprise or project (一企一策).
    AssistancePlanned = "projects.assistance.planned" {
        pub plan: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub project: Option<String>,
        pub title: String,
        /// Whom it helps.
        pub enterprise: String,
        /// The post that sees to it, and says whether its measures are done.
        pub office: PostId,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub measures: Vec<Measure>,
    }
    check(this) {
        check_code("plan", &this.plan)?;
        check_each(&this.project, |project| check_code("project", project))?;
        check_name("title", &this.title)?;
        check_name("enterprise", &this.enterprise)?;
        check_range("measures", this.measures.len().try_into().unwrap_or(i64::MAX), 0, 30, "measures")?;
        for (at, measure) in this.measures.iter().enumerate() {
            check_name(&format!("measures[{at}].title"), &measure.title)?;
            if measure.owner == this.office {
                let detail = "is the post that reviews the plan";
                return Err(BodyError::new(format!("measures[{at}].owner"), Rule::Consistency, detail));
            }
        }
        Ok(())
    }
}

body! {
    /// The proxy (代办员) takes an errand of a project upon itself.
    ProxyOpened = "projects.proxy.opened" {
        pub item: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub project: Option<String>,
        pub title: String,
        /// For whom.
        pub enterprise: String,
        pub agent: PostId,
    }
    check(this) {
        check_code("item", &this.item)?;
        check_each(&this.project, |project| check_code("project", project))?;
        check_name("title", &this.title)?;
        check_name("enterprise", &this.enterprise)
    }
}

body! {
    /// The errand is done.
    ProxyDone = "projects.proxy.done" {
        pub item: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub note: Option<String>,
    }
    check(this) {
        check_code("item", &this.item)?;
        check_each(&this.note, |note| check_text("note", note, TEXT_CHARS_MAX))
    }
}
