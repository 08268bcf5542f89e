//! The tables of the docket.

use store::{Insert, Type};

use crate::line::Derived;

/// The day by which a matter is ordered whose clock stands: after all that have a deadline.
pub const NO_DAY: i64 = i32::MAX as i64;

/// Step 4 of the kernel's schema. `matter_wake` and `line_day` do not follow from entries: they say how far the clock is.
pub const TABLES: &str = "
create table if not exists matter (
    book text not null, matter text not null, sort text not null, state text not null, colour text,
    owner text not null, reviewer text not null, rule text not null, due bigint not null, closed bigint,
    body text not null,
    primary key (book, matter)
);
create index if not exists matter_open on matter (due, book, matter) where closed is null;
create index if not exists matter_open_of_book on matter (book, due, matter) where closed is null;
create index if not exists matter_coloured on matter (colour, due, book, matter) where closed is null;
create index if not exists matter_closed on matter (closed, book, matter) where closed is not null;
create table if not exists matter_post (
    post text not null, due bigint not null, book text not null, matter text not null, part text not null,
    primary key (post, due, book, matter)
) /* clustered */;
create table if not exists regulation (
    seq bigint not null primary key, since bigint not null, sort text not null, body text not null
);
create table if not exists matter_wake (
    book text not null, matter text not null, next bigint not null, looked bigint not null,
    primary key (book, matter)
) /* clustered */;
create index if not exists matter_wake_next on matter_wake (next, book, matter);
create table if not exists line_day (
    book text not null primary key, day bigint not null
);
";

/// Step 13: what a post has behind it.
pub const CLOSED_INDEXES: &str = "
create index if not exists matter_closed_of_owner on matter (owner, closed, book, matter) where closed is not null;
create index if not exists matter_closed_of_reviewer on matter (reviewer, closed, book, matter)
    where closed is not null;
";

/// Step 21: on which days a matter was yellow or red, from the first on up to the one on which it was so no more.
pub const HUE_TABLE: &str = "
create table if not exists matter_hue (
    book text not null, matter text not null, colour text not null, since bigint not null, until bigint not null,
    primary key (book, matter, colour, since)
) /* clustered */;
create index if not exists matter_hue_of_book on matter_hue (book, colour, until, since, matter);
";

/// Step 30: what is of a colour in one book.
pub const COLOURED_INDEX: &str = "
create index if not exists matter_coloured_of_book on matter (book, colour, due, matter) where closed is null;
";

/// `regulation` follows from the root book, the others from the entries about matters.
pub const DERIVED: [Derived; 4] = [
    Derived {
        table: "matter",
        columns: "book, matter, sort, state, colour, owner, reviewer, rule, due, closed, body",
    },
    Derived { table: "matter_post", columns: "post, due, book, matter, part" },
    Derived { table: "regulation", columns: "seq, since, sort, body" },
    Derived { table: "matter_hue", columns: "book, matter, colour, since, until" },
];

pub const PUT_MATTER: Insert = Insert {
    table: "matter",
    columns: &[
        ("book", Type::Text),
        ("matter", Type::Text),
        ("sort", Type::Text),
        ("state", Type::Text),
        ("colour", Type::Text),
        ("owner", Type::Text),
        ("reviewer", Type::Text),
        ("rule", Type::Text),
        ("due", Type::Int),
        ("closed", Type::Int),
        ("body", Type::Text),
    ],
    then: "on conflict (book, matter) do update set state = excluded.state, colour = excluded.colour,
        owner = excluded.owner, reviewer = excluded.reviewer, due = excluded.due, closed = excluded.closed,
        body = excluded.body",
};

pub const INSERT_POST: Insert = Insert {
    table: "matter_post",
    columns: &[
        ("post", Type::Text),
        ("due", Type::Int),
        ("book", Type::Text),
        ("matter", Type::Text),
        ("part", Type::Text),
    ],
    then: "",
};

pub const DELETE_POST: &str =
    "delete from matter_post where post = $1 and due = $2 and book = $3 and matter = $4";
pub const ADD_REGULATION: &str = "insert into regulation (seq, since, sort, body) values ($1, $2, $3, $4)";
pub const PUT_WAKE: &str = "insert into matter_wake (book, matter, next, looked) values ($1, $2, $3, $4)
    on conflict (book, matter) do update set next = excluded.next, looked = excluded.looked";
/// The clock looks once more at matters that did nothing by themselves any more: some of them do now.
pub const WAKE_ALL: &str = "update matter_wake set next = looked where next = 9223372036854775807";

pub const DELETE_WAKE: &str = "delete from matter_wake where book = $1 and matter = $2";
