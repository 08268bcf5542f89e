//! The development zone's projects on the day of loading: some on course, some behind, one overdue, one held up.

use base::{Day, Fen};
use line_projects::kinds::Month;
use serde_json::json;

use super::course::shares;
use super::step::Pen;

const OFFICE: &str = "post:jingkai-zhongdianban/chief";
const TEAM: &str = "post:jingkai-zhongdianban/team";
const BUREAU: &str = "post:jingkai-zhongdianban/permits";

/// A project around today: name, Chinese and English title, division of GB/T 4754, total in ten thousand yuan, days since
/// the start, days to the deadline, points (of a hundred) ahead of the plan or behind it, days since the last report.
type Sample = (&'static str, &'static str, &'static str, &'static str, i64, i32, i32, i64, i32);

const SAMPLES: [Sample; 8] = [
    ("t1", "智能仓储中心（示范）", "Smart store (demonstration)", "G59", 18_600, 96, 120, 3, 2),
    (
        "t2",
        "新能源客车零部件扩产（示范）",
        "Bus parts expansion (demonstration)",
        "C36",
        42_000,
        210,
        40,
        1,
        4,
    ),
    (
        "t3",
        "中央空调智能工厂（示范）",
        "Air-conditioning works (demonstration)",
        "C34",
        65_000,
        150,
        160,
        -14,
        3,
    ),
    (
        "t4",
        "食品冷链加工中心（示范）",
        "Food cold chain centre (demonstration)",
        "C14",
        23_500,
        88,
        150,
        2,
        5,
    ),
    (
        "t5",
        "标准厂房三期（示范）",
        "Factory buildings, phase 3 (demonstration)",
        "E47",
        15_800,
        240,
        -6,
        -8,
        1,
    ),
    (
        "t6",
        "生物基材料产业园（示范）",
        "Bio-based materials park (demonstration)",
        "C26",
        88_000,
        200,
        100,
        -36,
        6,
    ),
    ("t7", "污水处理厂提标（示范）", "Sewage works upgrade (demonstration)", "D46", 9_200, 120, 90, 0, 41),
    ("t8", "科创孵化基地（示范）", "Incubator (demonstration)", "M75", 12_400, 30, 260, 1, 2),
];

pub(super) fn write(pen: &mut Pen<'_>, today: Day) {
    for sample in &SAMPLES {
        project(pen, today, sample);
    }
    permits(pen, today);
    blockers(pen, today);
}

fn project(pen: &mut Pen<'_>, today: Day, sample: &Sample) {
    let (name, title_zh, title_en, industry, wan, since, left, ahead, reported) = *sample;
    let (start, finish) = (today.plus(-since), today.plus(left));
    let total = Fen(wan * 1_000_000);
    let body = json!({
        "project": name, "title_zh": title_zh, "title_en": title_en, "industry": industry,
        "site": { "unit": "jingkai", "address": "经开区（示范地址）" }, "total_fen": total,
        "builder": format!("{title_zh}项目单位"), "office": OFFICE, "team": TEAM, "planned_start": start,
        "planned_finish": finish, "phase": "signed", "newly_signed": false,
    });
    pen.write(start.plus(-70), 9 * 60, "projects.project.registered", body);
    let planned = json!({ "project": name, "months": shares(total, start, finish) });
    pen.write(start.plus(-69), 9 * 60, "projects.investment.planned", planned);
    pen.phase(start.plus(-15), name, "land");
    pen.phase(start, name, "started");
    pen.write(start.plus(12), 11 * 60, "projects.statistics.entered", json!({ "project": name }));
    let span = i64::from(since + left);
    let percent = |day: Day| {
        let time = i64::from(day.0 - start.0) * 10_000 / span;
        let share = i64::from(day.0 - start.0) * 1_000 / i64::from(since);
        (time + ahead * 100 * share / 1_000).clamp(0, 9_800) / 50 * 50
    };
    let last = today.plus(-reported);
    let days = (1..).map(|step| start.plus(step * 14)).take_while(|day| *day < last).chain([last]);
    for day in days {
        let body = json!({ "project": name, "percent_bp": percent(day), "note": null });
        pen.write(day, 8 * 60 + 30, "projects.progress.reported", body);
    }
    for share in shares(total, start, today) {
        let month: Month = serde_json::from_value(share["month"].clone()).expect("a month of ours");
        let done = total.0 / 10_000 * percent(month.last_day().min(today).max(start));
        let before = total.0 / 10_000 * percent(month.first_day().max(start));
        if done > before {
            let body = json!({ "project": name, "month": month, "amount_fen": done - before });
            pen.write(month.last_day().min(today), 8 * 60 + 20, "projects.investment.made", body);
        }
    }
}

/// One permit is decided, one is due about now, one is overdue.
fn permits(pen: &mut Pen<'_>, today: Day) {
    for (project, permit, title, applied, term) in [
        ("t8", "t8-1", "建筑工程施工许可证", 9, 7),
        ("t8", "t8-2", "建设工程规划许可证", 40, 20),
        ("t4", "t4-1", "排水接入许可", 3, 10),
    ] {
        let body = json!({
            "project": project, "permit": permit, "title": title, "bureau": BUREAU, "agent": OFFICE,
            "term_workdays": term,
        });
        pen.write(today.plus(-applied), 9 * 60 + 30, "projects.permit.applied", body);
    }
}

/// One blocker is new, one is overdue.
fn blockers(pen: &mut Pen<'_>, today: Day) {
    for (project, blocker, title, raised, due) in [
        ("t4", "b1", "冷库用电增容方案未批复", 6, 5),
        ("t6", "b2", "园区蒸汽管网未接入，影响设备调试", 26, -4),
    ] {
        let body = json!({
            "project": project, "blocker": blocker, "title": title, "note": null, "owner": BUREAU,
            "due": today.plus(due),
        });
        pen.write(today.plus(-raised), 8 * 60 + 40, "projects.blocker.raised", body);
    }
}
