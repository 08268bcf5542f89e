use crate::rule::ColourRule;

/// The rules that the product carries; an installation adopts one, or its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// The worst of the schedule's, the permits' and the blockers' colours; a stale report is never blue.
    Default,
    /// Blue, yellow and red as Leling and Suqian use them.
    LelingSuqian,
    /// The red, yellow and green lights of Yinchuan, March 2025.
    Yinchuan2025,
    /// Investment against plan in Sanya, 2022.
    Sanya2022,
    /// Investment against plan in Wuhan.
    Wuhan,
    /// For what is done on a day rather than over time, such as a permit: the deadline alone counts.
    Deadline,
}

impl Preset {
    pub const ALL: [Self; 6] =
        [Self::Default, Self::LelingSuqian, Self::Yinchuan2025, Self::Sanya2022, Self::Wuhan, Self::Deadline];

    /// The rule as it was written.
    pub fn json(self) -> &'static str {
        match self {
            Self::Default => include_str!("../data/rules/default.json"),
            Self::LelingSuqian => include_str!("../data/rules/leling-suqian.json"),
            Self::Yinchuan2025 => include_str!("../data/rules/yinchuan-2025.json"),
            Self::Sanya2022 => include_str!("../data/rules/sanya-2022.json"),
            Self::Wuhan => include_str!("../data/rules/wuhan.json"),
            Self::Deadline => include_str!("../data/rules/deadline.json"),
        }
    }

    pub fn rule(self) -> ColourRule {
        ColourRule::parse(self.json()).expect("a test reads every preset")
    }
}
