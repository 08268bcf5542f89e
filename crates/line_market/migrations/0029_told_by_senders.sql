drop table if exists market_lot_told;
create table market_lot_told (
    book text not null, lot text not null, sender text not null, events bigint not null,
    primary key (book, lot, sender)
) /* clustered */;
create index market_lot_told_of on market_lot_told (lot);
insert into market_lot_told (book, lot, sender, events)
    select link.book, link.subject, market_event.sender, count(distinct link.seq) from link join market_event
    on market_event.book = link.book and market_event.seq = link.seq
    where link.subject like 'lot:%' group by link.book, link.subject, market_event.sender
