create table if not exists market_descent (
    book text not null, parent text not null, lot text not null, seq bigint not null,
    primary key (book, parent, lot)
);
create index if not exists market_descent_by_lot on market_descent (book, lot);
create table if not exists market_hold (
    book text not null, hold bigint not null, lot text not null, reason text not null,
    ancestor text, ancestor_hold bigint, occurred bigint not null, recorded bigint not null,
    released_seq bigint, released_at bigint, retest bigint,
    primary key (book, hold)
);
create index if not exists market_hold_by_lot on market_hold (book, lot, hold)
