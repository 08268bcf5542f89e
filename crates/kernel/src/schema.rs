//! The kernel's tables. `book` leads every key, so that the schema can be distributed by book.

use store::{Insert, Migration, Type};

use crate::docket;
use crate::line::Derived;

pub const MIGRATIONS: &[Migration] = &[Migration {
    owner: "kernel",
    number: 1,
    sql: "
create table if not exists book (
    book text not null primary key,
    size bigint not null,
    recorded bigint not null
);
create table if not exists entry (
    book text not null, seq bigint not null, kind text not null, day bigint not null,
    head text not null, body text, salt blob,
    primary key (book, seq)
);
create table if not exists run (
    book text not null, kind text not null, day bigint not null, block bigint not null,
    first_seq bigint not null, last_seq bigint not null,
    primary key (book, kind, day, block)
) /* clustered */;
create table if not exists tile (
    book text not null, level bigint not null, idx bigint not null, hashes blob not null,
    primary key (book, level, idx)
);
create table if not exists checkpoint (
    book text not null, size bigint not null, note text not null,
    primary key (book, size)
);
create table if not exists link (
    book text not null, subject text not null, seq bigint not null, role text not null, mates text,
    primary key (book, subject, role, seq)
) /* clustered */;
create table if not exists seen (
    subject text not null, book text not null,
    primary key (subject, book)
) /* clustered */;
create table if not exists cell (
    book text not null, figure text not null, day bigint not null, dimension text not null, amount bigint not null,
    primary key (book, figure, day, dimension)
) /* clustered */;
create table if not exists answered (
    book text not null, actor text not null, key text not null, digest text not null, answer text not null,
    at bigint not null,
    primary key (book, actor, key)
) /* clustered */;
create table if not exists evidence (
    book text not null, digest text not null, media_type text not null, bytes blob not null,
    primary key (book, digest)
);
",
}];

/// The kernel's own tables that follow from the entries.
pub const DERIVED: &[Derived] = &[
    Derived { table: "run", columns: "book, kind, day, block, first_seq, last_seq" },
    Derived { table: "link", columns: "book, subject, role, seq, mates" },
    Derived { table: "seen", columns: "subject, book" },
    Derived { table: "sought", columns: "book, subject, kind, seq" },
    Derived { table: "evidence_named", columns: "book, digest, seq" },
    Derived { table: "cell", columns: "book, figure, day, dimension, amount" },
    Derived { table: "cell_month", columns: "book, figure, dimension, month, amount" },
    Derived { table: "cell_standing", columns: "book, figure, dimension, amount" },
];

/// The tables of the root book and of matters, and beside them what must never stand in an entry: secrets, sessions, reads.
pub const REGISTRY_MIGRATIONS: &[Migration] = &[
    Migration { owner: "kernel", number: 2, sql: REGISTRY_TABLES },
    Migration { owner: "kernel", number: 3, sql: PLACE_TABLE },
    Migration { owner: "notices", number: 1, sql: NOTICE_TABLES },
    Migration { owner: "kernel", number: 4, sql: docket::TABLES },
    Migration { owner: "kernel", number: 12, sql: TARGET_TABLE },
    Migration { owner: "kernel", number: 13, sql: docket::CLOSED_INDEXES },
    Migration { owner: "kernel", number: 21, sql: docket::HUE_TABLE },
    Migration { owner: "kernel", number: 22, sql: WITNESS_TABLES },
    Migration { owner: "kernel", number: 23, sql: COSIGNING_TABLE },
    Migration { owner: "kernel", number: 30, sql: docket::COLOURED_INDEX },
    Migration { owner: "kernel", number: 31, sql: SECOND_STEP_TABLES },
    Migration { owner: "kernel", number: 32, sql: IDENTITY_TABLES },
    Migration { owner: "kernel", number: 36, sql: "alter table totp add column begun_in text" },
    Migration { owner: "kernel", number: 37, sql: CONFIRMED_TABLE },
    Migration { owner: "kernel", number: 38, sql: UNNAMED_FILES },
    Migration { owner: "kernel", number: 39, sql: SENDER_TABLE },
    Migration { owner: "kernel", number: 40, sql: WAITING_INDEX },
    Migration { owner: "kernel", number: 41, sql: SESSION_CONFIRMED },
    Migration { owner: "kernel", number: 42, sql: OUTBOX_UNITS },
    Migration { owner: "kernel", number: 43, sql: "alter table sent_away add column session text" },
    Migration { owner: "kernel", number: 44, sql: OUTBOX_UNITS_OF_BEFORE },
    Migration { owner: "kernel", number: 45, sql: GRANT_INDEXES },
    Migration { owner: "kernel", number: 47, sql: CAME_BACK },
    Migration { owner: "kernel", number: 48, sql: docket::WAKE_ALL },
    Migration { owner: "kernel", number: 50, sql: SIGNED_FOR },
    Migration { owner: "kernel", number: 52, sql: READS_INDEX },
    LEAVINGS,
    Migration { owner: "kernel", number: 54, sql: FORKS_KEPT },
];

/// Whoever may read the log of a whole city turns its pages by time.
const READS_INDEX: &str = "create index if not exists read_log_by_time on read_log (at, unit, nonce)";

/// A grant is withdrawn by the number of its entry. With this step who left a post is sought by account, also in what was recorded
/// before.
pub const LEAVINGS: Migration = Migration {
    owner: "kernel",
    number: 53,
    sql: "create index if not exists access_grant_by_seq on access_grant (seq)",
};

/// Forks of a log that is trusted no more wait to be acknowledged as others do.
const FORKS_KEPT: &str = "update witness_fork set acknowledged = null, signed_for = ''
    where acknowledged in (select seq from entry where book = 'registry' and kind = 'kernel.witness.dropped');
update witness_fork set signed_for = '' where acknowledged is null
    and not exists (select 1 from witness_trust where witness_trust.origin = witness_fork.signed_for)
    and signed_for is not null";

/// Trust and forks follow from the root book; what was cosigned last does not.
const WITNESS_TABLES: &str = "
create table if not exists witness_trust (
    log bigint not null primary key, origin text not null, vkey text not null, title text not null,
    owner text, reviewer text, since bigint not null
);
create table if not exists witness_fork (
    fork bigint not null primary key, origin text not null, first_size bigint not null, first_root text not null,
    second_size bigint not null, second_root text not null, since bigint not null, acknowledged bigint
);
create index if not exists witness_fork_of_log on witness_fork (origin, acknowledged);
create table if not exists witness_log (
    origin text not null primary key, size bigint not null, note text not null, cosigned bigint not null,
    refused bigint, refused_note text
);
";

/// What each witness said of each book, and when it is asked next. It does not follow from entries.
const COSIGNING_TABLE: &str = "
create table if not exists cosigning (
    book text not null, witness text not null, size bigint not null, line text, seconds bigint not null,
    next_at bigint not null, attempts bigint not null, fault text, code bigint,
    primary key (book, witness)
);
";

/// None of it follows from entries.
const SECOND_STEP_TABLES: &str = "
create table if not exists totp (
    actor text not null primary key, secret text not null, confirmed bigint not null, last_step bigint not null,
    wrong bigint not null, wait_until bigint not null, updated bigint not null
);
create table if not exists recovery_code (
    actor text not null, hash text not null,
    primary key (actor, hash)
);
create table if not exists half_session (
    hash text not null primary key, actor text not null, expires bigint not null
);
create index if not exists half_session_by_actor on half_session (actor);
";

/// Whom accounts are linked with follows from the root book. Who is at the provider meanwhile does not, nor which sessions
/// it vouched for.
const IDENTITY_TABLES: &str = "
create table if not exists account_identity (
    actor text not null primary key, issuer text not null, identifier text not null, seq bigint not null
);
create index if not exists account_identity_by_identifier on account_identity (issuer, identifier);
create table if not exists sent_away (
    hash text not null primary key, next text not null, expires bigint not null
);
create table if not exists provider_session (
    hash text not null primary key, expires bigint not null
);
";

/// Which trusted log signed what was cosigned: the closest one by name.
const SIGNED_FOR: &str = "
alter table witness_log add column signed_for text;
update witness_log set signed_for = (select it.origin from witness_trust as it
    where witness_log.origin = it.origin
    or substr(witness_log.origin, 1, length(it.origin) + 1) = it.origin || '/'
    order by length(it.origin) desc limit 1);
create index witness_log_signed_for on witness_log (signed_for);
alter table witness_fork add column signed_for text;
update witness_fork set signed_for = (select it.origin from link join witness_trust as it
    on link.subject = 'witness:registry/' || it.log where link.book = 'registry' and link.seq = witness_fork.fork limit 1)
";

/// By which ways somebody came back from the provider, until they are over. What is over is found by an index, and so is what
/// an account holds, and what units have.
const CAME_BACK: &str = "
drop table sent_away;
create table came_back (hash text not null primary key, expires bigint not null);
create index came_back_by_expiry on came_back (expires);
create index session_by_expiry on session (expires);
create index half_session_by_expiry on half_session (expires);
create index provider_session_by_expiry on provider_session (expires);
create index org_holder_by_account on org_holder (account);
create index account_of_unit on account (unit, disabled);
create index api_token_of_unit on api_token (unit, revoked)
";

/// Since when a file waits for an entry that names it; those that are there already are taken as named.
const UNNAMED_FILES: &str = "
alter table evidence add column unnamed bigint;
create index if not exists evidence_by_unnamed on evidence (unnamed) where unnamed is not null;
";

/// Who sent a file, and so may name it in an entry; nobody is known to have sent those that are there already.
const SENDER_TABLE: &str = "
create table if not exists evidence_sender (
    book text not null, digest text not null, actor text not null,
    primary key (book, digest, actor)
);
";

/// When a session's owner last gave the password; those that are open already give it again.
const SESSION_CONFIRMED: &str = "alter table session add column confirmed bigint not null default 0";

/// Whose posts notices go to, by which they take turns; of those that wait already nobody's.
const OUTBOX_UNITS: &str = "
alter table outbox add column unit text not null default '';
create index if not exists outbox_by_unit on outbox (unit, next_at);
drop index if exists outbox_by_next;
";

/// What waited before it was known whose it is.
const OUTBOX_UNITS_OF_BEFORE: &str = "
update outbox set unit = (select unit from org_post where org_post.post = outbox.post)
where unit = '' and exists (select post from org_post where org_post.post = outbox.post);
";

/// How many were given in a branch, and who acts for a post, is asked at each grant.
const GRANT_INDEXES: &str = "
create index if not exists access_grant_by_unit on access_grant (unit);
create index if not exists access_grant_by_subject on access_grant (subject, role) where subject is not null;
";

/// What waits of each sender is looked at before more is kept.
const WAITING_INDEX: &str =
    "create index if not exists evidence_waiting on evidence (book, unnamed) where unnamed is not null";

/// Which link of an account its owner has confirmed; it does not follow from entries. Those that are there already are taken
/// as confirmed.
const CONFIRMED_TABLE: &str = "
create table if not exists identity_confirmed (
    actor text not null primary key, seq bigint not null
);
insert into identity_confirmed (actor, seq) select actor, seq from account_identity;
";

const TARGET_TABLE: &str = "
create table if not exists target (
    unit text not null, figure text not null, from_day bigint not null, to_day bigint not null,
    amount bigint not null, seq bigint not null,
    primary key (unit, figure, from_day, to_day)
);
";

/// Sums of the cells, so that few rows add up to a figure whatever its period. They are filled from the cells that a
/// database holds already.
pub const SUMS: Migration = Migration {
    owner: "kernel",
    number: 11,
    sql: "
create table if not exists cell_month (
    book text not null, figure text not null, dimension text not null, month bigint not null, amount bigint not null,
    primary key (book, figure, dimension, month)
) /* clustered */;
create table if not exists cell_standing (
    book text not null, figure text not null, dimension text not null, amount bigint not null,
    primary key (book, figure, dimension)
) /* clustered */;
",
};

/// Entries of the kinds that are sought by what they are about. It is filled from the entries that a database holds already.
pub const SOUGHT: Migration = Migration {
    owner: "kernel",
    number: 46,
    sql: "
create table if not exists sought (
    book text not null, subject text not null, kind text not null, seq bigint not null,
    primary key (book, subject, kind, seq)
) /* clustered */;
",
};

/// Which entries that have their body name a file. It is filled from the entries that a database holds already.
pub const NAMED: Migration = Migration {
    owner: "kernel",
    number: 51,
    sql: "
create table if not exists evidence_named (
    book text not null, digest text not null, seq bigint not null,
    primary key (book, digest, seq)
) /* clustered */;
",
};

/// Contacts follow from the root book; their secrets and the outbox do not.
const NOTICE_TABLES: &str = "
create table if not exists org_contact (
    post text not null, contact bigint not null, channel text not null, address text not null, since bigint not null,
    primary key (post, contact)
);
create index if not exists org_contact_by_number on org_contact (contact);
create table if not exists contact_secret (
    contact bigint not null primary key, secret text not null
);
create table if not exists outbox (
    book text not null, notice text not null, contact bigint not null, about text not null, what text not null,
    post text not null, text_zh text not null, text_en text not null, enqueued bigint not null,
    attempts bigint not null, next_at bigint not null, fault text, code bigint,
    primary key (book, notice)
);
create index if not exists outbox_by_next on outbox (next_at);
create index if not exists outbox_by_contact on outbox (contact, enqueued, notice);
";

const PLACE_TABLE: &str = "
create table if not exists org_place (
    place text not null primary key, unit text not null, kind text not null,
    title_zh text not null, title_en text not null, lat_e7 bigint, lon_e7 bigint, gln text
);
";

const REGISTRY_TABLES: &str = "
create table if not exists org_unit (
    unit text not null primary key, parent text, level text not null, title_zh text not null, title_en text not null
);
create table if not exists org_book (
    book text not null primary key, unit text not null, line text not null,
    title_zh text not null, title_en text not null
);
create table if not exists org_post (
    post text not null primary key, unit text not null, title_zh text not null, title_en text not null
);
create table if not exists org_holder (
    post text not null, from_day bigint not null, account text not null, until_day bigint,
    primary key (post, from_day)
);
create table if not exists account (
    actor text not null primary key, account text not null, unit text not null, title text not null,
    disabled bigint not null
);
create table if not exists access_grant (
    grantee text not null, seq bigint not null, role text not null, unit text not null, line text, subject text,
    primary key (grantee, seq)
);
create table if not exists api_token (
    token text not null primary key, unit text not null, title text not null, expires bigint, revoked bigint not null
);
create table if not exists device (
    book text not null, device text not null, title text not null, subject text not null, revoked bigint not null,
    primary key (book, device)
);
create table if not exists secret (
    actor text not null primary key, hash text not null, must_change bigint not null, updated bigint not null
);
create table if not exists session (
    hash text not null primary key, actor text not null, csrf text not null, created bigint not null,
    expires bigint not null, seen bigint not null
);
create index if not exists session_by_actor on session (actor);
create table if not exists read_log (
    unit text not null, at bigint not null, nonce bigint not null, actor text not null, what text not null,
    primary key (unit, at, nonce)
);
";

/// The tables that follow from the root book and from the entries about matters.
pub const REGISTRY_DERIVED: &[Derived] = &[
    Derived { table: "org_unit", columns: "unit, parent, level, title_zh, title_en" },
    Derived { table: "org_book", columns: "book, unit, line, title_zh, title_en" },
    Derived { table: "org_post", columns: "post, unit, title_zh, title_en" },
    Derived { table: "org_place", columns: "place, unit, kind, title_zh, title_en, lat_e7, lon_e7, gln" },
    Derived { table: "org_holder", columns: "post, from_day, account, until_day" },
    Derived { table: "account", columns: "actor, account, unit, title, disabled" },
    Derived { table: "account_identity", columns: "actor, issuer, identifier, seq" },
    Derived { table: "access_grant", columns: "grantee, seq, role, unit, line, subject" },
    Derived { table: "api_token", columns: "token, unit, title, expires, revoked" },
    Derived { table: "device", columns: "book, device, title, subject, revoked" },
    Derived { table: "org_contact", columns: "post, contact, channel, address, since" },
    docket::DERIVED[0],
    docket::DERIVED[1],
    docket::DERIVED[2],
    docket::DERIVED[3],
    Derived { table: "target", columns: "unit, figure, from_day, to_day, amount, seq" },
    Derived { table: "witness_trust", columns: "log, origin, vkey, title, owner, reviewer, since" },
    Derived {
        table: "witness_fork",
        columns: "fork, origin, first_size, first_root, second_size, second_root, since, acknowledged, signed_for",
    },
];

pub const INSERT_ENTRY: Insert = Insert {
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

/// Entries of a book that share a row of `run`: it says where among them those of a kind and day lie. It stands for an
/// index of every entry, and a kind that comes by the million costs a row for many.
pub const BLOCK_ENTRIES: u64 = 64;

/// Numbers only grow, so the first one stays.
pub const EXTEND_RUN: Insert = Insert {
    table: "run",
    columns: &[
        ("book", Type::Text),
        ("kind", Type::Text),
        ("day", Type::Int),
        ("block", Type::Int),
        ("first_seq", Type::Int),
        ("last_seq", Type::Int),
    ],
    then: "on conflict (book, kind, day, block) do update set last_seq = excluded.last_seq",
};

pub const INSERT_LINK: Insert = Insert {
    table: "link",
    columns: &[
        ("book", Type::Text),
        ("subject", Type::Text),
        ("role", Type::Text),
        ("seq", Type::Int),
        ("mates", Type::Text),
    ],
    then: "",
};

pub const INSERT_SOUGHT: Insert = Insert {
    table: "sought",
    columns: &[("book", Type::Text), ("subject", Type::Text), ("kind", Type::Text), ("seq", Type::Int)],
    then: "",
};

pub const INSERT_NAMED: Insert = Insert {
    table: "evidence_named",
    columns: &[("book", Type::Text), ("digest", Type::Text), ("seq", Type::Int)],
    then: "on conflict (book, digest, seq) do nothing",
};

pub const INSERT_SEEN: Insert = Insert {
    table: "seen",
    columns: &[("subject", Type::Text), ("book", Type::Text)],
    then: "on conflict (subject, book) do nothing",
};

pub const ADD_TO_CELL: Insert = Insert {
    table: "cell",
    columns: &[
        ("book", Type::Text),
        ("figure", Type::Text),
        ("day", Type::Int),
        ("dimension", Type::Text),
        ("amount", Type::Int),
    ],
    then: "on conflict (book, figure, day, dimension) do update set amount = cell.amount + excluded.amount",
};

pub const ADD_TO_MONTH: Insert = Insert {
    table: "cell_month",
    columns: &[
        ("book", Type::Text),
        ("figure", Type::Text),
        ("dimension", Type::Text),
        ("month", Type::Int),
        ("amount", Type::Int),
    ],
    then: "on conflict (book, figure, dimension, month) do update set amount = cell_month.amount + excluded.amount",
};

pub const ADD_TO_STANDING: Insert = Insert {
    table: "cell_standing",
    columns: &[
        ("book", Type::Text),
        ("figure", Type::Text),
        ("dimension", Type::Text),
        ("amount", Type::Int),
    ],
    then: "on conflict (book, figure, dimension) do update set amount = cell_standing.amount + excluded.amount",
};

pub const PUT_TILE: Insert = Insert {
    table: "tile",
    columns: &[("book", Type::Text), ("level", Type::Int), ("idx", Type::Int), ("hashes", Type::Blob)],
    then: "on conflict (book, level, idx) do update set hashes = excluded.hashes",
};

/// Takes the head row of a book for this transaction: the order of a book is the order of its commits.
pub const TAKE_HEAD: &str = "update book set size = size where book = $1 returning size, recorded";
pub const MOVE_HEAD: &str = "update book set size = $2, recorded = $3 where book = $1";
pub const OPEN_BOOK: &str =
    "insert into book (book, size, recorded) values ($1, 0, 0) on conflict (book) do nothing";
pub const READ_TILE: &str = "select hashes from tile where book = $1 and level = $2 and idx = $3";
