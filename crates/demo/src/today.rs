//! The day on which the demonstration is loaded: papers are renewed, and every stall has fresh lots to sell.

use base::{BookId, Time};
use line_market::state;
use serde_json::json;

use crate::Error;
use crate::days::{Market, at, input, lot_code};
use crate::dice::Dice;
use crate::goods::{self, SUPPLIERS};
use crate::loader::Loader;

pub(crate) fn load(loader: &Loader<'_>, book: &BookId, now: Time) -> Result<(), Error> {
    let zone = loader.kernel.zone();
    let today = zone.day_of(now);
    let market = Market::read(loader, book)?;
    let (merchants, scales) =
        loader.kernel.read(|tx| Ok((state::merchants(tx, book)?, state::scales(tx, book)?)))?;
    let mut dice = Dice::new(&format!("today at {book}"));
    let mut days = |low, high| i32::try_from(dice.between(low, high)).expect("a few years");

    let renewed = merchants.iter().enumerate().flat_map(|(at, merchant)| {
        [("food_permit", "SP"), ("health", "JK")].map(|(word, letters)| {
            let number = format!("示范{letters}{}{:03}-2", book.as_str().to_uppercase(), at + 1);
            let until = today.plus(if word == "health" { days(12, 360) } else { days(200, 1_800) });
            let body = json!({ "merchant": merchant.merchant, "certificate": word, "number": number, "until": until });
            input("market.certificate.recorded", now, body)
        })
    });
    let mut inputs: Vec<_> = renewed.collect();
    inputs.extend(scales.iter().map(|scale| {
        let until = today.plus(days(20, 360));
        let body = json!({ "scale": scale.scale, "seal": format!("QF{:06}", 260_000 + scale.scale), "verified_until": until });
        input("market.scale.verified", now, body)
    }));
    loader.records(book, "renewed", inputs)?;

    let mut lots = Vec::new();
    let arrived = at(zone, today, 5 * 60 + 30).min(now);
    for stall in &market.stalls {
        for (at, price) in market.prices.get(&stall.stall).into_iter().flatten().enumerate() {
            let Some(goods) = goods::of_product(&price.product) else { continue };
            let (supplier, origin) = *dice.pick(&SUPPLIERS);
            let (paper, letters) = goods::document(goods.category);
            let code = lot_code(today, &stall.stall);
            let number = format!("{letters}{}{:05}", &code[..6], dice.between(1, 99_999));
            let body = json!({
                "lot": format!("{}{}", code.trim_end_matches('1'), at + 1), "merchant": stall.merchant,
                "stall": stall.stall, "product": price.product, "quantity_g": dice.between(40, 90) * 1_000,
                "supplier": supplier, "origin": origin, "document": { "type": paper, "number": number },
                "source": null,
            });
            lots.push(input("market.lot.received", arrived, body));
        }
    }
    loader.records(book, "today", lots).map(drop)
}
