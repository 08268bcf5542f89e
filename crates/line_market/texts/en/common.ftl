market = Markets
