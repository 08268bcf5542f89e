alter table market_lot add column arrived_at bigint not null default 0;
alter table market_lot add column slips bigint not null default 0;
update market_lot set arrived_at = (
    with recursive above(lot, received_at) as (
        select market_lot.lot, market_lot.received_at
        union all
        select d.parent, (select p.received_at from market_lot as p where p.book = d.book and p.lot = d.parent)
        from market_descent as d join above on above.lot = d.lot where d.book = market_lot.book)
    select min(above.received_at) from above);
update market_lot set slips = (
    select count(*) from link where link.book = market_lot.book and link.role = 'input'
    and link.subject = 'lot:' || market_lot.book || '/' || market_lot.lot and link.mates like '%slip:%'
    and not exists (select 1 from market_event where market_event.book = link.book and market_event.seq = link.seq));
update market_failure set received_at = coalesce((select it.arrived_at from market_lot as it
    where it.book = market_failure.book and it.lot = market_failure.lot), received_at)
