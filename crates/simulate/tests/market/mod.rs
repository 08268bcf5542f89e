//! A market in memory: stall `n` has scale `n`, merchant `Mn`, and sells tomatoes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base::limits::FUTURE_MS_MAX;
use base::{Seq, Time};
use line_market::intake::{Acknowledgement, BatchReceipt, LineOutcome, OnRefusal, SaleBatch, SaleLine};
use line_market::kinds::{LotReceived, PricePosted};
use line_market::record::Input;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;

pub const SECRET: &str = "tzd1_scale_";
pub const OPERATOR: &str = "tz1_operator";

#[derive(Default)]
struct Books {
    scales: u32,
    lots: BTreeMap<String, Lot>,
    prices: BTreeMap<String, i64>,
    sales: HashMap<(u32, u32), SaleLine>,
    acked: HashSet<(u32, u64)>,
    attempts: HashMap<String, u64>,
    keys: HashSet<String>,
    faults: Vec<String>,
}

struct Lot {
    stall: String,
    left_g: i64,
    hold: Option<u64>,
}

pub struct Market {
    pub url: String,
    books: Mutex<Books>,
    changes: watch::Sender<u64>,
    /// How many of the sales requests are answered with 503, or recorded and then answered with 500.
    pub fault_per_mille: AtomicU64,
    requests: AtomicU64,
    pub streams: AtomicUsize,
}

fn now() -> Time {
    Time(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap())
}

impl Market {
    pub async fn open(scales: u32) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let market = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            books: Mutex::new(Books { scales, ..Books::default() }),
            changes: watch::Sender::new(0),
            fault_per_mille: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
        });
        let router = axum::Router::new()
            .route("/scale/v1/sales", post(sales))
            .route("/scale/v1/acks", post(acks))
            .route("/scale/v1/state", get(state))
            .route("/scale/v1/stream", get(stream))
            .route("/api/market/beiyuan/{noun}", get(list))
            .route("/api/market/beiyuan/entries", post(entries))
            .with_state(Arc::clone(&market));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        market
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub fn receive(&self, stall: &str, lot: &str, grams: i64) {
        self.books().lots.insert(lot.into(), Lot { stall: stall.into(), left_g: grams, hold: None });
        self.books().prices.insert(stall.into(), 698);
        self.changed();
    }

    pub fn hold(&self, lot: &str, hold: u64) {
        self.books().lots.get_mut(lot).unwrap().hold = Some(hold);
        self.changed();
    }

    pub fn acked(&self, scale: u32, hold: u64) -> bool {
        self.books().acked.contains(&(scale, hold))
    }

    pub fn sales(&self) -> usize {
        self.books().sales.len()
    }

    pub fn sales_of_scale(&self, scale: u32) -> usize {
        self.books().sales.keys().filter(|(of, _)| *of == scale).count()
    }

    pub fn sold_of(&self, lot: &str) -> usize {
        self.books().sales.values().filter(|line| line.lot == lot).count()
    }

    pub fn offline_sales(&self) -> usize {
        self.books().sales.values().filter(|line| line.offline).count()
    }

    /// Lines that named a lot, recorded or not.
    pub fn attempts_of(&self, lot: &str) -> u64 {
        self.books().attempts.get(lot).copied().unwrap_or(0)
    }

    /// Nothing arrived that no honest scale or operator would send.
    pub fn assert_clean(&self) {
        assert_eq!(self.books().faults, Vec::<String>::new());
    }

    pub fn state(&self, scale: u32) -> Value {
        let books = self.books();
        let stall = scale.to_string();
        let here = || books.lots.iter().filter(|(_, lot)| lot.stall == stall);
        let open = here().filter(|(_, lot)| lot.hold.is_none() && lot.left_g > 0);
        let blocks = here().filter_map(|(code, lot)| {
            let acked = books.acked.contains(&(scale, lot.hold?)).then(now);
            Some(json!({"hold": lot.hold, "scale": scale, "lot": code, "held_at": now(), "acked_at": acked,
                "after_ms": null, "released_at": null}))
        });
        let prices = books
            .prices
            .get(&stall)
            .map(|fen| json!({"stall": stall, "product": "tomato", "fen_per_kg": fen}));
        json!({
            "server_time": now(),
            "stall": stall,
            "products": [{"product": "tomato", "title_zh": "番茄", "title_en": "Tomato", "category": "vegetable"}],
            "prices": prices.into_iter().collect::<Vec<_>>(),
            "lots": open.rev().map(|(code, lot)| json!({"lot": code, "product": "tomato", "left_g": lot.left_g}))
                .collect::<Vec<_>>(),
            "blocks": blocks.collect::<Vec<_>>(),
        })
    }

    pub fn record(&self, scale: u32, batch: &SaleBatch) -> BatchReceipt {
        let (mut books, server_time) = (self.books(), now());
        if batch.on_refusal != OnRefusal::SkipLine || batch.sales.is_empty() {
            books.faults.push(format!("a batch of {} lines that is refused as a whole", batch.sales.len()));
        }
        let lines = batch.sales.iter().enumerate();
        let lines = lines.map(|(index, line)| books.judge(scale, index, line, server_time)).collect();
        BatchReceipt { lines, server_time }
    }
}

impl Books {
    fn judge(&mut self, scale: u32, index: usize, line: &SaleLine, server_time: Time) -> LineOutcome {
        *self.attempts.entry(line.lot.clone()).or_default() += 1;
        let (counter, seq, slip) =
            (line.counter, Seq(u64::from(scale) << 32 | u64::from(line.counter)), String::new());
        let refuse = |rule: &str| LineOutcome::Refused {
            counter,
            index,
            rule: rule.into(),
            field: "lot".into(),
            detail: String::new(),
        };
        let exact = base::Fen::for_weight(line.grams, line.fen_per_kg).unwrap();
        let sound = (exact.0 - line.amount_fen.0).abs() <= 9
            && (1..=500_000).contains(&line.grams.0)
            && line.nonce.len() == 16
            && line.nonce.bytes().all(|byte| byte.is_ascii_hexdigit())
            && line.stall == scale.to_string();
        if !sound {
            self.faults.push(format!("{line:?}"));
        }
        if let Some(known) = self.sales.get(&(scale, counter)) {
            let same = SaleLine { offline: known.offline, ..line.clone() };
            if format!("{known:?}") == format!("{same:?}") {
                return LineOutcome::Known { counter, seq, slip };
            }
            self.faults.push(format!("counter {counter} of scale {scale} was used twice"));
            return refuse("counter-reused");
        }
        if line.occurred.since_ms(server_time) > FUTURE_MS_MAX {
            return refuse("future-time");
        }
        let Some(lot) = self.lots.get_mut(&line.lot).filter(|lot| lot.stall == line.stall) else {
            self.faults.push(format!("scale {scale} sold of lot {}", line.lot));
            return refuse("foreign-lot");
        };
        if lot.hold.is_some() && !line.offline {
            return refuse("held-lot");
        }
        if lot.left_g < line.grams.0 && !line.offline {
            return refuse("mass-balance");
        }
        lot.left_g -= line.grams.0;
        self.sales.insert((scale, counter), line.clone());
        LineOutcome::Recorded { counter, seq, slip }
    }
}

fn scale_of(headers: &HeaderMap) -> Result<u32, StatusCode> {
    let bearer = headers[header::AUTHORIZATION].to_str().unwrap();
    let scale = bearer.strip_prefix(&format!("Bearer {SECRET}")).and_then(|scale| scale.parse().ok());
    scale.ok_or(StatusCode::UNAUTHORIZED)
}

async fn sales(
    State(market): State<Arc<Market>>,
    headers: HeaderMap,
    Json(batch): Json<SaleBatch>,
) -> Result<Response, Response> {
    let scale = scale_of(&headers).map_err(IntoResponse::into_response)?;
    let chance = market.fault_per_mille.load(SeqCst);
    // Every so many requests fail, before and after their effect in turn.
    let fails = chance > 0 && market.requests.fetch_add(chance, SeqCst) % 1000 < chance;
    if fails && batch.sales[0].counter % 2 == 0 {
        return Err((StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "{}").into_response());
    }
    let receipt = market.record(scale, &batch);
    if fails {
        Err(StatusCode::INTERNAL_SERVER_ERROR.into_response())
    } else {
        Ok(Json(receipt).into_response())
    }
}

async fn acks(
    State(market): State<Arc<Market>>,
    headers: HeaderMap,
    Json(ack): Json<Acknowledgement>,
) -> Result<Response, Response> {
    let scale = scale_of(&headers).map_err(IntoResponse::into_response)?;
    let mut recorded = Vec::new();
    for hold in &ack.holds {
        if !market.books().lots.values().any(|lot| lot.hold == Some(*hold) && lot.stall == scale.to_string())
        {
            market.books().faults.push(format!("scale {scale} acknowledged {hold}"));
        }
        if market.books().acked.insert((scale, *hold)) {
            recorded.push(Seq(*hold + 1));
        }
    }
    market.changed();
    Ok(Json(json!({"recorded": recorded})).into_response())
}

async fn state(State(market): State<Arc<Market>>, headers: HeaderMap) -> Result<Response, Response> {
    let scale = scale_of(&headers).map_err(IntoResponse::into_response)?;
    Ok(Json(market.state(scale)).into_response())
}

async fn stream(State(market): State<Arc<Market>>, headers: HeaderMap) -> Result<Response, Response> {
    let scale = scale_of(&headers).map_err(IntoResponse::into_response)?;
    market.streams.fetch_add(1, SeqCst);
    let events = WatchStream::new(market.changes.subscribe()).map(move |_| {
        Ok::<_, Infallible>(format!(": change\nevent: state\ndata: {}\n\n", market.state(scale)))
    });
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response())
}

fn operator(headers: &HeaderMap) -> Result<(), StatusCode> {
    let right = headers[header::AUTHORIZATION].to_str().unwrap() == format!("Bearer {OPERATOR}");
    if right { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
}

async fn list(
    State(market): State<Arc<Market>>,
    Path(noun): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    operator(&headers).map_err(IntoResponse::into_response)?;
    let books = market.books();
    let rows: Vec<Value> = match noun.as_str() {
        "stalls" => {
            (1..=books.scales).map(|n| json!({"stall": n.to_string(), "merchant": format!("M{n}")})).collect()
        }
        "products" => vec![
            json!({"product": "tomato", "title_zh": "番茄", "title_en": "Tomato", "category": "vegetable"}),
        ],
        "prices" => books
            .prices
            .iter()
            .map(|(stall, fen)| json!({"stall": stall, "product": "tomato", "fen_per_kg": fen}))
            .collect(),
        _ => return Err(StatusCode::NOT_FOUND.into_response()),
    };
    Ok(Json(json!({"items": rows})).into_response())
}

async fn entries(
    State(market): State<Arc<Market>>,
    headers: HeaderMap,
    Json(input): Json<Input>,
) -> Result<Response, Response> {
    operator(&headers).map_err(IntoResponse::into_response)?;
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut books = market.books();
    if books.keys.insert(key) {
        match input.kind.as_str() {
            "market.lot.received" => {
                let lot: LotReceived = serde_json::from_value(input.body).unwrap();
                if lot.merchant != format!("M{}", lot.stall) || books.lots.contains_key(&lot.lot) {
                    books.faults.push(format!("{lot:?}"));
                }
                books.lots.insert(lot.lot, Lot { stall: lot.stall, left_g: lot.quantity_g.0, hold: None });
            }
            "market.price.posted" => {
                let price: PricePosted = serde_json::from_value(input.body).unwrap();
                books.prices.insert(price.stall, price.fen_per_kg.0);
            }
            _ => {}
        }
    }
    drop(books);
    market.changed();
    Ok((StatusCode::CREATED, Json(json!({"entry": {}, "holds": []}))).into_response())
}

/// The server's end of the MQTT contract, played by this market over a broker.
pub async fn serve_mqtt(market: Arc<Market>, url: String) {
    use mqtt::{Config, Link, QoS};
    let everything = ["sales", "acks"].map(|leaf| (format!("taizhang/v1/+/+/{leaf}"), QoS::AtLeastOnce));
    let config = Config { username: Some("server".into()), ..Config::new(url, "server") };
    let (link, mut incoming) = Link::connect(&config, everything.to_vec()).unwrap();
    let scales = market.books().scales;
    let (publisher, mut changes, of) = (link.publisher(), market.changes.subscribe(), Arc::clone(&market));
    tokio::spawn(async move {
        loop {
            for scale in 1..=scales {
                let state = of.state(scale).to_string();
                publisher
                    .publish(&format!("taizhang/v1/beiyuan/{scale}/state"), state, QoS::AtLeastOnce, true)
                    .await
                    .unwrap();
            }
            changes.changed().await.unwrap();
        }
    });
    while let Some(message) = incoming.recv().await {
        let scale: u32 = message.topic.split('/').nth(3).unwrap().parse().unwrap();
        let payload = message.payload.unwrap();
        if message.topic.ends_with("/acks") {
            let ack: Acknowledgement = serde_json::from_slice(&payload).unwrap();
            market.books().acked.extend(ack.holds.iter().map(|hold| (scale, *hold)));
            market.changed();
        } else {
            let batch: SaleBatch = serde_json::from_slice(&payload).unwrap();
            let fails = market.requests.fetch_add(market.fault_per_mille.load(SeqCst), SeqCst) % 1000 >= 900;
            let counters: Vec<u32> = batch.sales.iter().map(|line| line.counter).collect();
            let answer = match fails {
                true => json!({"status": 503, "counters": counters, "detail": "busy"}),
                false => serde_json::to_value(market.record(scale, &batch)).unwrap(),
            };
            let (publisher, topic) = (link.publisher(), format!("taizhang/v1/beiyuan/{scale}/receipt"));
            tokio::spawn(async move {
                publisher.publish(&topic, answer.to_string(), QoS::AtLeastOnce, false).await.unwrap()
            });
        }
        message.ack.done();
    }
}
