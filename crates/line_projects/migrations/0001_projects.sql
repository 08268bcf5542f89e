create table if not exists projects_programme (
    book text not null, programme text not null, title_zh text not null, title_en text, planned_fen bigint not null,
    primary key (book, programme)
);
create table if not exists projects_chain (
    book text not null, chain text not null, title_zh text not null, title_en text, leader text not null,
    primary key (book, chain)
);
create table if not exists projects_project (
    book text not null, project text not null, code text, title_zh text not null, title_en text, industry text not null,
    chain text, programme text, unit text not null, address text not null, lat_e7 bigint, lon_e7 bigint,
    total_fen bigint not null, builder text not null, office text not null, team text not null,
    planned_start bigint not null, planned_finish bigint not null, phase text not null, newly_signed bigint not null,
    start_due bigint not null, finish_due bigint not null, registered_at bigint not null, changed_at bigint not null,
    statistics_at bigint, accepted_at bigint, withdrawn_at bigint,
    primary key (book, project)
);
create index if not exists projects_project_by_code on projects_project (book, code);
create table if not exists projects_phase (
    book text not null, project text not null, phase text not null, at bigint not null, seq bigint not null,
    primary key (book, project, phase)
);
create table if not exists projects_contract (
    book text not null, contract text not null, project text not null, title text not null, party text not null,
    amount_fen bigint not null, at bigint not null, seq bigint not null,
    primary key (book, contract)
);
create index if not exists projects_contract_by_project on projects_contract (book, project, at);
create table if not exists projects_instalment (
    book text not null, contract text not null, day bigint not null, project text not null, amount_fen bigint not null,
    primary key (book, contract, day)
);
create index if not exists projects_instalment_by_project on projects_instalment (book, project, day);
create table if not exists projects_month (
    book text not null, project text not null, month bigint not null,
    planned_fen bigint not null, fell_due bigint not null, invested_fen bigint not null,
    primary key (book, project, month)
);
create index if not exists projects_month_by_due on projects_month (book, fell_due, month);
create table if not exists projects_payment (
    book text not null, seq bigint not null, project text not null, contract text, amount_fen bigint not null,
    at bigint not null,
    primary key (book, seq)
);
create index if not exists projects_payment_by_project on projects_payment (book, project, at);
create table if not exists projects_report (
    book text not null, seq bigint not null, project text not null, activity text not null,
    percent_bp bigint, remaining_days bigint, note text, photos bigint not null, at bigint not null,
    primary key (book, seq)
);
create index if not exists projects_report_by_project on projects_report (book, project, at);
create table if not exists projects_visit (
    book text not null, seq bigint not null, to_what text not null, project text, place text not null,
    by_post text not null, settled text not null, photos bigint not null, at bigint not null,
    primary key (book, seq)
);
create index if not exists projects_visit_by_project on projects_visit (book, project, at);
create table if not exists projects_assistance (
    book text not null, plan text not null, project text, title text not null, enterprise text not null,
    at bigint not null, seq bigint not null,
    primary key (book, plan)
);
create index if not exists projects_assistance_by_project on projects_assistance (book, project, at);
create table if not exists projects_proxy (
    book text not null, item text not null, project text, title text not null, enterprise text not null,
    agent text not null, opened_at bigint not null, opened_seq bigint not null, done_at bigint, done_seq bigint,
    primary key (book, item)
);
create index if not exists projects_proxy_by_project on projects_proxy (book, project, opened_at);
create table if not exists projects_reversal (
    book text not null, entry bigint not null, seq bigint not null, reason text not null, at bigint not null,
    primary key (book, entry)
);
create table if not exists projects_matter (
    book text not null, matter text not null, sort text not null, project text, name text not null, activity text,
    seq bigint not null,
    primary key (book, matter)
);
create index if not exists projects_matter_by_project on projects_matter (book, project, sort);
create table if not exists projects_permit (
    book text not null, permit text not null, project text not null, title text not null, bureau text not null,
    agent text not null, term_workdays bigint not null, applied_at bigint not null, matter text not null,
    decided_at bigint, granted bigint, number text,
    primary key (book, permit)
);
create index if not exists projects_permit_by_project on projects_permit (book, project, applied_at);
