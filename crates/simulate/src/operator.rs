//! The market's operator: receives goods when a stall runs out, posts prices, counts visitors, records cleaning.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::{BookId, Day, Fen, Grams, Time};
use ledger::Body;
use line_market::kinds::{
    CleaningDone, Document, FootfallCounted, LossReason, LotLost, LotReceived, PricePosted,
};
use line_market::record::Input;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::dice::Dice;
use crate::feed::wait_out;
use crate::goods::{self, SUPPLIERS};
use crate::http::{Client, Trouble};
use crate::outcome::Tally;
use crate::scale::Need;
use crate::timepiece::now;
use crate::view::{Price, Product};
use crate::wire::Backoff;
use crate::{Plan, Speed};

const TICK: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 5;
const READ_AGAIN_MS: i64 = 5 * 60_000;
const FOOTFALL_EVERY_MS: i64 = 5 * 60_000;
const CLEANING_EVERY_MS: i64 = 30 * 60_000;
const PRICE_EVERY_MS: i64 = 10 * 60_000;
const LOSS_EVERY_MS: i64 = 15 * 60_000;
/// Lots that something may still be lost of.
const RECENT_MAX: usize = 64;
/// Products that a stall without posted prices takes up.
const RANGE: usize = 3;
const GATES: [&str; 2] = ["south", "north"];
const AREAS: [&str; 4] = ["蔬菜区", "肉类区", "水产区", "熟食区"];
/// Visitors of a stall in an hour, by the hour of the day in China.
const VISITORS: [u64; 24] = [0, 0, 0, 0, 1, 6, 12, 16, 18, 15, 12, 9, 6, 4, 4, 6, 10, 14, 12, 7, 3, 1, 0, 0];
const CHINA_MS: i64 = 8 * 3_600_000;

#[derive(Deserialize)]
struct Stall {
    stall: String,
    merchant: Option<String>,
}

/// A list, bare or as the `items` of a page.
#[derive(Deserialize)]
#[serde(untagged)]
enum List<T> {
    Bare(Vec<T>),
    Page { items: Vec<T> },
}

struct Market {
    book: BookId,
    scales: u64,
    /// Tenants by stall.
    tenants: BTreeMap<String, String>,
    products: Vec<Product>,
    prices: BTreeMap<(String, String), Fen>,
    /// Lots received in this run and what came, the latest last.
    recent: VecDeque<(String, Grams)>,
    supplied: HashMap<String, Time>,
    read_at: Option<Time>,
    footfall_at: Time,
    cleaning_at: Time,
    price_at: Time,
    loss_at: Time,
}

struct Office {
    plan: Arc<Plan>,
    client: Client,
    tally: Arc<Tally>,
    dice: Dice,
    entries: u64,
}

/// Works until dropped, or until the server does not let the operator in.
pub(crate) async fn work(
    plan: Arc<Plan>,
    client: Client,
    mut needs: mpsc::Receiver<Need>,
    tally: Arc<Tally>,
) {
    let mut markets: BTreeMap<BookId, Market> = BTreeMap::new();
    for scale in plan.scales() {
        let market = markets.entry(scale.book.clone()).or_insert_with(|| Market::new(&scale.book, now()));
        market.scales += 1;
    }
    let dice = Dice::new(plan.seed, "operator");
    let mut office = Office { plan, client, tally, dice, entries: 0 };
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let done = tokio::select! {
            need = needs.recv() => match need {
                None => return,
                Some(need) => match markets.get_mut(&need.book) {
                    Some(market) => office.supply(market, &need.stall).await,
                    None => Ok(()),
                },
            },
            _ = ticks.tick() => office.chores(&mut markets).await,
        };
        if let Err(trouble) = done {
            tracing::error!(?trouble, "the server does not let the operator in");
            return;
        }
    }
}

impl Market {
    fn new(book: &BookId, now: Time) -> Self {
        Self {
            book: book.clone(),
            scales: 0,
            tenants: BTreeMap::new(),
            products: Vec::new(),
            prices: BTreeMap::new(),
            recent: VecDeque::new(),
            supplied: HashMap::new(),
            read_at: None,
            footfall_at: now.plus_ms(FOOTFALL_EVERY_MS / 5),
            cleaning_at: now.plus_ms(CLEANING_EVERY_MS / 10),
            price_at: now.plus_ms(PRICE_EVERY_MS / 5),
            loss_at: now.plus_ms(LOSS_EVERY_MS),
        }
    }
}

/// The operator is not let in; everything else is counted and lived with.
type Done = Result<(), Trouble>;

impl Office {
    async fn chores(&mut self, markets: &mut BTreeMap<BookId, Market>) -> Done {
        for market in markets.values_mut() {
            let now = now();
            if market.read_at.is_none_or(|at| now.since_ms(at) >= READ_AGAIN_MS) {
                self.read(market).await?;
            }
            if now >= market.footfall_at {
                market.footfall_at = now.plus_ms(FOOTFALL_EVERY_MS);
                self.count_visitors(market, now).await?;
            }
            if now >= market.cleaning_at {
                market.cleaning_at = now.plus_ms(CLEANING_EVERY_MS);
                let area = self.dice.pick(&AREAS).copied().unwrap_or(AREAS[0]).to_owned();
                self.record(market, &CleaningDone { area, note: None }).await?;
            }
            if now >= market.price_at {
                market.price_at = now.plus_ms(PRICE_EVERY_MS);
                self.change_price(market).await?;
            }
            if now >= market.loss_at {
                market.loss_at = now.plus_ms(LOSS_EVERY_MS);
                self.trim(market).await?;
            }
        }
        Ok(())
    }

    /// Reads who has which stall, what is sold, and for how much.
    async fn read(&mut self, market: &mut Market) -> Done {
        // Even if a list is not to be had: it is asked for again, but not at once.
        market.read_at = Some(now());
        if let Some(stalls) = self.list::<Stall>(&market.book, "stalls").await? {
            market.tenants = stalls.into_iter().filter_map(|it| Some((it.stall, it.merchant?))).collect();
        }
        if let Some(products) = self.list(&market.book, "products").await? {
            market.products = products;
        }
        if let Some(prices) = self.list::<Price>(&market.book, "prices").await? {
            market.prices = prices.into_iter().map(|it| ((it.stall, it.product), it.fen_per_kg)).collect();
        }
        Ok(())
    }

    async fn list<T: DeserializeOwned>(&self, book: &BookId, noun: &str) -> Result<Option<Vec<T>>, Trouble> {
        let mut backoff = Backoff::default();
        for _ in 0..ATTEMPTS {
            match self.client.get(&format!("/api/market/{book}/{noun}")).await {
                Ok(List::Bare(items) | List::Page { items }) => return Ok(Some(items)),
                Err(trouble @ Trouble::Refused { status: 401 | 403, .. }) => return Err(trouble),
                Err(trouble) => wait_out(&trouble, &mut backoff, &self.tally).await,
            }
        }
        Ok(None)
    }

    /// Receives a lot for a stall, unless one came just now.
    async fn supply(&mut self, market: &mut Market, stall: &str) -> Done {
        let pause_ms = if self.plan.speed == Speed::Fastest { 500 } else { 20_000 };
        let now = now();
        if market.supplied.get(stall).is_some_and(|at| now.since_ms(*at) < pause_ms) {
            return Ok(());
        }
        if market.read_at.is_none() {
            self.read(market).await?;
        }
        let Some(merchant) = market.tenants.get(stall).cloned() else { return Ok(()) };
        market.supplied.insert(stall.to_owned(), now);
        let Some(product) = self.choose(market, stall) else { return Ok(()) };
        self.price(market, stall, &product).await?;
        let lot = self.lot_received(stall, merchant, product, now);
        if self.record(market, &lot).await? {
            self.tally.add(|it| {
                it.lots_received += 1;
                it.operator_entries -= 1;
            });
            market.recent.push_back((lot.lot, lot.quantity_g));
            if market.recent.len() > RECENT_MAX {
                market.recent.pop_front();
            }
        }
        Ok(())
    }

    /// One of the products that the stall has prices for; for a new stall, of a category that it takes up.
    fn choose(&mut self, market: &Market, stall: &str) -> Option<Product> {
        let priced = |it: &&Product| market.prices.contains_key(&(stall.to_owned(), it.product.clone()));
        let mut range: Vec<&Product> = market.products.iter().filter(priced).collect();
        if range.is_empty() {
            // Of the stall's own dice, so that it stays with its category.
            let mut dice = Dice::new(self.plan.seed, stall);
            let category = &dice.pick(&market.products)?.category;
            range = market.products.iter().filter(|it| it.category == *category).take(RANGE).collect();
        }
        self.dice.pick(&range).map(|it| (*it).clone())
    }

    /// Posts a price where there is none.
    async fn price(&mut self, market: &mut Market, stall: &str, product: &Product) -> Done {
        let key = (stall.to_owned(), product.product.clone());
        if market.prices.contains_key(&key) {
            return Ok(());
        }
        let usual = goods::of_category(&product.category).fen_per_kg;
        let fen = self.dice.between(usual * 8 / 10, usual * 12 / 10) / 10 * 10;
        let fen_per_kg = Fen(i64::try_from(fen.max(10)).expect("a few thousand fen"));
        let body = PricePosted { stall: stall.to_owned(), product: product.product.clone(), fen_per_kg };
        if self.record(market, &body).await? {
            market.prices.insert(key, fen_per_kg);
        }
        Ok(())
    }

    /// Moves one price by up to a twentieth.
    async fn change_price(&mut self, market: &mut Market) -> Done {
        let at = self.dice.index(market.prices.len());
        let Some((key, fen)) = market.prices.iter().nth(at).map(|(key, fen)| (key.clone(), fen.0)) else {
            return Ok(());
        };
        let fen_per_kg = Fen((fen * (1000 + self.dice.around_zero(50)) / 1000).max(10));
        let body = PricePosted { stall: key.0.clone(), product: key.1.clone(), fen_per_kg };
        if self.record(market, &body).await? {
            market.prices.insert(key, fen_per_kg);
        }
        Ok(())
    }

    fn lot_received(&mut self, stall: &str, merchant: String, product: Product, now: Time) -> LotReceived {
        let goods = goods::of_category(&product.category);
        // Enough for about two hours of customers, and no crate is smaller than twenty kilograms.
        let kilograms = match self.plan.speed {
            Speed::Fastest => 20_000,
            Speed::Every { mean_ms } => {
                (2 * 3_600_000 / u64::from(mean_ms) * goods.median_g / 1000).clamp(20, 20_000)
            }
        };
        let quantity = self.dice.between(kilograms, kilograms * 3 / 2) * 1000;
        let (supplier, origin) = self.dice.pick(&SUPPLIERS).copied().unwrap_or(SUPPLIERS[0]);
        let number = format!("{}{:06}", date_digits(now), self.dice.below(1_000_000));
        LotReceived {
            // The run and the count of its entries tell lots apart; day and stall are for people.
            lot: lot_code(now, stall, self.plan.run, self.entries),
            merchant,
            stall: stall.to_owned(),
            product: product.product,
            quantity_g: Grams(i64::try_from(quantity).expect("at most thirty tonnes")),
            supplier: supplier.to_owned(),
            origin: origin.to_owned(),
            document: Some(Document { r#type: goods.document, number }),
            source: None,
        }
    }

    async fn count_visitors(&mut self, market: &Market, now: Time) -> Done {
        let hour =
            usize::try_from((now.0 + CHINA_MS).div_euclid(3_600_000).rem_euclid(24)).expect("below 24");
        let usual = VISITORS[hour] * market.scales / 12 / 2;
        for gate in GATES {
            let visitors =
                i64::try_from(self.dice.between(usual * 7 / 10, usual * 13 / 10)).expect("a crowd");
            self.record(market, &FootfallCounted { gate: gate.to_owned(), visitors }).await?;
        }
        Ok(())
    }

    /// Something of a lot of this run was trimmed away.
    async fn trim(&mut self, market: &mut Market) -> Done {
        let at = self.dice.index(market.recent.len());
        let Some((lot, received)) = market.recent.remove(at) else { return Ok(()) };
        let quantity_g = Grams((received.0 / 100).max(1));
        self.record(market, &LotLost { lot, quantity_g, reason: LossReason::Trimmed, note: None }).await?;
        Ok(())
    }

    /// Records an entry, and tells whether it was taken.
    async fn record<B: Body + serde::Serialize>(
        &mut self,
        market: &Market,
        body: &B,
    ) -> Result<bool, Trouble> {
        self.entries += 1;
        let body = serde_json::to_value(body).expect("bodies have text keys");
        let input = Input { kind: B::KIND.to_owned(), occurred: Some(now()), body, evidence: Vec::new() };
        let json = serde_json::to_vec(&input).expect("inputs have text keys");
        let key = format!("simulate-{:016x}-{}", self.plan.run, self.entries);
        let path = format!("/api/market/{}/entries", market.book);
        let mut backoff = Backoff::default();
        for _ in 0..ATTEMPTS {
            match self.client.post::<Value>(&path, Some(&key), json.clone()).await {
                Ok(_) => {
                    self.tally.add(|it| it.operator_entries += 1);
                    return Ok(true);
                }
                Err(trouble @ Trouble::Refused { status: 401, .. }) => return Err(trouble),
                Err(Trouble::Refused { status, problem }) => {
                    tracing::debug!(kind = input.kind, ?problem, "the operator was refused");
                    self.tally.add(|it| *it.operator_refused.entry(problem.name(status)).or_default() += 1);
                    return Ok(false);
                }
                Err(trouble) => wait_out(&trouble, &mut backoff, &self.tally).await,
            }
        }
        Ok(false)
    }
}

/// `211210`, the day in China.
fn date_digits(now: Time) -> String {
    let days = (now.0 + CHINA_MS).div_euclid(86_400_000);
    let (year, month, day) = Day(i32::try_from(days).expect("times end with the year 9999")).civil();
    format!("{:02}{month:02}{day:02}", year.rem_euclid(100))
}

fn lot_code(now: Time, stall: &str, run: u64, entry: u64) -> String {
    let stall: String = stall.chars().take(12).collect();
    format!("{}-{stall}-{:08x}{entry}", date_digits(now), run & 0xffff_ffff)
}
