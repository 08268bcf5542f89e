//! What the market records: the kinds of its entries and their bodies.

mod goods;
mod place;
mod safety;
mod sale;
mod standing;

use ledger::Kind;

pub use goods::{
    Document, DocumentType, LossReason, LotLost, LotPart, LotReceived, LotSplit, LotTransferred, PricePosted,
    ProductRegistered, TransferAccepted, TransferOffered,
};
pub use place::{
    CertificateRecorded, CertificateType, CleaningDone, DutiesAssigned, FeeCharged, FeePaid, Food,
    FootfallCounted, JobsChanged, LeaseEnded, MarketBefore, MarketOpened, MerchantRegistered, ScaleEnrolled,
    ScaleMoved, ScaleVerified, StallBefore, StallLeased, StallOpened, Zone, scale_number,
};
pub use safety::{
    Ancestor, BlockAcknowledged, Breach, BreachReported, ComplaintFiled, ComplaintSettled, EpcisCaptured,
    EpcisDescribed, HoldReason, InspectionRecorded, LotHeld, LotReleased, Outcome, RecallEnded, RecallOpened,
    RecallOutcome, Verdict,
};
pub use sale::{Sale, SlipSerial};
pub use standing::{
    EndReason, QueryDropped, QueryNamed, SubscriptionEnded, SubscriptionOpened, SubscriptionResumed,
    SubscriptionStopped,
};

/// The market's part of the catalogue.
pub fn kinds() -> Vec<Kind> {
    vec![
        Kind::of::<MarketOpened>("市场开业", "Market opened"),
        Kind::of::<DutiesAssigned>("责任落实", "Duties assigned"),
        Kind::of::<JobsChanged>("就业岗位变动", "Jobs changed"),
        Kind::of::<MerchantRegistered>("经营户登记", "Merchant registered"),
        Kind::of::<CertificateRecorded>("证照登记", "Certificate recorded"),
        Kind::of::<StallOpened>("摊位启用", "Stall opened"),
        Kind::of::<StallLeased>("摊位出租", "Stall leased"),
        Kind::of::<LeaseEnded>("租约终止", "Lease ended"),
        Kind::of::<FeeCharged>("费用应收", "Fee charged"),
        Kind::of::<FeePaid>("费用实收", "Fee paid"),
        Kind::of::<ScaleEnrolled>("电子秤入网", "Scale enrolled"),
        Kind::of::<ScaleVerified>("电子秤检定", "Scale verified"),
        Kind::of::<ScaleMoved>("电子秤调换", "Scale moved"),
        Kind::of::<ProductRegistered>("商品登记", "Product registered"),
        Kind::of::<PricePosted>("价格公示", "Price posted"),
        Kind::of::<LotReceived>("进货登记", "Lot received"),
        Kind::of::<LotTransferred>("摊间调拨", "Lot transferred"),
        Kind::of::<TransferOffered>("调拨提出", "Transfer offered"),
        Kind::of::<TransferAccepted>("调拨接收", "Transfer taken over"),
        Kind::of::<LotSplit>("批次拆分", "Lot split"),
        Kind::of::<LotLost>("损耗登记", "Loss recorded"),
        Kind::of::<Sale>("过秤销售", "Sale"),
        Kind::of::<InspectionRecorded>("快速检测", "Inspection recorded"),
        Kind::of::<LotHeld>("批次停售", "Lot held"),
        Kind::of::<LotReleased>("解除停售", "Lot released"),
        Kind::of::<BlockAcknowledged>("停售指令回执", "Block acknowledged"),
        Kind::of::<BreachReported>("违规销售记录", "Breach reported"),
        Kind::of::<RecallOpened>("召回启动", "Recall opened"),
        Kind::of::<RecallEnded>("召回终止", "Recall ended"),
        Kind::of::<ComplaintFiled>("投诉受理", "Complaint filed"),
        Kind::of::<ComplaintSettled>("投诉办结", "Complaint settled"),
        Kind::of::<FootfallCounted>("客流统计", "Footfall counted"),
        Kind::of::<CleaningDone>("保洁记录", "Cleaning done"),
        Kind::of::<EpcisCaptured>("外部追溯事件", "EPCIS event captured"),
        Kind::of::<EpcisDescribed>("外部主数据", "EPCIS master data captured"),
        Kind::of::<QueryNamed>("命名查询保存", "EPCIS query named"),
        Kind::of::<QueryDropped>("命名查询删除", "EPCIS query removed"),
        Kind::of::<SubscriptionOpened>("查询订阅", "Subscription opened"),
        Kind::of::<SubscriptionStopped>("订阅中止", "Subscription stopped"),
        Kind::of::<SubscriptionResumed>("订阅恢复", "Subscription resumed"),
        Kind::of::<SubscriptionEnded>("订阅终止", "Subscription ended"),
    ]
}

use base::limits::NAME_CHARS_MAX;
use ledger::{BodyError, Rule, check_text};

/// A short code of something in the market: a stall, a merchant, a product, a lot.
pub(crate) fn check_code(field: &str, code: &str) -> Result<(), BodyError> {
    let fits = !code.is_empty()
        && code.len() <= 40
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if fits {
        Ok(())
    } else {
        Err(BodyError::new(field, Rule::Format, "must be 1 to 40 letters, digits, \"-\" or \"_\""))
    }
}

pub(crate) fn check_name(field: &str, text: &str) -> Result<(), BodyError> {
    check_text(field, text, NAME_CHARS_MAX)
}

/// A weight between one gram and a hundred tonnes.
pub(crate) fn check_grams(field: &str, grams: i64) -> Result<(), BodyError> {
    check_range(field, grams, 1, 100_000_000, "grams")
}

pub(crate) fn check_range(field: &str, value: i64, min: i64, max: i64, unit: &str) -> Result<(), BodyError> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(BodyError::new(field, Rule::Range, format!("must be from {min} to {max} {unit}")))
    }
}

/// Declares a body: derives, its kind, and its rules.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident = $kind:literal $(, $trait:ident)* { $($fields:tt)* } $(check($this:ident) $check:block)? $(files($files:literal))? $(canonical($me:ident) $canonical:block)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($fields)* }

        impl ledger::Body for $name {
            const KIND: &'static str = $kind;
            const ERASABLE: bool = ledger::is_among(&[$(stringify!($trait)),*], "erasable");
            const SOUGHT: bool = ledger::is_among(&[$(stringify!($trait)),*], "sought");
            $(const BEARS_FILES: bool = $files;)?
            $(fn check(&self) -> Result<(), ledger::BodyError> {
                let $this = self;
                $check
            })?
            $(fn canonical(&self) -> Result<String, ledger::BodyError> {
                let $me = self;
                $canonical
            }

            fn settled(
                body: std::sync::Arc<Self>,
            ) -> Result<(String, std::sync::Arc<Self>), ledger::BodyError> {
                Ok((body.canonical()?, body))
            })?
        }
    };
}
pub(crate) use body;
