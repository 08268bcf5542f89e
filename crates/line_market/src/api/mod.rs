//! The market's operations over HTTP.

pub mod epcis;
mod lots;
pub(crate) mod records;
mod scale;

use access::Resource;
use axum::Router;
use base::BookId;
use shell::viewer::{Viewer, resource_of};
use shell::{App, Both, Problem};
use utoipa_axum::router::OpenApiRouter;

use crate::record::Failure;
use crate::refusal::{Code, Refusal};

/// Operations with a document.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(records::router())
        .merge(lots::router())
        .merge(scale::router())
        .merge(epcis::router())
}

/// Routes that stay open.
pub fn streams() -> Router<App> {
    scale::streams()
}

/// A market's book, as a resource.
pub(crate) fn market(app: &App, book: &str) -> Result<(BookId, Resource), Problem> {
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    let resource = resource_of(app, &book)?;
    match resource.line.as_deref() {
        Some("market") => Ok((book, resource)),
        _ => Err(Problem::not_found()),
    }
}

/// A market whose records the viewer may read in full.
pub(crate) fn readable(app: &App, viewer: &Viewer, book: &str, action: &str) -> Result<BookId, Problem> {
    let (book, resource) = market(app, book)?;
    viewer.need(app, action, &resource)?;
    Ok(book)
}

/// Notes that somebody who may not read takings reads what tells the balance of a lot: of one after the other it would be the
/// takings.
pub(crate) async fn note_lot(
    app: &App,
    viewer: &Viewer,
    market: &Resource,
    what: &str,
    (book, lot): (&BookId, &str),
) -> Result<(), Problem> {
    viewer.note_read_of(app, &market.unit, &format!("{what} of lot {book}/{lot}")).await
}

/// What a refusal is called and says, in both languages.
pub(crate) fn refusal_problem(refusal: Refusal) -> Problem {
    let zh = chinese(&refusal);
    let detail = Both::new(zh, refusal.to_string());
    let mut problem = if refusal.code.is_conflict() {
        let mut problem = Problem::conflict(refusal.code.name(), detail);
        problem.field = Some(refusal.field.clone());
        problem
    } else {
        Problem::bad_request(refusal.field.clone(), refusal.code.name(), detail)
    };
    problem.index = refusal.index;
    match refusal.code {
        Code::SalesOfDay => tomorrow(problem),
        _ => problem,
    }
}

/// What a scale keeps and sends again: until tomorrow it may ask once an hour.
fn tomorrow(problem: Problem) -> Problem {
    const RETRY_AFTER_S: u64 = 60 * 60;
    let title = Both::new("当日交易记录已达上限", "As many sales were recorded today as may be");
    let Problem { rule, field, detail, .. } = problem;
    Problem { title, rule, field, detail, ..Problem::too_many_requests(RETRY_AFTER_S) }
}

pub(crate) fn failure_problem(failure: Failure) -> Problem {
    shell::app::append_problem(failure, refusal_problem)
}

/// The rule in Chinese, then the field.
pub(crate) fn chinese(refusal: &Refusal) -> String {
    let rule = match refusal.code {
        Code::UnknownKind => "没有这一记录种类",
        Code::OtherOwner => "该摊位或批次已转由其他经营户经营，请刷新后重新办理",
        Code::Body => "填写内容不符合要求",
        Code::UnknownStall => "摊位不存在",
        Code::UnknownMerchant => "经营户不存在",
        Code::UnknownProduct => "商品未登记",
        Code::UnknownLot => "批次不存在",
        Code::UnknownScale => "电子秤不存在或不属于本设备",
        Code::UnknownSlip => "小票不存在",
        Code::UnknownEntry => "所引用的记录不存在",
        Code::OwnSubject => "标识属于本系统账册，其来源、包装与销售只以本系统记录为准，外部事件不得申报",
        Code::Exists => "编号已被使用",
        Code::NotLeased => "摊位未出租给该经营户",
        Code::AlreadyLeased => "摊位已出租",
        Code::ForeignLot => "批次不属于该摊位",
        Code::HeldLot => "批次已停售",
        Code::NotHeld => "批次未处于该停售状态",
        Code::AlreadyHeld => "批次已处于停售状态",
        Code::AncestorHeld => "该批次所源自的批次仍处于停售状态，须先解除源批次停售",
        Code::SlipsPrinted => "本市场已打印小票，小票使用的 GTIN 不能再改",
        Code::NoBlock => "该秤没有这一停售指令",
        Code::MassBalance => "数量超出批次结余",
        Code::TooFewJobs => "就业岗位不能少于零",
        Code::ProductMismatch => "商品与批次不符",
        Code::CounterReused => "流水号已用于内容不同的交易",
        Code::VerificationExpired => "电子秤检定已过期",
        Code::RetestMissing => "须以停售后对不合格项目的复检合格为依据",
        Code::AlreadySettled => "投诉已办结",
        Code::RecallOpen => "该批次已有召回在进行",
        Code::RecallEnded => "召回已终止",
        Code::Duty => "责任岗位或证明材料不存在，或相应事项不能立项、办结",
        Code::TooMany => "数量已达上限",
        Code::TooManyArrivals => "该商户当日登记的到货批次数量已达上限",
        Code::TooManyLots => "由同一批次拆分、调拨而来的批次数量已达上限",
        Code::TooManyScales => "该摊位或本市场的电子秤数量已达上限",
        Code::TooManyStalls => "本市场登记的摊位数量已达上限",
        Code::TooManyMerchants => "本市场登记的经营户数量已达上限",
        Code::TooManyProducts => "本市场登记的商品数量已达上限",
        Code::EndsEarlier => "有效期早于已登记的日期，确需更正的由监管岗位办理",
        Code::TooManyComplaints => "本市场当日收到的小票投诉已达上限，请于次日提交，或当面向市场管理方反映",
        Code::TooManyComplaintsOfDay => "本市场当日登记的未注明小票的投诉已达上限，请注明小票或次日再登记",
        Code::TooManyComplaintsOfSlip => {
            "当日就同一小票或同一摊位提交的投诉已达上限，请于次日提交，或当面向市场管理方反映"
        }
        Code::TooManyOffers => "当日向该摊位提出的调拨已达上限",
        Code::RunsTooLong => "截止日期超出此类证照或检定的最长有效期",
        Code::PastTime => "发生时间早于批次进场、早于所更正的记录，或早于联网设备可补报的时限",
        Code::FutureTime => "发生时间晚于服务器时间，超出允许误差",
        Code::ToldOfLot => "外部系统就该批次上传的事件数量已达上限",
        Code::OpenedOfDay => "当日在本账册保存的查询与开通的订阅数量已达上限，请于次日再办理",
        Code::SalesOfDay => "该秤当日记录的交易已达上限，本次报文未作记录，请保存交易并于次日原样重发",
        Code::TooManyPrices => "该摊位当日公布的价格已达上限，请于次日办理",
        Code::TooManyLosses => "该经营户当日登记的损耗已达上限，请于次日办理",
        Code::TooManyTests => {
            "该批次当日登记的同一结论检测已达上限，请于次日登记；不合格的批次可直接下令停售"
        }
        Code::TooManyPapers => "该经营户当日登记的证照已达上限，请于次日办理",
        Code::TooManyAssignments => "本市场当日落实责任的次数已达上限，请于次日办理",
        Code::TooManyRecalls => {
            "本人或本单位当日对该批次启动召回的次数已达上限，请于次日办理，或由上级单位办理"
        }
        Code::TooManyReleases => "该批次当日解除停售的次数已达上限，请于次日办理",
        Code::TooManyOfScale => "该秤当日登记的移位或检定次数已达上限，请于次日办理",
        Code::TooManyLeases => "该摊位当日出租的次数已达上限，请于次日办理",
        Code::TooManyProductsOfDay => "本市场当日登记、修改的商品已达上限，请于次日办理",
        Code::CapturedOfDay => {
            "该上传方当日写入本账册的事件数量或数据量已达上限，本次文档未作记录，请于次日重新上传"
        }
    };
    match refusal.field.is_empty() {
        true => format!("{rule}。"),
        false => format!("{rule}（字段 {}）。", refusal.field),
    }
}
