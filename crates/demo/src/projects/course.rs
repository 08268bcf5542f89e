//! How a project went: land, contract, start, month by month, roof, finish, acceptance.

use base::{Day, Fen};
use line_projects::kinds::Month;
use line_projects::sorts::Name;
use serde_json::{Value, json};

use super::dice_days;
use super::leling::{Project, TOWNS};
use super::registry::team;
use super::step::Pen;
use crate::dice::Dice;

/// The course of a project of Leling's, from its registration to its end.
pub(super) fn write(pen: &mut Pen<'_>, project: &Project, number: usize) {
    let mut dice = Dice::new(&format!("course of {}", project.name));
    let name = project.name.as_str();
    register(pen, project, number, &mut dice);
    let land = project.start.plus(-dice_days(&mut dice, 5, 25)).max(project.registered().plus(3));
    pen.phase(land, name, "land");
    let contract = format!("C{number:03}-1");
    let amount = Fen(project.total.0 / 100 * dice.between(55, 80));
    sign(pen, project, &contract, amount, land.plus(1).min(project.start));
    pen.phase(project.start, name, "started");
    let entered = project.start.plus(dice_days(&mut dice, 8, 24));
    pen.write(entered, 11 * 60, "projects.statistics.entered", json!({ "project": name }));
    months(pen, project, &contract, amount);
    reports(pen, project);
    let (start, finished) = (project.start, project.finished());
    let span = finished.0 - start.0;
    pen.phase(start.plus(span * 3 / 5), name, "roofed");
    pen.phase(finished, name, "finished");
    let accepted = finished.plus(dice_days(&mut dice, 4, 10));
    pen.prove(accepted, 15 * 60, "projects.project.accepted", json!({ "project": name, "note": null }));
    pen.accept(accepted.plus(1), 10 * 60 + 30, name, Name::Project(name));
    if project.industry.starts_with('C') {
        pen.phase(accepted.plus(dice_days(&mut dice, 3, 20)), name, "producing");
    }
}

fn register(pen: &mut Pen<'_>, project: &Project, number: usize, dice: &mut Dice) {
    let day = project.registered();
    let (year, month, _) = day.civil();
    let code = format!(
        "{:02}{month:02}-371481-04-01-{:06}",
        year % 100,
        100_000 + dice.between(0, 899) * 1_000 + i64::try_from(number).expect("a few projects")
    );
    let body = json!({
        "project": project.name, "code": code, "title_zh": project.title_zh, "title_en": project.title_en,
        "industry": project.industry, "chain": project.chain,
        "site": { "unit": TOWNS[project.town].0, "address": format!("{}（示范地址）", TOWNS[project.town].1) },
        "total_fen": project.total, "builder": format!("{number:03}号项目单位（示范）"),
        "office": "post:leling-zhongdianban/chief", "team": format!("post:leling-zhongdianban/{}", team(number)),
        "planned_start": project.start, "planned_finish": project.finish, "phase": "signed",
        "newly_signed": project.signed.is_some(),
    });
    pen.write(day, 9 * 60, "projects.project.registered", body);
    let planned =
        json!({ "project": project.name, "months": shares(project.total, project.start, project.finish) });
    pen.write(day.plus(1), 9 * 60, "projects.investment.planned", planned);
}

/// A contract with three instalments: a third in advance, a third half way, the rest at the end.
fn sign(pen: &mut Pen<'_>, project: &Project, contract: &str, amount: Fen, day: Day) {
    let span = project.finish.0 - project.start.0;
    let third = Fen(amount.0 / 3);
    let instalments = json!([
        { "day": project.start.plus(20), "amount_fen": third },
        { "day": project.start.plus(20 + span / 2), "amount_fen": third },
        { "day": project.finish.plus(30), "amount_fen": amount.0 - 2 * third.0 },
    ]);
    let body = json!({
        "project": project.name, "contract": contract, "title": "施工总承包合同（示范）", "party": "施工总承包单位（示范）",
        "amount_fen": amount, "instalments": instalments,
    });
    pen.write(day, 14 * 60, "projects.contract.signed", body);
}

/// Investment month by month until the finish, and the instalments paid.
fn months(pen: &mut Pen<'_>, project: &Project, contract: &str, amount: Fen) {
    let (start, finished) = (project.start, project.finished());
    for share in shares(project.total, start, finished) {
        let month: Month = serde_json::from_value(share["month"].clone()).expect("a month of ours");
        let body = json!({ "project": project.name, "month": month, "amount_fen": share["amount_fen"] });
        pen.write(month.last_day().min(finished), 17 * 60, "projects.investment.made", body);
    }
    let third = amount.0 / 3;
    let half = start.plus((finished.0 - start.0) / 2);
    for (day, fen) in [(start.plus(15), third), (half, third), (finished.plus(21), amount.0 - 2 * third)] {
        let body = json!({ "project": project.name, "contract": contract, "amount_fen": fen });
        pen.write(day, 16 * 60, "projects.payment.made", body);
    }
}

/// The team reports twice a month, and on the day of the finish.
fn reports(pen: &mut Pen<'_>, project: &Project) {
    let (start, finished) = (project.start, project.finished());
    let span = i64::from(finished.0 - start.0);
    for day in (start.0 + 1..finished.0).map(Day).filter(|day| matches!(day.civil().2, 10 | 25)) {
        let percent_bp = i64::from(day.0 - start.0) * 9_900 / span / 50 * 50;
        let body = json!({ "project": project.name, "percent_bp": percent_bp, "note": null });
        pen.write(day, 17 * 60 + 30, "projects.progress.reported", body);
    }
    let body = json!({ "project": project.name, "percent_bp": 10_000, "note": "全部完工" });
    pen.write(finished, 9 * 60, "projects.progress.reported", body);
}

/// A sum in shares by the days of each month.
pub(super) fn shares(whole: Fen, first: Day, last: Day) -> Vec<Value> {
    let days = i64::from(last.0 - first.0 + 1);
    let mut shares = Vec::new();
    let (mut from, mut spent) = (first, 0);
    while from <= last {
        let end = Month::of(from).last_day().min(last);
        let until = i64::from(end.0 - first.0 + 1);
        let sum = if end == last { whole.0 } else { whole.0 / 1_000_000 * until / days * 1_000_000 };
        shares.push(json!({ "month": Month::of(from), "amount_fen": sum - spent }));
        (spent, from) = (sum, end.plus(1));
    }
    shares
}
