create table if not exists market_query (
    book text not null, owner text not null, name text not null, seq bigint not null, definition text not null,
    prefixes text, alone bigint not null,
    primary key (book, owner, name)
) /* clustered */;
create index if not exists market_query_by_owner on market_query (owner, name);
create table if not exists market_subscription (
    book text not null, subscription text not null, owner text not null, query text not null, seq bigint not null,
    actor text not null, dest text not null, schedule text, report_if_empty bigint not null, initial bigint not null,
    past bigint not null, created bigint not null,
    primary key (book, subscription)
) /* clustered */;
create index if not exists market_subscription_by_query on market_subscription (book, owner, query, subscription);
create table if not exists market_delivery (
    book text not null, subscription text not null, next_at bigint not null, attempts bigint not null,
    batch bigint not null, sent bigint not null, executed bigint not null, notified bigint, fault text, code bigint,
    delivery text, of_book text, since bigint, until bigint,
    primary key (book, subscription)
) /* clustered */;
create index if not exists market_delivery_by_next on market_delivery (next_at);
create table if not exists market_delivery_cursor (
    book text not null, subscription text not null, of_book text not null, next bigint not null,
    primary key (book, subscription, of_book)
) /* clustered */;
create table if not exists market_signature (
    book text not null, subscription text not null, token text not null,
    primary key (book, subscription)
) /* clustered */
