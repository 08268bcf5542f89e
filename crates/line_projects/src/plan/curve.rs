use std::collections::HashMap;

use base::{CityZone, Day, Fen, Time};

use super::outlook::{ActivityReport, Outlook};

/// How much is planned, earned and spent by the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct CurvePoint {
    #[schema(value_type = String, format = Date)]
    pub day: Day,
    /// PV.
    #[schema(value_type = i64)]
    pub planned_fen: Fen,
    /// EV; none for days to come.
    #[schema(value_type = Option<i64>)]
    pub earned_fen: Option<Fen>,
    /// AC; none for days to come.
    #[schema(value_type = Option<i64>)]
    pub actual_fen: Option<Fen>,
}

/// The S-curve: at the end of every week, or of longer stretches where the plan is long, and of today.
pub fn curve(
    outlook: &Outlook,
    earned: &[(Day, Fen)],
    payments: &[(Time, Fen)],
    zone: &CityZone,
    today: Day,
) -> Vec<CurvePoint> {
    let mut spent: Vec<(Day, Fen)> = payments.iter().map(|(at, fen)| (zone.day_of(*at), *fen)).collect();
    spent.sort_by_key(|(day, _)| *day);
    let mut days: Vec<(Day, Fen)> = outlook.planned_value();
    let (first, last) = outlook.days();
    if (first..=last).contains(&today) && days.iter().all(|(day, _)| *day != today) {
        days.push((today, outlook.earned(today, Fen(0)).planned));
        days.sort_by_key(|(day, _)| *day);
    }
    let by = |all: &[(Day, Fen)], day: Day| {
        all.iter().take_while(|(at, _)| *at <= day).map(|(_, fen)| *fen).last()
    };
    let point = |(day, planned_fen): (Day, Fen)| {
        let is_past = day <= today;
        let paid: Fen = spent.iter().take_while(|(at, _)| *at <= day).map(|(_, fen)| *fen).sum();
        CurvePoint {
            day,
            planned_fen,
            earned_fen: is_past.then(|| by(earned, day).unwrap_or_default()),
            actual_fen: is_past.then_some(paid),
        }
    };
    days.into_iter().map(point).collect()
}

/// What was earned by the end of each day on which it changed, as reports on activities come in the order of their times. Each
/// changes what its own activity counts for, and the others are not looked at.
pub struct Earned<'a> {
    outlook: &'a Outlook,
    zone: &'a CityZone,
    places: HashMap<&'a str, usize>,
    reported: Vec<bool>,
    /// What each activity that was reported on has earned, and all of them.
    parts: Vec<Fen>,
    sum: Fen,
    days: Vec<(Day, Fen)>,
}

impl<'a> Earned<'a> {
    pub fn of(outlook: &'a Outlook, zone: &'a CityZone) -> Self {
        let labels = &outlook.document.labels;
        let places = labels.iter().enumerate().map(|(at, label)| (label.code.as_str(), at)).collect();
        let (reported, parts) = (vec![false; labels.len()], vec![Fen(0); labels.len()]);
        Self { outlook, zone, places, reported, parts, sum: Fen(0), days: vec![(outlook.days().0, Fen(0))] }
    }

    pub fn report(&mut self, report: &ActivityReport) {
        let Some(&at) = self.places.get(report.activity.as_str()) else { return };
        self.reported[at] = true;
        let Some(percent) = report.percent_bp else { return };
        let part = part(self.outlook.budgets[at], percent);
        self.sum = self.sum - std::mem::replace(&mut self.parts[at], part) + part;
        let day = self.zone.day_of(report.at);
        match self.days.last_mut() {
            Some(last) if last.0 == day => last.1 = self.sum,
            _ => self.days.push((day, self.sum)),
        }
    }

    /// Of what nobody reported on, the plan itself says how much is done; it is counted from the plan's first day.
    pub fn by_day(self) -> Vec<(Day, Fen)> {
        let each = self.outlook.budgets.iter().zip(&self.outlook.done).zip(&self.reported);
        let known = each.filter(|(_, reported)| !**reported);
        let known: Fen = known.map(|((budget, done), _)| part(*budget, i64::from(*done))).sum();
        self.days.into_iter().map(|(day, sum)| (day, known + sum)).collect()
    }
}

/// What so many ten-thousandths of a budget are.
fn part(budget: Fen, done: i64) -> Fen {
    Fen((i128::from(budget.0) * i128::from(done) / 10_000).try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use schedule::{Moment, WorkingTime};

    use super::super::outlook::Known;
    use super::super::{Model, read_file};
    use super::*;

    /// All activities are summed up anew for each report.
    fn summed_anew(outlook: &Outlook, reports: &[ActivityReport], zone: &CityZone) -> Vec<(Day, Fen)> {
        let labels = &outlook.document.labels;
        let is_reported = |code: &str| reports.iter().any(|report| report.activity == code);
        let known = labels.iter().zip(&outlook.done);
        let mut done: Vec<i64> =
            known.map(|(label, done)| if is_reported(&label.code) { 0 } else { i64::from(*done) }).collect();
        let value = |done: &[i64]| outlook.budgets.iter().zip(done).map(|(it, done)| part(*it, *done)).sum();
        let mut days: Vec<(Day, Fen)> = vec![(outlook.days().0, value(&done))];
        for report in reports {
            let Some(at) = labels.iter().position(|label| label.code == report.activity) else { continue };
            let Some(percent) = report.percent_bp else { continue };
            done[at] = percent;
            let (day, now) = (zone.day_of(report.at), value(&done));
            match days.last_mut() {
                Some(last) if last.0 == day => last.1 = now,
                _ => days.push((day, now)),
            }
        }
        days
    }

    #[test]
    fn what_is_earned_is_what_the_sum_of_all_activities_is_after_each_report() {
        let table = "code,name,duration,predecessors\nA,某工序,3d,\nB,某工序,40d,A\nC,某工序,7d,\nD,某工序,9d,C\nE,竣工,0d,D\n";
        let zone = CityZone::named("Asia/Shanghai").unwrap();
        let start = Moment::at(Day::parse("2026-03-16").unwrap(), 480);
        let import = read_file(table.as_bytes(), None, WorkingTime::office(), start).unwrap();
        let mut model = Model::of(&import.document, start);
        // The file says that D is half done, of which some of the rounds report nothing.
        let half = r#"{"what":"remove","activity":"D"}, {"what":"add","activity":{"code":"D","name":"x","minutes":4320,
            "started":"2026-03-10T08:00","left_minutes":2160}}"#;
        let half: Vec<super::super::Change> = serde_json::from_str(&format!("[{half}]")).unwrap();
        super::super::Change::make_all(&half, &mut model).unwrap();
        let mut state = 1_u64;
        let mut dice = |sides: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % sides
        };
        for round in 0..200 {
            let codes =
                if round % 2 == 0 { &["A", "B", "C", "E", "X"][..] } else { &["A", "D", "E", "X"][..] };
            let mut at = zone.start_of(Day::parse("2026-03-10").unwrap());
            let reports: Vec<ActivityReport> = (0..dice(60))
                .map(|_| {
                    at = at.plus_ms(i64::try_from(dice(30)).unwrap() * 3_600_000);
                    let percent = i64::try_from(dice(10_001)).unwrap();
                    ActivityReport {
                        activity: codes[usize::try_from(dice(codes.len() as u64)).unwrap()].to_owned(),
                        percent_bp: (dice(4) > 0).then_some(percent),
                        remaining_days: Some(3),
                        at,
                    }
                })
                .collect();
            let finish = Day::parse("2030-12-31").unwrap();
            let known = Known {
                model: &model,
                reports: &reports,
                frozen: None,
                finish,
                total: Fen(1_000_003),
                zone: &zone,
            };
            let outlook = Outlook::of(known).unwrap();
            let mut earned = Earned::of(&outlook, &zone);
            reports.iter().for_each(|report| earned.report(report));
            assert_eq!(earned.by_day(), summed_anew(&outlook, &reports, &zone), "{reports:?}");
        }
    }
}
