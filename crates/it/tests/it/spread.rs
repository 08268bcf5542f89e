//! The tables can be spread over several machines as `docs/citus.sql` says: each by a column that all its keys hold.

use std::collections::{BTreeMap, BTreeSet};

use harness::{Engine, Town};

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
