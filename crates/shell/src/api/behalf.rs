//! On whose behalf something may be granted.

use base::SubjectId;

use crate::app::App;
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::Viewer;

/// Refuses to grant a line's role on behalf of an account, a credential or the installation, to whoever may grant at all.
pub fn check(
    app: &App,
    viewer: &Viewer,
    action: &str,
    role: &str,
    subject: Option<&SubjectId>,
) -> Result<(), Problem> {
    viewer.need_somewhere(app, action)?;
    if subject.is_none_or(|subject| app.kernel.policy().may_act_for(role, subject)) {
        return Ok(());
    }
    let detail = Both::new(
        "条线角色不能以账户、令牌、设备或系统自身的名义授予。",
        "a role of a line is not granted on behalf of an account, a token, a device or the installation",
    );
    Err(Problem::bad_request("subject", "reserved", detail))
}
