alter table projects_plan_baseline add column weights text not null default '{}'
