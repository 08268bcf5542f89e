drop index if exists market_event_by_id;
create unique index if not exists market_event_by_sender on market_event (book, event_id, sender)
