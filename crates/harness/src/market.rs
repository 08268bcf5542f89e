//! What a market needs before it can sell, and what it sells.

use base::{ActorId, BookId, Time};
use kernel::Kernel;
use line_market::record::{Input, Recorded};
use serde_json::{Value, json};

/// Records an entry as the installation, past HTTP and rights.
pub fn enter(kernel: &Kernel, book: &BookId, kind: &str, body: Value) -> Recorded {
    enter_at(kernel, book, None, kind, body)
}

/// The same as of a time, as history is loaded.
pub fn enter_at(kernel: &Kernel, book: &BookId, occurred: Option<&str>, kind: &str, body: Value) -> Recorded {
    let occurred = occurred.map(|text| Time::parse(text).unwrap());
    let input = Input { kind: kind.to_owned(), occurred, body, evidence: Vec::new() };
    let (book, actor) = (book.clone(), ActorId::new("system:test").unwrap());
    let recorded =
        kernel.append_blocking(move |desk| line_market::record::record(desk, &book, &actor, &input));
    recorded.unwrap_or_else(|error| panic!("{kind}: {error:?}"))
}

/// Opens a market with merchants m1 and m2 at stalls A1 and A2, scales 1 and 2 there, tomatoes and pork, and a lot of
/// a hundred kilograms of tomatoes at each stall: L1 and L2.
pub fn furnish(kernel: &Kernel, book: &BookId) {
    let record = |kind: &str, body: Value| enter(kernel, book, kind, body);
    record(
        "market.market.opened",
        json!({ "title_zh": "北园市场", "title_en": "Beiyuan market", "area_m2": 8000, "built": 1998, "slip_gtin": free_gtin(kernel) }),
    );
    for (product, zh, en, category) in
        [("tomato", "番茄", "Tomato", "fruit-vegetable"), ("pork", "猪肉", "Pork", "pork")]
    {
        record(
            "market.product.registered",
            json!({ "product": product, "title_zh": zh, "title_en": en, "category": category }),
        );
    }
    for number in [1, 2] {
        let (stall, merchant) = (format!("A{number}"), format!("m{number}"));
        add_stall(kernel, book, number);
        record("market.price.posted", json!({ "stall": stall, "product": "tomato", "fen_per_kg": 700 }));
        record("market.lot.received", lot_body(&format!("L{number}"), &merchant, &stall, 100_000));
    }
}

/// 06901234567892 for the first market, and the numbers behind it for others: no two print slips under one.
fn free_gtin(kernel: &Kernel) -> String {
    let gtin = |number: u64| {
        let digits = format!("{number:013}");
        let sum: u32 =
            digits.bytes().zip([3, 1].into_iter().cycle()).map(|(it, by)| u32::from(it - b'0') * by).sum();
        format!("{digits}{}", (10 - sum % 10) % 10)
    };
    let is_free =
        |gtin: &String| kernel.read(|tx| line_market::state::slip_gtins(tx, &[gtin])).unwrap().is_empty();
    (690_123_456_789..).map(gtin).find(is_free).expect("a free number")
}

/// Lets stall An to merchant mn, with scale n at it.
pub fn add_stall(kernel: &Kernel, book: &BookId, number: u32) {
    let record = |kind: &str, body: Value| enter(kernel, book, kind, body);
    let (stall, merchant) = (format!("A{number}"), format!("m{number}"));
    record("market.merchant.registered", json!({ "merchant": merchant, "title": "王记", "licence": null }));
    record("market.stall.opened", json!({ "stall": stall, "zone": "wet", "food": "raw", "area_dm2": 600 }));
    record(
        "market.stall.leased",
        json!({ "stall": stall, "merchant": merchant, "from": "2026-01-01", "until": "2026-12-31", "fee_fen": 60_000 }),
    );
    record(
        "market.scale.enrolled",
        json!({ "scale": number, "stall": stall, "serial": format!("S{number}"), "seal": "F1", "verified": "2026-01-01",
            "verified_until": "2026-12-31", "fair": false }),
    );
}

pub(crate) fn lot_body(lot: &str, merchant: &str, stall: &str, grams: i64) -> Value {
    json!({
        "lot": lot, "merchant": merchant, "stall": stall, "product": "tomato", "quantity_g": grams,
        "supplier": "寿光蔬菜合作社", "origin": "山东寿光", "document": { "type": "conformity", "number": "HGZ-1" }, "source": null,
    })
}

/// A sale of tomatoes at seven yuan a kilogram, as the scale of stall A1 reports it.
pub fn sale(counter: u32, lot: &str, grams: i64, occurred: &str) -> Value {
    json!({
        "counter": counter, "occurred": occurred, "lot": lot, "product": "tomato", "stall": "A1", "grams": grams,
        "fen_per_kg": 700, "amount_fen": grams * 700 / 1000, "nonce": format!("{:016x}", u64::from(counter) * 7_919),
    })
}
