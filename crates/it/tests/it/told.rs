//! What somebody is told by another way than the one that was closed to them: entries say no more than the lists, every way to read
//! of persons is noted, what is erased is gone in its copies, and a trace tells nothing of books that are not to be read.

use base::{AccountId, ActorId, BookId};
use harness::{Answer, Client, Town, User, on_every_store, sale};
use serde_json::{Value, json};

use crate::trespass::{granted, input};

const ENTRIES: &str = "/api/market/beiyuan/entries";
const ANSWERING: &str = "post:beiyuan-market/manager";
const SUPERVISING: &str = "post:371402/bureau";

fn program(town: &Town, role: &str, unit: &str, line: Option<&str>) -> Client {
    granted(town, json!([{ "role": role, "unit": unit, "line": line }])).0
}

fn record(client: &Client, kind: &str, body: Value, evidence: &[&str]) -> Answer {
    let mut input = input(kind, body);
    input["evidence"] = json!(evidence);
    client.post(ENTRIES, &input)
}

fn seq(answer: Answer) -> Value {
    answer.expect(201).json()["entry"]["seq"].clone()
}

/// Keeps a file under an address for evidence, and returns its digest.
fn keep(client: &Client, evidence: &str, what: &str) -> String {
    let pdf = format!("%PDF-1.4\n% {what}\n%%EOF\n");
    let kept = client.post_bytes(evidence, "application/octet-stream", pdf.as_bytes()).expect(201).json();
    kept["digest"].as_str().unwrap().to_owned()
}

/// How often the log says that this was read; it is written behind what came before it.
fn noted(town: &Town, what: &str) -> usize {
    town.program(User::Operator);
    let reads = town.program(User::Auditor).get("/api/reads?count=200").expect(200).json();
    reads.as_array().unwrap().iter().filter(|read| read["what"] == what).count()
}

/// Hands a file in for a task of the manager's; returns where it is read, and its digest.
fn hand_in(town: &Town, manager: &Client, what: &str) -> (String, String) {
    let task = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": ANSWERING, "reviewer": SUPERVISING,
        "due": { "by": "on", "day": "2026-03-20" } });
    town.browser(User::Leader).post("/api/matters/beiyuan", &task).expect(201);
    let matter = "/api/matters/beiyuan/task-drain".to_owned();
    let digest = keep(manager, &format!("{matter}/evidence"), what);
    let file = json!([{ "digest": digest, "title": "整改照片", "effective": "2026-03-09" }]);
    let step = |version: u32, step: Value| {
        manager.post(&format!("{matter}/moves"), &json!({ "expected": version, "move": step })).expect(201);
    };
    step(0, json!({ "verb": "taken", "by": ANSWERING }));
    step(1, json!({ "verb": "submitted", "by": ANSWERING, "evidence": file }));
    (format!("{matter}/evidence/{digest}"), digest)
}

/// A trace forward along an identifier of GS1, as somebody with a right in a book is told it.
fn trace(client: &Client, book: &str, lot: &str) -> Value {
    let subject = format!("https%3A%2F%2Fid.gs1.org%2F01%2F04012345123456%2F10%2F{lot}");
    client.get(&format!("/api/trace?subject={subject}&direction=forward&book={book}")).expect(200).json()
}

fn subjects(walk: &Value) -> Vec<String> {
    let steps = walk["steps"].as_array().unwrap();
    steps.iter().map(|step| step["subject"].as_str().unwrap().to_owned()).collect()
}

on_every_store! {
    fn entries_tell_of_accounts_rights_and_credentials_what_is_listed_and_to_nobody_else(town) {
        let (kernel, root) = (&town.site.kernel, BookId::new(kernel::ROOT_BOOK).unwrap());
        let installation = ActorId::new("system:test").unwrap();
        town.account(User::Inspector);
        let inspector = ActorId::new("account:inspector").unwrap();
        let role = json!({ "role": "operator", "unit": "beiyuan-market", "line": "market" });
        let given = kernel.give_grant(&installation, &inspector, serde_json::from_value(role).unwrap()).unwrap();
        kernel.withdraw_grant(&installation, given.seq.0).unwrap();
        let token = town.issue(User::Tracer).actor.to_string();
        kernel.revoke_token(&installation, token.strip_prefix("token:").unwrap()).unwrap();
        town.scale(1);
        town.revoke_scale(1);
        kernel.disable_account(&installation, &AccountId::new("inspector").unwrap()).unwrap();

        let leader = program(&town, "leader", "371400", None);
        let auditor = program(&town, "auditor", "371400", None);
        let page = leader.with("accept", "text/html");
        for (kinds, list) in [
            (["kernel.account.added", "kernel.account.disabled"], "account"),
            (["kernel.grant.given", "kernel.grant.withdrawn"], "grant"),
            (["kernel.token.issued", "kernel.token.revoked"], "token"),
            (["kernel.device.enrolled", "kernel.device.revoked"], "device"),
        ] {
            let needs = format!("kernel.{list}.list");
            leader.get(&format!("/api/{list}s")).expect(403);
            auditor.get(&format!("/api/{list}s")).expect(200);
            for kind in kinds {
                let found = kernel.read(|tx| kernel::entries::latest(tx, &root, &[kind], None, 1)).unwrap();
                let path = format!("/ledger/registry/{}", found[0].seq);
                let told = leader.get(&format!("/api{path}")).expect(200).json();
                assert_eq!((&told["body"], &told["salt"]), (&Value::Null, &Value::Null), "{kind}");
                assert_eq!(told["withheld"], needs.as_str(), "{kind}");
                let whole = auditor.get(&format!("/api{path}")).expect(200).json();
                assert!(whole["body"].is_object() && whole["withheld"].is_null(), "{kind}: {whole}");
                assert_eq!(told["leaf"], whole["leaf"], "{kind}");
                let shown = |page: &Client| page.get(&path).expect(200).text().contains("<pre class=\"code\">");
                assert!(!shown(&page) && shown(&auditor.with("accept", "text/html")), "{kind}");
            }
        }
        // What else stands there the leader goes on reading.
        let added = leader.get("/api/ledger/registry/0").expect(200).json();
        assert!(added["body"].is_object() && added["withheld"].is_null(), "{added}");
        town.check();
    }

    fn whatever_way_merchants_stalls_lots_and_files_are_read_it_is_noted(town) {
        let (inspector, operator, planner) = (town.program(User::Inspector), town.program(User::Operator), town.program(User::Planner));
        let (manager, _) = (town.holder("wei", &[ANSWERING]), town.holder("li", &[SUPERVISING]));
        let (handed_in, digest) = hand_in(&town, &manager, "photo");
        let office = "/api/projects/decheng-projects/evidence";
        let permit = keep(&planner, office, "permit");
        let form = |name: &str| format!("/market/beiyuan/record/{name}");
        let choices = "merchants beiyuan in a form";
        for (client, path, what) in [
            (&inspector, "/api/market/beiyuan/stalls".to_owned(), "stalls beiyuan".to_owned()),
            (&inspector, "/api/market/beiyuan/lots?count=1".to_owned(), "lots beiyuan".to_owned()),
            (&planner, format!("{office}/{permit}"), format!("evidence decheng-projects/{permit}")),
            (&manager, handed_in, format!("evidence beiyuan/{digest}")),
            (&operator, form("lease"), choices.to_owned()),
            (&operator, form("certificate"), choices.to_owned()),
            (&operator, "/market/beiyuan/lots/new".to_owned(), choices.to_owned()),
        ] {
            let before = noted(&town, &what);
            client.get(&path).expect(200);
            assert_eq!(noted(&town, &what), before + 1, "{path}");
        }
        // A form that lists nobody, or only whom it is filled in for, tells of nobody.
        let before = noted(&town, choices);
        operator.get(&form("cleaning")).expect(200);
        town.program(User::Merchant).get(&form("price")).expect(200);
        // Nor does what was refused.
        planner.get("/api/market/beiyuan/stalls").expect(403);
        assert_eq!((noted(&town, choices), noted(&town, "stalls beiyuan")), (before, 1));
    }

    fn a_file_that_was_handed_in_along_with_what_is_erased_goes_with_it(town) {
        let (manager, _) = (town.holder("wei", &[ANSWERING]), town.holder("li", &[SUPERVISING]));
        let (inspector, operator, admin) = (town.program(User::Inspector), town.program(User::Operator), town.program(User::Admin));
        let paper = |merchant: &str, until: &str, files: &[&str]| {
            town.clock.advance_ms(1_000);
            let body = json!({ "merchant": merchant, "certificate": "health", "number": "JK1", "until": until });
            seq(record(&operator, "market.certificate.recorded", body, files))
        };
        let erase = |seq: &Value| {
            let reason = json!({ "reason": "本人申请", "legal_basis": "个人信息保护法第四十七条" });
            admin.post(&format!("/api/ledger/beiyuan/{seq}/erase"), &reason).expect(201);
        };
        paper("m1", "2026-03-25", &[]);
        let duties = json!({ "answering": ANSWERING, "supervising": SUPERVISING, "failed_test_workdays": 3, "breach_workdays": 2, "basis": "约定" });
        record(&inspector, "market.duties.assigned", duties, &[]).expect(201);
        town.settle();
        let open = inspector.get("/api/matters?book=beiyuan&standing=open").expect(200).json();
        let matter = open["items"][0]["matter"].as_str().unwrap().replace("matter:", "/matters/");

        let [own, shared, drain] = ["own", "shared", "drain"].map(|what| keep(&operator, "/api/market/beiyuan/evidence", what));
        let renewed = paper("m1", "2027-03-25", &[&own, &shared]);
        let other = paper("m2", "2027-03-25", &[&shared]);
        let status = |digest: &str| {
            let of_market = inspector.get(&format!("/api/market/beiyuan/evidence/{digest}")).status;
            (of_market, inspector.get(&format!("/api{matter}/evidence/{digest}")).status)
        };
        let page = |lang: &str| inspector.with("accept", "text/html").get(&format!("{matter}?lang={lang}")).expect(200).text();
        assert_eq!((status(&own), status(&shared)), ((200, 200), (200, 200)), "the renewal was handed in with its files");
        assert!(page("zh-CN").contains(&own) && !page("zh-CN").contains("文件已删除"));

        erase(&renewed);
        assert_eq!((status(&own), status(&shared)), ((404, 410), (200, 200)), "the other is named by somebody else's paper");
        let gone = inspector.get(&format!("/api{matter}/evidence/{own}")).expect(410).json();
        assert_eq!(gone["type"], "/problems/erased");
        assert!(gone["detail_zh"].as_str().unwrap().contains("删除") && gone["detail_en"].as_str().unwrap().contains("erased"), "{gone}");
        for (lang, words) in [("zh-CN", "文件已删除"), ("en", "the file was erased")] {
            let shown = page(lang);
            assert!(shown.contains(words) && !shown.contains(&own) && shown.contains(&shared), "{shown}");
        }
        erase(&other);
        assert_eq!(status(&shared), (404, 410), "once neither paper is there");

        // What was handed in by itself stays, whoever else named it.
        let (handed_in, digest) = hand_in(&town, &manager, "drain");
        assert_eq!(digest, drain);
        erase(&paper("m2", "2027-03-26", &[&drain]));
        manager.get(&handed_in).expect(200);
        town.check();
    }

    fn a_trace_tells_nothing_of_books_that_are_not_to_be_read_and_counts_no_slips(town) {
        let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
        let elsewhere = program(&town, "operator", "xihai-market", Some("market"));
        let office = program(&town, "planner", "leling-office", Some("projects"));
        let leader = program(&town, "leader", "371481", None);
        let receive = |client: &Client, book: &str, lot: &str| {
            let mut body = town.lot(lot, 20_000);
            body["source"] = "urn:epc:class:lgtin:4012345.012345.crate9".into();
            client.post(&format!("/api/market/{book}/entries"), &input("market.lot.received", body)).expect(201);
        };
        let scale = town.scale(1);
        let sell = |counter: u32| {
            scale.post("/scale/v1/sales", &json!({ "sales": [sale(counter, "L9", 500, &town.now())] })).expect(200);
        };
        let nothing = |client: &Client| {
            let (known, unknown) = (trace(client, "leling-projects", "crate9"), trace(client, "leling-projects", "crate8"));
            for walk in [&known, &unknown] {
                assert_eq!((subjects(walk).len(), &walk["withheld"], &walk["cut"]), (1, &json!(false), &Value::Null), "{walk}");
            }
        };
        receive(&operator, "beiyuan", "L9");
        nothing(&office);
        sell(1);
        nothing(&office);
        nothing(&leader);
        // Without the right to takings it is told that something was left out, and the same however often goods were sold.
        let once = trace(&inspector, "beiyuan", "crate9");
        assert_eq!((subjects(&once).len(), &once["withheld"]), (2, &json!(true)), "{once}");
        assert!(once["hidden"].is_null(), "{once}");
        sell(2);
        assert_eq!(trace(&inspector, "beiyuan", "crate9"), once);
        let whole = trace(&operator, "beiyuan", "crate9");
        assert_eq!((subjects(&whole).len(), &whole["withheld"]), (4, &json!(false)), "{whole}");
        // What another market received of it is that market's to read, and those above it.
        receive(&elsewhere, "xihai", "L9");
        assert_eq!(trace(&operator, "beiyuan", "crate9"), whole);
        assert_eq!(subjects(&trace(&elsewhere, "xihai", "crate9"))[1..], ["lot:xihai/L9"]);
        assert_eq!(subjects(&trace(&leader, "leling-projects", "crate9"))[1..], ["lot:xihai/L9"]);
        assert_eq!(subjects(&trace(&program(&town, "leader", "371400", None), "beiyuan", "crate9")).len(), 5);
    }
}
