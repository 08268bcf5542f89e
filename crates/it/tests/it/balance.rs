//! By the posted prices, what was sold of every lot is what every stall took: whoever may not read takings is told the balance of
//! the lot at hand, which is noted, and of lots that are held, and no list of it.

use harness::{Client, Town, User, on_every_store, sale};
use serde_json::{Value, json};

use crate::trespass::input;

const ENTRIES: &str = "/api/market/beiyuan/entries";
const LOTS: &str = "/api/market/beiyuan/lots";
const TAKINGS: &str = "market.takings.read";
/// What is sold of the hundred kilograms of L1, and what that leaves, as pages and files have them.
const SOLD: &str = "12.340";
const LEFT: &str = "87.660";

fn sell(town: &Town) {
    let sold = json!({ "sales": [sale(1, "L1", 12_340, &town.now())] });
    town.scale(1).post("/scale/v1/sales", &sold).expect(200);
}

/// What was sold of a lot, and which right is missing to be told, as the list has them.
fn listed(client: &Client, code: &str) -> (Value, Value) {
    let lots = client.get(LOTS).expect(200).json();
    let lot = lots.as_array().unwrap().iter().find(|lot| lot["lot"] == code).unwrap().clone();
    assert_eq!(lot["received_g"], 100_000);
    (lot["sold_g"].clone(), lot["withheld"].clone())
}

fn page(client: &Client, path: &str) -> String {
    client.with("accept", "text/html").get(&format!("/market/beiyuan{path}lang=zh-CN")).expect(200).text()
}

/// How often the log says that somebody read the balance of L1; it is written behind what came before it.
fn noted(town: &Town) -> usize {
    town.program(User::Operator);
    let reads = town.program(User::Auditor).get("/api/reads").expect(200).text();
    reads.matches("balance of lot beiyuan/L1").count()
}

on_every_store! {
    fn the_balance_of_lots_is_listed_to_those_who_may_read_takings(town) {
        sell(&town);
        let [operator, inspector, merchant] = [User::Operator, User::Inspector, User::Merchant].map(|user| town.program(user));
        assert_eq!(listed(&operator, "L1"), (json!(12_340), Value::Null));
        for lot in ["L1", "L2"] {
            assert_eq!(listed(&inspector, lot), (Value::Null, json!(TAKINGS)));
        }
        for client in [&operator, &merchant] {
            assert!(page(client, "/lots?").contains(LEFT) && page(client, "/lots?export=csv&").contains(LEFT));
            page(client, "/lots?sort=-left_g&");
        }
        for path in ["/lots?", "/lots?export=csv&", "/inspect?", "/inspect?export=csv&", "/inspect?sort=left&"] {
            let shown = page(&inspector, path);
            assert!(!shown.contains(LEFT), "{path}: {shown}");
            assert!(shown.contains("结余（千克，仅列停售批次）") && shown.contains("未列出"), "{path}: {shown}");
        }
        // Nor is the order told in which they sell.
        inspector.with("accept", "text/html").get("/market/beiyuan/lots?sort=-left_g").expect(400);

        // A recall of what was never held tells no more, nor of the other lots of its supplier.
        let path = format!("{LOTS}/L2/recall");
        let (seen, whole) = (inspector.get(&path).expect(200).json(), operator.get(&path).expect(200).json());
        for member in ["slips_total", "sold_g", "left_g", "accounted_g"] {
            assert!(seen[member].is_null() && whole[member].is_u64(), "{member}: {seen}");
        }
        assert_eq!((&seen["lot"]["sold_g"], &seen["withheld"]), (&Value::Null, &json!(TAKINGS)));
        assert_eq!((&seen["siblings"][0]["lot"], &seen["siblings"][0]["sold_g"]), (&json!("L1"), &Value::Null));
        assert_eq!(whole["siblings"][0]["sold_g"], 12_340);
        for lot in ["L1", "L2"] {
            assert!(!page(&inspector, &format!("/lots/{lot}/recall?")).contains(LEFT), "{lot}");
            assert!(page(&operator, &format!("/lots/{lot}/recall?")).contains(LEFT), "{lot}");
        }
        let file = inspector.get("/market/beiyuan/lots/L1/file.json").expect(200).json();
        assert_eq!((&file["lot"]["sold_g"], &file["lot"]["withheld"]), (&Value::Null, &json!(TAKINGS)));
        assert_eq!(noted(&town), 0);
        let reads = town.program(User::Auditor).get("/api/reads").expect(200).text();
        // Over the API and on its page; and the list that an inspector took along.
        assert_eq!(reads.matches("recall of lot beiyuan/L2").count(), 2, "{reads}");
        assert_eq!(reads.matches("lots beiyuan as a file").count(), 4, "{reads}");
    }

    fn who_stands_before_a_lot_is_told_its_balance_and_without_takings_that_is_noted(town) {
        sell(&town);
        let path = format!("{LOTS}/L1");
        for user in [User::Operator, User::Merchant] {
            let shown = page(&town.program(user), "/lots/L1?");
            assert!(shown.contains(SOLD) && shown.contains(LEFT) && shown.contains("涉及小票"), "{shown}");
        }
        assert_eq!(town.program(User::Operator).get(&path).expect(200).json()["lot"]["sold_g"], 12_340);
        assert_eq!(noted(&town), 0);

        let inspector = town.program(User::Inspector);
        assert_eq!(inspector.get(&path).expect(200).json()["lot"]["sold_g"], 12_340);
        let shown = page(&inspector, "/lots/L1?");
        assert!(shown.contains(LEFT) && shown.contains("查看营业额") && !shown.contains(SOLD), "{shown}");
        assert_eq!(noted(&town), 2);
    }

    fn the_balance_of_a_lot_that_is_held_is_everybodys_who_watches_over_it(town) {
        sell(&town);
        let inspector = town.program(User::Inspector);
        let record = |kind: &str, body: Value| inspector.post(ENTRIES, &input(kind, body)).expect(201).json();
        let order = json!({ "lot": "L1", "reason": "order", "inspection": null, "note": null });
        let hold = record("market.lot.held", order)["entry"]["seq"].clone();
        assert_eq!(listed(&inspector, "L1"), (json!(12_340), Value::Null));
        assert_eq!(listed(&inspector, "L2"), (Value::Null, json!(TAKINGS)));
        for path in ["/lots?", "/lots?export=csv&", "/inspect?", "/holds?", "/lots/L1/recall?"] {
            assert!(page(&inspector, path).contains(LEFT), "{path}");
        }

        // Once it is released, lists are silent again; the recall of the lot and its page go on telling.
        record("market.lot.released", json!({ "lot": "L1", "hold": hold, "inspection": null, "reason": "误报" }));
        assert_eq!(listed(&inspector, "L1"), (Value::Null, json!(TAKINGS)));
        assert!(!page(&inspector, "/lots?").contains(LEFT));
        let recall = inspector.get(&format!("{LOTS}/L1/recall")).expect(200).json();
        assert_eq!((&recall["slips_total"], &recall["sold_g"], &recall["left_g"]), (&json!(1), &json!(12_340), &json!(87_660)));
        let file = inspector.get("/market/beiyuan/lots/L1/file.json").expect(200).json();
        assert_eq!((&recall["lot"]["sold_g"], &file["lot"]["sold_g"]), (&json!(12_340), &json!(12_340)));
        assert!(page(&inspector, "/lots/L1?").contains(SOLD));
        town.check();
    }
}
