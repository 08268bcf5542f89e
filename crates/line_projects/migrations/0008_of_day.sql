create table if not exists projects_of_day (
    book text not null, sort text not null, whose text not null, day bigint not null, entries bigint not null,
    primary key (book, sort, whose)
) /* clustered */
