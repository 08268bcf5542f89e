create table if not exists market_scale_place (
    book text not null, scale bigint not null, seq bigint not null, at bigint not null, stall text not null,
    primary key (book, scale, seq)
) /* clustered */;
insert into market_scale_place (book, scale, seq, at, stall)
    select book, scale, 0, 0, stall from market_scale where stall is not null on conflict (book, scale, seq) do nothing
