use serde::{Deserialize, Serialize};

use crate::MatterError;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal, $zh:literal, $en:literal);* $(;)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),* }

        impl $name {
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            pub fn title_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh),* }
            }

            pub fn title_en(self) -> &'static str {
                match self { $(Self::$variant => $en),* }
            }
        }
    };
}

words! {
    /// Where a matter stands.
    State {
        Open = "open", "待受领", "open";
        InHand = "in_hand", "办理中", "in hand";
        Submitted = "submitted", "待审核", "submitted";
        Returned = "returned", "已退回", "returned";
        Accepted = "accepted", "已办结", "accepted";
        Cancelled = "cancelled", "已撤销", "cancelled";
        Reopened = "reopened", "已重启", "reopened";
    }
}

words! {
    /// What can happen to a matter that is there.
    Verb {
        Taken = "taken", "受领", "take in hand";
        Submitted = "submitted", "报结", "submit";
        Returned = "returned", "退回", "return";
        Accepted = "accepted", "办结", "accept";
        Cancelled = "cancelled", "撤销", "cancel";
        Reopened = "reopened", "重启", "reopen";
        HandedOver = "handed_over", "移交", "hand over";
        HelperAdded = "helper_added", "增加协办", "add a helper";
        Paused = "paused", "中止计时", "pause";
        Resumed = "resumed", "恢复计时", "resume";
        Extended = "extended", "延期", "extend";
        Coloured = "coloured", "变色", "colour";
        Escalated = "escalated", "升级", "escalate";
        Excused = "excused", "认定正当理由", "excuse";
    }
}

impl State {
    /// Nothing is owed.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Accepted | Self::Cancelled)
    }

    /// The state after something happened: the whole state machine.
    pub fn after(self, verb: Verb) -> Result<Self, MatterError> {
        let is_with_owner = matches!(self, Self::Open | Self::InHand | Self::Returned | Self::Reopened);
        let next = match (self, verb) {
            (Self::Open | Self::Returned | Self::Reopened, Verb::Taken) => Some(Self::InHand),
            (Self::InHand | Self::Returned, Verb::Submitted) => Some(Self::Submitted),
            (Self::Submitted, Verb::Returned) => Some(Self::Returned),
            (Self::Submitted, Verb::Accepted) => Some(Self::Accepted),
            (state, Verb::Cancelled) if !state.is_closed() => Some(Self::Cancelled),
            (state, Verb::Reopened) if state.is_closed() => Some(Self::Reopened),
            (_, Verb::Paused | Verb::Resumed | Verb::Extended) if is_with_owner => Some(self),
            (state, Verb::HandedOver | Verb::HelperAdded | Verb::Excused | Verb::Escalated)
                if !state.is_closed() =>
            {
                Some(self)
            }
            (_, Verb::Coloured) => Some(self),
            _ => None,
        };
        next.ok_or(MatterError::Forbidden { state: self, verb })
    }
}

impl Verb {
    /// Written by the clock, not by people: such an event makes no form stale.
    pub fn is_of_the_clock(self) -> bool {
        matches!(self, Self::Coloured | Self::Escalated)
    }

    /// Whether it can happen while the clock of the matter stands.
    pub(crate) fn passes_a_pause(self) -> bool {
        matches!(
            self,
            Self::Resumed | Self::HandedOver | Self::HelperAdded | Self::Cancelled | Self::Coloured
        )
    }
}
