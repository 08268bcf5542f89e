/// Turns a portable migration into PostgreSQL's words: the type `blob` is `bytea`, and `text` is compared by its bytes,
/// as SQLite does, whatever the database's locale: ranges and orders then agree. Quoted text and comments stay as they
/// are; so does the mark of a clustered table, which is a comment.
pub fn translate(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while !rest.is_empty() {
        let (word, length) = next(rest);
        let (piece, tail) = rest.split_at(length);
        out.push_str(match piece.to_ascii_lowercase().as_str() {
            "blob" if word => "bytea",
            "text" if word => "text collate \"C\"",
            _ => piece,
        });
        rest = tail;
    }
    out
}

/// Whether the next piece is a word, and its length in bytes.
fn next(sql: &str) -> (bool, usize) {
    let through =
        |from: usize, end: &str| sql[from..].find(end).map_or(sql.len(), |at| from + at + end.len());
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let Some(first) = sql.chars().next() else {
        return (false, 0);
    };
    match first {
        '\'' => (false, through(1, "'")),
        '"' => (false, through(1, "\"")),
        _ if sql.starts_with("--") => (false, through(2, "\n")),
        _ if sql.starts_with("/*") => (false, through(2, "*/")),
        _ if is_word(first) => (true, sql.find(|letter| !is_word(letter)).unwrap_or(sql.len())),
        _ => (false, first.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn only_types_are_renamed() {
        let sql = "create table blobs (a BLOB not null, blob_b blob default 'a blob', \"blob\" text, 列 blob)\
            /* clustered */; -- blob\n/* blob */ select 'it''s a blob', blob";
        let expected = "create table blobs (a bytea not null, blob_b bytea default 'a blob', \"blob\" text collate \"C\", 列 bytea)\
            /* clustered */; -- blob\n/* blob */ select 'it''s a blob', bytea";
        assert_eq!(translate(sql), expected);
        assert_eq!(translate("a text not null"), "a text collate \"C\" not null");
        assert_eq!(translate("'open blob"), "'open blob");
        assert_eq!(translate(""), "");
    }
}
