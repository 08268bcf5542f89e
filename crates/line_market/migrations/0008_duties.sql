create table if not exists market_duties (
    book text not null, answering text not null, supervising text not null,
    failed_test_workdays bigint not null, breach_workdays bigint not null,
    primary key (book)
)
