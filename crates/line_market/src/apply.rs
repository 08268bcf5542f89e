//! How the line's tables follow from its entries.

mod place;

use std::collections::BTreeMap;

use base::{BookId, Seq, SubjectId};
use kernel::entries::{self, Kinds};
use ledger::{Body, Entry, EntryError, Role, Sought};
use serde::Serialize;
use store::{Insert, Param, StoreError, Tx, Type};

use crate::epcis_events;
use crate::kinds::{
    BlockAcknowledged, BreachReported, CertificateRecorded, CertificateType, ComplaintFiled,
    ComplaintSettled, DutiesAssigned, EpcisCaptured, EpcisDescribed, FeeCharged, FeePaid, InspectionRecorded,
    JobsChanged, LeaseEnded, LotHeld, LotLost, LotReceived, LotReleased, LotSplit, LotTransferred,
    MarketOpened, MerchantRegistered, PricePosted, ProductRegistered, RecallEnded, RecallOpened, Sale,
    ScaleEnrolled, ScaleMoved, ScaleVerified, SlipSerial, StallLeased, StallOpened, SubscriptionOpened,
    Verdict,
};
use crate::state;

const INSERT_BLOCK: Insert = Insert {
    table: "market_block",
    columns: &[
        ("book", Type::Text),
        ("hold", Type::Int),
        ("scale", Type::Int),
        ("lot", Type::Text),
        ("held_at", Type::Int),
    ],
    then: "",
};

/// What was sold of each lot since the last entry that was not a sale, by the lot's subject.
type Sold = BTreeMap<SubjectId, SoldOf>;

struct SoldOf {
    book: BookId,
    grams: i64,
    slips: i64,
}

/// Applies entries in order; runs of sales are added up first.
pub fn apply(tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
    let mut sold = Sold::new();
    // Nothing else reads or writes their tables.
    epcis_events::apply::write_captured(tx, entries)?;
    epcis_events::apply::write_described(tx, entries)?;
    for entry in entries {
        if [EpcisCaptured::KIND, EpcisDescribed::KIND].contains(&entry.kind.as_str()) {
            continue;
        }
        if epcis_events::standing::apply::KINDS.contains(&entry.kind.as_str()) {
            epcis_events::standing::apply::apply(tx, entry)?;
            continue;
        }
        if entry.kind.as_str() == Sale::KIND {
            let grams = entry.with_body(|sale: &Sale| sale.grams.0).map_err(|error| shape(entry, &error))?;
            let no_lot = || StoreError::Schema(format!("entry {} of {} names no lot", entry.seq, entry.book));
            let lot = entry.subject(Role::Input).ok_or_else(no_lot)?;
            let none = || SoldOf { book: entry.book.clone(), grams: 0, slips: 0 };
            let of_lot = sold.entry(lot.clone()).or_insert_with(none);
            of_lot.grams += grams;
            of_lot.slips += 1;
        } else {
            write_sold(tx, &mut sold)?;
            One { tx, entry }.apply()?;
        }
    }
    write_sold(tx, &mut sold)
}

/// Blanks what an erased body had put into the tables.
pub fn erase(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    let book = Param::Text(entry.book.as_str());
    match entry.kind.as_str() {
        MerchantRegistered::KIND => {
            // Which merchant it was stands in the head, and stays.
            let Some(merchant) = about(entry, "merchant") else { return Ok(()) };
            let sql =
                "update market_merchant set title = null, licence = null where book = $1 and merchant = $2";
            tx.execute(sql, &[book, Param::Text(merchant.local_part())]).map(drop)
        }
        CertificateRecorded::KIND => days_of_papers(tx, entry),
        ComplaintFiled::KIND => {
            // The slip stands in the head, and what waits is owed all the same.
            let sql = "update market_complaint set has_body = 0 where book = $1 and seq = $2";
            tx.execute(sql, &[book, Param::Int(entry.seq.to_i64())]).map(drop)
        }
        SubscriptionOpened::KIND => epcis_events::standing::apply::erase(tx, entry),
        _ => Ok(()),
    }
}

/// The last day of a merchant's paper, as those entries tell it that still have a body; of all three where the one that was erased
/// does not say which it was of, as it did not at first.
fn days_of_papers(tx: &mut dyn Tx, erased: &Entry) -> Result<(), StoreError> {
    let Some(merchant) = about(erased, "merchant") else { return Ok(()) };
    let paper = about(erased, "paper").map(SubjectId::local_part);
    let of = |it: &CertificateType| paper.is_none_or(|paper| it.name(merchant.local_part()) == paper);
    for certificate in CertificateType::ALL.into_iter().filter(of) {
        let column = match certificate {
            CertificateType::Licence => "licence_until",
            CertificateType::FoodPermit => "food_until",
            CertificateType::Health => "health_until",
        };
        let own = state::subject(&erased.book, "paper", &certificate.name(merchant.local_part()))?;
        let until = match day_of_paper(tx, &erased.book, &own, certificate)? {
            Some(until) => Some(until),
            None => day_of_paper(tx, &erased.book, merchant, certificate)?,
        };
        let sql = format!("update market_merchant set {column} = $3 where book = $1 and merchant = $2");
        let (book, merchant) = (Param::Text(erased.book.as_str()), Param::Text(merchant.local_part()));
        tx.execute(&sql, &[book, merchant, Param::from(until)])?;
    }
    Ok(())
}

/// The last day of a paper by the latest entry about something that tells it.
fn day_of_paper(
    tx: &mut dyn Tx,
    book: &BookId,
    subject: &SubjectId,
    certificate: CertificateType,
) -> Result<Option<i64>, StoreError> {
    const READ: usize = 100;
    const PAGES: usize = 20;
    const PAPERS: Kinds<'_> = Kinds::These(&[Sought::of::<CertificateRecorded>()]);
    let mut below = None;
    for _ in 0..PAGES {
        let page = entries::about_of(tx, book, subject, PAPERS, below, READ)?;
        let Some(oldest) = page.last() else { break };
        below = Some(oldest.seq);
        for entry in page.iter().filter(|entry| entry.body.is_some()) {
            let it: CertificateRecorded = body(entry)?;
            if it.certificate == certificate {
                return Ok(Some(it.until.0.into()));
            }
        }
    }
    Ok(None)
}

fn body<B: Body>(entry: &Entry) -> Result<B, StoreError> {
    entry.body().map_err(|error| shape(entry, &error))
}

fn shape(entry: &Entry, error: &EntryError) -> StoreError {
    StoreError::Schema(format!("entry {} of {}: {error}", entry.seq, entry.book))
}

/// The subject of a scheme that an entry names.
pub(crate) fn about<'e>(entry: &'e Entry, scheme: &str) -> Option<&'e SubjectId> {
    entry.subjects.iter().map(|subject| &subject.id).find(|id| id.scheme() == scheme)
}

/// The text of a unit variant.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        other => unreachable!("only unit variants are written as words, not {other:?}"),
    }
}

fn write_sold(tx: &mut dyn Tx, sold: &mut Sold) -> Result<(), StoreError> {
    const ADD: &str =
        "update market_lot set sold_g = sold_g + $3, slips = slips + $4 where book = $1 and lot = $2";
    for (lot, of_lot) in std::mem::take(sold) {
        let (book, lot) = (Param::Text(of_lot.book.as_str()), Param::Text(lot.local_part()));
        tx.execute(ADD, &[book, lot, Param::Int(of_lot.grams), Param::Int(of_lot.slips)])?;
    }
    Ok(())
}

/// An entry that another one names.
fn number(seq: u64) -> Param<'static> {
    Param::Int(Seq(seq).to_i64())
}

/// The same where it need not name one: a number beyond every book names none.
fn number_or_null(seq: Option<u64>) -> Param<'static> {
    seq.and_then(|seq| i64::try_from(seq).ok()).into()
}

struct One<'a> {
    tx: &'a mut dyn Tx,
    entry: &'a Entry,
}

impl One<'_> {
    fn apply(self) -> Result<(), StoreError> {
        match self.entry.kind.as_str() {
            MarketOpened::KIND => self.opened(),
            DutiesAssigned::KIND => self.duties(),
            JobsChanged::KIND => self.jobs(),
            MerchantRegistered::KIND => self.merchant(),
            CertificateRecorded::KIND => self.certificate(),
            StallOpened::KIND => self.stall(),
            StallLeased::KIND => self.leased(),
            LeaseEnded::KIND => self.lease_ended(),
            FeeCharged::KIND => self.charged(),
            FeePaid::KIND => self.paid(),
            ScaleEnrolled::KIND => self.scale(),
            ScaleVerified::KIND => self.scale_verified(),
            ScaleMoved::KIND => self.scale_moved(),
            ProductRegistered::KIND => self.product(),
            PricePosted::KIND => self.price(),
            LotReceived::KIND => self.received(),
            LotTransferred::KIND => self.transferred(),
            LotSplit::KIND => self.split(),
            LotLost::KIND => self.lost(),
            InspectionRecorded::KIND => self.inspected(),
            LotHeld::KIND => self.held(),
            LotReleased::KIND => self.released(),
            BlockAcknowledged::KIND => self.acknowledged(),
            BreachReported::KIND => self.breached(),
            RecallOpened::KIND => self.recalled(),
            RecallEnded::KIND => self.recall_ended(),
            ComplaintFiled::KIND => self.complained(),
            ComplaintSettled::KIND => self.settled(),
            _ => Ok(()),
        }
    }

    fn body<B: Body>(&self) -> Result<B, StoreError> {
        body(self.entry)
    }

    /// Runs a statement whose first parameter is the book.
    fn run(self, sql: &str, params: &[Param<'_>]) -> Result<(), StoreError> {
        let mut all = vec![Param::Text(self.entry.book.as_str())];
        all.extend_from_slice(params);
        self.tx.execute(sql, &all).map(drop)
    }

    fn occurred(&self) -> Param<'static> {
        Param::Int(self.entry.occurred.0)
    }

    fn seq(&self) -> Param<'static> {
        Param::Int(self.entry.seq.to_i64())
    }

    fn opened(self) -> Result<(), StoreError> {
        const SQL: &str = "insert into market_market (book, title_zh, title_en, area_m2, opened, slip_gtin)
            values ($1, $2, $3, $4, $5, $6) on conflict (book) do update set title_zh = excluded.title_zh,
            title_en = excluded.title_en, area_m2 = excluded.area_m2, slip_gtin = excluded.slip_gtin";
        let it: MarketOpened = self.body()?;
        let opened = self.occurred();
        self.run(
            SQL,
            &[
                (&it.title_zh).into(),
                (&it.title_en).into(),
                it.area_m2.into(),
                opened,
                (&it.slip_gtin).into(),
            ],
        )
    }

    fn duties(self) -> Result<(), StoreError> {
        const SQL: &str = "insert into market_duties
            (book, answering, supervising, failed_test_workdays, breach_workdays) values ($1, $2, $3, $4, $5)
            on conflict (book) do update set answering = excluded.answering, supervising = excluded.supervising,
            failed_test_workdays = excluded.failed_test_workdays, breach_workdays = excluded.breach_workdays";
        let it: DutiesAssigned = self.body()?;
        let (answering, supervising) = (it.answering.subject().as_str(), it.supervising.subject().as_str());
        let days = [it.failed_test_workdays, it.breach_workdays].map(|days| Param::Int(days.into()));
        self.run(SQL, &[answering.into(), supervising.into(), days[0], days[1]])
    }

    fn jobs(self) -> Result<(), StoreError> {
        const SQL: &str = "insert into market_jobs (book, jobs, changed) values ($1, $2, $3)
            on conflict (book) do update set jobs = market_jobs.jobs + excluded.jobs,
            changed = case when excluded.changed > market_jobs.changed then excluded.changed else market_jobs.changed end";
        let it: JobsChanged = self.body()?;
        let at = self.occurred();
        self.run(SQL, &[it.change.into(), at])
    }

    fn merchant(self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into market_merchant (book, merchant, title, licence) values ($1, $2, $3, $4)
            on conflict (book, merchant) do update set title = excluded.title, licence = excluded.licence";
        if self.entry.body.is_none() {
            let Some(merchant) = about(self.entry, "merchant") else { return Ok(()) };
            return self.run(SQL, &[merchant.local_part().into(), Param::Null, Param::Null]);
        }
        let it: MerchantRegistered = self.body()?;
        self.run(SQL, &[(&it.merchant).into(), (&it.title).into(), it.licence.as_ref().into()])
    }

    fn certificate(self) -> Result<(), StoreError> {
        if self.entry.body.is_none() {
            return Ok(());
        }
        let it: CertificateRecorded = self.body()?;
        let column = match it.certificate {
            CertificateType::Licence => "licence_until",
            CertificateType::FoodPermit => "food_until",
            CertificateType::Health => "health_until",
        };
        let sql = format!("update market_merchant set {column} = $3 where book = $1 and merchant = $2");
        self.run(&sql, &[(&it.merchant).into(), i64::from(it.until.0).into()])
    }

    fn product(self) -> Result<(), StoreError> {
        const SQL: &str = "insert into market_product (book, product, title_zh, title_en, category)
            values ($1, $2, $3, $4, $5) on conflict (book, product) do update set title_zh = excluded.title_zh,
            title_en = excluded.title_en, category = excluded.category";
        const NAME: &str = "insert into market_product_name (book, product, title_zh, title_en, seq) values ($1, $2, $3, $4, $5)";
        let it: ProductRegistered = self.body()?;
        let [product, zh, en] = [&it.product, &it.title_zh, &it.title_en].map(Param::from);
        let seq = self.seq();
        self.tx
            .execute(SQL, &[Param::Text(self.entry.book.as_str()), product, zh, en, (&it.category).into()])?;
        self.run(NAME, &[product, zh, en, seq])
    }

    fn price(self) -> Result<(), StoreError> {
        const SQL: &str = "insert into market_price (book, stall, product, fen_per_kg, seq) values ($1, $2, $3, $4, $5)
            on conflict (book, stall, product) do update set fen_per_kg = excluded.fen_per_kg, seq = excluded.seq";
        let it: PricePosted = self.body()?;
        let seq = self.seq();
        self.run(SQL, &[(&it.stall).into(), (&it.product).into(), it.fen_per_kg.0.into(), seq])
    }

    fn received(self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into market_lot (book, lot, product, merchant, stall, supplier, origin, document, source,
            received_at, seq, received_g, sold_g, moved_g, lost_g, arrived_at, slips)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0, $10, 0)";
        let it: LotReceived = self.body()?;
        let document =
            it.document.as_ref().map(|document| format!("{}:{}", word(&document.r#type), document.number));
        let (at, seq) = (self.occurred(), self.seq());
        let source = it.source.as_ref().map(|source| source.as_str());
        let params = [
            (&it.lot).into(),
            (&it.product).into(),
            (&it.merchant).into(),
            (&it.stall).into(),
            (&it.supplier).into(),
            (&it.origin).into(),
            document.as_ref().into(),
            source.into(),
            at,
            seq,
            it.quantity_g.0.into(),
        ];
        self.run(SQL, &params)
    }

    fn transferred(self) -> Result<(), StoreError> {
        let it: LotTransferred = self.body()?;
        let to =
            Child { lot: &it.new_lot, grams: it.quantity_g.0, place: Some((&it.to_stall, &it.to_merchant)) };
        self.descend(&it.lot, &[to])
    }

    fn split(self) -> Result<(), StoreError> {
        let it: LotSplit = self.body()?;
        let parts: Vec<Child<'_>> = it
            .parts
            .iter()
            .map(|part| Child { lot: &part.lot, grams: part.quantity_g.0, place: None })
            .collect();
        self.descend(&it.lot, &parts)
    }

    /// Lots that come out of another take its product, supplier, origin and verdict along.
    fn descend(self, lot: &str, children: &[Child<'_>]) -> Result<(), StoreError> {
        const CHILD: &str =
            "insert into market_lot (book, lot, product, merchant, stall, supplier, origin, document,
            source, received_at, seq, received_g, sold_g, moved_g, lost_g, arrived_at, slips, verdict, inspection)
            select book, $3, product, coalesce($6, merchant), coalesce($5, stall), supplier, origin, document,
            source, $7, $8, $4, 0, 0, 0, arrived_at, 0, verdict, inspection from market_lot where book = $1 and lot = $2";
        const DESCENT: &str = "insert into market_descent (book, parent, lot, seq) values ($1, $2, $3, $4)";
        const PARENT: &str = "update market_lot set moved_g = moved_g + $3 where book = $1 and lot = $2";
        let book = Param::Text(self.entry.book.as_str());
        for child in children {
            let (stall, merchant) =
                child.place.map_or((Param::Null, Param::Null), |(s, m)| (s.into(), m.into()));
            let params = [
                book,
                lot.into(),
                child.lot.into(),
                child.grams.into(),
                stall,
                merchant,
                self.occurred(),
                self.seq(),
            ];
            self.tx.execute(CHILD, &params)?;
            self.tx.execute(DESCENT, &[book, lot.into(), child.lot.into(), self.seq()])?;
        }
        let grams: i64 = children.iter().map(|child| child.grams).sum();
        self.run(PARENT, &[lot.into(), grams.into()])
    }

    fn lost(self) -> Result<(), StoreError> {
        const SQL: &str = "update market_lot set lost_g = lost_g + $3 where book = $1 and lot = $2";
        let it: LotLost = self.body()?;
        self.run(SQL, &[(&it.lot).into(), it.quantity_g.0.into()])
    }

    fn inspected(self) -> Result<(), StoreError> {
        const KEEP: &str =
            "insert into market_inspection (book, seq, lot, method, item, reading, verdict, retest_of, at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        const LOT: &str = "update market_lot set verdict = $3, inspection = $4 where book = $1 and lot = $2";
        const FAILED: &str = "insert into market_failure (book, lot, test, supplier, product, received_at)
            select book, lot, cast($3 as bigint), supplier, product, arrived_at from market_lot
            where book = $1 and lot = $2";
        const TAKEN_BACK: &str =
            "delete from market_failure where book = $1 and lot = $2 and exists (select 1 from market_inspection as failed
            where failed.book = $1 and failed.seq = market_failure.test and failed.at <= $5
            and (failed.item = $3 or failed.seq = $4))";
        let it: InspectionRecorded = self.body()?;
        let verdict = word(&it.verdict);
        let params = [
            Param::Text(self.entry.book.as_str()),
            self.seq(),
            (&it.lot).into(),
            (&it.method).into(),
            (&it.item).into(),
            (&it.reading).into(),
            (&verdict).into(),
            number_or_null(it.retest_of),
            self.occurred(),
        ];
        self.tx.execute(KEEP, &params)?;
        let (book, seq) = (Param::Text(self.entry.book.as_str()), self.seq());
        if it.verdict == Verdict::Fail {
            self.tx.execute(FAILED, &[book, (&it.lot).into(), seq])?;
        } else {
            let taken_back =
                [book, (&it.lot).into(), (&it.item).into(), number_or_null(it.retest_of), self.occurred()];
            self.tx.execute(TAKEN_BACK, &taken_back)?;
        }
        self.run(LOT, &[(&it.lot).into(), (&verdict).into(), seq])
    }

    fn held(self) -> Result<(), StoreError> {
        const LOT: &str =
            "update market_lot set hold = $3, hold_reason = $4, held_at = $5 where book = $1 and lot = $2";
        const KEEP: &str =
            "insert into market_hold (book, hold, lot, reason, ancestor, ancestor_hold, occurred, recorded)
            values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let it: LotHeld = self.body()?;
        // Pages show when it happened, which for history that was loaded is long before it was recorded. How long a scale
        // took to confirm is measured from the recording.
        let (occurred, recorded) = (self.occurred(), Param::Int(self.entry.recorded.0));
        let reason = word(&it.reason);
        let (ancestor, ancestor_hold) = it
            .ancestor
            .as_ref()
            .map_or((Param::Null, Param::Null), |ancestor| ((&ancestor.lot).into(), number(ancestor.hold)));
        let params = [
            Param::Text(self.entry.book.as_str()),
            self.seq(),
            (&it.lot).into(),
            (&reason).into(),
            ancestor,
            ancestor_hold,
            occurred,
            recorded,
        ];
        self.tx.execute(KEEP, &params)?;
        let (book, seq) = (Param::Text(self.entry.book.as_str()), self.seq());
        let block = |scale: &u32| [book, seq, i64::from(*scale).into(), (&it.lot).into(), occurred];
        let blocks: Vec<Param<'_>> = it.scales.iter().flat_map(block).collect();
        self.tx.insert_many(&INSERT_BLOCK, &blocks)?;
        self.run(LOT, &[(&it.lot).into(), seq, (&reason).into(), occurred])
    }

    fn released(self) -> Result<(), StoreError> {
        const LOT: &str = "update market_lot set hold = null, hold_reason = null, held_at = null where book = $1 and lot = $2";
        const BLOCK: &str = "update market_block set released_at = $3 where book = $1 and hold = $2";
        const HOLD: &str = "update market_hold set released_seq = $3, released_at = $4, retest = $5
            where book = $1 and hold = $2";
        let it: LotReleased = self.body()?;
        let (book, hold) = (Param::Text(self.entry.book.as_str()), number(it.hold));
        self.tx.execute(BLOCK, &[book, hold, self.occurred()])?;
        self.tx.execute(HOLD, &[book, hold, self.seq(), self.occurred(), number_or_null(it.inspection)])?;
        self.run(LOT, &[(&it.lot).into()])
    }

    fn acknowledged(self) -> Result<(), StoreError> {
        const SQL: &str = "update market_block set acked_at = $4, after_ms = $5 where book = $1 and hold = $2 and scale = $3";
        let it: BlockAcknowledged = self.body()?;
        let at = self.occurred();
        self.run(SQL, &[number(it.hold), i64::from(it.scale).into(), at, it.after_ms.into()])
    }

    fn breached(self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into market_breach (book, seq, breach, lot, scale, counter, grams, hold, at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let it: BreachReported = self.body()?;
        let (seq, at, breach) = (self.seq(), self.occurred(), word(&it.breach));
        let params = [
            seq,
            (&breach).into(),
            (&it.lot).into(),
            i64::from(it.scale).into(),
            i64::from(it.counter).into(),
            it.grams.0.into(),
            number_or_null(it.hold),
            at,
        ];
        self.run(SQL, &params)
    }

    fn recalled(self) -> Result<(), StoreError> {
        const SQL: &str = "insert into market_recall (book, seq, lot, hold, at, notice_zh, notice_en)
            values ($1, $2, $3, $4, $5, $6, $7)";
        let it: RecallOpened = self.body()?;
        let (seq, at) = (self.seq(), self.occurred());
        let hold = number(it.hold);
        self.run(SQL, &[seq, (&it.lot).into(), hold, at, (&it.notice_zh).into(), (&it.notice_en).into()])
    }

    fn recall_ended(self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into market_recall_end (book, recall, seq, at, outcome) values ($1, $2, $3, $4, $5)";
        let it: RecallEnded = self.body()?;
        let (seq, at, outcome) = (self.seq(), self.occurred(), word(&it.outcome));
        self.run(SQL, &[number(it.recall), seq, at, (&outcome).into()])
    }

    fn complained(self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into market_complaint (book, seq, slip, has_body, at) values ($1, $2, $3, $4, $5)";
        let (seq, at, has_body) = (self.seq(), self.occurred(), i64::from(self.entry.body.is_some()));
        // As the head names it, which stays when the body is erased.
        let slip = about(self.entry, SlipSerial::SCHEME).map(SubjectId::local_part);
        self.run(SQL, &[seq, slip.into(), has_body.into(), at])
    }

    fn settled(self) -> Result<(), StoreError> {
        const SQL: &str = "update market_complaint set settled_seq = $3, outcome = $4, settled_at = $5
            where book = $1 and seq = $2";
        let it: ComplaintSettled = self.body()?;
        let (seq, at, outcome) = (self.seq(), self.occurred(), word(&it.outcome));
        self.run(SQL, &[number(it.complaint), seq, (&outcome).into(), at])
    }
}

/// A lot that comes out of another, and where it goes if not where the other stands.
struct Child<'a> {
    lot: &'a str,
    grams: i64,
    place: Option<(&'a String, &'a String)>,
}
