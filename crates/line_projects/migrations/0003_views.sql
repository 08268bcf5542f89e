create table if not exists projects_view (
    actor text not null, name text not null, address text not null,
    primary key (actor, name)
);
