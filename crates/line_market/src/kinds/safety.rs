//! Food safety: tests, holds, blocks, breaches, recalls, complaints, and what others report over EPCIS.

use base::limits::TEXT_CHARS_MAX;
use base::{Fen, Grams};
use ledger::{BodyError, Rule, check_text};
use serde::{Deserialize, Serialize};

use super::{body, check_code, check_name, check_range};

/// The verdict of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
}

body! {
    /// A sample of a lot was tested.
    InspectionRecorded = "market.inspection.recorded" {
        pub lot: String,
        /// Such as `rapid-colloidal-gold`, `enzyme-inhibition`.
        pub method: String,
        /// What was looked for, such as `organophosphate`, `ractopamine`.
        pub item: String,
        /// The reading as the device shows it, with its unit.
        pub reading: String,
        /// The limit it is held against.
        pub limit: Option<String>,
        pub verdict: Verdict,
        /// The inspection that this one repeats.
        pub retest_of: Option<u64>,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_code("method", &this.method)?;
        check_code("item", &this.item)?;
        check_name("reading", &this.reading)?;
        this.limit.as_deref().map_or(Ok(()), |limit| check_name("limit", limit))
    }
}

/// Why a lot was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    FailedInspection,
    /// Another lot of the same supplier failed.
    SameSupplier,
    Recall,
    Order,
    /// A lot that it came out of was held.
    Descent,
}

/// The held lot that another came out of, by transfer or split, and the hold of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ancestor {
    pub lot: String,
    pub hold: u64,
}

body! {
    /// A lot must not be sold (停售). Blocks go to every scale that could sell it.
    LotHeld = "market.lot.held", sought {
        pub lot: String,
        pub reason: HoldReason,
        /// The inspection that led to it.
        pub inspection: Option<u64>,
        pub note: Option<String>,
        /// Of a lot that was held because it came out of another: that one.
        pub ancestor: Option<Ancestor>,
        /// The scales that could sell it when it was held.
        pub scales: Vec<u32>,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        this.ancestor.as_ref().map_or(Ok(()), |ancestor| check_code("ancestor.lot", &ancestor.lot))?;
        check_range("scales", i64::try_from(this.scales.len()).unwrap_or(i64::MAX), 0, 2_000, "scales")?;
        this.note.as_deref().map_or(Ok(()), |note| check_text("note", note, TEXT_CHARS_MAX))
    }
}

body! {
    /// A held lot may be sold again.
    LotReleased = "market.lot.released", sought {
        pub lot: String,
        /// The hold that it ends.
        pub hold: u64,
        /// The passed retest that it rests on.
        pub inspection: Option<u64>,
        pub reason: String,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_text("reason", &this.reason, TEXT_CHARS_MAX)
    }
}

body! {
    /// A scale confirmed that it no longer sells a held lot.
    BlockAcknowledged = "market.block.acknowledged" {
        pub lot: String,
        pub hold: u64,
        pub scale: u32,
        /// Milliseconds from the recording of the hold to the arrival of this confirmation.
        pub after_ms: i64,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_range("after_ms", this.after_ms, 0, i64::MAX, "ms")
    }
    files(false)
}

/// What was breached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Breach {
    /// A scale that was cut off sold a held lot.
    HeldSale,
    /// More left the lot than was received.
    MassBalance,
    /// A scale that was cut off sold behind the end of its verification.
    ExpiredVerification,
    /// A scale that was cut off sold goods of a merchant who no longer had the stall.
    FormerTenant,
}

body! {
    /// A sale broke a rule, and stands: it happened.
    BreachReported = "market.breach.reported" {
        pub breach: Breach,
        pub lot: String,
        pub scale: u32,
        pub counter: u32,
        pub grams: Grams,
        /// The hold that was broken.
        pub hold: Option<u64>,
    }
    check(this) {
        check_code("lot", &this.lot)
    }
    files(false)
}

body! {
    /// A recall of a held lot began; the public notice goes with it.
    RecallOpened = "market.recall.opened", sought {
        pub lot: String,
        pub hold: u64,
        pub notice_zh: String,
        pub notice_en: String,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_text("notice_zh", &this.notice_zh, TEXT_CHARS_MAX)?;
        check_text("notice_en", &this.notice_en, TEXT_CHARS_MAX)
    }
}

/// How a recall ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecallOutcome {
    /// What could be called back was; the notice stands for what is still at somebody's home.
    Completed,
    /// There was no ground for it; the notice is taken back.
    Withdrawn,
}

body! {
    /// A recall ended (召回终止). The release of the lot alone does not end it.
    RecallEnded = "market.recall.ended", sought {
        pub lot: String,
        /// The entry that opened it.
        pub recall: u64,
        pub outcome: RecallOutcome,
        pub reason: String,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_text("reason", &this.reason, TEXT_CHARS_MAX)
    }
}

body! {
    /// A shopper complained. May hold personal data.
    ComplaintFiled = "market.complaint.filed", erasable {
        /// The serial of the slip, if there is one.
        pub slip: Option<String>,
        pub text: String,
        /// How to reach the shopper.
        pub contact: Option<String>,
        /// What the fair scale showed.
        pub fair_scale_g: Option<Grams>,
    }
    check(this) {
        check_text("text", &this.text, TEXT_CHARS_MAX)?;
        this.contact.as_deref().map_or(Ok(()), |contact| check_name("contact", contact))?;
        this.fair_scale_g.map_or(Ok(()), |grams| check_range("fair_scale_g", grams.0, 0, 500_000, "grams"))?;
        match this.slip.as_deref().map(super::SlipSerial::parse) {
            Some(None) => Err(BodyError::new("slip", Rule::Format, "is not the serial of a slip")),
            _ => Ok(()),
        }
    }
}

/// How a complaint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Upheld,
    Dismissed,
    Withdrawn,
}

body! {
    /// A complaint was settled.
    ComplaintSettled = "market.complaint.settled" {
        pub complaint: u64,
        pub outcome: Outcome,
        pub refund_fen: Fen,
        pub text: String,
        /// The entry that settled it before: it is counted once. The market says it, whatever is sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instead_of: Option<u64>,
    }
    check(this) {
        if i64::try_from(this.complaint).is_err() {
            return Err(BodyError::new("complaint", Rule::Range, "is not the number of an entry"));
        }
        check_range("refund_fen", this.refund_fen.0, 0, 100_000_000, "fen")?;
        check_text("text", &this.text, TEXT_CHARS_MAX)
    }
}

/// An EPCIS 2.0 event of somebody else, kept verbatim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EpcisCaptured {
    /// The event's own identifier, or the one given at capture.
    pub event_id: String,
    /// The event as it came.
    #[schema(value_type = Object)]
    pub event: serde_json::Value,
    /// The JSON-LD context that it was written in.
    #[schema(value_type = Object)]
    pub context: serde_json::Value,
    /// On whose behalf it was sent, where the credential's grant says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sender: Option<base::SubjectId>,
}

impl ledger::Body for EpcisCaptured {
    const KIND: &'static str = "market.epcis.captured";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        check_text("event_id", &self.event_id, TEXT_CHARS_MAX)?;
        if self.event.is_object() {
            Ok(())
        } else {
            Err(BodyError::new("event", Rule::Schema, "must be an object"))
        }
    }
}

/// What the EPCIS master data of somebody else say of an element of a vocabulary, such as a place, kept verbatim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EpcisDescribed {
    /// The vocabulary's URI, such as `urn:epcglobal:epcis:vtype:BusinessLocation`.
    pub vocabulary: String,
    /// The element as it came: its `id`, `attributes` and `children`.
    #[schema(value_type = Object)]
    pub element: serde_json::Value,
    /// The JSON-LD context that it was written in.
    #[schema(value_type = Object)]
    pub context: serde_json::Value,
    /// On whose behalf it was sent, where the credential's grant says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sender: Option<base::SubjectId>,
}

impl ledger::Body for EpcisDescribed {
    const KIND: &'static str = "market.epcis.described";

    fn check(&self) -> Result<(), BodyError> {
        check_text("vocabulary", &self.vocabulary, TEXT_CHARS_MAX)?;
        if self.element.is_object() {
            Ok(())
        } else {
            Err(BodyError::new("element", Rule::Schema, "must be an object"))
        }
    }
}
