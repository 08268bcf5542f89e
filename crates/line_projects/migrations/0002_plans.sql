create table if not exists projects_plan (
    book text not null, project text not null, seq bigint not null, name text not null, format text not null,
    file text, digest text not null, start_at bigint not null, status_at bigint, deadline bigint,
    backward bigint not null, calendars text not null, calendar bigint not null,
    imported_at bigint not null, changed_at bigint not null,
    primary key (book, project)
);
create table if not exists projects_plan_part (
    book text not null, project text not null, part bigint not null, activities text not null,
    primary key (book, project, part)
);
create table if not exists projects_plan_baseline (
    book text not null, project text not null, seq bigint not null, title text not null, finish bigint not null,
    at bigint not null, spans text not null,
    primary key (book, project, seq)
);
