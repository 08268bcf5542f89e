//! What an independent reviewer did to a market on 28 November 2026, from next door and from outside: each is refused, and what
//! looks like it and is right goes on. docs/security.md lists them.

use base::UnitCode;
use harness::{Client, Town, User, enter, on_every_store, sale};
use kernel::NewToken;
use serde_json::{Value, json};

use crate::epcis::document;

const ENTRIES: &str = "/api/market/beiyuan/entries";
const SALES: &str = "/scale/v1/sales";
const QUERIES: &str = "/epcis/queries";

pub fn input(kind: &str, body: Value) -> Value {
    json!({ "kind": kind, "body": body })
}

/// Somebody with a token that the installation issued.
pub fn granted(town: &Town, grants: Value) -> (Client, String) {
    let token = NewToken {
        title: "a neighbour".into(),
        unit: UnitCode::new("371400").unwrap(),
        grants: serde_json::from_value(grants).unwrap(),
        expires: None,
    };
    let issued = town.site.kernel.issue_token(&base::ActorId::new("system:test").unwrap(), token).unwrap();
    (town.site.client().bearer(&issued.credential.unwrap()), issued.actor.to_string())
}

/// A sale of stall A2 that scale 1 reports.
fn at_other_stall(town: &Town, counter: u32, occurred: &str, offline: bool) -> (Client, Value) {
    let mut line = sale(counter, "L2", 140_000, occurred);
    line["stall"] = "A2".into();
    line["offline"] = offline.into();
    (town.scale(1), json!({ "sales": [line] }))
}

fn opened(gtin: &str) -> Value {
    let body =
        json!({ "title_zh": "市场", "title_en": "Market", "area_m2": 800, "built": null, "slip_gtin": gtin });
    input("market.market.opened", body)
}

const GTIN: &str = "06901234567892";
const OTHER_GTIN: &str = "06901234567908";
const THIRD_GTIN: &str = "06901234567915";

/// Events of somebody who lets a class of goods come out of many others, each of which came out of many more.
pub fn planted(class: &dyn Fn(usize) -> String) -> Vec<Value> {
    let classes = |numbers: &mut dyn Iterator<Item = usize>| -> Vec<Value> {
        numbers.map(|number| json!({ "epcClass": class(number) })).collect()
    };
    (0..4)
        .map(|at| {
            json!({
                "type": "TransformationEvent", "bizStep": "commissioning", "eventTime": "2026-03-09T08:00:00+08:00",
                "eventTimeZoneOffset": "+08:00", "inputQuantityList": classes(&mut (1..=200).map(|n| at * 200 + n)),
                "outputQuantityList": classes(&mut std::iter::once(at)),
            })
        })
        .collect()
}

on_every_store! {
    fn a_scale_sells_at_another_stall_only_what_it_sold_while_it_stood_there(town) {
        let before = town.fingerprint();
        for offline in [false, true] {
            let (scale, sold) = at_other_stall(&town, 900, &town.now(), offline);
            let refused = scale.post(SALES, &sold).expect(400).json();
            assert_eq!(refused["rule"], "foreign-lot", "{refused}");
        }
        let was = |town: &Town| {
            let lot = town.program(User::Inspector).get("/api/market/beiyuan/lots/L2").expect(200).json();
            (lot["lot"]["sold_g"].clone(), lot["breaches"].as_array().unwrap().len())
        };
        assert_eq!(was(&town), (json!(0), 0));
        // It sells at its own stall, is cut off, and is carried to the other one before it is heard of again.
        let operator = town.program(User::Operator);
        let (mut held_back, sold_at) = (sale(1, "L1", 500, &town.now()), town.now());
        held_back["offline"] = true.into();
        town.clock.advance_ms(600_000);
        operator.post(ENTRIES, &input("market.scale.moved", json!({ "scale": 1, "stall": "A2" }))).expect(201);
        town.clock.advance_ms(600_000);
        let late = json!({ "sales": [held_back] });
        let receipt = town.scale(1).post(SALES, &late).expect(200).json();
        assert_eq!(receipt["lines"][0]["outcome"], "recorded", "{receipt}");
        // What it sells now, it sells there and nowhere else; it did not before.
        let mut here = sale(2, "L2", 500, &town.now());
        here["stall"] = "A2".into();
        town.scale(1).post(SALES, &json!({ "sales": [here] })).expect(200);
        let mut still = sale(3, "L1", 500, &town.now());
        still["offline"] = true.into();
        assert_eq!(town.scale(1).post(SALES, &json!({ "sales": [still] })).expect(400).json()["rule"], "foreign-lot");
        // Goods that came later than the scale was there were not sold on it.
        operator.post(ENTRIES, &input("market.lot.received", town.lot("L9", 1_000))).expect(201);
        let mut dated_back = sale(4, "L9", 500, &sold_at);
        dated_back["offline"] = true.into();
        assert_eq!(town.scale(1).post(SALES, &json!({ "sales": [dated_back] })).expect(400).json()["rule"], "foreign-lot");
        assert!(town.fingerprint() != before);
        town.check();
    }

    fn nobody_is_given_goods_that_they_did_not_take(town) {
        let merchant = |merchant: &str| json!([{ "role": "merchant", "unit": "beiyuan-market", "line": "market", "subject": format!("merchant:beiyuan/{merchant}") }]);
        let (giver, taker) = (granted(&town, merchant("m1")).0, granted(&town, merchant("m2")).0);
        let goods = |new_lot: &str| json!({ "lot": "L1", "new_lot": new_lot, "to_stall": "A2", "to_merchant": "m2", "quantity_g": 40_000 });
        giver.post(ENTRIES, &input("market.lot.transferred", goods("L5"))).expect(403);
        let offered = giver.post(ENTRIES, &input("market.transfer.offered", goods("L5"))).expect(201).json()["entry"]["seq"].clone();
        let inspector = town.program(User::Inspector);
        let left = |lot: &str| inspector.get(&format!("/api/market/beiyuan/lots/{lot}")).expect(200).json()["lot"].clone();
        assert_eq!(left("L1")["moved_g"], 0);
        let accept = |offer: &Value| input("market.transfer.accepted", json!({ "offer": offer }));
        // Nobody but whom it was offered to takes it, and nothing else is taken for an offer.
        giver.post(ENTRIES, &accept(&offered)).expect(403);
        taker.post(ENTRIES, &accept(&json!(0))).expect(403);
        taker.post(ENTRIES, &input("market.transfer.offered", goods("L6"))).expect(403);
        taker.post(ENTRIES, &accept(&offered)).expect(201);
        assert_eq!((&left("L1")["moved_g"], &left("L5")["merchant"], &left("L5")["stall"]), (&json!(40_000), &json!("m2"), &json!("A2")));
        assert_eq!(taker.post(ENTRIES, &accept(&offered)).expect(409).json()["rule"], "exists");
        // More than is left is not offered, and an offer does not stand for ever.
        let more = json!({ "lot": "L1", "new_lot": "L7", "to_stall": "A2", "to_merchant": "m2", "quantity_g": 60_001 });
        assert_eq!(giver.post(ENTRIES, &input("market.transfer.offered", more)).expect(409).json()["rule"], "mass-balance");
        let stale = giver.post(ENTRIES, &input("market.transfer.offered", goods("L8"))).expect(201).json()["entry"]["seq"].clone();
        town.clock.advance_ms(24 * 3_600_000);
        taker.post(ENTRIES, &accept(&stale)).expect(403);
        // A merchant's own stalls, and the office that sees both, go on as before.
        let mut own = goods("L9");
        own["to_stall"] = "A1".into();
        own["to_merchant"] = "m1".into();
        own["quantity_g"] = 1_000.into();
        giver.post(ENTRIES, &input("market.lot.transferred", own)).expect(201);
        let mut by_office = goods("L10");
        by_office["quantity_g"] = 1_000.into();
        town.program(User::Operator).post(ENTRIES, &input("market.lot.transferred", by_office)).expect(201);
        // Who is offered more than is left by then is not told how much is.
        let mut most = goods("L11");
        most["quantity_g"] = 58_000.into();
        let offered = giver.post(ENTRIES, &input("market.transfer.offered", most)).expect(201).json()["entry"]["seq"].clone();
        let mut own = goods("L12");
        (own["to_stall"], own["to_merchant"], own["quantity_g"]) = ("A1".into(), "m1".into(), 1_000.into());
        giver.post(ENTRIES, &input("market.lot.transferred", own)).expect(201);
        let refused = taker.post(ENTRIES, &accept(&offered)).expect(409);
        assert_eq!(refused.json()["rule"], "mass-balance");
        assert!(!refused.text().contains("57"), "{}", refused.text());
        town.check();
    }

    fn a_merchant_finds_what_is_offered_on_its_page_and_takes_it_there(town) {
        let operator = town.program(User::Operator);
        let mut goods = json!({ "lot": "L2", "new_lot": "L5", "to_stall": "A1", "to_merchant": "m1", "quantity_g": 2_500 });
        let offered = operator.post(ENTRIES, &input("market.transfer.offered", goods.clone())).expect(201).json()["entry"]["seq"].clone();
        goods["new_lot"] = "L6".into();
        operator.post(ENTRIES, &input("market.transfer.offered", goods)).expect(201);
        let merchant = town.browser(User::Merchant).with("accept", "text/html");
        let form = format!("/market/beiyuan/record/accept?offer={offered}");
        assert!(merchant.get("/market/beiyuan/mine").expect(200).text().contains(&form));
        assert!(merchant.get(&form).expect(200).text().contains(&format!("value=\"{offered}\"")));
        let taken = merchant.post_form("/market/beiyuan/record/accept", &[("offer", &offered.to_string())]).expect(303);
        assert!(taken.header("location").starts_with("/market/beiyuan/mine?done="));
        let shown = merchant.get("/market/beiyuan/mine").expect(200).text();
        assert!(!shown.contains(&form) && shown.contains("L5"), "{shown}");
        merchant.get("/market/beiyuan/record/offer").expect(200);
    }

    fn the_queries_of_a_party_are_those_of_the_unit_that_named_it(town) {
        let of = |unit: &str| json!([{ "role": "supplier", "unit": unit, "line": "market", "subject": "supplier:acme" }]);
        let (ours, _) = granted(&town, of("beiyuan-market"));
        let (theirs, _) = granted(&town, of("xihai-market"));
        ours.post(QUERIES, &json!({ "name": "q1", "query": {} })).expect(201);
        let hook = json!({ "dest": "https://hooks.example/s3cret-path", "stream": true });
        ours.post(&format!("{QUERIES}/q1/subscriptions"), &hook).expect(201);
        assert_eq!(theirs.get(QUERIES).expect(200).json(), json!([]));
        for path in ["/q1", "/q1/events", "/q1/subscriptions"] {
            theirs.get(&format!("{QUERIES}{path}")).expect(404);
        }
        theirs.send("DELETE", &format!("{QUERIES}/q1"), None, &[]).unwrap().expect(404);
        theirs.post(QUERIES, &json!({ "name": "q1", "query": {} })).expect(201);
        // A renewed credential of the same party in the same unit has what the party named.
        let (renewed, _) = granted(&town, of("beiyuan-market"));
        assert_eq!(renewed.get(&format!("{QUERIES}/q1/subscriptions")).expect(200).json()[0]["dest"], hook["dest"]);
        renewed.send("DELETE", &format!("{QUERIES}/q1"), None, &[]).unwrap().expect(204);
        theirs.get(&format!("{QUERIES}/q1")).expect(200);
        town.check();
    }

    fn nobody_acts_on_behalf_of_a_credential_an_account_or_the_installation(town) {
        let admin = town.program(User::Admin);
        let (named, actor) = granted(&town, json!([{ "role": "supplier", "unit": "beiyuan-market", "line": "market" }]));
        named.post(QUERIES, &json!({ "name": "q1", "query": {} })).expect(201);
        let before = town.fingerprint();
        for subject in [actor.as_str(), "account:operator", "device:beiyuan/scale-1", "system:subscriptions", "public:web"] {
            let grant = json!({ "role": "supplier", "unit": "xihai-market", "line": "market", "subject": subject });
            let token = json!({ "title": "x", "unit": "xihai-market", "grants": [grant] });
            let device = json!({ "device": "till", "book": "xihai", "title": "x", "subject": subject, "role": "scale" });
            let mut given = grant.clone();
            given["grantee"] = actor.as_str().into();
            for (path, body) in [("/api/tokens", &token), ("/api/grants", &given), ("/api/devices", &device)] {
                let refused = admin.post(path, body).expect(400).json();
                assert_eq!((&refused["field"], &refused["rule"]), (&json!("subject"), &json!("reserved")), "{path} {subject}");
            }
            // One that was given before this was refused is on nobody's behalf.
            let (old, _) = granted(&town, json!([grant]));
            assert_eq!(old.get(QUERIES).expect(200).json(), json!([]), "{subject}");
        }
        let books: Vec<_> = town.fingerprint().into_iter().filter(|(book, ..)| book != "registry").collect();
        assert_eq!(books, before.into_iter().filter(|(book, ..)| book != "registry").collect::<Vec<_>>());
    }

    fn no_market_takes_the_gtin_of_another_nor_leaves_its_own_once_slips_carry_it(town) {
        let (operator, other) = (town.program(User::Operator), granted(&town, json!([{ "role": "operator", "unit": "xihai-market", "line": "market" }])).0);
        // The town's markets were opened alike; the second gets its own before anything is sold.
        let entries = |book: &str| format!("/api/market/{book}/entries");
        other.post(&entries("xihai"), &opened(OTHER_GTIN)).expect(201);
        let sold = json!({ "sales": [sale(1, "L1", 500, &town.now())] });
        let receipt = town.scale(1).post(SALES, &sold).expect(200).json();
        let slip = format!("/01/{GTIN}/21/{}", receipt["lines"][0]["slip"].as_str().unwrap());
        let anyone = town.program(User::Anonymous).with("accept", "text/html");
        anyone.get(&slip).expect(200);

        let before = town.fingerprint();
        let refused = other.post(&entries("xihai"), &opened(GTIN)).expect(409).json();
        assert_eq!((&refused["rule"], &refused["field"]), (&json!("exists"), &json!("body.slip_gtin")));
        let refused = operator.post(ENTRIES, &opened(THIRD_GTIN)).expect(409).json();
        assert_eq!((&refused["rule"], &refused["field"]), (&json!("slips-printed"), &json!("body.slip_gtin")));
        assert_eq!(town.fingerprint(), before);
        anyone.get(&slip).expect(200);
        // What is not on slips may be corrected, and a market that sold nothing may take another number.
        let mut renamed = opened(GTIN);
        renamed["body"]["title_zh"] = "北园便民市场".into();
        operator.post(ENTRIES, &renamed).expect(201);
        assert!(anyone.get(&slip).expect(200).text().contains("北园便民市场"));
        other.post(&entries("xihai"), &opened(THIRD_GTIN)).expect(201);
        town.check();
    }

    fn whoever_does_not_settle_the_complaints_of_a_market_complains_as_a_shopper(town) {
        let sold = json!({ "sales": [sale(1, "L1", 500, &town.now())] });
        let slip = town.scale(1).post(SALES, &sold).expect(200).json()["lines"][0]["slip"].clone();
        let complaint = |slip: &Value| {
            let body = json!({ "slip": slip, "text": "made up", "contact": null, "fair_scale_g": null });
            json!({ "kind": "market.complaint.filed", "occurred": "2023-01-01T00:00:00Z", "body": body })
        };
        let neighbour = granted(&town, json!([{ "role": "operator", "unit": "xihai-market", "line": "market" }])).0;
        let before = town.fingerprint();
        for stranger in [&town.program(User::Planner), &neighbour, &town.program(User::Merchant), &town.scale(1)] {
            let refused = stranger.post(ENTRIES, &complaint(&Value::Null)).expect(400).json();
            assert_eq!(refused["field"], "body.slip", "{refused}");
        }
        let books = |of: Vec<(String, u64, String)>| of.into_iter().filter(|(book, ..)| book != "registry").collect::<Vec<_>>();
        assert_eq!(books(town.fingerprint()), books(before));
        let seq = neighbour.post(ENTRIES, &complaint(&slip)).expect(201).json()["entry"]["seq"].as_u64().unwrap();
        let filed = town.site.kernel.entry(&town.book(), base::Seq(seq)).unwrap().unwrap();
        assert_eq!(filed.occurred, town.site.kernel.now(), "the server's time");
        let limited = (0..30).map(|_| neighbour.post(ENTRIES, &complaint(&slip))).find(|answer| answer.status == 429);
        assert!(limited.expect("a limit").header("retry-after").parse::<u64>().is_ok());
        // However many wait about a slip, its shopper is heard at the counter.
        for _ in 0..20 {
            let told = json!({ "slip": slip, "text": "made up", "contact": null, "fair_scale_g": null });
            enter(&town.site.kernel, &town.book(), "market.complaint.filed", told);
        }
        town.program(User::Operator).post(ENTRIES, &complaint(&slip)).expect(201);
        // Whoever takes complaints down does so for people without a slip, and for what happened before.
        for clerk in [User::Operator, User::Inspector] {
            let seq = town.program(clerk).post(ENTRIES, &complaint(&Value::Null)).expect(201).json()["entry"]["seq"].as_u64().unwrap();
            let filed = town.site.kernel.entry(&town.book(), base::Seq(seq)).unwrap().unwrap();
            assert_eq!(filed.occurred, base::Time::parse("2023-01-01T00:00:00Z").unwrap());
        }
        town.check();
    }

    fn a_slip_leads_back_a_little_way_however_much_was_planted_behind_it(town) {
        let supplier = granted(&town, json!([{ "role": "supplier", "unit": "beiyuan-market", "line": "market" }])).0;
        let class = |number: usize| format!("urn:epc:class:lgtin:4012345.012345.w{number}");
        for event in planted(&class) {
            supplier.post_bytes("/epcis/capture", "application/ld+json", document(&town.now(), json!([event])).to_string().as_bytes()).expect(202);
        }
        let operator = town.program(User::Operator);
        let mut lot = town.lot("L9", 20_000);
        lot["source"] = class(0).into();
        operator.post(ENTRIES, &input("market.lot.received", lot)).expect(201);
        let sold = |counter: u32, lot: &str| {
            let receipt = town.scale(1).post(SALES, &json!({ "sales": [sale(counter, lot, 500, &town.now())] })).expect(200).json();
            format!("/01/{GTIN}/21/{}?lang=en", receipt["lines"][0]["slip"].as_str().unwrap())
        };
        let (planted, plain) = (sold(1, "L9"), sold(2, "L1"));
        let anyone = town.program(User::Anonymous).with("accept", "text/html");
        const CUT: &str = "more behind this than a page follows";
        assert!(anyone.get(&planted).expect(200).text().contains(CUT));
        let shown = anyone.get(&plain).expect(200).text();
        assert!(!shown.contains(CUT) && shown.contains("山东寿光"), "{shown}");
        // Many at a time are answered, and the server is ready for others meanwhile.
        std::thread::scope(|scope| {
            let pages: Vec<_> = (0..8).map(|_| scope.spawn(|| anyone.get(&planted).status)).collect();
            town.program(User::Anonymous).get("/readyz").expect(200);
            operator.get("/api/market/beiyuan/lots").expect(200);
            assert!(pages.into_iter().all(|page| page.join().unwrap() == 200));
        });
        // A lot that came out of a held one is held, whatever else it is said to come from.
        let order = json!({ "lot": "L9", "reason": "order", "inspection": null, "note": null });
        town.program(User::Inspector).post(ENTRIES, &input("market.lot.held", order)).expect(201);
        assert!(anyone.get(&planted).expect(200).text().contains("role=\"alert\""));
        assert!(!anyone.get(&plain).expect(200).text().contains("role=\"alert\""));
    }

    fn whoever_may_not_read_takings_reads_no_weight_of_what_was_sold(town) {
        let sold = json!({ "sales": [sale(1, "L1", 12_340, &town.now())] });
        town.scale(1).post(SALES, &sold).expect(200);
        let [inspector, leader] = [User::Inspector, User::Leader].map(|user| town.program(user));
        let days = "unit=beiyuan-market&from=2026-03-01&to=2026-03-31";
        for part in ["/entries?", "/series?", "/breakdown?by=product&", "/provenance?", "?dimension=stall=A1&", "?"] {
            let grams = format!("/api/figures/market.sales.grams{part}{days}");
            assert_eq!(inspector.get(&grams).expect(403).json()["action"], "market.takings.read");
            assert!(leader.get(&grams).expect(200).text().contains("12340") || part == "/provenance?", "{part}");
        }
        let page = town.browser(User::Inspector).with("accept", "text/html");
        page.get(&format!("/figures/market.sales.grams?{days}")).expect(403);
        for path in ["/market", "/market/beiyuan"] {
            assert!(!page.get(path).expect(200).text().contains("market.sales.grams"), "{path}");
        }
    }
}
