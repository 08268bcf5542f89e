//! A database that an earlier version made opens with this one, goes on, and says what it said then; a migration that fails
//! leaves it as it was. The fixtures are made by `cargo xtask fixture NAME`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use base::{BookId, ManualClock, Seq, Time};
use harness::{Engine, Place, Site, Town, User, sale, seeded, signer};
use serde_json::{Value, json};
use store::fault::{Answer, FaultStore, Faults, Step};
use store::{Store, Tx};
use taizhang::Surroundings;

/// The releases of which there is a fixture.
fn releases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/upgrade");
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|release| release.unwrap().path()).collect();
    all.sort();
    assert!(all.len() >= 2, "{all:?}");
    all
}

/// What was read of the database by the version that made it.
fn recorded(release: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(release.join("recorded.json")).unwrap()).unwrap()
}

/// The database of a release in a place of its own; none where there is no PostgreSQL.
fn unpack(release: &Path, engine: Engine) -> Option<Place> {
    let place = engine.place()?;
    let packed = release.join(if engine == Engine::Sqlite { "taizhang.db.gz" } else { "taizhang.sql.gz" });
    let unpacked = Command::new("gzip").arg("-dc").arg(packed).output().unwrap();
    assert!(unpacked.status.success());
    match &place.database_url {
        None => std::fs::write(place.config().database_path(), unpacked.stdout).unwrap(),
        Some(url) => {
            let mut psql = Command::new("psql");
            psql.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", url]).stdin(Stdio::piped());
            let mut psql = psql.stdout(Stdio::null()).spawn().unwrap();
            std::io::Write::write_all(&mut psql.stdin.take().unwrap(), &unpacked.stdout).unwrap();
            assert!(psql.wait().unwrap().success());
        }
    }
    Some(place)
}

/// Opens the kernel as the program does, on a store of the caller's choice.
fn open(place: &Place, store: Arc<dyn Store>, now: &str) -> Result<Arc<kernel::Kernel>, String> {
    let config = place.config();
    let clock = Arc::new(ManualClock::at(Time::parse(now).unwrap()));
    let around = Surroundings { clock, entropy: seeded(1), signer: signer(&config.name) };
    taizhang::open_kernel(&config, store, around).map_err(|error| error.to_string())
}

/// The root of the tree of the first entries of a book, as anybody computes it.
fn root(kernel: &kernel::Kernel, book: &str, size: u64) -> String {
    let book = BookId::new(book).unwrap();
    let mut tree = merkle::Appender::empty();
    let count = usize::try_from(size).unwrap();
    for stored in kernel.read(|tx| kernel::entries::entries_from(tx, &book, Seq(0), count)).unwrap() {
        tree.push(stored.entry.leaf());
    }
    assert_eq!(tree.size(), size);
    tree.root().to_string()
}

/// Tables, columns and indexes, and which steps were taken.
fn schema(store: &dyn Store) -> Vec<String> {
    const SQLITE: &str = "select name || ' ' || coalesce(sql, '') from sqlite_master order by name";
    const COLUMNS: &str =
        "select cast(table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
        || coalesce(column_default, '') || ' ' || coalesce(collation_name, '') as text)
        from information_schema.columns where table_schema = 'public' order by table_name, column_name";
    const INDEXES: &str =
        "select cast(indexdef as text) from pg_indexes where schemaname = 'public' order by indexname";
    const STEPS: &str =
        "select owner || ' ' || number || ' ' || sql_sum from schema_step order by owner, number";
    let questions: &[&str] =
        if store.engine() == store::Engine::Sqlite { &[SQLITE, STEPS] } else { &[COLUMNS, INDEXES, STEPS] };
    let all = store::read(store, |tx| {
        let mut all = Vec::new();
        for question in questions {
            for row in tx.query(question, &[])? {
                all.push(row.text(0)?.to_owned());
            }
        }
        Ok(all)
    });
    all.unwrap()
}

/// Every row of every table, as far as its text tells.
fn rows(store: &dyn Store, tables: &[String]) -> Vec<String> {
    let count = |tx: &mut dyn Tx| {
        tables
            .iter()
            .map(|table| {
                let rows = tx.query(&format!("select * from {table}"), &[])?;
                let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
                rows.sort();
                Ok(format!("{table}: {rows:?}"))
            })
            .collect()
    };
    store::read(store, count).unwrap()
}

fn tables(store: &dyn Store) -> Vec<String> {
    let sql = match store.engine() {
        store::Engine::Sqlite => "select name from sqlite_master where type = 'table' order by name",
        store::Engine::Postgres => {
            "select cast(tablename as text) from pg_tables where schemaname = 'public' order by tablename"
        }
    };
    let names = store::read(store, |tx| {
        tx.query(sql, &[])?.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    });
    names.unwrap()
}

/// Runs on both databases.
fn on_every_store(tell: impl Fn(Engine, &Path)) {
    for release in releases() {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            eprintln!("{engine:?} of {}", release.display());
            tell(engine, &release);
        }
    }
}

#[test]
fn a_database_of_every_release_opens_says_what_it_said_and_goes_on() {
    on_every_store(|engine, release| {
        let Some(place) = unpack(release, engine) else { return };
        let then = recorded(release);
        let now = then["now"].as_str().unwrap();
        let kernel = open(&place, place.store(), now).unwrap();
        let report = kernel.audit().unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(kernel.replay().unwrap().changed, Vec::<String>::new(), "what follows from the entries");
        for book in then["books"].as_array().unwrap() {
            let (name, size) = (book["book"].as_str().unwrap(), book["size"].as_u64().unwrap());
            assert_eq!(root(&kernel, name, size), book["root"], "{name} begins with what it was");
        }
        kernel.stop();
        drop(kernel);

        let clock = Arc::new(ManualClock::at(Time::parse(now).unwrap()));
        let site = Site::serve(&place.config(), place.store(), clock.clone());
        let town = Town { site, clock, place };
        let sizes = |town: &Town| town.fingerprint().into_iter().map(|(_, size, _)| size).sum::<u64>();
        let before = sizes(&town);
        town.settle();
        assert_eq!(sizes(&town), before, "an upgrade lets nothing fall due");
        let leader = town.program(User::Leader);
        for (name, value) in then["figures"].as_object().unwrap() {
            let path = format!("/api/figures/{name}?unit=371402&from=2026-01-01&to=2026-12-31");
            let said = leader.get(&path).expect(200).json();
            for (member, amount) in value.as_object().unwrap() {
                assert_eq!(&said[member], amount, "{name}, {member}");
            }
        }
        // Whoever could sign in can, and selling goes on.
        let fields = [("account", "admin"), ("password", "correct horse battery")];
        town.site.client().post_form("/sign-in", &fields).expect(303);
        let sold = json!({ "sales": [sale(900, "L1", 500, &town.now())] });
        let receipt = town.scale(1).post("/scale/v1/sales", &sold).expect(200).json();
        assert_eq!(receipt["lines"][0]["outcome"], "recorded", "{receipt}");
        let events = town.program(User::Tracer).get("/epcis/events").expect(200).json();
        let events = &events["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
        assert_eq!(events.as_array().map(Vec::len), Some(1), "{events}");
        town.check();
    });
}

#[test]
fn a_notice_that_waits_across_an_upgrade_is_on_the_list_of_its_posts_unit() {
    const WAITS: &str = "insert into outbox
        (book, notice, contact, about, what, post, text_zh, text_en, enqueued, attempts, next_at)
        values ('decheng-projects', 'before', 1, 'matter:decheng-projects/task-1', 'opened',
            'post:decheng-office/office', '立项', 'Opened', 1, 0, 1)";
    // The last release that did not keep whose a notice is, and knew posts.
    let release = releases().into_iter().find(|release| release.ends_with("2ef7558")).unwrap();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = unpack(&release, engine) else { return };
        change(&place, WAITS);
        let kernel = open(&place, place.store(), recorded(&release)["now"].as_str().unwrap()).unwrap();
        let of = |unit: &str| kernel.waiting_notices(10, |it| it.as_str() == unit).unwrap().len();
        assert_eq!((of("decheng-office"), of("leling-office")), (1, 0), "{engine:?}");
        kernel.stop();
    }
}

/// Changes a database that nobody has opened.
fn change(place: &Place, sql: &str) {
    let store = place.store();
    let mut writer = store.writer().unwrap();
    let mut tx = writer.begin().unwrap();
    tx.execute(sql, &[]).unwrap();
    tx.commit().unwrap();
}

#[test]
fn an_upgraded_schema_is_that_of_a_new_database() {
    on_every_store(|engine, release| {
        let Some(place) = unpack(release, engine) else { return };
        let before = schema(&*place.store());
        let now = recorded(release)["now"].as_str().unwrap().to_owned();
        open(&place, place.store(), &now).unwrap().stop();
        let fresh = engine.place().unwrap();
        open(&fresh, fresh.store(), &now).unwrap().stop();
        assert_eq!(schema(&*place.store()), schema(&*fresh.store()));
        assert_ne!(schema(&*place.store()), before, "steps were taken");
        // Once is enough.
        let upgraded = rows(&*place.store(), &tables(&*place.store()));
        open(&place, place.store(), &now).unwrap().stop();
        assert_eq!(rows(&*place.store(), &tables(&*place.store())), upgraded);
    });
}

#[test]
fn a_migration_that_fails_at_any_step_leaves_the_database_as_it_was() {
    // The release that has the longest way.
    let release = releases().into_iter().find(|release| release.ends_with("foundation")).unwrap();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = unpack(&release, engine) else { return };
        let now = recorded(&release)["now"].as_str().unwrap().to_owned();
        let before = (schema(&*place.store()), rows(&*place.store(), &tables(&*place.store())));
        // Asking a server for every row after every step takes its time.
        let stride = if engine == Engine::Sqlite { 1 } else { 7 };
        let mut broken = 0;
        loop {
            // Breaks the step of that number; an opening that has fewer of them before its commit is through.
            let faults = Faults::new(move |number, step| match step {
                _ if number == broken => Answer::Break { persist: false },
                Step::Commit if number < broken => Answer::Break { persist: false },
                _ => Answer::Ok,
            });
            let store = Arc::new(FaultStore::new(place.store(), faults.clone()));
            let error = open(&place, store, &now).map(|kernel| kernel.stop()).unwrap_err();
            assert!(error.contains("injected"), "{error}");
            let after = (schema(&*place.store()), rows(&*place.store(), &tables(&*place.store())));
            assert!(after == before, "step {broken} left something behind");
            if faults.steps() <= broken {
                break;
            }
            broken += stride;
        }
        assert!(broken > 10, "{broken} steps");
        let kernel = open(&place, place.store(), &now).unwrap();
        assert!(kernel.audit().unwrap().is_clean());
    }
}

#[test]
fn a_database_of_before_the_foundation_or_of_a_newer_version_is_refused_in_so_many_words() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        for (changed, says) in [
            (
                "update schema_step set sql_sum = 1 where owner = 'kernel' and number = 1",
                "step 1 of kernel was taken with other statements",
            ),
            (
                "insert into schema_step (owner, number, sql_sum) values ('kernel', 9999, 1)",
                "unknown step 9999 of kernel: a newer version wrote it",
            ),
        ] {
            let Some(place) = unpack(&releases()[0], engine) else { return };
            change(&place, changed);
            let before = schema(&*place.store());
            let refused = open(&place, place.store(), "2026-03-10T08:00:00+08:00").map(drop).unwrap_err();
            assert!(
                refused.contains("the database does not fit this version") && refused.contains(says),
                "{refused}"
            );
            assert_eq!(schema(&*place.store()), before);
        }
    }
}
