//! Refused acts of administration, told in both languages.

use kernel::{AdminError, AppendError, EraseRefusal};
use registry::{LEFT_DAYS_MAX, RegistryError};

use crate::app::{App, append_problem};
use crate::problem::Problem;
use crate::texts::Both;

/// The problem of an act of administration that was not recorded.
pub fn admin_problem(app: &App, error: AppendError<AdminError>) -> Problem {
    append_problem(error, |refusal| refused(app, &refusal))
}

fn refused(app: &App, refusal: &AdminError) -> Problem {
    if let AdminError::Denied { action, reason } = refusal {
        let title =
            app.kernel.policy().action(action).map_or((*action, *action), |it| (it.title_zh, it.title_en));
        let detail = Both::new(
            format!("您在此范围内没有“{}”的权限。如确需办理，请联系上级管理员。", title.0),
            format!("you may not do this here: {}; {reason}; ask the administrator above you", title.1),
        );
        return Problem::forbidden(detail).member("action", *action);
    }
    match refusal {
        AdminError::Busy => return Problem::unavailable(2),
        AdminError::SessionEnded => return Problem::unauthorized(),
        _ => {}
    }
    let detail = Both::new(sentence(refusal), refusal.to_string());
    let field = refusal.field();
    match rule(refusal) {
        "not-found" => Problem { detail, field: Some(field.into()), ..Problem::not_found() },
        rule @ ("exists" | "taken" | "state") => {
            let problem = Problem::conflict(rule, detail);
            if field.is_empty() { problem } else { Problem { field: Some(field.into()), ..problem } }
        }
        rule => Problem::bad_request(field, rule, detail),
    }
}

/// `not-found` is answered with 404; `exists`, `taken` and `state` with 409; the others with 400.
fn rule(refusal: &AdminError) -> &'static str {
    match refusal {
        AdminError::Registry(error) => match error {
            RegistryError::UnitExists(_)
            | RegistryError::BookExists(_)
            | RegistryError::PostExists(_)
            | RegistryError::PlaceExists(_) => "exists",
            RegistryError::PostTaken { .. } | RegistryError::GlnTaken { .. } => "taken",
            RegistryError::NotHeld { .. }
            | RegistryError::LeftThen { .. }
            | RegistryError::HeldAgain { .. }
            | RegistryError::HoldsMany { .. }
            | RegistryError::HeldByMany { .. }
            | RegistryError::Full { .. } => "state",
            RegistryError::LongAgo(_) | RegistryError::TooDeep(_) => "range",
            RegistryError::SecondRoot | RegistryError::Cycle(_) | RegistryError::WrongCity { .. } => {
                "consistency"
            }
            RegistryError::UnknownUnit(_)
            | RegistryError::UnknownParent(_)
            | RegistryError::UnknownPost(_)
            | RegistryError::UnknownPlace(_) => "reference",
        },
        AdminError::AccountExists(_)
        | AdminError::DeviceExists(_)
        | AdminError::AlreadyGranted
        | AdminError::ContactExists
        | AdminError::IdentityTaken
        | AdminError::LogExists => "exists",
        AdminError::OtherRoot(_)
        | AdminError::AccountDisabled(_)
        | AdminError::LastAdmin
        | AdminError::OwnAccount
        | AdminError::OneTimePassword
        | AdminError::AlreadyTried
        | AdminError::ForkAcknowledged(_)
        | AdminError::TotpOn
        | AdminError::TotpOff
        | AdminError::IdentityMissing => "state",
        AdminError::ReservedSubject | AdminError::ProgramAdmin | AdminError::RoleOfPrograms(_) => "reserved",
        AdminError::ForeignPost => "reference",
        AdminError::UnknownAccount(_)
        | AdminError::UnknownGrant(_)
        | AdminError::UnknownToken(_)
        | AdminError::UnknownTarget
        | AdminError::UnknownDevice(_)
        | AdminError::UnknownLog(_)
        | AdminError::UnknownFork(_)
        | AdminError::UnknownContact(_) => "not-found",
        AdminError::UnknownGrantee(_)
        | AdminError::UnknownRole(_)
        | AdminError::UnknownFigure(_)
        | AdminError::UnknownBook(_) => "reference",
        AdminError::RoleOfLine { .. } | AdminError::PasswordIsAccount | AdminError::PasswordSame => {
            "consistency"
        }
        AdminError::PasswordShort(_)
        | AdminError::PasswordLong(_)
        | AdminError::PasswordOften(_)
        | AdminError::CodesOften(_)
        | AdminError::ExpiresInPast
        | AdminError::LogsMany(_)
        | AdminError::GrantsMany(_)
        | AdminError::DevicesMany(_)
        | AdminError::TargetsMany(_)
        | AdminError::ContactsMany(_) => "range",
        AdminError::PasswordWrong
        | AdminError::CodeWrong
        | AdminError::CodesWrong(_)
        | AdminError::NoGrants => "format",
        AdminError::Unconfirmed => "required",
        AdminError::Denied { .. } | AdminError::SessionEnded | AdminError::Busy => "",
    }
}

fn sentence(refusal: &AdminError) -> String {
    match refusal {
        AdminError::Denied { .. } => "没有办理此事的权限。".into(),
        AdminError::Registry(error) => registry_sentence(error),
        AdminError::OtherRoot(root) => format!("本系统已以 {root} 为最上级单位启用，不能更换。"),
        AdminError::AccountExists(account) => format!("账户 {account} 已经存在，请换用其他账户名。"),
        AdminError::UnknownAccount(account) => format!("没有账户 {account}。"),
        AdminError::AccountDisabled(account) => format!("账户 {account} 已停用。"),
        AdminError::RoleOfPrograms(role) => format!("角色“{role}”只能授予程序和设备，不能授予账户。"),
        AdminError::ProgramAdmin => "管理员角色只能授予账户，不能授予程序和设备。".into(),
        AdminError::ReservedSubject => "条线角色不能以账户、令牌、设备或系统自身的名义授予。".into(),
        AdminError::OwnAccount => "此项不能对本人账户办理，请由其他管理员办理。".into(),
        AdminError::LastAdmin => "这是最上级单位的最后一名管理员，须先另行授予一名管理员。".into(),
        AdminError::PasswordShort(min) => format!("密码不得少于 {min} 个字符。"),
        AdminError::PasswordLong(max) => format!("密码不得超过 {max} 个字符。"),
        AdminError::PasswordIsAccount => "密码不得与账户名相同。".into(),
        AdminError::PasswordSame => "新密码不得与原密码相同。".into(),
        AdminError::PasswordWrong => "密码不正确。".into(),
        AdminError::PasswordOften(most) => format!("一小时内修改密码不得超过 {most} 次，请稍后再试。"),
        AdminError::CodesOften(most) => format!("一小时内变更二次验证不得超过 {most} 次，请稍后再试。"),
        AdminError::TotpOn => "该账户已启用二次验证。".into(),
        AdminError::TotpOff => "该账户未启用二次验证。".into(),
        AdminError::ForeignPost => "该岗位不在所选单位之内。".into(),
        AdminError::OneTimePassword => {
            "该账户尚未用一次性密码登录，而发放该密码的管理员无权以此权限登录：请先由本人登录并修改密码，或由有权的管理员重置密码后再办理。".into()
        }
        AdminError::IdentityTaken => "这一身份已与某个账户绑定，须先解除原有绑定。".into(),
        AdminError::IdentityMissing => "该账户未绑定统一身份。".into(),
        AdminError::CodeWrong => "动态验证码不正确或已过期。".into(),
        AdminError::CodesWrong(seconds) => format!("动态验证码多次填写错误，请在 {seconds} 秒后重试。"),
        AdminError::Busy => "正在核对的密码过多，请稍后重试。".into(),
        AdminError::SessionEnded => "登录已失效，请重新登录。".into(),
        AdminError::DevicesMany(most) => format!("同一账册登记过的设备不得超过 {most} 台。"),
        AdminError::TargetsMany(most) => format!("同一指标、同一单位最多设 {most} 个目标。"),
        AdminError::GrantsMany(most) => format!("同一账户、令牌或设备最多授予 {most} 项角色。"),
        AdminError::Unconfirmed => {
            "此项办理后长期有效或无法恢复，请再次输入本人密码（已启用二次验证的，还须输入验证码）；通过统一身份登录的，请重新登录后办理。".into()
        }
        AdminError::UnknownGrantee(actor) => {
            format!("不能向 {actor} 授予角色：该账户、令牌或设备不存在，或者已经停用。")
        }
        AdminError::UnknownRole(role) => format!("没有角色“{role}”。"),
        AdminError::RoleOfLine { role, line } => format!("角色“{role}”只适用于条线 {line}。"),
        AdminError::AlreadyGranted => "此前已授予相同的角色，无须重复授予。".into(),
        AdminError::UnknownGrant(grant) => format!("没有编号为 {grant} 的授权，或者已经收回。"),
        AdminError::NoGrants => "令牌至少须有一个角色，否则不能办理任何事项。".into(),
        AdminError::ExpiresInPast => "失效时间须晚于当前时间。".into(),
        AdminError::UnknownBook(book) => format!("没有账簿 {book}。"),
        AdminError::UnknownToken(token) => format!("没有令牌 {token}，或者已经吊销。"),
        AdminError::DeviceExists(device) => format!("设备 {device} 已经登记；如需更换凭证，请先注销。"),
        AdminError::UnknownDevice(device) => format!("没有设备 {device}，或者已经注销。"),
        AdminError::ContactExists => "该岗位已登记这一联系方式，无须重复登记。".into(),
        AdminError::ContactsMany(max) => format!("一个岗位最多登记 {max} 个联系方式，请先注销不用的。"),
        AdminError::UnknownContact(contact) => format!("没有编号为 {contact} 的联系方式，或者已经注销。"),
        AdminError::AlreadyTried => "该联系方式的测试通知正在发送，请稍候查看结果。".into(),
        AdminError::UnknownFigure(figure) => format!("没有指标 {figure}。"),
        AdminError::UnknownTarget => "该单位在此期间没有设定目标，无从撤销。".into(),
        AdminError::LogExists => "该日志已用这一公钥登记，无须重复登记。".into(),
        AdminError::LogsMany(max) => format!("最多登记 {max} 个被见证日志，请先停止不用的。"),
        AdminError::UnknownLog(log) => format!("没有编号为 {log} 的被见证日志，或者已经停止。"),
        AdminError::UnknownFork(fork) => format!("没有编号为 {fork} 的分叉。"),
        AdminError::ForkAcknowledged(fork) => format!("编号为 {fork} 的分叉已经处置。"),
    }
}

fn registry_sentence(error: &RegistryError) -> String {
    match error {
        RegistryError::SecondRoot => "最上级单位只有一个，新单位须填写上级单位。".into(),
        RegistryError::UnknownUnit(unit) => format!("没有单位 {unit}。"),
        RegistryError::UnknownParent(unit) => format!("没有上级单位 {unit}。"),
        RegistryError::UnitExists(unit) => format!("单位 {unit} 已经存在。"),
        RegistryError::Cycle(unit) => format!("单位 {unit} 不能是自己的上级。"),
        RegistryError::WrongCity { code, parent } => format!("区县代码 {code} 不属于城市 {parent}。"),
        RegistryError::BookExists(book) => format!("账簿 {book} 已经存在。"),
        RegistryError::PostExists(post) => format!("岗位 {post} 已经存在。"),
        RegistryError::PlaceExists(place) => format!("地点 {place} 已经存在。"),
        RegistryError::UnknownPlace(place) => format!("没有地点 {place}。"),
        RegistryError::GlnTaken { gln, place } => format!("全球位置码 {gln} 已用于地点 {place}。"),
        RegistryError::UnknownPost(post) => format!("没有岗位 {post}。"),
        RegistryError::PostTaken { post, holder } => format!("岗位 {post} 在该时段由 {holder} 担任。"),
        RegistryError::LongAgo(day) => {
            format!(
                "离任日期最早可填 {day}：离任自登记之日起算；根单位管理员登记他人离任可追溯 {LEFT_DAYS_MAX} 天。"
            )
        }
        RegistryError::TooDeep(most) => format!("单位层级最多 {most} 级。"),
        RegistryError::HoldsMany { account, most } => {
            format!("{account} 目前及以后担任的岗位已达上限（{most}）。")
        }
        RegistryError::HeldByMany { post, most } => {
            format!("岗位 {post} 目前及以后的任职登记已达上限（{most} 条）。")
        }
        RegistryError::Full { branch, most, .. } => {
            format!("{branch} 及其下级登记的此类数据已达上限（{most}）。")
        }
        RegistryError::HeldAgain { post, account, from } => {
            format!("{account} 自 {from} 起又担任岗位 {post}，该段任职不能撤销，请填写更晚的离任日期。")
        }
        RegistryError::NotHeld { post, account } => format!("{account} 在该时段并未担任岗位 {post}。"),
        RegistryError::LeftThen { post, account } => {
            format!("{account} 于该日离任岗位 {post}，此前已经登记。")
        }
    }
}

/// The problem of a body that was not erased.
pub fn erase_problem(app: &App, error: AppendError<EraseRefusal>) -> Problem {
    append_problem(error, |refusal| match &refusal {
        EraseRefusal::NoEntry(..) => Problem::not_found(),
        EraseRefusal::NotErasable(kind) => Problem::conflict(
            "not-erasable",
            Both::new(format!("{kind} 类记录不含个人信息，不能删除正文。"), refusal.to_string()),
        ),
        EraseRefusal::AlreadyErased => {
            Problem::conflict("erased", Both::new("该记录的正文此前已经删除。", refusal.to_string()))
        }
        EraseRefusal::Admin(error) => refused(app, error),
    })
}

/// 400 for a text that is not of the form its field needs.
pub fn malformed(field: &'static str, error: &impl std::fmt::Display) -> Problem {
    Problem::bad_request(field, "format", Both::new("格式不正确。", error.to_string()))
}
