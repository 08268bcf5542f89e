//! Yucheng: the road from the station to the high-tech zone, and the projects of its chains.

use base::Fen;
use line_projects::sorts::Name;
use serde_json::json;

use super::course::shares;
use super::registry::found_chains;
use super::step::Pen;
use crate::days::parse;

const ROAD: &str = "road";
const BEGUN: &str = "2021-09-24";
/// 85 days after it was begun, and one month before the deadline.
const OPENED: &str = "2021-12-18";
const DEADLINE: &str = "2022-01-18";
/// Made up, as are the sums of the chains' projects.
const ROAD_FEN: Fen = Fen(42_000_000_000);

/// How far the road had come, and what was said of it.
const REPORTS: [(&str, i64, &str); 9] = [
    ("2021-09-30", 500, "清表完成，便道贯通，参建人员300余人进场"),
    ("2021-10-08", 900, "秋汛期间地下水位高，增设降水井，路基改用石灰土换填"),
    ("2021-10-20", 2_600, "37道涵洞全部完成，9座中小桥桩基完成"),
    ("2021-10-31", 4_200, "大桥桩基、承台完成，保留并加固施工便桥，节省拆除费用"),
    ("2021-11-08", 4_800, "早雪停工两日，搭设暖棚恢复混凝土施工"),
    ("2021-11-20", 6_900, "9座中小桥全部合龙，路基交验"),
    ("2021-11-30", 8_300, "大桥架梁完成，水稳层摊铺过半"),
    ("2021-12-10", 9_500, "沥青面层完成，标线、护栏同步施工"),
    ("2021-12-17", 9_950, "交工前检测合格"),
];

/// What was built by when: item, Chinese name, measure, quantity.
const WORKS: [(&str, &str, &str, &str, i64); 8] = [
    ("2021-10-10", "culvert", "涵洞", "pieces", 21),
    ("2021-10-20", "culvert", "涵洞", "pieces", 16),
    ("2021-11-06", "bridge", "中小桥", "pieces", 4),
    ("2021-11-20", "bridge", "中小桥", "pieces", 5),
    ("2021-11-30", "large-bridge", "大桥", "pieces", 1),
    ("2021-12-02", "road", "道路", "metres", 5_200),
    ("2021-12-10", "road", "道路", "metres", 4_900),
    ("2021-12-17", "road", "道路", "metres", 1_700),
];

/// A project of each chain: chain, Chinese and English name, division of GB/T 4754, total in ten thousand yuan.
const CHAIN_PROJECTS: [(&str, &str, &str, &str, i64); 8] = [
    ("wind", "风电叶片生产基地（示范）", "Wind blade works (demonstration)", "C38", 52_000),
    ("wind", "风电塔筒配套加工（示范）", "Wind tower parts works (demonstration)", "C33", 18_500),
    ("soybean", "大豆蛋白精深加工（示范）", "Soy protein works (demonstration)", "C13", 36_000),
    ("soybean", "豆制品冷链配套（示范）", "Soy food cold chain (demonstration)", "G59", 9_800),
    ("wheat", "小麦专用粉加工（示范）", "Wheat flour works (demonstration)", "C13", 21_000),
    ("wheat", "小麦淀粉糖升级（示范）", "Wheat starch sugar upgrade (demonstration)", "C13", 14_200),
    ("corn", "玉米功能糖生产线（示范）", "Functional sugar line (demonstration)", "C14", 47_500),
    ("corn", "玉米芯综合利用（示范）", "Corn cob utilisation (demonstration)", "C14", 12_600),
];

pub(super) fn write(pen: &mut Pen<'_>) {
    found_chains(pen, "371482");
    road(pen);
    for (at, project) in CHAIN_PROJECTS.iter().enumerate() {
        chain_project(pen, at, project);
    }
}

fn road(pen: &mut Pen<'_>) {
    let body = json!({
        "project": ROAD, "code": "2108-371482-04-01-100085", "title_zh": "禹城高铁站至高新区连接线",
        "title_en": "Road from the high-speed station to the high-tech zone", "industry": "E48",
        "site": { "unit": "371482", "address": "禹城高铁站至高新区，全长11.8公里" }, "total_fen": ROAD_FEN,
        "builder": "禹城市交通运输局", "office": "post:yucheng-zhongdianban/chief",
        "team": "post:yucheng-jiaotongju/road-team", "planned_start": BEGUN, "planned_finish": DEADLINE,
        "phase": "land", "newly_signed": false,
    });
    let (begun, opened, deadline) = (parse(BEGUN), parse(OPENED), parse(DEADLINE));
    let registered = parse("2021-09-10");
    pen.write(registered, 9 * 60, "projects.project.registered", body);
    let months = shares(ROAD_FEN, begun, deadline);
    pen.write(
        registered,
        10 * 60,
        "projects.investment.planned",
        json!({ "project": ROAD, "months": months }),
    );
    let phase = |to: &str| json!({ "project": ROAD, "to": to });
    pen.write(begun, 8 * 60, "projects.phase.changed", phase("started"));
    pen.write(parse("2021-10-09"), 9 * 60, "projects.statistics.entered", json!({ "project": ROAD }));
    for (day, percent_bp, note) in REPORTS {
        let body = json!({ "project": ROAD, "percent_bp": percent_bp, "note": note });
        pen.write(parse(day), 18 * 60, "projects.progress.reported", body);
    }
    for (day, item, title, measured, quantity) in WORKS {
        let body = json!({
            "project": ROAD, "item": item, "title": title, "measured": measured, "quantity": quantity,
        });
        pen.write(parse(day), 18 * 60 + 10, "projects.works.done", body);
    }
    for share in shares(ROAD_FEN, begun, opened) {
        let month: line_projects::kinds::Month =
            serde_json::from_value(share["month"].clone()).expect("a month of ours");
        let body = json!({ "project": ROAD, "month": month, "amount_fen": share["amount_fen"] });
        pen.write(month.last_day().min(opened), 17 * 60, "projects.investment.made", body);
    }
    let body = json!({ "project": ROAD, "percent_bp": 10_000, "note": "建成通车，城区至高铁站15分钟" });
    pen.write(opened, 9 * 60, "projects.progress.reported", body);
    pen.write(opened, 10 * 60, "projects.phase.changed", phase("finished"));
    let body = json!({ "project": ROAD, "note": "提前一个月通车，总工期85天" });
    pen.prove(opened, 15 * 60, "projects.project.accepted", body);
    pen.accept(opened.plus(2), 10 * 60, ROAD, Name::Project(ROAD));
}

/// Registered in spring, started in summer, finished in the autumn of the next year.
fn chain_project(pen: &mut Pen<'_>, at: usize, project: &(&str, &str, &str, &str, i64)) {
    let (chain, title_zh, title_en, industry, wan) = project;
    let name = format!("{chain}-{}", at % 2 + 1);
    let later = i32::try_from(at * 9).expect("a few weeks");
    let (start, finish) = (parse("2021-06-07").plus(later), parse("2022-08-30").plus(later));
    let total = Fen(wan * 1_000_000);
    let body = json!({
        "project": name, "title_zh": title_zh, "title_en": title_en, "industry": industry, "chain": chain,
        "site": { "unit": "371482", "address": "禹城高新区（示范地址）" }, "total_fen": total,
        "builder": format!("{title_zh}项目单位"), "office": "post:yucheng-zhongdianban/chief",
        "team": format!("post:yucheng-zhongdianban/officer-{chain}"), "planned_start": start,
        "planned_finish": finish, "phase": "signed", "newly_signed": false,
    });
    pen.write(start.plus(-60), 9 * 60, "projects.project.registered", body);
    let months = shares(total, start, finish);
    let planned = json!({ "project": name, "months": months });
    pen.write(start.plus(-59), 9 * 60, "projects.investment.planned", planned);
    for (day, to) in
        [(start.plus(-12), "land"), (start, "started"), (finish.plus(-150), "roofed"), (finish, "finished")]
    {
        pen.write(day, 10 * 60, "projects.phase.changed", json!({ "project": name, "to": to }));
    }
    let span = i64::from(finish.0 - start.0);
    for month in shares(total, start, finish) {
        let first: line_projects::kinds::Month =
            serde_json::from_value(month["month"].clone()).expect("a month of ours");
        let day = first.last_day().min(finish);
        let body = json!({ "project": name, "month": first, "amount_fen": month["amount_fen"] });
        pen.write(day, 17 * 60, "projects.investment.made", body);
        let percent_bp = i64::from(day.0 - start.0) * 10_000 / span / 50 * 50;
        let body = json!({ "project": name, "percent_bp": percent_bp, "note": null });
        pen.write(day, 17 * 60 + 30, "projects.progress.reported", body);
    }
    pen.prove(finish.plus(6), 15 * 60, "projects.project.accepted", json!({ "project": name, "note": null }));
    pen.accept(finish.plus(8), 10 * 60, &name, Name::Project(&name));
}
