alter table market_subscription add column epc_format text not null default 'Never_Translates';
alter table market_subscription add column stopped bigint;
alter table market_delivery add column failing bigint
