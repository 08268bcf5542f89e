create table if not exists market_recall_end (
    book text not null, recall bigint not null, seq bigint not null, at bigint not null, outcome text not null,
    primary key (book, recall)
);
create index if not exists market_recall_by_lot on market_recall (book, lot, seq);
create index if not exists market_block_by_lot on market_block (book, lot, hold)
