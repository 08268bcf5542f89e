create index if not exists projects_report_of_activities on projects_report (book, project, at, seq)
    where activity <> '';
create index if not exists projects_report_not_begun on projects_report (book, project, activity, at, seq)
    where percent_bp = 0 and remaining_days is null
