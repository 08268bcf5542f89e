use base::Fen;
use serde::{Deserialize, Serialize};

/// How far a project has come (项目阶段), in this order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// 谋划
    Planned,
    /// 签约
    Signed,
    /// 供地: the land is obtained.
    Land,
    /// 开工
    Started,
    /// 封顶: the roof is on, or the main structure stands.
    Roofed,
    /// 竣工
    Finished,
    /// 投产
    Producing,
}

impl Phase {
    pub const ALL: [Self; 7] = [
        Self::Planned,
        Self::Signed,
        Self::Land,
        Self::Started,
        Self::Roofed,
        Self::Finished,
        Self::Producing,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Signed => "signed",
            Self::Land => "land",
            Self::Started => "started",
            Self::Roofed => "roofed",
            Self::Finished => "finished",
            Self::Producing => "producing",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }
}

/// All that the figures of state know a project by: every one of them is a sum over standings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    pub phase: Phase,
    pub industry: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
    pub total_fen: Fen,
    /// Whether it was signed while this ledger was kept, rather than entered as signed long ago.
    pub newly_signed: bool,
    /// Whether its planned start has come.
    pub start_due: bool,
    /// Whether its planned finish has come.
    pub finish_due: bool,
}

/// What an entry did to a project's standing. Written by the recorder, so that figures are sums of entries by
/// themselves; whatever a request says here is overwritten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// None where the project is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Standing>,
    /// None where the project is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Standing>,
}
