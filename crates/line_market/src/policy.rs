//! Who may do what in a market.

use access::{ActionDef, RoleDef};

const fn role(name: &'static str, title_zh: &'static str, title_en: &'static str) -> RoleDef {
    RoleDef { name, title_zh, title_en, line: Some("market"), of_programs: false }
}

pub const ROLES: &[RoleDef] = &[
    role("operator", "市场管理方", "Market operator"),
    role("merchant", "经营户", "Merchant"),
    role("inspector", "检测执法人员", "Inspector"),
    // What it writes is on slips, which anybody may open.
    RoleDef { of_programs: true, ..role("scale", "电子秤", "Scale") },
    // Captures events, and sees those that it sent itself.
    role("supplier", "外部系统", "Outside system"),
    // Sees the events of every sender, and nothing else: a regulator's or wholesaler's own system.
    role("tracer", "追溯查询系统", "Tracing system"),
];

/// Reads a market's records, figures and traces.
pub const READ: &str = "market.records.read";
/// Reads the takings of single stalls.
pub const READ_TAKINGS: &str = "market.takings.read";
/// Takes part in the scale contract.
pub const WEIGH: &str = "market.scale.weigh";
pub const CAPTURE: &str = "market.epcis.capture";
pub const QUERY: &str = "market.epcis.query";
/// Keeps queries under names, and is told of their events.
pub const SUBSCRIBE: &str = "market.epcis.subscribe";
/// Whoever may query and not this sees only what they sent themselves.
pub const OVERSEE: &str = "market.epcis.oversee";
pub const KEEP_EVIDENCE: &str = "market.evidence.keep";
pub const READ_EVIDENCE: &str = "market.evidence.read";

const fn action(
    name: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    roles: &'static [&'static str],
    own_only: &'static [&'static str],
) -> ActionDef {
    ActionDef { name, title_zh, title_en, line: Some("market"), roles, own_only, public: false }
}

/// The action of recording a kind has the kind's name.
pub const ACTIONS: &[ActionDef] = &[
    action(
        READ,
        "查看市场记录",
        "Read records",
        &["operator", "inspector", "leader", "auditor"],
        &["merchant"],
    ),
    action(READ_TAKINGS, "查看营业额", "Read takings", &["operator", "leader", "auditor"], &["merchant"]),
    action(WEIGH, "过秤上传", "Weigh and report", &[], &["scale"]),
    action(CAPTURE, "上传追溯事件", "Capture EPCIS events", &["operator", "supplier"], &[]),
    action(
        QUERY,
        "查询追溯事件",
        "Query EPCIS events",
        &["operator", "inspector", "leader", "auditor", "supplier", "tracer"],
        &[],
    ),
    action(
        SUBSCRIBE,
        "保存命名查询与订阅",
        "Name queries and subscribe",
        &["operator", "inspector", "supplier", "tracer"],
        &[],
    ),
    action(
        OVERSEE,
        "查看各方上传的追溯事件",
        "See the events of every sender",
        &["operator", "inspector", "leader", "auditor", "tracer"],
        &[],
    ),
    action(KEEP_EVIDENCE, "上传凭证", "Upload evidence", &["operator", "inspector"], &["merchant"]),
    action(
        READ_EVIDENCE,
        "查看凭证",
        "Read evidence",
        &["operator", "inspector", "leader", "auditor"],
        &["merchant"],
    ),
    action("market.market.opened", "登记市场", "Open a market", &["operator"], &[]),
    action("market.duties.assigned", "落实责任岗位", "Assign duties", &["inspector"], &[]),
    action("market.jobs.changed", "登记就业岗位", "Record jobs", &["operator"], &[]),
    action("market.merchant.registered", "登记经营户", "Register a merchant", &["operator"], &[]),
    action("market.certificate.recorded", "登记证照", "Record a certificate", &["operator"], &[]),
    action("market.stall.opened", "启用摊位", "Open a stall", &["operator"], &[]),
    action("market.stall.leased", "出租摊位", "Let a stall", &["operator"], &[]),
    action("market.lease.ended", "终止租约", "End a lease", &["operator"], &[]),
    action("market.fee.charged", "登记应收", "Charge a fee", &["operator"], &[]),
    action("market.fee.paid", "登记实收", "Record a payment", &["operator"], &[]),
    action("market.scale.enrolled", "电子秤入网", "Enrol a scale", &["operator"], &[]),
    action("market.scale.verified", "登记检定", "Record a verification", &["operator", "inspector"], &[]),
    action("market.scale.moved", "调换电子秤", "Move a scale", &["operator"], &[]),
    action("market.product.registered", "登记商品", "Register a product", &["operator"], &[]),
    action("market.price.posted", "公示价格", "Post a price", &["operator"], &["merchant"]),
    action("market.lot.received", "进货登记", "Receive a lot", &["operator"], &["merchant"]),
    action("market.lot.transferred", "摊间调拨", "Transfer a lot", &["operator"], &["merchant"]),
    action(
        "market.transfer.offered",
        "提出调拨",
        "Offer goods to another stall",
        &["operator"],
        &["merchant"],
    ),
    action("market.transfer.accepted", "接收调拨", "Take goods over", &["operator"], &["merchant"]),
    action("market.lot.split", "拆分批次", "Split a lot", &["operator"], &["merchant"]),
    action("market.lot.lost", "登记损耗", "Record a loss", &["operator"], &["merchant"]),
    action("market.inspection.recorded", "登记检测", "Record a test", &["inspector"], &[]),
    action("market.lot.held", "责令停售", "Hold a lot", &["inspector"], &[]),
    action("market.lot.released", "解除停售", "Release a lot", &["inspector"], &[]),
    action("market.recall.opened", "启动召回", "Open a recall", &["inspector"], &[]),
    action("market.recall.ended", "终止召回", "End a recall", &["inspector"], &[]),
    ActionDef {
        name: "market.complaint.filed",
        title_zh: "提交投诉",
        title_en: "File a complaint",
        line: Some("market"),
        roles: &[],
        own_only: &[],
        public: true,
    },
    action("market.complaint.settled", "办结投诉", "Settle a complaint", &["operator", "inspector"], &[]),
    action("market.footfall.counted", "登记客流", "Count visitors", &["operator"], &[]),
    action("market.cleaning.done", "登记保洁", "Record cleaning", &["operator"], &[]),
];
