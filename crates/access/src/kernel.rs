use crate::{ActionDef, RoleDef};

/// The roles that every installation has.
pub const KERNEL_ROLES: &[RoleDef] = &[
    // Keeps the org tree, accounts, roles, tokens and devices.
    role("admin", "管理员", "Administrator"),
    // Reads everything in the subtree, and sets its targets.
    role("leader", "领导", "Leader"),
    // Reads everything in the subtree, with the logs of who read restricted data.
    role("auditor", "审计员", "Auditor"),
    // Acts for a post: whoever holds it today is granted this by the org tree, on the post alone.
    role(HOLDER, "岗位任职人", "Holder of a post"),
    // A screen on a wall: looks at the wall of its units, and at nothing else.
    role(WALL, "大屏", "Wall screen"),
    // A monitoring system: reads how the installation fares, and nothing else.
    role(MONITOR, "监控系统", "Monitoring system"),
];

/// The role of whoever administers a unit.
pub const ADMIN: &str = "admin";

/// The role of whoever holds a post; the subject of the grant is the post.
pub const HOLDER: &str = "holder";

/// The role of a screen that shows the wall.
pub const WALL: &str = "wall";

/// The role of a system that watches over the machine.
pub const MONITOR: &str = "monitor";

/// What is done with matters: for a post that takes part, or with a role over the unit that keeps the book.
pub mod matter {
    pub const READ: &str = "kernel.matter.read";
    pub const OPEN: &str = "kernel.matter.open";
    pub const WORK: &str = "kernel.matter.work";
    pub const REVIEW: &str = "kernel.matter.review";
    pub const APPROVE: &str = "kernel.matter.approve";
    pub const ARRANGE: &str = "kernel.matter.arrange";
}

/// What can be done with the kernel's own nouns.
pub const KERNEL_ACTIONS: &[ActionDef] = &[
    action("kernel.registry.read", "查看组织树", "Read the org tree", &["admin", "leader", "auditor"]),
    action("kernel.registry.change", "维护组织树", "Change the org tree", &["admin"]),
    action("kernel.post.hold", "任免岗位", "Fill a post", &["admin"]),
    action("kernel.account.list", "查看账户", "List accounts", &["admin", "auditor"]),
    action("kernel.account.add", "新增账户", "Add an account", &["admin"]),
    action("kernel.account.disable", "停用账户", "Disable an account", &["admin"]),
    action("kernel.password.reset", "重置密码", "Reset a password", &["admin"]),
    action("kernel.totp.remove", "解除二次验证", "Take off a second step", &["admin"]),
    action("kernel.identity.set", "绑定统一身份", "Link an identity", &["admin"]),
    action("kernel.identity.remove", "解除统一身份绑定", "Unlink an identity", &["admin"]),
    action("kernel.grant.list", "查看授权", "List grants", &["admin", "auditor"]),
    action("kernel.grant.give", "授予角色", "Grant a role", &["admin"]),
    action("kernel.grant.withdraw", "收回角色", "Withdraw a role", &["admin"]),
    action("kernel.token.list", "查看令牌", "List tokens", &["admin", "auditor"]),
    action("kernel.token.issue", "签发令牌", "Issue a token", &["admin"]),
    action("kernel.token.revoke", "吊销令牌", "Revoke a token", &["admin"]),
    action("kernel.device.list", "查看设备", "List devices", &["admin", "auditor"]),
    action("kernel.device.enrol", "登记设备", "Enrol a device", &["admin"]),
    action("kernel.device.revoke", "注销设备", "Revoke a device", &["admin"]),
    action("kernel.contact.list", "查看联系方式", "List contacts", &["admin", "auditor"]),
    action("kernel.contact.set", "登记联系方式", "Set a contact", &["admin"]),
    action("kernel.contact.remove", "注销联系方式", "Remove a contact", &["admin"]),
    action("kernel.entry.read", "查看记录", "Read entries", &["leader", "auditor"]),
    action("kernel.entry.prove", "出具证明", "Prove an entry", &["leader", "auditor"]),
    action("kernel.figure.read", "查看数字", "Read figures", &["leader", "auditor"]),
    action("kernel.target.set", "设定目标", "Set a target", &["admin", "leader"]),
    action("kernel.wall.read", "查看大屏", "Look at the wall", &["leader", "auditor", WALL]),
    action("kernel.trace.walk", "追溯", "Walk a trace", &["leader", "auditor"]),
    of_posts(matter::READ, "查看事项", "Read matters", &["leader", "auditor"]),
    of_posts(matter::OPEN, "交办事项", "Open a matter", &["leader"]),
    of_posts(matter::WORK, "办理事项", "Work on a matter", &[]),
    of_posts(matter::REVIEW, "审核事项", "Review a matter", &[]),
    of_posts(matter::APPROVE, "审批事项", "Approve for a matter", &[]),
    of_posts(matter::ARRANGE, "调整承办", "Arrange who works on a matter", &["leader"]),
    action("kernel.witness.read", "查看见证", "See what is witnessed", &["admin", "leader", "auditor"]),
    action("kernel.witness.trust", "维护见证日志", "Say which logs are witnessed", &["admin"]),
    action("kernel.witness.acknowledge", "处置日志分叉", "Acknowledge a fork", &["admin"]),
    action("kernel.rule.adopt", "启用亮色规则", "Adopt a colour rule", &["admin"]),
    action("kernel.calendar.load", "载入节假日安排", "Load the holidays of a year", &["admin"]),
    action("kernel.body.erase", "删除正文", "Erase a body", &["admin"]),
    action("kernel.book.audit", "核验账簿", "Audit a book", &["admin", "auditor"]),
    action("kernel.policy.read", "查看权限表", "Read the table of rights", &["admin", "leader", "auditor"]),
    action("kernel.health.read", "查看运行状况", "See how the installation fares", &["admin", MONITOR]),
    action("kernel.read_log.read", "查看受限读取日志", "Read the log of restricted reads", &["auditor"]),
];

const fn role(name: &'static str, title_zh: &'static str, title_en: &'static str) -> RoleDef {
    RoleDef { name, title_zh, title_en, line: None, of_programs: false }
}

const fn action(
    name: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    roles: &'static [&'static str],
) -> ActionDef {
    ActionDef { name, title_zh, title_en, line: None, roles, own_only: &[], public: false }
}

/// What the holder of a post may do for the post.
const fn of_posts(
    name: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    roles: &'static [&'static str],
) -> ActionDef {
    ActionDef { own_only: &[HOLDER], ..action(name, title_zh, title_en, roles) }
}
