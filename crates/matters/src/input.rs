use base::{Day, Fen};
use serde::{Deserialize, Serialize};

use crate::phased::Phased;

macro_rules! inputs {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $unit:ident, $zh:literal, $en:literal;)*) => {
        /// What a colour rule may look at. Each is a whole number that only ever rises, or only ever falls, as days go
        /// by and nothing is reported: so the day on which it crosses a threshold can be told beforehand.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Input {
            $($(#[$doc])* $name,)*
        }

        impl Input {
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$name),*];

            /// As rules name it, the unit last; `bp` are hundredths of a per cent.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            pub fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit),* }
            }

            pub fn title_zh(self) -> &'static str {
                match self { $(Self::$name => $zh),* }
            }

            pub fn title_en(self) -> &'static str {
                match self { $(Self::$name => $en),* }
            }
        }
    };
}

inputs! {
    /// Calendar days to the deadline; negative after it.
    DaysToDeadline, "days_to_deadline", Days, "距期限", "days to the deadline";
    WorkdaysToDeadline, "workdays_to_deadline", Workdays, "距期限工作日", "workdays to the deadline";
    /// Calendar days since the deadline, paused ones left out; 0 until then.
    DaysOverdue, "days_overdue", Days, "逾期", "days overdue";
    WorkdaysOverdue, "workdays_overdue", Workdays, "逾期工作日", "workdays overdue";
    /// Progress minus the time-phased plan (序时进度).
    ProgressMinusPlanBp, "progress_minus_plan_bp", Points, "进度与序时进度之差", "progress against the time-phased plan";
    /// Days by which the forecast finish lies after the deadline; 0 if it does not.
    NegativeFloatDays, "negative_float_days", Days, "预计完成晚于期限", "negative float";
    /// The share of the float that is consumed minus the share of the time that has elapsed.
    FloatConsumedMinusTimeBp, "float_consumed_minus_time_bp", Points, "时差消耗与时间消耗之差", "float consumed against time elapsed";
    OpenBlockers, "open_blockers", Count, "关键路线上未解决的堵点", "open blockers on the driving path";
    OverduePermits, "overdue_permits", Count, "逾期审批事项", "overdue permits";
    /// The calendar months, this one among them, in which the start stood due and was not made.
    MonthsWithoutStart, "months_without_start", Months, "应开工未开工", "months due and not started";
    /// Months, begun ones among them, since the start without being in the statistics database (入库).
    MonthsWithoutStatistics, "months_without_statistics", Months, "开工后未入库", "months started and not in the statistics";
    /// Paid out as a share of what had to be paid out by now.
    PaidToRequiredBp, "paid_to_required_bp", Percent, "资金支付率", "paid of what is required";
    /// Invested as a share of what was planned by now.
    InvestedToPlannedBp, "invested_to_planned_bp", Percent, "投资完成率", "invested of what is planned";
    /// Days since the last report; since the last move, or the opening, if none was made.
    DaysSinceReport, "days_since_report", Days, "距上次报告", "days since the last report";
}

/// The unit of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Days,
    Workdays,
    Months,
    /// Percentage points, in hundredths.
    Points,
    /// Per cent, in hundredths.
    Percent,
    Count,
}

/// What a line knows of a matter, besides what the matter knows itself. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    #[schema(value_type = Option<String>, format = Date)]
    pub reported: Option<Day>,
    /// Progress in hundredths of a per cent.
    pub progress_bp: Option<i64>,
    /// The time-phased plan, in hundredths of a per cent.
    pub planned_progress_bp: Option<Phased>,
    #[schema(value_type = Option<String>, format = Date)]
    pub forecast_finish: Option<Day>,
    pub float_consumed_bp: Option<i64>,
    pub open_blockers: Option<u32>,
    /// The deadlines of the permits that are still open.
    #[schema(value_type = Option<Vec<String>>)]
    pub permits_due: Option<Vec<Day>>,
    #[schema(value_type = Option<String>, format = Date)]
    pub planned_start: Option<Day>,
    #[schema(value_type = Option<String>, format = Date)]
    pub started: Option<Day>,
    pub is_in_statistics: Option<bool>,
    #[schema(value_type = Option<i64>)]
    pub paid: Option<Fen>,
    /// What has to be paid by which day, in fen.
    pub required_fen: Option<Phased>,
    #[schema(value_type = Option<i64>)]
    pub invested: Option<Fen>,
    /// What was planned to be invested by which day, in fen.
    pub planned_fen: Option<Phased>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_written_as_it_is_read() {
        for input in Input::ALL {
            let text = format!("\"{}\"", input.as_str());
            assert_eq!(serde_json::to_string(&input).unwrap(), text);
            assert_eq!(serde_json::from_str::<Input>(&text).unwrap(), input);
        }
    }
}
