create table if not exists market_scale_place (
    book text not null, scale bigint not null, seq bigint not null, at bigint not null, stall text not null,
    primary key (book, scale, seq)
) /* clustered */
