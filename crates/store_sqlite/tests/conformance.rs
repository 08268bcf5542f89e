//! The checks of every backend, and what only a store in a file must do.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use store::{
    Param, Store, StoreError, WriteTx,
    fault::{FaultStore, Faults},
    read, read_within,
};
use store_sqlite::SqliteStore;

store::conformance!(with_database);

fn with_database(check: fn(&dyn Store)) {
    let folder = tempfile::tempdir().expect("a folder");
    check(&SqliteStore::open(&folder.path().join("城 ?#.db")).expect("an empty database"));
}

fn count(store: &dyn Store) -> i64 {
    read(store, |tx| tx.query("select count(*) from pair", &[])?[0].int(0)).expect("a count")
}

fn pair(tx: &mut dyn WriteTx, id: i64) -> Result<(), StoreError> {
    tx.execute("insert into pair (id) values ($1)", &[Param::Int(id)])?;
    tx.execute("insert into pair (id) values ($1)", &[Param::Int(id + 1)]).map(drop)
}

fn pairs(folder: &tempfile::TempDir) -> SqliteStore {
    let store = SqliteStore::open(&folder.path().join("city.db")).expect("an empty database");
    let mut writer = store.writer().expect("a writer");
    let mut tx = writer.begin().expect("a transaction");
    tx.run_script("create table pair (id bigint primary key)").expect("a table");
    tx.commit().expect("a commit");
    drop(writer);
    store
}

#[test]
fn a_second_writer_is_refused_by_name_until_the_first_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = pairs(&folder);
    let mut first = store.writer().expect("the first writer");
    let second = SqliteStore::open(&folder.path().join("city.db")).expect("others may read");
    assert_eq!(count(&second), 0);
    let error = second.writer().err().expect("the second writer is refused").to_string();
    assert!(error.contains("city.db-writer") && error.contains("another server"), "{error}");
    first.reconnect().expect("a reconnect keeps the right to write");
    assert!(second.writer().is_err());
    drop(first);
    second.writer().expect("the right to write is free again");
}

#[test]
fn a_backup_under_load_holds_whole_transactions_in_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = pairs(&folder);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = store.writer().expect("a writer");
            for id in 0..50_000 {
                let mut tx = writer.begin().expect("a transaction");
                pair(&mut *tx, id * 2).expect("two rows");
                tx.commit().expect("a commit");
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let mut last = 0;
        for number in 0..5 {
            while count(&store) < last + 20 {
                std::thread::yield_now();
            }
            last = count(&store);
            let to = folder.path().join(format!("copy{number}.db"));
            store.backup(&to).expect("a backup");
            let copy = SqliteStore::open(&to).expect("the copy opens");
            assert!(count(&copy) >= last && count(&copy) % 2 == 0);
            assert!(store.backup(&to).is_err(), "an older backup is not overwritten");
        }
        done.store(true, Ordering::Relaxed);
    });
    let partial = std::fs::read_dir(folder.path()).expect("the folder").flatten();
    assert!(partial.into_iter().all(|file| !file.file_name().to_string_lossy().ends_with(".partial")));
}

#[test]
fn a_file_that_is_no_database_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "these are not pages of a database, whatever one may think of them".repeat(20))
        .expect("a file");
    let error = SqliteStore::open(&path).err().expect("refused").to_string();
    assert!(error.contains("notes.txt"), "{error}");
    assert!(SqliteStore::open(&folder.path().join("no/such/folder/city.db")).is_err());
}

#[test]
fn the_right_edge_of_a_key_without_row_ids_is_stored_in_key_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = pairs(&folder);
    let mut writer = store.writer().expect("a writer");
    let mut tx = writer.begin().expect("a transaction");
    tx.run_script("create table head (book text, seq bigint, primary key (book, seq)) /* clustered */;")
        .expect("a table");
    assert!(tx.query("select rowid from head", &[]).is_err());
}

/// A story of five steps: begin, two inserts, commit, and the begin of the next transaction.
fn story(store: &FaultStore, id: i64) -> Result<(), StoreError> {
    let mut writer = store.writer()?;
    let mut tx = writer.begin()?;
    pair(&mut *tx, id)?;
    tx.commit()?;
    writer.begin().map(drop)
}

#[test]
fn every_step_can_be_broken_in_turn_and_only_a_persisting_commit_leaves_rows() {
    for persist in [false, true] {
        for number in 0..6 {
            let folder = tempfile::tempdir().expect("a folder");
            let store = FaultStore::new(Arc::new(pairs(&folder)), Faults::at(number, persist));
            let result = story(&store, 0);
            match number {
                5 => assert!(result.is_ok() && store.faults().breaks() == 0),
                _ => {
                    assert!(matches!(result, Err(StoreError::Injected(step)) if step == number), "{result:?}")
                }
            }
            let rows = if number > 3 || (number == 3 && persist) { 2 } else { 0 };
            assert_eq!(count(&store), rows, "step {number}, persist {persist}");
        }
    }
}

#[test]
fn a_broken_transaction_is_dead_and_the_next_one_lives() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FaultStore::new(Arc::new(pairs(&folder)), Faults::none());
    let mut writer = store.writer().expect("a writer");
    store.faults().break_at(1, true);
    let mut tx = writer.begin().expect("a transaction");
    assert!(matches!(pair(&mut *tx, 0), Err(StoreError::Injected(1))));
    assert!(matches!(tx.query("select 1", &[]), Err(StoreError::Injected(1))));
    assert!(matches!(tx.commit(), Err(StoreError::Injected(1))));
    assert_eq!(store.faults().steps(), 2, "a dead transaction takes no more steps");
    let mut tx = writer.begin().expect("a transaction");
    pair(&mut *tx, 0).expect("two rows");
    tx.commit().expect("a commit");
    assert_eq!(count(&store), 2);
}

#[test]
fn the_same_seed_breaks_the_same_steps() {
    let breaks = |seed| -> Vec<Option<u64>> {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FaultStore::new(Arc::new(pairs(&folder)), Faults::seeded(seed, 4));
        let broken = |result| match result {
            Ok(()) => None,
            Err(StoreError::Injected(step)) => Some(step),
            Err(other) => panic!("{other}"),
        };
        (0..40).map(|number| broken(story(&store, number * 2))).collect()
    };
    assert_eq!(breaks(7), breaks(7));
    assert_ne!(breaks(7), breaks(8));
    assert!(breaks(7).iter().any(Option::is_some) && breaks(7).iter().any(Option::is_none));
}

#[test]
#[ignore = "a measurement, for a release build on a quiet machine"]
fn rows_are_appended_at_this_rate() {
    with_database(|store| {
        let rate = store::suite::rows_per_second(store, 200);
        eprintln!("{rate} rows/s, {} bytes on disk", store.size_bytes().expect("a size"));
    });
}

/// Would never end otherwise.
#[test]
fn a_query_that_takes_too_long_is_ended_and_the_next_is_answered() {
    const ENDLESS: &str =
        "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n";
    let folder = tempfile::tempdir().expect("a folder");
    let store = pairs(&folder).with_query_time(std::time::Duration::from_millis(20));
    let error = read(&store, |tx| tx.query(ENDLESS, &[])).expect_err("it is ended");
    assert!(matches!(error, StoreError::Late(_)), "{error}");
    assert_eq!(count(&store), 0);
}

#[test]
fn a_read_takes_no_statement_when_its_time_is_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = pairs(&folder);
    let time_max = std::time::Duration::from_millis(20);
    let mut asked = 0;
    let error = read_within(&store, time_max, |tx| -> Result<(), _> {
        loop {
            tx.query("select 1", &[])?;
            asked += 1;
        }
    });
    assert!(matches!(error, Err(StoreError::Late(_))) && asked > 0, "{error:?}");
    let rows = read_within(&store, std::time::Duration::from_secs(60), |tx| tx.query("select 1", &[]));
    assert_eq!(rows.expect("in time").len(), 1);
}
