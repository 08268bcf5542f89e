//! Goods: products, prices, and lots from arrival to loss.

use base::{Fen, Grams, SubjectId};
use ledger::{BodyError, Rule};
use serde::{Deserialize, Serialize};

use super::{body, check_code, check_grams, check_name, check_range};

body! {
    /// A product that is sold here.
    ProductRegistered = "market.product.registered" {
        pub product: String,
        pub title_zh: String,
        pub title_en: String,
        /// Such as `leaf-vegetable`, `pork`, `fish`.
        pub category: String,
    }
    check(this) {
        check_code("product", &this.product)?;
        check_name("title_zh", &this.title_zh)?;
        check_name("title_en", &this.title_en)?;
        check_code("category", &this.category)
    }
}

body! {
    /// A stall posted its price (明码标价).
    PricePosted = "market.price.posted" {
        pub stall: String,
        pub product: String,
        /// Price of a kilogram.
        pub fen_per_kg: Fen,
    }
    check(this) {
        check_code("stall", &this.stall)?;
        check_code("product", &this.product)?;
        check_price("fen_per_kg", this.fen_per_kg)
    }
}

/// A price from one fen to ten thousand yuan a kilogram.
pub(crate) fn check_price(field: &str, price: Fen) -> Result<(), BodyError> {
    check_range(field, price.0, 1, 1_000_000, "fen a kilogram")
}

/// The paper that came with a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentType {
    /// Certificate of conformity of the producer (承诺达标合格证).
    Conformity,
    /// Purchase slip of the wholesale market (购货凭证).
    PurchaseSlip,
    /// Animal quarantine certificate (动物检疫合格证明).
    Quarantine,
}

/// A document and its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub r#type: DocumentType,
    pub number: String,
}

body! {
    /// A lot (批次) arrived at a stall.
    LotReceived = "market.lot.received" {
        pub lot: String,
        pub merchant: String,
        pub stall: String,
        pub product: String,
        pub quantity_g: Grams,
        pub supplier: String,
        /// Where it grew or was made.
        pub origin: String,
        pub document: Option<Document>,
        /// The supplier's own identifier of the goods: an EPC URN of a GS1 key or a GS1 Digital Link.
        #[schema(value_type = Option<String>)]
        pub source: Option<SubjectId>,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_code("merchant", &this.merchant)?;
        check_code("stall", &this.stall)?;
        check_code("product", &this.product)?;
        check_grams("quantity_g", this.quantity_g.0)?;
        check_name("supplier", &this.supplier)?;
        check_name("origin", &this.origin)?;
        if let Some(document) = &this.document {
            check_name("document.number", &document.number)?;
        }
        if this.source.as_ref().is_some_and(|source| source.home().is_some()) {
            return Err(BodyError::new("source", Rule::Format, "must be an EPC URN or a Digital Link, not a local subject"));
        }
        Ok(())
    }
}

body! {
    /// Part or all of a lot went to another stall, as a lot of its own.
    LotTransferred = "market.lot.transferred" {
        pub lot: String,
        pub new_lot: String,
        pub to_stall: String,
        pub to_merchant: String,
        pub quantity_g: Grams,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_code("new_lot", &this.new_lot)?;
        check_code("to_stall", &this.to_stall)?;
        check_code("to_merchant", &this.to_merchant)?;
        check_grams("quantity_g", this.quantity_g.0)
    }
}

body! {
    /// A merchant would give part or all of a lot to another's stall; nothing has moved yet.
    TransferOffered = "market.transfer.offered", sought {
        pub lot: String,
        pub new_lot: String,
        pub to_stall: String,
        pub to_merchant: String,
        pub quantity_g: Grams,
    }
    check(this) {
        LotTransferred::from(this.clone()).check()
    }
}

impl From<TransferOffered> for LotTransferred {
    fn from(it: TransferOffered) -> Self {
        let TransferOffered { lot, new_lot, to_stall, to_merchant, quantity_g } = it;
        Self { lot, new_lot, to_stall, to_merchant, quantity_g }
    }
}

body! {
    /// Whoever was offered goods took them over; the transfer itself follows in the same act.
    TransferAccepted = "market.transfer.accepted" {
        /// The entry that offered them.
        pub offer: u64,
    }
    check(this) {
        check_range("offer", i64::try_from(this.offer).unwrap_or(-1), 0, i64::MAX, "")
    }
}

/// A part that a lot was split into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LotPart {
    pub lot: String,
    pub quantity_g: Grams,
}

body! {
    /// A lot was split at its stall, for instance by cut or by grade.
    LotSplit = "market.lot.split" {
        pub lot: String,
        pub parts: Vec<LotPart>,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_range("parts", i64::try_from(this.parts.len()).unwrap_or(i64::MAX), 1, 50, "parts")?;
        for (at, part) in this.parts.iter().enumerate() {
            check_code(&format!("parts[{at}].lot"), &part.lot)?;
            check_grams(&format!("parts[{at}].quantity_g"), part.quantity_g.0)?;
        }
        Ok(())
    }
}

/// Why goods were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossReason {
    Spoiled,
    Trimmed,
    Destroyed,
    Returned,
}

body! {
    /// Part of a lot will not be sold.
    LotLost = "market.lot.lost" {
        pub lot: String,
        pub quantity_g: Grams,
        pub reason: LossReason,
        pub note: Option<String>,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_grams("quantity_g", this.quantity_g.0)?;
        this.note.as_deref().map_or(Ok(()), |note| check_name("note", note))
    }
}
