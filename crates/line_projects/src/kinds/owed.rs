//! What others owe a project: permits, the removal of blockers, milestones. Each opens a matter.

use base::Day;
use base::limits::TEXT_CHARS_MAX;
use ledger::{BodyError, Rule, check_text};
use matters::{PostId, TERM_DAYS_MAX};

use crate::plan::kinds::check_activity;

use super::{body, check_code, check_each, check_name, check_range};

/// Blockers that one project ever had, and permits.
pub const OWED_MAX: usize = 1_000;
/// How many there may have been for its team or proxy to tell of another, and how many of these one post owes at a time: the rest is
/// for others to tell.
pub const OWED_BY_TEAM_MAX: usize = 400;
pub const OPEN_ON_POST_MAX: usize = 40;

body! {
    /// A permit was applied for, and the authority accepted the application (受理): from this day its statutory term runs.
    PermitApplied = "projects.permit.applied" {
        pub project: String,
        pub permit: String,
        pub title: String,
        /// The post of the authority that owes it.
        pub bureau: PostId,
        /// The post that applied for it, and says whether it was given.
        pub agent: PostId,
        /// The statutory term in workdays; the day of acceptance does not count.
        pub term_workdays: u32,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_code("permit", &this.permit)?;
        check_name("title", &this.title)?;
        check_range("term_workdays", i64::from(this.term_workdays), 1, i64::from(TERM_DAYS_MAX), "workdays")?;
        if this.agent == this.bureau {
            return Err(BodyError::new("agent", Rule::Consistency, "is the authority, which does not review itself"));
        }
        Ok(())
    }
}

body! {
    /// The authority decided on a permit; the document is the entry's evidence. The matter is handed in with it.
    PermitDecided = "projects.permit.decided" {
        pub permit: String,
        pub granted: bool,
        /// The number of the document.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub number: Option<String>,
        /// The day of the document, where it is not that of the entry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = Date)]
        pub dated: Option<Day>,
    }
    check(this) {
        check_code("permit", &this.permit)?;
        check_each(&this.number, |number| check_name("number", number))
    }
}

body! {
    /// Something holds a project up (堵点), and somebody has to clear it away.
    BlockerRaised = "projects.blocker.raised" {
        pub project: String,
        pub blocker: String,
        pub title: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub note: Option<String>,
        /// The activity of the plan that it holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub activity: Option<String>,
        /// The post that has to clear it away.
        pub owner: PostId,
        #[schema(value_type = String, format = Date)]
        pub due: Day,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_code("blocker", &this.blocker)?;
        check_name("title", &this.title)?;
        check_each(&this.note, |note| check_text("note", note, TEXT_CHARS_MAX))?;
        check_each(&this.activity, |activity| check_activity("activity", activity))
    }
}

body! {
    /// A milestone (节点) that the team has to reach by a day.
    MilestoneSet = "projects.milestone.set" {
        pub project: String,
        pub milestone: String,
        pub title: String,
        #[schema(value_type = String, format = Date)]
        pub due: Day,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_code("milestone", &this.milestone)?;
        check_name("title", &this.title)
    }
}
