create table if not exists market_page_token (
    owner text not null, token text not null, expires bigint not null,
    primary key (owner, token)
) /* clustered */
