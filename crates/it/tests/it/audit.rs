//! Whatever somebody with the database changes in it behind the ledger's back, the audit names the first entry that does not
//! fit.

use harness::{Town, User, on_every_store, sale};
use serde_json::json;

const BOOK: &str = "book = 'beiyuan'";

/// What is done to the database, and the entry that is named; none where it is the book as a whole.
const CHANGES: [(&str, Option<u64>); 10] = [
    ("update entry set body = replace(body, '番茄', '土豆') where seq = 1", Some(1)),
    ("update entry set head = replace(head, 'system:test', 'system:best') where seq = 5", Some(5)),
    ("update entry set kind = 'market.lot.received' where seq = 3", Some(3)),
    ("update entry set day = day + 1 where seq = 4", Some(4)),
    ("update entry set body = null, salt = null where seq = 6", Some(6)),
    ("delete from entry where seq = 7", Some(7)),
    ("delete from entry where seq > 20", None),
    ("update book set size = size - 1", None),
    ("update tile set hashes = (select hashes from tile t where t.book <> 'beiyuan' limit 1)", Some(0)),
    ("update checkpoint set note = replace(note, 'beiyuan', 'beiyuan2')", Some(0)),
];

on_every_store! {
    fn the_audit_names_the_first_entry_that_does_not_fit(town) {
        let scale = town.program(User::Scale);
        let sales: Vec<_> = (1..=9).map(|counter| sale(counter, "L1", 10, "2026-03-10T00:00:00.000Z")).collect();
        scale.post("/scale/v1/sales", &json!({ "sales": sales })).expect(200);
        let signed = town.site.kernel.checkpoint(&town.book()).unwrap();
        assert!(signed.lines().count() > 3);
        assert!(town.site.kernel.audit().unwrap().is_clean());
        for (change, expected) in CHANGES {
            let report = tampered(&town, change);
            let [finding] = report.findings.as_slice() else { panic!("{change}: {report:?}") };
            assert_eq!(finding.book, "beiyuan", "{change}");
            // The last entry that a checkpoint is of is where a change of the checkpoint shows.
            let named = if change.contains("checkpoint") { finding.seq.map(|_| 0) } else { finding.seq };
            assert_eq!(named, expected, "{change}: {finding:?}");
        }
        assert!(town.site.kernel.audit().unwrap().is_clean(), "all of it was taken back");
    }
}

/// The audit of a database in which something was changed, which is put right afterwards.
fn tampered(town: &Town, change: &str) -> kernel::Report {
    const TABLES: [&str; 4] = ["entry", "book", "tile", "checkpoint"];
    let run = |statements: &[String]| {
        let statements = statements.to_vec();
        let run = town.site.kernel.append_blocking::<_, _, ()>(move |desk| {
            statements.iter().for_each(|sql| desk.aside(sql, Vec::new()));
            Ok(())
        });
        assert!(matches!(run, Ok(())), "{run:?}");
    };
    let keep = TABLES.map(|table| format!("create table kept_{table} as select * from {table}"));
    let and = if change.contains("where seq") { "and" } else { "where" };
    run(&keep);
    run(&[format!("{change} {and} {BOOK}")]);
    let report = town.site.kernel.audit().unwrap();
    for table in TABLES {
        run(&[
            format!("delete from {table}"),
            format!("insert into {table} select * from kept_{table}"),
            format!("drop table kept_{table}"),
        ]);
    }
    report
}
