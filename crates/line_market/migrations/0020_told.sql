create table if not exists market_product_name (
    book text not null, product text not null, seq bigint not null, title_zh text not null, title_en text not null,
    primary key (book, product, seq)
);
alter table market_stall add column let_changed bigint
