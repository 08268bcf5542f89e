create table if not exists projects_tally (
    book text not null, project text not null, paid_fen bigint not null,
    reports bigint not null, report_seqs bigint not null, report_times bigint not null,
    primary key (book, project)
);
insert into projects_tally (book, project, paid_fen, reports, report_seqs, report_times)
    select book, project, cast(sum(paid_fen) as bigint), cast(sum(reports) as bigint), cast(sum(seq) as bigint),
        cast(sum(at) as bigint)
    from (
        select book, project, amount_fen as paid_fen, 0 as reports, 0 as seq, 0 as at from projects_payment
        union all
        select book, project, 0, 1, seq, at from projects_report where activity <> ''
    ) as recorded
    group by book, project;
create table if not exists projects_required (
    book text not null, project text not null, day bigint not null, amount_fen bigint not null,
    primary key (book, project, day)
);
insert into projects_required (book, project, day, amount_fen)
    select book, project, day, cast(sum(amount_fen) as bigint) from projects_instalment group by book, project, day;
drop index if exists projects_instalment_by_project;
drop index if exists projects_report_by_project;
create index if not exists projects_report_by_time on projects_report (book, project, at, seq);
create index if not exists projects_report_by_activity on projects_report (book, project, activity, at, seq);
create index if not exists projects_report_by_percent on projects_report (book, project, activity, at, seq)
    where percent_bp is not null
