//! scratch
use std::sync::Arc;
use std::time::Instant;
use base::*;
use kernel::*;
use line_market::{intake::*, record};

struct R(rand::rngs::StdRng);
impl Entropy for R { fn fill(&mut self, b: &mut [u8]) { use rand::Rng; self.0.fill_bytes(b); } }
struct C; impl Clock for C { fn now(&self) -> Time { Time(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64) } }

fn main() {
    use rand::SeedableRng;
    let dir = std::env::args().nth(1).unwrap();
    let batches: u32 = std::env::args().nth(2).unwrap().parse().unwrap();
    let per: u32 = std::env::args().nth(3).unwrap().parse().unwrap();
    std::fs::create_dir_all(&dir).unwrap();
    let store = Arc::new(store_sqlite::SqliteStore::open(std::path::Path::new(&format!("{dir}/b.db"))).unwrap());
    let kernel = Kernel::open(Parts {
        store, lines: vec![Box::new(line_market::Market)], clock: Arc::new(C),
        entropy: Box::new(R(rand::rngs::StdRng::seed_from_u64(1))), zone: CityZone::named("Asia/Shanghai").unwrap(),
        signer: merkle::SignerKey::from_seed("bench", [1; 32]).unwrap(),
    }).unwrap();
    let book = BookId::new("beiyuan").unwrap();
    let actor = ActorId::new("device:1").unwrap();
    let b2 = book.clone();
    kernel.append_blocking(move |d| { d.open_book(&b2)?; Ok::<_, AppendError<()>>(()) }).unwrap();
    let rec = |kind: &str, body: serde_json::Value| {
        let (b, a, input) = (book.clone(), actor.clone(), record::Input { kind: kind.into(), occurred: None, body, evidence: vec![] });
        kernel.append_blocking(move |d| record::record(d, &b, &a, &input)).unwrap();
    };
    use serde_json::json;
    rec("market.market.opened", json!({"title_zh":"北园","title_en":"Beiyuan","area_m2":6700,"built":1989,"slip_gtin":"02000000000008"}));
    rec("market.merchant.registered", json!({"merchant":"M1","title":"m","licence":null}));
    rec("market.product.registered", json!({"product":"tomato","title_zh":"番茄","title_en":"Tomato","category":"veg"}));
    for s in 1..=100u32 {
        rec("market.stall.opened", json!({"stall":format!("A{s}"),"zone":"dry","food":"raw","area_dm2":400}));
        rec("market.stall.leased", json!({"stall":format!("A{s}"),"merchant":"M1","from":"2021-01-01","until":"2031-01-01","fee_fen":1}));
        rec("market.scale.enrolled", json!({"scale":s,"stall":format!("A{s}"),"serial":"x","seal":"x","verified":"2021-01-01","verified_until":"2031-01-01","fair":false}));
        rec("market.lot.received", json!({"lot":format!("L{s}"),"merchant":"M1","stall":format!("A{s}"),"product":"tomato","quantity_g":100000000,"supplier":"s","origin":"o","document":null,"source":null}));
    }
    let t = Instant::now();
    let mut handles = vec![];
    for th in 0..2u32 {
        let kernel = kernel.clone(); let book = book.clone(); let actor = actor.clone();
        handles.push(std::thread::spawn(move || {
            for b in 0..batches / 2 {
                let s = (b * 2 + th) % 100 + 1;
                let round = (b * 2 + th) / 100;
                let now = C.now();
                let batch = SaleBatch { on_refusal: OnRefusal::RefuseAll, sales: (0..per).map(|i| SaleLine {
                    counter: round * per + i, occurred: now, lot: format!("L{s}"), product: "tomato".into(), stall: format!("A{s}"),
                    grams: Grams(10), fen_per_kg: Fen(600), amount_fen: Fen(6), nonce: format!("{:016x}", (u64::from(i)+1).wrapping_mul(0x9E3779B97F4A7C15 ^ u64::from(b))), offline: false }).collect() };
                let (bk, a) = (book.clone(), actor.clone());
                kernel.append_blocking(move |d| record_sales(d, &bk, s, &a, &batch)).unwrap();
            }
        }));
    }
    for h in handles { h.join().unwrap(); }
    let n = batches * per;
    let e = t.elapsed();
    println!("{n} sales in {e:?}: {:.0}/s  db {} B/sale", f64::from(n) / e.as_secs_f64(), std::fs::metadata(format!("{dir}/b.db")).unwrap().len() / u64::from(n));
    println!("audit {:?}", kernel.audit().unwrap());
    println!("replay {:?}", kernel.replay().unwrap());
}
