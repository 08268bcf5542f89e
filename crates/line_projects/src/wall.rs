//! What key projects show on the wall.

use ledger::Body;
use shell::wall::{Told, WallLine};

use crate::figures as of;
use crate::kinds::{
    Accepted, BlockerRaised, ContractSigned, PermitDecided, PhaseChanged, ProgressReported, Registered,
    VisitMade,
};

/// The line on the wall: how many and how large, how far the work and the money have come, and what happens on site.
pub const WALL: WallLine = WallLine {
    line: "projects",
    title_zh: "重点项目",
    title_en: "Key projects",
    headlines: &[
        of::PROJECTS,
        of::TOTAL,
        of::START_RATE,
        of::INVESTED,
        of::INVESTED_RATE,
        of::SIGNED_LARGE_SUM,
        of::PERMIT_RATE,
        of::SOLVED,
    ],
    ticker: &[
        Told { kind: Registered::KIND, fields: &["title_zh", "total_fen"] },
        Told { kind: PhaseChanged::KIND, fields: &["project", "to"] },
        Told { kind: ProgressReported::KIND, fields: &["project"] },
        Told { kind: ContractSigned::KIND, fields: &["title", "amount_fen"] },
        Told { kind: BlockerRaised::KIND, fields: &["project"] },
        Told { kind: PermitDecided::KIND, fields: &["project"] },
        Told { kind: VisitMade::KIND, fields: &["place"] },
        Told { kind: Accepted::KIND, fields: &["project"] },
    ],
};
