//! The kernel's own vocabulary: units and books, posts, accounts and rights, and the erasure of a body.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use access::{ActionDef, KERNEL_ACTIONS, KERNEL_ROLES, RoleDef};
use base::{BookId, CityZone, Seq, SubjectId, limits};
use figures::{Contributions, Figure, Ratio};
use ledger::{Body, BodyError, Draft, Entry, Kind, Role, Rule, check_text};
use matters::{PostId, Submitted};
use registry::{BookOpened, PlaceAdded, PlaceRenamed, PostAdded, PostHeld, PostLeft, UnitAdded, UnitRenamed};
use serde::{Deserialize, Serialize};
use store::{Migration, Param, StoreError, Tx};

use crate::accounts::{
    self, AccountAdded, AccountDisabled, DeviceEnrolled, DeviceRevoked, GrantGiven, GrantWithdrawn,
    IdentityRemoved, IdentitySet, PasswordChanged, TokenIssued, TokenRevoked, TotpRecovered, TotpRemoved,
    TotpRenewed, TotpSet,
};
use crate::admin::{Admin, AdminError, about};
use crate::docket::{self, Rulebooks};
use crate::line::{Derived, Line, MatterSort};
use crate::notices::{self, ContactRemoved, ContactSet, NoticeSent};
use crate::registry::ROOT_BOOK;
use crate::target::{self, TargetSet};
use crate::witness::{self, ForkAcknowledged, ForkFound, LogDropped, LogTrusted};
use crate::{AppendError, By, Desk, Kernel, Receipt, entries, evidence, schema};

/// A body was erased: who asked is the entry's actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyErased {
    /// The entry, in the same book, whose body is gone.
    pub seq: u64,
    /// Why.
    pub reason: String,
    /// On what legal basis: a law's article, or a court's file number.
    pub legal_basis: String,
}

impl Body for BodyErased {
    const KIND: &'static str = "kernel.body.erased";

    fn check(&self) -> Result<(), BodyError> {
        check_text("reason", &self.reason, limits::TEXT_CHARS_MAX)?;
        check_text("legal_basis", &self.legal_basis, limits::TEXT_CHARS_MAX)?;
        if self.seq > i64::MAX as u64 {
            return Err(BodyError::new("seq", Rule::Range, "is not the number of an entry"));
        }
        Ok(())
    }
}

/// Why a body cannot be erased.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EraseRefusal {
    #[error("book {0} has no entry {1}")]
    NoEntry(BookId, Seq),
    #[error("entries of the kind {0} hold no personal data and cannot be erased")]
    NotErasable(String),
    #[error("the body was erased before")]
    AlreadyErased,
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl Kernel {
    /// Erases the body of an entry by another entry, and the files that no entry with a body names any more; every proof
    /// still verifies. Once the body is gone, whoever may erase files of it that stayed erases those in the same way.
    pub fn erase(
        self: &Arc<Self>,
        book: &BookId,
        by: impl Into<By>,
        erasure: BodyErased,
    ) -> Result<Receipt, AppendError<EraseRefusal>> {
        const BLANK: &str = "update entry set body = null, salt = null where book = $1 and seq = $2";
        let (kernel, book) = (self.clone(), book.clone());
        let by = by.into();
        erasure.check()?;
        self.append_blocking(move |desk| {
            // Two nodes must not erase one body each.
            desk.take(&book)?;
            let admin =
                Admin::of(desk, &kernel.policy, &by).map_err(|error| error.map(EraseRefusal::from))?;
            let (unit, line) = match admin.tree.book(&book) {
                Some(book) => (book.unit.clone(), book.line.clone()),
                None => {
                    return Err(AppendError::Refused(EraseRefusal::NoEntry(book.clone(), Seq(erasure.seq))));
                }
            };
            let permitted = admin.permit("kernel.body.erase", &unit, Some(&line));
            permitted.map_err(|error| error.map(EraseRefusal::from))?;
            let seq = Seq(erasure.seq);
            let entry = entries::entry(desk.read()?, &book, seq)?;
            let entry =
                entry.ok_or_else(|| AppendError::Refused(EraseRefusal::NoEntry(book.clone(), seq)))?;
            if !kernel.catalogue().get(entry.kind.as_str())?.erasable {
                return Err(AppendError::Refused(EraseRefusal::NotErasable(entry.kind.to_string())));
            }
            let was_erased = entry.body.is_none();
            let mut goes = Vec::new();
            if was_erased {
                goes = kernel.files_that_go(desk, &by, &entry)?;
                if goes.is_empty() {
                    return Err(AppendError::Refused(EraseRefusal::AlreadyErased));
                }
            }
            let erased = SubjectId::local("entry", &book, &seq.to_string());
            let erased = erased.map_err(|error| BodyError::new("seq", Rule::Format, error.to_string()))?;
            let draft = Draft::new(&book, desk.now(), by.actor(), &erasure)?.subject(Role::About, erased);
            let receipt = desk.append(draft)?;
            if !was_erased {
                // What was begun by way of the link ends with it.
                if let Some(account) = accounts::linked_by(desk.read()?, &entry)? {
                    accounts::end_sessions_of(desk, &accounts::account_actor(&account));
                    let about = about("account", account.as_str())?;
                    let body = IdentityRemoved { account };
                    let draft = Draft::new(&book, desk.now(), by.actor(), &body)?;
                    desk.append::<EraseRefusal>(draft.subject(Role::About, about))?;
                }
                let tx = desk.read()?;
                tx.execute(BLANK, &[Param::Text(book.as_str()), Param::Int(seq.to_i64())])?;
                evidence::unname(tx, &entry)?;
                if let Some(line) = kernel.lines().of(entry.kind.as_str()) {
                    line.erase(tx, &entry)?;
                }
                goes = kernel.files_that_go(desk, &by, &entry)?;
            }
            for digest in &goes {
                evidence::drop_file(desk.read()?, &book, digest)?;
            }
            Ok(receipt)
        })
    }

    /// The files of an entry that go with its body.
    fn files_that_go(&self, desk: &mut Desk<'_>, by: &By, erased: &Entry) -> Result<Vec<String>, StoreError> {
        let (mut goes, mut judged) = (Vec::new(), BTreeMap::new());
        for digest in &erased.evidence {
            if evidence::is_kept(desk.read()?, &erased.book, digest)?
                && self.goes(desk, by, erased, digest, &mut judged)?
            {
                goes.push(digest.clone());
            }
        }
        Ok(goes)
    }

    /// Whether a file goes with the body of an entry: unless an entry that still has its body names it. What was handed in for
    /// a matter along with the entry does not keep it, since nobody could ever erase that: but what somebody judged goes by those
    /// alone who may erase where that post lies.
    fn goes(
        &self,
        desk: &mut Desk<'_>,
        by: &By,
        erased: &Entry,
        digest: &str,
        judged: &mut BTreeMap<PostId, bool>,
    ) -> Result<bool, StoreError> {
        /// The first that keeps a file ends the search.
        const PAGE: i64 = 64;
        const NAMED: &str = "select named.seq, entry.kind from evidence_named as named
            join entry on entry.book = named.book and entry.seq = named.seq
            where named.book = $1 and named.digest = $2 and named.seq > $3 order by named.seq limit $4";
        let (book, mut last) = (&erased.book, -1);
        loop {
            let asked = [Param::Text(book.as_str()), Param::Text(digest), Param::Int(last), Param::Int(PAGE)];
            let rows = desk.read()?.query(NAMED, &asked)?;
            let Some(row) = rows.last() else { return Ok(true) };
            last = row.int(0)?;
            for row in &rows {
                let seq = Seq::from_i64(row.int(0)?);
                if row.text(1)? != Submitted::KIND
                    || !came_along(desk.read()?, book, seq, digest)?
                    || !self.may_erase_judged(desk, by, book, seq, judged)?
                {
                    return Ok(false);
                }
            }
        }
    }

    /// Whether somebody may erase where the post lies that judges what an entry handed in; asked once of each post.
    fn may_erase_judged(
        &self,
        desk: &mut Desk<'_>,
        by: &By,
        book: &BookId,
        seq: Seq,
        judged: &mut BTreeMap<PostId, bool>,
    ) -> Result<bool, StoreError> {
        let Some(handed_in) = entries::entry(desk.read()?, book, seq)? else { return Ok(true) };
        let Ok(submitted) = handed_in.body::<Submitted>() else { return Ok(true) };
        let Some(matter) = docket::matter(desk.read()?, &submitted.matter)? else { return Ok(true) };
        if let Some(may) = judged.get(&matter.reviewer) {
            return Ok(*may);
        }
        let admin = match Admin::of(desk, &self.policy, by) {
            Ok(admin) => admin,
            Err(AppendError::Store(error)) => return Err(error),
            Err(_) => return Ok(false),
        };
        let unit = admin.tree.post(matter.reviewer.subject()).map(|post| post.unit.clone());
        let may = unit.is_none_or(|unit| admin.permit("kernel.body.erase", &unit, None).is_ok());
        judged.insert(matter.reviewer, may);
        Ok(may)
    }
}

/// Whether an entry was recorded in one act with another that names the same file, and whose body is gone.
fn came_along(tx: &mut dyn Tx, book: &BookId, seq: Seq, digest: &str) -> Result<bool, StoreError> {
    /// Entries of one act lie side by side.
    const BESIDE: i64 = 64;
    const ERASED: &str =
        "select seq from entry where book = $1 and seq between $2 and $3 and body is null and head like $4";
    let Some(handed_in) = entries::entry(tx, book, seq)? else { return Ok(false) };
    let (at, named) = (seq.to_i64(), format!("%\"{digest}\"%"));
    let asked =
        [Param::Text(book.as_str()), Param::Int(at - BESIDE), Param::Int(at + BESIDE), Param::Text(&named)];
    let rows = tx.query(ERASED, &asked)?;
    let seqs: Vec<Seq> =
        rows.iter().map(|row| row.int(0).map(Seq::from_i64)).collect::<Result<_, StoreError>>()?;
    let erased = entries::entries(tx, book, &seqs)?;
    Ok(erased.iter().any(|it| it.recorded == handed_in.recorded && it.actor == handed_in.actor))
}

/// The kernel as the first of the lines.
pub(crate) struct Own {
    /// The size of the root book as last applied, committed or not: tells readers to look whether it grew.
    pub applied: Arc<AtomicI64>,
    pub zone: CityZone,
    pub rulebooks: Arc<Rulebooks>,
}

impl Line for Own {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn kinds(&self) -> Vec<Kind> {
        let mut kinds = vec![
            Kind::of::<BodyErased>("正文删除", "Body erased"),
            Kind::of::<UnitAdded>("单位设立", "Unit added"),
            Kind::of::<UnitRenamed>("单位更名", "Unit renamed"),
            Kind::of::<BookOpened>("账簿启用", "Book opened"),
            Kind::of::<PlaceAdded>("地点登记", "Place added"),
            Kind::of::<PlaceRenamed>("地点更名", "Place renamed"),
            Kind::of::<PostAdded>("岗位设立", "Post added"),
            Kind::of::<PostHeld>("任职", "Post held"),
            Kind::of::<PostLeft>("离任", "Post left"),
            Kind::of::<AccountAdded>("账户新增", "Account added"),
            Kind::of::<AccountDisabled>("账户停用", "Account disabled"),
            Kind::of::<PasswordChanged>("密码变更", "Password changed"),
            Kind::of::<TotpSet>("二次验证启用", "Second step turned on"),
            Kind::of::<TotpRemoved>("二次验证解除", "Second step turned off"),
            Kind::of::<TotpRenewed>("恢复码更换", "Recovery codes renewed"),
            Kind::of::<TotpRecovered>("恢复码登录", "Signed in with a recovery code"),
            Kind::of::<IdentitySet>("统一身份绑定", "Identity linked"),
            Kind::of::<IdentityRemoved>("统一身份解除绑定", "Identity unlinked"),
            Kind::of::<GrantGiven>("授予角色", "Role granted"),
            Kind::of::<GrantWithdrawn>("收回角色", "Role withdrawn"),
            Kind::of::<TokenIssued>("令牌签发", "Token issued"),
            Kind::of::<TokenRevoked>("令牌吊销", "Token revoked"),
            Kind::of::<DeviceEnrolled>("设备登记", "Device enrolled"),
            Kind::of::<DeviceRevoked>("设备注销", "Device revoked"),
            Kind::of::<ContactSet>("联系方式登记", "Contact set"),
            Kind::of::<ContactRemoved>("联系方式注销", "Contact removed"),
            Kind::of::<NoticeSent>("通知送达结果", "Outcome of a notice"),
            Kind::of::<TargetSet>("目标设定", "Target set"),
            Kind::of::<LogTrusted>("日志列入见证", "Log trusted"),
            Kind::of::<LogDropped>("日志停止见证", "Log trusted no more"),
            Kind::of::<ForkFound>("发现日志分叉", "Fork found"),
            Kind::of::<ForkAcknowledged>("日志分叉处置", "Fork acknowledged"),
        ];
        kinds.extend(matters::kinds());
        kinds
    }

    fn roles(&self) -> &'static [RoleDef] {
        KERNEL_ROLES
    }

    fn actions(&self) -> &'static [ActionDef] {
        KERNEL_ACTIONS
    }

    fn migrations(&self) -> &'static [Migration] {
        schema::REGISTRY_MIGRATIONS
    }

    fn derived(&self) -> &'static [Derived] {
        schema::REGISTRY_DERIVED
    }

    fn figures(&self) -> &'static [Figure] {
        docket::FIGURES
    }

    fn ratios(&self) -> &'static [Ratio] {
        docket::RATIOS
    }

    fn sorts(&self) -> &'static [MatterSort] {
        docket::SORTS
    }

    fn apply(&self, tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
        for entry in entries.iter().filter(|entry| entry.book.as_str() == ROOT_BOOK) {
            accounts::apply(tx, entry)?;
            notices::apply(tx, entry)?;
            target::apply(tx, entry)?;
            witness::apply(tx, entry)?;
            self.applied.fetch_max(entry.seq.next().to_i64(), Ordering::SeqCst);
        }
        docket::apply(tx, &self.zone, &self.rulebooks, entries)
    }

    fn erase(&self, tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
        accounts::erase(tx, entry)?;
        notices::erase(tx, entry)
    }

    /// Addresses are personal, and so is what a provider calls somebody. What is listed to some alone is told entry by
    /// entry to nobody else.
    fn body_needs(&self, kind: &str) -> Option<&'static str> {
        match kind {
            ContactSet::KIND => Some("kernel.contact.list"),
            AccountAdded::KIND
            | AccountDisabled::KIND
            | PasswordChanged::KIND
            | TotpSet::KIND
            | TotpRemoved::KIND
            | TotpRenewed::KIND
            | TotpRecovered::KIND
            | IdentitySet::KIND
            | IdentityRemoved::KIND => Some("kernel.account.list"),
            GrantGiven::KIND | GrantWithdrawn::KIND => Some("kernel.grant.list"),
            TokenIssued::KIND | TokenRevoked::KIND => Some("kernel.token.list"),
            DeviceEnrolled::KIND | DeviceRevoked::KIND => Some("kernel.device.list"),
            _ => None,
        }
    }

    fn contribute(&self, entry: &Entry, out: &mut Contributions) {
        docket::contribute(entry, out);
    }
}
