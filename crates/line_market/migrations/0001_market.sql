create table if not exists market_market (
    book text not null, title_zh text not null, title_en text not null, area_m2 bigint not null,
    opened bigint not null, slip_gtin text not null,
    primary key (book)
);
create index if not exists market_market_by_gtin on market_market (slip_gtin);
create table if not exists market_merchant (
    book text not null, merchant text not null, title text, licence text,
    licence_until bigint, food_until bigint, health_until bigint,
    primary key (book, merchant)
);
create table if not exists market_stall (
    book text not null, stall text not null, zone text not null, food text not null, area_dm2 bigint not null,
    merchant text, lease_from bigint, lease_until bigint, fee_fen bigint,
    primary key (book, stall)
);
create table if not exists market_fee (
    book text not null, stall text not null, month text not null, charged_fen bigint not null, paid_fen bigint not null,
    primary key (book, stall, month)
);
create table if not exists market_scale (
    book text not null, scale bigint not null, stall text, serial text not null, seal text not null,
    verified_until bigint not null, fair bigint not null,
    primary key (book, scale)
);
create table if not exists market_product (
    book text not null, product text not null, title_zh text not null, title_en text not null, category text not null,
    primary key (book, product)
);
create table if not exists market_price (
    book text not null, stall text not null, product text not null, fen_per_kg bigint not null, seq bigint not null,
    primary key (book, stall, product)
);
create table if not exists market_lot (
    book text not null, lot text not null, product text not null, merchant text not null, stall text not null,
    supplier text not null, origin text not null, document text, source text,
    received_at bigint not null, seq bigint not null,
    received_g bigint not null, sold_g bigint not null, moved_g bigint not null, lost_g bigint not null,
    hold bigint, hold_reason text, held_at bigint, verdict text, inspection bigint,
    primary key (book, lot)
);
create index if not exists market_lot_by_stall on market_lot (book, stall, received_at);
create index if not exists market_lot_by_supplier on market_lot (book, supplier, received_at);
create table if not exists market_inspection (
    book text not null, seq bigint not null, lot text not null, method text not null, item text not null,
    reading text not null, verdict text not null, retest_of bigint, at bigint not null,
    primary key (book, seq)
);
create index if not exists market_inspection_by_lot on market_inspection (book, lot, seq);
create table if not exists market_block (
    book text not null, hold bigint not null, scale bigint not null, lot text not null, held_at bigint not null,
    acked_at bigint, after_ms bigint, released_at bigint,
    primary key (book, hold, scale)
);
create index if not exists market_block_by_scale on market_block (book, scale, released_at);
create table if not exists market_breach (
    book text not null, seq bigint not null, breach text not null, lot text not null, scale bigint not null,
    counter bigint not null, grams bigint not null, hold bigint, at bigint not null,
    primary key (book, seq)
);
create table if not exists market_recall (
    book text not null, seq bigint not null, lot text not null, hold bigint not null, at bigint not null,
    notice_zh text not null, notice_en text not null,
    primary key (book, seq)
);
create table if not exists market_complaint (
    book text not null, seq bigint not null, slip text, has_body bigint not null, at bigint not null,
    settled_seq bigint, outcome text, settled_at bigint,
    primary key (book, seq)
);
create table if not exists market_epcis (
    book text not null, event_id text not null, seq bigint not null, event_type text not null,
    event_time bigint not null, recorded bigint not null,
    action text, biz_step text, disposition text, read_point text, biz_location text,
    primary key (book, event_id)
);
create index if not exists market_epcis_by_time on market_epcis (book, event_time, seq);
create index if not exists market_epcis_by_seq on market_epcis (book, seq)
