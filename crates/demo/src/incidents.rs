//! What went wrong at Beiyuan and how it ended: a failed test, one sale by a scale that was cut off, a complaint.

use base::{ActorId, BookId, Fen, Grams, Seq, SubjectId, Time};
use kernel::{Desk, Period};
use ledger::{Draft, Role};
use line_market::intake::{OnRefusal, SaleBatch, SaleLine, record_sales};
use line_market::kinds::{BlockAcknowledged, Sale};
use line_market::record::Recorded;
use line_market::refusal::Refusal;
use line_market::state::{self, Blocks};
use serde_json::json;

use crate::days::{at, input, parse};
use crate::goods;
use crate::loader::Loader;
use crate::{Error, wholesale};

/// Of this product one lot fails, and those from the same supplier are held with it.
pub(crate) const PRODUCT: &str = "chives";
/// What the cut-off scale sold of a held lot.
pub(crate) const OFFLINE_G: i64 = 640;
/// Where it stands.
pub(crate) const CUT_OFF_STALL: &str = "A011";
/// Minutes of the day of the failed test, and of the order that followed.
const FAILED_AT: i64 = 10 * 60 + 30;
const ORDERED_AT: i64 = 10 * 60 + 34;
/// From the order to the confirmation of the scale that was cut off.
const BACK_AFTER_MS: i64 = 18 * 60_000 + 900;
/// Counts on from here on the scale that was cut off.
const OFFLINE_COUNTER: u32 = 9_001;

/// A lot of the day, and where it is sold.
#[derive(Debug, Clone)]
pub(crate) struct HeldLot {
    pub lot: String,
    pub product: String,
    pub stall: String,
    pub scale: u32,
    pub fen_per_kg: Fen,
}

/// The hours in minutes at which the lots are sold on the days after their arrival: not while they are held.
pub(crate) fn window(days_after: i32) -> Option<(i64, i64)> {
    match days_after {
        0 => Some((6 * 60, 9 * 60)),
        1 => Some((16 * 60, 18 * 60)),
        _ => Some((7 * 60, 17 * 60)),
    }
}

/// A hold, and the test that led to it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    lot: String,
    hold: Seq,
    failed: Option<Seq>,
}

fn minute(loader: &Loader<'_>, days_after: i32, minute: i64) -> Time {
    at(loader.kernel.zone(), parse(wholesale::ARRIVAL).plus(days_after), minute)
}

/// The first lot fails at 10:30; the others of the same supplier are held with it.
pub(crate) fn hold(loader: &Loader<'_>, book: &BookId, lots: &[HeldLot]) -> Result<Vec<Held>, Error> {
    let Some((first, others)) = lots.split_first() else { return Ok(Vec::new()) };
    let (method, item, limit, _) = goods::test("leaf-vegetable");
    let body = json!({
        "lot": first.lot, "method": method, "item": item, "reading": "62 %", "limit": limit, "verdict": "fail",
        "retest_of": null,
    });
    let failed = input("market.inspection.recorded", minute(loader, 0, FAILED_AT), body);
    let failed = loader.records(book, "failed", vec![failed])?;
    let holds_of = |it: &Recorded| it.holds.first().map(|hold| (hold.seq, it.entry.seq));
    let first = failed.first().and_then(holds_of).map(|(hold, test)| Held {
        lot: first.lot.clone(),
        hold,
        failed: Some(test),
    });
    let note = "与检测不合格批次来自同一供货商";
    let orders = others.iter().map(|lot| {
        let body = json!({ "lot": lot.lot, "reason": "same_supplier", "inspection": null, "note": note, "scales": [] });
        input("market.lot.held", minute(loader, 0, ORDERED_AT), body)
    });
    let ordered = loader.records(book, "ordered", orders.collect())?;
    let others_held = others.iter().zip(&ordered).map(|(lot, it)| Held {
        lot: lot.lot.clone(),
        hold: it.entry.seq,
        failed: None,
    });
    let held: Vec<Held> = first.into_iter().chain(others_held).collect();
    if let Some(lot) = lots.iter().find(|lot| lot.stall == CUT_OFF_STALL) {
        cut_off(loader, book, lot)?;
        acknowledge(loader, book, &held, &lot.lot)?;
    }
    Ok(held)
}

/// The lot that failed passes in the laboratory on the next day, and all are released: before the sales that follow.
pub(crate) fn release(loader: &Loader<'_>, book: &BookId, held: &[Held]) -> Result<(), Error> {
    let Some((failed, others)) = held.split_first() else { return Ok(()) };
    let (_, item, limit, reading) = goods::test("leaf-vegetable");
    let body = json!({
        "lot": failed.lot, "method": "laboratory-gc-ms", "item": item, "reading": reading, "limit": limit,
        "verdict": "pass", "retest_of": failed.failed,
    });
    let retest = input("market.inspection.recorded", minute(loader, 1, 14 * 60 + 30), body);
    let retested = loader.records(book, "retest", vec![retest])?;
    let released = |held: &Held, inspection: Option<Seq>, reason: &str| {
        let body = json!({ "lot": held.lot, "hold": held.hold, "inspection": inspection, "reason": reason });
        input("market.lot.released", minute(loader, 1, 15 * 60), body)
    };
    let mut releases = vec![released(failed, retested.first().map(|it| it.entry.seq), "复检合格")];
    releases.extend(others.iter().map(|held| released(held, None, "同供货商批次复检合格")));
    loader.records(book, "releases", releases).map(drop)
}

/// The scale was cut off from 10:20 to 10:52 and sold in between.
fn cut_off(loader: &Loader<'_>, book: &BookId, lot: &HeldLot) -> Result<(), Error> {
    let grams = Grams(OFFLINE_G);
    let line = SaleLine {
        counter: OFFLINE_COUNTER,
        occurred: minute(loader, 0, 10 * 60 + 41),
        lot: lot.lot.clone(),
        product: lot.product.clone(),
        stall: lot.stall.clone(),
        grams,
        fen_per_kg: lot.fen_per_kg,
        amount_fen: Fen::for_weight(grams, lot.fen_per_kg).expect("less than a kilogram"),
        nonce: "5bd1e995a1b2c3d4".into(),
        offline: true,
    };
    let (scale, batch) = (lot.scale, SaleBatch { sales: vec![line], on_refusal: OnRefusal::RefuseAll });
    let sold = move |desk: &mut Desk<'_>, book: &BookId, actor: &ActorId| {
        record_sales(desk, book, scale, actor, &batch)
    };
    loader.once(book, "cut-off", sold).map(drop)
}

/// Connected scales confirm within seconds, the one that was cut off when it is back.
///
/// Written here rather than through the scale contract, which measures the time by the server's clock.
fn acknowledge(loader: &Loader<'_>, book: &BookId, held: &[Held], late: &str) -> Result<(), Error> {
    let (held, late) = (held.to_vec(), late.to_owned());
    let (failed, ordered) = (minute(loader, 0, FAILED_AT), minute(loader, 0, ORDERED_AT));
    loader.once(book, "acknowledged", move |desk, book, actor| {
        for (at, held) in held.iter().enumerate() {
            for block in state::blocks(desk.read()?, book, Blocks::OfHold(held.hold))? {
                let since = if held.failed.is_some() { failed } else { ordered };
                let quick = 840 + 310 * i64::try_from(at).unwrap_or(0);
                let after_ms = if held.lot == late { BACK_AFTER_MS } else { quick };
                let body = BlockAcknowledged {
                    lot: held.lot.clone(),
                    hold: held.hold.0,
                    scale: block.scale,
                    after_ms,
                };
                let draft = Draft::new(book, since.plus_ms(after_ms), actor, &body)?;
                let lot = SubjectId::local("lot", book, &held.lot).expect("a lot's code is printable");
                desk.append::<Refusal>(draft.subject(Role::About, lot))?;
            }
        }
        Ok(())
    })
}

/// A shopper weighed again on the fair scale, and got the difference back.
pub(crate) fn complaint(loader: &Loader<'_>, book: &BookId) -> Result<(), Error> {
    let found = loader.kernel.behind(
        line_market::figures::SALES,
        std::slice::from_ref(book),
        Period { from: parse(wholesale::ARRIVAL).plus(4), to: parse(wholesale::ARRIVAL).plus(4) },
        "",
        None,
        1,
    )?;
    let Some((entry, sale)) =
        found.items.first().and_then(|it| Some((&it.entry, it.entry.body::<Sale>().ok()?)))
    else {
        return Ok(());
    };
    let short_g = sale.grams.0 / 20;
    let body = json!({
        "slip": entry.subject(Role::Output).map(SubjectId::local_part), "contact": null,
        "text": "复称发现重量不足，请求核实。", "fair_scale_g": sale.grams.0 - short_g,
    });
    let filed = input("market.complaint.filed", minute(loader, 5, 9 * 60 + 12), body);
    let filed = loader.records(book, "complaint", vec![filed])?;
    let body = json!({
        "complaint": filed.first().map(|it| it.entry.seq), "outcome": "upheld",
        "refund_fen": short_g * sale.fen_per_kg.0 / 1000, "text": "经公平秤复核属实，已退还差价。",
    });
    let settled = input("market.complaint.settled", minute(loader, 6, 15 * 60 + 5), body);
    loader.records(book, "settled", vec![settled]).map(drop)
}
