//! How much of a sort is recorded on a day of the city, whenever it happened: each is kept for good and reckoned with, however
//! little it says.

use ledger::Body;
use store::{Param, Value};

use super::{Failure, Recorder, refused};
use crate::kinds::{
    ASSISTANCE_A_DAY_MAX, ASSISTANCE_OF_PROJECT_A_DAY_MAX, AssistancePlanned, INVESTMENTS_A_DAY_BY_TEAM_MAX,
    INVESTMENTS_A_DAY_MAX, Invested, MEASURES_A_DAY_MAX,
};
use crate::plan::kinds::{CHANGES_A_DAY_BY_TEAM_MAX, CHANGES_A_DAY_MAX};
use crate::refusal::{Code, Refusal};
use crate::state::Project;

/// What is counted: its name, the field that a refusal stands beside, and what it is called in both languages.
struct Sort {
    name: &'static str,
    field: &'static str,
    zh: &'static str,
    en: &'static str,
}

const CHANGES: Sort = Sort {
    name: "changes",
    field: "body.project",
    zh: "当日对该项目进度计划的调整",
    en: "changes of the project's plan on a day",
};
const INVESTMENTS: Sort = Sort {
    name: "investments",
    field: "body.project",
    zh: "当日对该项目完成投资的登记",
    en: "investments of the project on a day",
};
const ASSISTANCE_OF_PROJECT: Sort = Sort {
    name: "assistance-of-project",
    field: "body.plan",
    zh: "当日对该项目帮扶方案的登记",
    en: "plans of assistance of the project on a day",
};
const ASSISTANCE: Sort = Sort {
    name: "assistance",
    field: "body.plan",
    zh: "当日对不涉及项目的帮扶方案的登记",
    en: "plans of assistance without a project on a day",
};
const MEASURES: Sort = Sort {
    name: "measures",
    field: "body.measures",
    zh: "当日不涉及项目的帮扶措施",
    en: "measures of assistance without a project on a day",
};

impl Recorder<'_, '_> {
    /// A plan is changed, overlapped and worked back so often: each is reckoned through.
    pub(super) fn need_few_changes<B: Body>(&mut self, project: &Project) -> Result<(), Failure> {
        let most = self.most::<B>(CHANGES_A_DAY_MAX, CHANGES_A_DAY_BY_TEAM_MAX)?;
        self.count(&CHANGES, &project.project, 1, most)
    }

    pub(super) fn need_few_investments(&mut self, project: &Project) -> Result<(), Failure> {
        let most = self.most::<Invested>(INVESTMENTS_A_DAY_MAX, INVESTMENTS_A_DAY_BY_TEAM_MAX)?;
        self.count(&INVESTMENTS, &project.project, 1, most)
    }

    pub(super) fn need_little_assistance(
        &mut self,
        body: &AssistancePlanned,
        project: Option<&Project>,
    ) -> Result<(), Failure> {
        if let Some(project) = project {
            return self.count(&ASSISTANCE_OF_PROJECT, &project.project, 1, ASSISTANCE_OF_PROJECT_A_DAY_MAX);
        }
        self.count(&ASSISTANCE, "", 1, ASSISTANCE_A_DAY_MAX)?;
        self.count(&MEASURES, "", body.measures.len(), MEASURES_A_DAY_MAX)
    }

    /// So many more of the day that it is now, remembered if the act is accepted; the installation's own are not counted.
    fn count(&mut self, sort: &Sort, whose: &str, new: usize, most: usize) -> Result<(), Failure> {
        const HELD: &str =
            "select entries from projects_of_day where book = $1 and sort = $2 and whose = $3 and day = $4";
        const NOTE: &str =
            "insert into projects_of_day (book, sort, whose, day, entries) values ($1, $2, $3, $4, $5)
            on conflict (book, sort, whose) do update set day = excluded.day, entries = excluded.entries
                + case when projects_of_day.day = excluded.day then projects_of_day.entries else 0 end";
        if self.actor.is_system() || new == 0 {
            return Ok(());
        }
        let day = i64::from(self.desk.zone().day_of(self.desk.now()).0);
        let asked =
            [Param::Text(self.book.as_str()), Param::Text(sort.name), Param::Text(whose), Param::Int(day)];
        let held = self.desk.read()?.query_one(HELD, &asked)?;
        let held = held.as_ref().map_or(Ok(0), |row| row.int(0))?;
        let made = usize::try_from(held).unwrap_or(usize::MAX).saturating_add(new);
        if made > most {
            let detail = format!("would make {made} {}, of {most} at most: go on tomorrow", sort.en);
            let refusal = Refusal::new(Code::TooManyOfDay, sort.field, detail);
            return Err(refused(refusal.in_chinese(format!("{}将达 {made}，上限为 {most}", sort.zh))));
        }
        let key = [self.book.as_str(), sort.name, whose].map(|text| Value::Text(text.to_owned()));
        let made = Value::Int(i64::try_from(new).unwrap_or(i64::MAX));
        self.desk.aside(NOTE, [&key[..], &[Value::Int(day), made]].concat());
        Ok(())
    }
}
