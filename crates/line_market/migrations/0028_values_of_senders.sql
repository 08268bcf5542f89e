create index if not exists market_event_run_by_sender on market_event_run (book, field, sender, held)
    where field in ('type', 'bizStep', 'disposition', 'readPoint', 'bizLocation')
