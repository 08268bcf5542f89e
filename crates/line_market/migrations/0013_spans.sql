create table if not exists market_event_span (
    book text not null, span bigint not null, first_time bigint not null, last_time bigint not null,
    primary key (book, span)
) /* clustered */;
insert into market_event_span (book, span, first_time, last_time)
    select book, seq / 8192, min(event_time), max(event_time) from market_event group by book, seq / 8192;
