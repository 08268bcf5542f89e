create index if not exists market_event_at_place on market_event (book, biz_location, event_time, seq);
