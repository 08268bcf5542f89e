//! The tables can be spread over several machines as `docs/citus.sql` says: each by a column that all its keys hold, and
//! what is asked for all day long is asked of one machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use harness::{Bulk, Client, Ear, Engine, Heard, Recorder, Town, User, sale};
use serde_json::json;
use store::{Tx, Value};

use crate::epcis::document;

/// The column that each table is spread by; none for one that every machine has whole.
fn spread() -> BTreeMap<String, Option<String>> {
    let script = include_str!("../../../../docs/citus.sql");
    let mut spread = BTreeMap::new();
    for line in script.lines().filter(|line| line.starts_with("select ")) {
        let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
        let column = match line.starts_with("select create_distributed_table(") {
            true => Some(quoted[1].to_owned()),
            false => None,
        };
        assert_eq!(spread.insert(quoted[0].to_owned(), column), None, "{line}");
    }
    spread
}

#[test]
fn every_table_is_spread_by_a_column_of_all_its_keys() {
    const TABLES: &str = "select relname::text from pg_class
        where relkind = 'r' and relnamespace = current_schema()::regnamespace";
    const KEYS: &str = "select c.relname::text, i.indexrelid::regclass::text, a.attname::text
        from pg_index i join pg_class c on c.oid = i.indrelid
        join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
        where i.indisunique and c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace";
    let Some(place) = Engine::Postgres.place() else { return };
    let town = Town::on(place);
    let text = |row: &store::Row, column| row.text(column).unwrap().to_owned();
    let (tables, keys) =
        town.site.kernel.read(|tx| Ok((tx.query(TABLES, &[])?, tx.query(KEYS, &[])?))).unwrap();
    let tables: BTreeSet<String> = tables.iter().map(|row| text(row, 0)).collect();
    let spread = spread();
    assert_eq!(spread.keys().cloned().collect::<BTreeSet<_>>(), tables, "docs/citus.sql names every table");
    let mut columns: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for row in &keys {
        columns.entry((text(row, 0), text(row, 1))).or_default().insert(text(row, 2));
    }
    assert!(tables.iter().all(|table| columns.keys().any(|(of, _)| of == table)), "every table has a key");
    for ((table, key), columns) in columns {
        if let Some(column) = &spread[&table] {
            assert!(columns.contains(column), "{key} of {table} knows no {column}: {columns:?}");
        }
    }
}

/// Parts that a table is cut in to see which of them a statement reaches. Enough that two books seldom share one.
const PARTS: u32 = 8;
/// Sets of values with which a statement is tried.
const SETS: usize = 3;

/// What may ask several machines: a piece of the statement, and why.
const CROSS: [(&str, &str); 9] = [
    ("select book, size from book order by book", "a node looks at what the others appended, in every book"),
    ("select book from book order by book", "ready is who reaches every machine"),
    ("from matter_post p join matter m", "what a post owes lies in the books of many units"),
    ("from matter_post where post in", "how much that is"),
    ("from matter_wake where next <= $1", "the clock of one node looks for what is due in any book"),
    ("from evidence where unnamed", "the clock of one node looks for files that no entry of any book names"),
    ("left join line_day", "the clock of one node begins the day of every book"),
    ("delete from session where expires", "whoever signs in clears away what is over"),
    ("delete from session where actor", "and ends the oldest session where there are too many"),
];

/// What is asked all day long, by the name of the request.
fn ask(town: &Town, ear: &Ear) -> Vec<(&'static str, Heard, Bulk)> {
    let scale = town.program(User::Scale);
    let operator = town.program(User::Operator);
    let (inspector, leading) = (town.program(User::Inspector), town.program(User::Leader));
    let office = town.browser(User::Operator).with("accept", "text/html");
    let leader = town.browser(User::Leader).with("accept", "text/html");
    let planner = town.browser(User::Planner).with("accept", "text/html");
    let manager = town.holder("wei", &["post:beiyuan-market/manager"]).with("accept", "text/html");
    town.holder("li", &["post:371402/bureau"]);
    let supplier = town.program(User::Supplier);
    let anybody = town.site.client().with("accept", "text/html");
    let task = json!({ "title": "整改下水道", "owner": "post:beiyuan-market/manager",
        "reviewer": "post:371402/bureau", "due": { "by": "on", "day": "2026-03-13" } });
    let now = town.now();
    let event = json!({ "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping",
        "eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": ["urn:epc:id:sgtin:0614141.112345.7"] });

    let first = json!({ "sales": [sale(100, "L1", 500, &now)] });
    let receipt = scale.post("/scale/v1/sales", &first).expect(200).json();
    let slip = receipt["lines"][0]["slip"].as_str().unwrap().to_owned();

    let mut asked = Vec::new();
    let mut hear = |what: &'static str, ask: &dyn Fn()| {
        ear.take();
        ask();
        let (heard, bulk) = ear.take();
        assert!(!heard.is_empty(), "{what} asks nothing of the database");
        asked.push((what, heard, bulk));
    };
    let show = |client: &Client, path: &str| drop(client.get(path).expect(200));

    hear("a scale sells", &|| {
        let batch = json!({ "sales": [sale(1, "L1", 500, &now), sale(2, "L1", 700, &now)] });
        scale.post("/scale/v1/sales", &batch).expect(200);
    });
    hear("a scale asks for its state", &|| show(&scale, "/scale/v1/state"));
    hear("an entry is recorded under a key", &|| {
        let price = json!({ "kind": "market.price.posted", "body": { "stall": "A1", "product": "tomato", "fen_per_kg": 710 } });
        operator.with("idempotency-key", "one").post("/api/market/beiyuan/entries", &price).expect(201);
    });
    hear("a lot is received", &|| {
        let received = json!({ "kind": "market.lot.received", "body": town.lot("L9", 20_000) });
        operator.post("/api/market/beiyuan/entries", &received).expect(201);
    });
    hear("a lot is held", &|| {
        let order = json!({ "lot": "L9", "reason": "order", "inspection": null, "note": null });
        let held = json!({ "kind": "market.lot.held", "body": order });
        inspector.post("/api/market/beiyuan/entries", &held).expect(201);
    });
    hear("a matter is opened", &|| {
        leading.post("/api/matters/beiyuan", &task).expect(201);
    });
    let all = leading.get("/api/matters?book=beiyuan").expect(200).json();
    let matter =
        format!("/matters/{}", all["items"][0]["matter"].as_str().unwrap().trim_start_matches("matter:"));
    hear("a shopper looks a slip up", &|| {
        show(&anybody, &format!("/01/06901234567892/21/{slip}"));
    });
    hear("the page of a lot", &|| show(&office, "/market/beiyuan/lots/L1"));
    hear("the file of a lot", &|| show(&office, "/market/beiyuan/lots/L1/file"));
    hear("the day of a market", &|| show(&office, "/market/beiyuan"));
    hear("the lots of a market", &|| show(&office, "/market/beiyuan/lots"));
    hear("a trace", &|| show(&operator, "/api/trace?book=beiyuan&subject=lot:beiyuan/L1&direction=forward"));
    hear("the inbox of a post", &|| show(&manager, "/matters"));
    hear("the wall of a county", &|| show(&leader, "/wall/371402"));
    hear("a figure of a county", &|| {
        show(&leader, "/api/figures/market.sales.amount?unit=371402&from=2026-03-10&to=2026-03-10");
    });
    hear("the entries behind it", &|| {
        show(&leader, "/api/figures/market.sales.amount/entries?unit=371402&from=2026-03-10&to=2026-03-10");
    });
    hear("a project", &|| show(&planner, "/projects/decheng-projects/project/park"));
    hear("the projects of an office", &|| show(&planner, "/projects/decheng-projects"));
    hear("an entry and its proof", &|| {
        show(&operator, "/api/ledger/beiyuan/3");
        show(&operator, "/api/ledger/beiyuan/3/proof");
    });
    hear("the log of a book", &|| {
        show(&anybody, "/log/beiyuan/checkpoint");
        show(&anybody, "/log/beiyuan/tile/0/000.p/3");
    });
    hear("somebody signs in", &|| {
        let fields = [("account", "wei"), ("password", "correct horse battery")];
        town.site.client().post_form("/sign-in", &fields).expect(303);
    });
    hear("the markets of a county", &|| show(&leader, "/market"));
    hear("the projects of a county", &|| show(&leader, "/projects"));
    hear("a series of a figure", &|| {
        show(&leader, "/api/figures/market.sales.amount/series?unit=371402&from=2026-03-01&to=2026-03-10");
    });
    hear("a matter", &|| show(&manager, &matter));
    hear("a load balancer asks", &|| show(&anybody, "/readyz"));
    hear("a node looks at what others appended", &|| town.site.kernel.follow().unwrap());
    hear("the clock looks for what is due", &|| {
        town.site.kernel.sweep_files().unwrap();
        town.site.kernel.tend_days().unwrap();
        town.site.kernel.tend_matters(100).unwrap();
    });
    hear("events are captured", &|| {
        let document = document("2026-03-10T08:00:00+08:00", json!([event]));
        let bytes = document.to_string();
        supplier.post_bytes("/epcis/capture", "application/ld+json", bytes.as_bytes()).expect(202);
    });
    hear("events are asked for", &|| show(&supplier, "/epcis/events?EQ_bizStep=shipping"));
    asked
}

/// Cuts every table that is spread in parts, as the machines of a cluster have them.
fn cut(tx: &mut dyn Tx, spread: &BTreeMap<String, Option<String>>) {
    let mut script = String::from("create schema spread;");
    for (table, column) in spread {
        let like = format!("create table spread.{table} (like {table} including all)");
        let Some(column) = column else {
            write!(script, "{like};").unwrap();
            continue;
        };
        write!(script, "{like} partition by hash ({column});").unwrap();
        for part in 0..PARTS {
            write!(
                script,
                "create table spread.{table}__p{part} partition of spread.{table}
                    for values with (modulus {PARTS}, remainder {part});"
            )
            .unwrap();
        }
    }
    script.push_str("set local search_path = spread");
    tx.run_script(&script).unwrap();
}

/// The statement with its values in it.
fn with_values(sql: &str, values: &[Value]) -> String {
    let mut text = sql.to_owned();
    for (at, value) in values.iter().enumerate().rev() {
        let literal = match value {
            Value::Null => "null".to_owned(),
            Value::Int(number) => format!("({number})::bigint"),
            Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Value::Blob(bytes) => format!("'\\x{}'::bytea", hex::encode(bytes)),
        };
        text = text.replace(&format!("${}", at + 1), &literal);
    }
    text
}

/// The parts that a statement reaches by PostgreSQL's own plan: of the tables that are spread by each column, which.
fn parts(
    tx: &mut dyn Tx,
    spread: &BTreeMap<String, Option<String>>,
    sql: &str,
) -> BTreeMap<String, BTreeSet<String>> {
    let plan = tx.query(&format!("explain (costs off) {sql}"), &[]).unwrap();
    let mut reached: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in &plan {
        let line = row.text(0).unwrap();
        for word in line.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            if let Some((table, part)) = word.split_once("__p")
                && let Some(Some(column)) = spread.get(table)
            {
                let part = part.split('_').next().unwrap();
                reached.entry(column.clone()).or_default().insert(part.to_owned());
            }
        }
    }
    reached
}

#[test]
fn what_is_asked_all_day_long_is_asked_of_one_machine() {
    let Some(place) = Engine::Postgres.place() else { return };
    let ear = Ear::default();
    let store = Arc::new(Recorder::new(place.store(), ear.clone()));
    let town = Town::on_store(place, store);
    let asked = ask(&town, &ear);
    let spread = spread();

    let mut writer = town.place.store().writer().unwrap();
    let mut tx = writer.begin().unwrap();
    let tx = tx.as_tx();
    cut(tx, &spread);
    let (mut of_one, mut several, mut used) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    for (what, heard, bulk) in &asked {
        for (sql, sets) in heard {
            let reach = |values: &Vec<Value>| parts(tx, &spread, &with_values(sql, values));
            let reached: Vec<_> = sets.iter().take(SETS).map(reach).collect();
            let parts_of = |it: &BTreeMap<_, BTreeSet<_>>| it.values().map(BTreeSet::len).sum::<usize>();
            let Some(most) = reached.iter().max_by_key(|it| parts_of(it)) else { continue };
            match (parts_of(most), CROSS.iter().position(|(piece, _)| sql.contains(piece))) {
                (0, _) => {}
                (1, _) => drop(of_one.insert(sql)),
                (_, Some(at)) => drop(used.insert(at)),
                (_, None) => several.push(format!("{what}: {most:?}: {sql}")),
            }
        }
        for (table, (columns, inserts)) in bulk {
            let Some(column) = &spread[*table] else { continue };
            let at = columns.iter().position(|it| it == column).expect("the column that it is spread by");
            for cells in inserts {
                let values: BTreeSet<&Value> = cells.iter().skip(at).step_by(columns.len()).collect();
                if values.len() > 1 {
                    several
                        .push(format!("{what}: rows of {} parts in one insert into {table}", values.len()));
                }
            }
        }
    }
    eprintln!("{} requests ask {} statements of one machine", asked.len(), of_one.len());
    assert!(of_one.len() > 50, "the plans are read");
    assert!(several.is_empty(), "{} ask several machines:\n{}", several.len(), several.join("\n"));
    let idle: Vec<_> = (0..CROSS.len()).filter(|at| !used.contains(at)).map(|at| CROSS[at]).collect();
    assert!(idle.is_empty(), "these need no exception: {idle:?}");
}
