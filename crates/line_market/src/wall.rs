//! What the market shows on the wall.

use ledger::Body;
use shell::wall::{Told, WallLine};

use crate::figures as of;
use crate::kinds::{
    BreachReported, ComplaintFiled, ComplaintSettled, InspectionRecorded, LotHeld, LotReleased, MarketOpened,
    RecallEnded, RecallOpened,
};

/// The line on the wall: the year's trade and safety, and what happens to lots and complaints.
pub const WALL: WallLine = WallLine {
    line: "market",
    title_zh: "农贸市场",
    title_en: "Markets",
    headlines: &[
        of::SALES_AMOUNT,
        of::PASS_RATE,
        of::VISITORS,
        of::LOTS,
        of::OCCUPANCY,
        of::COMPLAINTS_OPEN,
        of::HELD,
        of::DOCUMENT_RATE,
    ],
    ticker: &[
        Told { kind: LotHeld::KIND, fields: &["lot", "reason"] },
        Told { kind: LotReleased::KIND, fields: &["lot"] },
        Told { kind: RecallOpened::KIND, fields: &["lot"] },
        Told { kind: RecallEnded::KIND, fields: &["lot"] },
        Told { kind: InspectionRecorded::KIND, fields: &["lot", "item", "verdict"] },
        Told { kind: BreachReported::KIND, fields: &["breach", "lot"] },
        // What somebody complains of is nobody else's business.
        Told { kind: ComplaintFiled::KIND, fields: &[] },
        Told { kind: ComplaintSettled::KIND, fields: &[] },
        Told { kind: MarketOpened::KIND, fields: &["title_zh"] },
    ],
};
