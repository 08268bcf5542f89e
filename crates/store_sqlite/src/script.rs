/// Turns a portable migration into SQLite's words: a table that is marked as stored in the order of its
/// primary key is one without a row id. `blob` and `bigint` are understood as they are.
pub fn translate(sql: &str) -> String {
    sql.replace("/* clustered */", "without rowid")
}
