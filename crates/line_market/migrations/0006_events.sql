create table if not exists market_event (
    book text not null, seq bigint not null, event_id text not null, event_type text not null,
    event_time bigint not null, recorded bigint not null, sender text not null,
    action text, biz_step text, disposition text, read_point text, biz_location text,
    primary key (book, seq)
) /* clustered */;
insert into market_event (book, seq, event_id, event_type, event_time, recorded, sender, action, biz_step, disposition,
    read_point, biz_location)
    select book, seq, event_id, event_type, event_time, recorded, '', action, biz_step, disposition, read_point, biz_location
    from market_epcis where true on conflict (book, seq) do nothing;
drop table market_epcis;
create unique index if not exists market_event_by_id on market_event (book, event_id);
create index if not exists market_event_by_time on market_event (book, event_time, seq);
create table if not exists market_event_fact (
    book text not null, seq bigint not null, at bigint not null, field text not null,
    held text, number bigint, moment bigint,
    primary key (book, seq, at)
) /* clustered */;
create table if not exists market_event_run (
    book text not null, field text not null, held text not null, sender text not null, block bigint not null,
    primary key (book, field, held, sender, block)
) /* clustered */;
create table if not exists market_element (
    book text not null, id text not null, vocabulary text not null, sender text not null, seq bigint not null,
    primary key (book, id, vocabulary, sender)
) /* clustered */;
create table if not exists market_element_child (
    book text not null, id text not null, vocabulary text not null, sender text not null, child text not null,
    primary key (book, id, vocabulary, sender, child)
) /* clustered */;
create table if not exists market_element_attribute (
    book text not null, id text not null, vocabulary text not null, sender text not null, at bigint not null,
    name text not null, held text, number bigint, moment bigint,
    primary key (book, id, vocabulary, sender, at)
) /* clustered */;
create index if not exists market_element_attribute_by_name on market_element_attribute (book, name, held);
alter table market_capture add column sender text;
update market_capture set sender = actor;
create index if not exists market_capture_by_sender on market_capture (book, sender, capture)
