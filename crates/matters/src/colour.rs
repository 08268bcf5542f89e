use std::fmt::Write as _;

use base::Day;
use serde::{Deserialize, Serialize};

use crate::input::{Input, Unit};
use crate::rule::When;

/// The colour of a matter, from the best to the worst. Cities that say green mean blue.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    Blue,
    Yellow,
    Red,
}

impl Colour {
    pub const ALL: [Self; 3] = [Self::Blue, Self::Yellow, Self::Red];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }

    pub fn title_zh(self) -> &'static str {
        match self {
            Self::Blue => "蓝",
            Self::Yellow => "黄",
            Self::Red => "红",
        }
    }
}

/// A colour with everything that it was concluded from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    pub colour: Colour,
    pub rule: String,
    pub rule_version: u32,
    /// The day as of which the inputs were read.
    #[schema(value_type = String, format = Date)]
    pub day: Day,
    /// The deadline rests on holidays that are not published yet.
    pub provisional: bool,
    pub reasons: Vec<Reason>,
}

/// What one dimension of a rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub input: Input,
    /// The value of the input; nothing if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// The condition that gave the colour; nothing if none was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// The colour; nothing if the dimension says none, for want of a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// A proper reason was approved, so that the colour does not count.
    pub excused: bool,
}

impl Assessment {
    /// The explanation in Chinese: every input with its value, the decisive ones first.
    pub fn text_zh(&self) -> String {
        let mut text = format!(
            "{}（规则 {} 第 {} 版，{}{}）：",
            self.colour.title_zh(),
            self.rule,
            self.rule_version,
            self.day,
            if self.provisional { "，期限待节假日公布后确定" } else { "" }
        );
        self.join(&mut text, "；", Reason::write_zh);
        text.push('。');
        text
    }

    /// The explanation in English.
    pub fn text_en(&self) -> String {
        let mut text = format!(
            "{} (rule {}, version {}, {}{}): ",
            self.colour.as_str(),
            self.rule,
            self.rule_version,
            self.day,
            if self.provisional { ", deadline provisional until the holidays are published" } else { "" }
        );
        self.join(&mut text, "; ", Reason::write_en);
        text.push('.');
        text
    }

    fn join(&self, text: &mut String, between: &str, write: fn(&Reason, &mut String)) {
        let decides = |reason: &&Reason| reason.colour == Some(self.colour) && !reason.excused;
        let (first, rest): (Vec<&Reason>, Vec<&Reason>) = self.reasons.iter().partition(decides);
        for (at, reason) in first.into_iter().chain(rest).enumerate() {
            text.push_str(if at > 0 { between } else { "" });
            write(reason, text);
        }
    }
}

impl Reason {
    /// What it says in Chinese: the input, its value, the condition and the colour.
    pub fn text_zh(&self) -> String {
        let mut text = String::new();
        self.write_zh(&mut text);
        text
    }

    /// The same in English.
    pub fn text_en(&self) -> String {
        let mut text = String::new();
        self.write_en(&mut text);
        text
    }

    fn write_zh(&self, text: &mut String) {
        let value = self.value.map_or("无数据".into(), |value| self.input.amount_zh(value));
        let _infallible = write!(text, "{} {value}", self.input.title_zh());
        if let Some(when) = self.when {
            let _infallible = write!(text, "（{}）", when.text_zh(self.input));
        }
        if let Some(colour) = self.colour {
            let _infallible = write!(text, "，{}", colour.title_zh());
        }
        text.push_str(if self.excused { "，有正当理由，不计" } else { "" });
    }

    fn write_en(&self, text: &mut String) {
        let value = self.value.map_or("no data".into(), |value| self.input.amount_en(value));
        let _infallible = write!(text, "{} {value}", self.input.title_en());
        if let Some(when) = self.when {
            let _infallible = write!(text, " ({})", when.text_en(self.input));
        }
        if let Some(colour) = self.colour {
            let _infallible = write!(text, ", {}", colour.as_str());
        }
        text.push_str(if self.excused { ", excused" } else { "" });
    }
}

impl Input {
    /// A value with its unit.
    pub fn amount_zh(self, value: i64) -> String {
        match self.unit() {
            Unit::Days => format!("{value} 天"),
            Unit::Workdays => format!("{value} 个工作日"),
            Unit::Months => format!("{value} 个月"),
            Unit::Points => format!("{} 个百分点", hundredths(value)),
            Unit::Percent if value >= RATIO_MAX_BP => "尚无要求".into(),
            Unit::Percent => format!("{}%", hundredths(value)),
            Unit::Count => format!("{value} 项"),
        }
    }

    /// A value; the English titles name days and months themselves.
    pub fn amount_en(self, value: i64) -> String {
        match self.unit() {
            Unit::Percent if value >= RATIO_MAX_BP => "nothing due yet".into(),
            Unit::Points => format!("{} points", hundredths(value)),
            Unit::Percent => format!("{}%", hundredths(value)),
            _ => value.to_string(),
        }
    }
}

impl When {
    /// The condition on an input: `不高于 -10`.
    pub fn text_zh(self, input: Input) -> String {
        let (word, bound) = match self {
            Self::Below(bound) => ("低于", bound),
            Self::AtMost(bound) => ("不高于", bound),
            Self::AtLeast(bound) => ("达到", bound),
            Self::Above(bound) => ("超过", bound),
        };
        format!("{word} {}", bare(input.unit(), bound))
    }

    pub fn text_en(self, input: Input) -> String {
        let (word, bound) = match self {
            Self::Below(bound) => ("below", bound),
            Self::AtMost(bound) => ("at most", bound),
            Self::AtLeast(bound) => ("at least", bound),
            Self::Above(bound) => ("above", bound),
        };
        format!("{word} {}", bare(input.unit(), bound))
    }
}

/// The ratio that stands for one whose denominator is still 0, and the highest of all: 10,000 per cent.
pub(crate) const RATIO_MAX_BP: i64 = 1_000_000;

fn bare(unit: Unit, value: i64) -> String {
    match unit {
        Unit::Points | Unit::Percent => hundredths(value),
        _ => value.to_string(),
    }
}

/// `-12.5` for -1250.
fn hundredths(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:02}", value.unsigned_abs() / 100, value.unsigned_abs() % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_names_its_inputs_and_their_values_in_both_languages() {
        let reason = |input, value, when, colour, excused| Reason { input, value, when, colour, excused };
        let assessment = Assessment {
            colour: Colour::Yellow,
            rule: "default".into(),
            rule_version: 1,
            day: Day::parse("2026-03-09").unwrap(),
            provisional: false,
            reasons: vec![
                reason(Input::DaysOverdue, Some(3), Some(When::AtLeast(1)), Some(Colour::Red), true),
                reason(Input::PaidToRequiredBp, None, None, None, false),
                reason(
                    Input::ProgressMinusPlanBp,
                    Some(-1250),
                    Some(When::AtMost(-1000)),
                    Some(Colour::Yellow),
                    false,
                ),
            ],
        };
        assert_eq!(
            assessment.text_zh(),
            "黄（规则 default 第 1 版，2026-03-09）：进度与序时进度之差 -12.5 个百分点（不高于 -10），黄；\
             逾期 3 天（达到 1），红，有正当理由，不计；资金支付率 无数据。"
        );
        assert_eq!(
            assessment.text_en(),
            "yellow (rule default, version 1, 2026-03-09): progress against the time-phased plan -12.5 points \
             (at most -10), yellow; days overdue 3 (at least 1), red, excused; paid of what is required no data."
        );
    }
}
