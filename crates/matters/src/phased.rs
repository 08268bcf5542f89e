use base::Day;
use serde::{Deserialize, Serialize};

/// Points of one plan at most: as many as there are days, or months, of which a line knows what is due.
pub const POINTS_MAX: usize = 1_000;

/// A plan over time: how much is to be reached by which day. It never falls; before its first day it asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Points", into = "Points")]
#[schema(as = Phased, value_type = Points)]
pub struct Phased(Points);

/// A plan as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Points {
    pub between: Between,
    pub points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    #[schema(value_type = String, format = Date)]
    pub day: Day,
    pub amount: i64,
}

/// What holds between two points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// The amount of the earlier point.
    Steps,
    /// A straight line, rounded down.
    Line,
}

/// Why points are no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a plan has 1 to {POINTS_MAX} points of ascending days and amounts that never fall, from 0 on")]
pub struct NotPhased;

impl Phased {
    pub fn new(between: Between, points: Vec<Point>) -> Result<Self, NotPhased> {
        Self::try_from(Points { between, points })
    }

    /// How much is to be reached by the end of a day.
    pub fn at(&self, day: Day) -> i64 {
        let points = &self.0.points;
        let next = points.partition_point(|point| point.day <= day);
        let Some(last) = next.checked_sub(1).map(|at| points[at]) else { return 0 };
        match (self.0.between, points.get(next)) {
            (Between::Line, Some(next)) => {
                let (done, whole) = (i128::from(day.0 - last.day.0), i128::from(next.day.0 - last.day.0));
                let rise = i128::from(next.amount - last.amount) * done / whole;
                last.amount + i64::try_from(rise).expect("a part of a rise is no more than the rise")
            }
            _ => last.amount,
        }
    }
}

impl TryFrom<Points> for Phased {
    type Error = NotPhased;

    fn try_from(points: Points) -> Result<Self, NotPhased> {
        let ascending =
            points.points.windows(2).all(|two| two[0].day < two[1].day && two[0].amount <= two[1].amount);
        let sized = (1..=POINTS_MAX).contains(&points.points.len());
        let positive = points.points.first().is_some_and(|point| point.amount >= 0);
        if ascending && sized && positive { Ok(Self(points)) } else { Err(NotPhased) }
    }
}

impl From<Phased> for Points {
    fn from(plan: Phased) -> Self {
        plan.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(day: i32, amount: i64) -> Point {
        Point { day: Day(day), amount }
    }

    #[test]
    fn a_plan_asks_for_nothing_before_it_begins_and_for_its_last_amount_for_ever() {
        let points = vec![point(10, 0), point(20, 100), point(23, 101)];
        let line = Phased::new(Between::Line, points.clone()).unwrap();
        let steps = Phased::new(Between::Steps, points).unwrap();
        for (day, on_line, on_steps) in [
            (9, 0, 0),
            (10, 0, 0),
            (15, 50, 0),
            (20, 100, 100),
            (22, 100, 100),
            (23, 101, 101),
            (99, 101, 101),
        ] {
            assert_eq!((line.at(Day(day)), steps.at(Day(day))), (on_line, on_steps), "day {day}");
        }
    }

    #[test]
    fn points_that_fall_or_stand_in_the_wrong_order_are_no_plan() {
        for points in
            [vec![], vec![point(1, -1)], vec![point(1, 5), point(2, 4)], vec![point(2, 1), point(2, 1)]]
        {
            assert_eq!(Phased::new(Between::Line, points), Err(NotPhased));
        }
    }
}
