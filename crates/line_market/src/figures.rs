//! The market's figures: what each entry adds to them.

use figures::{Contributions, Figure, Ratio, Unit};
use ledger::{Body, Entry};

use crate::apply::word;
use crate::kinds::{
    BlockAcknowledged, BreachReported, CleaningDone, ComplaintFiled, ComplaintSettled, FeeCharged, FeePaid,
    FootfallCounted, InspectionRecorded, JobsChanged, LeaseEnded, LotHeld, LotLost, LotReceived, LotReleased,
    MarketOpened, MerchantRegistered, Sale, ScaleEnrolled, StallLeased, StallOpened, Verdict,
};
use crate::policy::READ_TAKINGS;

const fn flow(
    name: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    unit: Unit,
    kinds: &'static [&'static str],
    dimensions: &'static [&'static str],
) -> Figure {
    Figure { name, title_zh, title_en, unit, kinds, dimensions, state: false, needs: None }
}

const fn state(
    name: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    unit: Unit,
    kinds: &'static [&'static str],
) -> Figure {
    Figure { name, title_zh, title_en, unit, kinds, dimensions: &[], state: true, needs: None }
}

/// A figure of what stalls take.
const fn takings(figure: Figure) -> Figure {
    Figure { needs: Some(READ_TAKINGS), ..figure }
}

pub const MARKETS: &str = "market.markets";
pub const AREA: &str = "market.area";
pub const JOBS: &str = "market.jobs";
pub const MERCHANTS: &str = "market.merchants";
pub const STALLS: &str = "market.stalls";
pub const LEASED: &str = "market.stalls.leased";
pub const SCALES: &str = "market.scales";
pub const SALES: &str = "market.sales";
pub const SALES_AMOUNT: &str = "market.sales.amount";
pub const SALES_GRAMS: &str = "market.sales.grams";
pub const LOTS: &str = "market.lots";
pub const LOTS_GRAMS: &str = "market.lots.grams";
pub const LOTS_DOCUMENTED: &str = "market.lots.documented";
pub const LOST_GRAMS: &str = "market.lost.grams";
pub const INSPECTIONS: &str = "market.inspections";
pub const INSPECTIONS_PASSED: &str = "market.inspections.passed";
pub const HELD: &str = "market.lots.held";
pub const BLOCKS: &str = "market.blocks.acknowledged";
pub const BLOCKS_TIME: &str = "market.blocks.time";
pub const BREACHES: &str = "market.breaches";
pub const COMPLAINTS: &str = "market.complaints";
pub const COMPLAINTS_OPEN: &str = "market.complaints.open";
pub const VISITORS: &str = "market.visitors";
pub const CLEANINGS: &str = "market.cleanings";
pub const FEES_CHARGED: &str = "market.fees.charged";
pub const FEES_PAID: &str = "market.fees.paid";

pub const FIGURES: &[Figure] = &[
    state(MARKETS, "已入网市场", "Markets connected", Unit::Count, &[MarketOpened::KIND]),
    state(AREA, "使用面积", "Usable area", Unit::SquareMetres, &[MarketOpened::KIND]),
    state(JOBS, "就业岗位", "Jobs", Unit::Count, &[JobsChanged::KIND]),
    state(MERCHANTS, "经营户", "Merchants", Unit::Count, &[MerchantRegistered::KIND]),
    state(STALLS, "摊位", "Stalls", Unit::Count, &[StallOpened::KIND]),
    state(LEASED, "已出租摊位", "Stalls let", Unit::Count, &[StallLeased::KIND, LeaseEnded::KIND]),
    state(SCALES, "联网电子秤", "Scales connected", Unit::Count, &[ScaleEnrolled::KIND]),
    flow(SALES, "交易笔数", "Sales", Unit::Count, &[Sale::KIND], &["stall", "product"]),
    takings(flow(SALES_AMOUNT, "交易额", "Sales amount", Unit::Fen, &[Sale::KIND], &["stall", "product"])),
    // By the posted price, weights tell nearly as much as amounts.
    takings(flow(SALES_GRAMS, "交易量", "Weight sold", Unit::Grams, &[Sale::KIND], &["stall", "product"])),
    flow(LOTS, "进货批次", "Lots received", Unit::Count, &[LotReceived::KIND], &["stall", "product"]),
    flow(LOTS_GRAMS, "进货量", "Weight received", Unit::Grams, &[LotReceived::KIND], &["stall", "product"]),
    flow(LOTS_DOCUMENTED, "有凭证批次", "Lots with a document", Unit::Count, &[LotReceived::KIND], &[]),
    flow(LOST_GRAMS, "损耗量", "Weight lost", Unit::Grams, &[LotLost::KIND], &["reason"]),
    flow(INSPECTIONS, "检测批次", "Inspections", Unit::Count, &[InspectionRecorded::KIND], &["item"]),
    flow(
        INSPECTIONS_PASSED,
        "合格批次",
        "Inspections passed",
        Unit::Count,
        &[InspectionRecorded::KIND],
        &["item"],
    ),
    state(HELD, "停售中批次", "Lots on hold", Unit::Count, &[LotHeld::KIND, LotReleased::KIND]),
    flow(BLOCKS, "停售指令回执", "Blocks acknowledged", Unit::Count, &[BlockAcknowledged::KIND], &[]),
    flow(
        BLOCKS_TIME,
        "停售指令累计用时",
        "Time to acknowledge blocks",
        Unit::Milliseconds,
        &[BlockAcknowledged::KIND],
        &[],
    ),
    flow(BREACHES, "违规销售", "Breaches", Unit::Count, &[BreachReported::KIND], &["breach"]),
    flow(COMPLAINTS, "投诉受理", "Complaints", Unit::Count, &[ComplaintFiled::KIND], &[]),
    state(
        COMPLAINTS_OPEN,
        "未办结投诉",
        "Open complaints",
        Unit::Count,
        &[ComplaintFiled::KIND, ComplaintSettled::KIND],
    ),
    flow(VISITORS, "客流量", "Visitors", Unit::Count, &[FootfallCounted::KIND], &[]),
    flow(CLEANINGS, "保洁次数", "Cleaning rounds", Unit::Count, &[CleaningDone::KIND], &[]),
    flow(FEES_CHARGED, "应收费用", "Fees charged", Unit::Fen, &[FeeCharged::KIND], &[]),
    flow(FEES_PAID, "实收费用", "Fees paid", Unit::Fen, &[FeePaid::KIND], &[]),
];

pub const PASS_RATE: &str = "market.inspections.pass_rate";
pub const OCCUPANCY: &str = "market.stalls.occupancy";
pub const DOCUMENT_RATE: &str = "market.lots.document_rate";
pub const BLOCK_MEAN: &str = "market.blocks.mean_time";

pub const RATIOS: &[Ratio] = &[
    Ratio {
        name: PASS_RATE,
        title_zh: "检测合格率",
        title_en: "Pass rate",
        numerator: INSPECTIONS_PASSED,
        denominator: INSPECTIONS,
    },
    Ratio {
        name: OCCUPANCY,
        title_zh: "摊位出租率",
        title_en: "Occupancy",
        numerator: LEASED,
        denominator: STALLS,
    },
    Ratio {
        name: DOCUMENT_RATE,
        title_zh: "进货凭证率",
        title_en: "Lots documented",
        numerator: LOTS_DOCUMENTED,
        denominator: LOTS,
    },
    Ratio {
        name: BLOCK_MEAN,
        title_zh: "停售指令平均用时",
        title_en: "Mean time to block",
        numerator: BLOCKS_TIME,
        denominator: BLOCKS,
    },
];

/// What an entry adds. Kinds whose body can be erased count by their head alone.
pub fn contribute(entry: &Entry, out: &mut Contributions) {
    match entry.kind.as_str() {
        Sale::KIND => with(entry, |sale: &Sale| {
            let dimensions = [("stall", sale.stall.as_str()), ("product", sale.product.as_str())];
            out.add(SALES, 1, &dimensions);
            out.add(SALES_AMOUNT, sale.amount_fen.0, &dimensions);
            out.add(SALES_GRAMS, sale.grams.0, &dimensions);
        }),
        LotReceived::KIND => with(entry, |lot: &LotReceived| {
            let dimensions = [("stall", lot.stall.as_str()), ("product", lot.product.as_str())];
            out.add(LOTS, 1, &dimensions);
            out.add(LOTS_GRAMS, lot.quantity_g.0, &dimensions);
            out.add(LOTS_DOCUMENTED, i64::from(lot.document.is_some()), &[]);
        }),
        LotLost::KIND => {
            with(entry, |lost: &LotLost| {
                out.add(LOST_GRAMS, lost.quantity_g.0, &[("reason", &word(&lost.reason))])
            });
        }
        InspectionRecorded::KIND => with(entry, |test: &InspectionRecorded| {
            let dimensions = [("item", test.item.as_str())];
            out.add(INSPECTIONS, 1, &dimensions);
            out.add(INSPECTIONS_PASSED, i64::from(test.verdict == Verdict::Pass), &dimensions);
        }),
        BlockAcknowledged::KIND => with(entry, |block: &BlockAcknowledged| {
            out.add(BLOCKS, 1, &[]);
            out.add(BLOCKS_TIME, block.after_ms, &[]);
        }),
        BreachReported::KIND => {
            with(entry, |it: &BreachReported| out.add(BREACHES, 1, &[("breach", &word(&it.breach))]));
        }
        MarketOpened::KIND => with(entry, |market: &MarketOpened| {
            out.add(MARKETS, i64::from(market.before.is_none()), &[]);
            out.add(AREA, market.area_m2 - market.before.map_or(0, |before| before.area_m2), &[]);
        }),
        JobsChanged::KIND => with(entry, |jobs: &JobsChanged| out.add(JOBS, jobs.change, &[])),
        FootfallCounted::KIND => with(entry, |it: &FootfallCounted| out.add(VISITORS, it.visitors, &[])),
        FeeCharged::KIND => with(entry, |fee: &FeeCharged| out.add(FEES_CHARGED, fee.amount_fen.0, &[])),
        FeePaid::KIND => with(entry, |fee: &FeePaid| out.add(FEES_PAID, fee.amount_fen.0, &[])),
        MerchantRegistered::KIND => out.add(MERCHANTS, 1, &[]),
        StallOpened::KIND => {
            with(entry, |stall: &StallOpened| out.add(STALLS, i64::from(stall.before.is_none()), &[]));
        }
        StallLeased::KIND => out.add(LEASED, 1, &[]),
        LeaseEnded::KIND => out.add(LEASED, -1, &[]),
        ScaleEnrolled::KIND => out.add(SCALES, 1, &[]),
        LotHeld::KIND => out.add(HELD, 1, &[]),
        LotReleased::KIND => out.add(HELD, -1, &[]),
        ComplaintFiled::KIND => {
            out.add(COMPLAINTS, 1, &[]);
            out.add(COMPLAINTS_OPEN, 1, &[]);
        }
        ComplaintSettled::KIND => with(entry, |it: &ComplaintSettled| {
            out.add(COMPLAINTS_OPEN, -i64::from(it.instead_of.is_none()), &[]);
        }),
        CleaningDone::KIND => out.add(CLEANINGS, 1, &[]),
        _ => {}
    }
}

/// Reads the body, which was checked when it was recorded.
fn with<B: Body>(entry: &Entry, add: impl FnOnce(&B)) {
    if let Err(error) = entry.with_body(add) {
        debug_assert!(false, "entry {} of {}: {error}", entry.seq, entry.book);
    }
}
