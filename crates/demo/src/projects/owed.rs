//! What was owed for Leling's projects: permits, blockers, the nodes of the sports park. The numbers are facts.

use base::Day;
use line_projects::sorts::Name;
use serde_json::json;

use super::dice_days;
use super::leling::Project;
use super::step::Pen;
use crate::days::parse;
use crate::dice::Dice;

/// Problems solved by the end of the year.
const SOLVED: usize = 195;
/// Problems that were still open then.
const LEFT: usize = 8;
const YEAR_END: &str = "2021-12-31";

/// Permits before the start: title, the post that owes it, workdays of its term.
const PERMITS: [(&str, &str, u32); 3] = [
    ("建设用地规划许可证", "post:leling-ziranju/land", 20),
    ("环境影响评价文件审批", "post:leling-huanjingju/impact", 10),
    ("建筑工程施工许可证", "post:leling-zhujianju/building", 7),
];

/// What held projects up, and the post that had to clear it away.
const BLOCKERS: [(&str, &str); 8] = [
    ("地上附着物清点补偿未完成", "post:leling-ziranju/land"),
    ("临时用电容量不足", "post:leling-zhongdianban/agent"),
    ("施工道路与农田灌溉渠交叉", "post:leling-zhujianju/building"),
    ("雨污管网接入点未确定", "post:leling-zhujianju/building"),
    ("环评补充监测数据未出具", "post:leling-huanjingju/impact"),
    ("钢材、商砼供应紧张", "post:leling-zhongdianban/agent"),
    ("秋汛后基坑积水影响施工", "post:leling-zhujianju/building"),
    ("用地指标周转手续待补正", "post:leling-ziranju/land"),
];

pub(super) fn write(pen: &mut Pen<'_>, projects: &[Project]) {
    for project in projects {
        permits(pen, project);
    }
    blockers(pen, projects);
    sports_park(pen, &projects[1]);
}

/// Applied for before the start, and decided within the term.
fn permits(pen: &mut Pen<'_>, project: &Project) {
    let mut dice = Dice::new(&format!("permits of {}", project.name));
    for (at, (title, bureau, term)) in PERMITS.iter().enumerate() {
        let permit = format!("{}-{}", project.name, at + 1);
        let applied = project.registered().plus(2 + dice_days(&mut dice, 0, 3));
        let body = json!({
            "project": project.name, "permit": permit, "title": title, "bureau": bureau,
            "agent": "post:leling-zhongdianban/agent", "term_workdays": term,
        });
        pen.write(
            applied,
            9 * 60 + 10 * i64::try_from(at).expect("three permits"),
            "projects.permit.applied",
            body,
        );
        let days = dice.between(2, i64::from(*term) - 2);
        let decided = applied.plus(i32::try_from(days).expect("a few weeks"));
        let body = json!({ "permit": permit, "granted": true, "number": format!("示范{permit}") });
        pen.prove(decided, 15 * 60, "projects.permit.decided", body);
        pen.accept(decided, 16 * 60, &project.name, Name::Permit(&permit));
    }
}

fn blockers(pen: &mut Pen<'_>, projects: &[Project]) {
    let mut dice = Dice::new("blockers");
    let end = parse(YEAR_END);
    for number in 1..=SOLVED {
        let project = &projects[number % projects.len()];
        let last = project.finished().plus(-1).min(end);
        let first = project.start.plus(1).min(last);
        let span = i64::from(last.0 - first.0);
        let raised = first.plus(dice_days(&mut dice, 0, (span - 1).clamp(0, 200)));
        let solved = raised.plus(dice_days(&mut dice, 1, 16)).min(last);
        raise(pen, project, number, raised, 7 + dice_days(&mut dice, 0, 8));
        solve(pen, project, number, solved);
    }
    let long: Vec<&Project> = projects.iter().filter(|it| it.finished() > parse("2022-03-20")).collect();
    for (at, project) in long.iter().cycle().take(LEFT).enumerate() {
        let (number, days) = (SOLVED + 1 + at, i32::try_from(at).expect("a few"));
        raise(pen, project, number, parse("2021-12-06").plus(2 * days), 14);
        solve(pen, project, number, parse("2022-01-10").plus(4 * days));
    }
}

fn raise(pen: &mut Pen<'_>, project: &Project, number: usize, day: Day, days: i32) {
    let (title, owner) = BLOCKERS[number % BLOCKERS.len()];
    let body = json!({
        "project": project.name, "blocker": blocker(number), "title": title, "note": null, "owner": owner,
        "due": day.plus(days),
    });
    pen.write(day, 8 * 60 + 40, "projects.blocker.raised", body);
}

fn solve(pen: &mut Pen<'_>, project: &Project, number: usize, day: Day) {
    let name = blocker(number);
    pen.hand_in(day, 16 * 60 + 20, &project.name, Name::Blocker(&name), "堵点办结情况（示范）");
    pen.accept(day, 17 * 60, &project.name, Name::Blocker(&name));
}

fn blocker(number: usize) -> String {
    format!("w{number:03}")
}

/// Land in ten days, 430 foundation pits in less than twenty-five.
fn sports_park(pen: &mut Pen<'_>, project: &Project) {
    let land = project.start.plus(-12);
    for (day, quantity) in [(8, 150), (16, 160), (24, 120)] {
        let body = json!({
            "project": project.name, "item": "pit", "title": "基坑", "measured": "pieces", "quantity": quantity,
        });
        pen.write(project.start.plus(day), 16 * 60 + 40, "projects.works.done", body);
    }
    for (milestone, title, set, due, done) in [
        ("land", "土地征收10天完成", land.plus(-1), land.plus(10), land.plus(9)),
        ("pits", "430个基坑25天内完成", project.start, project.start.plus(25), project.start.plus(24)),
    ] {
        let body = json!({ "project": project.name, "milestone": milestone, "title": title, "due": due });
        pen.write(set, 8 * 60 + 50, "projects.milestone.set", body);
        let name = Name::Milestone(&project.name, milestone);
        pen.hand_in(done, 16 * 60 + 50, &project.name, name, "节点完成情况（示范）");
        pen.accept(done.plus(1), 9 * 60, &project.name, name);
    }
}
