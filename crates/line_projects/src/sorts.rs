//! The matters that the line opens: their sorts, and how each is named.

use base::BookId;
use kernel::MatterSort;
use matters::MatterId;
use store::StoreError;

pub const PROJECT: &str = "projects.project";
pub const BLOCKER: &str = "projects.blocker";
pub const PERMIT: &str = "projects.permit";
pub const MEASURE: &str = "projects.measure";
pub const MILESTONE: &str = "projects.milestone";

pub const SORTS: &[MatterSort] = &[
    MatterSort { name: PROJECT, title_zh: "重点项目", title_en: "Key project" },
    MatterSort { name: BLOCKER, title_zh: "堵点难点", title_en: "Blocker" },
    MatterSort { name: PERMIT, title_zh: "审批事项", title_en: "Permit" },
    MatterSort { name: MEASURE, title_zh: "帮扶措施", title_en: "Measure of assistance" },
    MatterSort { name: MILESTONE, title_zh: "项目节点", title_en: "Milestone" },
];

/// What a matter of the line is about; its id follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name<'a> {
    Project(&'a str),
    Blocker(&'a str),
    Permit(&'a str),
    /// A plan, and the number of the measure in it from 1.
    Measure(&'a str, usize),
    /// A project, and its milestone.
    Milestone(&'a str, &'a str),
}

impl Name<'_> {
    pub fn sort(self) -> &'static str {
        match self {
            Self::Project(_) => PROJECT,
            Self::Blocker(_) => BLOCKER,
            Self::Permit(_) => PERMIT,
            Self::Measure(..) => MEASURE,
            Self::Milestone(..) => MILESTONE,
        }
    }

    /// The name within its sort.
    pub fn own(self) -> String {
        match self {
            Self::Project(name) | Self::Blocker(name) | Self::Permit(name) => name.to_owned(),
            Self::Measure(plan, number) => format!("{plan}.{number}"),
            Self::Milestone(project, name) => format!("{project}.{name}"),
        }
    }

    pub fn matter(self, book: &BookId) -> Result<MatterId, StoreError> {
        let sort = self.sort().trim_start_matches("projects.");
        MatterId::local(book, &format!("{sort}.{}", self.own()))
            .map_err(|error| StoreError::Schema(error.to_string()))
    }
}

/// The plan of assistance that the matter of a measure is named after.
pub fn plan_of_measure(matter: &MatterId) -> Option<&str> {
    let own = matter.subject().local_part().strip_prefix("measure.")?;
    own.rsplit_once('.').map(|(plan, _)| plan)
}
