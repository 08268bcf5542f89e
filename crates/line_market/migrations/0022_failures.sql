create table if not exists market_failure (
    book text not null, lot text not null, test bigint not null, supplier text not null, product text not null,
    received_at bigint not null,
    primary key (book, lot, test)
) /* clustered */;
create index if not exists market_failure_by_supplier on market_failure (book, supplier, received_at);
drop index if exists market_lot_failed
