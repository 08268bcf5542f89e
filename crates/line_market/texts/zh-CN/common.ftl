market = 农贸市场
