create index if not exists market_lot_by_merchant on market_lot (book, merchant, received_at);
create index if not exists market_lot_by_arrival on market_lot (book, received_at);
