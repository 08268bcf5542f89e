//! Reports, visits, assistance and errands.

use base::{SubjectId, Time};
use kernel::{Named, Receipt};
use ledger::{Body, Role};

use super::{Failure, Recorder, need_room, refuse, refused};
use crate::kinds::{
    AssistancePlanned, ProgressReported, ProxyDone, ProxyOpened, REPORTS_A_DAY_BY_TEAM_MAX,
    REPORTS_A_DAY_MAX, REPORTS_BY_TEAM_MAX, REPORTS_MAX, VISITS_A_DAY_BY_TEAM_MAX, VISITS_A_DAY_MAX,
    VisitMade, WORK_ITEMS_BY_TEAM_MAX, WORK_ITEMS_MAX, WORKS_BY_TEAM_MAX, WORKS_MAX, WorksDone,
};
use crate::plan::{WHOLE_BP, state as plan};
use crate::refusal::{Code, Refusal};
use crate::rules;
use crate::sorts::Name;
use crate::state::{self, Project};

impl Recorder<'_, '_> {
    pub(super) fn report(&mut self, body: ProgressReported) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        let activity = body.activity.as_deref().unwrap_or("");
        self.need_few_reports(&project, activity)?;
        let before =
            state::percent_bp(self.desk.read()?, self.book, &project.project, activity, self.occurred)?;
        rules::may_report(before, body.percent_bp, body.note.as_deref()).map_err(refused)?;
        if !activity.is_empty() && body.percent_bp.is_none_or(|told| told < WHOLE_BP) {
            self.need_still_done(&project, activity, before)?;
        }
        self.of_project(&body, &project)
    }

    /// What left a frozen plan as done stays done: nobody puts it back by a report, and the forecast goes on without it.
    fn need_still_done(
        &mut self,
        project: &Project,
        activity: &str,
        before: Option<i64>,
    ) -> Result<(), Failure> {
        if before.is_some_and(|before| before < WHOLE_BP) {
            return Ok(());
        }
        let tx = self.desk.read()?;
        let frozen = plan::frozen(tx, self.book, &project.project)?;
        let was_done = |(_, then): &(i64, i64)| before.unwrap_or(*then) >= WHOLE_BP;
        // What was never done is in the plan, which is large.
        if !frozen.is_some_and(|frozen| frozen.weights.get(activity).is_some_and(was_done)) {
            return Ok(());
        }
        let plan = plan::plan(tx, self.book, &project.project)?;
        if plan.is_none_or(|(_, model)| model.find(activity).is_some()) {
            return Ok(());
        }
        let detail = format!(
            "activity {activity:?} was taken out of the plan as finished: put it back into the plan to report on it"
        );
        let refusal = Refusal::new(Code::TakenOutByOffice, "body.activity", detail);
        let zh = format!("活动“{activity}”已作为完工活动移出进度计划，应先恢复到计划中再上报");
        Err(refused(refusal.in_chinese(zh)))
    }

    /// The S-curve reads all reports on activities, and the outlook those of each that count.
    fn need_few_reports(&mut self, project: &Project, activity: &str) -> Result<(), Failure> {
        let within = self.day();
        let told = state::reports_between(self.desk.read()?, self.book, &project.project, activity, within)?;
        let most = self.most::<ProgressReported>(REPORTS_A_DAY_MAX, REPORTS_A_DAY_BY_TEAM_MAX)?;
        if activity.is_empty() {
            let what = ("当日对项目整体的进度上报", "reports of the day on the whole project");
            return need_room("body.project", (told, 1), most, what);
        }
        let what = ("当日对该活动的进度上报", "reports of the day on the activity");
        need_room("body.activity", (told, 1), most, what)?;
        let told = state::reports_on_activities(self.desk.read()?, self.book, &project.project)?;
        let most = self.most::<ProgressReported>(REPORTS_MAX, REPORTS_BY_TEAM_MAX)?;
        let what = ("该项目各活动的进度上报", "reports on activities of the project");
        need_room("body.activity", (told, 1), most, what)
    }

    /// The city's day on which it happened, from its beginning to its end.
    fn day(&self) -> (Time, Time) {
        let zone = self.desk.zone();
        let day = zone.day_of(self.occurred);
        (zone.start_of(day), zone.start_of(day.plus(1)))
    }

    pub(super) fn build(&mut self, body: WorksDone) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        let (works, items, of_item) =
            state::works(self.desk.read()?, self.book, &project.project, &body.item)?;
        let most = self.most::<WorksDone>(WORKS_MAX, WORKS_BY_TEAM_MAX)?;
        need_room("body.project", (works, 1), most, ("该项目的实物工程量登记", "works of the project"))?;
        let most = self.most::<WorksDone>(WORK_ITEMS_MAX, WORK_ITEMS_BY_TEAM_MAX)?;
        let what = ("该项目的实物工程量名目", "sorts of works of the project");
        need_room("body.item", (items, usize::from(of_item == 0)), most, what)?;
        self.of_project(&body, &project)
    }

    pub(super) fn visit(&mut self, body: VisitMade) -> Result<Receipt, Failure> {
        self.need_near(&body.by, Named::Leading, "body.by")?;
        let project = self.project_if_named(body.project.as_deref())?;
        if let Some(project) = &project {
            let within = self.day();
            let made = state::visits_between(self.desk.read()?, self.book, &project.project, within)?;
            let most = self.most::<VisitMade>(VISITS_A_DAY_MAX, VISITS_A_DAY_BY_TEAM_MAX)?;
            need_room(
                "body.project",
                (made, 1),
                most,
                ("当日对该项目的调研协调", "visits of the day to the project"),
            )?;
        }
        self.named(&body, None, project.as_ref(), body.by.subject())
    }

    pub(super) fn assist(&mut self, body: AssistancePlanned) -> Result<Receipt, Failure> {
        if state::assistance_plan(self.desk.read()?, self.book, &body.plan)?.is_some() {
            return refuse(Code::Exists, "body.plan", format!("plan {} is recorded", body.plan));
        }
        // What was owed by a plan that was taken back keeps its names.
        for number in 1..=body.measures.len() {
            let id = Name::Measure(&body.plan, number).matter(self.book)?;
            if self.desk.matter(&id)?.is_some() {
                let detail =
                    format!("{id} is of plan {} as it was recorded before: choose another code", body.plan);
                let refusal = Refusal::new(Code::Exists, "body.plan", detail);
                return Err(refused(refusal.in_chinese("同一编号的帮扶方案曾登记后冲正，请另用编号")));
            }
        }
        let project = body.project.as_deref().map(|project| self.project_under_way(project)).transpose()?;
        self.need_post(&body.office, "body.office")?;
        self.need_little_assistance(&body, project.as_ref())?;
        let plan = self.id("assistance", &body.plan)?;
        let receipt = self.named(&body, Some(plan), project.as_ref(), body.office.subject())?;
        self.open_measures(&body, project.as_ref())?;
        Ok(receipt)
    }

    pub(super) fn open_proxy(&mut self, body: ProxyOpened) -> Result<Receipt, Failure> {
        if state::proxy(self.desk.read()?, self.book, &body.item)?.is_some() {
            return refuse(Code::Exists, "body.item", format!("item {} is recorded", body.item));
        }
        self.need_post(&body.agent, "body.agent")?;
        let project = self.project_if_named(body.project.as_deref())?;
        let item = self.id("proxy", &body.item)?;
        self.named(&body, Some(item), project.as_ref(), body.agent.subject())
    }

    pub(super) fn finish_proxy(&mut self, body: ProxyDone) -> Result<Receipt, Failure> {
        let Some(proxy) = state::proxy(self.desk.read()?, self.book, &body.item)? else {
            return refuse(Code::UnknownItem, "body.item", format!("there is no item {}", body.item));
        };
        if proxy.done_at.is_some() {
            return refuse(Code::AlreadyDone, "body.item", format!("item {} is done", body.item));
        }
        rules::in_order(self.occurred, proxy.opened_at).map_err(refused)?;
        // Also once the project left the list: what was begun is done.
        let project = match &proxy.project {
            Some(project) => state::project(self.desk.read()?, self.book, project)?,
            None => None,
        };
        let item = self.id("proxy", &body.item)?;
        self.named(&body, Some(item), project.as_ref(), &proxy.agent)
    }

    fn project_if_named(&mut self, project: Option<&str>) -> Result<Option<Project>, Failure> {
        project.map(|project| self.project(project)).transpose()
    }

    /// Appends an entry about something and about a project, if there is one, for which a post answers.
    fn named<B: Body>(
        &mut self,
        body: &B,
        item: Option<SubjectId>,
        project: Option<&Project>,
        post: &SubjectId,
    ) -> Result<Receipt, Failure> {
        let mut draft = self.draft(body)?.answered_by(post.clone());
        if let Some(item) = item {
            draft = draft.subject(Role::About, item);
        }
        if let Some(project) = project {
            draft = draft.subject(Role::About, self.id("project", &project.project)?);
        }
        self.append(draft)
    }
}
