create table if not exists market_page_token (
    owner text not null, token text not null, expires bigint not null,
    primary key (owner, token)
) /* clustered */;
create table if not exists market_query (
    owner text not null, name text not null, query text not null, created bigint not null,
    primary key (owner, name)
) /* clustered */;
create table if not exists market_subscription (
    owner text not null, subscription text not null, query text not null, actor text not null,
    dest text not null, secret text, schedule text, report_if_empty bigint not null, epc_format text not null,
    initial bigint not null, created bigint not null, executed bigint not null, notified bigint,
    failures bigint not null, next_try bigint not null, fault text,
    primary key (owner, subscription)
) /* clustered */;
create index if not exists market_subscription_by_query on market_subscription (owner, query, subscription);
create table if not exists market_subscription_place (
    owner text not null, subscription text not null, book text not null, seq bigint not null,
    primary key (owner, subscription, book)
) /* clustered */
