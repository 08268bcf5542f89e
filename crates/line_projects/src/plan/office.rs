use base::{Day, Month};
use matters::{Calendar, DayKind};
use schedule::WorkingTime;

/// The hours of the city's offices: the week, and what the yearly notices make of it. Plans that bring no calendar are
/// worked by it.
pub fn office_hours(calendar: &Calendar) -> WorkingTime {
    let mut time = WorkingTime::office();
    let first = |year: i32| Month::parse(&format!("{year:04}-01")).map(Month::first_day);
    for year in calendar.years() {
        let (Ok(from), Ok(to)) = (first(year), first(year + 1)) else { continue };
        for day in (from.0..to.0).map(Day) {
            match calendar.kind_of(day).value {
                DayKind::Holiday { .. } => time = time.with_holidays(day, day),
                DayKind::MakeUp { .. } => time = time.with_workday(day),
                DayKind::Workday | DayKind::Weekend => {}
            }
        }
    }
    time
}

#[cfg(test)]
mod tests {
    use schedule::{Minutes, Moment};

    use super::*;

    #[test]
    fn ten_workdays_over_the_spring_festival_of_2026_end_on_27_february() {
        let day = |text| Day::parse(text).unwrap();
        let office = schedule::Calendar::new(office_hours(&Calendar::embedded())).unwrap();
        let finish = office.add(Moment::at(day("2026-02-09"), 0), Minutes::workdays(10));
        assert_eq!(finish, Moment::at(day("2026-02-27"), 1020));
    }
}
