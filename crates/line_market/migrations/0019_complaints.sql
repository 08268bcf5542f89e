create index if not exists market_complaint_by_slip on market_complaint (book, slip, settled_seq)
