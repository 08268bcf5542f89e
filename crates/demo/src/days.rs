//! The days of trade: lots, sales, losses, tests, visitors, cleaning and fees, all from the seed.

use std::collections::{BTreeMap, HashMap};

use base::{BookId, CityZone, Day, Fen, Grams, Time};
use line_market::intake::{OnRefusal, SaleBatch, SaleLine, record_sales};
use line_market::record::Input;
use line_market::state::{self, Price, Scale, Stall};
use serde_json::{Value, json};
use store::StoreError;

use crate::dice::Dice;
use crate::goods::{self, SUPPLIERS};
use crate::incidents::{self, HeldLot};
use crate::loader::Loader;
use crate::{Error, book, wholesale};

pub(crate) const LAST: &str = "2022-01-13";
/// A lot is sold on the day it came and on the two that follow.
const DAYS_SOLD: i32 = 3;
const MINUTE_MS: i64 = 60_000;

/// A market as its setup left it.
pub(crate) struct Market {
    pub book: BookId,
    pub stalls: Vec<Stall>,
    pub scales: HashMap<String, Scale>,
    pub prices: BTreeMap<String, Vec<Price>>,
}

impl Market {
    pub fn read(loader: &Loader<'_>, book: &BookId) -> Result<Self, StoreError> {
        loader.kernel.read(|tx| {
            let mut prices: BTreeMap<String, Vec<Price>> = BTreeMap::new();
            for price in state::prices(tx, book, None)? {
                prices.entry(price.stall.clone()).or_default().push(price);
            }
            let scales = state::scales(tx, book)?;
            let scales = scales.into_iter().filter_map(|scale| Some((scale.stall.clone()?, scale))).collect();
            Ok(Self { book: book.clone(), stalls: state::stalls(tx, book)?, scales, prices })
        })
    }
}

/// What happens on a day, in the order in which it is recorded.
#[derive(Default)]
pub(crate) struct Events {
    received: Vec<Input>,
    sales: BTreeMap<u32, Vec<SaleLine>>,
    rest: Vec<Input>,
}

/// The time of day in a city, in minutes.
pub(crate) fn at(zone: &CityZone, day: Day, minute: i64) -> Time {
    zone.start_of(day).plus_ms(minute * MINUTE_MS)
}

pub(crate) fn input(kind: &str, occurred: Time, body: Value) -> Input {
    Input { kind: kind.to_owned(), occurred: Some(occurred), body, evidence: Vec::new() }
}

pub(crate) fn lot_code(day: Day, stall: &str) -> String {
    let text = day.to_string();
    format!("{}{}{}-{stall}-1", &text[2..4], &text[5..7], &text[8..])
}

/// Writes the days of both markets.
pub(crate) fn load(loader: &Loader<'_>) -> Result<(), Error> {
    let beiyuan = Market::read(loader, &book("beiyuan"))?;
    let xiaoshen = Market::read(loader, &book("xiaoshen"))?;
    let mut beiyuan_days = Plan::of(&beiyuan, loader.kernel.zone(), "2021-12-10", 20, 3);
    let mut xiaoshen_days = Plan::of(&xiaoshen, loader.kernel.zone(), "2022-01-01", 10, 4);
    fees(&beiyuan, loader.kernel.zone(), &mut beiyuan_days);
    let (first, arrival) = (parse("2021-12-10"), parse(wholesale::ARRIVAL));
    let mut held = Vec::new();
    for day in (first.0..=parse(LAST).0).map(Day) {
        if day == arrival.plus(1) {
            incidents::release(loader, &beiyuan.book, &held)?;
        }
        if let Some(events) = beiyuan_days.days.remove(&day.0) {
            record_day(loader, &beiyuan.book, day, events)?;
        }
        if day == arrival {
            held = incidents::hold(loader, &beiyuan.book, &beiyuan_days.held)?;
        } else if day == arrival.plus(5) {
            incidents::complaint(loader, &beiyuan.book)?;
        }
        if let Some(events) = xiaoshen_days.days.remove(&day.0) {
            record_day(loader, &xiaoshen.book, day, events)?;
        }
    }
    Ok(())
}

pub(crate) fn parse(day: &str) -> Day {
    Day::parse(day).expect("a date of ours")
}

fn record_day(loader: &Loader<'_>, book: &BookId, day: Day, events: Events) -> Result<(), Error> {
    let Events { received, sales, rest } = events;
    loader.records(book, &format!("received/{day}"), received)?;
    loader.once(book, &format!("sold/{day}"), move |desk, book, actor| {
        for (scale, lines) in &sales {
            let batch = SaleBatch { sales: lines.clone(), on_refusal: OnRefusal::RefuseAll };
            record_sales(desk, book, *scale, actor, &batch)?;
        }
        Ok(())
    })?;
    loader.records(book, &format!("rest/{day}"), rest)?;
    Ok(())
}

/// The days of one market.
struct Plan<'a> {
    market: &'a Market,
    zone: &'a CityZone,
    dice: Dice,
    counters: HashMap<u32, u32>,
    days: BTreeMap<i32, Events>,
    /// Lots that are held for a while.
    held: Vec<HeldLot>,
}

impl<'a> Plan<'a> {
    /// The first `vegetables` stalls trade, and of the other sections one in `every`.
    fn of(market: &'a Market, zone: &'a CityZone, opened: &str, vegetables: usize, every: usize) -> Self {
        let dice = Dice::new(&format!("days of {}", market.book));
        let mut plan =
            Self { market, zone, dice, counters: HashMap::new(), days: BTreeMap::new(), held: Vec::new() };
        let trades = |at: &usize, stall: &Stall| {
            if stall.stall.starts_with('A') { *at < vegetables } else { at.is_multiple_of(every) }
        };
        let (first, last) = (parse(opened), parse(LAST));
        for (at, stall) in market.stalls.iter().enumerate().filter(|(at, stall)| trades(at, stall)) {
            let Some(scale) = market.scales.get(&stall.stall) else { continue };
            for day in (first.0..=last.0).map(Day) {
                let turn = i32::try_from(at).expect("a few hundred stalls") + day.0;
                if day == first || turn % DAYS_SOLD == 0 || plan.source(at, stall, day).is_some() {
                    plan.lot(at, stall, scale.scale, day, last);
                }
            }
        }
        for day in (first.0..=last.0).map(Day) {
            plan.chores(day);
        }
        for events in plan.days.values_mut() {
            events.rest.sort_by_key(|input| input.occurred);
            for (scale, lines) in &mut events.sales {
                lines.sort_by_key(|line| line.occurred);
                for line in lines {
                    let counter = plan.counters.entry(*scale).or_insert(0);
                    *counter += 1;
                    line.counter = *counter;
                }
            }
        }
        plan
    }

    /// The product and the wholesale lot that a stall gets of the farm: on one day, at Beiyuan.
    fn source(&self, at: usize, stall: &Stall, day: Day) -> Option<(&'static str, String)> {
        if self.market.book.as_str() != "beiyuan"
            || !stall.stall.starts_with('A')
            || day != parse(wholesale::ARRIVAL)
        {
            return None;
        }
        let product = ["chives", "celery", "tomato"].get(at % 5)?;
        Some((product, wholesale::sources(product).get(at / 5)?.clone()))
    }

    fn day(&mut self, day: Day) -> &mut Events {
        self.days.entry(day.0).or_default()
    }

    /// A lot from its arrival to its last gram.
    fn lot(&mut self, at_stall: usize, stall: &Stall, scale: u32, day: Day, last: Day) {
        let sourced = self.source(at_stall, stall, day);
        let Some(prices) = self.market.prices.get(&stall.stall) else { return };
        let price = match &sourced {
            Some((product, _)) => prices.iter().find(|price| price.product == *product),
            None => Some(self.dice.pick(prices)),
        };
        let Some((price, goods)) = price.and_then(|it| Some((it, goods::of_product(&it.product)?))) else {
            return;
        };
        let lot = lot_code(day, &stall.stall);
        let held = sourced.as_ref().is_some_and(|(product, _)| *product == incidents::PRODUCT);
        let mut sold = 0;
        for after in 0..DAYS_SOLD.min(last.0 - day.0 + 1) {
            let windows = if held { incidents::window(after) } else { Some((6 * 60, 18 * 60)) };
            let Some((from, to)) = windows else { continue };
            for _ in 0..self.dice.between(2, 4) {
                let occurred = at(self.zone, day.plus(after), self.dice.between(from, to))
                    .plus_ms(self.dice.between(1, 59_999));
                let grams = Grams(goods.typical_g * self.dice.between(50, 220) / 100);
                sold += grams.0;
                let line = SaleLine {
                    counter: 0,
                    occurred,
                    lot: lot.clone(),
                    product: price.product.clone(),
                    stall: stall.stall.clone(),
                    grams,
                    fen_per_kg: price.fen_per_kg,
                    amount_fen: Fen::for_weight(grams, price.fen_per_kg).expect("a few kilograms"),
                    nonce: format!("{:016x}", self.dice.roll()),
                    offline: false,
                };
                self.day(day.plus(after)).sales.entry(scale).or_default().push(line);
            }
        }
        let lost = sold * self.dice.between(0, 40) / 1000;
        let spare = if held && stall.stall == incidents::CUT_OFF_STALL { incidents::OFFLINE_G } else { 0 };
        if held {
            self.held.push(HeldLot {
                lot: lot.clone(),
                product: price.product.clone(),
                stall: stall.stall.clone(),
                scale,
                fen_per_kg: price.fen_per_kg,
            });
        }
        let (supplier, origin) = match &sourced {
            Some(_) => SUPPLIERS[0],
            None => *self.dice.pick(&SUPPLIERS),
        };
        let (paper, letters) = goods::document(goods.category);
        let number = format!("{letters}{}{:05}", &lot[..6], self.dice.between(1, 99_999));
        let body = json!({
            "lot": lot, "merchant": stall.merchant, "stall": stall.stall, "product": price.product,
            "quantity_g": sold + lost + spare, "supplier": supplier, "origin": origin,
            "document": { "type": paper, "number": number }, "source": sourced.map(|(_, source)| source),
        });
        let minute = self.dice.between(5 * 60, 5 * 60 + 50);
        let received = input("market.lot.received", at(self.zone, day, minute), body);
        self.day(day).received.push(received);
        let end = Day((day.0 + DAYS_SOLD - 1).min(last.0));
        if lost > 0 {
            let body = json!({ "lot": lot, "quantity_g": lost, "reason": if lost % 2 == 0 { "trimmed" } else { "spoiled" }, "note": null });
            let spoiled = input("market.lot.lost", at(self.zone, end, 18 * 60 + 20), body);
            self.day(end).rest.push(spoiled);
        }
        self.test(&lot, goods.category, day, held);
    }

    /// Xiaoshen's technicians sample every second lot, Beiyuan's every fourth.
    fn test(&mut self, lot: &str, category: &str, day: Day, held: bool) {
        let one_in = if self.market.book.as_str() == "xiaoshen" { 2 } else { 4 };
        if self.dice.between(1, one_in) != 1 || held {
            return;
        }
        let (method, test, limit, reading) = goods::test(category);
        let body = json!({
            "lot": lot, "method": method, "item": test, "reading": reading, "limit": limit, "verdict": "pass",
            "retest_of": null,
        });
        let minute = self.dice.between(7 * 60, 9 * 60 + 59);
        let tested = input("market.inspection.recorded", at(self.zone, day, minute), body);
        self.day(day).rest.push(tested);
    }

    /// Cleaning by zone, and visitors where the setup does not have them.
    fn chores(&mut self, day: Day) {
        for (area, minute) in
            [("蔬菜区", 11 * 60), ("肉类区", 12 * 60), ("水产区", 14 * 60), ("熟食区", 15 * 60)]
        {
            let body = json!({ "area": area, "note": null });
            let cleaned =
                input("market.cleaning.done", at(self.zone, day, minute + self.dice.between(0, 25)), body);
            self.day(day).rest.push(cleaned);
        }
        if self.market.book.as_str() == "beiyuan" {
            for gate in ["south", "north"] {
                let body = json!({ "gate": gate, "visitors": self.dice.between(2_300, 3_400) });
                let counted = input("market.footfall.counted", at(self.zone, day, 19 * 60 + 30), body);
                self.day(day).rest.push(counted);
            }
        }
    }
}

/// The fees of December, by days: charged with the opening, paid before the month ends.
fn fees(market: &Market, zone: &CityZone, plan: &mut Plan<'_>) {
    for (at_stall, stall) in market.stalls.iter().enumerate() {
        // 22 of the month's 31 days.
        let amount = stall.fee_fen.unwrap_or(0) * 22 / 31;
        let charged = json!({ "stall": stall.stall, "month": "2021-12", "amount_fen": amount, "note": null });
        let paid = json!({ "stall": stall.stall, "month": "2021-12", "amount_fen": amount });
        let (opened, later) = (parse("2021-12-11"), i32::try_from(at_stall % 12).expect("below 12"));
        plan.day(opened).rest.push(input("market.fee.charged", at(zone, opened, 9 * 60), charged));
        let day = opened.plus(4 + later);
        plan.day(day).rest.push(input("market.fee.paid", at(zone, day, 16 * 60), paid));
    }
}
