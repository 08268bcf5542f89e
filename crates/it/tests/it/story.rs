//! A day on the market: a lot is sold, fails its test, and every scale learns of it.

use harness::{StateStream, User, on_every_store, sale};
use serde_json::{Value, json};

on_every_store! {
    fn a_failed_lot_is_blocked_on_every_scale_and_what_was_sold_all_the_same_is_reported(town) {
        let operator = town.program(User::Operator);
        let received = json!({ "kind": "market.lot.received", "body": town.lot("L9", 20_000) });
        let received = operator.post("/api/market/beiyuan/entries", &received).expect(201).json();
        assert_eq!(received["entry"]["book"], "beiyuan");

        let scale = town.program(User::Scale);
        let mut stream = StateStream::open(&scale);
        let state = stream.next_state();
        assert_eq!(open_lots(&state), ["L1", "L9"]);
        let batch = json!({ "sales": [sale(1, "L9", 500, &town.now()), sale(2, "L9", 750, &town.now())] });
        let receipt = scale.post("/scale/v1/sales", &batch).expect(200).json();
        assert_eq!(receipt["lines"][1]["outcome"], "recorded");
        let again = scale.post("/scale/v1/sales", &batch).expect(200).json();
        assert_eq!(again["lines"][1]["outcome"], "known", "{again}");
        assert_eq!(again["lines"][1]["seq"], receipt["lines"][1]["seq"]);

        let inspector = town.program(User::Inspector);
        let failed = json!({ "kind": "market.inspection.recorded", "body": {
            "lot": "L9", "method": "enzyme-inhibition", "item": "organophosphate", "reading": "71 %", "limit": "50 %",
            "verdict": "fail", "retest_of": null } });
        let failed = inspector.post("/api/market/beiyuan/entries", &failed).expect(201).json();
        let hold = failed["holds"][0]["seq"].as_u64().expect("a failed test holds the lot");
        let state = stream.until(|state| state["blocks"] != json!([]));
        assert_eq!(open_lots(&state), ["L1"]);
        assert_eq!(state["blocks"][0]["hold"], hold);
        assert_eq!(state["blocks"][0]["acked_at"], Value::Null);

        town.clock.advance_ms(2_300);
        let acked = scale.post("/scale/v1/acks", &json!({ "holds": [hold] })).expect(200).json();
        assert_eq!(acked["recorded"].as_array().unwrap().len(), 1);
        let acked = scale.post("/scale/v1/acks", &json!({ "holds": [hold] })).expect(200).json();
        assert_eq!(acked["recorded"], json!([]), "a confirmation counts once");
        let lot = operator.get("/api/market/beiyuan/lots/L9").expect(200).json();
        assert_eq!(lot["blocks"][0]["scale"], 1, "{lot}");
        assert_eq!(lot["blocks"][0]["acked_at"], town.now(), "{lot}");
        assert_eq!(lot["lot"]["sold_g"], 1_250);

        let before = town.fingerprint();
        let online = json!({ "sales": [sale(3, "L9", 100, &town.now())] });
        let refused = scale.post("/scale/v1/sales", &online).expect(409).json();
        assert_eq!((&refused["rule"], &refused["index"]), (&json!("held-lot"), &json!(0)));
        assert_eq!(town.fingerprint(), before);

        let mut offline = sale(3, "L9", 100, &town.now());
        offline["offline"] = true.into();
        let receipt = scale.post("/scale/v1/sales", &json!({ "sales": [offline] })).expect(200).json();
        assert_eq!(receipt["lines"][0]["outcome"], "recorded");
        let breaches = inspector.get("/api/market/beiyuan/breaches").expect(200).json();
        assert_eq!((&breaches[0]["breach"], &breaches[0]["lot"]), (&json!("held_sale"), &json!("L9")), "{breaches}");
        assert_eq!(breaches[0]["hold"], hold);

        let recall = inspector.get("/api/market/beiyuan/lots/L9/recall").expect(200).json();
        assert_eq!(recall["slips_total"], 3, "{recall}");
        town.check();
    }

    fn a_leader_follows_a_figure_down_to_an_entry_and_verifies_its_proof_offline(town) {
        let scale = town.program(User::Scale);
        let lines: Vec<Value> = (1..=30).map(|n| sale(n, "L1", 100 * i64::from(n), &town.now())).collect();
        scale.post("/scale/v1/sales", &json!({ "sales": lines })).expect(200);

        let leader = town.program(User::Leader);
        let asked = "unit=371402&from=2026-03-10&to=2026-03-10";
        let value = leader.get(&format!("/api/figures/market.sales.amount?{asked}")).expect(200).json();
        let taken: i64 = (1..=30).map(|n| n * 100 * 700 / 1000).sum();
        assert_eq!(value["amount"], taken, "{value}");

        let (mut behind, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/figures/market.sales.amount/entries?{asked}&count=7{cursor}");
            let page = leader.get(&path).expect(200).json();
            behind.extend(page["entries"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(behind.len(), 30);
        assert_eq!(behind.iter().map(|entry| entry["amount"].as_i64().unwrap()).sum::<i64>(), taken);

        let entry = &behind[11];
        let (book, seq) = (entry["book"].as_str().unwrap(), &entry["seq"]);
        let shown = leader.get(&format!("/api/ledger/{book}/{seq}")).expect(200).json();
        assert_eq!(shown["body"]["amount_fen"], entry["amount"], "{shown}");
        let folder = tempfile::tempdir().unwrap();
        let keep = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let proof = keep("proof", &leader.get(entry["proof"].as_str().unwrap()).expect(200).text());
        let leaf = keep("leaf", &leader.get(&format!("/api/ledger/{book}/{seq}/leaf")).expect(200).text());
        let key = keep("key", &town.program(User::Anonymous).get("/log/key").expect(200).text());
        let verify = |leaf: &std::path::Path| {
            std::process::Command::new(crate::binary::path()).arg("verify").arg("--key").arg(&key).arg("--leaf").arg(leaf)
                .arg(&proof).output().unwrap()
        };
        let said = verify(&leaf);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let spoiled = keep("spoiled", &std::fs::read_to_string(&leaf).unwrap().replace("\"sale\"", "\"sold\"").replacen('1', "2", 1));
        assert!(!verify(&spoiled).status.success(), "a spoiled head is refused");
    }
}

fn open_lots(state: &Value) -> Vec<&str> {
    let mut lots: Vec<&str> =
        state["lots"].as_array().unwrap().iter().map(|lot| lot["lot"].as_str().unwrap()).collect();
    lots.sort_unstable();
    lots
}
