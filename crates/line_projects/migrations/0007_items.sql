create table if not exists projects_item (
    book text not null, project text not null, item text not null, works bigint not null,
    primary key (book, project, item)
)
