//! What is refused, how it says so, and that nothing of it is recorded.

use base::limits::{EVIDENCE_BYTES_MAX, REQUEST_BYTES_MAX};
use harness::{Answer, Client, JSON, Town, User, on_every_store, sale};
use serde_json::{Value, json};

const SALES: &str = "/scale/v1/sales";
const ENTRIES: &str = "/api/market/beiyuan/entries";
const EVIDENCE: &str = "/api/market/beiyuan/evidence";

/// A problem document in both languages with this status, field and rule.
#[track_caller]
fn problem(answer: &Answer, status: u16, field: Option<&str>, rule: Option<&str>) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{problem}");
    for member in ["type", "title_zh", "title_en", "detail_zh", "detail_en"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
    }
    assert!(problem["detail_zh"].as_str().unwrap().chars().any(|c| c > '\u{4e00}'), "{problem}");
    if let Some(field) = field {
        assert_eq!(problem["field"], field, "{problem}");
    }
    if let Some(rule) = rule {
        assert_eq!(problem["rule"], rule, "{problem}");
    }
    problem
}

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

/// A sale with some members replaced.
fn changed(town: &Town, counter: u32, members: Value) -> Value {
    let mut line = sale(counter, "L1", 500, &town.now());
    for (name, value) in members.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

on_every_store! {
    fn a_sale_that_breaks_a_rule_is_refused_with_its_index_and_nothing_of_its_batch_is_recorded(town) {
        let scale = town.program(User::Scale);
        let inspector = town.program(User::Inspector);
        record(&town.program(User::Operator), "market.lot.received", town.lot("L3", 5_000)).expect(201);
        let order = json!({ "lot": "L3", "reason": "order", "inspection": null, "note": null });
        record(&inspector, "market.lot.held", order).expect(201);
        scale.post(SALES, &json!({ "sales": [sale(1, "L1", 500, &town.now())] })).expect(200);
        let before = town.fingerprint();
        for (members, status, field, rule) in [
            (json!({ "grams": -500, "amount_fen": -350 }), 400, "grams", "body"),
            (json!({ "grams": 0, "amount_fen": 0 }), 400, "grams", "body"),
            (json!({ "grams": 600_000, "amount_fen": 420_000 }), 400, "grams", "body"),
            (json!({ "grams": i64::MAX }), 400, "grams", "body"),
            (json!({ "amount_fen": 1 }), 400, "amount_fen", "body"),
            (json!({ "fen_per_kg": 0, "amount_fen": 0 }), 400, "fen_per_kg", "body"),
            (json!({ "nonce": "short" }), 400, "nonce", "body"),
            (json!({ "occurred": "2026-03-10T09:00:00+08:00" }), 400, "occurred", "future-time"),
            (json!({ "lot": "L404" }), 400, "lot", "unknown-lot"),
            (json!({ "lot": "L2" }), 400, "lot", "foreign-lot"),
            (json!({ "product": "pork" }), 400, "product", "product-mismatch"),
            (json!({ "lot": "L3" }), 409, "lot", "held-lot"),
            (json!({ "grams": 99_501, "amount_fen": 69_650 }), 409, "grams", "mass-balance"),
            (json!({ "counter": 1, "nonce": format!("{:016x}", 7_919), "grams": 600, "amount_fen": 420 }), 409, "counter", "counter-reused"),
            (json!({ "counter": 1, "nonce": "00000000000000aa" }), 409, "counter", "counter-reused"),
            (json!({ "counter": 2, "grams": 600, "amount_fen": 420 }), 409, "counter", "counter-reused"),
            (json!({ "lot": "L\u{0}1" }), 400, "lot", "body"),
        ] {
            let batch = json!({ "sales": [sale(2, "L1", 500, &town.now()), changed(&town, 3, members.clone())] });
            let answer = scale.post(SALES, &batch);
            assert_eq!(answer.status, status, "{members}: {}", answer.text());
            let refused = problem(&answer, status, None, None);
            assert_eq!((&refused["field"], &refused["rule"], &refused["index"]), (&json!(field), &json!(rule), &json!(1)), "{members}");
        }
        assert_eq!(town.fingerprint(), before);
    }

    fn a_batch_that_asks_for_it_loses_only_its_refused_lines(town) {
        let scale = town.program(User::Scale);
        let batch = json!({ "on_refusal": "skip_line", "sales": [
            sale(1, "L1", 500, &town.now()), changed(&town, 2, json!({ "lot": "L2" })), sale(3, "L1", 500, &town.now()),
        ]});
        let receipt = scale.post(SALES, &batch).expect(200).json();
        let outcomes: Vec<&str> = receipt["lines"].as_array().unwrap().iter().map(|line| line["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["recorded", "refused", "recorded"]);
        assert_eq!((&receipt["lines"][1]["index"], &receipt["lines"][1]["rule"]), (&json!(1), &json!("foreign-lot")));
        let lot = town.program(User::Operator).get("/api/market/beiyuan/lots/L1").expect(200).json();
        assert_eq!(lot["lot"]["sold_g"], 1_000);
        town.check();
    }

    fn a_document_that_cannot_be_read_is_refused_before_anything_else(town) {
        let scale = town.program(User::Scale);
        let before = town.fingerprint();
        let line = sale(1, "L1", 500, &town.now()).to_string();
        let deep = format!("{{\"sales\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let huge = line.replace("\"grams\":500", &format!("\"grams\":1{}", "0".repeat(5_000)));
        for (text, field, rule) in [
            (String::new(), "", "json"),
            ("{\"sales\":[".to_owned(), "sales", "json"),
            ("null".to_owned(), "", "schema"),
            (format!("{{\"sales\":[{line}]}}x"), "", "json"),
            (deep, "sales[0][0]", "schema"),
            (format!("{{\"sales\":[{huge}]}}"), "sales[0].grams", "json"),
            (format!("{{\"sales\":[{}]}}", line.replace("500", "1e999")), "sales[0].grams", "json"),
            (format!("{{\"sales\":[{}]}}", line.replace("500", "0.5")), "sales[0].grams", "schema"),
            (format!("{{\"sales\":[{}]}}", line.replace("500", "\"500\"")), "sales[0].grams", "schema"),
            (format!("{{\"sales\":[{}]}}", line.replace("\"counter\":1", "\"counter\":-1")), "sales[0].counter", "schema"),
            (format!("{{\"sales\":[{}]}}", line.replace("2026", "20x6")), "sales[0].occurred", "schema"),
            (format!("{{\"sales\":[{}]}}", line.replace("\"lot\"", "\"lott\"")), "sales[0].lott", "schema"),
            (format!("{{\"sales\":[{}]}}", line.replace('}', ",\"counter\":2}")), "sales[0]", "schema"),
            ("{\"sales\":[],\"on_refusal\":\"maybe\"}".to_owned(), "on_refusal", "schema"),
            ("{\"sales\":[]}".to_owned(), "sales", "body"),
        ] {
            let answer = scale.post_bytes(SALES, JSON, text.as_bytes());
            let shown: String = text.chars().take(200).collect();
            let refused = problem(&answer, 400, None, None);
            assert_eq!((refused["field"].as_str().unwrap(), refused["rule"].as_str().unwrap()), (field, rule), "{shown}: {refused}");
        }
        let latin = format!("{{\"sales\":[{line}]}}").replace("L1", "\u{fffd}").into_bytes();
        let latin: Vec<u8> = latin.into_iter().filter(|&byte| byte != 0xbf).collect();
        problem(&scale.post_bytes(SALES, JSON, &latin), 400, Some(""), Some("utf-8"));
        problem(&scale.post_bytes(SALES, "text/plain", line.as_bytes()), 415, None, None);
        problem(&scale.post_bytes(SALES, "application/xml", line.as_bytes()), 415, None, None);
        assert_eq!(scale.status_of_promise(SALES, JSON, REQUEST_BYTES_MAX as u64 + 1), 413);
        problem(&scale.post_bytes(SALES, JSON, &vec![b' '; REQUEST_BYTES_MAX]), 400, None, None);
        let many: Vec<Value> = (0..2_001).map(|n| sale(n, "L1", 1, &town.now())).collect();
        problem(&scale.post(SALES, &json!({ "sales": many })), 400, Some("sales"), Some("body"));
        assert_eq!(town.fingerprint(), before);
    }

    fn a_device_that_is_unknown_or_revoked_is_nobody_from_then_on(town) {
        let scale = town.program(User::Scale);
        let batch = |counter| json!({ "sales": [sale(counter, "L1", 500, &town.now())] });
        scale.post(SALES, &batch(1)).expect(200);
        let before = town.fingerprint();
        for credential in ["", "tzd1_beiyuan.scale-1_00", "tzd1_beiyuan.scale-9_00", "tz1_00_00", &"x".repeat(5_000)] {
            problem(&town.site.client().bearer(credential).post(SALES, &batch(2)), 401, None, None);
        }
        problem(&town.site.client().with("authorization", "Basic YTpi").post(SALES, &batch(2)), 401, None, None);
        assert_eq!(town.fingerprint(), before);
        town.revoke_scale(1);
        let before = town.fingerprint();
        problem(&scale.post(SALES, &batch(2)), 401, None, None);
        problem(&scale.get("/scale/v1/state"), 401, None, None);
        assert_eq!(town.fingerprint(), before);
    }

    fn a_record_that_breaks_its_schema_or_a_rule_names_the_field_and_the_rule(town) {
        let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
        let before = town.fingerprint();
        let lot = |members: Value| {
            let mut body = town.lot("L9", 1_000);
            for (name, value) in members.as_object().unwrap() {
                body[name] = value.clone();
            }
            body
        };
        for (kind, body, status, field, rule) in [
            ("market.nothing.done", json!({}), 400, "kind", "unknown-kind"),
            ("market.sale.made", json!({}), 400, "kind", "unknown-kind"),
            ("", json!({}), 400, "kind", "unknown-kind"),
            ("market.lot.received", json!({}), 400, "body", "body"),
            ("market.lot.received", json!([]), 400, "body", "body"),
            ("market.lot.received", lot(json!({ "more": 1 })), 400, "body.more", "body"),
            ("market.lot.received", lot(json!({ "lot": "../L9" })), 400, "body.lot", "body"),
            ("market.lot.received", lot(json!({ "lot": "x".repeat(41) })), 400, "body.lot", "body"),
            ("market.lot.received", lot(json!({ "quantity_g": -1 })), 400, "body.quantity_g", "body"),
            ("market.lot.received", lot(json!({ "quantity_g": 100_000_001 })), 400, "body.quantity_g", "body"),
            ("market.lot.received", lot(json!({ "supplier": "a\u{0}b" })), 400, "body.supplier", "body"),
            ("market.lot.received", lot(json!({ "supplier": "字".repeat(121) })), 400, "body.supplier", "body"),
            ("market.lot.received", lot(json!({ "supplier": "" })), 400, "body.supplier", "body"),
            ("market.lot.received", lot(json!({ "document": { "type": "rumour", "number": "1" } })), 400, "body.document.type", "body"),
            ("market.lot.received", lot(json!({ "source": "lot:beiyuan/L1" })), 400, "body.source", "body"),
            ("market.lot.received", lot(json!({ "stall": "Z9" })), 400, "body.stall", "unknown-stall"),
            ("market.lot.received", lot(json!({ "stall": "A2" })), 400, "body.stall", "not-leased"),
            ("market.lot.received", lot(json!({ "product": "dragon" })), 400, "body.product", "unknown-product"),
            ("market.lot.received", lot(json!({ "lot": "L1" })), 409, "body.lot", "exists"),
            ("market.lot.lost", json!({ "lot": "L1", "quantity_g": 100_001, "reason": "spoiled", "note": null }), 409, "body.quantity_g", "mass-balance"),
        ] {
            let shown = body.to_string();
            let refused = problem(&record(&operator, kind, body), status, None, None);
            assert_eq!((refused["field"].as_str().unwrap(), refused["rule"].as_str().unwrap()), (field, rule), "{kind} {shown}: {refused}");
        }
        let release = json!({ "lot": "L1", "hold": 1, "inspection": null, "reason": "x" });
        problem(&record(&inspector, "market.lot.released", release), 409, Some("body.hold"), Some("not-held"));
        let future = json!({ "kind": "market.lot.received", "occurred": "2026-03-10T08:05:01+08:00", "body": town.lot("L9", 1_000) });
        problem(&operator.post(ENTRIES, &future), 400, Some("occurred"), Some("future-time"));
        for digest in ["../../etc/passwd", "abc", &"A".repeat(64)] {
            let input = json!({ "kind": "market.lot.received", "body": town.lot("L9", 1_000), "evidence": [digest] });
            problem(&operator.post(ENTRIES, &input), 400, None, None);
        }
        assert_eq!(town.fingerprint(), before);
    }

    fn an_idempotency_key_answers_its_own_request_again_and_no_other(town) {
        let program = town.program(User::Operator);
        let operator = program.with("idempotency-key", "k-1");
        let input = json!({ "kind": "market.lot.received", "body": town.lot("L9", 1_000) });
        let first = operator.post(ENTRIES, &input).expect(201);
        let before = town.fingerprint();
        assert_eq!(operator.post(ENTRIES, &input).expect(201).json(), first.json());
        let other = json!({ "kind": "market.lot.received", "body": town.lot("L10", 1_000) });
        problem(&operator.post(ENTRIES, &other), 409, None, Some("idempotency-key"));
        let bad = program.with("idempotency-key", "k".repeat(129));
        problem(&bad.post(ENTRIES, &other), 400, Some("Idempotency-Key"), None);
        assert_eq!(town.fingerprint(), before);
    }

    fn a_file_that_is_no_image_or_is_named_by_a_path_is_refused(town) {
        let operator = town.program(User::Operator);
        let before = town.fingerprint();
        for bytes in [&b""[..], b"\x7fELF", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"GIF89a", b"\xff\xd8", b"not an image"] {
            problem(&operator.post_bytes(EVIDENCE, "image/jpeg", bytes), 400, Some("file"), Some("not-evidence"));
        }
        assert_eq!(operator.status_of_promise(EVIDENCE, "image/png", EVIDENCE_BYTES_MAX as u64 + 1), 413);
        for name in ["..%2f..%2fsigning.key", "%2e%2e%2f%2e%2e", "signing.key", "%00", "%ff", &"a".repeat(64)] {
            let answer = operator.get(&format!("{EVIDENCE}/{name}"));
            assert_eq!(answer.status, 404, "{name}: {}", answer.text());
            problem(&answer, 404, None, None);
        }
        problem(&operator.get("/api/market/..%2fbeiyuan/lots"), 404, None, None);
        problem(&operator.get("/log/..%2f..%2fsigning.key/checkpoint"), 404, None, None);
        problem(&operator.get("/assets/x/..%2f..%2fCargo.toml"), 404, None, None);
        assert_eq!(town.fingerprint(), before);
    }

    fn a_number_that_no_entry_can_have_is_refused_by_its_field(town) {
        let (operator, admin) = (town.program(User::Operator), town.program(User::Admin));
        let before = town.fingerprint();
        let settled = json!({ "kind": "market.complaint.settled", "body": {
            "complaint": u64::MAX, "outcome": "dismissed", "refund_fen": 0, "text": "x" } });
        problem(&operator.post("/api/market/beiyuan/entries", &settled), 400, Some("body.complaint"), None);
        let erasure = json!({ "reason": "x", "legal_basis": "x" });
        let answer = admin.post(&format!("/api/ledger/beiyuan/{}/erase", u64::MAX), &erasure);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(town.fingerprint(), before);
    }

    fn files_of_evidence_are_taken_twenty_a_minute_from_each(town) {
        let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
        let before = town.fingerprint();
        let send = |client: &Client| client.post_bytes(EVIDENCE, "image/jpeg", b"no image");
        let refused = (0..60).map(|_| send(&operator)).find(|answer| answer.status == 429).expect("a limit");
        assert!(problem(&refused, 429, None, None)["detail_en"].as_str().unwrap().contains("20 files"));
        assert_ne!(refused.header("retry-after"), "");
        problem(&send(&inspector), 400, Some("file"), Some("not-evidence"));
        assert_eq!(town.fingerprint(), before);
    }

    fn an_unknown_language_tag_is_refused(town) {
        let anyone = town.program(User::Anonymous);
        for tag in ["xx", "", "zh_CN%00", "../../en", "de-DE"] {
            problem(&anyone.get(&format!("/api/kinds/market.sale.made?lang={tag}")), 400, Some("lang"), None);
        }
        anyone.get("/api/kinds/market.sale.made?lang=en").expect(200);
        anyone.get("/api/kinds/market.sale.made?lang=zh-CN").expect(200);
    }

    fn a_parameter_that_makes_no_sense_is_no_fault_of_the_server(town) {
        let (leader, operator) = (town.program(User::Leader), town.program(User::Operator));
        let before = town.fingerprint();
        let mut faults = Vec::new();
        for path in [
            "lots/%00", "lots/%00/recall", "lots?stall=%00", "lots?merchant=a%00b", "lots?supplier=%ff", "lots?count=-1",
            "lots?offset=99999999999999999999", "lots?held=maybe", "lots?nonsense=1", "evidence/%00", "evidence/%F0%9F%8D%85",
        ] {
            let answer = operator.get(&format!("/api/market/beiyuan/{path}"));
            if answer.status >= 500 {
                faults.push(format!("{path}: {}", answer.status));
            }
        }
        for path in [
            "/api/figures/%00?unit=371402", "/api/figures/market.sales?unit=%00", "/api/figures/market.sales?unit=371402&from=%00",
            "/api/figures/market.sales?unit=371402&from=0000-00-00", "/api/figures/market.sales?unit=371402&from=9999-12-31",
            "/api/figures/market.sales/series?unit=371402&dimension=%00", "/api/figures/market.sales/breakdown?unit=371402&by=%00",
            "/api/figures/market.sales/entries?unit=371402&cursor=%00", "/api/figures/market.sales/entries?unit=371402&count=0",
            "/api/figures/market.sales/entries?unit=371402&dimension=stall:%00", "/api/ledger/beiyuan/18446744073709551615",
            "/api/ledger/beiyuan/9223372036854775807/proof", "/api/ledger/%00/0", "/api/kinds/%00",
            "/api/trace?subject=%00&direction=forward&book=beiyuan", "/api/trace?subject=lot:beiyuan/%00&direction=forward&book=beiyuan",
            "/api/trace?subject=lot:beiyuan/L1&direction=sideways&book=beiyuan", "/log/beiyuan/tile/0/%00", "/log/%00/checkpoint",
            "/log/beiyuan/tile/63/x999/x999/x999/x999/x999/x999/999", "/log/beiyuan/consistency/18446744073709551615/1",
        ] {
            let answer = leader.get(path);
            if answer.status >= 500 {
                faults.push(format!("{path}: {}", answer.status));
            }
        }
        assert!(faults.is_empty(), "{faults:#?}");
        assert_eq!(town.fingerprint(), before);
    }
}
