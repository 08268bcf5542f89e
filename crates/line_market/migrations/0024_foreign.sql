create index if not exists market_element_attribute_of on market_element_attribute (book, name, id, held);
create table if not exists market_captured (
    book text not null, sender text not null, day bigint not null, events bigint not null, bytes bigint not null,
    primary key (book, sender)
) /* clustered */;
alter table market_capture add column recorded bigint;
create index if not exists market_capture_idle on market_capture (book, sender, capture) where recorded = 0;
alter table market_delivery add column root bigint
