create table if not exists market_jobs (
    book text not null, jobs bigint not null, changed bigint not null,
    primary key (book)
)
