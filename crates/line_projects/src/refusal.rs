use ledger::{BodyError, Rule};
use serde::{Deserialize, Serialize};

/// Why the line refuses to record something: the rule, and the field that breaks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct Refusal {
    pub code: Code,
    pub field: String,
    pub detail: String,
    /// The detail in Chinese, where it says more than the rule does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<String>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $zh:literal;)*) => {
        /// The line's rules.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// The rule in Chinese.
            pub fn chinese(self) -> &'static str {
                match self { $(Self::$name => $zh),* }
            }
        }
    };
}

codes! {
    UnknownKind, "没有这一记录种类";
    /// The project has gone to another team since the request came.
    OtherOwner, "项目已调整由其他专班负责，请刷新后重新办理";
    Body, "填写内容不符合要求";
    FutureTime, "发生时间晚于服务器时间，超出允许误差";
    UnknownProject, "项目不存在";
    UnknownProgramme, "专项不存在";
    UnknownChain, "产业链不存在";
    UnknownContract, "合同不存在";
    UnknownItem, "代办事项不存在";
    UnknownEntry, "所引用的记录不存在";
    UnknownPermit, "审批事项不存在";
    UnknownPost, "岗位不存在";
    UnknownRule, "亮色规则不存在";
    UnknownEvidence, "凭证文件尚未上传";
    NoEvidence, "须附凭证";
    /// What is owed does not allow it.
    Matter, "事项当前状态不允许这样办理";
    /// Who reviews a matter does not hand it in for the post that owes it.
    OwnReview, "审核该事项的岗位不得代为报结，应由承办岗位或其他人员登记";
    /// Nobody sets by what they are judged themselves.
    OwnProject, "本人承担该项目，其考核依据应由重点项目办其他人员登记";
    /// A plan that cannot be reckoned with.
    Plan, "进度计划不成立";
    NoPlan, "项目尚无进度计划";
    /// What is asked of a plan that has changed meanwhile is tried again.
    NotReckoned, "进度计划已有变动，正在重新推算，请稍后重试";
    /// What is frozen is what was seen.
    PlanChanged, "进度计划在查看之后已有变动，请重新查看后再确定基准";
    TooManyPlans, "该项目一天内导入计划或设定基准的次数已达上限，请改日再试";
    /// What is kept for good is recorded so often in a day.
    TooManyOfDay, "当日登记次数已达上限，请改日再登记";
    Exists, "编号已被使用";
    /// The project left the list.
    Gone, "项目已退出清单";
    /// Nothing more is owed for what was accepted.
    Accepted, "项目已办结，应先重新启动该项目";
    /// What is said to happen lies before what it rests on.
    TooEarly, "时间早于登记或上一次变更";
    SamePhase, "项目已处于该阶段";
    BackWithoutReason, "阶段回退须说明原因";
    /// What was reached is not taken back by who is judged by it.
    BackByOffice, "阶段回退由重点项目办登记";
    /// What a baseline froze stays in the plan of who is judged by it, or is done.
    TakenOutByOffice, "基准计划中尚未完工的活动由重点项目办移出进度计划";
    /// What waits for a reviewer is not changed before it is judged.
    HandedIn, "项目已报结待审核，审核退回后方可回退阶段";
    NotFinished, "项目尚未竣工，不能验收";
    AlreadyDone, "该事项已登记，不能重复";
    /// A plan is not changed once it was due.
    MonthClosed, "该月计划已到期，不能再调整";
    /// Investment of a month that has not begun.
    MonthAhead, "该月尚未开始";
    FallWithoutNote, "进度回落须说明原因";
    NotReversible, "该种记录不能冲正";
    AlreadyReversed, "该记录已冲正";
    /// What is owed by an entry is ended before the entry is taken back.
    MeasuresOwed, "帮扶方案尚有未办结的措施，应先撤销或办结各项措施再冲正";
}

impl Code {
    /// The rule's name in problem documents, such as `same-phase`.
    pub fn name(self) -> String {
        crate::word(&self)
    }

    /// Whether the request contradicts what is recorded, rather than being wrong in itself.
    pub fn is_conflict(self) -> bool {
        matches!(
            self,
            Self::Exists
                | Self::OtherOwner
                | Self::Gone
                | Self::Accepted
                | Self::SamePhase
                | Self::BackByOffice
                | Self::TakenOutByOffice
                | Self::HandedIn
                | Self::NotFinished
                | Self::AlreadyDone
                | Self::MonthClosed
                | Self::AlreadyReversed
                | Self::MeasuresOwed
                | Self::Matter
                | Self::OwnReview
                | Self::OwnProject
                | Self::TooManyPlans
                | Self::TooManyOfDay
                | Self::PlanChanged
                | Self::NoPlan
        )
    }
}

impl Refusal {
    pub fn new(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, field: field.into(), detail: detail.into(), zh: None }
    }

    #[must_use]
    pub fn in_chinese(self, zh: impl Into<String>) -> Self {
        Self { zh: Some(zh.into()), ..self }
    }

    /// The rule in Chinese, then the field.
    pub fn chinese(&self) -> String {
        let said = match &self.zh {
            Some(zh) => format!("{}：{zh}", self.code.chinese()),
            None => self.code.chinese().to_owned(),
        };
        match self.field.as_str() {
            "" => format!("{said}。"),
            field => format!("{said}（字段 {field}）。"),
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let is_future = error.field == "occurred" && error.rule == Rule::Range;
        Self::new(if is_future { Code::FutureTime } else { Code::Body }, error.field, error.detail)
    }
}
