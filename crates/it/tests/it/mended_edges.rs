//! What lies under everything: where an installation is founded, which files entries name, what is erased, what the audit sees,
//! what the log of reads shows, and how the lines of a form end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base::{ActorId, UnitCode};
use harness::{Client, Engine, Place, Town, User, on_every_store, seeded, signer};
use kernel::BodyErased;
use serde_json::{Value, json};
use taizhang::Surroundings;

use crate::trespass::{granted, input};
use crate::upkeep::{done, refused};

const EVIDENCE: &str = "/api/market/beiyuan/evidence";
const CERTIFICATE: &str = "market.certificate.recorded";

fn keep(client: &Client, what: &str) -> String {
    let pdf = format!("%PDF-1.4\n% {what}\n%%EOF\n");
    let kept = client.post_bytes(EVIDENCE, "application/octet-stream", pdf.as_bytes()).expect(201).json();
    kept["digest"].as_str().unwrap().to_owned()
}

/// Records a certificate, which names a file, and returns its number.
fn paper(town: &Town, client: &Client, merchant: &str, file: &str) -> u64 {
    town.clock.advance_ms(1_000);
    let body =
        json!({ "merchant": merchant, "certificate": "health", "number": "JK1", "until": "2027-03-25" });
    let mut entry = input(CERTIFICATE, body);
    entry["evidence"] = json!([file]);
    let recorded = client.post("/api/market/beiyuan/entries", &entry).expect(201).json();
    recorded["entry"]["seq"].as_u64().unwrap()
}

fn erase(town: &Town, seq: u64) {
    let by = ActorId::new("system:test").unwrap();
    let erasure =
        BodyErased {
            seq, reason: "本人申请".into(), legal_basis: "个人信息保护法第四十七条".into()
        };
    town.site.kernel.erase(&town.book(), &by, erasure).unwrap();
}

fn run(town: &Town, sql: &str) {
    let sql = sql.to_owned();
    let run = town.site.kernel.append_blocking::<_, _, ()>(move |desk| {
        desk.aside(&sql, Vec::new());
        Ok(())
    });
    assert!(matches!(run, Ok(())), "{run:?}");
}

/// Which entries name a file and have their body, by the table.
fn named(town: &Town, digest: &str) -> Vec<i64> {
    const NAMED: &str = "select seq from evidence_named where digest = $1 order by seq";
    let rows = town.site.kernel.read(|tx| tx.query(NAMED, &[store::Param::Text(digest)])).unwrap();
    rows.iter().map(|row| row.int(0).unwrap()).collect()
}

/// The entry of the market's book that the audit names, and what is said of it.
fn found(town: &Town, book: &str) -> Option<(Option<u64>, String)> {
    let report = town.site.kernel.audit().unwrap();
    let mut findings = report.findings.into_iter();
    let finding = findings.next()?;
    assert_eq!((finding.book.as_str(), findings.next()), (book, None));
    Some((finding.seq, finding.what))
}

on_every_store! {
    fn which_entries_name_a_file_is_kept_by_the_file_and_filled_where_it_was_not(town) {
        let operator = town.program(User::Operator);
        let file = keep(&operator, "shared");
        let (one, other) = (paper(&town, &operator, "m1", &file), paper(&town, &operator, "m2", &file));
        let both = vec![one as i64, other as i64];
        assert_eq!(named(&town, &file), both);
        erase(&town, one);
        assert_eq!(named(&town, &file), both[1..]);
        let inspector = town.program(User::Inspector);
        inspector.get(&format!("{EVIDENCE}/{file}")).expect(200);
        town.check();
        let alone = keep(&operator, "alone");
        erase(&town, other);
        assert!(named(&town, &file).is_empty());
        inspector.get(&format!("{EVIDENCE}/{file}")).expect(404);
        let third = paper(&town, &operator, "m1", &alone);
        town.check();

        run(&town, "drop table evidence_named");
        run(&town, "delete from schema_step where owner = 'kernel' and number = 51");
        let clock = town.clock.clone();
        let place = town.close();
        let around = Surroundings { clock, entropy: seeded(5), signer: signer(&place.config().name) };
        let kernel = taizhang::open_kernel(&place.config(), place.store(), around).unwrap();
        let rows = kernel.read(|tx| tx.query("select digest, seq from evidence_named", &[])).unwrap();
        let rows: Vec<_> = rows.iter().map(|row| (row.text(0).unwrap().to_owned(), row.int(1).unwrap())).collect();
        assert_eq!(rows, [(alone, third as i64)]);
        assert_eq!(kernel.replay().unwrap().changed, Vec::<String>::new());
        kernel.stop();
    }

    fn the_audit_reads_the_files_that_entries_name_and_misses_books_that_are_gone(town) {
        let operator = town.program(User::Operator);
        let (file, gone) = (keep(&operator, "kept"), keep(&operator, "erased"));
        let seq = paper(&town, &operator, "m1", &file);
        erase(&town, paper(&town, &operator, "m2", &gone));
        town.check();
        run(&town, "create table kept_evidence as select * from evidence");
        run(&town, "update evidence set bytes = (select hashes from tile limit 1)");
        let (at, what) = found(&town, "beiyuan").unwrap();
        assert!(at == Some(seq) && what.contains(&file) && what.contains("is not what was named"), "{at:?} {what}");
        run(&town, "delete from evidence");
        let (at, what) = found(&town, "beiyuan").unwrap();
        assert!(at == Some(seq) && what.contains(&file) && what.contains("is gone"), "{at:?} {what}");
        run(&town, "insert into evidence select * from kept_evidence");
        town.check();
        run(&town, "delete from book where book = 'xihai'");
        let (at, what) = found(&town, "xihai").unwrap();
        assert!(at.is_none() && what.contains("nothing of it is stored"), "{what}");
    }

    fn the_log_of_reads_is_paged_without_leaving_out_reads_of_one_millisecond(town) {
        let units = ["371402", "beiyuan-market"].map(|unit| UnitCode::new(unit).unwrap());
        for reader in ["a", "b", "c", "d", "e"] {
            town.site.kernel.log_read(&ActorId::new(format!("token:{reader}")).unwrap(), &units, "marked").unwrap();
        }
        let auditor = town.program(User::Auditor);
        let (mut seen, mut before) = (Vec::new(), String::new());
        loop {
            let page = auditor.get(&format!("/api/reads?count=2{before}")).expect(200).json();
            let rows = page.as_array().unwrap();
            let Some(last) = rows.last() else { break };
            before = format!("&before={}", last["place"].as_str().unwrap());
            let marked = rows.iter().filter(|row| row["what"] == "marked");
            seen.extend(marked.map(|row| (row["unit"].to_string(), row["actor"].to_string())));
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((count, seen.len()), (10, 10));
        let page = |before: &str| auditor.with("accept", "text/html").get(&format!("/admin/reads?before={before}")).status;
        assert_eq!((page(before.trim_start_matches("&before=")), page("12"), page("1.2.%00")), (200, 400, 400));
    }

    fn a_read_is_noted_for_the_topmost_units_alone(town) {
        let units = ["371400", "371402", "beiyuan-market", "371481"];
        let grants = units.map(|unit| json!({ "role": "auditor", "unit": unit }));
        let (auditor, _) = granted(&town, json!(grants));
        let (below, _) = granted(&town, json!(grants[1..].to_vec()));
        let noted = |client: &Client| {
            client.get("/api/accounts").expect(200);
            let reads = auditor.get("/api/reads?count=200").expect(200).json();
            let of = |row: &&Value| row["what"] == "accounts";
            reads.as_array().unwrap().iter().filter(of).map(|row| row["unit"].to_string()).collect::<Vec<_>>()
        };
        let first = noted(&auditor);
        assert_eq!(first, ["\"371400\""]);
        let mut both = noted(&below);
        both.sort();
        assert_eq!(both, ["\"371400\"", "\"371402\"", "\"371481\""]);
    }

    fn a_text_of_several_lines_is_sent_by_a_form(town) {
        let complaint = |text: &str| {
            let body = json!({ "slip": null, "text": text, "contact": null, "fair_scale_g": null });
            harness::enter(&town.site.kernel, &town.book(), "market.complaint.filed", body).entry.seq
        };
        let inspector = town.browser(User::Inspector).with("accept", "text/html");
        let settle = |seq: base::Seq| format!("/market/beiyuan/complaints/{seq}");
        let fields = [("outcome", "upheld"), ("refund_fen", ""), ("text", "第一行\r\n第二行")];
        inspector.post_form(&settle(complaint("one")), &fields).expect(303);
        let latest = town.site.kernel.read(|tx| kernel::entries::latest(tx, &town.book(), &["market.complaint.settled"], None, 1));
        let body: Value = serde_json::from_str(latest.unwrap()[0].body.as_deref().unwrap()).unwrap();
        assert_eq!(body["text"], "第一行\n第二行");
    }

    fn a_checkpoint_that_cannot_be_kept_now_is_to_be_asked_for_again(town) {
        town.site.kernel.stop();
        let answer = town.site.client().get("/log/beiyuan/checkpoint").expect(503);
        assert!(!answer.header("retry-after").is_empty());
    }
}

/// Tables that are there.
fn tables(place: &Place) -> usize {
    let sql = match place.engine {
        Engine::Sqlite => "select name from sqlite_master where type = 'table'",
        Engine::Postgres => "select cast(tablename as text) from pg_tables where schemaname = 'public'",
    };
    store::read(&*place.store(), |tx| Ok(tx.query(sql, &[])?.len())).unwrap()
}

#[test]
fn nothing_is_founded_under_a_key_that_is_there_already() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(founded) = engine.place() else { continue };
        assert!(refused(&founded, &["audit"]).contains("there is no"), "nor is a key made");
        assert!(refused(&founded, &["key"]).contains("there is no"));
        assert!(!founded.folder.path().join("signing.key").exists());
        done(&founded, &["password", "admin"]);
        done(&founded, &["audit"]);

        let empty = engine.place().unwrap();
        let file = |place: &Place, name: &str| place.folder.path().join(name);
        std::fs::copy(file(&founded, "signing.key"), file(&empty, "signing.key")).unwrap();
        if engine == Engine::Sqlite {
            std::fs::write(file(&empty, "taizhang.db"), b"").unwrap();
        }
        for command in
            [&["audit"][..], &["replay"], &["password", "admin"], &["serve"], &["proof", "registry", "0"]]
        {
            assert!(refused(&empty, command).contains("signing.key is there"), "{command:?}");
        }
        assert_eq!(tables(&empty), 0);
        if engine == Engine::Sqlite {
            let before = std::fs::read(file(&founded, "taizhang.db")).unwrap();
            let nothing = file(&empty, "nothing.db");
            std::fs::write(&nothing, b"").unwrap();
            assert!(
                refused(&founded, &["restore", nothing.to_str().unwrap()]).contains("signing.key is there")
            );
            assert_eq!(std::fs::read(file(&founded, "taizhang.db")).unwrap(), before);
        }
    }
}

#[test]
fn a_copy_is_not_restored_without_the_log_beside_it() {
    let place = Engine::Sqlite.place().unwrap();
    done(&place, &["password", "admin"]);
    let copy = place.folder.path().join("copy.db");
    done(&place, &["backup", copy.to_str().unwrap()]);
    let log = place.folder.path().join("copy.db-wal");
    std::fs::write(&log, b"entries").unwrap();
    assert!(refused(&place, &["restore", copy.to_str().unwrap()]).contains("copy.db-wal"));
    std::fs::write(&log, b"").unwrap();
    done(&place, &["restore", copy.to_str().unwrap()]);
}

#[test]
fn a_copy_where_a_restore_works_is_not_removed_by_it() {
    let place = Engine::Sqlite.place().unwrap();
    done(&place, &["password", "admin"]);
    let work = place.folder.path().join("restoring");
    std::fs::create_dir(&work).unwrap();
    let copy = work.join("copy.db");
    done(&place, &["backup", copy.to_str().unwrap()]);
    assert!(refused(&place, &["restore", copy.to_str().unwrap()]).contains("move it elsewhere"));
    let moved = place.folder.path().join("copy.db");
    std::fs::rename(&copy, &moved).unwrap();
    done(&place, &["restore", moved.to_str().unwrap()]);
}

#[test]
fn what_was_erased_leaves_the_log_of_a_market_that_never_rests() {
    const TEXT: &str = "a shopper who is to be forgotten";
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let log = town.place.folder.path().join("taizhang.db-wal");
    let is_there = || {
        let bytes = std::fs::read(&log).unwrap_or_default();
        bytes.windows(TEXT.len()).any(|window| window == TEXT.as_bytes())
    };
    let (is_over, reads) = (AtomicBool::new(false), AtomicBool::new(true));
    std::thread::scope(|scope| {
        let kernel = &town.site.kernel;
        scope.spawn(|| {
            let actor = ActorId::new("system:test").unwrap();
            while !is_over.load(Ordering::Relaxed) {
                kernel.log_read(&actor, &[UnitCode::new("371400").unwrap()], "steadily").unwrap();
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let body = json!({ "slip": null, "text": TEXT, "contact": null, "fair_scale_g": null });
        let seq = harness::enter(kernel, &town.book(), "market.complaint.filed", body).entry.seq;
        let (begun, has_begun) = std::sync::mpsc::channel();
        let reads = &reads;
        scope.spawn(move || {
            kernel.read(|tx| {
                tx.query("select size from book", &[])?;
                begun.send(()).unwrap();
                while reads.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Ok(())
            })
        });
        has_begun.recv().unwrap();
        erase(&town, seq.0);
        assert!(is_there(), "a reader was in the way");
        reads.store(false, Ordering::Relaxed);
        let until = Instant::now() + Duration::from_secs(10);
        while is_there() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(!is_there());
    });
}
