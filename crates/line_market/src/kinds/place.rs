//! The market itself: merchants, stalls, fees, scales, people and cleaning.

use base::limits::TEXT_CHARS_MAX;
use base::{Day, Fen};
use ledger::{BodyError, Rule, check_text};
use matters::PostId;
use serde::{Deserialize, Serialize};

use super::{body, check_code, check_name, check_range};

/// What stood of a market before it was recorded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarketBefore {
    pub area_m2: i64,
}

/// What stood of a stall before it was recorded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StallBefore {
    pub area_dm2: i64,
}

body! {
    /// A market opened, or what is recorded of it is amended; the entry stands in the market's own book.
    MarketOpened = "market.market.opened" {
        pub title_zh: String,
        pub title_en: String,
        /// Usable area in square metres.
        pub area_m2: i64,
        /// Year of building.
        pub built: Option<i64>,
        /// The 14-digit GTIN under which this market's slips are Digital Links, check digit included.
        pub slip_gtin: String,
        /// Of a market that was there, what it amends: figures take the difference. The market says it, whatever is sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub before: Option<MarketBefore>,
    }
    check(this) {
        check_name("title_zh", &this.title_zh)?;
        check_name("title_en", &this.title_en)?;
        check_range("area_m2", this.area_m2, 1, 10_000_000, "square metres")?;
        if this.slip_gtin.len() != 14 || epcis::digital_link::gtin14(&this.slip_gtin).is_none() {
            return Err(BodyError::new("slip_gtin", Rule::Format, "must be 14 digits with a valid check digit"));
        }
        Ok(())
    }
}

body! {
    /// Whose duty it is to put right what goes wrong in the market (责任落实): from then on it becomes matters.
    DutiesAssigned = "market.duties.assigned" {
        /// The post that puts it right, the market's operator as a rule.
        pub answering: PostId,
        /// The post that says whether it is put right, of the bureau that supervises the market.
        pub supervising: PostId,
        /// Workdays to put right what a failed test found.
        pub failed_test_workdays: u32,
        /// Workdays to put right a sale of a held lot, or of more than there was.
        pub breach_workdays: u32,
        /// Where these terms stand.
        pub basis: String,
    }
    check(this) {
        if this.answering == this.supervising {
            return Err(BodyError::new("supervising", Rule::Consistency, "is the answering post"));
        }
        for (field, days) in
            [("failed_test_workdays", this.failed_test_workdays), ("breach_workdays", this.breach_workdays)]
        {
            check_range(field, days.into(), 1, 250, "workdays")?;
        }
        check_name("basis", &this.basis)
    }
}

body! {
    /// Jobs (岗位) in the market changed by so many.
    JobsChanged = "market.jobs.changed" {
        pub change: i64,
        pub reason: String,
    }
    check(this) {
        check_range("change", this.change, -100_000, 100_000, "jobs")?;
        check_name("reason", &this.reason)
    }
}

body! {
    /// A merchant (经营户) may trade here. May hold a sole trader's name.
    MerchantRegistered = "market.merchant.registered", erasable {
        pub merchant: String,
        pub title: String,
        /// Unified social credit code or registration number of the business licence.
        pub licence: Option<String>,
    }
    check(this) {
        check_code("merchant", &this.merchant)?;
        check_name("title", &this.title)?;
        this.licence.as_deref().map_or(Ok(()), |text| check_name("licence", text))
    }
}

/// What a certificate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateType {
    /// Business licence (营业执照).
    Licence,
    /// Food trading permit (食品经营许可证).
    FoodPermit,
    /// Health certificate (健康证).
    Health,
}

impl CertificateType {
    pub const ALL: [Self; 3] = [Self::Licence, Self::FoodPermit, Self::Health];

    /// What a merchant's paper is called in its book: which it is stays known when the body is erased.
    pub fn name(self, merchant: &str) -> String {
        let paper = match self {
            Self::Licence => "licence",
            Self::FoodPermit => "food-permit",
            Self::Health => "health",
        };
        format!("{paper}-{merchant}")
    }
}

body! {
    /// A merchant's certificate, with its last day.
    CertificateRecorded = "market.certificate.recorded", erasable, sought {
        pub merchant: String,
        pub certificate: CertificateType,
        pub number: String,
        pub until: Day,
    }
    check(this) {
        check_code("merchant", &this.merchant)?;
        check_name("number", &this.number)
    }
}

/// Wet or dry zone (干湿分区).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    Wet,
    Dry,
}

/// Raw or cooked food (生熟分开).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Food {
    Raw,
    Cooked,
    Other,
}

body! {
    /// A stall (摊位) can be let, or what is recorded of it is amended.
    StallOpened = "market.stall.opened", sought {
        pub stall: String,
        pub zone: Zone,
        pub food: Food,
        /// Area in square decimetres.
        pub area_dm2: i64,
        /// Of a stall that was there, what it amends: it is counted once. The market says it, whatever is sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub before: Option<StallBefore>,
    }
    check(this) {
        check_code("stall", &this.stall)?;
        check_range("area_dm2", this.area_dm2, 1, 1_000_000, "square decimetres")
    }
}

body! {
    /// A stall was let to a merchant.
    StallLeased = "market.stall.leased", sought {
        pub stall: String,
        pub merchant: String,
        pub from: Day,
        pub until: Day,
        /// Rent a month.
        pub fee_fen: Fen,
    }
    check(this) {
        check_code("stall", &this.stall)?;
        check_code("merchant", &this.merchant)?;
        check_range("fee_fen", this.fee_fen.0, 0, 100_000_000, "fen")?;
        if this.until < this.from {
            return Err(BodyError::new("until", Rule::Consistency, "lies before from"));
        }
        Ok(())
    }
}

body! {
    /// A lease ended.
    LeaseEnded = "market.lease.ended", sought {
        pub stall: String,
        pub merchant: String,
        pub reason: String,
    }
    check(this) {
        check_code("stall", &this.stall)?;
        check_code("merchant", &this.merchant)?;
        check_name("reason", &this.reason)
    }
}

/// A month, `2021-12`.
fn check_month(field: &str, month: &str) -> Result<(), BodyError> {
    if month.len() == 7 && Day::parse(&format!("{month}-01")).is_ok() {
        Ok(())
    } else {
        Err(BodyError::new(field, Rule::Format, "must be a month such as 2021-12"))
    }
}

body! {
    /// A stall's fee for a month became due.
    FeeCharged = "market.fee.charged" {
        pub stall: String,
        pub month: String,
        pub amount_fen: Fen,
        pub note: Option<String>,
    }
    check(this) {
        check_code("stall", &this.stall)?;
        check_month("month", &this.month)?;
        this.note.as_deref().map_or(Ok(()), |note| check_text("note", note, TEXT_CHARS_MAX))?;
        check_range("amount_fen", this.amount_fen.0, 1, 100_000_000, "fen")
    }
}

body! {
    /// A stall's fee for a month was paid, in part or in full.
    FeePaid = "market.fee.paid" {
        pub stall: String,
        pub month: String,
        pub amount_fen: Fen,
    }
    check(this) {
        check_code("stall", &this.stall)?;
        check_month("month", &this.month)?;
        check_range("amount_fen", this.amount_fen.0, 1, 100_000_000, "fen")
    }
}

/// Scales are numbered from 1 within their market; the slip's serial has three base-62 digits for it.
fn check_scale(scale: u32) -> Result<(), BodyError> {
    check_range("scale", i64::from(scale), 1, i64::from(super::SlipSerial::SCALE_MAX), "")
}

/// A scale's number, of which there is one spelling: rights and the broker's access list compare texts.
pub fn scale_number(text: &str) -> Option<u32> {
    let scale: u32 = text.parse().ok()?;
    (scale.to_string() == text).then_some(scale)
}

body! {
    /// A scale (电子秤) joined the network.
    ScaleEnrolled = "market.scale.enrolled", sought {
        pub scale: u32,
        /// The stall where it stands; none for the fair scale (公平秤).
        pub stall: Option<String>,
        pub serial: String,
        /// Number of the lead seal.
        pub seal: String,
        /// Day of the legal verification and its last valid day.
        pub verified: Day,
        pub verified_until: Day,
        /// Whether shoppers check their purchase on it.
        pub fair: bool,
    }
    check(this) {
        check_scale(this.scale)?;
        this.stall.as_deref().map_or(Ok(()), |stall| check_code("stall", stall))?;
        check_name("serial", &this.serial)?;
        check_name("seal", &this.seal)?;
        if this.verified_until < this.verified {
            return Err(BodyError::new("verified_until", Rule::Consistency, "lies before verified"));
        }
        if this.fair == this.stall.is_some() {
            return Err(BodyError::new("stall", Rule::Consistency, "is required unless the scale is a fair scale"));
        }
        Ok(())
    }
}

body! {
    /// A scale was verified anew.
    ScaleVerified = "market.scale.verified", sought {
        pub scale: u32,
        pub seal: String,
        pub verified_until: Day,
    }
    check(this) {
        check_scale(this.scale)?;
        check_name("seal", &this.seal)
    }
}

body! {
    /// A scale was rotated to another stall.
    ScaleMoved = "market.scale.moved" {
        pub scale: u32,
        pub stall: String,
    }
    check(this) {
        check_scale(this.scale)?;
        check_code("stall", &this.stall)
    }
}

body! {
    /// Visitors counted at a gate.
    FootfallCounted = "market.footfall.counted" {
        pub gate: String,
        pub visitors: i64,
    }
    check(this) {
        check_code("gate", &this.gate)?;
        check_range("visitors", this.visitors, 0, 1_000_000, "visitors")
    }
}

body! {
    /// A zone was cleaned.
    CleaningDone = "market.cleaning.done" {
        pub area: String,
        pub note: Option<String>,
    }
    check(this) {
        this.note.as_deref().map_or(Ok(()), |note| check_text("note", note, TEXT_CHARS_MAX))?;
        check_name("area", &this.area)
    }
}
