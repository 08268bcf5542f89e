create index if not exists market_lot_failed on market_lot (book, supplier, received_at) where verdict = 'fail'
