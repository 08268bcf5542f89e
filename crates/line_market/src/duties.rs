//! What somebody owes once something went wrong in a market: matters that follow from its records, and end with them.
//!
//! The duties that were assigned say who owes it and who says whether it is done; where none were, nothing is opened.

use base::{ActorId, BookId, Day, KindName, Seq, SubjectId, Time};
use kernel::{AppendError, Desk, DocketError, MatterSort, clock_actor};
use matters::{
    Cancelled, DayUnit, Due, Event, Evidence, Matter, MatterId, Move, Opened, State, Submitted, Taken, Term,
};
use store::StoreError;

use crate::apply::word;
use crate::kinds::{Breach, CertificateType};
use crate::state::{self, Duties, Merchant};

pub const COMPLAINT: &str = "market.complaint";

pub const SORTS: &[MatterSort] = &[
    sort("market.failed_test", "检测不合格处置", "Failed test"),
    sort("market.breach", "违规销售处置", "Breach"),
    sort(COMPLAINT, "投诉处理", "Complaint"),
    sort("market.certificate", "证照到期换发", "Certificate that runs out"),
    sort("market.verification", "电子秤到期检定", "Verification that runs out"),
];

const fn sort(name: &'static str, title_zh: &'static str, title_en: &'static str) -> MatterSort {
    MatterSort { name, title_zh, title_en }
}

/// Matters that are done on a day rather than over time follow this rule.
const RULE: &str = "deadline";
/// A paper is to be renewed from so many days before its last one; which that is, the paper itself says.
const NOTICE_DAYS: i32 = 30;
/// To decide on a complaint: Interim Measures for Handling Complaints and Reports on Market Regulation
/// (市场监督管理投诉举报处理暂行办法), article 14.
const COMPLAINT_WORKDAYS: u32 = 7;

/// What a matter of the market follows from. Each has one matter, whatever becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause<'a> {
    /// A lot failed a test, and is under this hold.
    FailedTest {
        lot: &'a str,
        hold: u64,
    },
    /// More was sold than there was, or what was held, or on a scale whose verification had ended: one matter for a lot, a
    /// breach and a day.
    Breach {
        lot: &'a str,
        breach: Breach,
    },
    Complaint {
        seq: u64,
    },
    Certificate {
        merchant: &'a str,
        certificate: CertificateType,
        until: Day,
    },
    Verification {
        scale: u32,
        until: Day,
    },
}

impl Cause<'_> {
    fn sort(&self) -> &'static str {
        match self {
            Self::FailedTest { .. } => "market.failed_test",
            Self::Breach { .. } => "market.breach",
            Self::Complaint { .. } => COMPLAINT,
            Self::Certificate { .. } => "market.certificate",
            Self::Verification { .. } => "market.verification",
        }
    }

    /// The matter's name, by which it is found again.
    fn name(&self, day: Day) -> String {
        match self {
            Self::FailedTest { hold, .. } => format!("failed-test-{hold}"),
            Self::Breach { lot, breach } => format!("{}-{lot}-{day}", word(breach).replace('_', "-")),
            Self::Complaint { seq } => format!("complaint-{seq}"),
            Self::Certificate { merchant, certificate, until } => {
                format!("{}-{merchant}-{until}", word(certificate).replace('_', "-"))
            }
            Self::Verification { scale, until } => format!("verification-{scale}-{until}"),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::FailedTest { lot, .. } => format!("批次 {lot} 检测不合格，核查处置"),
            Self::Breach { lot, breach: Breach::HeldSale } => format!("停售批次 {lot} 仍有销售，核查处置"),
            Self::Breach { lot, breach: Breach::ExpiredVerification } => {
                format!("检定到期的电子秤仍销售批次 {lot}，核查处置")
            }
            Self::Breach { lot, breach: Breach::MassBalance } => {
                format!("批次 {lot} 销量超出进货量，核查处置")
            }
            Self::Complaint { seq } => format!("办理第 {seq} 号投诉"),
            Self::Certificate { merchant, certificate, until } => {
                let paper = match certificate {
                    CertificateType::Licence => "营业执照",
                    CertificateType::FoodPermit => "食品经营许可证",
                    CertificateType::Health => "健康证",
                };
                format!("经营户 {merchant} 的{paper} {until} 到期，换发")
            }
            Self::Verification { scale, until } => format!("{scale} 号秤检定 {until} 到期，重新检定"),
        }
    }

    fn due(&self, duties: &Duties, from: Day) -> Due {
        let workdays = |days| Due::Within { term: Term::statutory(days, DayUnit::Workdays), from };
        match self {
            Self::FailedTest { .. } => workdays(duties.failed_test_workdays),
            Self::Breach { .. } => workdays(duties.breach_workdays),
            Self::Complaint { .. } => workdays(COMPLAINT_WORKDAYS),
            Self::Certificate { until, .. } | Self::Verification { until, .. } => Due::On { day: *until },
        }
    }

    fn about(&self, book: &BookId) -> SubjectId {
        let (scheme, local) = match self {
            Self::FailedTest { lot, .. } | Self::Breach { lot, .. } => ("lot", (*lot).to_owned()),
            Self::Complaint { seq } => ("complaint", seq.to_string()),
            Self::Certificate { merchant, .. } => ("merchant", (*merchant).to_owned()),
            Self::Verification { scale, .. } => ("scale", scale.to_string()),
        };
        SubjectId::local(scheme, book, &local).expect("codes and numbers are short and printable")
    }

    fn id(&self, book: &BookId, day: Day) -> MatterId {
        MatterId::local(book, &self.name(day)).expect("codes, numbers and days are short and printable")
    }
}

/// Opens the matter that follows from a cause, if the market's duties are assigned and it is not there yet.
pub(crate) fn owe<E: From<DocketError>>(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    at: Time,
    cause: &Cause<'_>,
) -> Result<(), AppendError<E>> {
    match state::duties(desk.read()?, book)? {
        Some(duties) => owe_under(desk, book, actor, at, &duties, cause),
        None => Ok(()),
    }
}

fn owe_under<E: From<DocketError>>(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    at: Time,
    duties: &Duties,
    cause: &Cause<'_>,
) -> Result<(), AppendError<E>> {
    let matter = cause.id(book, desk.zone().day_of(at));
    if desk.matter(&matter)?.is_some() {
        return Ok(());
    }
    let opened = Opened {
        matter,
        sort: KindName::new(cause.sort()).expect("a valid name"),
        title: cause.title(),
        due: cause.due(duties, desk.zone().day_of(desk.done_at(actor, at))),
        owner: duties.answering.clone(),
        helpers: Vec::new(),
        reviewer: duties.supervising.clone(),
        rule: RULE.into(),
    };
    desk.open_matter(book, actor, at, opened, vec![cause.about(book)]).map(drop)
}

/// What put a cause right.
pub(crate) struct Remedy<'a> {
    pub reason: &'a str,
    /// Digests of the files that show it.
    pub evidence: &'a [String],
}

/// Ends the matter of a cause that was put right: at once, if whoever records it may say so for the supervising post. From
/// anybody else it is handed in with the files that show it, and stays open without: proving nothing is not the shorter way.
pub(crate) fn settle<E: From<DocketError>>(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    at: Time,
    cause: &Cause<'_>,
    remedy: &Remedy<'_>,
) -> Result<(), AppendError<E>> {
    let day = desk.zone().day_of(at);
    let Some(matter) = desk.matter(&cause.id(book, day))? else { return Ok(()) };
    let may_cancel = desk.may_approve(actor, &matter.reviewer, &matter)?;
    let today = desk.zone().day_of(desk.done_at(actor, at));
    for event in ending(&matter, (day, today), remedy, may_cancel) {
        let version = desk.matter(&matter.id)?.map_or(matter.version, |matter| matter.version);
        desk.move_matter(version, actor, at, event)?;
    }
    Ok(())
}

fn ending(
    matter: &Matter,
    (day, today): (Day, Day),
    Remedy { reason, evidence }: &Remedy<'_>,
    may_cancel: bool,
) -> Vec<Event> {
    let (id, by) = (matter.id.clone(), matter.owner.clone());
    let is_handed_in = matter.state == State::Submitted && !evidence.is_empty();
    if matter.state.is_closed() || is_handed_in {
        return Vec::new();
    }
    // What the supervising post itself finds put right, nobody else need say.
    if evidence.is_empty() || matter.is_paused() || may_cancel {
        let (sort, approver) = (matter.sort.clone(), matter.reviewer.clone());
        let cancelled = Cancelled { matter: id, sort, reason: (*reason).to_owned(), approver };
        return may_cancel.then(|| cancelled.into()).into_iter().collect();
    }
    let file = |digest: &String| Evidence {
        digest: digest.clone(),
        title: matter.title.clone(),
        effective: day,
        uploaded: today,
    };
    let evidence = evidence.iter().map(file).collect();
    let submitted =
        Submitted { matter: id.clone(), by: by.clone(), evidence, note: Some((*reason).to_owned()) };
    match matter.state {
        State::InHand | State::Returned => vec![submitted.into()],
        _ => vec![Taken { matter: id, by }.into(), submitted.into()],
    }
}

/// Opens what falls due by the calendar alone: papers and verifications that run out within a month, and those that
/// have run out.
pub(crate) fn on_day<E: From<DocketError>>(
    desk: &mut Desk<'_>,
    book: &BookId,
    at: Time,
    duties: &Duties,
) -> Result<(), AppendError<E>> {
    let until = desk.zone().day_of(at).plus(NOTICE_DAYS);
    let merchants = state::merchants_until(desk.read()?, book, until)?;
    let scales = state::scales_until(desk.read()?, book, until)?;
    let papers = merchants.iter().flat_map(papers);
    let causes =
        papers.filter(|cause| matches!(cause, Cause::Certificate { until: last, .. } if *last <= until));
    let scales =
        scales.iter().map(|scale| Cause::Verification { scale: scale.scale, until: scale.verified_until });
    for cause in causes.chain(scales) {
        owe_under(desk, book, &clock_actor(), at, duties, &cause)?;
    }
    Ok(())
}

fn papers(merchant: &Merchant) -> impl Iterator<Item = Cause<'_>> {
    let all = [
        (CertificateType::Licence, merchant.licence_until),
        (CertificateType::FoodPermit, merchant.food_until),
        (CertificateType::Health, merchant.health_until),
    ];
    let merchant = merchant.merchant.as_str();
    all.into_iter().filter_map(move |(certificate, until)| {
        Some(Cause::Certificate { merchant, certificate, until: until? })
    })
}

/// The matter of a complaint, if the market's duties were assigned when it came.
pub(crate) fn of_complaint(book: &BookId, seq: Seq) -> MatterId {
    MatterId::local(book, &format!("complaint-{seq}")).expect("numbers are short and printable")
}

/// Whether somebody may settle a complaint that is settled: while its matter is open, who acts for the supervising post, and
/// anybody once that returned it.
pub(crate) fn may_settle_anew(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    seq: Seq,
) -> Result<bool, StoreError> {
    let open = desk.matter(&of_complaint(book, seq))?.filter(|matter| !matter.state.is_closed());
    let Some(matter) = open else { return Ok(false) };
    Ok(matter.state == State::Returned || desk.may_approve(actor, &matter.reviewer, &matter)?)
}

/// A complaint's matter is accepted once the complaint is settled, and not before.
pub(crate) fn on_move(
    desk: &mut Desk<'_>,
    step: &Move,
    matter: &Matter,
) -> Result<(), AppendError<DocketError>> {
    if matter.sort.as_str() != COMPLAINT || !matches!(step.event, Event::Accepted(_)) {
        return Ok(());
    }
    if is_settled(desk, matter)? {
        return Ok(());
    }
    let zh = "投诉尚未办结，请先登记办理结果。".into();
    let en = "the complaint is not settled yet: record its outcome first".into();
    Err(AppendError::Refused(DocketError::Line { zh, en }))
}

fn is_settled(desk: &mut Desk<'_>, matter: &Matter) -> Result<bool, StoreError> {
    let number = matter.id.subject().local_part().trim_start_matches("complaint-").parse();
    let Ok(number) = number else { return Ok(true) };
    let complaint = state::complaint(desk.read()?, &matter.id.book(), Seq(number))?;
    Ok(complaint.is_none_or(|complaint| complaint.settled_seq.is_some()))
}
