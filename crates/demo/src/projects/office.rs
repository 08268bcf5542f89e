//! What Leling's offices did for the projects: errands, visits, plans of assistance. The numbers are facts.

use base::Day;
use line_projects::sorts::Name;
use serde_json::json;

use super::dice_days;
use super::leling::{Project, TOWNS};
use super::step::Pen;
use crate::days::parse;
use crate::dice::Dice;

const ERRANDS: usize = 1_480;
const PLANS: usize = 75;
/// More than twenty enterprises.
const ENTERPRISES: usize = 22;

const ERRAND_TITLES: [&str; 12] = [
    "企业投资项目备案",
    "建设用地规划许可证申领",
    "建设工程规划许可证申领",
    "施工图审查报送",
    "施工许可证申领",
    "环境影响登记表填报",
    "节能报告审查报送",
    "水土保持方案报批",
    "临时用电报装",
    "给排水接入申请",
    "人防工程手续办理",
    "消防设计审查报送",
];

const SETTLED: [&str; 6] = [
    "现场明确供电专线架设时限，由供电公司牵头落实",
    "协调解决施工道路占用问题，当日恢复通行",
    "明确用地手续补正清单，由自然资源局专人对接",
    "协调银企对接，落实项目贷款意向",
    "明确雨污管网接入点位，列入本月施工计划",
    "督促施工单位增加班组，抢回滞后工期",
];

const MEASURES: [&str; 5] = [
    "专人对接银行，落实项目贷款授信",
    "协调供电公司提前架设专线",
    "组织专场招聘，补齐用工缺口",
    "协调物流企业签订长期运输合同",
    "容缺受理，审批材料一次补正",
];

pub(super) fn write(pen: &mut Pen<'_>, projects: &[Project]) {
    errands(pen, projects);
    visits(pen, projects);
    assistance(pen, projects);
}

/// Errands between the registration of their project and the end of the year, all done by then.
fn errands(pen: &mut Pen<'_>, projects: &[Project]) {
    let mut dice = Dice::new("errands");
    let last = parse("2021-12-30");
    for number in 1..=ERRANDS {
        let project = &projects[number % projects.len()];
        let first = project.registered().plus(2);
        let opened =
            Day(i32::try_from(dice.between(i64::from(first.0), i64::from(last.0))).expect("a day of 2021"));
        let item = format!("d{number:04}");
        let title = ERRAND_TITLES[number / projects.len() % ERRAND_TITLES.len()];
        let body = json!({
            "item": item, "project": project.name, "title": title,
            "enterprise": format!("{}（示范）", project.name), "agent": "post:leling-zhongdianban/agent",
        });
        pen.write(opened, dice.between(510, 690), "projects.proxy.opened", body);
        let done = opened.plus(dice_days(&mut dice, 0, 9)).min(parse("2021-12-31"));
        pen.write(
            done,
            dice.between(840, 1_050),
            "projects.proxy.done",
            json!({ "item": item, "note": null }),
        );
    }
}

/// Leaders went to all seventeen towns, and to more than twenty enterprises.
fn visits(pen: &mut Pen<'_>, projects: &[Project]) {
    let mut dice = Dice::new("visits");
    for (at, (_, town, _)) in TOWNS.iter().enumerate() {
        let day = parse("2021-03-02").plus(i32::try_from(at * 16).expect("within the year"));
        let body = json!({
            "to": "town", "place": town, "by": "post:371481/mayor", "settled": *dice.pick(&SETTLED),
        });
        pen.write(day, 9 * 60 + 20, "projects.visit.made", body);
    }
    for number in 0..ENTERPRISES {
        let project = &projects[number * 4 + 1];
        let day = project.start.max(parse("2021-04-06")).plus(dice_days(&mut dice, 0, 8));
        let body = json!({
            "to": "enterprise", "project": project.name, "place": format!("{:03}号项目单位（示范）", number * 4 + 2),
            "by": "post:371481/projects-leader", "settled": *dice.pick(&SETTLED),
        });
        pen.write(day, 14 * 60 + 40, "projects.visit.made", body);
    }
}

fn assistance(pen: &mut Pen<'_>, projects: &[Project]) {
    let mut dice = Dice::new("assistance");
    for number in 1..=PLANS {
        let project = &projects[number * 7 % projects.len()];
        let day = project.registered().plus(dice_days(&mut dice, 5, 60)).min(parse("2021-12-20"));
        let body = json!({
            "plan": format!("b{number:02}"), "project": project.name, "title": format!("{}一企一策帮扶方案", project.title_zh),
            "enterprise": format!("{}项目单位（示范）", project.name), "office": "post:leling-zhongdianban/chief",
            "measures": [{ "title": *dice.pick(&MEASURES), "owner": "post:leling-zhongdianban/agent", "due": day.plus(30) }],
        });
        pen.write(day, 10 * 60 + 30, "projects.assistance.planned", body);
        let plan = format!("b{number:02}");
        let (name, done) = (Name::Measure(&plan, 1), day.plus(dice_days(&mut dice, 5, 28)));
        pen.hand_in(done, 14 * 60 + 10, &project.name, name, "措施落实情况（示范）");
        pen.accept(done, 15 * 60 + 30, &project.name, name);
    }
}
