//! What somebody owes once something went wrong in a market: matters that follow from its records, and end with them.
//!
//! The duties that were assigned say who owes it and who says whether it is done; where none were, nothing is opened.

use std::collections::HashMap;

use base::{ActorId, BookId, Day, KindName, Seq, SubjectId, Time};
use kernel::{AppendError, Desk, DocketError, MatterSort, clock_actor, entries};
use matters::{
    Cancelled, DayUnit, Due, Event, Evidence, Matter, MatterId, Move, Opened, Reopened, Returned, State,
    Submitted, Taken, Term,
};
use store::StoreError;

use crate::apply::{about, word};
use crate::kinds::{Breach, CertificateType, SlipSerial};
use crate::record::of_day::{COMPLAINTS_OF_STALL_MAX, DUTIES_OF_SHOPPERS_MAX, DUTIES_OF_STALL_MAX};
use crate::rules::COMPLAINTS_OF_SLIP_MAX;
use crate::state::{self, Duties, Merchant};

pub const COMPLAINT: &str = "market.complaint";
/// The name of a complaint's matter, before its number.
const OF_COMPLAINT: &str = "complaint-";
const CERTIFICATE: &str = "market.certificate";
const VERIFICATION: &str = "market.verification";

pub const SORTS: &[MatterSort] = &[
    sort("market.failed_test", "检测不合格处置", "Failed test"),
    sort("market.breach", "违规销售处置", "Breach"),
    sort(COMPLAINT, "投诉处理", "Complaint"),
    sort(CERTIFICATE, "证照到期换发", "Certificate that runs out"),
    sort(VERIFICATION, "电子秤到期检定", "Verification that runs out"),
];

const fn sort(name: &'static str, title_zh: &'static str, title_en: &'static str) -> MatterSort {
    MatterSort { name, title_zh, title_en }
}

/// Matters that are done on a day rather than over time follow this rule.
const RULE: &str = "deadline";
/// A paper is to be renewed from so many days before its last one; which that is, the paper itself says.
const NOTICE_DAYS: i32 = 30;
/// Complaints that are not settled which are asked for their matters on a day, to find those that laid no duty.
const COMPLAINTS_ASKED_MAX: usize = 2_000;
/// Merchants, of three papers each, and scales that are looked at in one turn of the writer.
const MERCHANTS_OF_TURN_MAX: usize = 100;
const SCALES_OF_TURN_MAX: usize = 200;
/// A turn that stopped at a scale says so by what no merchant's code has in it.
const OF_SCALE: &str = "scale ";
/// To decide on a complaint: Interim Measures for Handling Complaints and Reports on Market Regulation
/// (市场监督管理投诉举报处理暂行办法), article 14.
const COMPLAINT_WORKDAYS: u32 = 7;

/// What a matter of the market follows from. Each has one matter, which is opened anew where it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause<'a> {
    /// A lot failed a test, and is under this hold.
    FailedTest {
        lot: &'a str,
        hold: u64,
    },
    /// More was sold than there was, or what was held, or what a former tenant had left, or on a scale whose verification had
    /// ended: one matter for a scale, a breach and the day on which it was reported, however many lots a scale names.
    Breach {
        scale: u32,
        lot: &'a str,
        breach: Breach,
    },
    Complaint {
        seq: u64,
    },
    /// As many complaints came about a stall on a day as are taken of shoppers.
    ManyComplaints {
        stall: &'a str,
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
            Self::Complaint { .. } | Self::ManyComplaints { .. } => COMPLAINT,
            Self::Certificate { .. } => CERTIFICATE,
            Self::Verification { .. } => VERIFICATION,
        }
    }

    /// The matter's name, by which it is found again.
    fn name(&self, day: Day) -> String {
        match self {
            Self::FailedTest { hold, .. } => format!("failed-test-{hold}"),
            Self::Breach { scale, breach, .. } => {
                format!("{}-scale-{scale}-{day}", word(breach).replace('_', "-"))
            }
            Self::Complaint { seq } => format!("{OF_COMPLAINT}{seq}"),
            Self::ManyComplaints { stall } => format!("complaints-{stall}-{day}"),
            Self::Certificate { merchant, certificate, until } => {
                format!("{}-{until}", certificate.name(merchant))
            }
            Self::Verification { scale, until } => format!("verification-{scale}-{until}"),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::FailedTest { lot, .. } => format!("批次 {lot} 检测不合格，核查处置"),
            Self::Breach { scale, lot, breach: Breach::HeldSale } => {
                format!("{scale} 号秤销售停售批次（如 {lot}），核查处置")
            }
            Self::Breach { scale, lot, breach: Breach::ExpiredVerification } => {
                format!("{scale} 号秤检定到期仍有销售（如批次 {lot}），核查处置")
            }
            Self::Breach { scale, lot, breach: Breach::MassBalance } => {
                format!("{scale} 号秤销量超出进货量（如批次 {lot}），核查处置")
            }
            Self::Breach { scale, lot, breach: Breach::FormerTenant } => {
                format!("{scale} 号秤销售已退租经营户的批次（如 {lot}），核查处置")
            }
            Self::Complaint { seq } => format!("办理第 {seq} 号投诉"),
            Self::ManyComplaints { stall } => format!(
                "{stall} 号摊位当日小票投诉已达 {COMPLAINTS_OF_STALL_MAX} 件上限，此后仅由工作人员登记，核查处置"
            ),
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
            Self::Complaint { .. } | Self::ManyComplaints { .. } => workdays(COMPLAINT_WORKDAYS),
            // What has run out already is to be put right today.
            Self::Certificate { until, .. } | Self::Verification { until, .. } => {
                Due::On { day: (*until).max(from) }
            }
        }
    }

    /// Whether it is a day on which something runs out.
    fn runs_out(&self) -> bool {
        matches!(self, Self::Certificate { .. } | Self::Verification { .. })
    }

    /// Whether it may come again after its matter was closed; of a paper, what the calendar says of its last day does not.
    fn comes_again(&self) -> bool {
        matches!(self, Self::FailedTest { .. } | Self::Breach { .. })
    }

    fn about(&self, book: &BookId) -> Vec<SubjectId> {
        let named = match self {
            Self::FailedTest { lot, .. } => vec![("lot", (*lot).to_owned())],
            Self::Breach { scale, lot, .. } => vec![("scale", scale.to_string()), ("lot", (*lot).to_owned())],
            Self::Complaint { seq } => vec![("complaint", seq.to_string())],
            Self::ManyComplaints { stall } => vec![("stall", (*stall).to_owned())],
            Self::Certificate { merchant, .. } => vec![("merchant", (*merchant).to_owned())],
            Self::Verification { scale, .. } => vec![("scale", scale.to_string())],
        };
        let subject = |(scheme, local): (&str, String)| SubjectId::local(scheme, book, &local);
        named.into_iter().map(|it| subject(it).expect("codes and numbers are short and printable")).collect()
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
    let day = desk.zone().day_of(desk.done_at(actor, at));
    let (matter, due) = (cause.id(book, day), cause.due(duties, day));
    if let Some(before) = desk.matter(&matter)? {
        let at = desk.done_at(actor, at);
        return match before.state {
            // The day of which was accepted that it runs on is on record again.
            State::Accepted if cause.runs_out() => owe_again(desk, at, &before, due),
            _ if !cause.comes_again() => Ok(()),
            // What was handed in says nothing of it.
            State::Submitted => give_back(desk, at, &before, cause),
            state if state.is_closed() => owe_again(desk, at, &before, due),
            _ => Ok(()),
        };
    }
    let opened = Opened {
        matter,
        sort: KindName::new(cause.sort()).expect("a valid name"),
        title: cause.title(),
        due,
        owner: duties.answering.clone(),
        helpers: Vec::new(),
        reviewer: duties.supervising.clone(),
        rule: RULE.into(),
    };
    desk.open_matter(book, actor, at, opened, cause.about(book)).map(drop)
}

/// What was put right and went wrong again is owed again.
fn owe_again<E: From<DocketError>>(
    desk: &mut Desk<'_>,
    at: Time,
    matter: &Matter,
    due: Due,
) -> Result<(), AppendError<E>> {
    let reopened = Reopened {
        matter: matter.id.clone(),
        sort: matter.sort.clone(),
        reason: "再次发生".into(),
        approver: matter.reviewer.clone(),
        due,
        undone: None,
    };
    desk.move_matter(matter.version, &clock_actor(), at, reopened.into()).map(drop)
}

/// What put a cause right.
pub(crate) struct Remedy<'a> {
    pub reason: &'a str,
    /// Digests of the files that show it.
    pub evidence: &'a [String],
}

/// What goes wrong once more is not among what was handed in: whoever reviews it would close both.
fn give_back<E: From<DocketError>>(
    desk: &mut Desk<'_>,
    at: Time,
    matter: &Matter,
    cause: &Cause<'_>,
) -> Result<(), AppendError<E>> {
    let (id, by) = (matter.id.clone(), matter.reviewer.clone());
    let returned = Returned { matter: id, by, reason: format!("再次发生：{}", cause.title()) };
    desk.move_matter(matter.version, &clock_actor(), at, returned.into()).map(drop)
}

/// Puts a cause right that was not owed yet, or not any more: a paper or verification that is said to run on, a complaint that laid
/// no duty. It is owed then by who answers for the market, so that it is handed in with the file that shows it, or stays
/// open without one.
pub(crate) fn renew<E: From<DocketError>>(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    at: Time,
    cause: &Cause<'_>,
    remedy: &Remedy<'_>,
) -> Result<(), AppendError<E>> {
    if let Some(duties) = state::duties(desk.read()?, book)?
        && !actor.is_system()
        && (!desk.works_for(actor, &duties.supervising)? || desk.works_for(actor, &duties.answering)?)
    {
        let now = desk.now();
        let day = desk.zone().day_of(now);
        match desk.matter(&cause.id(book, day))? {
            // What was struck off, or accepted before it was recorded, nobody judged.
            Some(before) if before.state.is_closed() => {
                owe_again(desk, now, &before, cause.due(&duties, day))?
            }
            _ => owe_under(desk, book, &clock_actor(), now, &duties, cause)?,
        }
    }
    settle(desk, book, actor, at, cause, remedy)
}

/// Whether somebody may say that a paper or verification ends before the day that was recorded: with it they would go back to a day
/// whose duty is done.
pub(crate) fn may_shorten(desk: &mut Desk<'_>, book: &BookId, actor: &ActorId) -> Result<bool, StoreError> {
    match state::duties(desk.read()?, book)? {
        Some(duties) if !actor.is_system() => {
            Ok(desk.works_for(actor, &duties.supervising)? && !desk.works_for(actor, &duties.answering)?)
        }
        _ => Ok(true),
    }
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
    // What is recorded is recorded; that it puts the matter right is for somebody else to say.
    if !may_cancel && desk.reviews(actor, &matter)? {
        return Ok(());
    }
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

/// Opens what falls due by the calendar alone: complaints that laid no duty when they came, papers and verifications that run
/// out within a month, and those that have run out. Merchants come before scales; returns the last that was looked at, where
/// there may be more behind it.
pub(crate) fn on_day<E: From<DocketError>>(
    desk: &mut Desk<'_>,
    book: &BookId,
    at: Time,
    duties: &Duties,
    behind: Option<&str>,
) -> Result<Option<String>, AppendError<E>> {
    if behind.is_none() {
        owe_left(desk, book, at, duties)?;
    }
    let until = desk.zone().day_of(at).plus(NOTICE_DAYS);
    let scale = behind.and_then(|behind| behind.strip_prefix(OF_SCALE));
    if scale.is_none() {
        let behind = (behind.unwrap_or_default(), MERCHANTS_OF_TURN_MAX);
        let merchants = state::merchants_until(desk.read()?, book, until, behind)?;
        let papers =
            merchants.iter().flat_map(|merchant| CertificateType::ALL.map(|paper| (merchant, paper)));
        for (merchant, certificate) in papers {
            if let Some(last) = last_day(desk, book, merchant, certificate)?.filter(|last| *last <= until) {
                let cause = Cause::Certificate { merchant: &merchant.merchant, certificate, until: last };
                owe_under(desk, book, &clock_actor(), at, duties, &cause)?;
            }
        }
        if let Some(last) = merchants.get(MERCHANTS_OF_TURN_MAX - 1) {
            return Ok(Some(last.merchant.clone()));
        }
    }
    let behind = (scale.and_then(|scale| scale.parse().ok()).unwrap_or(0), SCALES_OF_TURN_MAX);
    let scales = state::scales_until(desk.read()?, book, until, behind)?;
    for scale in &scales {
        let cause = Cause::Verification { scale: scale.scale, until: scale.verified_until };
        owe_under(desk, book, &clock_actor(), at, duties, &cause)?;
    }
    Ok(scales.get(SCALES_OF_TURN_MAX - 1).map(|last| format!("{OF_SCALE}{}", last.scale)))
}

/// A complaint that laid no duty when it came.
struct Left {
    seq: Seq,
    scale: u32,
    /// How many of its slip come before it: those that are owed, and those that wait longer.
    behind: usize,
}

/// Complaints that laid no duty when they came: of each scale in turn, and of its slips one of each before a second of any, the
/// oldest first. However much is said of some slips, or of one scale, what is said of another does not wait for it.
fn owe_left<E: From<DocketError>>(
    desk: &mut Desk<'_>,
    book: &BookId,
    at: Time,
    duties: &Duties,
) -> Result<(), AppendError<E>> {
    let (mut of_scales, mut laid) = (HashMap::<u32, u64>::new(), 0);
    for Left { seq, scale, behind } in in_turn(complaints_left(desk, book)?) {
        if laid == DUTIES_OF_SHOPPERS_MAX {
            break;
        }
        let of_scale = of_scales.entry(scale).or_default();
        if behind > 0 && *of_scale >= DUTIES_OF_STALL_MAX {
            continue;
        }
        (*of_scale, laid) = (*of_scale + 1, laid + 1);
        owe_under(desk, book, &clock_actor(), at, duties, &Cause::Complaint { seq: seq.0 })?;
    }
    Ok(())
}

/// Those of a slip of which as many are owed as may be at a time wait until one of these is done.
fn complaints_left(desk: &mut Desk<'_>, book: &BookId) -> Result<Vec<Left>, StoreError> {
    let (mut owed, mut waiting) = (HashMap::<String, usize>::new(), Vec::new());
    for (seq, slip) in state::complaints_left(desk.read()?, book, COMPLAINTS_ASKED_MAX)? {
        match desk.matter(&of_complaint(book, seq))? {
            Some(matter) => *owed.entry(slip).or_default() += usize::from(!matter.state.is_closed()),
            None => waiting.push((seq, slip)),
        }
    }
    waiting.sort_unstable();
    let mut left = Vec::with_capacity(waiting.len());
    for (seq, slip) in waiting {
        let Some(serial) = SlipSerial::parse(&slip) else { continue };
        let of_slip = owed.entry(slip).or_default();
        if *of_slip < COMPLAINTS_OF_SLIP_MAX {
            left.push(Left { seq, scale: serial.scale, behind: *of_slip });
            *of_slip += 1;
        }
    }
    Ok(left)
}

/// The first of each scale, then the second of each, and so on.
fn in_turn(mut left: Vec<Left>) -> Vec<Left> {
    left.sort_by_key(|it| (it.behind, it.seq));
    let mut of_scales = HashMap::<u32, usize>::new();
    let mut placed: Vec<(usize, Left)> = Vec::with_capacity(left.len());
    for it in left {
        let place = of_scales.entry(it.scale).or_default();
        placed.push((*place, it));
        *place += 1;
    }
    placed.sort_by_key(|(place, it)| (*place, it.behind, it.seq));
    placed.into_iter().map(|(_, it)| it).collect()
}

/// The last day of a paper; of one whose day was erased, the day of that: who had it erased does not hold it without an end.
pub(crate) fn last_day(
    desk: &mut Desk<'_>,
    book: &BookId,
    merchant: &Merchant,
    certificate: CertificateType,
) -> Result<Option<Day>, StoreError> {
    if let Some(until) = merchant.until(certificate) {
        return Ok(Some(until));
    }
    let erased = state::paper_erased(desk.read()?, book, &merchant.merchant, certificate)?;
    Ok(erased.map(|at| desk.zone().day_of(at)))
}

/// The matter of a complaint, if the market's duties were assigned when it came.
pub(crate) fn of_complaint(book: &BookId, seq: Seq) -> MatterId {
    MatterId::local(book, &format!("{OF_COMPLAINT}{seq}")).expect("numbers are short and printable")
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

/// A complaint's matter is accepted once the complaint is settled, that of a paper or verification once its next day is recorded,
/// and not before: what is recorded afterwards, nobody would judge.
pub(crate) fn on_move(
    desk: &mut Desk<'_>,
    step: &Move,
    matter: &Matter,
) -> Result<(), AppendError<DocketError>> {
    let is_accepted = matches!(step.event, Event::Accepted(_));
    match matter.sort.as_str() {
        COMPLAINT if matter.state.is_closed() => match is_accepted && !is_settled(desk, matter)? {
            true => not_yet(
                "投诉尚未办结，请先登记办理结果。",
                "the complaint is not settled yet: record its outcome first",
            ),
            false => owe_next(desk, step.at, matter),
        },
        CERTIFICATE | VERIFICATION if is_accepted && still_runs_out(desk, matter)? => not_yet(
            "尚未登记新的有效期，请先登记换发的证照或重新检定的结果。",
            "the day that runs out is still the one on record: record the renewed paper or verification first",
        ),
        _ => Ok(()),
    }
}

fn not_yet(zh: &str, en: &str) -> Result<(), AppendError<DocketError>> {
    Err(AppendError::Refused(DocketError::Line { zh: zh.into(), en: en.into() }))
}

/// Whether no later day of a paper or verification is on record than the one that its matter is about.
fn still_runs_out(desk: &mut Desk<'_>, matter: &Matter) -> Result<bool, StoreError> {
    let (book, id) = (matter.id.book(), matter.id.subject());
    // The name ends with a day, of three numbers; before it, behind the last dash or behind the paper's, stands whose it is.
    let name = id.local_part().rmatch_indices('-').nth(2).map(|(at, _)| id.local_part().split_at(at));
    let Some((of, Ok(day))) = name.map(|(of, day)| (of, Day::parse(&day[1..]))) else { return Ok(false) };
    if let Some(scale) = of.strip_prefix("verification-").and_then(|scale| scale.parse().ok()) {
        let found = state::scale(desk.read()?, &book, scale)?;
        return Ok(found.is_some_and(|it| it.verified_until <= day));
    }
    for certificate in CertificateType::ALL {
        let Some(merchant) = of.strip_prefix(&certificate.name("")) else { continue };
        if let Some(found) = state::merchant(desk.read()?, &book, merchant)? {
            // Where its day was erased, no other is on record.
            return Ok(found.until(certificate).is_none_or(|until| until <= day));
        }
    }
    Ok(false)
}

/// How many complaints about a slip are owed.
pub(crate) fn count_owed(desk: &mut Desk<'_>, book: &BookId, slip: &str) -> Result<usize, StoreError> {
    let name = state::subject(book, "matter", OF_COMPLAINT)?;
    state::owed_of_slip(desk.read()?, book, slip, name.as_str())
}

/// With a complaint done, the next about the same slip is owed that laid no duty.
fn owe_next(desk: &mut Desk<'_>, at: Time, matter: &Matter) -> Result<(), AppendError<DocketError>> {
    let book = matter.id.book();
    let Some(seq) = number_of(matter) else { return Ok(()) };
    // Its head names the slip when its body is erased, too.
    let Some(entry) = entries::entry(desk.read()?, &book, seq)? else { return Ok(()) };
    let Some(slip) = about(&entry, SlipSerial::SCHEME) else { return Ok(()) };
    for seq in state::open_complaints(desk.read()?, &book, slip.local_part())? {
        if desk.matter(&of_complaint(&book, seq))?.is_none() {
            return owe(desk, &book, &clock_actor(), at, &Cause::Complaint { seq: seq.0 });
        }
    }
    Ok(())
}

/// The complaint that a matter is about.
fn number_of(matter: &Matter) -> Option<Seq> {
    matter.id.subject().local_part().trim_start_matches(OF_COMPLAINT).parse().map(Seq).ok()
}

fn is_settled(desk: &mut Desk<'_>, matter: &Matter) -> Result<bool, StoreError> {
    let Some(seq) = number_of(matter) else { return Ok(true) };
    let complaint = state::complaint(desk.read()?, &matter.id.book(), seq)?;
    Ok(complaint.is_none_or(|complaint| complaint.settled_seq.is_some()))
}
