//! The scale contract over a real Mosquitto, with the access list and the settings that are shipped.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use base::limits::{
    DEVICE_ENTRIES_OF_DAY_MAX, ENTRY_REQUEST_BYTES_MAX, REQUEST_BYTES_MAX, SCALE_MESSAGES_MAX,
};
use base::{ActorId, BookId, SubjectId, UnitCode};
use kernel::NewDevice;
use ledger::Body;
use line_market::kinds::{BlockAcknowledged, LotHeld, Sale};
use line_market::mqtt_bridge::{self, Bridge};
use line_market::state::{self, Blocks};
use mqtt::{Config, Incoming, Link, QoS};
use registry::{BookOpened, Level, UnitAdded};
use serde_json::{Value, json};
use shell::{App, Site, Texts};
use tokio::sync::mpsc;
use tokio::task::block_in_place;

use crate::bench::{Bench, book, time};

#[allow(dead_code, reason = "shared with the tests of the link")]
#[path = "../../../mqtt/tests/broker/mod.rs"]
mod broker;

use broker::{A_WHILE, Broker, SOON, connected, next};

/// The market beiyuan with lot L1 at stall A1, and scales 1 and 2 there, enrolled as devices.
struct Market {
    bench: Bench,
    book: BookId,
    broker: Broker,
}

fn installation() -> ActorId {
    ActorId::new("system:test").unwrap()
}

/// The settings that are shipped, without the places of one machine and what the tests' broker says itself.
fn settings_of(file: &Path) -> String {
    const OF_THE_MACHINE: [&str; 9] = [
        "listener",
        "cafile",
        "certfile",
        "keyfile",
        "password_file",
        "acl_file",
        "per_listener_settings",
        "persistence",
        "persistence_location",
    ];
    let text = std::fs::read_to_string(file).unwrap();
    let is_setting = |line: &&str| {
        let name = line.split_whitespace().next();
        name.is_some_and(|name| !name.starts_with('#') && !OF_THE_MACHINE.contains(&name))
    };
    text.lines().filter(is_setting).flat_map(|line| [line, "\n"]).collect()
}

fn unit(code: &str, parent: Option<&str>, level: Level) -> UnitAdded {
    let parent = parent.map(|parent| UnitCode::new(parent).unwrap());
    UnitAdded {
        code: UnitCode::new(code).unwrap(),
        parent,
        level,
        title_zh: "某地".into(),
        title_en: "Place".into(),
    }
}

impl Market {
    fn open() -> Option<Self> {
        let broker = Broker::start_with(|folder| {
            let passwords = folder.join("passwords");
            std::fs::write(&passwords, "").unwrap();
            for name in ["server", "beiyuan.1", "beiyuan.2"] {
                let mut command = Command::new("mosquitto_passwd");
                command.arg("-b").arg(&passwords).args([name, &format!("{name}-secret")]);
                assert!(command.status().unwrap().success());
            }
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mosquitto");
            format!(
                "password_file {}\nacl_file {}\n{}",
                passwords.display(),
                shipped.join("acl").display(),
                settings_of(&shipped.join("mosquitto.conf"))
            )
        })?;
        let market = Self { bench: Bench::new(), book: book("beiyuan"), broker };
        block_in_place(|| market.found());
        Some(market)
    }

    fn found(&self) {
        let kernel = &self.bench.kernel;
        kernel.bootstrap(unit("371400", None, Level::City)).unwrap();
        kernel.add_unit(&installation(), unit("beiyuan-market", Some("371400"), Level::Market)).unwrap();
        let opened = BookOpened {
            book: self.book.clone(),
            unit: UnitCode::new("beiyuan-market").unwrap(),
            line: "market".into(),
            title_zh: "北园市场".into(),
            title_en: "Beiyuan market".into(),
        };
        kernel.open_book(&installation(), opened).unwrap();
        self.bench.furnish(&self.book);
        let scale = json!({ "scale": 2, "stall": "A1", "serial": "S2", "seal": "F2", "verified": "2026-01-01", "verified_until": "2026-12-31", "fair": false });
        self.bench.record(&self.book, "market.scale.enrolled", scale).unwrap();
        self.bench.receive(&self.book, "L1", None);
        (1..=2).for_each(|number| self.enrol(&format!("a1-{number}"), number));
    }

    /// Enrols a device for a scale.
    fn enrol(&self, device: &str, scale: u32) {
        let device = NewDevice {
            device: device.into(),
            book: self.book.clone(),
            title: format!("A1 {scale}"),
            subject: SubjectId::local("scale", &self.book, &scale.to_string()).unwrap(),
            role: "scale".into(),
        };
        self.bench.kernel.issue_device(&installation(), device).unwrap();
    }

    fn config(&self, client: &str, user: &str) -> Config {
        let (username, password) = (Some(user.to_owned()), Some(format!("{user}-secret")));
        Config { username, password, payload_bytes_max: REQUEST_BYTES_MAX, ..self.broker.config(client) }
    }

    fn app(&self) -> App {
        let texts = Texts::new(Texts::SHELL.into_iter().chain(line_market::TEXTS)).unwrap();
        let site = Site {
            base_url: "http://127.0.0.1".into(),
            secure: false,
            trusted_proxies: Vec::new(),
            sends_mail: false,
            demonstration: false,
            device_entries_of_day_max: DEVICE_ENTRIES_OF_DAY_MAX,
            watch: shell::health::Watch::default(),
        };
        App::new(self.bench.kernel.clone(), Arc::new(texts), site, Vec::new(), Vec::new())
    }

    async fn bridge(&self) -> Bridge {
        self.bridge_of(self.app()).await
    }

    async fn bridge_of(&self, app: App) -> Bridge {
        let bridge = mqtt_bridge::start(app, self.config("taizhang", "server")).unwrap();
        broker::reached(&mut bridge.connection(), |state| *state == mqtt::State::Connected).await;
        bridge
    }

    async fn scale(&self, number: u32) -> Scale {
        let name = format!("beiyuan.{number}");
        let filters = ["receipt", "state"].map(|leaf| (topic(number, leaf), QoS::AtLeastOnce));
        let (link, incoming) = Link::connect(&self.config(&name, &name), filters.to_vec()).unwrap();
        connected(&link).await;
        Scale { number, link, incoming, receipts: Vec::new() }
    }

    /// Counters of the sales that are recorded, in the order of entries.
    fn sold(&self) -> Vec<u32> {
        let all =
            self.bench.kernel.read(|tx| kernel::entries::entries_from(tx, &self.book, base::Seq(0), 10_000));
        let all = all.unwrap().into_iter().map(|stored| stored.entry);
        let sales = all.filter(|entry| entry.kind.as_str() == Sale::KIND);
        sales.map(|entry| entry.body::<Sale>().unwrap().counter).collect()
    }

    /// Keeps the writer busy until the sender is dropped.
    fn hold_up(&self) -> std_mpsc::Sender<()> {
        let (open, gate) = std_mpsc::channel::<()>();
        let (tell, told) = std_mpsc::channel();
        let kernel = self.bench.kernel.clone();
        std::thread::spawn(move || {
            let held: Result<(), kernel::AppendError<()>> = kernel.append_blocking(move |_| {
                tell.send(()).unwrap();
                assert!(gate.recv().is_err(), "the gate opens when its sender is gone");
                Ok(())
            });
            held.unwrap();
        });
        block_in_place(|| told.recv()).unwrap();
        open
    }
}

fn topic(scale: u32, leaf: &str) -> String {
    format!("taizhang/v1/beiyuan/{scale}/{leaf}")
}

struct Scale {
    number: u32,
    link: Link,
    incoming: mpsc::Receiver<Incoming>,
    /// Receipts that came while a state was waited for.
    receipts: Vec<Value>,
}

impl Scale {
    async fn publish(&self, leaf: &str, body: impl ToString) {
        let topic = topic(self.number, leaf);
        self.link.publisher().publish(&topic, body.to_string(), QoS::AtLeastOnce, false).await.unwrap();
    }

    /// Batches of one sale each; returns when the broker has them all.
    async fn publish_each(&self, counters: std::ops::Range<u32>) {
        let mut flights = tokio::task::JoinSet::new();
        for counter in counters {
            let mut line = sale(counter);
            line["grams"] = json!(10);
            line["amount_fen"] = json!(7);
            let (publisher, topic) = (self.link.publisher(), topic(self.number, "sales"));
            let body = json!({ "sales": [line] }).to_string();
            flights.spawn(async move { publisher.publish(&topic, body, QoS::AtLeastOnce, false).await });
        }
        assert!(flights.join_all().await.iter().all(Result::is_ok));
    }

    async fn receipt(&mut self) -> Value {
        loop {
            if !self.receipts.is_empty() {
                return self.receipts.remove(0);
            }
            self.hear().await;
        }
    }

    /// The next state, and whether the broker had kept it.
    async fn state(&mut self) -> (Value, bool) {
        loop {
            if let Some(state) = self.hear().await {
                return state;
            }
        }
    }

    async fn state_with(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (state, _) = self.state().await;
            if wanted(&state) {
                return state;
            }
        }
    }

    async fn hear(&mut self) -> Option<(Value, bool)> {
        let message = next(&mut self.incoming).await;
        let payload = message.payload.unwrap();
        // An empty one takes back what was retained.
        let value: Value =
            if payload.is_empty() { Value::Null } else { serde_json::from_slice(&payload).unwrap() };
        message.ack.done();
        if message.topic.ends_with("/state") {
            return Some((value, message.retain));
        }
        assert!(!message.retain, "receipts are not retained");
        self.receipts.push(value);
        None
    }

    async fn hears_no_receipt(&mut self) {
        let heard = tokio::time::timeout(A_WHILE, self.receipt()).await;
        assert!(heard.is_err(), "no receipt was to come: {heard:?}");
    }
}

fn sale(counter: u32) -> Value {
    json!({
        "counter": counter, "occurred": "2026-03-01T00:00:00Z", "lot": "L1", "product": "tomato", "stall": "A1",
        "grams": 500, "fen_per_kg": 700, "amount_fen": 350, "nonce": format!("{counter:016x}"),
    })
}

fn batch(counters: impl IntoIterator<Item = u32>) -> Value {
    json!({ "sales": counters.into_iter().map(sale).collect::<Vec<_>>() })
}

fn outcomes(receipt: &Value) -> Vec<(u64, String)> {
    let lines = receipt["lines"].as_array().unwrap_or_else(|| panic!("no receipt: {receipt}"));
    lines
        .iter()
        .map(|line| (line["counter"].as_u64().unwrap(), line["outcome"].as_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_recorded_before_its_receipt_and_known_when_it_comes_again() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    scale.publish("sales", batch([1, 2])).await;
    let first = scale.receipt().await;
    assert_eq!(outcomes(&first), [(1, "recorded".to_owned()), (2, "recorded".to_owned())]);
    assert_eq!(market.sold(), [1, 2]);
    let seq = base::Seq(first["lines"][0]["seq"].as_u64().unwrap());
    let entry = market.bench.kernel.entry(&market.book, seq).unwrap().unwrap();
    assert_eq!(entry.actor.as_str(), "device:beiyuan/a1-1");
    assert_eq!(entry.occurred, time("2026-03-01T00:00:00Z"));

    scale.publish("sales", batch([1, 2])).await;
    let second = scale.receipt().await;
    assert_eq!(outcomes(&second), [(1, "known".to_owned()), (2, "known".to_owned())]);
    assert_eq!(second["lines"][0]["slip"], first["lines"][0]["slip"]);
    assert_eq!(market.sold(), [1, 2]);
    bridge.close().await;
    block_in_place(|| market.bench.check());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_without_a_device_that_may_weigh_has_no_state_at_the_broker() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    scale.state_with(|state| !state.is_null()).await;
    let kernel = &market.bench.kernel;
    block_in_place(|| kernel.revoke_device(&installation(), &market.book, "a1-1")).unwrap();
    scale.state_with(Value::is_null).await;
    // The other one stays.
    market.scale(2).await.state_with(|state| !state.is_null()).await;
    // What changes at the stall is not told to the one that was revoked; the same device under a new credential is told.
    block_in_place(|| market.bench.receive(&market.book, "L2", None));
    market
        .scale(2)
        .await
        .state_with(|state| state["lots"].as_array().is_some_and(|lots| lots.len() == 2))
        .await;
    let heard = tokio::time::timeout(A_WHILE, scale.state()).await;
    assert!(heard.is_err(), "{heard:?}");
    block_in_place(|| market.enrol("a1-1", 1));
    scale.state_with(|state| !state.is_null()).await;
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_comes_again_after_a_crash_and_is_neither_lost_nor_doubled() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    let gate = market.hold_up();
    scale.publish("sales", batch([1])).await;
    tokio::time::sleep(A_WHILE).await;
    drop(bridge);
    drop(gate);
    scale.publish("sales", batch([2])).await;
    scale.hears_no_receipt().await;

    let bridge = market.bridge().await;
    let (one, two) = (scale.receipt().await, scale.receipt().await);
    let mut counters: Vec<u64> = [one, two].iter().flat_map(outcomes).map(|(counter, _)| counter).collect();
    counters.sort_unstable();
    assert_eq!(counters, [1, 2]);
    let mut sold = market.sold();
    sold.sort_unstable();
    assert_eq!(sold, [1, 2]);
    bridge.close().await;

    let bridge = market.bridge().await;
    scale.hears_no_receipt().await;
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_is_closed_in_the_middle_of_its_work_leaves_the_message_to_the_next() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    let gate = market.hold_up();
    scale.publish("sales", batch([1])).await;
    tokio::time::sleep(A_WHILE).await;
    let begun = Instant::now();
    bridge.close().await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(gate);
    let bridge = market.bridge().await;
    assert_eq!(outcomes(&scale.receipt().await).len(), 1);
    assert_eq!(market.sold(), [1]);
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_reaches_the_scale_as_a_retained_block_and_its_acknowledgement_is_timed() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    let open = scale.state_with(|state| state["lots"] != json!([])).await;
    assert_eq!(open["lots"], json!([{ "lot": "L1", "product": "tomato", "left_g": 100_000 }]));
    assert_eq!(open["blocks"], json!([]));

    let order = json!({ "lot": "L1", "reason": "order", "inspection": null, "note": null });
    let begun = Instant::now();
    let held = block_in_place(|| market.bench.record(&market.book, LotHeld::KIND, order)).unwrap();
    let hold = held.entry.seq;
    let blocked = scale.state_with(|state| state["blocks"] != json!([])).await;
    eprintln!("the block arrived after {:?}", begun.elapsed());
    assert_eq!(blocked["blocks"][0]["hold"], json!(hold.0));
    assert_eq!(
        (&blocked["blocks"][0]["lot"], &blocked["blocks"][0]["acked_at"]),
        (&json!("L1"), &Value::Null)
    );
    assert_eq!(blocked["lots"], json!([]));

    let mut second = market.scale(2).await;
    let (first, retained) = second.state().await;
    assert!(retained, "a scale that comes later finds its state at the broker");
    // Its state is written after that of the first scale, and may come after it.
    let late = match first["blocks"] == json!([]) {
        true => second.state_with(|state| state["blocks"] != json!([])).await,
        false => first,
    };
    assert_eq!(late["blocks"][0]["scale"], 2);

    market.bench.clock.advance_ms(1_500);
    scale.publish("acks", json!({ "holds": [hold.0] })).await;
    let acked = scale.state_with(|state| state["blocks"][0]["acked_at"] != Value::Null).await;
    assert_eq!(acked["blocks"][0]["after_ms"], 1_500);
    let of_hold =
        market.bench.kernel.read(|tx| state::blocks(tx, &market.book, Blocks::OfHold(hold))).unwrap();
    let times: Vec<_> = of_hold.iter().map(|block| (block.scale, block.after_ms)).collect();
    assert_eq!(times, [(1, Some(1_500)), (2, None)]);

    scale.publish("acks", json!({ "holds": [hold.0] })).await;
    scale.publish("acks", json!({ "holds": [hold.0 + 1_000] })).await;
    let problem = scale.receipt().await;
    assert_eq!((&problem["rule"], &problem["holds"]), (&json!("no-block"), &json!([hold.0 + 1_000])));
    assert_eq!(problem["counters"], json!([]));
    let all = market
        .bench
        .kernel
        .read(|tx| kernel::entries::entries_from(tx, &market.book, base::Seq(0), 1_000))
        .unwrap();
    let acks = all.iter().filter(|stored| stored.entry.kind.as_str() == BlockAcknowledged::KIND).count();
    assert_eq!(acks, 1, "an acknowledgement that comes twice is recorded once");
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_list_keeps_a_scale_from_selling_in_the_name_of_another() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let (thief, mut honest) = (market.scale(1).await, market.scale(2).await);
    let forged = batch([7]).to_string();
    // A broker of MQTT 3.1.1 acknowledges what it forbids, and drops it.
    thief.link.publisher().publish(&topic(2, "sales"), forged, QoS::AtLeastOnce, false).await.unwrap();
    honest.hears_no_receipt().await;
    assert_eq!(market.sold(), [0_u32; 0]);
    honest.publish("sales", batch([8])).await;
    assert_eq!(outcomes(&honest.receipt().await), [(8, "recorded".to_owned())]);
    assert_eq!(market.sold(), [8]);
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_with_the_client_id_of_the_server_or_of_another_cuts_neither_off() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut other = market.scale(2).await;
    other.state_with(|state| !state.is_null()).await;
    let mut connection = bridge.connection();
    connection.borrow_and_update();
    let mut of_other = other.link.state();
    of_other.borrow_and_update();
    for client in ["taizhang", "server", "beiyuan.2"] {
        let config = Config { clean_session: true, ..market.config(client, "beiyuan.1") };
        let (link, _incoming) = Link::connect(&config, Vec::new()).unwrap();
        connected(&link).await;
        link.close().await;
    }
    tokio::time::sleep(A_WHILE).await;
    assert!(!connection.has_changed().unwrap(), "{:?}", *connection.borrow());
    assert!(!of_other.has_changed().unwrap(), "{:?}", *of_other.borrow());
    other.publish("sales", batch([1])).await;
    assert_eq!(outcomes(&other.receipt().await), [(1, "recorded".to_owned())]);
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_answered_with_a_problem_and_does_not_come_again() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    scale.publish("sales", "not json").await;
    let problem = scale.receipt().await;
    assert_eq!((&problem["status"], &problem["counters"]), (&json!(400), &json!([])));

    let mut misspelt = batch([7, 8]);
    misspelt["sales"][1]["weight"] = json!(1);
    scale.publish("sales", misspelt).await;
    let problem = scale.receipt().await;
    assert_eq!((&problem["status"], &problem["counters"]), (&json!(400), &json!([7, 8])));
    assert_eq!(problem["field"], "sales[1].weight");

    let mut unknown_lot = batch([9, 10]);
    unknown_lot["sales"][1]["lot"] = json!("L9");
    scale.publish("sales", unknown_lot).await;
    let problem = scale.receipt().await;
    assert_eq!((&problem["rule"], &problem["index"]), (&json!("unknown-lot"), &json!(1)));
    assert_eq!(problem["counters"], json!([9, 10]));

    let revoke = || market.bench.kernel.revoke_device(&installation(), &market.book, "a1-1");
    block_in_place(revoke).unwrap();
    scale.publish("sales", batch([11])).await;
    let problem = scale.receipt().await;
    // Nothing is read of whoever is not let in.
    assert_eq!((&problem["status"], &problem["counters"]), (&json!(403), &json!([])));
    assert_eq!(market.sold(), [0_u32; 0]);
    bridge.close().await;

    let bridge = market.bridge().await;
    scale.hears_no_receipt().await;
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_refuses_for_its_content_is_answered_and_keeps_nothing_behind_it() {
    // As a statement would that takes less than the rules do.
    const REFUSE: &str =
        "create trigger no_thirteen before insert on entry when new.body like '%\"counter\":13,%'
        begin select raise(abort, 'thirteen is not taken'); end";
    let Some(market) = Market::open() else { return };
    let refuse = |desk: &mut kernel::Desk<'_>| {
        desk.aside(REFUSE, Vec::new());
        Ok::<_, kernel::AppendError<()>>(())
    };
    block_in_place(|| market.bench.kernel.append_blocking(refuse)).unwrap();
    let bridge = market.bridge().await;
    let (mut scale, mut other) = (market.scale(1).await, market.scale(2).await);
    scale.publish("sales", batch([12, 13])).await;
    other.publish("sales", batch([13])).await;
    for scale in [&mut scale, &mut other] {
        let problem = scale.receipt().await;
        assert_eq!(problem["status"], 500, "{problem}");
        assert_eq!(problem["counters"].as_array().unwrap().last(), Some(&json!(13)));
    }
    scale.publish("sales", batch([12])).await;
    assert_eq!(outcomes(&scale.receipt().await), [(12, "recorded".to_owned())]);
    assert_eq!(market.sold(), [12]);
    bridge.close().await;

    let bridge = market.bridge().await;
    scale.hears_no_receipt().await;
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_batches_are_in_work_at_once_and_each_gets_its_receipt() {
    const BATCHES: u32 = 400;
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    let begun = Instant::now();
    let mut sent = u32::try_from(SCALE_MESSAGES_MAX).unwrap();
    scale.publish_each(0..sent).await;
    let mut counters = Vec::new();
    while counters.len() < BATCHES as usize {
        counters.extend(outcomes(&scale.receipt().await).into_iter().map(|(counter, _)| counter));
        assert!(begun.elapsed() < SOON, "{} of {BATCHES} receipts", counters.len());
        if sent < BATCHES {
            scale.publish_each(sent..sent + 1).await;
            sent += 1;
        }
    }
    let elapsed = begun.elapsed();
    eprintln!("{BATCHES} batches in {elapsed:?}: {:.0} a second", f64::from(BATCHES) / elapsed.as_secs_f64());
    counters.sort_unstable();
    assert!(counters.into_iter().eq(0..u64::from(BATCHES)));
    let mut sold = market.sold();
    sold.sort_unstable();
    assert!(sold.into_iter().eq(0..BATCHES));
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_whose_turns_are_taken_is_refused_at_once_and_keeps_no_other_waiting() {
    const BATCHES: u32 = 200;
    let Some(market) = Market::open() else { return };
    let app = market.app();
    let bridge = market.bridge_of(app.clone()).await;
    let (mut busy, mut other) = (market.scale(1).await, market.scale(2).await);
    let device = ActorId::new("device:beiyuan/a1-1").unwrap();
    let taken = app.limits.turns.to_send(&device, REQUEST_BYTES_MAX).await.unwrap();
    busy.publish_each(0..BATCHES).await;
    other.publish("sales", batch([1])).await;
    assert_eq!(outcomes(&other.receipt().await), [(1, "recorded".to_owned())]);
    let problem = busy.receipt().await;
    assert_eq!((&problem["status"], &problem["type"]), (&json!(429), &json!("/problems/too-many-requests")));
    assert_eq!(market.sold(), [1]);
    drop(taken);
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_of_one_scale_is_refused_while_the_rest_waits_and_others_are_answered() {
    const MORE: u32 = 100;
    let most = u32::try_from(SCALE_MESSAGES_MAX).unwrap();
    // As in the sample configuration.
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let (mut busy, mut other) = (market.scale(1).await, market.scale(2).await);
    let gate = market.hold_up();
    busy.publish_each(0..most + MORE).await;
    for _ in 0..most {
        let problem = busy.receipt().await;
        assert_eq!((&problem["status"], &problem["counters"]), (&json!(429), &json!([])));
    }
    other.publish("sales", json!({ "sales": [{ "counter": 7 }] })).await;
    let problem = other.receipt().await;
    assert_eq!((&problem["status"], &problem["counters"]), (&json!(400), &json!([7])));
    // What it confirms is not counted with what it sells.
    busy.publish("acks", json!({ "holds": ["x", 8] })).await;
    let confirmed = async {
        loop {
            let problem = busy.receipt().await;
            if problem["status"] != 429 {
                return problem;
            }
        }
    };
    let problem = confirmed.await;
    assert_eq!((&problem["status"], &problem["holds"]), (&json!(400), &json!([8])));
    drop(gate);
    let mut recorded = 0;
    while recorded < most {
        let receipt = busy.receipt().await;
        recorded += u32::from(receipt["lines"].is_array());
    }
    assert_eq!(market.sold().len(), most as usize);
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_that_had_much_refused_is_read_no_more_for_some_seconds_and_others_are_answered() {
    const REFUSALS_MAX: usize = 16;
    const WITHIN: Duration = Duration::from_secs(5);
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let (mut busy, mut other) = (market.scale(1).await, market.scale(2).await);
    for _ in 0..REFUSALS_MAX {
        busy.publish("sales", json!({ "sales": [{ "counter": 7 }] })).await;
        let problem = busy.receipt().await;
        assert_eq!((&problem["status"], &problem["counters"]), (&json!(400), &json!([7])));
    }
    busy.publish("sales", batch([8])).await;
    let problem = busy.receipt().await;
    assert_eq!((&problem["status"], &problem["counters"]), (&json!(429), &json!([])));
    assert!(problem["detail_zh"].as_str().unwrap().contains("被退回"), "{problem}");
    other.publish("sales", batch([1])).await;
    assert_eq!(outcomes(&other.receipt().await), [(1, "recorded".to_owned())]);
    // What it confirms is counted apart.
    busy.publish("acks", json!({ "holds": ["x", 8] })).await;
    assert_eq!(busy.receipt().await["status"], 400);
    tokio::time::sleep(WITHIN).await;
    busy.publish("sales", batch([8])).await;
    assert_eq!(outcomes(&busy.receipt().await), [(8, "recorded".to_owned())]);
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_revoked_while_its_batch_waits_for_the_writer_has_nothing_recorded() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    let gate = market.hold_up();
    let (kernel, book) = (market.bench.kernel.clone(), market.book.clone());
    let revoked = std::thread::spawn(move || kernel.revoke_device(&installation(), &book, "a1-1").map(drop));
    tokio::time::sleep(A_WHILE).await;
    scale.publish("sales", batch([1])).await;
    scale.publish("acks", json!({ "holds": [1] })).await;
    // Whoever looks at the device now finds it.
    tokio::time::sleep(A_WHILE).await;
    drop(gate);
    for _ in 0..2 {
        let problem = scale.receipt().await;
        assert_eq!((&problem["status"], &problem["counters"]), (&json!(403), &json!([])));
    }
    block_in_place(|| revoked.join().unwrap()).unwrap();
    assert_eq!(market.sold(), [0_u32; 0]);
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_took_the_place_of_one_whose_right_was_withdrawn_sells_for_the_scale() {
    const GRANT: &str = "select seq from access_grant where grantee = 'device:beiyuan/a1-1'";
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    scale.state_with(|state| !state.is_null()).await;
    let kernel = &market.bench.kernel;
    block_in_place(|| {
        let grant = kernel.read(|tx| tx.query_one(GRANT, &[])?.unwrap().int(0)).unwrap();
        kernel.withdraw_grant(&installation(), grant.unsigned_abs()).unwrap();
    });
    scale.state_with(Value::is_null).await;
    block_in_place(|| market.enrol("b1-1", 1));
    scale.state_with(|state| !state.is_null()).await;
    scale.publish("sales", batch([1])).await;
    assert_eq!(outcomes(&scale.receipt().await), [(1, "recorded".to_owned())]);
    assert_eq!(market.sold(), [1]);
    bridge.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_may_be_as_long_as_over_http_and_is_not_read_beyond() {
    let Some(market) = Market::open() else { return };
    let bridge = market.bridge().await;
    let mut scale = market.scale(1).await;
    for (more, status, holds) in [(0, 400, json!([1])), (1, 413, json!([]))] {
        let message = json!({ "holds": [1] }).to_string();
        let spaces = " ".repeat(ENTRY_REQUEST_BYTES_MAX - message.len() + more);
        scale.publish("acks", message + &spaces).await;
        let problem = scale.receipt().await;
        assert_eq!((&problem["status"], &problem["holds"]), (&json!(status), &holds));
    }
    // A name of the message's own length comes back cut.
    scale.publish("sales", format!(r#"{{"{}":1}}"#, "x".repeat(1_000_000))).await;
    let problem = scale.receipt().await;
    assert_eq!((&problem["status"], &problem["rule"]), (&json!(400), &json!("schema")));
    assert!(problem.to_string().len() < 10_000, "{}", problem.to_string().len());
    bridge.close().await;
}
