use base::{BookId, Seq};

use super::*;
use crate::view::{Block, OpenLot, Price, Product};
use crate::{Batches, Counters, Transport};

const NOON: Time = Time(1_791_201_600_000);

fn till(change: impl FnOnce(&mut Plan)) -> Till {
    let scale =
        ScaleCredential { book: BookId::new("beiyuan").unwrap(), scale: 1, credential: "secret".into() };
    let transport = Transport::Http { base_url: "http://localhost".into() };
    let mut plan = Plan::new(7, 1, transport, vec![scale.clone()]);
    plan.counters = Counters::From(100);
    plan.batches = Batches { lines_max: 10, every_ms: 1 };
    change(&mut plan);
    Till::new(&plan, &scale, NOON)
}

fn view(lots: &[(&str, i64)], blocks: &[(u64, &str)]) -> View {
    View {
        stall: Some("A1".into()),
        products: vec![Product { product: "tomato".into(), category: "vegetable".into() }],
        prices: vec![Price { stall: "A1".into(), product: "tomato".into(), fen_per_kg: Fen(698) }],
        lots: lots
            .iter()
            .map(|(lot, left)| OpenLot { lot: (*lot).into(), product: "tomato".into(), left_g: Grams(*left) })
            .collect(),
        blocks: blocks
            .iter()
            .map(|(hold, lot)| Block { hold: *hold, lot: (*lot).into(), acked_at: None })
            .collect(),
    }
}

fn sell_all(till: &mut Till, customers: usize) -> usize {
    (0..customers).take_while(|_| till.sell(NOON).is_ok()).count()
}

fn recorded(sales: &[SaleLine]) -> BatchReceipt {
    let line = |sale: &SaleLine| LineOutcome::Recorded {
        counter: sale.counter,
        seq: Seq(sale.counter.into()),
        slip: String::new(),
    };
    BatchReceipt { lines: sales.iter().map(line).collect(), server_time: NOON }
}

fn refused(sales: &[SaleLine], rule: &str, server_time: Time) -> BatchReceipt {
    let line = |(index, sale): (usize, &SaleLine)| LineOutcome::Refused {
        counter: sale.counter,
        index,
        rule: rule.into(),
        field: "lot".into(),
        detail: String::new(),
    };
    BatchReceipt { lines: sales.iter().enumerate().map(line).collect(), server_time }
}

#[test]
fn a_scale_sells_every_lot_to_the_last_gram_and_no_further() {
    let mut till = till(|_| {});
    assert_eq!(till.sell(NOON), Err(Idle::NoGoods));
    till.observe(&view(&[("L2", 5_000), ("L1", 9_000)], &[]), NOON);
    sell_all(&mut till, 1_000);
    assert_eq!(till.sell(NOON), Err(Idle::NoGoods));
    let lines: Vec<SaleLine> = till.close().into_iter().flat_map(|parcel| parcel.batch.sales).collect();
    for (lot, received) in [("L1", 9_000), ("L2", 5_000)] {
        assert_eq!(lines.iter().filter(|it| it.lot == lot).map(|it| it.grams.0).sum::<i64>(), received);
    }
    let exact = |it: &SaleLine| Fen::for_weight(it.grams, it.fen_per_kg).unwrap().0;
    assert!(
        lines.iter().all(|it| (0..10).contains(&(exact(it) - it.amount_fen.0))
            && it.nonce.len() == 16
            && !it.offline)
    );
    assert!(lines.windows(2).all(|two| two[1].counter == two[0].counter + 1));
    assert_eq!(till.wants_goods(), Some("A1"));
}

#[test]
fn a_seed_and_a_run_determine_every_sale_and_another_run_has_other_slips() {
    let play = |run| {
        let mut till = till(|plan| plan.run = run);
        till.observe(&view(&[("L1", 90_000)], &[]), NOON);
        sell_all(&mut till, 20);
        till.close()
            .into_iter()
            .flat_map(|it| it.batch.sales)
            .map(|it| (it.grams, it.nonce))
            .collect::<Vec<_>>()
    };
    assert_eq!(play(1), play(1));
    assert!(play(1).iter().zip(play(2)).all(|(one, other)| one.0 == other.0 && one.1 != other.1));
}

#[test]
fn a_blocked_lot_is_withdrawn_and_acknowledged_once() {
    let mut till = till(|_| {});
    till.observe(&view(&[("L1", 9_000)], &[]), NOON);
    assert!(till.sell(NOON).is_ok());
    let blocked = view(&[("L1", 9_000)], &[(42, "L1")]);
    assert_eq!(till.observe(&blocked, NOON), [42]);
    assert_eq!(till.sell(NOON), Err(Idle::NoGoods));
    till.acknowledged(&[42], NOON);
    assert!(till.observe(&blocked, NOON.plus_ms(4_999)).is_empty());
    assert_eq!(till.observe(&blocked, NOON.plus_ms(5_000)), [42], "it does not seem to have arrived");
    assert!(till.observe(&view(&[("L1", 9_000)], &[]), NOON).is_empty());
    assert!(till.sell(NOON).is_ok(), "released");
}

#[test]
fn a_lot_that_the_server_calls_sold_out_is_left_until_more_is_shown() {
    let (mut till, tally) = (till(|_| {}), Tally::default());
    till.observe(&view(&[("L1", 9_000)], &[]), NOON);
    assert!(till.sell(NOON).is_ok());
    let sales = till.close().remove(0).batch.sales;
    till.settle(&sales, &refused(&sales, "mass-balance", NOON), true, NOON, &tally);
    assert_eq!(till.sell(NOON), Err(Idle::NoGoods));
    till.observe(&view(&[("L1", 8_000)], &[]), NOON);
    assert_eq!(till.sell(NOON), Err(Idle::NoGoods));
    till.observe(&view(&[("L1", 20_000)], &[]), NOON);
    assert!(till.sell(NOON).is_ok());
    assert_eq!(tally.read().refused["mass-balance"], 1);
}

#[test]
fn sales_without_a_receipt_count_against_what_a_state_shows() {
    let (mut till, tally) = (till(|_| {}), Tally::default());
    let shown = view(&[("L1", 2_000)], &[]);
    till.observe(&shown, NOON);
    sell_all(&mut till, 100);
    till.observe(&shown, NOON);
    assert_eq!(till.sell(NOON), Err(Idle::NoGoods));
    for parcel in till.close() {
        till.settle(&parcel.batch.sales, &recorded(&parcel.batch.sales), true, NOON, &tally);
    }
    assert_eq!(till.unanswered(), 0);
    till.observe(&shown, NOON);
    assert!(till.sell(NOON).is_ok());
}

#[test]
fn an_outage_holds_sales_back_and_sends_them_later_as_offline() {
    let mut till =
        till(|plan| plan.faults = Faults { late: 1000, doubled: 1000, shuffled: 1000, drift_ms_max: 0 });
    till.observe(&view(&[("L1", 900_000)], &[]), NOON);
    sell_all(&mut till, 8);
    let online = till.close();
    assert!(online.len() == 1 && !online[0].backlog && online[0].twice && till.is_cut_off());
    let mut rounds = 0;
    let backlog = loop {
        sell_all(&mut till, 8);
        rounds += 1;
        let parcels = till.close();
        if !parcels.is_empty() {
            break parcels;
        }
    };
    let lines: Vec<_> = backlog.iter().flat_map(|parcel| &parcel.batch.sales).collect();
    assert!(!till.is_cut_off() && (1..=5).contains(&rounds));
    assert!(backlog.iter().all(|parcel| parcel.backlog) && lines.iter().all(|line| line.offline));
    assert_eq!(lines.len(), 8 * rounds);
    assert!(!lines.is_sorted_by_key(|line| line.counter), "shuffled");
}

#[test]
fn a_sale_that_a_fast_clock_put_into_the_future_is_sent_again_with_the_right_time() {
    let (mut till, tally) = (till(|plan| plan.faults.drift_ms_max = 3_600_000), Tally::default());
    till.clock = Timepiece::switched_on(&mut Dice::new(0, ""), 0, NOON);
    till.clock.set(NOON.plus_ms(3_000_000), NOON);
    till.observe(&view(&[("L1", 9_000)], &[]), NOON);
    assert!(till.sell(NOON).is_ok());
    let sales = till.close().remove(0).batch.sales;
    assert_eq!(sales[0].occurred, NOON.plus_ms(3_000_000));
    till.settle(&sales, &refused(&sales, "future-time", NOON.plus_ms(2)), true, NOON.plus_ms(2), &tally);
    let again = till.close().remove(0).batch.sales;
    assert_eq!((again[0].counter, again[0].occurred), (sales[0].counter, NOON));
    assert_eq!(till.unanswered(), 1);
}

#[test]
fn answers_that_contradict_the_contract_are_counted() {
    let (mut till, tally) = (till(|_| {}), Tally::default());
    till.observe(&view(&[("L1", 90_000)], &[]), NOON);
    sell_all(&mut till, 4);
    let sales = till.close().remove(0).batch.sales;
    let known =
        |sale: &SaleLine| LineOutcome::Known { counter: sale.counter, seq: Seq(1), slip: String::new() };
    let receipt = BatchReceipt { lines: sales.iter().map(known).collect(), server_time: NOON };
    till.settle(&sales, &receipt, true, NOON, &tally);
    assert_eq!(tally.read().contradictions, 4, "known before they were ever sent");
    let mut short = recorded(&sales);
    short.lines.pop();
    till.settle(&sales, &short, true, NOON, &tally);
    assert_eq!(tally.read().contradictions, 5);
}

#[test]
fn a_scale_that_gets_no_answers_stops_selling_before_it_runs_out_of_memory() {
    let mut till = till(|plan| plan.batches.lines_max = 2_000);
    till.observe(&view(&[("L1", 100_000_000)], &[]), NOON);
    assert_eq!(sell_all(&mut till, KEPT_MAX + 5), KEPT_MAX);
    assert_eq!(till.sell(NOON), Err(Idle::Full));
}
