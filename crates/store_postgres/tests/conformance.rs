//! The checks of every backend, and what only a store on a server must do.

use std::process::Command;

use store::{KEPT_STATEMENT_BYTES_MAX, Migration, Param, Store, StoreError, migrate, read};
use store_postgres::{PostgresStore, testing};

store::conformance!(with_database);

fn with_database(check: fn(&dyn Store)) {
    if let Some(cluster) = testing::shared() {
        check(&PostgresStore::connect(&cluster.fresh_database(), 4).expect("an empty database"));
    }
}

fn run(store: &dyn Store, script: &str) {
    let mut writer = store.writer().expect("a writer");
    let mut tx = writer.begin().expect("a transaction");
    tx.run_script(script).expect("a script");
    tx.commit().expect("a commit");
}

fn count(store: &dyn Store) -> Result<i64, StoreError> {
    read(store, |tx| tx.query("select count(*) from thing", &[])?[0].int(0))
}

fn kill_others(store: &dyn Store) {
    run(
        store,
        "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()",
    );
}

#[test]
fn readers_come_back_by_themselves_and_a_writer_by_a_reconnect() {
    let Some(cluster) = testing::shared() else { return };
    let store = PostgresStore::connect(&cluster.fresh_database(), 1).expect("an empty database");
    run(&store, "create table thing (id bigint primary key)");
    let mut writer = store.writer().expect("a writer");
    assert_eq!(count(&store).expect("a count"), 0);
    kill_others(&store);
    assert_eq!(count(&store).expect("the reader opened another connection"), 0);

    let lost = writer.begin().err().expect("the writer's connection is gone");
    assert!(matches!(lost, StoreError::Connection { .. }), "{lost}");
    writer.reconnect().expect("a reconnect");
    let mut tx = writer.begin().expect("a transaction");
    kill_others(&store);
    let lost = tx.execute("insert into thing (id) values ($1)", &[Param::Int(1)]).expect_err("gone again");
    assert!(matches!(lost, StoreError::Connection { .. }), "{lost}");
    assert!(tx.commit().is_err());
    writer.reconnect().expect("a reconnect");
    writer.begin().expect("a transaction");
    assert_eq!(count(&store).expect("a count"), 0);
}

#[test]
fn long_statements_are_not_kept() {
    const KEPT: &str = "select count(*) from pg_prepared_statements where length(statement) > 1000";
    let Some(cluster) = testing::shared() else { return };
    let store = PostgresStore::connect(&cluster.fresh_database(), 1).expect("an empty database");
    let kept = |number: i64, bytes: usize| {
        let asked = format!("select cast({number} as bigint) as number -- ");
        let asked = format!("{asked}{}", "x".repeat(bytes - asked.len()));
        read(&store, |tx| {
            assert_eq!(tx.query(&asked, &[])?[0].int(0)?, number);
            tx.query(KEPT, &[])?[0].int(0)
        })
    };
    assert_eq!(kept(1, KEPT_STATEMENT_BYTES_MAX).expect("a count"), 1);
    for number in 2..10 {
        assert_eq!(kept(number, KEPT_STATEMENT_BYTES_MAX + 1).expect("a count"), 1);
    }
}

#[test]
fn a_commit_whose_connection_is_gone_is_an_error() {
    let Some(cluster) = testing::shared() else { return };
    let store = PostgresStore::connect(&cluster.fresh_database(), 1).expect("an empty database");
    run(&store, "create table thing (id bigint primary key)");
    let mut writer = store.writer().expect("a writer");
    let mut tx = writer.begin().expect("a transaction");
    tx.execute("insert into thing (id) values ($1)", &[Param::Int(1)]).expect("a row");
    kill_others(&store);
    assert!(matches!(tx.commit(), Err(StoreError::Connection { .. })));
    assert_eq!(count(&store).expect("a count"), 0);
}

#[test]
fn two_nodes_migrate_one_after_the_other() {
    const STEPS: [Migration; 1] =
        [Migration { owner: "suite", number: 1, sql: "create table thing (id bigint primary key)" }];
    let Some(cluster) = testing::shared() else { return };
    let url = cluster.fresh_database();
    let nodes = || {
        let store = PostgresStore::connect(&url, 1).expect("the database");
        let mut writer = store.writer().expect("a writer");
        let mut tx = writer.begin().expect("a transaction");
        let taken = migrate(tx.as_tx(), &STEPS).expect("a migration");
        tx.commit().expect("a commit");
        taken.len()
    };
    let taken: usize = std::thread::scope(|scope| {
        let nodes: Vec<_> = (0..6).map(|_| scope.spawn(nodes)).collect();
        nodes.into_iter().map(|node| node.join().expect("a node")).sum()
    });
    assert_eq!(taken, 1);
}

#[test]
fn a_database_that_is_not_in_utf8_is_refused() {
    let Some(cluster) = testing::shared() else { return };
    let url = cluster.fresh_database();
    let store = PostgresStore::connect(&url, 1).expect("an empty database");
    let mut client = postgres::Client::connect(&url, postgres::NoTls).expect("a client");
    client
        .batch_execute("create database latin template template0 encoding 'LATIN1' locale 'C'")
        .expect("a database in latin1");
    let (server, _) = url.rsplit_once('/').expect("a database's name");
    let error = PostgresStore::connect(&format!("{server}/latin"), 1).err().expect("refused").to_string();
    client.batch_execute("drop database latin with (force)").expect("it is dropped");
    assert!(error.contains("LATIN1") && error.contains("UTF8"), "{error}");
    assert_eq!(store.engine(), store::Engine::Postgres);
}

#[test]
fn no_error_repeats_the_password() {
    for url in [
        "postgres://clerk:s3cret-word@127.0.0.1:1/city",
        "postgres://clerk:s3cret-word@127.0.0.1:port/city",
        "postgres://clerk:wrong?s3cret-word@127.0.0.1/city",
        "host=127.0.0.1 port=1 password=s3cret-word user=clerk nonsense",
    ] {
        let error = PostgresStore::connect(url, 1).err().expect("nothing listens there");
        assert!(!format!("{error} {error:?}").contains("s3cret-word"), "{error}");
    }
}

#[test]
fn a_backup_is_one_that_pg_restore_reads() {
    let Some(cluster) = testing::shared() else { return };
    let store = PostgresStore::connect(&cluster.fresh_database(), 1).expect("an empty database");
    run(
        &store,
        "create table thing (id bigint primary key, seal blob); insert into thing values (42, '中文')",
    );
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("city.dump");
    store.backup(&to).expect("a backup");
    assert!(store.backup(&to).is_err(), "an older backup is not overwritten");
    let output = Command::new("pg_restore").arg("--file=-").arg(&to).output().expect("pg_restore runs");
    let script = String::from_utf8(output.stdout).expect("a script");
    assert!(
        script.contains("CREATE TABLE public.thing") && script.contains("42\t\\\\xe4b8ade69687"),
        "{script}"
    );
}

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    let Some(mut cluster) = testing::or_skip(testing::Cluster::start()) else { return };
    if !cluster.is_own() {
        return;
    }
    let store = PostgresStore::connect(&cluster.fresh_database(), 1).expect("an empty database");
    run(&store, "create table thing (id bigint primary key); insert into thing values (1)");
    assert_eq!(count(&store).expect("a count"), 1);
    cluster.crash_and_restart().expect("the server comes back");
    assert_eq!(count(&store).expect("the reader opened another connection"), 1);
}

#[test]
#[ignore = "a measurement, for a release build on a quiet machine"]
fn rows_are_appended_at_this_rate() {
    let Some(cluster) = testing::or_skip(testing::Cluster::start()) else { return };
    let store = PostgresStore::connect(&cluster.fresh_database(), 1).expect("an empty database");
    let rate = store::suite::rows_per_second(&store, 100);
    eprintln!("{rate} rows/s, {} bytes on disk", store.size_bytes().expect("a size"));
}
