//! Who may do what with key projects.

use access::{ActionDef, RoleDef};

const fn role(name: &'static str, title_zh: &'static str, title_en: &'static str) -> RoleDef {
    RoleDef { name, title_zh, title_en, line: Some("projects"), of_programs: false }
}

pub const ROLES: &[RoleDef] = &[
    // Keeps the list, the plans and the money, and reviews.
    role("planner", "重点项目办", "Key-project office"),
    // Granted on behalf of the team's post: it reports on its own projects.
    role("team", "项目专班", "Project team"),
    // Does errands and applies for permits.
    role("agent", "代办员", "Permit proxy"),
];

/// Reads the line's records and figures.
pub const READ: &str = "projects.records.read";
pub const KEEP_EVIDENCE: &str = "projects.evidence.keep";
pub const READ_EVIDENCE: &str = "projects.evidence.read";

const READERS: &[&str] = &["planner", "agent", "leader", "auditor"];
/// Who acts for the post that answers: the team's for a project, the authority's for a permit.
const TEAM: &[&str] = &["team"];

const fn action(
    name: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    roles: &'static [&'static str],
    own_only: &'static [&'static str],
) -> ActionDef {
    ActionDef { name, title_zh, title_en, line: Some("projects"), roles, own_only, public: false }
}

const fn planned(name: &'static str, title_zh: &'static str, title_en: &'static str) -> ActionDef {
    action(name, title_zh, title_en, &["planner"], &[])
}

const fn by_team(name: &'static str, title_zh: &'static str, title_en: &'static str) -> ActionDef {
    action(name, title_zh, title_en, &["planner"], TEAM)
}

const fn by_agent(name: &'static str, title_zh: &'static str, title_en: &'static str) -> ActionDef {
    action(name, title_zh, title_en, &["planner", "agent"], &[])
}

/// The action of recording a kind has the kind's name.
pub const ACTIONS: &[ActionDef] = &[
    action(READ, "查看项目记录", "Read records", READERS, TEAM),
    action(KEEP_EVIDENCE, "上传凭证", "Upload evidence", &["planner", "agent"], TEAM),
    action(READ_EVIDENCE, "查看凭证", "Read evidence", READERS, TEAM),
    planned("projects.programme.founded", "设立专项", "Found a programme"),
    planned("projects.programme.replanned", "调整专项计划", "Replan a programme"),
    planned("projects.chain.founded", "设立产业链", "Found a chain"),
    planned("projects.chain.handed_over", "调整链长", "Hand a chain over"),
    planned("projects.project.registered", "登记项目", "Register a project"),
    planned("projects.project.amended", "更正项目信息", "Amend a project"),
    by_team("projects.phase.changed", "变更项目阶段", "Change a phase"),
    planned("projects.statistics.entered", "登记入库", "Enter the statistics"),
    by_team("projects.project.accepted", "登记验收", "Record an acceptance"),
    by_agent("projects.permit.applied", "登记审批受理", "Record an application for a permit"),
    by_agent("projects.permit.decided", "登记审批办结", "Record a permit"),
    by_team("projects.blocker.raised", "上报堵点", "Raise a blocker"),
    planned("projects.milestone.set", "设定节点", "Set a milestone"),
    by_team("projects.contract.signed", "登记合同", "Record a contract"),
    planned("projects.investment.planned", "下达投资计划", "Plan investment"),
    by_team("projects.investment.made", "登记完成投资", "Record investment"),
    by_team("projects.payment.made", "登记资金支付", "Record a payment"),
    by_team("projects.progress.reported", "上报进度", "Report progress"),
    by_team("projects.works.done", "登记实物工程量", "Record works done"),
    by_team("projects.visit.made", "登记调研协调", "Record a visit"),
    planned("projects.assistance.planned", "登记帮扶方案", "Record assistance"),
    by_agent("projects.proxy.opened", "受理代办", "Open a proxy item"),
    by_agent("projects.proxy.done", "办结代办", "Finish a proxy item"),
    by_team("projects.plan.imported", "导入进度计划", "Take over a plan"),
    by_team("projects.plan.edited", "调整进度计划", "Change a plan"),
    by_team("projects.plan.overlapped", "采纳压茬推进", "Accept an overlap"),
    planned("projects.plan.baselined", "确定基准计划", "Freeze a baseline"),
    planned("projects.plan.deadline_set", "确定计划期限", "Set a plan's deadline"),
    planned("projects.entry.reversed", "冲正记录", "Reverse an entry"),
];
