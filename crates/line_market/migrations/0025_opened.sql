create table if not exists market_opened (
    book text not null, owner text not null, day bigint not null, opened bigint not null,
    primary key (book, owner)
) /* clustered */
