//! The line's rules as pure functions: no database, no clock.

use base::{Day, Fen, Time};

use crate::kinds::{Amended, Change, MonthPlan, Phase, Planned, Standing};
use crate::refusal::{Code, Refusal};
use crate::state::MonthRow;

/// A project goes forward by itself, over as many phases as it likes; back only with a reason.
pub fn may_change_phase(from: Phase, to: Phase, reason: Option<&str>) -> Result<(), Refusal> {
    if from == to {
        return Err(Refusal::new(
            Code::SamePhase,
            "body.to",
            format!("the project is {} already", to.as_str()),
        ));
    }
    if to < from && reason.is_none() {
        let detail = format!("going back from {} to {} needs a reason", from.as_str(), to.as_str());
        return Err(Refusal::new(Code::BackWithoutReason, "body.reason", detail));
    }
    Ok(())
}

/// The standing of a project that came into another phase. One that is signed now was not signed when it was entered.
pub fn in_phase(standing: &Standing, to: Phase) -> Standing {
    let newly_signed = match (standing.phase < Phase::Signed, to < Phase::Signed) {
        (true, false) => true,
        (false, true) => false,
        _ => standing.newly_signed,
    };
    Standing { phase: to, newly_signed, ..standing.clone() }
}

/// The standing of a project that is corrected on a day. A start that is put off to a later day is due no more.
pub fn amended(standing: &Standing, amended: &Amended, day: Day) -> Standing {
    let grouped = |now: &Option<String>, to: &Option<String>| match to {
        Some(to) => Some(to.clone()).filter(|to| !to.is_empty()),
        None => now.clone(),
    };
    Standing {
        phase: standing.phase,
        industry: amended.industry.clone().unwrap_or_else(|| standing.industry.clone()),
        chain: grouped(&standing.chain, &amended.chain),
        programme: grouped(&standing.programme, &amended.programme),
        total_fen: amended.total_fen.unwrap_or(standing.total_fen),
        newly_signed: amended.newly_signed.unwrap_or(standing.newly_signed),
        start_due: standing.start_due && amended.planned_start.is_none_or(|start| start <= day),
        finish_due: standing.finish_due,
    }
}

/// The standing of a project whose planned days were looked at on a day; none if nothing came due.
pub fn on_day(standing: &Standing, planned: (Day, Day), day: Day) -> Option<Standing> {
    let (start, finish) = planned;
    let due = Standing {
        start_due: standing.start_due || start <= day,
        finish_due: standing.finish_due || finish <= day,
        ..standing.clone()
    };
    (due != *standing).then_some(due)
}

/// What a day did to a project that is told of later: the change on that day, and how what fell due since counts now.
pub struct ToldLate {
    pub change: Change,
    pub restated: Vec<Restated>,
}

/// What fell due on a day: as it was counted, and as it counts now.
pub struct Restated {
    pub day: Day,
    pub was: Change,
    pub change: Change,
}

/// A change that happened on a day. `standing` is that of now, by the planned start and finish of now; `planned_after` are
/// those that the change leaves. What is due by a planned day that the change moves is left to the clock.
pub fn told_late(
    standing: &Standing,
    planned: (Day, Day),
    planned_after: (Day, Day),
    day: Day,
    after: impl FnOnce(&Standing) -> Option<Standing>,
) -> ToldLate {
    let on_the_day = Standing {
        start_due: standing.start_due && planned.0 <= day,
        finish_due: standing.finish_due && planned.1 <= day,
        ..standing.clone()
    };
    let after = after(&on_the_day);
    let change = Change { before: Some(on_the_day.clone()), after: after.clone() };
    let (mut was, mut is) = (on_the_day, after);
    let mut days: Vec<Day> = [(standing.start_due, planned.0), (standing.finish_due, planned.1)]
        .into_iter()
        .filter(|(is_due, at)| *is_due && *at > day)
        .map(|(_, at)| at)
        .collect();
    days.sort();
    days.dedup();
    let restate = |at: Day| {
        let comes = |it: &Standing, stays: (bool, bool)| Standing {
            start_due: it.start_due || (planned.0 == at && stays.0),
            finish_due: it.finish_due || (planned.1 == at && stays.1),
            ..it.clone()
        };
        let stays = (planned.0 == planned_after.0, planned.1 == planned_after.1);
        let (was_then, is_then) = (comes(&was, (true, true)), is.as_ref().map(|it| comes(it, stays)));
        let restated = Restated {
            day: at,
            was: Change { before: Some(was.clone()), after: Some(was_then.clone()) },
            change: Change { before: is.clone(), after: is_then.clone() },
        };
        (was, is) = (was_then, is_then);
        restated
    };
    ToldLate { change, restated: days.into_iter().map(restate).collect() }
}

/// What happens to a project happens after what it rests on.
pub fn in_order(occurred: Time, last: Time) -> Result<(), Refusal> {
    if occurred < last {
        let detail = format!("lies before {last}, when what it changes was registered or last changed");
        return Err(Refusal::new(Code::TooEarly, "occurred", detail));
    }
    Ok(())
}

/// Progress that falls says why.
pub fn may_report(before_bp: Option<i64>, now_bp: Option<i64>, note: Option<&str>) -> Result<(), Refusal> {
    match (before_bp, now_bp) {
        (Some(before), Some(now)) if now < before && note.is_none() => {
            let detail = format!("progress falls from {before} to {now} and the note does not say why");
            Err(Refusal::new(Code::FallWithoutNote, "body.note", detail))
        }
        _ => Ok(()),
    }
}

/// What is planned by month comes to no more than twice what the project is to cost.
pub fn may_cost(planned: &Planned, months: &[MonthRow], total: Fen) -> Result<(), Refusal> {
    let is_kept = |row: &&MonthRow| planned.months.iter().all(|plan| plan.month != row.month);
    let kept: Fen = months.iter().filter(is_kept).map(|row| row.planned_fen).sum();
    let new: Fen = planned.months.iter().map(|plan| plan.amount_fen).sum();
    let before: Fen = months.iter().map(|row| row.planned_fen).sum();
    match kept + new <= before.max(total + total) {
        true => Ok(()),
        false => {
            let detail = format!("{} are planned in all for a project of {total}", kept + new);
            Err(Refusal::new(Code::Body, "body.months", detail))
        }
    }
}

/// The plan of a month is not changed once it was due, whatever day the change is said to be of: on the day of the
/// record, or by what fell due.
pub fn may_plan(planned: &Planned, months: &[MonthRow], today: Day) -> Result<(), Refusal> {
    let fell_due = |month| months.iter().any(|row| row.month == month && row.fell_due);
    let is_closed = |plan: &MonthPlan| plan.month.last_day() <= today || fell_due(plan.month);
    match planned.months.iter().position(is_closed) {
        Some(at) => {
            let detail = format!("the plan of {} was due already", planned.months[at].month);
            Err(Refusal::new(Code::MonthClosed, format!("body.months[{at}].month"), detail))
        }
        None => Ok(()),
    }
}
