//! What every backend must do, as checks on an empty database. A backend's tests run them with [`crate::conformance`].
#![allow(clippy::unwrap_used, reason = "checks run in tests only")]

use crate::{Insert, Migration, Param, Row, Store, StoreError, Tx, Type, Value, Writer, migrate, read};

/// Writes one test for each check. `$with` is a function that gives a check an empty database:
/// `fn(check: fn(&dyn Store))`.
#[macro_export]
macro_rules! conformance {
    ($with:path) => {
        $crate::conformance! { $with,
            values_and_nulls_come_back_as_they_went
            a_commit_is_seen_by_readers_and_a_rollback_is_not
            a_snapshot_stands_still_while_a_writer_commits
            ten_thousand_rows_go_in_at_once_and_conflicts_are_settled
            a_bulk_insert_of_misfitting_cells_is_refused
            a_bulk_insert_of_no_rows_does_nothing
            a_broken_unique_key_takes_the_whole_transaction
            placeholders_stand_in_any_order_and_repeat
            parameters_take_the_type_of_their_value
            a_wrong_number_of_parameters_is_refused
            writes_return_rows_and_are_seen_by_their_transaction
            counts_and_cast_sums_are_integers_and_other_types_are_refused
            migration_is_idempotent_and_refuses_edited_and_unknown_steps
            a_failed_migration_leaves_nothing
            a_refused_statement_is_named
            a_reader_cannot_write
            more_threads_read_than_there_are_readers
            a_writer_goes_on_after_a_reconnect
            the_database_has_a_size
        }
    };
    ($with:path, $($check:ident)*) => {
        $(#[test]
        fn $check() {
            $with($crate::suite::$check);
        })*
    };
}

const TABLE: &str = "create table if not exists thing (
    id bigint not null, number bigint, words text, bytes blob, primary key (id)) /* clustered */;
    create index if not exists thing_number on thing (number);";
const PUT: &str = "insert into thing (id, number, words, bytes) values ($1, $2, $3, $4)";
const PUT_MANY: Insert = Insert {
    table: "thing",
    columns: &[("id", Type::Int), ("number", Type::Int), ("words", Type::Text), ("bytes", Type::Blob)],
    then: "",
};

fn table(store: &dyn Store) -> Box<dyn Writer> {
    let mut writer = store.writer().unwrap();
    write(&mut *writer, |tx| tx.run_script(TABLE)).unwrap();
    writer
}

fn write(
    writer: &mut dyn Writer,
    work: impl FnOnce(&mut dyn Tx) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut tx = writer.begin()?;
    work(tx.as_tx())?;
    tx.commit()
}

fn put(tx: &mut dyn Tx, id: i64) -> Result<(), StoreError> {
    tx.execute(PUT, &[id.into(), id.into(), Param::Null, Param::Null]).map(drop)
}

fn rows(store: &dyn Store, sql: &str, params: &[Param<'_>]) -> Vec<Row> {
    read(store, |tx| tx.query(sql, params)).unwrap()
}

fn count(store: &dyn Store) -> i64 {
    rows(store, "select count(*) from thing", &[])[0].int(0).unwrap()
}

pub fn values_and_nulls_come_back_as_they_went(store: &dyn Store) {
    let mut writer = table(store);
    let all: Vec<u8> = (0..=255).collect();
    let cases: &[(i64, Param<'_>, Param<'_>, Param<'_>)] = &[
        (1, Param::Null, Param::Null, Param::Null),
        (2, i64::MIN.into(), "".into(), b"".as_slice().into()),
        (3, i64::MAX.into(), "中文 台账 🧾 é 'quoted' $1 \\ \u{1}\n".into(), all.as_slice().into()),
        (4, 0.into(), "123".into(), b"123".as_slice().into()),
    ];
    let cells: Vec<Param<'_>> = cases
        .iter()
        .flat_map(|(id, number, words, bytes)| [Param::Int(*id + 10), *number, *words, *bytes])
        .collect();
    write(&mut *writer, |tx| {
        for (id, number, words, bytes) in cases {
            assert_eq!(tx.execute(PUT, &[(*id).into(), *number, *words, *bytes])?, 1);
        }
        tx.insert_many(&PUT_MANY, &cells)
    })
    .unwrap();
    let found = rows(store, "select number, words, bytes from thing order by id", &[]);
    assert_eq!(found.len(), 2 * cases.len());
    for (row, (_, number, words, bytes)) in found.iter().zip(cases.iter().chain(cases)) {
        let given: Vec<Param<'_>> = row.0.iter().map(Param::from).collect();
        assert_eq!(given, [*number, *words, *bytes]);
    }
    let words = "中文 台账 🧾 é 'quoted' $1 \\ \u{1}\n";
    assert_eq!(rows(store, "select id from thing where words = $1", &[words.into()]).len(), 2);
}

pub fn a_commit_is_seen_by_readers_and_a_rollback_is_not(store: &dyn Store) {
    let mut writer = table(store);
    write(&mut *writer, |tx| put(tx, 1)).unwrap();
    assert_eq!(count(store), 1);
    let mut tx = writer.begin().unwrap();
    put(tx.as_tx(), 2).unwrap();
    assert_eq!(count(store), 1, "uncommitted");
    drop(tx);
    assert_eq!(count(store), 1, "dropped");
    write(&mut *writer, |tx| put(tx, 2)).unwrap();
    assert_eq!(count(store), 2);
}

pub fn a_snapshot_stands_still_while_a_writer_commits(store: &dyn Store) {
    let mut writer = table(store);
    let seen = read(store, |tx| {
        let count = |tx: &mut dyn Tx| tx.query("select count(*) from thing", &[])?[0].int(0);
        let before = count(tx)?;
        write(&mut *writer, |tx| put(tx, 1))?;
        Ok((before, count(tx)?))
    });
    assert_eq!(seen.unwrap(), (0, 0));
    assert_eq!(count(store), 1);
}

pub fn ten_thousand_rows_go_in_at_once_and_conflicts_are_settled(store: &dyn Store) {
    let mut writer = table(store);
    let words: Vec<String> = (0..10_000).map(|id| format!("第{id}号")).collect();
    let cells = |number: i64| -> Vec<Param<'_>> {
        let row = |(id, words)| [Param::Int(id), Param::Int(number), Param::from(words), Param::Null];
        (0..).zip(&words).flat_map(row).collect()
    };
    write(&mut *writer, |tx| tx.insert_many(&PUT_MANY, &cells(1))).unwrap();
    let sum = "select count(*), cast(sum(number) as bigint), min(words), max(id) from thing";
    let row = |number: i64| {
        Row(vec![Value::Int(10_000), Value::Int(number), Value::Text("第0号".into()), Value::Int(9_999)])
    };
    assert_eq!(rows(store, sum, &[]), [row(10_000)]);

    let ignore = Insert { then: "on conflict (id) do nothing", ..PUT_MANY };
    write(&mut *writer, |tx| tx.insert_many(&ignore, &cells(2))).unwrap();
    assert_eq!(rows(store, sum, &[]), [row(10_000)]);

    let add =
        Insert { then: "on conflict (id) do update set number = thing.number + excluded.number", ..PUT_MANY };
    write(&mut *writer, |tx| tx.insert_many(&add, &cells(2))).unwrap();
    assert_eq!(rows(store, sum, &[]), [row(30_000)]);
}

pub fn a_bulk_insert_of_misfitting_cells_is_refused(store: &dyn Store) {
    let mut writer = table(store);
    let wrong_type = [1.into(), "two".into(), Param::Null, Param::Null];
    let cut_short = [1.into(), 2.into(), Param::Null];
    for cells in [wrong_type.as_slice(), cut_short.as_slice()] {
        let error = write(&mut *writer, |tx| tx.insert_many(&PUT_MANY, cells)).unwrap_err();
        assert!(matches!(error, StoreError::Statement { .. }), "{error}");
    }
    assert_eq!(count(store), 0);
}

pub fn a_bulk_insert_of_no_rows_does_nothing(store: &dyn Store) {
    let mut writer = table(store);
    write(&mut *writer, |tx| tx.insert_many(&PUT_MANY, &[])).unwrap();
    assert_eq!(count(store), 0);
}

pub fn a_broken_unique_key_takes_the_whole_transaction(store: &dyn Store) {
    let mut writer = table(store);
    write(&mut *writer, |tx| put(tx, 5)).unwrap();
    let mut tx = writer.begin().unwrap();
    put(tx.as_tx(), 1).unwrap();
    let cells: Vec<Param<'_>> =
        (3..7).flat_map(|id| [id.into(), Param::Null, Param::Null, Param::Null]).collect();
    let error = tx.insert_many(&PUT_MANY, &cells).unwrap_err();
    assert!(matches!(error, StoreError::Statement { .. }), "{error}");
    assert!(put(tx.as_tx(), 9).is_err(), "nothing can follow a refused statement");
    assert!(tx.commit().is_err(), "nor can it be committed");
    assert_eq!(count(store), 1);
    write(&mut *writer, |tx| put(tx, 2)).unwrap();
    assert_eq!(count(store), 2);
}

pub fn placeholders_stand_in_any_order_and_repeat(store: &dyn Store) {
    let mut writer = table(store);
    write(&mut *writer, |tx| {
        tx.execute(
            "insert into thing (words, number, id) values ($3, $2, $1)",
            &[7.into(), 8.into(), "$9".into()],
        )?;
        tx.execute("update thing set number = $2 where id = $1 and words <> '$4'", &[7.into(), 9.into()])
            .map(drop)
    })
    .unwrap();
    let sql =
        "select id, number, words from thing where number = $2 and (id = $1 or number = $1) and id <> $2";
    let found = rows(store, sql, &[7.into(), 9.into()]);
    assert_eq!(found, [Row(vec![Value::Int(7), Value::Int(9), Value::Text("$9".into())])]);
    assert!(rows(store, sql, &[9.into(), 7.into()]).is_empty());
}

pub fn parameters_take_the_type_of_their_value(store: &dyn Store) {
    let mut writer = table(store);
    let large = 1_i64 << 40;
    write(&mut *writer, |tx| (0..9).try_for_each(|id| put(tx, id))).unwrap();
    let found = rows(
        store,
        "select $1 + 1, $2, $3 from thing where id < $4 + 1 order by id limit $5 offset $6",
        &[large.into(), "字".into(), b"\0\xff".as_slice().into(), 5.into(), 4.into(), 5.into()],
    );
    let row = Row(vec![Value::Int(large + 1), Value::Text("字".into()), Value::Blob(vec![0, 255])]);
    assert_eq!(found, [row]);
    // The same statement with a null in another place is another statement to an engine that types its parameters.
    for number in [Param::Int(3), Param::Null, Param::Int(4)] {
        write(&mut *writer, |tx| {
            tx.execute("update thing set number = $1 where id = $2", &[number, 3.into()]).map(drop)
        })
        .unwrap();
        let found = rows(store, "select number from thing where id = 3", &[]);
        assert_eq!(Param::from(&found[0].0[0]), number);
    }
}

pub fn a_wrong_number_of_parameters_is_refused(store: &dyn Store) {
    let _writer = table(store);
    for params in [&[][..], &[1.into()], &[1.into(), 2.into(), 3.into()]] {
        let result = read(store, |tx| tx.query("select id from thing where id = $1 and number = $2", params));
        assert!(matches!(result, Err(StoreError::Statement { .. })), "{result:?}");
    }
}

pub fn writes_return_rows_and_are_seen_by_their_transaction(store: &dyn Store) {
    let mut writer = table(store);
    let mut tx = writer.begin().unwrap();
    put(tx.as_tx(), 1).unwrap();
    let next = "update thing set number = number + $2 where id = $1 returning number - $2, number";
    assert_eq!(tx.query(next, &[1.into(), 5.into()]).unwrap(), [Row(vec![Value::Int(1), Value::Int(6)])]);
    assert_eq!(tx.query_one("select number from thing", &[]).unwrap(), Some(Row(vec![Value::Int(6)])));
    assert_eq!(tx.execute("delete from thing where id = $1", &[2.into()]).unwrap(), 0);
    assert_eq!(tx.execute("delete from thing where id = $1", &[1.into()]).unwrap(), 1);
    assert_eq!(tx.query_one("select number from thing", &[]).unwrap(), None);
}

pub fn counts_and_cast_sums_are_integers_and_other_types_are_refused(store: &dyn Store) {
    let mut writer = table(store);
    let sums =
        "select count(*), cast(sum(number) as bigint), cast(coalesce(sum(number), 0) as bigint) from thing";
    assert_eq!(rows(store, sums, &[]), [Row(vec![Value::Int(0), Value::Null, Value::Int(0)])]);
    write(&mut *writer, |tx| (1..=3).try_for_each(|id| put(tx, id))).unwrap();
    assert_eq!(rows(store, sums, &[]), [Row(vec![Value::Int(3), Value::Int(6), Value::Int(6)])]);
    let result = read(store, |tx| tx.query("select id, 1.5 from thing", &[]));
    assert!(matches!(result, Err(StoreError::Shape { column: 1, .. })), "{result:?}");
}

pub fn migration_is_idempotent_and_refuses_edited_and_unknown_steps(store: &dyn Store) {
    const ONE: Migration = Migration { owner: "suite", number: 1, sql: TABLE };
    const TWO: Migration = Migration {
        owner: "suite",
        number: 2,
        sql: "create table other (id bigint primary key, seal blob not null)",
    };
    let mut writer = store.writer().unwrap();
    let mut run = |steps: &[Migration]| {
        let mut tx = writer.begin()?;
        let taken = migrate(tx.as_tx(), steps)?;
        tx.commit().map(|()| taken.len())
    };
    assert_eq!(run(&[ONE]).unwrap(), 1);
    assert_eq!(run(&[ONE]).unwrap(), 0);
    assert_eq!(run(&[ONE, TWO]).unwrap(), 1);
    assert_eq!(run(&[ONE, TWO]).unwrap(), 0);
    assert!(matches!(run(&[ONE]), Err(StoreError::Schema(_))), "step 2 is unknown to the older version");
    let edited = Migration { sql: "create table other (id bigint primary key)", ..TWO };
    assert!(
        matches!(run(&[ONE, edited]), Err(StoreError::Schema(_))),
        "step 2 was taken with other statements"
    );
    assert_eq!(run(&[ONE, TWO]).unwrap(), 0);
    assert_eq!(count(store), 0);
}

pub fn a_failed_migration_leaves_nothing(store: &dyn Store) {
    let steps = [
        Migration { owner: "suite", number: 1, sql: TABLE },
        Migration {
            owner: "suite",
            number: 2,
            sql: "create table half (id bigint); create tabel other (id bigint)",
        },
    ];
    let mut writer = store.writer().unwrap();
    assert!(write(&mut *writer, |tx| migrate(tx, &steps).map(drop)).is_err());
    assert!(read(store, |tx| tx.query("select * from thing", &[])).is_err());
    assert!(read(store, |tx| tx.query("select * from half", &[])).is_err());
}

pub fn a_refused_statement_is_named(store: &dyn Store) {
    let _writer = table(store);
    for sql in ["select nothing from thing", "selekt 1", "select id from no_such_thing where id = 3"] {
        match read(store, |tx| tx.query(sql, &[])) {
            Err(StoreError::Statement { statement, reason, .. }) => {
                assert_eq!(statement, sql);
                assert!(!reason.is_empty());
            }
            other => panic!("{sql} gave {other:?}"),
        }
    }
}

pub fn a_reader_cannot_write(store: &dyn Store) {
    let _writer = table(store);
    assert!(read(store, |tx| put(tx, 1)).is_err());
    assert!(
        read(store, |tx| tx.insert_many(&PUT_MANY, &[1.into(), Param::Null, Param::Null, Param::Null]))
            .is_err()
    );
    assert!(read(store, |tx| tx.run_script("drop table thing")).is_err());
    assert_eq!(count(store), 0);
}

pub fn more_threads_read_than_there_are_readers(store: &dyn Store) {
    let mut writer = table(store);
    write(&mut *writer, |tx| put(tx, 1)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(count(store), 1)));
        }
    });
}

pub fn a_writer_goes_on_after_a_reconnect(store: &dyn Store) {
    let mut writer = table(store);
    drop(writer.begin().unwrap());
    writer.reconnect().unwrap();
    write(&mut *writer, |tx| put(tx, 1)).unwrap();
    assert_eq!(count(store), 1);
}

pub fn the_database_has_a_size(store: &dyn Store) {
    let _writer = table(store);
    assert!(store.size_bytes().unwrap() > 0);
}

/// Appends `batches` transactions of 2,000 rows that look like entries; returns the rows per second.
pub fn rows_per_second(store: &dyn Store, batches: i64) -> u64 {
    const ROWS: i64 = 2_000;
    const ENTRIES: Insert = Insert {
        table: "entry",
        columns: &[
            ("book", Type::Text),
            ("seq", Type::Int),
            ("kind", Type::Text),
            ("day", Type::Int),
            ("head", Type::Text),
            ("body", Type::Text),
            ("salt", Type::Blob),
        ],
        then: "",
    };
    let mut writer = store.writer().unwrap();
    let script = "create table entry (book text not null, seq bigint not null, kind text not null, day bigint not null,
        head text not null, body text not null, salt blob not null, primary key (book, seq)) /* clustered */;
        create index entry_kind on entry (book, kind, day, seq);";
    write(&mut *writer, |tx| tx.run_script(script)).unwrap();
    let (head, body, salt) = ("\"h\":1,".repeat(50), "\"b\":12,".repeat(28), [7_u8; 16]);
    let start = std::time::Instant::now();
    for batch in 0..batches {
        let cells: Vec<Param<'_>> = (batch * ROWS..(batch + 1) * ROWS)
            .flat_map(|number| {
                let book = ["370100.market-1", "370101.market-2", "370102.plant-7"][number as usize % 3];
                let kind =
                    ["market.sale", "market.receipt", "market.test", "matter.moved"][number as usize % 4];
                let cells: [Param<'_>; 7] = [
                    book.into(),
                    (number / 3).into(),
                    kind.into(),
                    (20_000 + number / 5_000).into(),
                    head.as_str().into(),
                    body.as_str().into(),
                    salt.as_slice().into(),
                ];
                cells
            })
            .collect();
        write(&mut *writer, |tx| tx.insert_many(&ENTRIES, &cells)).unwrap();
    }
    (ROWS * batches * 1_000).unsigned_abs() / u64::try_from(start.elapsed().as_millis()).unwrap().max(1)
}
