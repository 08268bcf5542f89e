//! Who may do what: every operation of the OpenAPI document, by every sort of user, on their own market and another's.

use std::collections::BTreeMap;

use harness::{Answer, Client, Engine, Town, User, on_every_store, sale};
use serde_json::{Value, json};

/// Operations without a row below. The list may only get shorter.
const EXCEPTIONS: [&str; 0] = [];

/// The status that each of [`User::ALL`] gets: anonymous, admin, operator, merchant, inspector, leader, auditor, scale.
pub type Row = [u16; 8];

const PUBLIC: Row = [200; 8];
/// Records of a market, and figures of its county for those who have the county.
pub const RECORDS: Row = [401, 403, 200, 403, 200, 200, 200, 403];
/// Records of a key-project office, which the market's people have nothing to do with.
const OFFICE: Row = [401, 403, 403, 403, 403, 200, 200, 403];
/// Plans that are not there.
const PLANS: Row = [401, 403, 403, 403, 403, 404, 404, 403];
const COUNTY: Row = [401, 403, 403, 403, 200, 200, 200, 403];
const OVERSIGHT: Row = [401, 200, 403, 403, 403, 200, 200, 403];
/// What is the whole installation's: leader and auditor are those of a county.
const OF_ROOT: Row = [401, 200, 403, 403, 403, 403, 403, 403];
const LISTS: Row = [401, 200, 403, 403, 403, 403, 200, 403];
const NO_MATTER: Row = [401, 403, 404, 403, 404, 404, 404, 403];
const WEIGHING: Row = [401, 403, 403, 403, 403, 403, 403, 200];

pub struct Operation {
    pub method: &'static str,
    pub template: &'static str,
    /// A request that fits, for the first market.
    pub path: &'static str,
    pub body: fn(&Town) -> Option<Value>,
    /// Of an administrator's operation.
    pub asks: Option<fn() -> Value>,
    pub row: Row,
}

pub fn none(_: &Town) -> Option<Value> {
    None
}

pub const fn get(template: &'static str, path: &'static str, row: Row) -> Operation {
    Operation { method: "GET", template, path, body: none, asks: None, row }
}

/// An administrator's operation: a request that is refused for its content once the right is there.
const fn administer(
    method: &'static str,
    template: &'static str,
    path: &'static str,
    refused: u16,
    asks: fn() -> Value,
) -> Operation {
    let row = [401, refused, 403, 403, 403, 403, 403, 403];
    Operation { method, template, path, body: none, asks: Some(asks), row }
}

const FIGURE: &str = "unit=371402&from=2026-03-01&to=2026-03-10";

const OPERATIONS: &[Operation] = &[
    get("/api/figures", "/api/figures", PUBLIC),
    get("/api/figures/{name}", "/api/figures/market.sales?", COUNTY),
    get("/api/figures/{name}/breakdown", "/api/figures/market.sales/breakdown?", COUNTY),
    get("/api/figures/{name}/comparison", "/api/figures/market.sales/comparison?", COUNTY),
    get("/api/figures/{name}/provenance", "/api/figures/market.sales/provenance?", COUNTY),
    get("/api/figures/{name}/targets", "/api/figures/market.sales/targets?", COUNTY),
    get("/api/figures/{name}/entries", "/api/figures/market.sales/entries?", COUNTY),
    get("/api/figures/{name}/series", "/api/figures/market.sales/series?", COUNTY),
    get("/api/kinds", "/api/kinds", PUBLIC),
    get("/api/kinds/{kind}", "/api/kinds/market.sale.made", PUBLIC),
    get("/api/ledger/{book}/{seq}", "/api/ledger/beiyuan/0", RECORDS),
    get("/api/ledger/{book}/{seq}/leaf", "/api/ledger/beiyuan/0/leaf", RECORDS),
    get("/api/ledger/{book}/{seq}/proof", "/api/ledger/beiyuan/0/proof", RECORDS),
    get("/api/market/{book}/breaches", "/api/market/beiyuan/breaches", RECORDS),
    get("/api/market/{book}/complaints", "/api/market/beiyuan/complaints", RECORDS),
    get("/api/market/{book}/inspections", "/api/market/beiyuan/inspections", RECORDS),
    get("/api/market/{book}/lots", "/api/market/beiyuan/lots", RECORDS),
    get("/api/market/{book}/lots/{lot}", "/api/market/beiyuan/lots/L1", RECORDS),
    get("/api/market/{book}/lots/{lot}/recall", "/api/market/beiyuan/lots/L1/recall", RECORDS),
    get("/api/market/{book}/merchants", "/api/market/beiyuan/merchants", RECORDS),
    get("/api/market/{book}/prices", "/api/market/beiyuan/prices", RECORDS),
    get("/api/market/{book}/products", "/api/market/beiyuan/products", RECORDS),
    get("/api/market/{book}/scales", "/api/market/beiyuan/scales", RECORDS),
    get("/api/market/{book}/stalls", "/api/market/beiyuan/stalls", RECORDS),
    // Nothing is kept there, so whoever may look finds nothing.
    get(
        "/api/market/{book}/evidence/{digest}",
        "/api/market/beiyuan/evidence/00",
        [401, 403, 404, 403, 404, 404, 404, 403],
    ),
    get("/api/projects/{book}/projects", "/api/projects/decheng-projects/projects", OFFICE),
    get("/api/projects/{book}/projects/{project}", "/api/projects/decheng-projects/projects/park", OFFICE),
    // The park has no plan, so whoever may look finds nothing.
    get(
        "/api/projects/{book}/projects/{project}/plan",
        "/api/projects/decheng-projects/projects/park/plan",
        PLANS,
    ),
    get(
        "/api/projects/{book}/projects/{project}/plan/overlaps",
        "/api/projects/decheng-projects/projects/park/plan/overlaps",
        PLANS,
    ),
    get(
        "/api/projects/{book}/projects/{project}/plan/curve",
        "/api/projects/decheng-projects/projects/park/plan/curve",
        PLANS,
    ),
    get(
        "/api/projects/{book}/projects/{project}/plan/file",
        "/api/projects/decheng-projects/projects/park/plan/file?format=csv",
        PLANS,
    ),
    Operation {
        method: "POST",
        template: "/api/projects/{book}/projects/{project}/plan",
        path: "/api/projects/decheng-projects/projects/park/plan",
        body: |_| Some(json!("no plan")),
        asks: None,
        row: [401, 403, 403, 403, 403, 403, 403, 403],
    },
    get("/api/projects/{book}/chains", "/api/projects/decheng-projects/chains", OFFICE),
    get("/api/projects/{book}/programmes", "/api/projects/decheng-projects/programmes", OFFICE),
    get("/api/projects/{book}/visits", "/api/projects/decheng-projects/visits", OFFICE),
    get("/api/projects/{book}/assistance", "/api/projects/decheng-projects/assistance", OFFICE),
    get("/api/projects/{book}/permits", "/api/projects/decheng-projects/permits", OFFICE),
    get("/api/projects/{book}/proxies", "/api/projects/decheng-projects/proxies", OFFICE),
    get(
        "/api/projects/{book}/evidence/{digest}",
        "/api/projects/decheng-projects/evidence/00",
        [401, 403, 403, 403, 403, 404, 404, 403],
    ),
    // What those of the office itself may do stands beside the line's own tests.
    Operation {
        method: "POST",
        template: "/api/projects/{book}/entries",
        path: "/api/projects/decheng-projects/entries",
        body: |_| Some(input("projects.progress.reported", json!({ "project": "park", "percent_bp": 100 }))),
        asks: None,
        row: [401, 403, 403, 403, 403, 403, 403, 403],
    },
    Operation {
        method: "POST",
        template: "/api/projects/{book}/evidence",
        path: "/api/projects/decheng-projects/evidence",
        body: |_| Some(json!("not an image")),
        asks: None,
        row: [401, 403, 403, 403, 403, 403, 403, 403],
    },
    get("/api/trace", "/api/trace?subject=lot:beiyuan/L1&direction=forward&book=beiyuan", RECORDS),
    get("/log/key", "/log/key", PUBLIC),
    get("/log/{book}/checkpoint", "/log/beiyuan/checkpoint", PUBLIC),
    get("/log/{book}/cosigned", "/log/beiyuan/cosigned", [404; 8]),
    get("/log/{book}/consistency/{old}/{new}", "/log/beiyuan/consistency/1/2", PUBLIC),
    get("/log/{book}/tile/{path}", "/log/beiyuan/tile/0/000.p/2", PUBLIC),
    get("/witness/key", "/witness/key", PUBLIC),
    // Whoever asks, what counts is the signature of a log.
    Operation {
        method: "POST",
        template: "/witness/add-checkpoint",
        path: "/witness/add-checkpoint",
        body: |_| Some(json!("no checkpoint")),
        asks: None,
        row: [400; 8],
    },
    get("/api/witness/logs", "/api/witness/logs", OF_ROOT),
    get("/api/witness/forks", "/api/witness/forks", OF_ROOT),
    get("/api/witness/witnesses", "/api/witness/witnesses", OF_ROOT),
    // No fork was found.
    get(
        "/api/witness/forks/{fork}/{part}",
        "/api/witness/forks/999999/first",
        [401, 404, 403, 403, 403, 403, 403, 403],
    ),
    administer(
        "POST",
        "/api/witness/logs",
        "/api/witness/logs",
        400,
        || json!({ "origin": "county.example", "vkey": "no key", "title": "x" }),
    ),
    administer("DELETE", "/api/witness/logs/{log}", "/api/witness/logs/999999", 404, || json!({})),
    administer(
        "POST",
        "/api/witness/forks/{fork}/acknowledge",
        "/api/witness/forks/999999/acknowledge",
        404,
        || json!({ "reason": "x" }),
    ),
    get("/scale/v1/state", "/scale/v1/state", WEIGHING),
    Operation {
        method: "POST",
        template: "/scale/v1/sales",
        path: "/scale/v1/sales",
        body: |town| Some(json!({ "sales": [sale(1, "L1", 10, &town.now())] })),
        asks: None,
        row: WEIGHING,
    },
    Operation {
        method: "POST",
        template: "/scale/v1/acks",
        path: "/scale/v1/acks",
        body: |_| Some(json!({ "holds": [] })),
        asks: None,
        row: WEIGHING,
    },
    // The row of a price; other kinds follow the policy, see below.
    Operation {
        method: "POST",
        template: "/api/market/{book}/entries",
        path: "/api/market/beiyuan/entries",
        body: |_| {
            Some(input(
                "market.price.posted",
                json!({ "stall": "A1", "product": "tomato", "fen_per_kg": 720 }),
            ))
        },
        asks: None,
        row: [401, 403, 201, 201, 403, 403, 403, 403],
    },
    Operation {
        method: "POST",
        template: "/api/market/{book}/evidence",
        path: "/api/market/beiyuan/evidence",
        // Refused for what it is, once the right is there.
        body: |_| Some(json!("not an image")),
        asks: None,
        row: [401, 403, 400, 400, 400, 403, 403, 403],
    },
    get("/api/matters", "/api/matters?book=beiyuan", RECORDS),
    // There is no such matter, so whoever may read the book finds nothing.
    get("/api/matters/{book}/{name}", "/api/matters/beiyuan/none", NO_MATTER),
    get("/api/matters/{book}/{name}/evidence/{digest}", "/api/matters/beiyuan/none/evidence/00", NO_MATTER),
    Operation {
        method: "POST",
        template: "/api/matters/{book}",
        path: "/api/matters/beiyuan",
        // Refused for a post that is not there, once the right is there.
        body: |_| {
            Some(json!({ "title": "x", "owner": "post:371402/a", "reviewer": "post:371402/b",
                "due": { "by": "on", "day": "2026-03-31" } }))
        },
        asks: None,
        row: [401, 403, 403, 403, 403, 400, 403, 403],
    },
    Operation {
        method: "POST",
        template: "/api/matters/{book}/{name}/moves",
        path: "/api/matters/beiyuan/none/moves",
        body: |_| Some(json!({ "expected": 0, "move": { "verb": "taken", "by": "post:371402/a" } })),
        asks: None,
        row: NO_MATTER,
    },
    Operation {
        method: "POST",
        template: "/api/matters/{book}/{name}/evidence",
        path: "/api/matters/beiyuan/none/evidence",
        body: |_| Some(json!("not an image")),
        asks: None,
        row: NO_MATTER,
    },
    get("/api/rules", "/api/rules", PUBLIC),
    get("/api/calendar", "/api/calendar", PUBLIC),
    administer("POST", "/api/rules", "/api/rules", 400, || json!({ "rule": default_rule() })),
    administer(
        "POST",
        "/api/calendar",
        "/api/calendar",
        400,
        || json!({ "notice": { "year": 2027, "papers": [], "days": [] } }),
    ),
    get("/api/registry/tree", "/api/registry/tree", OVERSIGHT),
    get("/api/policy", "/api/policy", OVERSIGHT),
    get("/api/accounts", "/api/accounts", LISTS),
    get("/api/grants", "/api/grants", LISTS),
    get("/api/tokens", "/api/tokens", LISTS),
    get("/api/devices", "/api/devices", LISTS),
    get("/api/contacts", "/api/contacts", LISTS),
    get("/api/notices/waiting", "/api/notices/waiting", LISTS),
    get("/api/reads", "/api/reads", [401, 403, 403, 403, 403, 403, 200, 403]),
    // What an administrator asks for below contradicts what is there, so nothing changes whoever asks.
    administer(
        "POST",
        "/api/registry/units",
        "/api/registry/units",
        409,
        || json!({ "code": "beiyuan-market", "parent": "371402", "level": "market", "title_zh": "x", "title_en": "x" }),
    ),
    administer(
        "POST",
        "/api/registry/books",
        "/api/registry/books",
        409,
        || json!({ "book": "beiyuan", "unit": "beiyuan-market", "line": "market", "title_zh": "x", "title_en": "x" }),
    ),
    administer(
        "POST",
        "/api/registry/posts",
        "/api/registry/posts",
        400,
        || json!({ "post": "post:nowhere/x", "unit": "nowhere", "title_zh": "x", "title_en": "x" }),
    ),
    administer(
        "POST",
        "/api/registry/places",
        "/api/registry/places",
        400,
        || json!({ "place": "place:nowhere/x", "unit": "nowhere", "kind": "gate", "title_zh": "x", "title_en": "x" }),
    ),
    administer(
        "POST",
        "/api/registry/holdings",
        "/api/registry/holdings",
        400,
        || json!({ "post": "post:371402/none", "account": "nobody", "from": "2026-03-01" }),
    ),
    administer(
        "POST",
        "/api/registry/leavings",
        "/api/registry/leavings",
        400,
        || json!({ "post": "post:371402/none", "account": "nobody", "until": "2026-03-01" }),
    ),
    administer(
        "POST",
        "/api/accounts",
        "/api/accounts",
        400,
        || json!({ "account": "somebody", "unit": "nowhere", "title": "x" }),
    ),
    administer("POST", "/api/accounts/{account}/disable", "/api/accounts/nobody/disable", 404, || json!({})),
    administer(
        "POST",
        "/api/accounts/{account}/reset-password",
        "/api/accounts/nobody/reset-password",
        404,
        || json!({}),
    ),
    administer("DELETE", "/api/accounts/{account}/totp", "/api/accounts/nobody/totp", 404, || json!({})),
    administer(
        "PUT",
        "/api/accounts/{account}/identity",
        "/api/accounts/nobody/identity",
        404,
        || json!({ "issuer": "https://id.example", "identifier": "u-1" }),
    ),
    administer("DELETE", "/api/accounts/{account}/identity", "/api/accounts/nobody/identity", 404, || {
        json!({})
    }),
    administer(
        "POST",
        "/api/grants",
        "/api/grants",
        400,
        || json!({ "grantee": "account:nobody", "role": "leader", "unit": "371402" }),
    ),
    administer("DELETE", "/api/grants/{seq}", "/api/grants/999999", 404, || json!({})),
    administer(
        "POST",
        "/api/tokens",
        "/api/tokens",
        400,
        || json!({ "title": "x", "unit": "371402", "grants": [] }),
    ),
    administer("DELETE", "/api/tokens/{id}", "/api/tokens/none", 404, || json!({})),
    administer(
        "POST",
        "/api/contacts",
        "/api/contacts",
        400,
        || json!({ "post": "post:371402/none", "channel": "email", "address": "chief@example.cn" }),
    ),
    administer("DELETE", "/api/contacts/{contact}", "/api/contacts/999999", 404, || json!({})),
    administer("POST", "/api/contacts/{contact}/try", "/api/contacts/999999/try", 404, || json!({})),
    administer(
        "POST",
        "/api/devices",
        "/api/devices",
        400,
        || json!({ "device": "scale-9", "book": "nowhere", "title": "x", "subject": "scale:nowhere/9", "role": "scale" }),
    ),
    // There is no such figure.
    Operation {
        row: [401, 400, 403, 403, 403, 400, 403, 403],
        ..administer(
            "POST",
            "/api/targets",
            "/api/targets",
            400,
            || json!({ "figure": "market.none", "unit": "371402", "from": "2026-01-01", "to": "2026-12-31", "amount": 1, "basis": "x" }),
        )
    },
    administer("DELETE", "/api/devices/{book}/{device}", "/api/devices/beiyuan/none", 404, || json!({})),
    administer(
        "POST",
        "/api/ledger/{book}/{seq}/erase",
        "/api/ledger/beiyuan/0/erase",
        409,
        || json!({ "reason": "x", "legal_basis": "x" }),
    ),
];

/// What those of the first key-project office (planner, team) get where they are not refused; they are refused everywhere
/// else.
const OF_OFFICE: &[(&str, [u16; 2])] = &[
    // Nothing was cosigned, and nothing is no request.
    ("GET /log/{book}/cosigned", [404, 404]),
    ("POST /witness/add-checkpoint", [400, 400]),
    ("GET /api/projects/{book}/projects", [200, 200]),
    ("GET /api/projects/{book}/projects/{project}", [200, 200]),
    ("GET /api/projects/{book}/projects/{project}/plan", [404, 404]),
    ("GET /api/projects/{book}/projects/{project}/plan/overlaps", [404, 404]),
    ("GET /api/projects/{book}/projects/{project}/plan/curve", [404, 404]),
    ("GET /api/projects/{book}/projects/{project}/plan/file", [404, 404]),
    ("POST /api/projects/{book}/projects/{project}/plan", [400, 400]),
    ("GET /api/projects/{book}/chains", [200, 403]),
    ("GET /api/projects/{book}/programmes", [200, 403]),
    ("GET /api/projects/{book}/visits", [200, 403]),
    ("GET /api/projects/{book}/assistance", [200, 403]),
    ("GET /api/projects/{book}/permits", [200, 403]),
    ("GET /api/projects/{book}/proxies", [200, 403]),
    ("GET /api/projects/{book}/evidence/{digest}", [404, 404]),
    ("POST /api/projects/{book}/entries", [201, 201]),
    ("POST /api/projects/{book}/evidence", [400, 400]),
];

fn operations() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().chain(crate::epcis::access::OPERATIONS)
}

/// A version that is in force already.
fn default_rule() -> Value {
    serde_json::from_str(matters::Preset::Default.json()).unwrap()
}

fn input(kind: &str, body: Value) -> Value {
    json!({ "kind": kind, "body": body })
}

fn ask(client: &Client, operation: &Operation, path: &str, town: &Town) -> Answer {
    let path = if path.ends_with('?') { format!("{path}{FIGURE}") } else { path.to_owned() };
    if let Some(asks) = operation.asks {
        let json = asks().to_string();
        return client.send(operation.method, &path, Some("application/json"), json.as_bytes()).unwrap();
    }
    match (operation.body)(town) {
        Some(body) => client.post(&path, &body),
        None => client.send(operation.method, &path, None, &[]).unwrap(),
    }
}

fn documented() -> BTreeMap<String, String> {
    let document: Value = serde_json::from_str(&taizhang::document().to_json().unwrap()).unwrap();
    let mut found = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let action = operation["x-action"].as_str().unwrap_or_default();
            found.insert(format!("{} {path}", method.to_uppercase()), action.to_owned());
        }
    }
    found
}

#[test]
fn every_operation_has_an_access_test_and_names_an_action_of_the_policy() {
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let policy = town.site.kernel.policy();
    let documented = documented();
    let tested: Vec<String> = operations().map(|it| format!("{} {}", it.method, it.template)).collect();
    let untested: Vec<&str> =
        documented.keys().filter(|it| !tested.contains(it)).map(String::as_str).collect();
    assert_eq!(untested, EXCEPTIONS, "operations without an access test");
    let gone: Vec<&String> = tested.iter().filter(|it| !documented.contains_key(*it)).collect();
    assert!(gone.is_empty(), "tests of operations that are gone: {gone:?}");
    for (operation, action) in &documented {
        assert!(action == "public" || policy.action(action).is_some(), "{operation}: x-action {action:?}");
        let row = operations().find(|it| format!("{} {}", it.method, it.template) == *operation);
        let public = row.is_some_and(|it| it.row[0] != 401);
        assert_eq!(action == "public", public, "{operation}: x-action {action:?}");
    }
}

/// Renew it with `taizhang openapi > docs/openapi.json`.
#[test]
fn the_document_that_is_checked_in_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let served: Value = serde_json::from_str(&taizhang::document().to_json().unwrap()).unwrap();
    assert_eq!(kept, served);
}

on_every_store! {
    fn each_user_may_do_what_the_table_says_and_nothing_in_another_market(town) {
        let clients = User::ALL.map(|user| town.program(user));
        let mut wrong = Vec::new();
        for operation in operations() {
            for ((user, client), expected) in User::ALL.iter().zip(&clients).zip(operation.row) {
                let answer = ask(client, operation, operation.path, &town);
                if answer.status != expected {
                    wrong.push(format!("{user:?} {} {}: {} instead of {expected}", operation.method, operation.path, answer.status));
                }
            }
            let foreign = operation.path.replace("beiyuan", "xihai").replace("decheng-projects", "leling-projects");
            let is_everybodys = operation.row == [operation.row[0]; 8];
            if is_everybodys || foreign == operation.path {
                continue;
            }
            for (user, client) in User::ALL.iter().zip(&clients) {
                // The administrator is the whole city's.
                if *user == User::Admin && operation.asks.is_some() {
                    continue;
                }
                let expected = if *user == User::Anonymous { 401 } else { 403 };
                let answer = ask(client, operation, &foreign, &town);
                if answer.status != expected {
                    wrong.push(format!("{user:?} {} {foreign}: {} instead of {expected}", operation.method, answer.status));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    fn those_of_an_office_may_do_what_the_table_says_and_nothing_elsewhere(town) {
        let users = [User::Planner, User::Team];
        let clients = users.map(|user| town.program(user));
        let mut wrong = Vec::new();
        for operation in operations() {
            let named = format!("{} {}", operation.method, operation.template);
            let row = OF_OFFICE.iter().find(|(of, _)| *of == named).map(|(_, row)| *row);
            let expected = row.unwrap_or(if operation.row == PUBLIC { [200; 2] } else { [403; 2] });
            let found = [0, 1].map(|at| ask(&clients[at], operation, operation.path, &town).status);
            if found != expected {
                wrong.push(format!("(\"{named}\", {found:?}),"));
            }
            let foreign = operation.path.replace("decheng-projects", "leling-projects");
            if foreign != operation.path {
                for (user, client) in users.iter().zip(&clients) {
                    let status = ask(client, operation, &foreign, &town).status;
                    if status != 403 {
                        wrong.push(format!("{user:?} {} {foreign}: {status}", operation.method));
                    }
                }
            }
        }
        let unknown = OF_OFFICE.iter().filter(|(of, _)| operations().all(|it| format!("{} {}", it.method, it.template) != *of));
        assert_eq!(unknown.count(), 0, "rows of operations that are gone");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn what_is_not_in_the_document_needs_its_right_as_well(town) {
        for user in User::ALL {
            let expected = match user {
                User::Anonymous => 401,
                // It stays open: see the story.
                User::Scale => continue,
                _ => 403,
            };
            town.program(user).get("/scale/v1/stream").expect(expected);
        }
        for path in ["/healthz", "/readyz", "/api/openapi.json"] {
            town.program(User::Anonymous).get(path).expect(200);
        }
        // A device of the first market is told about its own market only, whatever it sends.
        let scale = town.program(User::Scale);
        scale.get("/api/market/xihai/scales").expect(403);
        scale.post("/api/market/beiyuan/entries", &input("market.lot.received", town.lot("L9", 1))).expect(403);
    }

    fn figures_stop_at_the_own_county(town) {
        for user in [User::Operator, User::Inspector, User::Leader, User::Auditor] {
            let client = town.program(user);
            for unit in ["unit=371400&", "unit=371481&", "unit=xihai-market&", ""] {
                client.get(&format!("/api/figures/market.sales?{unit}from=2026-03-01&to=2026-03-10")).expect(403);
            }
        }
        town.program(User::Operator).get("/api/figures/market.sales?unit=beiyuan-market").expect(200);
    }

    fn takings_are_read_by_those_who_may_and_by_a_merchant_of_its_own_stall_alone(town) {
        let sold = town.scale(1).post("/scale/v1/sales", &json!({ "sales": [sale(1, "L1", 12_340, &town.now())] }));
        let seq = sold.expect(200).json()["lines"][0]["seq"].as_u64().unwrap();
        let [inspector, leader, merchant] = [User::Inspector, User::Leader, User::Merchant].map(|user| town.program(user));
        for part in ["?", "/series?", "/breakdown?by=stall&", "/entries?", "?dimension=stall=A1&"] {
            let (amount, count) = (format!("/api/figures/market.sales.amount{part}{FIGURE}"), format!("/api/figures/market.sales{part}{FIGURE}"));
            assert_eq!(inspector.get(&amount).expect(403).json()["action"], "market.takings.read");
            inspector.get(&count).expect(200);
            leader.get(&amount).expect(200);
            merchant.get(&amount).expect(403);
            merchant.get(&count).expect(403);
        }
        let defined = leader.get("/api/figures").expect(200).json();
        let of = |name: &str| defined.as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()["needs"].clone();
        assert_eq!((of("market.sales.amount"), of("market.sales")), (json!("market.takings.read"), Value::Null));

        // What a sale says is withheld; that it stands in its book is not.
        let path = format!("/api/ledger/beiyuan/{seq}");
        let (withheld, open) = (inspector.get(&path).expect(200).json(), leader.get(&path).expect(200).json());
        assert_eq!(open["body"]["amount_fen"], 12_340 * 700 / 1000);
        assert_eq!((&withheld["body"], &withheld["salt"]), (&Value::Null, &Value::Null));
        assert_eq!((&withheld["withheld"], &open["withheld"]), (&json!("market.takings.read"), &Value::Null));
        // Nor is the slip, which shows what it came to to whoever has its code: a leaf is given whole or not at all.
        let slip = |seen: &Value| seen["head"]["subjects"][1][1].as_str().unwrap().to_owned();
        assert_eq!((slip(&withheld).as_str(), &withheld["masked"]), ("slip:beiyuan/…", &json!("market.takings.read")));
        assert_eq!((slip(&open).len(), &open["masked"]), ("slip:beiyuan/".len() + 20, &Value::Null));
        let mut masked = open["head"].clone();
        masked["subjects"][1][1] = "slip:beiyuan/…".into();
        assert_eq!((&withheld["head"], &withheld["leaf"]), (&masked, &open["leaf"]));
        assert_eq!(inspector.get(&format!("{path}/leaf")).expect(403).json()["action"], "market.takings.read");
        let leaf = leader.get(&format!("{path}/leaf")).expect(200).text();
        let proof: merkle::ProofFile = inspector.get(&format!("{path}/proof")).expect(200).text().parse().unwrap();
        proof.verify(merkle::leaf_hash(leaf.as_bytes()), &[town.site.kernel.verifier().clone()]).unwrap();
        assert_eq!(inspector.get("/api/ledger/beiyuan/0").expect(200).json()["withheld"], Value::Null);

        // Nor from the lot forward, nor where a recall would reach, as long as the lot was never held.
        let code = slip(&open).rsplit('/').next().unwrap().to_owned();
        let walk = "/api/trace?subject=lot:beiyuan/L1&direction=forward&book=beiyuan";
        let (seen, whole) = (inspector.get(walk).expect(200).json(), leader.get(walk).expect(200).json());
        assert_eq!((seen["steps"].as_array().unwrap().len(), &seen["withheld"]), (1, &json!(true)));
        assert!(!seen.to_string().contains(&code) && whole.to_string().contains(&code), "{whole}");
        let recall = "/api/market/beiyuan/lots/L1/recall";
        let (seen, whole) = (inspector.get(recall).expect(200).json(), leader.get(recall).expect(200).json());
        assert_eq!((&seen["slips"], &seen["slips_total"], &seen["withheld"]), (&json!([]), &Value::Null, &json!("market.takings.read")));
        assert_eq!((&whole["slips"], &whole["withheld"]), (&json!([code]), &Value::Null));

        let pages = [User::Inspector, User::Leader, User::Merchant].map(|user| town.browser(user).with("accept", "text/html"));
        let [inspector, leader, merchant] = &pages;
        let (money, entry) = ("86.38", format!("/ledger/beiyuan/{seq}"));
        for path in ["/market", "/market/beiyuan", &entry] {
            let seen = inspector.get(path).expect(200).text();
            assert!(!seen.contains(money) && !seen.contains("amount_fen") && !seen.contains("/figures/market.sales.amount"), "{path}");
            assert!(!seen.contains(code.as_str()), "{path}");
        }
        assert!(leader.get(&entry).expect(200).text().contains(code.as_str()));
        inspector.get(&format!("/figures/market.sales.amount?{FIGURE}")).expect(403);
        assert!(leader.get("/market").expect(200).text().contains("/figures/market.sales.amount?unit"));
        assert!(leader.get(&entry).expect(200).text().contains("amount_fen"));
        assert!(merchant.get("/market/beiyuan/mine").expect(200).text().contains(money));
        merchant.get("/market/beiyuan/mine/sales?stall=A1").expect(200);
        merchant.get("/market/beiyuan/mine/sales?stall=A2").expect(404);
        merchant.get(&format!("/figures/market.sales.amount?{FIGURE}&dimension=stall=A1")).expect(403);
    }

    fn the_file_of_a_lot_shows_what_its_sales_took_once_it_was_held_and_its_reading_is_logged(town) {
        town.scale(1).post("/scale/v1/sales", &json!({ "sales": [sale(1, "L1", 12_340, &town.now())] })).expect(200);
        let inspector = town.program(User::Inspector);
        let amounts = || {
            let file = inspector.get("/market/beiyuan/lots/L1/file.json").expect(200).json();
            let entries = file["entries"].as_array().unwrap().clone();
            let sales: Vec<Value> = entries.into_iter().filter(|it| it["head"]["kind"] == "market.sale.made").collect();
            assert_eq!(sales.len(), 1);
            assert!(sales[0]["proof"].as_str().unwrap().contains("tlog-proof"));
            assert_eq!(sales[0]["masked"], sales[0]["withheld"]);
            let is_whole = sales[0]["masked"].is_null();
            assert_eq!((is_whole, is_whole), (sales[0]["leaf_text"].is_string(), sales[0].to_string().contains("slip:beiyuan/001")));
            (sales[0]["body"]["amount_fen"].clone(), sales[0]["withheld"].clone())
        };
        assert_eq!(amounts(), (Value::Null, json!("market.takings.read")));
        let slips = || inspector.get("/api/market/beiyuan/lots/L1/recall").expect(200).json()["slips"].as_array().unwrap().len();
        assert_eq!(slips(), 0);
        let order = json!({ "lot": "L1", "reason": "order", "inspection": null, "note": null });
        inspector.post("/api/market/beiyuan/entries", &input("market.lot.held", order)).expect(201);
        assert_eq!((amounts(), slips()), ((json!(8_638), Value::Null), 1));
        // The log is written behind what came before it.
        town.program(User::Operator);
        let reads = town.program(User::Auditor).get("/api/reads").expect(200).text();
        assert!(reads.contains("file of lot beiyuan/L1"), "{reads}");
    }

    fn a_merchant_acts_for_its_own_stall_and_no_other(town) {
        let merchant = town.program(User::Merchant);
        let before = town.fingerprint();
        let mut foreign = town.lot("L9", 1_000);
        foreign["stall"] = "A2".into();
        foreign["merchant"] = "m2".into();
        let mut pretended = town.lot("L9", 1_000);
        pretended["stall"] = "A2".into();
        for (kind, body) in [
            ("market.price.posted", json!({ "stall": "A2", "product": "tomato", "fen_per_kg": 1 })),
            ("market.lot.received", foreign),
            ("market.lot.received", pretended),
            ("market.lot.lost", json!({ "lot": "L2", "quantity_g": 1, "reason": "spoiled", "note": null })),
            ("market.lot.split", json!({ "lot": "L2", "parts": [{ "lot": "L2a", "quantity_g": 1 }] })),
            ("market.lot.transferred", json!({ "lot": "L2", "new_lot": "L8", "to_stall": "A1", "to_merchant": "m1", "quantity_g": 1 })),
            ("market.lot.held", json!({ "lot": "L1", "reason": "order", "inspection": null, "note": null })),
            ("market.merchant.registered", json!({ "merchant": "m9", "title": "x", "licence": null })),
        ] {
            merchant.post("/api/market/beiyuan/entries", &input(kind, body.clone())).expect(403);
            assert_eq!(town.fingerprint(), before, "{kind} {body}");
        }
        merchant.post("/api/market/beiyuan/entries", &input("market.lot.received", town.lot("L9", 1_000))).expect(201);
    }

    fn a_walk_begins_only_in_a_book_that_may_be_read(town) {
        let operator = town.program(User::Operator);
        operator.get("/api/trace?subject=lot:xihai/L1&direction=forward&book=beiyuan").expect(403);
        operator.get("/api/trace?subject=lot:xihai/L1&direction=backward&book=beiyuan").expect(403);
    }

    fn a_browser_needs_its_own_token_for_everything_that_changes_something(town) {
        let (name, password) = town.account(User::Operator);
        let anyone = town.site.client();
        let answer = anyone.post_form("/sign-in", &[("account", &name), ("password", password), ("next", "//evil.example/")]).expect(303);
        assert_eq!(answer.header("location"), "/", "only a path of this site is gone to");
        let cookie = answer.header("set-cookie");
        for flag in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(flag), "{flag}: {cookie}");
        }
        let session = cookie.split(';').next().unwrap().to_owned();
        let secret = session.split_once('=').unwrap().1;
        let csrf = town.site.kernel.session(secret).unwrap().unwrap().csrf;
        let browser = anyone.with("cookie", &session);
        let price = input("market.price.posted", json!({ "stall": "A1", "product": "tomato", "fen_per_kg": 720 }));
        let before = town.fingerprint();
        let entries = "/api/market/beiyuan/entries";
        browser.post(entries, &price).expect(403);
        browser.with("x-csrf-token", "0".repeat(csrf.len())).post(entries, &price).expect(403);
        browser.with("x-csrf-token", "").post(entries, &price).expect(403);
        browser.with("origin", "https://evil.example").post_form("/sign-out", &[("csrf", "guess")]).expect(403);
        browser.post_bytes(entries, "text/plain", price.to_string().as_bytes()).expect(403);
        assert_eq!(town.fingerprint(), before);
        browser.with("x-csrf-token", &csrf).post(entries, &price).expect(201);
        browser.post_form("/sign-out", &[("csrf", &csrf)]).expect(303);
        browser.get("/api/market/beiyuan/lots").expect(401);
    }

    fn a_session_is_new_at_each_sign_in_and_signing_in_needs_the_right_password(town) {
        let (name, password) = town.account(User::Leader);
        let anyone = town.site.client();
        let fixed = anyone.with("cookie", "taizhang_session=chosen-by-somebody-else");
        let first = fixed.post_form("/sign-in", &[("account", &name), ("password", password)]).expect(303);
        let second = anyone.post_form("/sign-in", &[("account", &name), ("password", password)]).expect(303);
        assert_ne!(first.header("set-cookie"), second.header("set-cookie"));
        assert!(!first.header("set-cookie").contains("chosen"));
        fixed.get("/api/market/beiyuan/lots").expect(401);

        let page = |account: &str| {
            let answer = anyone.post_form("/sign-in", &[("account", account), ("password", "wrong wrong wrong")]).expect(422);
            assert!(!answer.text().contains("wrong wrong"), "a password is never sent back");
            answer.text().replace(account, "")
        };
        assert_eq!(page(&name), page("nobody"), "whether an account exists is not told");
        let tries: Vec<Answer> =
            (0..12).map(|_| anyone.post_form("/sign-in", &[("account", &name), ("password", "wrong wrong wrong")])).collect();
        let limited = tries.iter().find(|answer| answer.status == 429).expect("a limit on tries");
        assert!(limited.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    }

    fn pages_keep_browsers_in_bounds_and_secrets_out_of_addresses(town) {
        let leader = town.browser(User::Leader).with("accept", "text/html");
        let anyone = town.site.client().with("accept", "text/html");
        for (client, path) in [
            (&leader, "/"), (&leader, "/account/password"), (&leader, "/ledger/beiyuan/0"),
            (&leader, "/figures/market.sales?unit=371402"), (&leader, "/nowhere"), (&leader, "/ledger/xihai/0"),
            (&anyone, "/sign-in"), (&anyone, "/"), (&anyone, "/ledger/beiyuan/0"), (&anyone, "/nowhere"),
        ] {
            let answer = client.get(path);
            assert!(answer.status < 500, "{path}: {}", answer.text());
            let csp = answer.header("content-security-policy");
            assert!(csp.contains("default-src 'none'") && !csp.contains("unsafe"), "{path}: {csp}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
            assert!(answer.header("cache-control").contains("no-store"), "{path}");
            assert!(!answer.header("location").contains("csrf") && !answer.header("location").contains("token"), "{path}");
            let markup = answer.text();
            assert!(!markup.contains("?csrf=") && !markup.contains("&csrf=") && !markup.contains("taizhang_session"), "{path}");
            assert!(!markup.contains(" style=") && !markup.contains("onclick="), "{path}: inline");
        }
        let sent = anyone.get("/ledger/beiyuan/0?lang=en").expect(303);
        assert_eq!(sent.header("location"), "/sign-in?next=%2Fledger%2Fbeiyuan%2F0%3Flang%3Den");
    }
}
