//! What a market may have, what falls due of it by the calendar, and what is told of goods and stalls that change hands.

use std::sync::Arc;

use base::limits::{MERCHANTS_MAX, SCALES_MAX, STALLS_MAX};
use base::{ActorId, Day, Seq, Time};
use harness::{Answer, Client, Engine, Town, User, on_every_store, sale};
use ledger::Body;
use line_market::kinds::{LotReceived, MerchantRegistered, ScaleEnrolled, StallOpened};
use line_market::record::{Input, record as decide};
use serde_json::{Value, json};
use store::Param;
use store::fault::{Answer as Fault, FaultStore, Faults, Step};

use crate::held::put;
use crate::nodes::node;
use crate::trespass::granted;

const ENTRIES: &str = "/api/market/beiyuan/entries";
const SALES: &str = "/scale/v1/sales";
const ANSWERING: &str = "post:beiyuan-market/operator";
const SUPERVISING: &str = "post:371402/bureau";
const DAY_MS: i64 = 24 * 3_600_000;
/// Scales that run out, more than are looked at in one turn of the writer.
const SCALES: usize = 450;

pub fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

pub fn dated(client: &Client, kind: &str, occurred: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "occurred": occurred, "body": body }))
}

/// What a refusal is called, and the field that it names.
pub fn refused(answer: Answer, status: u16) -> (String, String) {
    let problem = answer.expect(status).json();
    let text = |member: &str| problem[member].as_str().unwrap().to_owned();
    (text("rule"), text("field"))
}

pub fn of(rule: &str, field: &str) -> (String, String) {
    (rule.to_owned(), field.to_owned())
}

fn fair(scale: usize) -> Value {
    json!({ "scale": scale, "stall": null, "serial": format!("S{scale}"), "seal": "F1", "verified": "2026-01-01",
        "verified_until": "2026-04-10", "fair": true })
}

fn merchant(number: usize) -> Value {
    json!({ "merchant": format!("n{number}"), "title": "王记", "licence": null })
}

fn stall(number: usize) -> Value {
    json!({ "stall": format!("B{number}"), "zone": "dry", "food": "other", "area_dm2": 400 })
}

fn bodies<B: Body>(numbers: impl Iterator<Item = usize>, body: fn(usize) -> Value) -> Vec<B> {
    numbers.map(|number| serde_json::from_value(body(number)).unwrap()).collect()
}

/// Records one after the other in one job, as the installation.
fn load(town: &Town, kind: &'static str, bodies: Vec<Value>) {
    let (book, actor) = (town.book(), ActorId::new("system:test").unwrap());
    let loaded = town.site.kernel.append_blocking(move |desk| {
        for body in &bodies {
            let input = Input { kind: kind.into(), occurred: None, body: body.clone(), evidence: Vec::new() };
            decide(desk, &book, &actor, &input)?;
        }
        Ok(())
    });
    loaded.unwrap();
}

/// Posts that answer for the market, to which its duties are assigned.
fn assign(town: &Town) {
    town.holder("wei", &[ANSWERING]);
    town.holder("li", &[SUPERVISING]);
    let duties = json!({ "answering": ANSWERING, "supervising": SUPERVISING, "failed_test_workdays": 3,
        "breach_workdays": 2, "basis": "区市场监管局约定" });
    record(&town.program(User::Inspector), "market.duties.assigned", duties).expect(201);
}

fn let_to(operator: &Client, stall: &str, merchant: &str, occurred: Option<&str>) {
    let body = json!({ "stall": stall, "merchant": merchant, "from": "2026-03-10", "until": "2027-03-09", "fee_fen": 1 });
    let entry = json!({ "kind": "market.stall.leased", "occurred": occurred, "body": body });
    operator.post(ENTRIES, &entry).expect(201);
}

fn end_lease(operator: &Client, stall: &str, merchant: &str) {
    let body = json!({ "stall": stall, "merchant": merchant, "reason": "退租" });
    record(operator, "market.lease.ended", body).expect(201);
}

fn lot_at(lot: &str, merchant: &str, stall: &str) -> Value {
    json!({ "lot": lot, "merchant": merchant, "stall": stall, "product": "tomato", "quantity_g": 50_000,
        "supplier": "寿光蔬菜合作社", "origin": "山东寿光", "document": null, "source": null })
}

/// The moment, of which a sale may be told later; another minute has begun then.
fn moment(town: &Town) -> String {
    let now = town.now();
    town.clock.advance_ms(60_000);
    now
}

/// A scale that was cut off tells what it sold: what it broke.
fn broke(town: &Town, counter: u32, occurred: &str) -> Vec<String> {
    let mut line = sale(counter, "L1", 100, occurred);
    line["offline"] = true.into();
    town.scale(1).post(SALES, &json!({ "sales": [line] })).expect(200);
    let all = town.program(User::Inspector).get("/api/market/beiyuan/breaches").expect(200).json();
    let of_sale = all.as_array().unwrap().iter().filter(|it| it["counter"] == counter);
    of_sale.map(|it| it["breach"].as_str().unwrap().to_owned()).collect()
}

/// Entries that opened a matter for a verification, each with what it is about and when it counts from.
fn opened(town: &Town) -> Vec<(String, Time)> {
    let read = |tx: &mut dyn store::Tx| kernel::entries::entries_from(tx, &town.book(), Seq(0), 100_000);
    let entries = town.site.kernel.read(read).unwrap();
    let of = |entry: &ledger::Entry| {
        Some((entry.body::<matters::Opened>().ok()?.matter.to_string(), entry.occurred))
    };
    let mut opened: Vec<_> = entries.iter().filter_map(|stored| of(&stored.entry)).collect();
    opened.retain(|(matter, _)| matter.contains("verification-"));
    opened.sort();
    opened
}

/// A market of whose scales more run out within a month from the next day on than are looked at in one turn of the writer.
fn falls_due(town: &Town) {
    assign(town);
    load(town, "market.scale.enrolled", (101..101 + SCALES).map(fair).collect());
    town.settle();
    assert_eq!(opened(town), [], "more than a month is left");
    town.clock.advance_ms(DAY_MS);
}

/// Whether the clock is done with the day.
fn is_begun(town: &Town) -> bool {
    const DAY: &str = "select day from line_day where book = $1";
    let last = town.site.kernel.read(|tx| tx.query_one(DAY, &[Param::Text(town.book().as_str())])).unwrap();
    last.unwrap().int(0).unwrap() == i64::from(Day::parse("2026-03-11").unwrap().0)
}

/// Each once, from the beginning of the day on.
fn is_owed_once(town: &Town) {
    let opened = opened(town);
    let mut names: Vec<&str> = opened.iter().map(|(matter, _)| matter.as_str()).collect();
    names.dedup();
    assert_eq!((names.len(), opened.len()), (SCALES, SCALES));
    let midnight = Time::parse("2026-03-11T00:00:00+08:00").unwrap();
    assert!(opened.iter().all(|(_, from)| *from == midnight), "{opened:?}");
}

on_every_store! {
    fn a_market_has_so_many_scales_stalls_and_merchants(town) {
        let operator = town.program(User::Operator);
        put::<ScaleEnrolled>(&town, "L1", bodies(101..98 + SCALES_MAX, fair));
        put::<StallOpened>(&town, "L1", bodies(101..98 + STALLS_MAX, stall));
        put::<MerchantRegistered>(&town, "L1", bodies(101..98 + MERCHANTS_MAX, merchant));
        for (kind, body, last, rule, field) in [
            ("market.scale.enrolled", fair as fn(usize) -> Value, 90_000, "too-many-scales", "body.scale"),
            ("market.stall.opened", stall, 90_000, "too-many-stalls", "body.stall"),
            ("market.merchant.registered", merchant, 90_000, "too-many-merchants", "body.merchant"),
        ] {
            record(&operator, kind, body(last)).expect(201);
            let before = town.fingerprint();
            assert_eq!(refused(record(&operator, kind, body(last + 1)), 409), of(rule, field));
            assert_eq!(town.fingerprint(), before);
        }
        // What is amended is none more.
        record(&operator, "market.stall.opened", stall(90_000)).expect(201);
    }

    fn what_falls_due_on_a_day_is_owed_once_however_much_it_is(town) {
        falls_due(&town);
        town.settle();
        is_owed_once(&town);
        town.clock.advance_ms(DAY_MS);
        town.settle();
        is_owed_once(&town);
        town.check();
    }

    fn what_has_fallen_due_when_duties_are_assigned_is_owed_at_once_or_by_the_clock(town) {
        load(&town, "market.scale.enrolled", (101..101 + SCALES).map(fair).collect());
        town.clock.advance_ms(DAY_MS);
        town.settle();
        assign(&town);
        let first = opened(&town).len();
        assert!((100..SCALES).contains(&first), "{first} of them in the turn of whoever assigned them");
        town.settle();
        assert_eq!(opened(&town).len(), SCALES);
        town.check();
    }

    fn who_may_not_read_takings_is_not_told_which_lots_are_sold_out(town) {
        let [operator, inspector, merchant] = [User::Operator, User::Inspector, User::Merchant].map(|user| town.program(user));
        for (lot, grams) in [("L3", 1_000), ("L4", 1_000)] {
            record(&merchant, "market.lot.received", town.lot(lot, grams)).expect(201);
        }
        let sold = json!({ "sales": [sale(1, "L3", 1_000, &town.now())] });
        town.scale(1).post(SALES, &sold).expect(200);
        // What went to another stall or was thrown away whoever reads the list of lots adds up.
        record(&merchant, "market.lot.lost", json!({ "lot": "L4", "quantity_g": 1_000, "reason": "spoiled", "note": null })).expect(201);
        let siblings = |client: &Client| {
            let told = client.get("/api/market/beiyuan/lots/L2/recall").expect(200).json();
            let mut lots: Vec<String> = told["siblings"].as_array().unwrap().iter().map(|lot| lot["lot"].as_str().unwrap().to_owned()).collect();
            lots.sort();
            lots
        };
        assert_eq!(siblings(&operator), ["L1"]);
        assert_eq!(siblings(&inspector), ["L1", "L3"]);
        let failed = json!({ "lot": "L2", "method": "rapid", "item": "organophosphate", "reading": "62 %", "limit": null,
            "verdict": "fail", "retest_of": null });
        record(&inspector, "market.inspection.recorded", failed).expect(201);
        let flagged = |client: &Client, path: &str| {
            let file = client.with("accept", "text/html").get(&format!("/market/beiyuan/{path}export=csv&lang=zh-CN")).expect(200).text();
            let lots = ["L1", "L2", "L3", "L4"];
            let is_flagged = |lot: &&str| file.lines().any(|line| line.starts_with(lot) && line.contains("同供货方有批次不合格"));
            lots.into_iter().filter(is_flagged).collect::<Vec<_>>()
        };
        assert_eq!(flagged(&operator, "lots?"), ["L1"]);
        for path in ["lots?", "inspect?"] {
            assert_eq!(flagged(&inspector, path), ["L1", "L3"], "{path}");
        }
        // Of one lot the balance is told, and that is noted.
        assert_eq!(inspector.get("/api/market/beiyuan/lots/L3").expect(200).json()["flag"], Value::Null);
    }

    fn a_tenant_is_told_of_no_sale_of_the_one_before(town) {
        let operator = town.program(User::Operator);
        end_lease(&operator, "A2", "m2");
        let_to(&operator, "A2", "m1", None);
        town.clock.advance_ms(DAY_MS);
        // A scale that was left there and cut off sells what the former tenant left.
        let mut late = sale(1, "L2", 1_234, &town.now());
        (late["stall"], late["offline"]) = ("A2".into(), true.into());
        town.scale(2).post(SALES, &json!({ "sales": [late] })).expect(200);
        let merchant = town.program(User::Merchant).with("accept", "text/html");
        record(&town.program(User::Merchant), "market.lot.received", lot_at("L9", "m1", "A2")).expect(201);
        let mut own = sale(2, "L9", 2_000, &town.now());
        own["stall"] = "A2".into();
        town.scale(2).post(SALES, &json!({ "sales": [own] })).expect(200);
        let sales = merchant.get("/market/beiyuan/mine/sales?stall=A2").expect(200).text();
        assert!(sales.contains("2.000") && !sales.contains("1.234"), "{sales}");
        let mine = merchant.get("/market/beiyuan/mine").expect(200).text();
        assert!(mine.contains("14.00") && !mine.contains("22.63"), "what was taken: {mine}");
    }

    fn a_sale_of_the_days_between_two_leases_was_nobodys(town) {
        let operator = town.program(User::Operator);
        let first = moment(&town);
        end_lease(&operator, "A1", "m1");
        let between = moment(&town);
        // Whatever hour of the day the lease is written down for.
        let_to(&operator, "A1", "m1", Some("2026-03-10T07:00:00+08:00"));
        let again = moment(&town);
        assert_eq!(broke(&town, 1, &first), [] as [&str; 0]);
        assert_eq!(broke(&town, 2, &between), ["former_tenant"]);
        assert_eq!(broke(&town, 3, &again), [] as [&str; 0]);
        end_lease(&operator, "A1", "m1");
        let_to(&operator, "A1", "m2", None);
        let others = moment(&town);
        end_lease(&operator, "A1", "m2");
        let_to(&operator, "A1", "m1", None);
        assert_eq!(broke(&town, 4, &others), ["former_tenant"]);
        assert_eq!(broke(&town, 5, &moment(&town)), [] as [&str; 0]);
        town.check();
    }

    fn evidence_is_kept_in_the_book_of_whose_goods_it_shows(town) {
        let grant = json!([{ "role": "merchant", "unit": "371400", "line": "market", "subject": "merchant:beiyuan/m1" }]);
        let merchant = granted(&town, grant).0;
        let keep = |book: &str| merchant.post_bytes(&format!("/api/market/{book}/evidence"), "application/octet-stream", b"%PDF-1.4\n%%EOF\n");
        keep("beiyuan").expect(201);
        keep("xihai").expect(403);
    }

    fn nobody_weighs_under_an_account(town) {
        let (wei, admin) = (town.holder("wei", &[]), town.program(User::Admin));
        let grant = json!({ "grantee": "account:wei", "role": "scale", "unit": "beiyuan-market", "line": "market", "subject": "scale:beiyuan/1" });
        let before = town.fingerprint();
        assert_eq!(refused(admin.post("/api/grants", &grant), 400), of("reserved", "role"));
        assert_eq!(town.fingerprint(), before);
        // One that was given before this was refused weighs nothing.
        let role = access::Grant {
            role: "scale".into(),
            unit: base::UnitCode::new("beiyuan-market").unwrap(),
            line: Some("market".into()),
            subject: base::SubjectId::new("scale:beiyuan/1").ok(),
        };
        let grantee = ActorId::new("account:wei").unwrap();
        town.site.kernel.give_grant(&ActorId::new("system:test").unwrap(), &grantee, role).unwrap();
        let sold = json!({ "sales": [sale(1, "L1", 500, &town.now())] });
        wei.post(SALES, &sold).expect(403);
        wei.get("/scale/v1/state").expect(403);
        wei.post("/scale/v1/acks", &json!({ "holds": [] })).expect(403);
        town.scale(1).post(SALES, &sold).expect(200);
    }

    fn what_is_erased_of_a_complaint_keeps_no_other_from_being_owed(town) {
        assign(&town);
        let (anyone, admin) = (town.program(User::Anonymous), town.program(User::Admin));
        let sold = json!({ "sales": [sale(1, "L1", 500, &town.now())] });
        let slip = town.scale(1).post(SALES, &sold).expect(200).json()["lines"][0]["slip"].clone();
        let complain = || {
            let body = json!({ "slip": slip, "text": "短斤少两", "contact": "13800000000", "fair_scale_g": null });
            record(&anyone, "market.complaint.filed", body).expect(201).json()["entry"]["seq"].as_u64().unwrap()
        };
        let mut complaints: Vec<u64> = (0..3).map(|_| complain()).collect();
        // As many of one slip are kept on a day.
        town.clock.advance_ms(DAY_MS);
        town.settle();
        complaints.extend([complain(), complain()]);
        let bureau = town.holder_again("li");
        let status = |seq: u64| bureau.get(&format!("/api/matters/beiyuan/complaint-{seq}")).status;
        let owed = || complaints.iter().map(|seq| status(*seq) == 200).collect::<Vec<_>>();
        assert_eq!(owed(), [true, true, true, false, false]);
        for seq in &complaints[..3] {
            let reason = json!({ "reason": "本人申请", "legal_basis": "个人信息保护法第四十七条" });
            admin.post(&format!("/api/ledger/beiyuan/{seq}/erase"), &reason).expect(201);
        }
        for (closed, seq) in complaints[..2].iter().enumerate() {
            let step = json!({ "verb": "cancelled", "reason": "已办结", "approver": SUPERVISING });
            let address = format!("/api/matters/beiyuan/complaint-{seq}/moves");
            bureau.post(&address, &json!({ "expected": 0, "move": step })).expect(201);
            assert_eq!(owed()[3..], [true, closed > 0]);
        }
        town.check();
    }

    fn a_scale_stands_elsewhere_from_when_that_was_recorded(town) {
        let operator = town.program(User::Operator);
        let carry = |stall: &str, occurred: &str| {
            let body = json!({ "scale": 1, "stall": stall });
            dated(&operator, "market.scale.moved", occurred, body).expect(201);
        };
        let hours_ago = |hours: i64| Time(town.site.kernel.now().0 - hours * 3_600_000).to_string();
        let sell = |counter: u32, (lot, stall): (&str, &str), occurred: &str| {
            let mut line = sale(counter, lot, 100, occurred);
            (line["stall"], line["offline"]) = (stall.into(), true.into());
            town.scale(1).post(SALES, &json!({ "sales": [line] }))
        };
        town.clock.advance_ms(6 * 3_600_000);
        carry("A2", &hours_ago(4));
        sell(1, ("L1", "A1"), &hours_ago(2)).expect(200);
        town.clock.advance_ms(3_600_000);
        carry("A1", &town.now());
        assert_eq!(refused(sell(2, ("L2", "A2"), &hours_ago(3)), 400), of("foreign-lot", "lot"));
        let there = Time(town.site.kernel.now().0 - 1_800_000).to_string();
        sell(3, ("L2", "A2"), &there).expect(200);
        town.check();
    }

    fn the_source_of_a_lot_is_an_identifier_of_goods(town) {
        let merchant = town.program(User::Merchant);
        let receive = |lot: &str, source: &str| {
            let mut body = town.lot(lot, 1_000);
            body["source"] = source.into();
            record(&merchant, "market.lot.received", body)
        };
        let before = town.fingerprint();
        for source in ["account:alice", "foo:bar", "urn:epc:id:gid:1.2.3", "https://example.org/a", "urn:epc:id:sgtin:4012345.012345"] {
            assert_eq!(refused(receive("N1", source), 400), of("body", "body.source"), "{source}");
        }
        assert_eq!(town.fingerprint(), before);
        for (lot, source) in [
            ("N1", "urn:epc:class:lgtin:4012345.012345.crate9"),
            ("N2", "urn:epc:id:sgtin:4012345.012345.7"),
            ("N3", "https://id.gs1.org/01/09521371001010/10/W1"),
            ("N4", "https://example.org/01/09521371001010"),
            ("N5", "urn:epc:id:sscc:4012345.0123456789"),
        ] {
            receive(lot, source).expect(201);
        }
        // What was recorded before this was refused stays readable.
        let mut old = town.lot("N6", 1_000);
        old["source"] = "foo:bar".into();
        put::<LotReceived>(&town, "N6", vec![serde_json::from_value(old).unwrap()]);
        assert_eq!(merchant.with("accept", "text/html").get("/market/beiyuan/lots/N6").expect(200).status, 200);
        town.check();
    }

    fn so_many_complaints_without_a_slip_are_taken_down_on_a_day(town) {
        let operator = town.program(User::Operator);
        let complaint = |slip: &Value| json!({ "slip": slip, "text": "短斤少两", "contact": null, "fair_scale_g": null });
        let sold = json!({ "sales": [sale(1, "L1", 500, &town.now())] });
        let slip = town.scale(1).post(SALES, &sold).expect(200).json()["lines"][0]["slip"].clone();
        let file = |slip: &Value| record(&operator, "market.complaint.filed", complaint(slip));
        // What the installation loads is not counted.
        load(&town, "market.complaint.filed", vec![complaint(&Value::Null)]);
        (0..100).for_each(|_| drop(file(&Value::Null).expect(201)));
        let before = town.fingerprint();
        let full = of("too-many-complaints-of-day", "body.slip");
        assert_eq!(refused(file(&Value::Null), 409), full);
        // Nor of another day.
        assert_eq!(refused(dated(&operator, "market.complaint.filed", "2026-03-01T08:00:00+08:00", complaint(&Value::Null)), 409), full);
        assert_eq!(town.fingerprint(), before);
        file(&slip).expect(201);
        town.clock.advance_ms(DAY_MS);
        file(&Value::Null).expect(201);
    }

    fn the_file_of_a_lot_has_nothing_signed_that_is_signed_already(town) {
        let inspector = town.program(User::Inspector).with("accept", "text/html");
        let kept = || {
            const KEPT: &str = "select count(*) from checkpoint where book = $1";
            town.site.kernel.read(|tx| tx.query_one(KEPT, &[Param::Text(town.book().as_str())])).unwrap().unwrap().int(0).unwrap()
        };
        let before = kept();
        for number in 0..3 {
            let body = json!({ "lot": "L1", "method": "rapid", "item": format!("i{number}"), "reading": "1 %", "limit": null,
                "verdict": "pass", "retest_of": null });
            let seq = record(&town.program(User::Inspector), "market.inspection.recorded", body).expect(201).json()["entry"]["seq"].as_u64().unwrap();
            let file = inspector.get("/market/beiyuan/lots/L1/file").expect(200).text();
            // Every entry of the file is in the tree of the checkpoint below it.
            let (_, note) = file.rsplit_once("/beiyuan</code><br><code>").unwrap();
            let size: u64 = note.split_once('<').unwrap().0.parse().unwrap();
            assert!(file.contains(&format!("/ledger/beiyuan/{seq}\"")) && size > seq, "{size} of {seq}");
        }
        assert_eq!(kept(), before + 1);
        town.clock.advance_ms(5_000);
        inspector.get("/market/beiyuan/lots/L1/file").expect(200);
        assert_eq!(kept(), before + 2);
    }
}

#[test]
fn a_day_that_broke_off_is_gone_on_with_and_nothing_is_owed_twice() {
    let place = Engine::Sqlite.place().unwrap();
    let faults = Faults::none();
    let store = Arc::new(FaultStore::new(place.store(), faults.clone()));
    let town = Town::on_store(place, store);
    falls_due(&town);
    let mut owed = vec![0];
    // Twice in a row it breaks at the same place, before and after what was done is on disk.
    for turn in 0.. {
        let commits = turn / 2 + 1;
        let persist = turn % 2 == 1;
        let mut left = commits;
        faults.replan(move |_, step| {
            left -= u64::from(step == Step::Commit && left > 0);
            if step == Step::Commit && left == 0 { Fault::Break { persist } } else { Fault::Ok }
        });
        let tended = town.site.kernel.tend_days();
        faults.heal();
        owed.push(opened(&town).len());
        assert!(owed.is_sorted(), "{owed:?}");
        if tended.is_ok() && is_begun(&town) {
            break;
        }
    }
    owed.dedup();
    assert!(owed.len() > 3, "it was done in parts: {owed:?}");
    is_owed_once(&town);
    town.check();
}

#[test]
fn two_nodes_that_begin_a_day_owe_nothing_twice() {
    let Some(place) = Engine::Postgres.place() else { return };
    let town = Town::on(place);
    let other = node(&town.place, town.clock.clone());
    falls_due(&town);
    std::thread::scope(|scope| {
        for kernel in [&town.site.kernel, &other] {
            scope.spawn(|| kernel.tend_days().unwrap());
        }
    });
    other.stop();
    is_owed_once(&town);
    town.check();
}
