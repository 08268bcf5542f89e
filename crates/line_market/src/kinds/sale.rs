//! The sale, which a market records by the million.

use base::{BookId, Fen, Grams, SubjectId};
use ledger::{BodyError, Rule};

use super::{body, check_code, check_grams, check_range, goods::check_price};

/// A scale may round a price down or up to the jiao (角).
const ROUNDING_FEN: i64 = 9;

body! {
    /// Goods of a lot were weighed and sold. The lot is the entry's input, the slip its output.
    Sale = "market.sale.made" {
        pub amount_fen: Fen,
        /// The scale's own count of its sales; (scale, counter) names a sale.
        pub counter: u32,
        /// Price of a kilogram.
        pub fen_per_kg: Fen,
        pub grams: Grams,
        pub lot: String,
        /// Whether the scale was cut off when it sold.
        pub offline: bool,
        pub product: String,
        pub scale: u32,
        pub stall: String,
    }
    check(this) {
        check_code("lot", &this.lot)?;
        check_grams("grams", this.grams.0)?;
        check_range("grams", this.grams.0, 1, 500_000, "grams")?;
        check_price("fen_per_kg", this.fen_per_kg)?;
        let exact = Fen::for_weight(this.grams, this.fen_per_kg)
            .map_err(|error| BodyError::new("amount_fen", Rule::Range, error.to_string()))?;
        if (this.amount_fen.0 - exact.0).abs() > ROUNDING_FEN || this.amount_fen.0 < 0 {
            let rule = format!("must be within {ROUNDING_FEN} fen of weight times price, {}", exact.0);
            return Err(BodyError::new("amount_fen", Rule::Consistency, rule));
        }
        Ok(())
    }
    files(false)
    canonical(this) {
        // The fields stand in the order of their names, and no number is beyond 2^53: plain JSON is canonical.
        serde_json::to_string(this).map_err(|error| BodyError::new("", Rule::Schema, error.to_string()))
    }
}

/// The serial of a till slip: scale, counter and 64 random bits that the scale drew, as 20 base-62 digits. It is the
/// (21) of a GS1 Digital Link, sorts by scale and counter, and cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlipSerial {
    pub scale: u32,
    pub counter: u32,
    pub nonce: u64,
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl SlipSerial {
    /// The scheme of a slip's subject.
    pub const SCHEME: &str = "slip";
    /// The largest scale number that three digits hold.
    pub const SCALE_MAX: u32 = 62 * 62 * 62 - 1;

    pub fn print(self) -> String {
        let mut out = String::with_capacity(20);
        push(&mut out, u64::from(self.scale), 3);
        push(&mut out, u64::from(self.counter), 6);
        push(&mut out, self.nonce, 11);
        out
    }

    /// Strict: one text a serial.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 20 || !text.is_ascii() {
            return None;
        }
        Some(Self {
            scale: u32::try_from(value(&text[..3])?).ok()?,
            counter: u32::try_from(value(&text[3..9])?).ok()?,
            nonce: u64::try_from(value(&text[9..])?).ok()?,
        })
    }

    pub fn subject(self, book: &BookId) -> SubjectId {
        SubjectId::local(Self::SCHEME, book, &self.print()).expect("a serial is printable")
    }

    /// The least text of any slip of that sale: what it shares with another slip of the same counter.
    pub fn prefix(book: &BookId, scale: u32, counter: u32) -> String {
        let mut out = format!("{}:{book}/", Self::SCHEME);
        push(&mut out, u64::from(scale), 3);
        push(&mut out, u64::from(counter), 6);
        out
    }
}

fn push(out: &mut String, mut value: u64, digits: usize) {
    let mut text = [b'0'; 11];
    for place in text[..digits].iter_mut().rev() {
        *place = DIGITS[usize::try_from(value % 62).expect("below 62")];
        value /= 62;
    }
    out.extend(text[..digits].iter().copied().map(char::from));
}

fn value(text: &str) -> Option<u128> {
    text.bytes().try_fold(0_u128, |sum, byte| {
        let digit = DIGITS.iter().position(|&known| known == byte)?;
        Some(sum * 62 + digit as u128)
    })
}

#[cfg(test)]
mod tests {
    use ledger::Body;

    use super::*;

    proptest::proptest! {
        #[test]
        fn the_quick_text_of_a_sale_is_the_canonical_one(
            counter: u32, grams in 1..500_000_i64, fen in 0..1_i64 << 53, lot in "\\PC{1,20}", stall in ".{1,20}", offline: bool,
        ) {
            let sale = Sale {
                amount_fen: Fen(fen), counter, fen_per_kg: Fen(fen), grams: Grams(grams), lot, offline,
                product: "\u{1}\n\"\\番茄".into(), scale: 7, stall,
            };
            let text = sale.canonical().unwrap();
            proptest::prop_assert_eq!(&text, &ledger::jcs(&sale).unwrap());
            proptest::prop_assert_eq!(serde_json::from_str::<Sale>(&text).unwrap(), sale);
        }
    }

    #[test]
    fn a_serial_prints_as_twenty_digits_that_sort_by_scale_and_counter() {
        let serial = |scale, counter, nonce| SlipSerial { scale, counter, nonce }.print();
        assert_eq!(
            SlipSerial::parse(&serial(7, 12, u64::MAX)),
            Some(SlipSerial { scale: 7, counter: 12, nonce: u64::MAX })
        );
        assert!(serial(1, u32::MAX, u64::MAX) < serial(2, 0, 0));
        assert!(serial(1, 9, u64::MAX) < serial(1, 10, 0));
        assert_eq!(serial(SlipSerial::SCALE_MAX, u32::MAX, u64::MAX).len(), 20);
        for text in ["", "0", "00000000000000000000 ", "zzzzzzzzzzzzzzzzzzzz", "番茄番茄番茄番茄番茄"]
        {
            assert_eq!(SlipSerial::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_amount_that_is_not_weight_times_price_is_refused() {
        let sale = |grams, fen_per_kg, amount| Sale {
            amount_fen: Fen(amount),
            counter: 1,
            fen_per_kg: Fen(fen_per_kg),
            grams: Grams(grams),
            lot: "L1".into(),
            offline: false,
            product: "tomato".into(),
            scale: 1,
            stall: "A1".into(),
        };
        assert!(sale(500, 698, 349).check().is_ok());
        assert!(sale(500, 698, 340).check().is_ok(), "rounded down to the jiao");
        for (sale, field) in [
            (sale(500, 698, 339), "amount_fen"),
            (sale(0, 698, 0), "grams"),
            (sale(-500, 698, -349), "grams"),
            (sale(600_000, 698, 418_800), "grams"),
            (sale(500, 0, 0), "fen_per_kg"),
        ] {
            assert_eq!(sale.check().unwrap_err().field, field);
        }
    }
}
