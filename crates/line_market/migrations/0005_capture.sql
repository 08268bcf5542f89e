create table if not exists market_capture (
    book text not null, capture text not null, actor text not null, created bigint not null, finished bigint not null,
    mode text not null, refused text not null,
    primary key (book, capture)
)
