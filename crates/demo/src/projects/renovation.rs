//! The renovation of the city's farmers' markets: 73.51 million yuan planned and 45.78 million invested by the end of the
//! year, six markets finished and four under way.

use base::{Day, Fen};
use line_projects::kinds::Month;
use line_projects::sorts::Name;
use serde_json::json;

use super::step::Pen;
use crate::days::parse;

const PROGRAMME: &str = "market-renovation";
const YUAN: i64 = 100;
const PLANNED: Fen = Fen(73_510_000 * YUAN);

/// A market: name, Chinese and English title, unit, total and invested sum in yuan, start, finish, finished in the year.
type Market =
    (&'static str, &'static str, &'static str, &'static str, i64, i64, &'static str, &'static str, bool);

/// Xiaoshen's 15 million yuan are a fact, as are the two sums of all; the other sums and most names are made up.
const MARKETS: [Market; 10] = [
    (
        "beiyuan",
        "北园农贸市场改造",
        "Beiyuan market",
        "371402",
        9_800_000,
        9_800_000,
        "2021-05-10",
        "2021-12-09",
        true,
    ),
    (
        "m02",
        "示范二号农贸市场改造",
        "Demonstration market 2",
        "371402",
        5_600_000,
        5_600_000,
        "2021-03-15",
        "2021-09-30",
        true,
    ),
    (
        "m03",
        "示范三号农贸市场改造",
        "Demonstration market 3",
        "371402",
        4_900_000,
        4_900_000,
        "2021-04-06",
        "2021-10-15",
        true,
    ),
    (
        "m04",
        "示范四号农贸市场改造",
        "Demonstration market 4",
        "371402",
        4_350_000,
        4_350_000,
        "2021-04-20",
        "2021-10-29",
        true,
    ),
    (
        "m05",
        "示范五号农贸市场改造",
        "Demonstration market 5",
        "jingkai",
        3_900_000,
        3_900_000,
        "2021-06-01",
        "2021-11-20",
        true,
    ),
    (
        "m06",
        "示范六号农贸市场改造",
        "Demonstration market 6",
        "yunhe",
        3_260_000,
        3_260_000,
        "2021-06-15",
        "2021-12-15",
        true,
    ),
    (
        "xiaoshen",
        "小申农贸市场改造",
        "Xiaoshen market",
        "jingkai",
        15_000_000,
        8_200_000,
        "2021-07-05",
        "2022-01-01",
        false,
    ),
    (
        "m08",
        "示范八号农贸市场改造",
        "Demonstration market 8",
        "371402",
        10_400_000,
        2_600_000,
        "2021-10-11",
        "2022-05-31",
        false,
    ),
    (
        "m09",
        "示范九号农贸市场改造",
        "Demonstration market 9",
        "371402",
        8_800_000,
        1_870_000,
        "2021-10-25",
        "2022-06-30",
        false,
    ),
    (
        "m10",
        "示范十号农贸市场改造",
        "Demonstration market 10",
        "yunhe",
        7_500_000,
        1_300_000,
        "2021-11-08",
        "2022-07-31",
        false,
    ),
];

pub(super) fn write(pen: &mut Pen<'_>) {
    let body = json!({
        "programme": PROGRAMME, "title_zh": "中心城区农贸市场升级改造", "title_en": "Renovation of the city's farmers' markets",
        "planned_fen": PLANNED,
    });
    pen.write(parse("2021-02-22"), 9 * 60, "projects.programme.founded", body);
    for market in &MARKETS {
        renovate(pen, market);
    }
}

fn renovate(pen: &mut Pen<'_>, market: &Market) {
    let (name, title_zh, title_en, unit, total, invested, start, finish, in_year) = *market;
    let (start, finish) = (parse(start), parse(finish));
    let body = json!({
        "project": name, "title_zh": title_zh, "title_en": title_en, "industry": "F51", "programme": PROGRAMME,
        "site": { "unit": unit, "address": "中心城区（示范地址）" }, "total_fen": total * YUAN,
        "builder": "市场举办单位（示范）", "office": "post:dz-shangwuju/chief", "team": "post:dz-shangwuju/team",
        "planned_start": start, "planned_finish": finish, "phase": "land", "newly_signed": false,
    });
    pen.write(start.plus(-10), 9 * 60, "projects.project.registered", body);
    let phase = |to: &str| json!({ "project": name, "to": to });
    pen.write(start, 9 * 60, "projects.phase.changed", phase("started"));
    let year_end = parse("2021-12-28");
    invest(pen, name, invested, start.plus(20), finish.min(year_end));
    if !in_year {
        invest(pen, name, total - invested, parse("2022-01-10").min(finish), finish);
    }
    report(pen, name, start, finish);
    pen.write(finish, 10 * 60, "projects.phase.changed", phase("finished"));
    pen.prove(finish.plus(5), 15 * 60, "projects.project.accepted", json!({ "project": name, "note": null }));
    pen.accept(finish.plus(6), 10 * 60, name, Name::Project(name));
}

/// Half on the first of two days, the rest on the second.
fn invest(pen: &mut Pen<'_>, name: &str, yuan: i64, first: Day, second: Day) {
    for (day, yuan) in [(first, yuan / 2), (second, yuan - yuan / 2)] {
        let body = json!({
            "project": name, "month": Month::of(day), "amount_fen": yuan * YUAN,
        });
        pen.write(day, 17 * 60, "projects.investment.made", body);
    }
}

fn report(pen: &mut Pen<'_>, name: &str, start: Day, finish: Day) {
    let span = finish.0 - start.0;
    for step in 1..=10 {
        let body = json!({ "project": name, "percent_bp": step * 1_000, "note": null });
        pen.write(start.plus(span * step / 10), 9 * 60 + 30, "projects.progress.reported", body);
    }
}
