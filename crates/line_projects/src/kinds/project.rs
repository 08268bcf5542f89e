//! Projects, from their registration to their acceptance.

use base::limits::TEXT_CHARS_MAX;
use base::{Day, Fen, UnitCode};
use ledger::{BodyError, Rule, check_text};
use matters::PostId;
use registry::Position;
use serde::{Deserialize, Serialize};

use super::{Change, Phase, ProjectCode, body, check_code, check_each, check_fen, check_name, check_range};

/// Where a project is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The town or county that it lies in.
    #[schema(value_type = String)]
    pub unit: UnitCode,
    pub address: String,
    /// Left out where nobody measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

impl Site {
    fn check(&self) -> Result<(), BodyError> {
        check_name("site.address", &self.address)?;
        check_each(&self.position, |position| {
            check_range("site.position.lat_e7", position.lat_e7, -900_000_000, 900_000_000, "e-7 degrees")?;
            check_range("site.position.lon_e7", position.lon_e7, -1_800_000_000, 1_800_000_000, "e-7 degrees")
        })
    }
}

/// A class of GB/T 4754-2017: a section, `C`, or a division, `C35`.
fn check_industry(industry: &str) -> Result<(), BodyError> {
    let fits = match industry.as_bytes() {
        [section] => section.is_ascii_uppercase() && *section <= b'T',
        [section, a, b] => (b'A'..=b'T').contains(section) && a.is_ascii_digit() && b.is_ascii_digit(),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(BodyError::new("industry", Rule::Format, "must be a section or division of GB/T 4754, such as C35"))
}

fn default_rule() -> String {
    "default".into()
}

/// Projects that a book has ever had.
pub const PROJECTS_MAX: usize = 5_000;

body! {
    /// A key project (重点项目) was put on the list.
    Registered = "projects.project.registered" {
        pub project: String,
        /// None until the platform has given one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code: Option<ProjectCode>,
        pub title_zh: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub title_en: Option<String>,
        /// A section or division of GB/T 4754, such as `C35`.
        pub industry: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub chain: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub programme: Option<String>,
        pub site: Site,
        pub total_fen: Fen,
        /// Who builds it (项目单位).
        pub builder: String,
        /// The post of the office that watches over it and says whether it is done.
        pub office: PostId,
        /// The post of its team (专班), which answers for it.
        pub team: PostId,
        #[schema(value_type = String, format = Date)]
        pub planned_start: Day,
        /// The deadline.
        #[schema(value_type = String, format = Date)]
        pub planned_finish: Day,
        pub phase: Phase,
        /// Whether it was signed just now: it then counts among those newly signed (新签约).
        pub newly_signed: bool,
        /// The colour rule that it follows.
        #[serde(default = "default_rule")]
        pub rule: String,
        #[serde(default)]
        pub change: Change,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_name("title_zh", &this.title_zh)?;
        check_each(&this.title_en, |title| check_name("title_en", title))?;
        check_industry(&this.industry)?;
        check_each(&this.chain, |chain| check_code("chain", chain))?;
        check_each(&this.programme, |programme| check_code("programme", programme))?;
        this.site.check()?;
        check_fen("total_fen", this.total_fen)?;
        check_name("builder", &this.builder)?;
        if this.team == this.office {
            return Err(BodyError::new("office", Rule::Consistency, "is the team, which does not review itself"));
        }
        if this.planned_finish < this.planned_start {
            return Err(BodyError::new("planned_finish", Rule::Consistency, "lies before the planned start"));
        }
        if this.newly_signed && this.phase < Phase::Signed {
            return Err(BodyError::new("newly_signed", Rule::Consistency, "a project that is planned is not signed"));
        }
        Ok(())
    }
}

body! {
    /// What was registered of a project is corrected; what is left out stays, and an empty chain or programme takes it
    /// out of the one that it was in. The deadline is not among it: that is put off, with an approver.
    Amended = "projects.project.amended" {
        pub project: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code: Option<ProjectCode>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub title_zh: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub title_en: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub industry: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub chain: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub programme: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub site: Option<Site>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub total_fen: Option<Fen>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub builder: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = Date)]
        pub planned_start: Option<Day>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub newly_signed: Option<bool>,
        pub reason: String,
        #[serde(default)]
        pub change: Change,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_each(&this.title_zh, |title| check_name("title_zh", title))?;
        check_each(&this.title_en, |title| check_name("title_en", title))?;
        check_each(&this.industry, |industry| check_industry(industry))?;
        for (field, code) in [("chain", &this.chain), ("programme", &this.programme)] {
            check_each(code, |code| if code.is_empty() { Ok(()) } else { check_code(field, code) })?;
        }
        check_each(&this.site, Site::check)?;
        check_each(&this.total_fen, |total| check_fen("total_fen", *total))?;
        check_each(&this.builder, |builder| check_name("builder", builder))?;
        check_text("reason", &this.reason, TEXT_CHARS_MAX)
    }
}

body! {
    /// A project came into another phase.
    PhaseChanged = "projects.phase.changed" {
        pub project: String,
        pub to: Phase,
        /// Needed to go back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
        #[serde(default)]
        pub change: Change,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_each(&this.reason, |reason| check_text("reason", reason, TEXT_CHARS_MAX))
    }
}

body! {
    /// The planned start or the planned finish of a project came. Written by the clock, which is how a rate of what was
    /// due is a sum of entries.
    FellDue = "projects.project.due" {
        pub project: String,
        /// The planned day.
        #[schema(value_type = String, format = Date)]
        pub day: Day,
        pub change: Change,
    }
    check(this) {
        check_code("project", &this.project)
    }
}

body! {
    /// What fell due of a project counts otherwise, for something came to be known that had happened before. Written with
    /// what was told late, for the day that had come, so that a rate of what was due holds on every day between.
    DueRestated = "projects.project.due.restated" {
        pub project: String,
        /// The planned day.
        #[schema(value_type = String, format = Date)]
        pub day: Day,
        /// What it was counted as.
        pub was: Change,
        pub change: Change,
    }
    check(this) {
        check_code("project", &this.project)
    }
}

body! {
    /// A project entered the database of investment statistics (入库).
    EnteredStatistics = "projects.statistics.entered" {
        pub project: String,
    }
    check(this) {
        check_code("project", &this.project)
    }
}

body! {
    /// A finished project passed its inspection (竣工验收); the report is the entry's evidence. Its matter is handed in with
    /// it, and closes when the office accepts that.
    Accepted = "projects.project.accepted" {
        pub project: String,
        pub note: Option<String>,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_each(&this.note, |note| check_text("note", note, TEXT_CHARS_MAX))
    }
}

body! {
    /// A project left the list: its matter was cancelled. It counts no more from then on; what was recorded of it stays.
    Withdrawn = "projects.project.withdrawn" {
        pub project: String,
        pub reason: String,
        pub change: Change,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_text("reason", &this.reason, TEXT_CHARS_MAX)
    }
}

body! {
    /// The deadline of a project moved: its matter was extended, went on after a pause, or was reopened.
    DeadlineMoved = "projects.deadline.moved" {
        pub project: String,
        #[schema(value_type = String, format = Date)]
        pub to: Day,
        pub change: Change,
    }
    check(this) {
        check_code("project", &this.project)
    }
}

body! {
    /// Other posts answer for a project: its matter was handed over.
    HandedOver = "projects.project.handed_over" {
        pub project: String,
        pub team: PostId,
        pub office: PostId,
    }
    check(this) {
        check_code("project", &this.project)
    }
}
