//! Who may do what with matters. A right follows from a role on the unit that keeps the book, or from holding a post that
//! takes part; either way `access::decide` says so.

use access::{HOLDER, Resource};
use base::UnitCode;
use kernel::{ACTING_ASKED_MAX, DocketError, Kernel};
use matters::{Event, Matter, MatterError, MatterId, PostId, State, Verb};
use registry::Tree;

use crate::api::ledger;
use crate::app::App;
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::{Viewer, resource_of};

pub use access::matter::{APPROVE, ARRANGE, OPEN, READ, REVIEW, WORK};

/// The posts that the viewer acts for today. A grant names a post as its subject, and reaches it only within its unit, and
/// for no single line: what a post takes part in lies in all of them.
pub fn posts_of(app: &App, viewer: &Viewer) -> Vec<PostId> {
    let tree = app.tree();
    let grants = viewer.actor().map(|actor| actor.grants.as_slice()).unwrap_or_default();
    let held =
        grants.iter().filter(|grant| grant.role == HOLDER && grant.line.is_none()).filter_map(|grant| {
            let post = tree.post(grant.subject.as_ref()?)?;
            tree.contains(&grant.unit, &post.unit).then(|| post.id.clone())
        });
    let mut posts: Vec<PostId> = held.filter_map(|post| post.try_into().ok()).collect();
    posts.sort();
    posts.dedup();
    posts
}

/// A post's part in a matter, as a resource: it lies in the post's unit and is the post's own.
fn part(tree: &Tree, post: &PostId) -> Option<Resource> {
    let unit = tree.post(post.subject())?.unit.clone();
    Some(Resource::of(&unit).owned_by(post.subject().clone()))
}

fn acts(app: &App, viewer: &Viewer, action: &str, post: &PostId) -> bool {
    part(&app.tree(), post).is_some_and(|part| viewer.allows(app, action, &part))
}

/// As whom somebody waits to move a matter: all who work for the post that owes it as one, everybody else by themselves.
pub fn party(app: &App, viewer: &Viewer, matter: &Matter) -> String {
    match acts(app, viewer, WORK, &matter.owner) {
        true => matter.owner.subject().to_string(),
        false => viewer.id().to_string(),
    }
}

/// Refuses who may not do something for a post.
fn need(app: &App, viewer: &Viewer, action: &str, post: &PostId) -> Result<(), Problem> {
    let part = part(&app.tree(), post).ok_or_else(|| refused(&DocketError::UnknownPost(post.clone())))?;
    viewer.need(app, action, &part)
}

/// A matter is read with the right to read its book, or for a post that takes part in it or may approve for it.
pub fn need_read(app: &App, viewer: &Viewer, matter: &Matter) -> Result<(), Problem> {
    let mut parts = matter.helpers.iter().chain([&matter.owner, &matter.reviewer]);
    if parts.any(|post| acts(app, viewer, READ, post)) {
        return Ok(());
    }
    let of_book = ledger::may_read(app, viewer, &matter.id.book());
    let approves = || approvers(app, viewer, matter).iter().any(|post| acts(app, viewer, READ, post));
    if of_book.is_err() && approves() { Ok(()) } else { of_book }
}

/// A matter that the viewer may read.
pub async fn readable(app: &App, viewer: &Viewer, id: &MatterId) -> Result<Matter, Problem> {
    let found = {
        let id = id.clone();
        app.blocking(move |kernel| kernel.matter(&id)).await?
    };
    match found {
        Some(matter) => need_read(app, viewer, &matter).map(|()| matter),
        // Whoever may not read the book does not learn what is not in it.
        None => ledger::may_read(app, viewer, &id.book()).and(Err(Problem::not_found())),
    }
}

/// Who opens a matter by hand leads the unit that keeps the book, or acts for the post that will review it, whose unit
/// keeps the book, and is that of the owner and the helpers, or lies above them all.
pub fn need_open<'p>(
    app: &App,
    viewer: &Viewer,
    book: &base::BookId,
    parts: impl IntoIterator<Item = &'p PostId>,
    reviewer: &PostId,
) -> Result<(), Problem> {
    let tree = app.tree();
    let is_own = tree.unit_of_book(book).is_some_and(|unit| leads(&tree, reviewer, unit))
        && parts.into_iter().all(|post| lies_below(&tree, reviewer, post));
    if is_own && acts(app, viewer, OPEN, reviewer) {
        return Ok(());
    }
    viewer.need(app, OPEN, &resource_of(app, book)?)
}

/// Whether a unit is a post's own, or lies below it.
fn leads(tree: &Tree, post: &PostId, below: &UnitCode) -> bool {
    tree.post(post.subject()).is_some_and(|post| tree.contains(&post.unit, below))
}

fn lies_below(tree: &Tree, above: &PostId, post: &PostId) -> bool {
    tree.post(post.subject()).is_some_and(|post| leads(tree, above, &post.unit))
}

/// Refuses a move by who does not act for the post that makes it.
pub fn need_move(app: &App, viewer: &Viewer, matter: &Matter, event: &Event) -> Result<(), Problem> {
    match event {
        Event::Taken(it) => need(app, viewer, WORK, &it.by),
        Event::Submitted(it) => need(app, viewer, WORK, &it.by),
        Event::Returned(it) => need_review(app, viewer, matter, &it.by),
        Event::Accepted(it) => need_review(app, viewer, matter, &it.by),
        Event::Cancelled(it) => need_approve(app, viewer, matter, &it.approver),
        Event::Reopened(it) => need_approve(app, viewer, matter, &it.approver),
        Event::Paused(it) => need_approve(app, viewer, matter, &it.approver),
        Event::Extended(it) => need_approve(app, viewer, matter, &it.approver),
        Event::Excused(it) => need_approve(app, viewer, matter, &it.approver),
        Event::Resumed(_) if acts(app, viewer, WORK, &matter.owner) => Ok(()),
        Event::Resumed(_) => need(app, viewer, REVIEW, &matter.reviewer),
        Event::HelperAdded(it) => {
            if !acts(app, viewer, WORK, &matter.owner) {
                need_arrange(app, viewer, matter)?;
            }
            need_near(app, viewer, matter, [&it.helper])
        }
        Event::HandedOver(it) => {
            need_arrange(app, viewer, matter)?;
            if it.reviewer.as_ref().is_some_and(|reviewer| *reviewer != matter.reviewer) {
                need(app, viewer, ARRANGE, &matter.reviewer)?;
            }
            need_near(app, viewer, matter, it.reviewer.iter().chain([&it.to]))
        }
        // Nobody writes what the clock writes.
        Event::Coloured(_) | Event::Escalated(_) => Err(Problem::not_found()),
    }
}

/// Refuses who acts neither for the owner nor for a helper.
pub fn need_work(app: &App, viewer: &Viewer, matter: &Matter) -> Result<(), Problem> {
    if matter.helpers.iter().any(|helper| acts(app, viewer, WORK, helper)) {
        return Ok(());
    }
    need(app, viewer, WORK, &matter.owner)
}

fn need_arrange(app: &App, viewer: &Viewer, matter: &Matter) -> Result<(), Problem> {
    if acts(app, viewer, ARRANGE, &matter.reviewer) {
        return Ok(());
    }
    viewer.need(app, ARRANGE, &resource_of(app, &matter.id.book())?)
}

/// Whoever is brought into a matter lies within the branch of its reviewer, as when it was opened, or of its owner; who
/// leads the unit that keeps the book may name anybody.
fn need_near<'p>(
    app: &App,
    viewer: &Viewer,
    matter: &Matter,
    parts: impl IntoIterator<Item = &'p PostId>,
) -> Result<(), Problem> {
    let is_known = |post: &&PostId| app.tree().post(post.subject()).is_some();
    if parts.into_iter().filter(is_known).all(|post| is_near(app, matter, post)) {
        return Ok(());
    }
    viewer.need(app, ARRANGE, &resource_of(app, &matter.id.book())?)
}

fn is_near(app: &App, matter: &Matter, post: &PostId) -> bool {
    let tree = app.tree();
    [&matter.reviewer, &matter.owner].iter().any(|above| lies_below(&tree, above, post))
}

/// Whether the viewer may bring a post into a matter.
pub fn may_bring(app: &App, viewer: &Viewer, matter: &Matter, post: &PostId) -> bool {
    need_near(app, viewer, matter, [post]).is_ok()
}

/// The moves that the viewer may make as the matter stands.
pub fn moves_of(app: &App, viewer: &Viewer, matter: &Matter) -> Vec<Verb> {
    let works = || acts(app, viewer, WORK, &matter.owner);
    let helps = || matter.helpers.iter().any(|helper| acts(app, viewer, WORK, helper));
    let is_own = matter.submission.as_ref().is_some_and(|submission| submission.actor == viewer.id());
    let reviews = || !is_own && need_review(app, viewer, matter, &matter.reviewer).is_ok();
    let arranges = || need_arrange(app, viewer, matter).is_ok();
    let may = |verb: &Verb| match verb {
        Verb::Taken => works(),
        Verb::Submitted => helps() || works() && !acts(app, viewer, REVIEW, &matter.reviewer),
        Verb::Returned | Verb::Accepted => reviews(),
        Verb::Cancelled | Verb::Reopened | Verb::Paused | Verb::Extended | Verb::Excused => {
            !approvers(app, viewer, matter).is_empty()
        }
        Verb::Resumed => works() || acts(app, viewer, REVIEW, &matter.reviewer),
        Verb::HelperAdded => works() || arranges(),
        Verb::HandedOver if is_own && matter.state == State::Submitted => false,
        Verb::HandedOver => arranges() && !(works() && acts(app, viewer, REVIEW, &matter.reviewer)),
        Verb::Coloured | Verb::Escalated => false,
    };
    Verb::ALL.into_iter().filter(|verb| matter.may_be(*verb)).filter(may).collect()
}

/// The posts of the viewer that may approve for a matter. What is the same for all of them is asked once: there may be many.
pub fn approvers(app: &App, viewer: &Viewer, matter: &Matter) -> Vec<PostId> {
    let mut posts = posts_of(app, viewer);
    let (tree, standing) = (app.tree(), standing(app, viewer, matter));
    posts.retain(|post| approval(&tree, matter, post, standing).is_ok());
    posts
}

fn need_approve(app: &App, viewer: &Viewer, matter: &Matter, post: &PostId) -> Result<(), Problem> {
    need(app, viewer, APPROVE, post)?;
    let approved = approval(&app.tree(), matter, post, standing(app, viewer, matter));
    approved.map_err(|error| refused(&error))
}

/// Refuses a review by who does not act for the reviewer, or takes part under another post.
fn need_review(app: &App, viewer: &Viewer, matter: &Matter, by: &PostId) -> Result<(), Problem> {
    need(app, viewer, REVIEW, by)?;
    match takes_part(app, viewer, matter) {
        true => Err(refused(&DocketError::OwnApproval)),
        false => Ok(()),
    }
}

/// Whether the viewer owes a matter, or helps with it.
fn takes_part(app: &App, viewer: &Viewer, matter: &Matter) -> bool {
    matter.helpers.iter().chain([&matter.owner]).any(|post| acts(app, viewer, WORK, post))
}

/// What decides of a viewer's approvals for a matter, under whatever post.
#[derive(Clone, Copy)]
struct Standing {
    /// Takes part in it, or handed it in.
    has_part: bool,
    /// Leads the units of its owner and its reviewer.
    leads_both: bool,
}

fn standing(app: &App, viewer: &Viewer, matter: &Matter) -> Standing {
    let tree = app.tree();
    let leads_unit_of = |post: &PostId| {
        let unit = tree.post(post.subject()).map(|post| &post.unit);
        unit.is_some_and(|unit| viewer.allows(app, OPEN, &Resource::of(unit)))
    };
    let is_own = matter.submission.as_ref().is_some_and(|submission| submission.actor == viewer.id());
    Standing {
        has_part: is_own || takes_part(app, viewer, matter),
        leads_both: leads_unit_of(&matter.owner) && leads_unit_of(&matter.reviewer),
    }
}

/// The reviewer approves, or a post of a unit at or above those of the owner and the reviewer, if whoever acts for it leads
/// both: a post is not an office. Who takes part approves nothing, under whatever post.
fn approval(tree: &Tree, matter: &Matter, post: &PostId, standing: Standing) -> Result<(), DocketError> {
    if *post == matter.owner {
        return Err(MatterError::OwnerApproves.into());
    }
    if matter.helpers.contains(post) {
        return Err(DocketError::NoApprover(post.clone()));
    }
    if standing.has_part {
        return Err(DocketError::OwnApproval);
    }
    let is_above =
        || [&matter.owner, &matter.reviewer].into_iter().all(|below| lies_below(tree, post, below));
    if *post == matter.reviewer || standing.leads_both && is_above() {
        return Ok(());
    }
    Err(DocketError::NoApprover(post.clone()))
}

/// What the pages and the API call a sort of matters: Chinese, English.
pub fn sort_titles(kernel: &Kernel, sort: &str) -> (String, String) {
    let known = kernel.lines().of(sort).and_then(|line| line.sorts().iter().find(|known| known.name == sort));
    known.map_or_else(
        || (sort.to_owned(), sort.to_owned()),
        |known| (known.title_zh.to_owned(), known.title_en.to_owned()),
    )
}

/// Why nothing was done with a matter, told in both languages.
/// The rule of a refusal that is tried again.
pub const NOT_RECKONED: &str = "not-reckoned";

pub fn refused(error: &DocketError) -> Problem {
    let detail = Both::new(sentence(error), error.to_string());
    match error {
        DocketError::Unknown(_) => Problem { detail, ..Problem::not_found() },
        DocketError::Exists(_) => Problem::conflict("exists", detail),
        DocketError::OtherBook { .. } => Problem::bad_request("matter", "consistency", detail),
        DocketError::UnknownSort(_) => Problem::bad_request("sort", "reference", detail),
        DocketError::UnknownPost(post) => {
            Problem::bad_request("post", "reference", detail).member("post", post.to_string())
        }
        DocketError::NoApprover(_) => Problem::bad_request("approver", "consistency", detail),
        DocketError::NotHeld(_) | DocketError::OwnApproval => Problem::forbidden(detail),
        DocketError::FarPost { post, .. } => {
            Problem::bad_request("post", "consistency", detail).member("post", post.to_string())
        }
        DocketError::NotReckoned(_) => {
            Problem { rule: Some(NOT_RECKONED.into()), detail, ..Problem::unavailable(1) }
        }
        DocketError::TooManyTasks { .. } => Problem::conflict("too-many-tasks", detail),
        DocketError::Judges { field, .. } | DocketError::HeldByMany { field, .. } => {
            Problem::bad_request(*field, "consistency", detail)
        }
        DocketError::PastDue(_) => Problem::bad_request("due", "range", detail),
        DocketError::UnknownEvidence(_) => Problem::bad_request("evidence", "reference", detail),
        DocketError::Line { .. } => Problem::conflict("line", detail),
        DocketError::Matter(error) => match error {
            MatterError::Conflict { expected, found } => {
                let problem = Problem::conflict("version", detail);
                problem.member("expected", expected.0).member("found", found.0)
            }
            MatterError::Forbidden { .. } | MatterError::Paused | MatterError::NotPaused => {
                Problem::conflict("state", detail)
            }
            MatterError::UnknownRule(_) => Problem::bad_request("rule", "reference", detail),
            MatterError::NotOwner | MatterError::NotReviewer | MatterError::OwnWork => {
                Problem::forbidden(detail)
            }
            MatterError::OwnerApproves => Problem::bad_request("approver", "consistency", detail),
            MatterError::ReviewerTakesPart => Problem::bad_request("reviewer", "consistency", detail),
            MatterError::TakesPart => Problem::bad_request("post", "consistency", detail),
            MatterError::NoEvidence => Problem::bad_request("evidence", "reference", detail),
            MatterError::NoExtension => Problem::bad_request("extension", "consistency", detail),
            MatterError::ExcuseOver => Problem::bad_request("until", "consistency", detail),
            _ => Problem::bad_request("", "consistency", detail),
        },
    }
}

fn sentence(error: &DocketError) -> String {
    match error {
        DocketError::Unknown(matter) => format!("没有事项 {matter}。"),
        DocketError::NotReckoned(matter) => format!("事项 {matter} 的评判依据正在重新计算，请稍后重试。"),
        DocketError::Exists(matter) => format!("事项 {matter} 已经立项。"),
        DocketError::OtherBook { matter, book } => format!("事项 {matter} 不属于账簿 {book}。"),
        DocketError::UnknownSort(sort) => format!("没有“{sort}”这类事项。"),
        DocketError::UnknownPost(post) => format!("没有岗位 {post}。"),
        DocketError::NoApprover(post) => {
            format!("{post} 既不是审核岗位，也不是责任单位、审核单位本级或其共同上级的领导岗位，不能审批。")
        }
        DocketError::NotHeld(post) => format!("您不在 {post} 岗位任职，不能以其名义审批。"),
        DocketError::OwnApproval => "本人承办、协办或报结的事项，不得由本人审核或审批。".into(),
        DocketError::TooManyTasks { count, .. } => {
            format!("该岗位承办、协办或审核的未结交办事项已达上限（{count} 件），请先办结一部分。")
        }
        DocketError::Judges { post, .. } => {
            format!("{post} 的任职人审核本事项或可自上级审批，只能由审核岗位安排其承办或协办。")
        }
        DocketError::HeldByMany { post, .. } => {
            format!(
                "{post} 的现任、待任职人和受权办理人超过 {ACTING_ASKED_MAX} 人，只能由审核岗位安排其承办或协办。"
            )
        }
        DocketError::PastDue(day) => format!("期限 {day} 已过：完成期限不得早于今日，也不得自今日以前起算。"),
        DocketError::FarPost { post, book } => format!("{post} 不在账簿 {book} 所属县（市、区）范围内。"),
        DocketError::UnknownEvidence(digest) => {
            format!("本事项所在账簿中没有摘要为 {digest} 的证明材料，请先上传。")
        }
        DocketError::Line { zh, .. } => zh.clone(),
        DocketError::Matter(error) => matter_sentence(error),
    }
}

fn matter_sentence(error: &MatterError) -> String {
    match error {
        MatterError::Conflict { expected, found } => {
            format!("他人已先行办理：事项现为第 {found} 版，您看到的是第 {expected} 版，请查看后重新办理。")
        }
        MatterError::Forbidden { state, verb } => {
            format!("事项{}，不能{}。", state.title_zh(), verb.title_zh())
        }
        MatterError::Paused => "事项已中止计时，请先恢复计时。".into(),
        MatterError::NotPaused => "事项没有中止计时。".into(),
        MatterError::UnknownRule(rule) => format!("没有亮色规则“{rule}”。"),
        MatterError::OldVersion { version, found } => {
            format!("规则第 {version} 版不晚于现行的第 {found} 版。")
        }
        MatterError::NotOwner => "只有责任岗位可以办理此项。".into(),
        MatterError::NotReviewer => "只有审核岗位可以办理此项。".into(),
        MatterError::ReviewerTakesPart => "审核岗位不得同时是责任岗位或协办岗位。".into(),
        MatterError::OwnerApproves => "责任岗位不得自行审批。".into(),
        MatterError::OwnWork => "本人报结的事项不得由本人办结或退回。".into(),
        MatterError::TakesPart => "该岗位已经承办或协办此事项。".into(),
        MatterError::NoEvidence => "没有证明材料，不能报结或办结。".into(),
        MatterError::NoExtension => "固定期限只能延至更晚的日期，按天计算的期限只能增加天数。".into(),
        MatterError::TooMany(what) => format!("数量过多：{what}。"),
        MatterError::ExcuseOver => "正当理由的截止日期早于起始日期。".into(),
        other => format!("不符合事项规则：{other}。"),
    }
}

/// A matter's id from the parts of an address.
pub fn id_of(book: &str, name: &str) -> Result<MatterId, Problem> {
    let book = base::BookId::new(book).map_err(|_| Problem::not_found())?;
    MatterId::local(&book, name).map_err(|_| Problem::not_found())
}
