//! What a recall counts is what the entries say, one by one.

use std::collections::{BTreeMap, BTreeSet};

use base::{BookId, Fen, Grams, Seq, SubjectId};
use line_market::intake::{OnRefusal, SaleBatch, SaleLine, record_sales};
use line_market::kinds::{LotSplit, LotTransferred, Sale, SlipSerial};
use line_market::recall::{Recall, recall};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use trace::Direction;

use crate::bench::{Bench, actor, document};

fn line(bench: &Bench, counter: u32, lot: &str, grams: i64) -> SaleLine {
    SaleLine {
        counter,
        occurred: bench.kernel.now(),
        lot: lot.into(),
        product: "tomato".into(),
        stall: "A1".into(),
        grams: Grams(grams),
        fen_per_kg: Fen(1_000),
        amount_fen: Fen(grams),
        nonce: format!("{:016x}", u64::from(counter) * 7_919),
        offline: false,
    }
}

fn sell(bench: &Bench, book: &BookId, sales: Vec<SaleLine>) {
    let (book, batch) = (book.clone(), SaleBatch { sales, on_refusal: OnRefusal::RefuseAll });
    bench.kernel.append_blocking(move |desk| record_sales(desk, &book, 1, &actor(), &batch)).unwrap();
}

/// Slips of a lot and of all that came out of it, and those lots, by reading every entry.
fn brute_force(bench: &Bench, book: &BookId, start: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let stored = bench.kernel.read(|tx| kernel::entries::entries_from(tx, book, Seq(0), 100_000)).unwrap();
    let (mut children, mut sold) = (BTreeMap::<String, Vec<String>>::new(), Vec::new());
    for entry in stored.into_iter().map(|stored| stored.entry) {
        if let Ok(split) = entry.body::<LotSplit>() {
            children.entry(split.lot).or_default().extend(split.parts.into_iter().map(|part| part.lot));
        } else if let Ok(moved) = entry.body::<LotTransferred>() {
            children.entry(moved.lot).or_default().push(moved.new_lot);
        } else if let Ok(sale) = entry.body::<Sale>() {
            let slip = entry.subject(ledger::Role::Output).unwrap().local_part().to_owned();
            sold.push((sale.lot, slip));
        }
    }
    let (mut lots, mut open) = (BTreeSet::new(), vec![start.to_owned()]);
    while let Some(lot) = open.pop() {
        open.extend(children.get(&lot).cloned().unwrap_or_default());
        lots.insert(lot);
    }
    let slips = sold.into_iter().filter(|(lot, _)| lots.contains(lot)).map(|(_, slip)| slip).collect();
    lots.remove(start);
    (slips, lots)
}

fn check(bench: &Bench, book: &BookId, lot: &str) -> Recall {
    let found = recall(&bench.kernel, book, lot, true).unwrap().unwrap();
    let (slips, lots) = brute_force(bench, book, lot);
    assert_eq!(found.slips_total, Some(slips.len()), "{lot}");
    assert_eq!(found.slips.iter().cloned().collect::<BTreeSet<_>>(), slips, "{lot}");
    assert_eq!(found.descendants.iter().map(|it| it.lot.clone()).collect::<BTreeSet<_>>(), lots, "{lot}");
    // A trace forward reaches the same, by the links alone.
    let start = SubjectId::local("lot", book, lot).unwrap();
    let walk = bench.kernel.walk(&start, Direction::Forward).unwrap();
    assert_eq!(walk.cut, None);
    let of = |scheme: &str| -> BTreeSet<String> {
        let reached = walk.steps.iter().skip(1).map(|step| &step.subject);
        reached.filter(|it| it.scheme() == scheme).map(|it| it.local_part().to_owned()).collect()
    };
    assert_eq!((of("slip"), of("lot")), (slips, lots), "{lot}");
    found
}

#[test]
fn a_recall_counts_every_slip_and_lot_that_the_entries_tell_of() {
    let (bench, book) = Bench::with_book("beiyuan");
    bench.furnish(&book);
    let mut dice = StdRng::seed_from_u64(20_211_210);
    let mut lots = vec!["L0".to_owned(), "L1".to_owned()];
    for lot in &lots {
        bench.receive(&book, lot, None);
    }
    for counter in 1..=120 {
        let from = lots[dice.random_range(0..lots.len())].clone();
        let name = format!("P{counter}");
        match dice.random_range(0..4) {
            0 => {
                let parts = json!([{ "lot": name, "quantity_g": 40 }, { "lot": format!("{name}x"), "quantity_g": 30 }]);
                if bench.record(&book, "market.lot.split", json!({ "lot": from, "parts": parts })).is_ok() {
                    lots.extend([name.clone(), format!("{name}x")]);
                }
            }
            1 => {
                let body = json!({ "lot": from, "new_lot": name, "to_stall": "A1", "to_merchant": "m1", "quantity_g": 35 });
                if bench.record(&book, "market.lot.transferred", body).is_ok() {
                    lots.push(name);
                }
            }
            _ => {
                let sale = SaleBatch {
                    sales: vec![line(&bench, counter, &from, 2)],
                    on_refusal: OnRefusal::SkipLine,
                };
                let of = book.clone();
                bench
                    .kernel
                    .append_blocking(move |desk| record_sales(desk, &of, 1, &actor(), &sale))
                    .unwrap();
            }
        }
    }
    assert!(lots.len() > 20, "{lots:?}");
    for lot in &lots {
        check(&bench, &book, lot);
    }
    bench.check();
}

#[test]
fn a_recall_lists_a_bounded_number_of_slips_and_counts_all() {
    let (bench, book) = Bench::with_book("beiyuan");
    bench.furnish(&book);
    bench.receive(&book, "L1", None);
    let mut counters = 1_u32..;
    for _ in 0..3 {
        let sales = counters.by_ref().take(500).map(|counter| line(&bench, counter, "L1", 1)).collect();
        sell(&bench, &book, sales);
    }
    let found = recall(&bench.kernel, &book, "L1", true).unwrap().unwrap();
    assert_eq!((found.slips_total, found.slips.len()), (Some(1_500), Recall::SLIPS_SHOWN));
    assert_eq!(found.slips.iter().collect::<BTreeSet<_>>().len(), Recall::SLIPS_SHOWN);
    assert_eq!((found.sold_g, found.accounted_g), (Some(Grams(1_500)), Some(Grams(100_000))));
}

/// How long it takes; run it in a release build.
#[test]
#[ignore = "a measurement"]
fn a_recall_of_a_hundred_thousand_slips_is_measured() {
    let (bench, book) = Bench::with_book("beiyuan");
    bench.furnish(&book);
    bench.receive(&book, "L1", None);
    let mut counters = 1_u32..;
    for _ in 0..100 {
        let sales = counters.by_ref().take(1_000).map(|counter| line(&bench, counter, "L1", 1)).collect();
        sell(&bench, &book, sales);
    }
    let started = std::time::Instant::now();
    let found = recall(&bench.kernel, &book, "L1", true).unwrap().unwrap();
    let recalled = started.elapsed();
    let walk = bench.kernel.walk(&SubjectId::local("lot", &book, "L1").unwrap(), Direction::Forward).unwrap();
    let walked = started.elapsed() - recalled;
    assert_eq!((found.slips_total, walk.steps.len()), (Some(100_000), 100_001));
    eprintln!("recall {recalled:?}, walk {walked:?}");
}

#[test]
fn a_slip_that_an_event_of_others_names_is_neither_counted_nor_takes_a_scales_counter() {
    let (bench, book) = Bench::with_book("beiyuan");
    bench.furnish(&book);
    bench.receive(&book, "L0", None);
    let slip = |counter: u32| SlipSerial { scale: 1, counter, nonce: 1 }.subject(&book).to_string();
    let forged = json!({
        "type": "TransformationEvent", "eventTime": "2026-02-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "inputQuantityList": [{ "epcClass": "lot:beiyuan/L0" }], "outputEPCList": [slip(1), slip(2)],
    });
    assert_eq!(bench.capture_new(&book, &document(vec![forged])), 1);
    sell(&bench, &book, vec![line(&bench, 1, "L0", 500)]);
    let found = recall(&bench.kernel, &book, "L0", true).unwrap().unwrap();
    assert_eq!((found.slips_total, found.slips.len()), (Some(1), 1));
    assert_eq!(found.sold_g, Some(Grams(500)));
    bench.check();
}
