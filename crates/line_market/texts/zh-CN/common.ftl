market = 农贸市场
market-dimension-stall = 按摊位
market-dimension-product = 按商品
market-dimension-item = 按检测项目
market-dimension-reason = 按损耗原因
market-dimension-breach = 按违规类型
