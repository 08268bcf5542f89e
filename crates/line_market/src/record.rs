//! Recording one entry of the market, whatever its kind: the rules that need the market's state, and what the entry names.
//!
//! The API, the pages and the demonstration all come through [`record`].

mod arrivals;
mod complaints;
mod holds;
mod leases;
pub mod of_day;
mod offers;
mod scales;

use base::limits::{MERCHANTS_MAX, PRODUCTS_MAX, STALLS_MAX};
use base::{ActorId, BookId, Day, SubjectId, Time};
use kernel::entries::{self, Kinds};
use kernel::{AppendError, Desk, Named, ROOT_BOOK, Receipt};
use ledger::{Body, Draft, Entry, Role, Sought};
use serde::{Deserialize, Serialize};

use crate::duties::{self, Cause, Remedy};
use crate::kinds::{
    CertificateRecorded, CertificateType, CleaningDone, ComplaintFiled, ComplaintSettled, DutiesAssigned,
    FeeCharged, FeePaid, FootfallCounted, InspectionRecorded, JobsChanged, LeaseEnded, LotHeld, LotLost,
    LotReceived, LotReleased, LotSplit, LotTransferred, MarketBefore, MarketOpened, MerchantRegistered,
    PricePosted, ProductRegistered, RecallEnded, RecallOpened, ScaleEnrolled, ScaleMoved, ScaleVerified,
    StallBefore, StallLeased, StallOpened, TransferAccepted, TransferOffered,
};
use crate::refusal::{Code, Refusal};
use crate::rules::{self, FOOD_PERMIT_DAYS_MAX, HEALTH_DAYS_MAX, WRITTEN_DAYS_MAX};
use crate::state::{self, Duties, Jobs, Lot, Merchant};

/// What somebody asks the market to record.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// A kind of the catalogue, such as `market.lot.received`.
    pub kind: String,
    /// When it happened; now, if left out.
    pub occurred: Option<Time>,
    /// As the kind's schema says.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
    /// SHA-256 digests of files that were uploaded before.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// Why nothing was recorded.
pub type Failure = AppendError<Refusal>;

/// What a record led to: the entry asked for, and those that follow from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Recorded {
    pub entry: Receipt,
    /// Holds that it brought about: of a lot that failed, and of the lots that came out of a held one.
    pub holds: Vec<Receipt>,
    /// Releases that it brought about, of lots that were held with the one released.
    #[serde(default)]
    pub releases: Vec<Receipt>,
}

impl Recorded {
    fn of(entry: Receipt) -> Self {
        Self { entry, holds: Vec::new(), releases: Vec::new() }
    }
}

/// What is decided, offered or posted, and what goods become, counts from when it is recorded: nobody could go by it earlier. A
/// part that was written down as one of before a hold, or of another tenant's days, would be sold as if it had been free then.
const AT_ONCE: &[&str] = &[
    LotSplit::KIND,
    LotTransferred::KIND,
    LotHeld::KIND,
    LotReleased::KIND,
    RecallOpened::KIND,
    RecallEnded::KIND,
    ComplaintSettled::KIND,
    PricePosted::KIND,
    TransferOffered::KIND,
    TransferAccepted::KIND,
];

/// Decides and appends.
pub fn record(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    input: &Input,
) -> Result<Recorded, Failure> {
    if input.kind == MarketOpened::KIND {
        // No two markets take one GTIN at the same time, whichever nodes they ask.
        desk.take(&BookId::new(ROOT_BOOK).expect("a book's name"))?;
    }
    desk.take(book)?;
    let occurred = input.occurred.unwrap_or(desk.now());
    let occurred = if AT_ONCE.contains(&&*input.kind) { desk.done_at(actor, occurred) } else { occurred };
    Recorder { desk, book, actor, occurred, evidence: &input.evidence }.dispatch(input)
}

struct Recorder<'r, 'd> {
    desk: &'r mut Desk<'d>,
    book: &'r BookId,
    actor: &'r ActorId,
    occurred: Time,
    evidence: &'r [String],
}

fn refuse<T>(code: Code, field: &str, detail: impl Into<String>) -> Result<T, Failure> {
    Err(AppendError::Refused(Refusal::new(code, field, detail)))
}

/// Refuses what rests on a hold that the lot is not under.
fn need_hold(lot: &Lot, hold: u64) -> Result<(), Failure> {
    match lot.hold {
        Some(seq) if seq.0 == hold => Ok(()),
        _ => refuse(Code::NotHeld, "body.hold", format!("lot {} is not held by entry {hold}", lot.lot)),
    }
}

fn refused(refusal: impl Into<Refusal>) -> Failure {
    AppendError::Refused(refusal.into())
}

impl Recorder<'_, '_> {
    fn dispatch(mut self, input: &Input) -> Result<Recorded, Failure> {
        let receipt = match input.kind.as_str() {
            MarketOpened::KIND => self.open(input),
            DutiesAssigned::KIND => self.assign_duties(input),
            JobsChanged::KIND => self.change_jobs(input),
            MerchantRegistered::KIND => self.merchant(input),
            CertificateRecorded::KIND => self.certificate(input),
            StallOpened::KIND => self.open_stall(input),
            StallLeased::KIND => self.lease(input),
            LeaseEnded::KIND => self.end_lease(input),
            FeeCharged::KIND => self.fee::<FeeCharged>(input, |it| &it.stall),
            FeePaid::KIND => self.fee::<FeePaid>(input, |it| &it.stall),
            ScaleEnrolled::KIND => self.enrol(input),
            ScaleVerified::KIND => self.verify(input),
            ScaleMoved::KIND => self.move_scale(input),
            ProductRegistered::KIND => self.product(input),
            PricePosted::KIND => self.price(input),
            LotReceived::KIND => self.receive(input),
            LotTransferred::KIND => self.transfer(input),
            TransferOffered::KIND => self.offer(input),
            TransferAccepted::KIND => self.accept(input),
            LotSplit::KIND => self.split(input),
            LotLost::KIND => self.lose(input),
            InspectionRecorded::KIND => return self.inspect(input),
            LotHeld::KIND => return self.hold(input),
            LotReleased::KIND => return self.release(input),
            RecallOpened::KIND => self.recall(input),
            RecallEnded::KIND => self.end_recall(input),
            ComplaintFiled::KIND => self.complain(input),
            ComplaintSettled::KIND => self.settle(input),
            FootfallCounted::KIND => self.plain::<FootfallCounted>(input, |_| vec![]),
            CleaningDone::KIND => self.plain::<CleaningDone>(input, |_| vec![]),
            other => refuse(Code::UnknownKind, "kind", format!("{other:?} cannot be recorded here")),
        };
        receipt.map(Recorded::of)
    }

    /// Reads the body strictly; errors name the field below `body`.
    fn body<B: Body>(input: &Input) -> Result<B, Failure> {
        // A struct is read from a list of its fields as well, in which nobody finds whose it is by its name.
        if !input.body.is_object() {
            return refuse(Code::Body, "body", "is no JSON object");
        }
        let body: B = serde_path_to_error::deserialize(&input.body).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { "body".to_owned() } else { format!("body.{path}") };
            refused(Refusal::new(Code::Body, field, error.inner().to_string()))
        })?;
        body.check().map_err(|mut error| {
            error.field =
                if error.field.is_empty() { "body".into() } else { format!("body.{}", error.field) };
            refused(error)
        })?;
        Ok(body)
    }

    fn draft<B: Body>(&self, body: &B) -> Result<Draft, Failure> {
        let draft = Draft::new(self.book, self.occurred, self.actor, body).map_err(refused)?;
        Ok(draft.with_evidence(self.evidence.to_vec()))
    }

    fn append(&mut self, draft: Draft) -> Result<Receipt, Failure> {
        draft.check(self.desk.now()).map_err(refused)?;
        self.desk.append(draft)
    }

    fn id(&self, scheme: &str, local: &str) -> Result<SubjectId, Failure> {
        SubjectId::local(scheme, self.book, local)
            .map_err(|error| refused(Refusal::new(Code::Body, scheme, error.to_string())))
    }

    /// An entry with no rules beyond its body, about what `names` says.
    fn plain<B: Body>(
        &mut self,
        input: &Input,
        names: impl Fn(&B) -> Vec<(&'static str, String)>,
    ) -> Result<Receipt, Failure> {
        let body: B = Self::body(input)?;
        let mut draft = self.draft(&body)?;
        for (scheme, local) in names(&body) {
            draft = draft.subject(Role::About, self.id(scheme, &local)?);
        }
        self.append(draft)
    }

    /// A slip leads to its market by the GTIN on it: no other market has that, and a slip that was printed keeps leading there.
    fn open(&mut self, input: &Input) -> Result<Receipt, Failure> {
        const FIELD: &str = "body.slip_gtin";
        let mut body: MarketOpened = Self::body(input)?;
        let gtin = &body.slip_gtin;
        let tx = self.desk.read()?;
        if state::is_gtin_of_other(tx, self.book, gtin)? {
            return refuse(Code::Exists, FIELD, format!("slips of another market carry {gtin}"));
        }
        let before = state::market(tx, self.book)?;
        if let Some(before) = before.as_ref().filter(|before| before.slip_gtin != *gtin)
            && state::has_sold(tx, self.book)?
        {
            let detail = format!("slips were printed that carry {}", before.slip_gtin);
            return refuse(Code::SlipsPrinted, FIELD, detail);
        }
        if let Some(amended) = entries::latest(tx, self.book, &[MarketOpened::KIND], None, 1)?.pop() {
            self.need_no_earlier(amended.occurred)?;
        }
        body.before = before.map(|market| MarketBefore { area_m2: market.area_m2 });
        let draft = self.draft(&body)?;
        self.append(draft)
    }

    /// A figure takes what changed: what is taken from it was in it by that day.
    fn need_no_earlier(&self, than: Time) -> Result<(), Failure> {
        let zone = self.desk.zone();
        match zone.day_of(self.occurred) < zone.day_of(than) {
            true => refuse(Code::PastTime, "occurred", format!("lies before what it rests on, of {than}")),
            false => Ok(()),
        }
    }

    /// Goods arrive from the day on which the stall is let, whether that was written down then or later.
    fn need_let_by_then(&mut self, stall: &state::Stall) -> Result<(), Failure> {
        let day = self.desk.zone().day_of(self.occurred);
        match stall.lease_from.is_some_and(|from| from <= day) {
            true => Ok(()),
            false => self.need_let_before(&stall.stall),
        }
    }

    /// What becomes of goods is written down within some days. The installation loads what has long been.
    fn need_recent(&self) -> Result<(), Failure> {
        let zone = self.desk.zone();
        let first = zone.day_of(self.desk.now()).plus(-WRITTEN_DAYS_MAX);
        match zone.day_of(self.occurred) < first && !self.actor.is_system() {
            true => refuse(
                Code::PastTime,
                "occurred",
                format!("lies before {first}: too long ago to be written down now"),
            ),
            false => Ok(()),
        }
    }

    /// What happens to goods happens after they came.
    fn need_after_arrival(&self, lot: &Lot) -> Result<(), Failure> {
        self.need_no_earlier(lot.received_at)?;
        self.need_recent()
    }

    fn open_stall(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let mut body: StallOpened = Self::body(input)?;
        let before = state::stall(self.desk.read()?, self.book, &body.stall)?;
        if before.is_none() && state::count_stalls(self.desk.read()?, self.book)? >= STALLS_MAX {
            let detail = format!("a market has at most {STALLS_MAX} stalls");
            return refuse(Code::TooManyStalls, "body.stall", detail);
        }
        body.before = before.map(|stall| StallBefore { area_dm2: stall.area_dm2 });
        if let Some(amended) = self.openings(&body.stall, 1)?.first() {
            self.need_no_earlier(amended.occurred)?;
        }
        let draft = self.draft(&body)?.subject(Role::About, self.id("stall", &body.stall)?);
        self.append(draft)
    }

    /// The latest so many entries that opened or amended a stall, the last of them first.
    fn openings(&mut self, stall: &str, count: usize) -> Result<Vec<Entry>, Failure> {
        const OPENED: Kinds<'_> = Kinds::These(&[Sought::of::<StallOpened>()]);
        let stall = self.id("stall", stall)?;
        Ok(entries::about_of(self.desk.read()?, self.book, &stall, OPENED, None, count)?)
    }

    /// There are never fewer jobs than none, on whatever day.
    fn change_jobs(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let JobsChanged { change, .. } = Self::body(input)?;
        if change < 0 {
            let Jobs { jobs, changed } = state::jobs(self.desk.read()?, self.book)?;
            if jobs + change < 0 {
                return refuse(Code::TooFewJobs, "body.change", format!("there are {jobs} jobs"));
            }
            self.need_no_earlier(changed)?;
        }
        self.plain::<JobsChanged>(input, |_| vec![])
    }

    fn merchant(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: MerchantRegistered = Self::body(input)?;
        if state::merchant(self.desk.read()?, self.book, &body.merchant)?.is_some() {
            return refuse(
                Code::Exists,
                "body.merchant",
                format!("merchant {} is registered", body.merchant),
            );
        }
        if state::count_merchants(self.desk.read()?, self.book)? >= MERCHANTS_MAX {
            let detail = format!("a market has at most {MERCHANTS_MAX} merchants");
            return refuse(Code::TooManyMerchants, "body.merchant", detail);
        }
        self.plain::<MerchantRegistered>(input, |it| vec![("merchant", it.merchant.clone())])
    }

    /// Opens or ends what is owed for a cause.
    fn owe(&mut self, cause: &Cause<'_>) -> Result<(), Failure> {
        duties::owe(self.desk, self.book, self.actor, self.occurred, cause)
    }

    fn settle_duty(&mut self, cause: &Cause<'_>, reason: &str) -> Result<(), Failure> {
        let remedy = Remedy { reason, evidence: self.evidence };
        duties::settle(self.desk, self.book, self.actor, self.occurred, cause, &remedy)
    }

    /// A day that was set too late is set right by who supervises.
    fn need_no_shorter(&mut self, before: Day, until: Day, field: &str) -> Result<(), Failure> {
        match until >= before || duties::may_shorten(self.desk, self.book, self.actor)? {
            true => Ok(()),
            false => refuse(Code::EndsEarlier, field, format!("lies before {before}, which is recorded")),
        }
    }

    fn renew_duty(&mut self, cause: &Cause<'_>, reason: &str) -> Result<(), Failure> {
        let remedy = Remedy { reason, evidence: self.evidence };
        duties::renew(self.desk, self.book, self.actor, self.occurred, cause, &remedy)
    }

    fn assign_duties(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: DutiesAssigned = Self::body(input)?;
        self.desk.need_posts_near(self.book, Named::Owing, [&body.answering, &body.supervising])?;
        self.need_few_assignments()?;
        let mut draft = self.draft(&body)?;
        for post in [&body.answering, &body.supervising] {
            draft = draft.subject(Role::About, post.subject().clone());
        }
        let receipt = self.append(draft)?;
        // What has fallen due already does not wait for the next day; of much, the rest is left to the clock.
        let at = self.desk.done_at(self.actor, self.occurred);
        if duties::on_day(self.desk, self.book, at, &Duties::from(body), None)?.is_some() {
            self.desk.begin_day_again(self.book);
        }
        Ok(receipt)
    }

    fn certificate(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: CertificateRecorded = Self::body(input)?;
        // A business licence runs for decades, or without an end.
        match body.certificate {
            CertificateType::Licence => {}
            CertificateType::FoodPermit => self.need_run(body.until, FOOD_PERMIT_DAYS_MAX, "body.until")?,
            CertificateType::Health => self.need_run(body.until, HEALTH_DAYS_MAX, "body.until")?,
        }
        let before = self.need_merchant(&body.merchant)?;
        self.need_few_papers(&body.merchant)?;
        if let Some(until) = before.until(body.certificate) {
            self.need_no_shorter(until, body.until, "body.until")?;
        }
        let last = duties::last_day(self.desk, self.book, &before, body.certificate)?;
        if let Some(until) = last.filter(|last| *last < body.until) {
            let (merchant, certificate) = (body.merchant.as_str(), body.certificate);
            self.renew_duty(&Cause::Certificate { merchant, certificate, until }, "已换发新证")?;
        }
        self.plain::<CertificateRecorded>(input, |it| {
            vec![("merchant", it.merchant.clone()), ("paper", it.certificate.name(&it.merchant))]
        })
    }

    /// A day beyond what such a paper runs would keep it from ever being asked for. What the installation loads is taken as it
    /// stood.
    fn need_run(&self, until: Day, days_max: i32, field: &str) -> Result<(), Failure> {
        let last = self.desk.zone().day_of(self.desk.now()).plus(days_max);
        if until <= last || self.actor.is_system() {
            return Ok(());
        }
        refuse(Code::RunsTooLong, field, format!("lies behind {last}: none runs so long"))
    }

    fn need_merchant(&mut self, merchant: &str) -> Result<Merchant, Failure> {
        match state::merchant(self.desk.read()?, self.book, merchant)? {
            Some(merchant) => Ok(merchant),
            None => {
                refuse(Code::UnknownMerchant, "body.merchant", format!("there is no merchant {merchant}"))
            }
        }
    }

    fn need_stall(&mut self, stall: &str, field: &str) -> Result<state::Stall, Failure> {
        match state::stall(self.desk.read()?, self.book, stall)? {
            Some(stall) => Ok(stall),
            None => refuse(Code::UnknownStall, field, format!("there is no stall {stall}")),
        }
    }

    /// A stall that is let to a merchant.
    fn need_stall_of(&mut self, merchant: &str, stall: &str, field: &str) -> Result<state::Stall, Failure> {
        let found = self.need_stall(stall, field)?;
        match found.merchant.as_deref() == Some(merchant) {
            true => Ok(found),
            false => refuse(Code::NotLeased, field, format!("stall {stall} is not let to {merchant}")),
        }
    }

    fn need_lot(&mut self, lot: &str) -> Result<Lot, Failure> {
        match state::lot(self.desk.read()?, self.book, lot)? {
            Some(lot) => Ok(lot),
            None => refuse(Code::UnknownLot, "body.lot", format!("there is no lot {lot}")),
        }
    }

    fn need_no_lot(&mut self, lot: &str, field: &str) -> Result<(), Failure> {
        match state::lot(self.desk.read()?, self.book, lot)? {
            None => Ok(()),
            Some(_) => refuse(Code::Exists, field, format!("lot {lot} exists")),
        }
    }

    fn fee<B: Body>(&mut self, input: &Input, stall: impl Fn(&B) -> &String) -> Result<Receipt, Failure> {
        let body: B = Self::body(input)?;
        self.need_stall(stall(&body), "body.stall")?;
        self.plain::<B>(input, |it| vec![("stall", stall(it).clone())])
    }

    fn product(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: ProductRegistered = Self::body(input)?;
        let known = state::products(self.desk.read()?, self.book)?;
        if known.len() >= PRODUCTS_MAX && known.iter().all(|it| it.product != body.product) {
            let detail = format!("a market has at most {PRODUCTS_MAX} products");
            return refuse(Code::TooManyProducts, "body.product", detail);
        }
        self.need_few_products()?;
        self.plain::<ProductRegistered>(input, |it| vec![("product", it.product.clone())])
    }

    fn need_product(&mut self, product: &str) -> Result<(), Failure> {
        let known =
            state::products(self.desk.read()?, self.book)?.iter().any(|known| known.product == product);
        if known {
            Ok(())
        } else {
            refuse(Code::UnknownProduct, "body.product", format!("there is no product {product}"))
        }
    }

    fn price(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: PricePosted = Self::body(input)?;
        self.need_stall(&body.stall, "body.stall")?;
        self.need_product(&body.product)?;
        self.need_few_prices(&body.stall)?;
        self.plain::<PricePosted>(input, |it| {
            vec![("stall", it.stall.clone()), ("product", it.product.clone())]
        })
    }

    /// What a transfer needs, whether it is made or only offered.
    fn need_transfer(&mut self, body: &LotTransferred) -> Result<(), Failure> {
        let lot = self.need_lot(&body.lot)?;
        rules::may_take(&lot, body.quantity_g, "body.quantity_g").map_err(refused)?;
        self.need_after_arrival(&lot)?;
        self.need_no_lot(&body.new_lot, "body.new_lot")?;
        self.need_stall_of(&body.to_merchant, &body.to_stall, "body.to_stall").map(drop)
    }

    fn transfer(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: LotTransferred = Self::body(input)?;
        self.need_transfer(&body)?;
        self.need_room_in_family(&body.lot, 1, "body.lot")?;
        self.need_few_parts(&body.to_merchant, 1, "body.lot")?;
        self.hand_over(&body)
    }

    fn hand_over(&mut self, body: &LotTransferred) -> Result<Receipt, Failure> {
        let draft = self.draft(body)?.at(self.id("stall", &body.to_stall)?);
        let draft = draft
            .subject(Role::Input, self.id("lot", &body.lot)?)
            .subject(Role::Output, self.id("lot", &body.new_lot)?);
        self.append(draft)
    }

    fn split(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: LotSplit = Self::body(input)?;
        let lot = self.need_lot(&body.lot)?;
        let total = body.parts.iter().map(|part| part.quantity_g).sum();
        rules::may_take(&lot, total, "body.parts").map_err(refused)?;
        self.need_after_arrival(&lot)?;
        self.need_room_in_family(&body.lot, body.parts.len(), "body.parts")?;
        self.need_few_parts(&lot.merchant, body.parts.len(), "body.parts")?;
        let mut draft = self.draft(&body)?.at(self.id("stall", &lot.stall)?);
        draft = draft.subject(Role::Input, self.id("lot", &body.lot)?);
        for (at, part) in body.parts.iter().enumerate() {
            let field = format!("body.parts[{at}].lot");
            if body.parts[..at].iter().any(|before| before.lot == part.lot) {
                return refuse(Code::Exists, &field, format!("lot {} is named twice", part.lot));
            }
            self.need_no_lot(&part.lot, &field)?;
            draft = draft.subject(Role::Output, self.id("lot", &part.lot)?);
        }
        self.append(draft)
    }

    fn lose(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: LotLost = Self::body(input)?;
        let lot = self.need_lot(&body.lot)?;
        // A held lot may be destroyed: that is what becomes of most.
        rules::enough(&lot, body.quantity_g, "body.quantity_g").map_err(refused)?;
        if lot.hold.is_some() {
            // What became of what was held, nobody writes down as having been gone before.
            self.occurred = self.desk.done_at(self.actor, self.occurred);
        }
        self.need_after_arrival(&lot)?;
        self.need_few_losses(&lot.merchant)?;
        let draft = self.draft(&body)?.at(self.id("stall", &lot.stall)?);
        let draft = draft.subject(Role::Input, self.id("lot", &body.lot)?);
        self.append(draft)
    }

    fn recall(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: RecallOpened = Self::body(input)?;
        let lot = self.need_lot(&body.lot)?;
        need_hold(&lot, body.hold)?;
        if state::open_recall(self.desk.read()?, self.book, &body.lot)?.is_some() {
            return refuse(Code::RecallOpen, "body.lot", format!("lot {} is being recalled", body.lot));
        }
        self.need_few_recalls(&body.lot)?;
        self.plain::<RecallOpened>(input, |it| vec![("lot", it.lot.clone())])
    }

    fn end_recall(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: RecallEnded = Self::body(input)?;
        self.need_lot(&body.lot)?;
        let recalls = state::recalls(self.desk.read()?, self.book, &[&body.lot], 1_000)?;
        match recalls.iter().find(|recall| recall.seq.0 == body.recall) {
            None => {
                let detail = format!("lot {} has no recall {}", body.lot, body.recall);
                return refuse(Code::UnknownEntry, "body.recall", detail);
            }
            Some(recall) if !recall.is_open() => {
                return refuse(Code::RecallEnded, "body.recall", format!("recall {} has ended", body.recall));
            }
            Some(_) => {}
        }
        self.plain::<RecallEnded>(input, |it| vec![("lot", it.lot.clone())])
    }
}
