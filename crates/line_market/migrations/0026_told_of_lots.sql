create table if not exists market_lot_told (
    book text not null, lot text not null, events bigint not null,
    primary key (book, lot)
) /* clustered */;
create index if not exists market_lot_told_of on market_lot_told (lot);
insert into market_lot_told (book, lot, events)
    select link.book, link.subject, count(distinct link.seq) from link join market_event
    on market_event.book = link.book and market_event.seq = link.seq
    where link.subject like 'lot:%' group by link.book, link.subject
