market = Markets
market-dimension-stall = By stall
market-dimension-product = By product
market-dimension-item = By item tested
market-dimension-reason = By reason of loss
market-dimension-breach = By breach
